"""Arguments at the edge of what a function takes: corners of domains, narrow dtypes, scalars, zeros."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray.testing import check_grads
from tests.array.case import real
from tests.hosts import to_host, to_library

X = real(3, 4)
REFUSED = (TypeError, ValueError, RuntimeError, IndexError)


@pytest.mark.raw_operators
def test_the_mixed_second_derivative_of_a_power_holds_at_exponent_zero(place: Any) -> None:
    """Of x^y by both it is ``x^(y-1) (1 + y log x)``, in either order: 1 / x at y = 0."""
    space = nna.namespace(*place)
    x, y = (to_library(np.asarray(value), space) for value in (2.0, 0.0))
    first_x = nna.grad(lambda y: nna.grad(lambda x: x**y)(x))(y)
    first_y = nna.grad(lambda x: nna.grad(lambda y: x**y)(y))(x)
    assert float(first_x) == float(first_y) == 0.5
    slopes = nna.grad(lambda x, y: space.sum(x**y), argnums=(0, 1))(x * 0.0, y)
    assert [float(slope) for slope in slopes] == [0.0, 0.0]


@pytest.mark.parametrize("scalar", [2j, 1.0 - 0.5j, -2.0])
def test_powers_of_and_by_complex_numbers_differentiate(scalar: complex, place: Any) -> None:
    space = nna.namespace(*place)
    z = to_library(np.asarray([0.5 + 1.0j, -0.7 + 0.2j]), space)
    check_grads(lambda z: z**scalar, (z,), directions=1)
    check_grads(lambda z: scalar**z, (z,), directions=1)
    x = to_library(np.asarray([-1.5, 0.5]), space)
    check_grads(lambda x, z: x**z, (x, z), directions=1)


@pytest.mark.raw_operators
def test_angles_and_lengths_keep_their_slopes_where_squares_leave_the_range(place: Any) -> None:
    space = nna.namespace(*place)
    x = to_library(np.asarray([1e-170, 1e170]), space)
    by_y, by_x = nna.grad(lambda y, x: space.sum(space.atan2(y, x)), argnums=(0, 1))(x, x)
    np.testing.assert_allclose(to_host(by_y), [5e169, 5e-171])
    np.testing.assert_allclose(to_host(by_x), [-5e169, -5e-171])
    zero = to_library(np.asarray([0.0, 1e308]), space)
    slopes = nna.grad(lambda a, b: space.sum(space.hypot(a, b)), argnums=(0, 1))(zero, zero * 0.0)
    np.testing.assert_array_equal(to_host(slopes[0]), [0.0, 1.0])
    np.testing.assert_array_equal(to_host(slopes[1]), [0.0, 0.0])


@pytest.mark.parametrize("name", ["atan2", "hypot", "logaddexp", "copysign", "maximum", "remainder"])
def test_functions_of_an_array_and_a_number_differentiate(name: str, place: Any) -> None:
    space = nna.namespace(*place)
    x = to_library(X[0], space)
    check_grads(lambda x: getattr(space, name)(x, 0.7), (x,), directions=1)
    check_grads(lambda x: getattr(space, name)(0.7, x), (x,), directions=1)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32"])
def test_indices_of_a_narrow_dtype_reach_every_place(dtype: str, place: Any) -> None:
    space = nna.namespace(*place)
    a = np.arange(400.0).reshape(20, 20)
    rows, columns = np.asarray([15, 19, 19]), np.asarray([17, 0, 19])
    key = space.asarray(rows.astype(dtype)), space.asarray(columns.astype(dtype))
    np.testing.assert_array_equal(to_host(space.asarray(a)[key].value), a[rows, columns])
    expected = np.zeros_like(a)
    expected[rows, columns] = 1
    np.testing.assert_array_equal(to_host(nna.grad(lambda x: space.sum(x[key]))(to_library(a, space))), expected)

    along = np.full((20, 2), 19)
    indices = space.asarray(along.astype(dtype))
    try:
        space.take_along_axis(space.asarray(a), indices)
    except REFUSED:
        assert place[0] == "torch"
        return
    expected = np.zeros_like(a)
    expected[:, 19] = 2
    gradient = nna.grad(lambda x: space.sum(space.take_along_axis(x, indices)))(to_library(a, space))
    np.testing.assert_array_equal(to_host(gradient), expected)


@pytest.mark.parametrize("axis", [0, 1, -1, None])
@pytest.mark.parametrize(
    "indices", [[0, -1, -1], 1, [[0, 1, 1], [2, 2, 2], [0, 0, 1]]], ids=["vector", "one", "matrix"]
)
def test_taking_differentiates_whatever_indices_the_library_takes(indices: Any, axis: Any, place: Any) -> None:
    space = nna.namespace(*place)
    a, own = X[:, :3], space.asarray(np.asarray(indices))
    try:
        found = space.take(space.asarray(a), own, axis=axis)
    except REFUSED:
        assert place[0] in ("torch", "array_api_strict")
        return
    np.testing.assert_array_equal(np.squeeze(to_host(found.value)), np.take(a, indices, axis=axis))
    check_grads(lambda x: space.take(x, own, axis=axis) ** 2, (to_library(a, space),), directions=1)


def test_numpys_integers_serve_as_axes_and_shifts() -> None:
    space = nna.namespace("numpy")
    one = np.int64(1)
    for name in ("sum", "mean", "prod", "max", "var", "std"):
        check_grads(lambda x, name=name: getattr(space, name)(x, axis=one), (X,), directions=1)
    check_grads(lambda x: space.roll(x, one, axis=one) * X, (X,), directions=1)


def test_masks_are_assigned_truth_values_and_infinities(place: Any) -> None:
    space = nna.namespace(*place)
    mask = space.asarray([True, False, True])
    for start, value in (
        ([False, True, False], [True, False]),
        ([1.0, 2.0, 3.0], [np.inf, 7.0]),
        ([1, 2, 3], [5, 6]),
    ):
        x = space.asarray(np.asarray(start))
        x[mask] = space.asarray(np.asarray(value))
        assert to_host(x.value).tolist() == [value[0], start[1], value[1]]


def test_a_value_with_more_axes_of_length_one_is_differentiated_where_it_is_taken(place: Any) -> None:
    space = nna.namespace(*place)
    value = to_library(X[:1], space)

    def assigned(x: Any, value: Any) -> Any:
        y = x * x
        y[0, ...] = value * value
        return y

    try:
        assigned(space.asarray(X), space.asarray(value))
    except REFUSED:
        assert place[0] == "jax"
        return
    check_grads(assigned, (to_library(X, space), value), directions=1)


@pytest.mark.parametrize("zeros", [[1, 0, 2, 0], [0, 0, 0, 0], [0, 1, 1, 0], [3, 1, 1, 2]])
def test_products_differentiate_to_every_order_with_any_number_of_zeros(zeros: list[int], place: Any) -> None:
    if place[0] == "jax" and zeros[0] != 1:
        return  # It compiles each of them.
    space = nna.namespace(*place)
    x = to_library(X * np.asarray(zeros), space)
    check_grads(lambda x: space.prod(x, axis=1), (x,), order=3, directions=1)
    for initial in (False, True):
        check_grads(lambda x, i=initial: space.cumulative_prod(x, axis=1, include_initial=i), (x,), 3, directions=1)


def test_the_slope_of_a_cumulative_product_does_not_vanish_with_it() -> None:
    space = nna.namespace("numpy")
    x = np.asarray([1e-200, 1e-200, 1e300])
    gradient = nna.grad(lambda x: space.cumulative_prod(x)[-1])(x)
    np.testing.assert_allclose(gradient, [1e100, 1e100, 0.0])


@pytest.mark.parametrize("name", ["pinv", "matrix_rank"])
def test_a_tolerance_may_be_an_array(name: str, place: Any) -> None:
    space = nna.namespace(*place)
    a = np.stack([np.diag([1.0, 1e-3]), np.diag([1.0, 1e-3])])
    rtol = space.asarray(np.asarray([1e-6, 1e-1]))
    function = getattr(space.linalg, name)
    found = to_host(function(space.asarray(a), rtol=rtol).value)
    each = [to_host(function(space.asarray(x), rtol=r).value) for x, r in zip(a, (1e-6, 1e-1), strict=True)]
    np.testing.assert_allclose(found, np.stack(each))
    if name == "pinv":
        assert nna.grad(lambda x: space.sum(function(x, rtol=rtol)))(to_library(a, space)).shape == a.shape


def test_differences_refuse_an_axis_that_is_not_there_and_run_out_of_elements(place: Any) -> None:
    space = nna.namespace(*place)
    x = space.asarray(X)
    for axis in (2, -3):
        with pytest.raises(IndexError, match=f"received axis={axis}"):
            space.diff(x, axis=axis)
    assert space.diff(x, n=9).shape == (3, 0)


def test_a_length_of_minus_one_is_that_of_the_axis() -> None:
    space = nna.namespace("numpy")
    for name in ("fftn", "rfftn", "ifftn"):
        check_grads(lambda x, name=name: getattr(space.fft, name)(x, s=(2, -1), axes=(0, 1)), (X,), 1, directions=1)


@pytest.mark.filterwarnings("ignore:divide by zero|invalid value")
def test_an_infinite_cotangent_of_an_extremum_reaches_only_what_attains_it(place: Any) -> None:
    space = nna.namespace(*place)
    x = to_library(np.asarray([[0.0, -1.0], [np.nan, 1.0]]), space)
    gradient = to_host(nna.grad(lambda x: space.sum(space.log(space.max(x, axis=1))))(x))
    assert gradient[0].tolist() == [np.inf, 0.0]
    assert np.isnan(gradient[1]).all()
