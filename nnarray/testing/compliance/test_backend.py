"""Each method of `Backend` against NumPy, on the library and device under test."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from nnarray.backends import (
    DTYPE_NAMES,
    Backend,
    backend_of,
    convert,
    find_backend,
    get_backend,
    integer_of,
    probe,
)
from nnarray.compiler.executors import executor_for


@pytest.fixture
def adapter(backend: str) -> Backend:
    """Return the backend under test."""
    return get_backend(backend)


def on_device(adapter: Backend, value: Any, device: Any) -> Any:
    """Return a value as an array of the library on the device, floating-point ones as float32, which all have."""
    value = np.asarray(value)
    return adapter.asarray(value.astype("float32") if value.dtype == "float64" else value, device=device)


def require_dtype(adapter: Backend, name: str, device: Any) -> None:
    """Skip the test where the device has no such dtype."""
    if name not in adapter.xp.__array_namespace_info__().dtypes(device=device):
        pytest.skip(f"{adapter.name} has no {name} on {adapter.device_name(device)}")


def test_every_stage_of_the_probe_passes(adapter: Backend) -> None:
    found = probe(adapter, refresh=True)
    assert found.works, found.explain()
    assert [stage.name for stage in found.stages] == [name for name, _ in adapter.stages()]


def test_it_is_found_by_its_name_its_namespace_and_its_arrays(adapter: Backend, device: Any) -> None:
    x = on_device(adapter, [1.0, 2.0], device)
    assert get_backend(adapter.name) is adapter
    assert get_backend(adapter.xp) is adapter
    assert find_backend(x) is adapter
    assert backend_of(x) is adapter
    assert pickle.loads(pickle.dumps(adapter)) is adapter


def test_devices_are_found_by_their_names(adapter: Backend, device: Any) -> None:
    names = [adapter.device_name(each) for each in adapter.devices()]
    assert len(set(names)) == len(names) > 0
    for each, name in zip(adapter.devices(), names, strict=True):
        assert adapter.device(name) == adapter.device(each) == each
    assert adapter.device_name(device) in names
    assert adapter.device(None) is None
    with pytest.raises(ValueError, match="nowhere"):
        adapter.device("nowhere")


def test_arrays_are_made_on_the_device_that_is_asked_for(adapter: Backend, device: Any) -> None:
    x = on_device(adapter, np.ones((2, 3)), device)
    assert adapter.device_of(x) == device
    xp = adapter.xp
    for made in (xp.zeros((2,), dtype=x.dtype, device=device), xp.full((2,), 1.5, dtype=x.dtype, device=device)):
        assert adapter.device_of(made) == device
    with adapter.activate(device):
        for made in (x + x, xp.ones_like(x), xp.exp(x), xp.matmul(x, xp.matrix_transpose(x)), xp.sum(x, axis=0)):
            assert adapter.device_of(made) == device
    adapter.synchronize(device)
    adapter.synchronize()


@pytest.mark.parametrize("name", DTYPE_NAMES)
def test_values_come_back_from_the_library_as_they_went(name: str, adapter: Backend, device: Any) -> None:
    require_dtype(adapter, name, device)
    for shape in ((), (0,), (3,), (2, 0), (2, 3)):
        values = (np.arange(np.prod(shape, dtype=int)) % 2).reshape(shape).astype(name)
        x = adapter.asarray(values, device=device)
        assert adapter.dtype_name(x.dtype) == name
        back = adapter.to_numpy(x)
        assert isinstance(back, np.ndarray)
        np.testing.assert_array_equal(back, values, strict=True)


def test_arrays_are_made_of_whatever_numpy_memory(adapter: Backend, device: Any) -> None:
    values = np.arange(12, dtype="float32").reshape(3, 4)
    frozen = values.copy()
    frozen.flags.writeable = False
    for awkward in (values.T, values[::-1], values[:, ::2], frozen, values[0, 0]):
        np.testing.assert_array_equal(adapter.to_numpy(adapter.asarray(awkward, device=device)), awkward)
    for plain in (1.5, [1.0, 2.0], [[1, 2], [3, 4]], True):
        np.testing.assert_array_equal(adapter.to_numpy(adapter.asarray(plain, "float32", device)), plain)
    cast = adapter.asarray([1, 2], "float32", device)
    assert adapter.dtype_name(cast.dtype) == "float32"


def test_arrays_cross_from_and_to_numpy(adapter: Backend, device: Any) -> None:
    values = np.asarray([[1.0, 2.0], [3.0, 4.0]], dtype="float32")
    there = convert(values, adapter, device=device)
    assert find_backend(there) is adapter
    assert adapter.device_of(there) == device
    back = convert(there, get_backend("numpy"))
    np.testing.assert_array_equal(back, values, strict=True)


def test_a_library_with_views_shows_writes_to_the_buffer_through_them(adapter: Backend, device: Any) -> None:
    buffer = on_device(adapter, np.zeros(6), device)
    window = adapter.xp.reshape(buffer[2:6], (2, 2))
    if adapter.has_views:
        adapter.store(buffer, on_device(adapter, np.arange(6.0), device))
        np.testing.assert_array_equal(adapter.to_numpy(window), [[2.0, 3.0], [4.0, 5.0]])
        adapter.store(window, on_device(adapter, np.ones((2, 2)), device))
        np.testing.assert_array_equal(adapter.to_numpy(buffer), [0.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    else:
        assert tuple(window.shape) == (2, 2)


KEYS = [
    *((1, Ellipsis), (slice(0, 2), Ellipsis), (slice(None, None, -2), Ellipsis), (Ellipsis, -1)),
    *((slice(None), slice(3, 0, -1)), (2, 3), (Ellipsis,)),
]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_items_are_read_and_set_as_numpy_does_and_the_original_stays(key: Any, adapter: Backend, device: Any) -> None:
    values = np.arange(12.0).reshape(3, 4)
    x = on_device(adapter, values, device)
    np.testing.assert_array_equal(adapter.to_numpy(adapter.get_item(x, key)), values[key])
    expected = values.copy()
    expected[key] = -expected[key]
    found = adapter.set_item(x, key, on_device(adapter, np.asarray(-values[key]), device))
    np.testing.assert_array_equal(adapter.to_numpy(found), expected)
    np.testing.assert_array_equal(adapter.to_numpy(x), values)


def test_rows_are_taken_and_put_into_an_array_that_is_given(adapter: Backend, device: Any) -> None:
    values = np.arange(12.0, dtype="float32").reshape(6, 2)
    x = adapter.asarray(values, device=device)
    indices = np.asarray([5, 0, 2], dtype=adapter.index_dtype(device))
    for rows, key in ((slice(1, 4), slice(1, 4)), (adapter.asarray(indices, device=device), indices)):
        np.testing.assert_array_equal(adapter.to_numpy(adapter.take_rows(x, rows)), values[key])
        if adapter.has_views:
            out = adapter.asarray(np.full((3, 2), -1.0, dtype="float32"), device=device)
            # A training step reads its batch from there, whatever is returned.
            adapter.take_rows(x, rows, out)
            np.testing.assert_array_equal(adapter.to_numpy(out), values[key])
            assert adapter.device_of(out) == device
    np.testing.assert_array_equal(adapter.to_numpy(x), values)


@pytest.mark.parametrize("axis", [0, 1, -1, -3])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int16", "uint8", "complex64"])
def test_repeated_indices_add_up(axis: int, dtype: str, adapter: Backend, device: Any) -> None:
    require_dtype(adapter, dtype, device)
    values = (np.arange(24) * (1 + 2j if dtype == "complex64" else 1)).reshape(2, 3, 4).astype(dtype)
    indices = np.asarray([1, 0, 1, 1], dtype=adapter.index_dtype(device))
    added = np.ones(np.take(values, indices, axis=axis).shape, dtype=dtype)
    expected = values.copy()
    np.add.at(np.moveaxis(expected, axis, 0), indices, np.moveaxis(added, axis, 0))
    x = adapter.asarray(values, device=device)
    where, what = (adapter.asarray(part, device=device) for part in (indices, added))
    found = adapter.index_add(x, where, what, axis)
    np.testing.assert_array_equal(adapter.to_numpy(found), expected, strict=True)
    np.testing.assert_array_equal(adapter.to_numpy(x), values)


@pytest.mark.parametrize("shape", [(), (0,), (1,), (7,), (33, 5)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uniform_numbers_are_the_same_bits_as_on_numpy(shape: Any, dtype: str, adapter: Backend, device: Any) -> None:
    require_dtype(adapter, dtype, device)
    draw: dict[str, Any] = {"key": (2**63 + 5, 7), "counter": (3, 2**64 - 1), "shape": shape, "dtype": dtype}
    found = adapter.uniform(**draw, device=device)
    assert adapter.device_of(found) == device
    np.testing.assert_array_equal(
        adapter.to_numpy(found), get_backend("numpy").uniform(**draw, device=None), strict=True
    )


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 10), (-5, 6), (-(2**31), 2**31), (0, 2**62)])
def test_random_integers_are_the_same_as_on_numpy(low: int, high: int, adapter: Backend, device: Any) -> None:
    draw: dict[str, Any] = {
        "key": (1, 2),
        "counter": (3, 4),
        "shape": (3, 11),
        "low": low,
        "high": high,
        "dtype": "int64",
    }
    require_dtype(adapter, "int64", device)
    found = adapter.integers(**draw, device=device)
    assert adapter.device_of(found) == device
    np.testing.assert_array_equal(
        adapter.to_numpy(found), get_backend("numpy").integers(**draw, device=None), strict=True
    )


def test_a_draw_takes_its_counter_from_an_array(adapter: Backend, device: Any) -> None:
    reference = get_backend("numpy")
    counter = adapter.asarray(np.asarray(7, dtype=adapter.index_dtype(device)), device=device)
    found = adapter.uniform((1, 2), (counter, 3), (9,), "float32", device)
    expected = reference.uniform((1, 2), (7, 3), (9,), "float32", None)
    np.testing.assert_array_equal(adapter.to_numpy(found), expected, strict=True)
    whole = adapter.integers((1, 2), (counter, 3), (9,), -4, 5, "int32", device)
    expected = reference.integers((1, 2), (7, 3), (9,), -4, 5, "int32", None)
    np.testing.assert_array_equal(adapter.to_numpy(whole), expected, strict=True)
    normals = adapter.draw((1, 2), (counter, 3), _normals, (9,), "float32", device)
    expected = reference.draw((1, 2), (7, 3), _normals, (9,), "float32", None)
    np.testing.assert_array_equal(adapter.to_numpy(normals), expected, strict=True)


def _normals(draw: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return draw.standard_normal(shape)


def test_an_integer_is_read_out_of_an_array_without_axes(adapter: Backend, device: Any) -> None:
    x = adapter.asarray(np.asarray(3, dtype=adapter.index_dtype(device)), device=device)
    assert integer_of(x) == 3
    with pytest.raises(TypeError):
        integer_of(on_device(adapter, 1.5, device))


def test_its_plans_have_an_executor(adapter: Backend) -> None:
    executor = executor_for(adapter)
    assert executor.library in (None, adapter.name)


def test_memory_is_told_in_bytes(adapter: Backend, device: Any) -> None:
    found = adapter.memory(device)
    assert set(found) <= {"used", "held", "free", "total"}
    assert all(isinstance(value, int) and value >= 0 for value in found.values())
