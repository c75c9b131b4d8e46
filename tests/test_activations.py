"""Activations: values and slopes against PyTorch, extremes, and the purity of every function in `nnarray.nn`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import activations, nn
from nnarray.array import Array
from nnarray.backends import backend_of, find_backend, get_backend
from nnarray.nn import _piecewise, _smooth
from tests.hosts import to_host, to_library

#: Ours, and PyTorch's as a function of the library and its array.
TWINS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "linear": (activations.linear, lambda torch, x: x),
    "relu": (activations.relu, lambda torch, x: torch.relu(x)),
    "relu6": (lambda x: activations.relu(x, max_value=6.0), lambda torch, x: torch.nn.functional.relu6(x)),
    "threshold": (
        lambda x: activations.relu(x, threshold=1.0),
        lambda torch, x: torch.nn.functional.threshold(x, 1.0, 0.0),
    ),
    "leaky_relu": (activations.leaky_relu, lambda torch, x: torch.nn.functional.leaky_relu(x, 0.2)),
    "sigmoid": (activations.sigmoid, lambda torch, x: torch.sigmoid(x)),
    "tanh": (activations.tanh, lambda torch, x: torch.tanh(x)),
    "softmax": (activations.softmax, lambda torch, x: torch.softmax(x, -1)),
    "softmax over the batch": (lambda x: activations.softmax(x, axis=0), lambda torch, x: torch.softmax(x, 0)),
    "log_softmax": (activations.log_softmax, lambda torch, x: torch.log_softmax(x, -1)),
}
ELEMENTWISE = ("linear", "relu", "relu6", "threshold", "leaky_relu", "sigmoid", "tanh")
GRID = np.linspace(-9, 9, 36).reshape(4, 9)
#: Below `TINY` a float64 sigmoid rounds differently from PyTorch's; a float32 one does below 1e-19.
TINY = {"float32": 1e-19, "float64": 1e-150}


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch")


def extremes(dtype: str, library: str) -> np.ndarray:
    # XLA, and kernels that CuPy compiles, count subnormal numbers as zero.
    least = float(np.finfo(dtype).smallest_normal if library in ("jax", "cupy") else np.finfo(dtype).smallest_subnormal)
    values = [-1000.0, -90.0, -1.0, -least, 0.0, least, 1.0, 90.0, 1000.0]
    return np.asarray([values, [1e-30, *values[1:]]], dtype=dtype)


def slope(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return the derivative of an elementwise function, as a function of arrays."""
    return nna.grad(lambda x: nna.array_namespace(x).sum(f(x)))


def true_slope(torch: Any, name: str, x: np.ndarray) -> np.ndarray:
    if name == "sigmoid":  # PyTorch computes s (1 - s), which is zero long before the slope is.
        e = np.exp(-np.abs(x.astype(np.float64)))
        return e / (1 + e) ** 2
    leaf = torch.tensor(x, requires_grad=True)
    return torch.autograd.grad(TWINS[name][1](torch, leaf).sum(), leaf)[0].numpy()


@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_are_those_of_pytorch_also_at_extremes(name: str, dtype: str, place: Any, torch: Any) -> None:
    ours, twin = TWINS[name]
    xp = nna.namespace(*place)
    for x in (GRID.astype(dtype), extremes(dtype, place[0])):
        raw = to_library(x, xp)
        found = ours(raw)
        assert type(found) is type(raw)
        assert found.dtype == raw.dtype
        assert backend_of(found).device_of(found) == backend_of(raw).device_of(raw)
        expected = twin(torch, torch.tensor(x)).numpy()
        np.testing.assert_allclose(
            to_host(found), expected, rtol=4e-6 if dtype == "float32" else 1e-13, atol=TINY[dtype]
        )


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_values_at_infinity_are_the_limits(name: str, place: Any, torch: Any) -> None:
    ours, twin = TWINS[name]
    x = np.asarray([-np.inf, np.inf])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        found = to_host(ours(to_library(x, nna.namespace(*place))))
    np.testing.assert_allclose(found, twin(torch, torch.tensor(x)).numpy(), atol=1e-300)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_not_a_number_stays_what_it_is(name: str, place: Any) -> None:
    x = to_library(np.asarray([np.nan, 1.0]), nna.namespace(*place))
    assert np.isnan(to_host(TWINS[name][0](x))).tolist() == [True, False]


