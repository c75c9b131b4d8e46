"""An Array that is a sigmoid or a softmax knows of which logits."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import nn
from tests.hosts import to_host

Z = np.asarray([[-1.0, 100.0, 2.0], [0.5, -300.0, 2.0]])


@pytest.fixture
def xp(place: Any) -> Any:
    return nna.namespace(*place)


def logits(y: Any, activation: str = "sigmoid", axis: int = -1) -> np.ndarray | None:
    found = nn.logits_of(y, activation, axis)
    return None if found is None else to_host(found.value)


def test_a_result_knows_its_logits_and_its_function(xp: Any) -> None:
    z = xp.asarray(Z)
    np.testing.assert_array_equal(logits(nn.sigmoid(z)), Z)
    np.testing.assert_array_equal(logits(nn.softmax(z), "softmax"), Z)
    assert logits(nn.sigmoid(z), "softmax") is None
    assert logits(nn.softmax(z), "sigmoid") is None
    assert logits(nn.tanh(z)) is None
    assert logits(z) is None
    assert nn.logits_of(nn.sigmoid(z.value), "sigmoid") is None


def test_the_axis_counts_from_either_end_and_only_of_a_softmax(xp: Any) -> None:
    y = nn.softmax(xp.asarray(Z), axis=0)
    np.testing.assert_array_equal(logits(y, "softmax", 0), Z)
    np.testing.assert_array_equal(logits(y, "softmax", -2), Z)
    assert logits(y, "softmax", 1) is None
    np.testing.assert_array_equal(logits(nn.sigmoid(xp.asarray(Z)), axis=5), Z)


KEPT: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "reshape": (lambda xp, y: xp.reshape(y, (3, 2)), lambda z: z.reshape(3, 2)),
    "expand_dims": (lambda xp, y: xp.expand_dims(y, axis=1), lambda z: z[:, None]),
    "astype": (lambda xp, y: xp.astype(y, xp.float32), lambda z: z.astype("float32")),
    "two in turn": (lambda xp, y: xp.squeeze(xp.expand_dims(y, axis=0), axis=0), lambda z: z),
    "a copy": (lambda xp, y: xp.asarray(y, copy=True), lambda z: z),
    "copy.copy": (lambda xp, y: copy.copy(y), lambda z: z),
    "copy.deepcopy": (lambda xp, y: copy.deepcopy(y), lambda z: z),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_does_not_touch_the_numbers_keeps_the_logits_beside_them(xp: Any, name: str) -> None:
    change, expected = KEPT[name]
    y = change(xp, nn.sigmoid(xp.asarray(Z)))
    found = nn.logits_of(y, "sigmoid")
    assert found is not None
    assert (found.shape, found.dtype) == (y.shape, y.dtype)
    np.testing.assert_array_equal(to_host(found.value), expected(Z))


#: Shape and axis of a softmax, another shape, and where the axis is in it.
AXES = [
    ((2, 3), 1, (2, 1, 3), 2),
    ((2, 3), 1, (1, 2, 3, 1), 2),
    ((2, 3), 0, (2, 3, 1), 0),
    ((4, 3), 1, (2, 2, 3), 2),
    ((2, 2, 3), 2, (4, 3), 1),
    ((2, 3), 1, (3, 2), None),
    ((2, 2), 1, (4,), None),
    ((2, 6), 1, (2, 2, 3), None),
    ((2, 3), 0, (6,), None),
    ((0, 3), 1, (3, 0), None),
    ((3,), 0, (3, 1), 0),
]


@pytest.mark.parametrize(("shape", "axis", "other", "place"), AXES)
def test_a_softmax_keeps_them_where_its_axis_keeps_its_members(
    shape: tuple[int, ...], axis: int, other: tuple[int, ...], place: int | None
) -> None:
    xp = nna.namespace("numpy")
    z = np.arange(float(np.prod(shape))).reshape(shape) / 10
    y = xp.reshape(nn.softmax(xp.asarray(z), axis=axis), other)
    found = [a for a in range(len(other)) if nn.logits_of(y, "softmax", a) is not None]
    assert found == ([] if place is None else [place])
    if place is not None:
        np.testing.assert_allclose(nn.softmax(logits(y, "softmax", place), axis=place), y.value, rtol=1e-14)


def test_squeezing_and_widening_a_softmax_follow_its_axis() -> None:
    xp = nna.namespace("numpy")
    y = nn.softmax(xp.asarray(Z[:, None, :]))
    np.testing.assert_array_equal(logits(xp.squeeze(y, axis=1), "softmax"), Z)
    assert logits(xp.expand_dims(y, axis=-1), "softmax", -1) is None
    np.testing.assert_array_equal(logits(xp.expand_dims(y, axis=-1), "softmax", -2), Z[:, None, :, None])


LOST: dict[str, Callable[..., Any]] = {
    "arithmetic": lambda xp, y: 1.0 - y,
    "times one": lambda xp, y: y * 1.0,
    "clip": lambda xp, y: xp.clip(y, 0.1, 0.9),
    "part": lambda xp, y: y[:1, :],
    "order": lambda xp, y: xp.flip(y),
    "integers": lambda xp, y: xp.astype(y, xp.int32),
    "stop_gradient": lambda xp, y: nna.stop_gradient(y),
    "the function again": lambda xp, y: nn.tanh(y),
}


@pytest.mark.parametrize("name", LOST)
def test_what_touches_the_numbers_loses_the_logits(xp: Any, name: str) -> None:
    assert logits(LOST[name](xp, nn.sigmoid(xp.asarray(Z)))) is None


def test_assignment_loses_them_and_that_to_the_logits_does_not_change_them(xp: Any) -> None:
    z = xp.asarray(Z)
    y, other = nn.sigmoid(z), nn.sigmoid(z)
    z[0, 0] = 7.0
    y[0, 0] = 0.5
    assert logits(y) is None
    np.testing.assert_array_equal(logits(other), Z)


def test_in_place_arithmetic_loses_them(xp: Any) -> None:
    y = nn.sigmoid(xp.asarray(Z))
    y *= 2.0
    assert logits(y) is None


def test_a_pickled_result_has_the_same_numbers() -> None:
    y = nn.sigmoid(nna.namespace("numpy").asarray(Z))
    again = pickle.loads(pickle.dumps(y))
    np.testing.assert_array_equal(again.value, y.value)
    assert logits(again) is None


# -- derivatives, and the calls that are recorded as one ---------------------------------------------------------------


def layer(w: Any, x: Any) -> Any:
    return nn.sigmoid(w.__array_namespace__().matmul(x, w))


def from_logits(make: Callable[..., Any]) -> Callable[..., Any]:
    """Return a loss of the logits of what `make` returns, and of the result too."""

    def loss(w: Any, x: Any) -> Any:
        y = make(w, x)
        z = nn.logits_of(y, "sigmoid")
        assert z is not None
        xp = z.__array_namespace__()
        return xp.sum(nn.binary_crossentropy(0.25 * xp.ones_like(z), z, from_logits=True)) + 0.1 * xp.sum(y * y)

    return loss


W, X = np.asarray([[0.3], [-0.2]]), np.asarray([[1.0, 2.0], [300.0, 500.0], [-3.0, 4.0]])
WRAPPED: dict[str, Callable[..., Any]] = {
    "plain": lambda f: f,
    "jit": nna.jit,
    "checkpoint": nna.checkpoint,
    "jit in jit": lambda f: nna.jit(nna.jit(f)),
    "checkpoint under jit": lambda f: nna.jit(nna.checkpoint(f)),
    "jit under checkpoint": lambda f: nna.checkpoint(nna.jit(f)),
}


def expected_loss(w: Any, x: Any) -> Any:
    xp = w.__array_namespace__()
    z = xp.matmul(x, w)
    return xp.sum(xp.log1p(xp.exp(-xp.abs(z))) + xp.maximum(z, 0.0) - 0.25 * z) + 0.1 * xp.sum(nn.sigmoid(z) ** 2)


@pytest.mark.compiles_for_each_case
@pytest.mark.parametrize("outer", [lambda f: f, nna.jit], ids=["eager", "under jit"])
@pytest.mark.parametrize("name", WRAPPED)
def test_derivatives_go_through_result_and_logits_alike(xp: Any, name: str, outer: Callable[..., Any]) -> None:
    w, x = xp.asarray(W).value, xp.asarray(X).value
    loss = from_logits(WRAPPED[name](layer))
    value, gradient = outer(nna.value_and_grad(loss))(w, x)
    expected_value, expected = nna.value_and_grad(expected_loss)(w, x)
    np.testing.assert_allclose(to_host(value), to_host(expected_value), rtol=1e-12)
    np.testing.assert_allclose(to_host(gradient), to_host(expected), rtol=1e-12)
    curved, bent = nna.hvp(lambda w: loss(w, x), (w,), (w,)), nna.hvp(lambda w: expected_loss(w, x), (w,), (w,))
    np.testing.assert_allclose(to_host(curved), to_host(bent), rtol=1e-10)


def test_a_jitted_function_of_arrays_gives_the_logits_of_each_result_in_its_tree(xp: Any) -> None:
    f = nna.jit(lambda z: {"a": nn.sigmoid(z), "b": [z * 2.0, xp.reshape(nn.softmax(2.0 * z), (2, 1, 3))]})
    for _ in range(2):
        made = f(xp.asarray(Z))
        np.testing.assert_array_equal(logits(made["a"]), Z)
        assert made["b"][0].origin is None
        np.testing.assert_array_equal(logits(made["b"][1], "softmax"), 2.0 * Z[:, None, :])


def test_raw_calls_of_jitted_functions_return_no_more_than_the_result(xp: Any) -> None:
    f = nna.jit(lambda z: nn.sigmoid(2.0 * z))
    assert len(f.lower(xp.asarray(Z).value).graph.outputs) == 1
    assert len(f.lower(xp.asarray(Z)).graph.outputs) == 2


def test_a_derivative_of_the_users_own_is_not_passed_by() -> None:
    xp = nna.namespace("numpy")
    squash = nna.custom_vjp(nn.sigmoid)
    squash.defvjp(lambda z: (nn.sigmoid(z), None), lambda residuals, g: (g,))
    assert logits(squash(xp.asarray(Z))) is None
    recorded = []
    nna.grad(lambda z: recorded.append(squash(z)) or xp.sum(z))(Z)
    assert logits(recorded[0]) is None
