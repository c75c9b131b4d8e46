"""Reading and assigning by masks, integer arrays and plain keys, against NumPy, with derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nnarray as nna
from nnarray.testing import check_grads
from tests.hosts import to_host, to_library

A = np.arange(24.0).reshape(2, 3, 4) + 0.1
FIRST, J, K = np.asarray([1, 0, -1]), np.asarray([2, -3, 0]), np.asarray([[3], [1]])
MASK = A > 7
KEYS = [
    *(FIRST, (FIRST, J), (1, J), (FIRST, 2), (FIRST, J, K), (K % 2, 0), np.asarray(1)),
    *(MASK, MASK[:, :, 0], MASK[:, 0, 0], A > 100, np.zeros((0, 3), bool), np.zeros((2, 0), bool)),
    *((slice(None), J), (..., K), (FIRST, ...), (None, FIRST), (slice(1, None), slice(None, None, 2), J)),
    *((slice(None), J, K), (..., 0, K), (slice(None), J, None), (FIRST, slice(0, 2)), (..., FIRST, J, slice(1, 3))),
    *((slice(None), MASK[0, :, 0]), (..., MASK[0, 0]), (slice(1), MASK[0]), (MASK[:, 0, 0], None, slice(None))),
]


def keyed(key: Any, space: Any) -> Any:
    if isinstance(key, tuple):
        return tuple(keyed(item, space) for item in key)
    return space.asarray(key) if isinstance(key, np.ndarray) else key


@pytest.mark.compiles_for_each_case
@pytest.mark.parametrize("key", KEYS, ids=str)
def test_arrays_as_keys_take_what_numpy_takes_and_differentiate(key: Any, place: Any) -> None:
    space = nna.namespace(*place)
    x, own = space.asarray(A), keyed(key, space)
    found = x[own]
    assert found.shape == A[key].shape
    np.testing.assert_array_equal(to_host(found.value), A[key])
    check_grads(lambda x: x[own] ** 2, (x.value,), directions=1)


@pytest.mark.parametrize("mask", [MASK, MASK[:, :, 0], MASK[:, 0, 0], A > 100], ids=["whole", "two", "one", "nothing"])
@pytest.mark.parametrize("several", [False, True])
def test_a_mask_is_assigned_to_as_numpy_does_and_differentiates(mask: Any, several: bool, place: Any) -> None:
    space = nna.namespace(*place)
    value = 2.0 * A[mask] if several else np.asarray(3.0)
    expected = A.copy()
    expected[mask] = value
    x, own = space.asarray(A), space.asarray(mask)
    before = x * 1.0
    before[own] = space.asarray(value)
    np.testing.assert_array_equal(to_host(before.value), expected)
    np.testing.assert_array_equal(to_host(x.value), A)

    def assigned(x: Any, value: Any) -> Any:
        y = x * x
        y[own] = value * value
        return y

    check_grads(assigned, (x.value, to_library(value, space)), directions=1)


@given(st.data())
def test_plain_keys_are_assigned_to_as_numpy_does(data: Any) -> None:
    space = nna.namespace("numpy")
    key = tuple(
        data.draw(st.one_of(st.integers(-n, n - 1), st.slices(n)), label="item")
        for n in A.shape[: data.draw(st.integers(0, 3))]
    )
    expected = A.copy()
    expected[(*key, ...)] = -1.0
    x = space.asarray(A)
    x[(*key, ...)] = -1.0
    np.testing.assert_array_equal(x.value, expected)
    assert A.min() > 0


def test_assignment_rebinds_on_the_tape_and_leaves_older_arrays_alone(place: Any) -> None:
    def f(x: Any) -> Any:
        y = x * 1.0
        older = y
        kept = y * y
        y[0, ...] = 2.0 * x[1, ...]
        y += x
        y *= 2.0
        assert older is not y
        return kept + y

    x = np.asarray([[1.0, 2.0], [3.0, 4.0]])
    check_grads(f, (to_library(x, nna.namespace(*place)),))


def test_assignment_keeps_the_dtype_and_casts_the_value() -> None:
    x = nna.namespace("numpy").asarray([1, 2, 3])
    x[0] = 7
    assert x.value.tolist() == [7, 2, 3]
    x[x > 2] = 0
    assert x.value.tolist() == [0, 2, 0]
    assert x.value.dtype.kind == "i"


def test_arrays_are_iterated_over_by_their_first_axis(place: Any) -> None:
    x = nna.namespace(*place).asarray(A)
    rows = list(x)
    assert [row.shape for row in rows] == [(3, 4)] * 2
    np.testing.assert_array_equal(to_host(rows[1].value), A[1])
    with pytest.raises(TypeError, match="cannot be iterated over"):
        iter(x[0, 0, 0])


def test_arrays_move_between_devices_on_the_tape() -> None:
    space = nna.namespace("array_api_strict")

    def f(x: Any) -> Any:
        moved = x.to_device("device1") ** 2
        assert str(moved.device) == "array_api_strict.Device('device1')"
        return space.sum(moved.to_device("CPU_DEVICE"))

    x = space.asarray([1.0, 2.0]).value
    gradient = nna.grad(f)(x)
    assert gradient.device == x.device
    np.testing.assert_array_equal(to_host(gradient), [2.0, 4.0])
    with pytest.raises(ValueError, match="current stream"):
        space.asarray(1.0).to_device("device1", stream=1)


def test_memory_is_shared_by_dlpack_unless_the_array_is_recorded() -> None:
    space = nna.namespace("numpy")
    x = space.asarray(A)
    np.testing.assert_array_equal(np.from_dlpack(x), A)
    assert space.from_dlpack(A).shape == A.shape
    with pytest.raises(BufferError, match="recorded"):
        nna.grad(lambda x: np.from_dlpack(x).sum())(A)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ((FIRST, slice(None), J), "one mask, or integers and integer arrays"),
        ((0, slice(None), J), "integer arrays side by side"),
        ((FIRST, J, K, 0), "one mask, or integers"),
        (MASK[0], "A mask has the shape of its axes"),
        (MASK[:, :1], "A mask has the shape of its axes"),
        (MASK[..., None], "A mask has the shape of its axes"),
        ((slice(None), MASK[:, :, 0]), "A mask has the shape of its axes"),
        ((MASK, 1), "one mask, or integers"),
    ],
)
def test_other_keys_are_refused_with_the_cure(key: Any, message: str) -> None:
    space = nna.namespace("numpy")
    x = space.asarray(A)
    with pytest.raises(IndexError, match=message):
        x[keyed(key, space)]
    with pytest.raises(IndexError, match="only a mask|has the shape"):
        x[keyed(key, space)] = 0.0
    with pytest.raises(IndexError, match="only a mask"):
        x[space.asarray(FIRST)] = 0.0


def test_a_function_may_assign_to_its_own_argument(place: Any) -> None:
    def f(x: Any) -> Any:
        x[0] = 2.0 * x[1]
        return nna.array_namespace(x).sum(x * x)

    x = to_library(np.asarray([1.0, 3.0]), nna.namespace(*place))
    np.testing.assert_array_equal(to_host(nna.grad(f)(x)), [0.0, 30.0])
    np.testing.assert_array_equal(to_host(nna.vjp(f, x)[1](1.0)[0]), [0.0, 30.0])
    assert float(to_host(nna.jvp(f, (x,), (x,))[1])) == 90.0
    np.testing.assert_array_equal(to_host(x), [1.0, 3.0])


def test_an_index_beyond_its_axis_is_refused(place: Any) -> None:
    space = nna.namespace(*place)
    x = space.asarray(A)
    for wrong in (3, -4):
        with pytest.raises(IndexError, match="outside its axis of length 3"):
            x[space.asarray(np.asarray([0])), space.asarray(np.asarray([wrong]))]


def test_asarray_moves_an_array_to_the_device_asked_for() -> None:
    space = nna.namespace("array_api_strict")
    moved = space.asarray(space.asarray([1.0]), device=space.backend.device("device1"))
    assert str(moved.device) == "array_api_strict.Device('device1')"