def test_an_excluded_class_has_softmax_zero_and_log_softmax_minus_infinity(place: Any) -> None:
    x = to_library(np.asarray([0.0, -np.inf, 0.0]), nna.namespace(*place))
    assert to_host(activations.softmax(x)).tolist() == [0.5, 0.0, 0.5]
    assert to_host(activations.log_softmax(x))[1] == -np.inf


@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize("order", [1, 2])
def test_slopes_are_those_of_pytorch(name: str, order: int, place: Any, torch: Any) -> None:
    ours, twin = TWINS[name]
    weights = to_library(np.cos(GRID), nna.namespace(*place))

    def objective(x: Any) -> Any:
        return nna.array_namespace(x).sum(ours(x) * weights)

    derivative = nna.grad(objective)
    if order == 2:
        first = derivative
        derivative = nna.grad(lambda x: nna.array_namespace(x).sum(first(x) ** 2))
    found = to_host(derivative(to_library(GRID, nna.namespace(*place))))
    leaf = torch.tensor(GRID, requires_grad=True)
    expected = torch.autograd.grad((twin(torch, leaf) * torch.tensor(np.cos(GRID))).sum(), leaf, create_graph=True)[0]
    if order == 2:
        total = (expected**2).sum()
        expected = torch.autograd.grad(total, leaf)[0] if total.requires_grad else torch.zeros_like(leaf)
    np.testing.assert_allclose(found, expected.detach().numpy(), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_slopes_at_and_around_kinks_and_at_extremes_are_those_of_pytorch(
    name: str, dtype: str, place: Any, torch: Any
) -> None:
    ours, _ = TWINS[name]
    edges = [kink + side for kink in (0.0, 1.0, 6.0) for side in (-1e-5, 1e-5)]
    x = np.concatenate([extremes(dtype, place[0]).ravel(), np.asarray(edges, dtype=dtype)])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        found = to_host(slope(ours)(to_library(x, nna.namespace(*place))))
    # 1 - tanh² keeps an error of the size of the one in tanh.
    atol = 4 * np.finfo(dtype).eps if name == "tanh" else TINY[dtype]
    np.testing.assert_allclose(found, true_slope(torch, name, x), rtol=1e-5, atol=atol)


def test_slopes_at_zero_are_the_agreed_ones(place: Any) -> None:
    zero = to_library(np.zeros(1), nna.namespace(*place))
    agreed = {"relu": 0.0, "leaky_relu": 0.2, "sigmoid": 0.25, "tanh": 1.0, "linear": 1.0}
    assert {name: to_host(slope(activations.get(name))(zero)).item() for name in agreed} == agreed


def test_slopes_of_relu_where_it_saturates_follow_the_first_of_two_equals() -> None:
    capped = slope(lambda x: activations.relu(x, max_value=6.0, negative_slope=0.1, threshold=1.0))
    np.testing.assert_allclose(capped(np.asarray([-1.0, 1.0, 3.0, 7.0])), [0.1, 0.1, 1.0, 0.0])


def test_relu_has_keras_three_arguments() -> None:
    x = np.asarray([-np.inf, -2.0, 0.5, 1.0, 3.0, 9.0, np.inf])
    # Keras 3.15, float64: keras.activations.relu(x, ...)
    np.testing.assert_allclose(activations.relu(x, 0.1, 5.0, 1.0), [-np.inf, -0.3, -0.05, 0.0, 3.0, 5.0, 5.0])
    np.testing.assert_allclose(activations.relu(x, threshold=1.0), [0.0, 0.0, 0.0, 0.0, 3.0, 9.0, np.inf])


def test_rows_of_the_softmax_jacobian_are_the_formula(place: Any) -> None:
    z = np.asarray([0.3, -1.2, 2.0])
    s = np.exp(z) / np.exp(z).sum()
    for i in range(3):
        row = nna.grad(lambda x, i=i: activations.softmax(x)[i])(to_library(z, nna.namespace(*place)))
        np.testing.assert_allclose(to_host(row), s[i] * ((np.arange(3) == i) - s), rtol=1e-12)


def test_arrays_are_recorded_and_raw_arrays_are_not() -> None:
    x = nna.namespace("numpy").asarray([1.0, -1.0])
    for name in ("relu", "leaky_relu", "sigmoid", "tanh", "softmax", "log_softmax", "linear"):
        assert isinstance(activations.get(name)(x), Array), name
        assert isinstance(activations.get(name)(x.value), np.ndarray), name


def test_activations_are_found_by_name_as_functions_and_none_is_linear() -> None:
    def own(x: Any) -> Any:
        return x

    assert activations.get("softmax") is nn.softmax
    assert activations.get(None) is activations.get("linear")
    assert activations.get(own) is own
    with pytest.raises(ValueError, match="Unknown activation: 'sigmiod'. Did you mean 'sigmoid'"):
        activations.get("sigmiod")
    with pytest.raises(TypeError, match="Expected an activation by name"):
        activations.get(3)
    with pytest.raises(TypeError, match=r"numpy\.asarray"):
        activations.relu([1.0, 2.0])


P, T, Z = np.asarray([[0.2, 0.8], [0.5, 0.5]]), np.asarray([[0.0, 1.0], [1.0, 0.0]]), np.asarray([1, 0])
FURTHER = sorted({*dir(_piecewise), *dir(_smooth)} & set(nn.__all__))
PURE: dict[str, Callable[..., Any]] = {
    **{name: lambda to, name=name: getattr(nn, name)(to(P)) for name in ("linear", "relu", "leaky_relu", "sigmoid")},
    **{name: lambda to, name=name: getattr(nn, name)(to(P)) for name in ("tanh", "softmax", "log_softmax")},
    **{
        name: lambda to, name=name: getattr(nn, name)(to(P))
        for name in sorted({*dir(_piecewise), *dir(_smooth)} & set(nn.__all__))
    },
    "threshold": lambda to: nn.threshold(to(P), 0.3, 0.0),
    "binary_crossentropy": lambda to: (
        nn.binary_crossentropy(to(T), to(P)),
        nn.binary_crossentropy(to(T), to(P), from_logits=True),
    ),
    "categorical_crossentropy": lambda to: (
        nn.categorical_crossentropy(to(T), to(P)),
        nn.categorical_crossentropy(to(T), to(P), from_logits=True),
    ),
    "log_probabilities": lambda to: (nn.log_probabilities(to(P)), nn.log_probabilities(to(P), from_logits=True)),
    "one_hot": lambda to: nn.one_hot(to(Z), 3, to(P)),
    "ctc_loss": lambda to: nn.ctc_loss(to(Z[np.newaxis]), to(P[np.newaxis]), to(Z[:1]), to(2 * Z[:1])),
    "squared_error": lambda to: nn.squared_error(to(T), to(P)),
    "beside": lambda to: nn.beside(T, to(P)),
    "cast": lambda to: nn.cast(to(P), to(P).dtype),
    "match_rank": lambda to: nn.match_rank(nna.array_namespace(to(P)), to(Z), to(P[:, :1])),
    "mean_per_example": lambda to: nn.mean_per_example(nna.array_namespace(to(P)), to(P)),
    "align": lambda to: nn.align(to(Z), to(P[:, :1]))[1:],
    "match_labels": lambda to: nn.match_labels(nna.array_namespace(to(P)), to(Z), to(P)),
    "match_shape": lambda to: nn.match_shape(nna.array_namespace(to(P)), to(Z), to(P[:, :1])),
    "prepare": lambda to: nn.prepare(T, to(P))[1:],
    "weigh": lambda to: nn.weigh(to(P), Z),
}


def test_the_purity_test_knows_every_function() -> None:
    # What is known of an Array is known of no raw one.
    about = {"check_float_dtype", "computing_dtype", "kind_of_targets", "logits_of"}
    assert set(PURE) | about == set(nn.__all__)
    assert nn.logits_of(nn.sigmoid(P), "sigmoid") is None


@pytest.mark.parametrize("name", PURE)
def test_every_function_runs_in_plain_standard_code_on_raw_arrays(name: str, place: Any) -> None:
    adapter, device = get_backend(place[0]), get_backend(place[0]).device(place[1])
    found = PURE[name](lambda x: adapter.asarray(x, device=device))
    expected = PURE[name](lambda x: x)
    pairs = zip(found, expected, strict=True) if isinstance(found, tuple) else [(found, expected)]
    for ours, numpys in pairs:
        assert find_backend(ours) is adapter
        assert device is None or adapter.device_of(ours) == device
        np.testing.assert_allclose(to_host(ours), numpys, rtol=1e-13)
