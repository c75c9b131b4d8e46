"""Derivatives where a formula meets its limits: zeros, ties, crossed bounds, many elements, the ends of the range."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from tests.hosts import to_host

MODES = pytest.mark.parametrize("wrap", [lambda f: f, nna.jit], ids=["eager", "under jit"])


@pytest.fixture
def space(place: Any) -> Any:
    return nna.namespace(*place)


def raw(space: Any, values: Any, dtype: str = "float64") -> Any:
    return space.asarray(np.asarray(values, dtype)).value


def gradient(f: Callable[..., Any], *args: Any, wrap: Any = lambda f: f, argnums: Any = 0) -> Any:
    found = wrap(nna.grad(lambda *a: f(a[0].__array_namespace__(), *a), argnums))(*args)
    return [to_host(g) for g in found] if isinstance(found, tuple) else to_host(found)


@pytest.mark.compiles_for_each_case
@MODES
@pytest.mark.parametrize("value", [0.1, 1e-15, 7.3e10, 0.0])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_deviation_of_equal_numbers_has_slope_zero(wrap: Any, value: float, dtype: str, space: Any) -> None:
    x = raw(space, np.full((4, 3), value), dtype)
    for axis in (None, 0, 1):
        assert not gradient(lambda xp, x, a=axis: xp.sum(xp.std(x, axis=a)), x, wrap=wrap).any()


def test_the_deviation_of_rows_of_which_some_are_constant_is_right_in_the_others(space: Any) -> None:
    x = raw(space, [[0.1, 0.1, 0.1], [1.0, 2.0, 4.0]])
    found = gradient(lambda xp, x: xp.sum(xp.std(x, axis=1)), x)
    row = np.asarray([1.0, 2.0, 4.0])
    np.testing.assert_allclose(found, [np.zeros(3), (row - row.mean()) / row.std() / 3], rtol=1e-12)


CURVED: dict[str, Callable[..., Any]] = {
    "vector_norm": lambda xp, x: xp.linalg.vector_norm(x),
    "vector_norm of order 3": lambda xp, x: xp.linalg.vector_norm(x, ord=3),
    "matrix_norm": lambda xp, x: xp.linalg.matrix_norm(xp.reshape(x, (1, 2))),
    "hypot": lambda xp, x: xp.hypot(x[0], x[1]),
    "std": lambda xp, x: xp.std(x),
}


@MODES
@pytest.mark.parametrize("name", CURVED)
def test_a_length_of_zero_has_slope_zero_and_no_second_derivative(wrap: Any, name: str, space: Any) -> None:
    size = CURVED[name]
    x = raw(space, [0.0, 0.0])
    for f in (size, lambda xp, x: size(xp, x) ** 2):
        assert not gradient(f, x, wrap=wrap).any()
        second = wrap(nna.hessian(lambda x, f=f: f(x.__array_namespace__(), x)))(x)
        assert np.isnan(to_host(second)).all()


def test_the_absolute_value_of_a_complex_zero_has_no_second_derivative(space: Any) -> None:
    z = raw(space, [0.0], "complex128")

    def along(z: Any) -> Any:
        xp = z.__array_namespace__()
        return xp.sum(xp.real(nna.grad(lambda z: xp.sum(xp.abs(z) ** 2))(z)))

    assert np.isnan(to_host(nna.grad(along)(z))).all()
    assert gradient(lambda xp, z: xp.sum(xp.abs(z) ** 2), z) == 0


@pytest.mark.filterwarnings("ignore:invalid value")
def test_the_sign_of_a_complex_zero_has_slope_zero(space: Any) -> None:
    z = raw(space, [0.0, 3.0 + 4.0j], "complex128")
    found = gradient(lambda xp, z: xp.sum(xp.real(xp.sign(z))), z)
    np.testing.assert_allclose(found, [0.0, (16 - 12j) / 125], rtol=1e-12)


def test_second_derivatives_beside_zero_are_not_touched(space: Any) -> None:
    x = raw(space, [[0.0, 0.0], [3.0, 4.0]])

    def f(x: Any) -> Any:
        xp = x.__array_namespace__()
        return xp.sum(xp.linalg.vector_norm(x, axis=1) ** 2)

    second = to_host(nna.hessian(f)(x))
    np.testing.assert_allclose(second[1, :, 1, :], 2 * np.eye(2), atol=1e-14)


def test_a_choice_inside_keeps_the_second_derivative_of_a_length_from_zero(space: Any) -> None:
    def f(x: Any) -> Any:
        xp = x.__array_namespace__()
        square = xp.sum(x * x)
        inside = xp.where(square > 0, square, 1.0)
        return xp.where(square > 0, xp.sqrt(inside), 0.0)

    assert not to_host(nna.hessian(f)(raw(space, [0.0, 0.0]))).any()


@MODES
@pytest.mark.parametrize("at", [(0.0, 1.0), (0.0, 2.0), (0.0, 3.0), (0.0, 0.0), (2.0, 3.0), (0.5, 0.0)])
def test_the_hessian_of_a_power_is_symmetric(wrap: Any, at: tuple[float, float], space: Any) -> None:
    found = to_host(wrap(nna.hessian(lambda z: z[0] ** z[1]))(raw(space, at)))
    np.testing.assert_allclose(found, found.T, rtol=1e-12)
    assert np.isfinite(found).all()
    (x, y), log = at, np.log(at[0]) if at[0] else 0.0
    if x:
        corner = x ** (y - 1) * (1 + y * log)
        np.testing.assert_allclose(found, [[y * (y - 1) * x ** (y - 2), corner], [corner, x**y * log**2]], atol=1e-14)


@MODES
def test_bounds_that_cross_give_the_gradient_to_the_upper_one(wrap: Any, space: Any) -> None:
    if space.backend.name == "array_api_strict":
        pytest.skip("array_api_strict refuses bounds that cross")
    x, low, high = (raw(space, v) for v in ([0.0, 5.0, 2.5, 0.5], [3.0, 3.0, 3.0, 0.0], [2.0, 2.0, 2.0, 1.0]))

    def f(xp: Any, x: Any, low: Any, high: Any) -> Any:
        return xp.sum(xp.clip(x, low, high))

    found = gradient(f, x, low, high, wrap=wrap, argnums=(0, 1, 2))
    np.testing.assert_array_equal(found, [[0, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 0]])
    alone = gradient(lambda xp, x, low: xp.sum(xp.clip(x, low, 2.0)), x, low, wrap=wrap, argnums=(0, 1))
    np.testing.assert_array_equal(alone, [[0, 0, 0, 1], [0, 0, 0, 0]])


@pytest.mark.parametrize("name", ["unique_all", "unique_counts", "unique_inverse", "unique_values"])
def test_unique_complex_numbers_share_their_gradient(name: str, space: Any) -> None:
    if space.backend.name == "torch":
        pytest.skip("PyTorch finds no unique complex numbers")
    z = raw(space, [1.0 + 1.0j, 2.0, 1.0 + 1.0j], "complex128")

    def f(xp: Any, z: Any) -> Any:
        made = getattr(xp, name)(z)
        return xp.sum(xp.abs(made if name == "unique_values" else made.values))

    half = (1 + 1j) / np.sqrt(8)
    np.testing.assert_allclose(gradient(f, z), [half, 1.0, half], rtol=1e-12)


@MODES
@pytest.mark.parametrize("name", ["mean", "max", "min", "std", "var"])
def test_half_precision_gradients_over_many_elements_are_not_zero(wrap: Any, name: str) -> None:
    x = np.full(70000, 0.5 if name in ("std", "var") else 1.0, np.float16)
    x[::2] = 1.0
    x = x if name in ("std", "var") else np.ones_like(x)
    with np.errstate(all="raise", under="ignore"):
        found = gradient(lambda xp, x: getattr(xp, name)(x), x, wrap=wrap)
    expected = gradient(lambda xp, x: getattr(xp, name)(x), x.astype("float64"))
    assert found.dtype == np.float16
    np.testing.assert_allclose(found.astype("float64"), expected, rtol=5e-3)


def test_half_precision_counts_ties_exactly() -> None:
    x = np.ones((2, 3000), np.float16)
    for f in (lambda xp, x: xp.sum(xp.max(x, axis=1)), lambda xp, x: xp.linalg.vector_norm(x, ord=np.inf)):
        size = x.shape[1] if f(np, x) == 2 else x.size
        np.testing.assert_allclose(gradient(f, x).astype("float64"), np.full(x.shape, 1 / size), rtol=2e-3)


@pytest.mark.parametrize("scale", [1e-250, 1e-160, 1.0, 1e160, 1e250])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_gradients_of_singular_vectors_are_those_of_scale_one(scale: float, dtype: str, space: Any) -> None:
    matrix = np.asarray([[2.0, 1.0], [0.5, 3.0], [1.0, -1.0]], dtype) + (0.5j if dtype == "complex128" else 0.0)

    def f(xp: Any, x: Any) -> Any:
        u, _, vh = xp.linalg.svd(x, full_matrices=False)
        return xp.sum(xp.abs(u[0, 0]) ** 2 + xp.abs(vh[0, 1]) ** 2) + xp.abs(xp.sum(u[:, 0] * vh[0, 0]))

    expected = gradient(f, raw(space, matrix, dtype))
    np.testing.assert_allclose(gradient(f, raw(space, matrix * scale, dtype)) * scale, expected, rtol=1e-9, atol=1e-12)


#: Slopes at 1e200, of a real and of a complex number, where a square has left the range.
FAR = {
    "asinh": (1e-200, 1 / (1e200 + 1e200j)),
    "acosh": (1e-200, 1 / (1e200 + 1e200j)),
    "atan": (0.0, 0.0),
    "atanh": (None, 0.0),
    "asin": (None, -1j / (1e200 + 1e200j)),
}


@MODES
@pytest.mark.parametrize("name", FAR)
def test_slopes_of_inverse_functions_far_out_are_not_lost_with_the_square(wrap: Any, name: str) -> None:
    real, of_complex = FAR[name]
    if real is not None:
        found = gradient(lambda xp, x: getattr(xp, name)(x), np.asarray(1e200), wrap=wrap)
        np.testing.assert_allclose(found, real, rtol=1e-12)
    z = np.asarray(1e200 + 1e200j)
    # Where the value itself is beyond NumPy, the slope is asked for alone.
    with np.errstate(all="ignore"):
        found = to_host(
            wrap(lambda z: nna.vjp(lambda z: getattr(z.__array_namespace__(), name)(z), z)[1](1.0 + 0.0j)[0])(z)
        )
    np.testing.assert_allclose(np.abs(found), np.abs(of_complex), rtol=1e-12)
    assert np.isfinite(found)


def test_slopes_of_inverse_functions_of_complex_numbers_are_on_the_branch_of_the_value() -> None:
    for name in FAR:
        for z in (2 + 1j, -2 + 0.5j, 0.3 - 2j, -0.5 - 0.5j, 0.2 + 3j):
            step = 1e-6

            def f(z: complex, name: str = name) -> complex:
                library = {"asinh": np.arcsinh, "acosh": np.arccosh, "atan": np.arctan, "atanh": np.arctanh}
                return library.get(name, np.arcsin)(z)

            slope = (f(z + step) - f(z - step)) / (2 * step)
            found = nna.vjp(lambda x, name=name: getattr(x.__array_namespace__(), name)(x), np.asarray(z))[1](1.0 + 0j)
            np.testing.assert_allclose(np.conj(found[0]), slope, rtol=1e-8)


# -- functions of the namespace ---------------------------------------------------------------------------------------


def test_arrays_broadcast_together_come_as_the_claimed_version_of_the_standard_says(space: Any) -> None:
    expected = list if space.__array_api_version__ < "2025.12" else tuple
    x = space.asarray([1.0, 2.0])
    assert type(space.meshgrid(x, x)) is expected
    assert type(space.broadcast_arrays(x, x)) is expected
    kinds: list[Any] = []
    nna.jit(lambda x: kinds.append(type(x.__array_namespace__().meshgrid(x, x))))(x)
    assert kinds == [expected]


#: Functions of a number; what a float says of each is what an Array must say, and the gradient.
CREATED: dict[str, tuple[Callable[..., Any], float]] = {
    "full": (lambda xp, x: xp.full((3,), x), 3.0),
    "full of one axis": (lambda xp, x: xp.full(2, x), 2.0),
    "full_like": (lambda xp, x: xp.full_like(xp.zeros((2, 2), dtype=xp.float64), x), 4.0),
    "linspace to": (lambda xp, x: xp.linspace(0.0, x, 5, dtype=xp.float64), 2.5),
    "linspace from": (lambda xp, x: xp.linspace(x, 1.0, 5, endpoint=False, dtype=xp.float64), 3.0),
    "linspace between": (lambda xp, x: xp.linspace(x, 2.0 * x, 3, dtype=xp.float64), 4.5),
}


@MODES
@pytest.mark.parametrize("name", CREATED)
def test_arrays_are_made_of_numbers_that_are_arrays(wrap: Any, name: str, space: Any) -> None:
    make, slope = CREATED[name]
    x = raw(space, 2.0)
    found = to_host(wrap(lambda x: make(x.__array_namespace__(), x))(space.asarray(x)).value)
    np.testing.assert_allclose(found, to_host(make(space, 2.0).value), rtol=1e-14)
    np.testing.assert_allclose(gradient(lambda xp, x: xp.sum(make(xp, x)), x, wrap=wrap), slope, rtol=1e-12)
    # The namespace from outside does as well.
    np.testing.assert_allclose(gradient(lambda _, x: space.sum(make(space, x)), x, wrap=wrap), slope, rtol=1e-12)


def test_a_range_takes_known_arrays_and_says_why_no_others(space: Any) -> None:
    n = space.asarray(np.asarray(3))
    assert to_host(space.arange(n).value).tolist() == [0, 1, 2]
    assert to_host(space.arange(space.asarray(0.5), stop=n).value).tolist() == [0.5, 1.5, 2.5]
    with pytest.raises(TypeError, match=r"arange has no derivative by its bounds: .*start \+ step"):
        nna.grad(lambda x: space.sum(space.arange(x, 3.0)))(raw(space, 0.5))
    with pytest.raises(nna.TracingError, match="The shape of what arange returns"):
        nna.jit(lambda x: space.arange(x))(raw(space, 3.0))


@MODES
def test_arrays_from_outside_take_what_is_assigned_to_them(wrap: Any, space: Any) -> None:
    def by_slice(x: Any) -> Any:
        y = space.zeros(3, dtype=space.float64)
        y[1:] = x
        y[0] = 2.0 * x[0]
        return space.sum(y * y)

    def by_mask(x: Any) -> Any:
        y = space.zeros(2, dtype=space.float64)
        y[x > 1.5] = x[1]
        return space.sum(y * y)

    x = raw(space, [1.0, 2.0])
    assert float(to_host(wrap(by_slice)(space.asarray(x)).value)) == 9.0
    assert to_host(wrap(nna.grad(by_slice))(x)).tolist() == [10.0, 4.0]
    assert to_host(nna.grad(wrap(by_slice))(x)).tolist() == [10.0, 4.0]
    assert to_host(wrap(nna.grad(by_mask))(x)).tolist() == [0.0, 4.0]


@MODES
def test_a_namespace_from_outside_knows_the_types_of_arrays(wrap: Any, space: Any) -> None:
    def f(x: Any) -> Any:
        dtype = space.result_type(x, space.float32)
        assert space.finfo(x).bits == 64
        assert space.can_cast(x, space.float64)
        return space.astype(x, dtype)

    assert space.isdtype(wrap(f)(space.asarray(raw(space, [1.0]))).dtype, "real floating")


def test_memory_that_is_read_backwards_crosses_as_a_copy() -> None:
    backwards = np.arange(3.0)[::-1]
    for name in nna.available_backends():
        space = nna.namespace(name)
        np.testing.assert_array_equal(to_host(space.from_dlpack(backwards).value), backwards)
        np.testing.assert_array_equal(to_host(space.asarray(backwards).value), backwards)
