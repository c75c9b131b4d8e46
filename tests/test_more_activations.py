"""Keras' further activations: values and slopes against PyTorch, numbers by Keras, extremes, and use in models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import activations, layers, models
from tests.hosts import to_host, to_library

#: PyTorch's functional of the same function, by our name, with arguments of both.
TWINS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    **{name: (name, {}, {}) for name in ("elu", "selu", "silu", "mish", "softsign", "softplus", "gelu", "relu6")},
    **{"log_sigmoid": ("logsigmoid", {}, {}), "tanh_shrink": ("tanhshrink", {}, {})},
    "hard_silu": ("hardswish", {}, {}),
    **{"hard_tanh": ("hardtanh", {}, {}), "hard_shrink": ("hardshrink", {}, {})},
    **{"soft_shrink": ("softshrink", {}, {}), "glu": ("glu", {}, {})},
    "celu": ("celu", {"alpha": 1.5}, {"alpha": 1.5}),
    "gelu by tanh": ("gelu", {"approximate": True}, {"approximate": "tanh"}),
    "elu of 0.3": ("elu", {"alpha": 0.3}, {"alpha": 0.3}),
    "glu of the batch": ("glu", {"axis": 0}, {"dim": 0}),
}
#: Off the kinks, where slopes are agreed upon by nobody.
GRID = np.linspace(-6.03, 6.07, 40).reshape(4, 10)
#: Numbers by Keras 3.15 (on JAX, float64): keras.activations.<name>(X, ...).
X = np.asarray([[-3.0, -1.0, -0.4, 0.0], [0.3, 0.5, 1.0, 7.0]])
BY_KERAS: list[tuple[str, dict[str, Any], list[list[float]]]] = [
    (
        "squareplus",
        {},
        [[0.30277564, 0.61803399, 0.8198039, 1.0], [1.16118742, 1.28077641, 1.61803399, 7.14005494]],
    ),
    (
        "squareplus",
        {"b": 1.5},
        [[0.12018517, 0.29056942, 0.44420494, 0.61237244], [0.78047601, 0.91143783, 1.29056942, 7.0531676]],
    ),
    ("sparse_plus", {}, [[0.0, 0.0, 0.09, 0.25], [0.4225, 0.5625, 1.0, 7.0]]),
    ("sparse_sigmoid", {}, [[0.0, 0.0, 0.3, 0.5], [0.65, 0.75, 1.0, 1.0]]),
    ("sparsemax", {}, [[0.0, 0.0, 0.3, 0.7], [0.0, 0.0, 0.0, 1.0]]),
    ("sparsemax", {"axis": 0}, [[0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]]),
    ("threshold", {"threshold": 0.3, "default_value": -2.0}, [[-2.0, -2.0, -2.0, -2.0], [-2.0, 0.5, 1.0, 7.0]]),
    ("hard_shrink", {"threshold": 0.4}, [[-3.0, -1.0, 0.0, 0.0], [0.0, 0.5, 1.0, 7.0]]),
    ("soft_shrink", {"threshold": 0.4}, [[-2.6, -0.6, 0.0, 0.0], [0.0, 0.1, 0.6, 6.6]]),
    ("hard_sigmoid", {}, [[0.0, 1 / 3, 13 / 30, 0.5], [0.55, 7 / 12, 2 / 3, 1.0]]),
    ("exponential", {}, np.exp(X).tolist()),
]
ALL = sorted({name.split(" ")[0] for name in TWINS} | {name for name, _, _ in BY_KERAS} - {"threshold"})


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch")


@pytest.mark.compiles_for_each_case
@pytest.mark.parametrize("name", TWINS)
def test_values_and_slopes_to_order_two_are_those_of_pytorch(name: str, place: Any, torch: Any) -> None:
    twin, ours, theirs = TWINS[name]
    function = lambda x: getattr(activations, name.split(" ")[0])(x, **ours)  # noqa: E731
    shape = function(GRID).shape
    weights = np.cos(GRID[: shape[0], : shape[1]])

    def objective(x: Any) -> Any:
        xp = nna.array_namespace(x)
        return xp.sum(function(x) * xp.asarray(weights, device=x.device))

    def length(x: Any) -> Any:
        return nna.array_namespace(x).sum(nna.grad(objective)(x) ** 2)

    x = to_library(GRID, nna.namespace(*place))
    leaf = torch.tensor(GRID, requires_grad=True)
    value = getattr(torch.nn.functional, twin)(leaf, **theirs)
    first = torch.autograd.grad((value * torch.tensor(weights)).sum(), leaf, create_graph=True)[0]
    total = (first**2).sum()
    second = torch.autograd.grad(total, leaf)[0] if total.requires_grad else torch.zeros_like(leaf)
    np.testing.assert_allclose(to_host(function(x)), value.detach().numpy(), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(to_host(nna.grad(objective)(x)), first.detach().numpy(), rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(to_host(nna.grad(length)(x)), second.numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("name", "arguments", "expected"), BY_KERAS)
def test_values_are_those_of_keras(name: str, arguments: Any, expected: Any, place: Any) -> None:
    found = getattr(activations, name)(to_library(X, nna.namespace(*place)), **arguments)
    np.testing.assert_allclose(to_host(found), expected, atol=6e-9)


@pytest.mark.parametrize("name", ["squareplus", "sparse_plus", "sparse_sigmoid", "sparsemax", "hard_sigmoid"])
def test_slopes_are_those_of_finite_differences(name: str, place: Any) -> None:
    x = nna.namespace(*place).asarray(GRID[:2, 3:7])
    nna.testing.check_grads(getattr(activations, name), (x,), order=2)


@pytest.mark.parametrize("name", ALL)
def test_they_are_found_by_name_keep_the_dtype_and_take_extremes_quietly(name: str, place: Any) -> None:
    function: Callable[..., Any] = activations.get(name)
    assert function is getattr(activations, name)
    numbers = [-1e4, -30.0, 0.0, 30.0, 80.0, 1e4][: 4 if name == "exponential" else 6]
    x = to_library(np.asarray(numbers, "float32"), nna.namespace(*place))
    with np.errstate(all="raise", under="ignore"):
        found = function(x)
    assert str(to_host(found).dtype) == "float32"
    assert np.isfinite(to_host(found)).all()


@pytest.mark.compiles_for_each_case
@pytest.mark.parametrize("name", ALL)
def test_integers_count_as_floats_and_jit_gives_the_same(name: str, place: Any) -> None:
    x = np.asarray([[-2, 0], [1, 3]])
    function = activations.get(name)
    assert str(to_host(function(to_library(x, nna.namespace(*place)))).dtype) == "float32"
    given = to_library(GRID, nna.namespace(*place))
    np.testing.assert_allclose(to_host(nna.jit(function)(given)), to_host(function(given)), rtol=1e-12, atol=1e-14)


def test_models_train_with_them_and_are_made_again_from_their_config() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(64, 4)).astype("float32")
    y = (x[:, :1] > 0).astype("float32")
    for name in ("gelu", "swish", "mish", "hard_swish", "selu", "softplus"):
        model = models.Sequential([layers.Dense(8, activation=name), layers.Dense(1, activation="sigmoid")])
        model.compile(optimizer="adam", loss="binary_crossentropy")
        losses = model.fit(x, y, epochs=8, verbose=0).history["loss"]
        assert losses[-1] < losses[0], name
        again = type(model).from_config(model.get_config())
        assert again.layers[0].activation is activations.get(name)


def test_a_function_without_an_argument_for_its_defaults_is_wrapped_by_the_user() -> None:
    cut = lambda x: activations.threshold(x, 0.5, 0.0)  # noqa: E731
    model = models.Sequential([layers.Activation(cut)])
    np.testing.assert_allclose(model(np.asarray([[0.4, 0.6]])), [[0.0, 0.6]])


def test_an_odd_axis_cannot_be_halved() -> None:
    with pytest.raises(ValueError, match=r"glu halves axis -1, whose length must be even: received shape \(2, 3\)"):
        activations.glu(np.ones((2, 3)))
