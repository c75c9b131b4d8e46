"""Arrays of unusual memory or dtype as arguments and constants under jit: as they are eagerly, or refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from tests.hosts import to_host

EXECUTORS = pytest.mark.parametrize("executor", ["generic", "numpy", "numba"])
X = np.asarray([-1.5, 3.0, 2.0, -np.inf])

#: Functions of a mask and of numbers.
MASKED: dict[str, Callable[..., Any]] = {
    "where": lambda xp, m, x: xp.where(m, x, 0.0),
    "where not": lambda xp, m, x: xp.where(m, 0.0, x),
    "where either": lambda xp, m, x: xp.where(m, x, 2.0 * x),
    "where of a part": lambda xp, m, x: xp.where(xp.reshape(xp.reshape(m, (2, 2)), (4,)), x, 0.0),
    "where of a choice": lambda xp, m, x: xp.where(xp.where(x > 0, m, m), x, 0.0),
    "where of two": lambda xp, m, x: xp.where(xp.concat([m[:2], m[2:]]), x, 0.0),
    "logical": lambda xp, m, x: xp.where(xp.logical_and(m, x > 0), x, 0.0),
    "not": lambda xp, m, x: xp.where(xp.logical_not(m), x, 0.0),
    "number": lambda xp, m, x: xp.astype(m, xp.float64),
    "count": lambda xp, m, x: xp.sum(xp.astype(m, xp.int64)),
    "equal": lambda xp, m, x: m == (x > 0),
}


@EXECUTORS
@pytest.mark.parametrize("byte", [1, 2, 128, 255])
@pytest.mark.parametrize("name", MASKED)
def test_truth_values_may_be_any_byte_but_zero(executor: str, byte: int, name: str) -> None:
    mask, f = np.asarray([0, byte, 0, byte], np.uint8).view(bool), MASKED[name]
    expected = f(nna.namespace("numpy"), nna.namespace("numpy").asarray(mask != 0), nna.namespace("numpy").asarray(X))
    as_argument = nna.jit(lambda m, x: f(x.__array_namespace__(), m, x), executor=executor)(mask, X)
    np.testing.assert_array_equal(as_argument, expected.value)
    space = nna.namespace("numpy")
    as_constant = nna.jit(lambda x: f(x.__array_namespace__(), space.asarray(mask), x), executor=executor)(X)
    np.testing.assert_array_equal(as_constant, expected.value)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "max": lambda xp, x: xp.max(x),
    "relu": lambda xp, x: xp.sum(xp.maximum(x, 0.0) ** 2),
    "exp": lambda xp, x: xp.sum(xp.exp(x / 4)),
    "mean": lambda xp, x: xp.mean(x * x),
    "take": lambda xp, x: xp.sum(xp.take(x, xp.asarray([0, 2])) ** 3),
    "join": lambda xp, x: xp.sum(xp.concat([x, x[1:]]) ** 2),
    "sort": lambda xp, x: xp.sort(x)[1] * x[0],
    "assign": lambda xp, x: xp.sum(xp.set_item(x, 2.0 * x[1], key=0) ** 2),
    "product": lambda xp, x: xp.matmul(x, x),
    "where": lambda xp, x: xp.sum(xp.where(x > 0, x, 0.0)),
    "std": lambda xp, x: xp.std(x),
    "minimum": lambda xp, x: xp.sum(xp.minimum(x, 2.5)),
}


@EXECUTORS
@pytest.mark.parametrize("dtype", [">f8", ">f4", "longdouble", "float16"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_foreign_orders_of_bytes_and_long_and_short_floats_are_as_they_are_eagerly(
    executor: str, dtype: str, name: str
) -> None:
    x = np.asarray([1.0, -2.0, 3.0], dtype)

    def f(x: Any) -> Any:
        return FUNCTIONS[name](x.__array_namespace__(), x)

    space = nna.namespace("numpy")
    value, expected = nna.jit(f, executor=executor)(x), f(space.asarray(x)).value
    assert value.dtype == expected.dtype
    np.testing.assert_allclose(value, expected, rtol=1e-6 if dtype == ">f4" else 1e-14)
    found, gradient = nna.jit(nna.grad(f), executor=executor)(x), nna.grad(f)(x)
    assert found.dtype == gradient.dtype
    np.testing.assert_allclose(found, gradient, rtol=1e-6 if dtype == ">f4" else 1e-14)


@pytest.mark.parametrize(
    "x", [np.asarray([1, None], object), np.asarray(["a"]), np.asarray(["2020-01-01"], "datetime64[D]")]
)
def test_what_holds_no_numbers_is_refused(x: Any) -> None:
    for call in (lambda: nna.jit(lambda x: x)(x), lambda: nna.jit(lambda y, t: y + t["x"])(np.ones(1), {"x": x})):
        with pytest.raises(TypeError, match="Arrays under jit hold numbers or truth values: received ndarray"):
            call()


@EXECUTORS
@pytest.mark.parametrize("power", [0.5, -0.5, 2, 2.0, 1.5, 3, -1, 0])
def test_powers_by_a_number_are_numpys(executor: str, power: float) -> None:
    x = np.asarray([-np.inf, np.inf, 4.0, -0.0, 0.25])
    with np.errstate(all="ignore"):
        expected = np.power(x, float(power))
        found = nna.jit(lambda x: x**power, executor=executor)(x)
        by_array = nna.jit(lambda x, p: x**p, executor=executor)(x, np.asarray(float(power)))
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(by_array, expected)


def test_a_one_with_axes_is_left_out_on_every_library(place: Any) -> None:
    space = nna.namespace(*place)
    x = space.asarray(np.asarray([2.0])).value
    f = nna.jit(lambda x: -x * space.ones((1,), dtype=space.float64))
    np.testing.assert_array_equal(to_host(f(x)), [-2.0])
    assert [operation.function.name for operation in f.lower(x).graph.operations] == ["negative"]


@pytest.mark.parametrize("index", [5, -4])
def test_an_index_out_of_range_is_an_error_in_a_replayed_gradient(index: int, place: Any) -> None:
    space = nna.namespace(*place)
    if space.backend.name in ("jax", "cupy"):
        pytest.skip("JAX drops what is added out of range, CuPy wraps its index")
    x = space.asarray(np.asarray([1.0, 2.0, 3.0])).value
    by_take = nna.jit(nna.grad(lambda x, i: nna.array_namespace(x).sum(2.0 * nna.array_namespace(x).take(x, i))))
    by_key = nna.jit(nna.grad(lambda x, i: nna.array_namespace(x).sum(2.0 * x[i])))
    for f in (by_take, by_key):
        right = space.asarray(np.asarray([0, 2, 2])).value
        assert to_host(f(x, right)).tolist() == [2.0, 0.0, 4.0]
        with pytest.raises((IndexError, RuntimeError)):
            f(x, space.asarray(np.asarray([0, index, 1])).value)


@pytest.mark.parametrize("f", [lambda x, y: y, lambda x, y: {"x": x, "y": [y]}, lambda x, y: x * y])
def test_a_recorded_array_from_outside_is_refused_as_a_result_too(f: Callable[..., Any]) -> None:
    def outer(y: Any) -> Any:
        found = nna.jit(lambda x: f(x, y))(np.asarray(1.0))
        return found["y"][0] if isinstance(found, dict) else found

    with pytest.raises(TypeError, match="recorded array that is not its argument"):
        nna.grad(outer)(np.asarray(2.0))
