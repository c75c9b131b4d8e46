"""The Array: operators, attributes, interplay with raw arrays, the namespace as an object."""

from __future__ import annotations

import operator
import pickle
from typing import Any

import array_api_compat
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import nnarray as nna
from nnarray.array import Array
from tests.hosts import to_host

BINARY = (
    *(operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow),
    *(operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne),
)


@pytest.mark.parametrize("op", BINARY, ids=lambda op: op.__name__)
def test_operators_work_between_arrays_scalars_and_raw_arrays(op: Any, place: Any) -> None:
    xp = nna.namespace(*place)
    a, b = np.asarray([1.0, 2.0, 3.5]), np.asarray([2.0, 2.0, 0.5])
    x, y = xp.asarray(a), xp.asarray(b)
    for left, right, expected in ((x, y, op(a, b)), (x, 2.0, op(a, 2.0)), (2.0, x, op(2.0, a)), (x, y.value, op(a, b))):
        found = op(left, right)
        assert isinstance(found, Array)
        np.testing.assert_allclose(to_host(found.value), expected)


@pytest.mark.parametrize("op", BINARY, ids=lambda op: op.__name__)
def test_a_numpy_array_on_the_left_comes_to_the_array(op: Any) -> None:
    a, b = np.asarray([1.0, 2.0, 3.5]), np.asarray([2.0, 2.0, 0.5])
    found = op(a, nna.namespace("numpy").asarray(b))
    assert isinstance(found, Array)
    np.testing.assert_array_equal(found.value, op(a, b))


def test_matrix_products_and_unary_operators_work(place: Any) -> None:
    xp = nna.namespace(*place)
    a = np.asarray([[1.0, -2.0], [3.0, 4.0]])
    x = xp.asarray(a)
    for found, expected in ((x @ x, a @ a), (-x, -a), (+x, a), (abs(x), abs(a)), (x.T, a.T), (x.mT, a.T)):
        np.testing.assert_array_equal(to_host(found.value), expected)


def test_bitwise_operators_work_on_integers() -> None:
    x = nna.namespace("numpy").asarray([6, 3])
    for found, expected in (
        (x & 2, [2, 2]),
        (x | 1, [7, 3]),
        (x ^ 1, [7, 2]),
        (x << 1, [12, 6]),
        (x >> 1, [3, 1]),
        (~x, [-7, -4]),
    ):
        assert found.value.tolist() == expected


def test_attributes_are_those_of_the_standard(place: Any) -> None:
    xp = nna.namespace(*place)
    x = xp.asarray([[1.0, 2.0, 3.0]], dtype=xp.float64)
    assert (x.shape, x.ndim, x.size, len(x)) == ((1, 3), 2, 3, 1)
    assert x.dtype == xp.float64
    assert x.__array_namespace__() is xp
    assert array_api_compat.array_namespace(x) is xp
    assert (float(x[0, 1]), int(x[0, 1]), bool(x[0, 1]), complex(x[0, 1])) == (2.0, 2, True, 2 + 0j)
    assert operator.index(xp.asarray(3)) == 3
    with pytest.raises(TypeError, match="unhashable"):
        hash(x)
    with pytest.raises(ValueError, match=r"\.T needs 2 axes"):
        _ = x[0].T


def test_the_text_of_an_array_says_whether_it_is_recorded() -> None:
    seen = []
    nna.grad(lambda x: (seen.append(repr(x)), x * x)[1])(2.0)
    assert seen == ["Array(2.0, numpy, dtype=float64, tracked)"]
    assert repr(nna.namespace("numpy").asarray(2.0)) == "Array(2.0, numpy, dtype=float64)"


def test_a_namespace_is_one_object_and_pickles_by_name(place: Any) -> None:
    name, device = place
    xp = nna.namespace(name, device=device)
    assert nna.namespace(xp.backend.xp, device=device) is xp
    assert {"sum", "asarray", "pi"} <= set(dir(xp))
    assert xp.sum.__name__ == "sum"
    assert "Constant under differentiation" in xp.argmax.__doc__
    assert xp.__array_namespace_info__().capabilities()["boolean indexing"] in (True, False)
    if device is None:
        assert pickle.loads(pickle.dumps(xp)) is xp
    with pytest.raises(AttributeError, match="has no attribute 'sums'"):
        _ = xp.sums


def test_creation_uses_the_device_of_the_namespace(place: Any) -> None:
    xp = nna.namespace(*place)
    expected = xp.backend.device_of(xp.asarray(0.0).value)
    for x in (xp.zeros((2,)), xp.arange(3), xp.full((2,), 1.0), xp.asarray([1.0]), xp.eye(2), xp.linspace(0.0, 1.0, 3)):
        assert x.device == expected


def test_asarray_keeps_what_is_recorded_and_converts_what_is_foreign(place: Any) -> None:
    xp = nna.namespace(*place)
    raw = xp.asarray(np.asarray([1.0, 2.0])).value
    np.testing.assert_array_equal(to_host(nna.grad(lambda x: xp.sum(xp.asarray(x) ** 2))(raw)), [2.0, 4.0])
    np.testing.assert_array_equal(nna.namespace("numpy").asarray(raw).value, [1.0, 2.0])
    copy = xp.asarray(raw, copy=True)
    assert copy.value is not raw
    assert xp.asarray([1, 2], dtype=xp.float32).dtype == xp.float32


@given(
    hnp.arrays(np.float64, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0), elements=st.floats(-4, 4)),
    st.data(),
)
def test_any_basic_key_reads_and_differentiates_as_in_numpy(a: np.ndarray, data: Any) -> None:
    key = data.draw(hnp.basic_indices(a.shape, allow_newaxis=True, allow_ellipsis=True))
    xp = nna.namespace("numpy")
    np.testing.assert_array_equal(xp.asarray(a)[key].value, a[key])
    expected = np.zeros_like(a)
    expected[key] = 2 * a[key]
    np.testing.assert_array_equal(nna.grad(lambda x: xp.sum(x[key] * x[key]))(a), expected)


@given(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, min_side=0, max_side=3))
def test_broadcasting_sums_cotangents_back_to_the_shapes_they_came_from(shapes: Any) -> None:
    xp = nna.namespace("numpy")
    a, b = (np.full(shape, value) for shape, value in zip(shapes.input_shapes, (2.0, 3.0), strict=True))
    ga, gb = nna.grad(lambda a, b: xp.sum(a * b), argnums=(0, 1))(a, b)
    assert (ga.shape, gb.shape) == (a.shape, b.shape)
    size = np.broadcast(a, b).size
    assert ga.sum() == 3.0 * size
    assert gb.sum() == 2.0 * size


def test_a_function_that_is_asked_for_as_a_method_is_named(place: Any) -> None:
    x = nna.namespace(*place).asarray([1.0, 2.0])
    with pytest.raises(AttributeError, match=r"no attribute 'sum': .* Call the function: .* xp\.sum\(x\)\.$"):
        x.sum()
    with pytest.raises(AttributeError, match=r"object has no attribute 'summ'\.$"):
        x.summ()
    assert not hasattr(x, "mean")
