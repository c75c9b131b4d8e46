"""jvp and vjp: trees, libraries, nesting, constants, repeated use, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray.testing import assert_close, check_grads
from tests.hosts import to_host, to_library

X, T = np.asarray([1.0, 2.0]), np.asarray([1.0, 10.0])


def _cubic(x: Any) -> Any:
    return (x * x * x)[0] * x[1]


def test_results_and_tangents_are_raw_arrays_of_the_callers_library(place: Any) -> None:
    space = nna.namespace(*place)
    x, t = to_library(X, space), to_library(T, space)
    value, tangent = nna.jvp(lambda x: {"square": x * x, "first": x[0]}, (x,), (t,))
    pulled_value, vjp_fun = nna.vjp(lambda x: {"square": x * x, "first": x[0]}, x)
    (pulled,) = vjp_fun({"square": t, "first": t[0]})
    for found in (*value.values(), *tangent.values(), *pulled_value.values(), pulled):
        assert nna.backends.backend_of(found) is space.backend
        assert space.backend.device_of(found) == space.backend.device_of(x)
    assert_close(tangent, {"square": 2 * X * T, "first": T[0]}, check_dtype=False)
    assert_close(pulled, 2 * X * T + np.asarray([T[0], 0.0]))


def test_tangents_have_the_dtype_of_their_result() -> None:
    x = X.astype("float32")
    value, tangent = nna.jvp(lambda x, y: (x + 1, y * 2), (x, X), (x, T))
    assert [a.dtype for a in (*value, *tangent)] == [np.float32, np.float64] * 2


def test_a_derivative_along_a_direction_is_the_gradient_times_it(place: Any) -> None:
    space = nna.namespace(*place)

    def f(x: Any, y: Any) -> Any:
        xp = x.__array_namespace__()
        return xp.sum(xp.logaddexp(x, xp.tanh(y)[1:]) / (1 + xp.max(x)) * xp.sin(y)[1:])

    x, y = to_library(X, space), to_library(np.asarray([0.3, -0.4, 0.8]), space)
    _, tangent = nna.jvp(f, (x, y), (x, y))
    gx, gy = nna.grad(f, argnums=(0, 1))(x, y)
    expected = np.sum(to_host(gx) * to_host(x)) + np.sum(to_host(gy) * to_host(y))
    np.testing.assert_allclose(to_host(tangent), expected, rtol=1e-13)


def test_nested_derivatives_do_not_confuse_perturbations() -> None:
    inner = lambda x: nna.jvp(lambda y: x + y, (1.0,), (1.0,))[1]  # noqa: E731
    assert float(nna.jvp(lambda x: x * inner(x), (1.0,), (1.0,))[1]) == 1.0
    assert float(nna.grad(lambda x: x * inner(x))(1.0)) == 1.0
    assert float(nna.jvp(lambda x: x * nna.grad(lambda y: x + y)(x), (1.0,), (1.0,))[1]) == 1.0
    assert float(nna.grad(lambda x: x * nna.jvp(lambda y: x * y * y, (x,), (1.0,))[1])(3.0)) == 54.0


def test_the_derivative_of_a_gradient_is_the_hessian_times_the_direction() -> None:
    hessian = np.asarray([[6 * X[0] * X[1], 3 * X[0] ** 2], [3 * X[0] ** 2, 0.0]])
    gradient, product = nna.jvp(nna.grad(_cubic), (X,), (T,))
    assert type(product) is np.ndarray
    np.testing.assert_allclose(gradient, [3 * X[0] ** 2 * X[1], X[0] ** 3])
    np.testing.assert_allclose(product, hessian @ T)
    of_directions = nna.grad(lambda t: nna.jvp(nna.grad(_cubic), (X,), (t,))[1][0])(T)
    np.testing.assert_allclose(of_directions, hessian[0])


def test_a_pulled_back_cotangent_can_be_differentiated_in_it_and_in_the_point() -> None:
    np.testing.assert_allclose(nna.grad(lambda u: nna.vjp(lambda x: x * x, X)[1](u)[0][1])(T), [0.0, 2 * X[1]])
    by_point = nna.grad(lambda x: nna.vjp(lambda x: x * x, x)[1](T)[0][1])(X)
    np.testing.assert_allclose(by_point, [0.0, 2 * T[1]])
    assert type(by_point) is np.ndarray


def test_a_pull_back_can_be_called_any_number_of_times() -> None:
    value, vjp_fun, aux = nna.vjp(lambda x: (x * x, {"twice": 2 * x}), X, has_aux=True)
    assert aux["twice"].tolist() == [2.0, 4.0]
    assert value.tolist() == [1.0, 4.0]
    for scale in (1.0, 3.0):
        assert vjp_fun(scale * T)[0].tolist() == [scale * 2.0, scale * 40.0]


def test_one_array_that_is_several_results_adds_its_cotangents() -> None:
    assert nna.vjp(lambda x: (x, x), X)[1]((X, T))[0].tolist() == (X + T).tolist()

    def twice(x: Any) -> Any:
        y = x * x
        return y, [y]

    assert nna.vjp(twice, X)[1]((X, [T]))[0].tolist() == (2 * X * (X + T)).tolist()
    assert_close(nna.jvp(twice, (X,), (T,))[1], (2 * X * T, [2 * X * T]))


def test_constants_have_tangent_zero_and_pull_back_zero() -> None:
    value, tangent = nna.jvp(lambda x: (3.0, X, nna.namespace("numpy").asarray(X), None, x), (X,), (T,))
    assert_close(value, (3.0, X, X, None, X))
    assert_close(tangent, (0.0, 0 * X, 0 * X, None, T))
    assert nna.jvp(lambda x: ("text", int, 3), (X,), (T,)) == (("text", int, 3), ("text", int, 0))
    assert nna.vjp(lambda x: X, X)[1](T)[0].tolist() == [0.0, 0.0]


def test_arrays_go_in_and_come_out_as_unrecorded_arrays() -> None:
    x, t = (nna.namespace("numpy").asarray(a) for a in (X, T))
    for found in (*nna.jvp(lambda x: x * x, (x,), (t,)), *nna.vjp(lambda x: x * x, x)[1](t)):
        assert isinstance(found, nna.Array)
        assert found.node is None


def test_both_modes_are_right_to_order_three(place: Any) -> None:
    x = to_library(X, nna.namespace(*place))
    check_grads(lambda x: {"a": x**3 / (1 + x * x), "b": _cubic(x)}, (x,), order=3, modes=("fwd", "rev"))


def test_a_product_inside_a_function_is_differentiated_with_it() -> None:
    check_grads(lambda x: nna.jvp(_cubic, (x,), (T,))[1] + nna.vjp(_cubic, x)[1](2.0)[0], (X,), order=2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nna.jvp(lambda x: x, X, X), "primals must be a tuple or list"),
        (lambda: nna.jvp(lambda x: x, (X,), X), "tangents must be a tuple or list"),
        (lambda: nna.jvp(lambda x: x, (X,), (X, X)), "tangents must have the tree of the primals"),
        (lambda: nna.jvp(lambda x: x, (X,), (X[0:1],)), r"shape \(2,\) and dtype float64 of the primals: received"),
        (lambda: nna.jvp(lambda x: x, (X,), (X.astype("float32"),)), "dtype float64 of the primals.*float32"),
        (lambda: nna.jvp(lambda x: x, (np.arange(2),), (X,)), "Only floating-point arguments"),
        (lambda: nna.vjp(lambda x: x, X)[1]((X,)), "cotangent must have the tree of the result"),
        (lambda: nna.vjp(lambda x: x, X)[1](1.0), r"cotangent must have shape \(2,\)"),
        (lambda: nna.vjp(lambda x: x, X, has_aux=True), r"returns \(result, auxiliary\)"),
    ],
)
def test_misuse_is_refused_by_name(call: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call()


def test_an_auxiliary_result_is_passed_on_by_jvp_too() -> None:
    value, tangent, aux = nna.jvp(lambda x: (x * x, {"twice": 2 * x}), (X,), (T,), has_aux=True)
    assert_close((value, tangent, aux), (X * X, 2 * X * T, {"twice": 2 * X}))
    with pytest.raises(TypeError, match=r"returns \(result, auxiliary\)"):
        nna.jvp(lambda x: x, (X,), (T,), has_aux=True)
