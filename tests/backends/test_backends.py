"""The registry, the selection, and the protocol's methods on every backend against NumPy."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import array_api_strict
import numpy as np
import pytest

import nnarray as nna
from nnarray.backends import (
    Backend,
    backend_of,
    chosen_backend,
    convert,
    current_backend,
    find_backend,
    get_backend,
    select,
)
from tests.conftest import INSTALLED
from tests.gradients import to_host


def test_importing_nnarray_loads_no_array_library_but_numpy_and_costs_little() -> None:
    code = (
        "import sys, time, numpy; t = time.perf_counter(); import nnarray; cost = time.perf_counter() - t;"
        "names = ('torch', 'jax', 'cupy', 'array_api_compat.numpy', 'matplotlib', 'sklearn', 'optree', 'tqdm');"
        "print([n for n in names if n in sys.modules], cost)"
    )
    loaded, cost = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.rsplit(" ", 1)
    assert loaded == "[]"
    # 60 ms are allowed on a quiet machine, and the import takes under one; the rest is for a busy one.
    assert float(cost) < 0.5


def test_layers_and_models_load_no_array_library_but_numpy() -> None:
    code = (
        "import sys, nnarray.models, nnarray.layers, nnarray.losses, nnarray.datasets;"
        "print([n for n in ('torch', 'jax', 'cupy', 'matplotlib', 'sklearn') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_backend_is_found_by_name_module_adapter_and_array(backend: Any) -> None:
    name, device = backend
    adapter = get_backend(name)
    x = adapter.asarray([1.0, 2.0], device=device)
    assert get_backend(adapter) is get_backend(adapter.xp) is backend_of(x) is adapter
    assert pickle.loads(pickle.dumps(adapter)) is adapter
    adapter.probe()
    assert name in nna.available_backends()


def test_raw_modules_name_their_backend() -> None:
    assert get_backend(np) is get_backend("numpy")
    assert get_backend(array_api_strict).name == "array_api_strict"


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("numpi", ValueError, "Did you mean 'numpy'"),
        ("nothing_like_it", ValueError, "Known: array_api_strict"),
        ("json", ValueError, "Unknown backend: 'json'"),
        ("", ValueError, "Unknown backend"),
        (3, TypeError, "a name or an array-API module"),
    ],
)
def test_unknown_backends_are_refused_with_the_nearest_name(name: Any, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        nna.set_backend(name)
    assert current_backend().backend.name == "numpy"


def test_a_known_library_that_is_missing_names_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from nnarray.backends import _registry

    monkeypatch.setattr(_registry, "_GENERIC", ("array_api_missing",))
    with pytest.raises(ImportError, match="pip install array-api-missing"):
        nna.set_backend("array_api_missing")
    assert "array_api_missing" not in nna.available_backends()


def test_unknown_devices_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"no device 'cuda:7'.*'cpu'"):
        nna.set_backend("numpy", device="cuda:7")


def test_selection_prefers_the_scope_then_the_process_then_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from nnarray.backends import _registry

    assert chosen_backend() is None
    assert current_backend().backend.name == "numpy"
    monkeypatch.setenv("NNARRAY_BACKEND", "array_api_strict")
    assert current_backend().backend.name == "array_api_strict"
    monkeypatch.setattr(_registry, "_default", None)
    nna.set_backend("array_api_strict", device="device1")
    assert str(current_backend().device) == "array_api_strict.Device('device1')"
    with nna.use_backend("numpy"):
        assert current_backend().backend.name == "numpy"
        with nna.use_backend("array_api_strict"):
            assert current_backend().backend.name == "array_api_strict"
        assert current_backend().backend.name == "numpy"
    assert current_backend().backend.name == "array_api_strict"


def test_no_other_object_is_taken_for_an_array() -> None:
    for x in ("text", None, [1.0], object(), np.str_("text"), 3.0):
        assert find_backend(x) is None
    with pytest.raises(TypeError, match=r"received 'text' \(str\)"):
        backend_of("text")


def test_arrays_cross_between_any_two_libraries(backend: Any) -> None:
    target, device = select(*backend)
    for source_name, source_device in INSTALLED:
        source = get_backend(source_name)
        x = source.asarray([[1.0, 2.0], [3.0, 4.0]], "float32", source_device)
        moved = convert(x, target, device=device)
        assert find_backend(moved) is target
        assert target.dtype_name(moved.dtype) == "float32"
        np.testing.assert_array_equal(target.to_numpy(moved), [[1.0, 2.0], [3.0, 4.0]])


def test_set_item_and_index_add_do_as_numpy_does(backend: Any) -> None:
    adapter, device = select(*backend)
    a, rows, v = np.arange(12.0).reshape(3, 4), np.asarray([2, 0, 2]), np.ones((3, 4))
    x = adapter.asarray(a, device=device)
    expected = a.copy()
    expected[1, 0:3] = [7.0, 8.0, 9.0]
    found = adapter.set_item(x, (1, slice(0, 3)), adapter.asarray([7.0, 8.0, 9.0], x.dtype, device))
    np.testing.assert_array_equal(to_host(found), expected)
    expected = a.copy()
    np.add.at(expected, rows, v)
    moved = [adapter.asarray(part, device=device) for part in (rows, v)]
    np.testing.assert_array_equal(to_host(adapter.index_add(x, *moved, axis=0)), expected)
    expected = a.copy()
    np.add.at(expected, (slice(None), rows), v[:, :3])
    turned = adapter.index_add(x, moved[0], adapter.asarray(v[:, :3], device=device), axis=1)
    np.testing.assert_array_equal(to_host(turned), expected)
    np.testing.assert_array_equal(to_host(x), a)


def test_uniforms_are_the_same_bits_everywhere_and_those_of_numpys_philox(backend: Any) -> None:
    adapter, device = select(*backend)
    words = np.random.Philox(key=[5, 7], counter=[0, 0, 3, 1]).random_raw(5)
    found = to_host(adapter.uniform((5, 7), (3, 1), (5,), "float64", device))
    np.testing.assert_array_equal(found, (words >> np.uint64(11)) * 2.0**-53)
    halves = words.astype("<u8").view("<u4")[:9]
    found = to_host(adapter.uniform((5, 7), (3, 1), (3, 3), "float32", device))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found.reshape(-1), (halves >> 8) * np.float32(2.0**-24))
    with pytest.raises(TypeError, match="float32 or float64"):
        adapter.uniform((5, 7), (3, 1), (3,), "int64", device)


def test_dtypes_have_the_standards_names(backend: Any) -> None:
    adapter = get_backend(backend[0])
    for name in ("float32", "float64", "int64", "bool", "uint8"):
        assert adapter.dtype_name(getattr(adapter.xp, name)) == name


def test_a_backend_that_computes_wrongly_is_not_available() -> None:
    class Wrong(Backend):
        def to_numpy(self, x: Any) -> np.ndarray:
            return np.zeros((2, 2))

    with pytest.raises(RuntimeError, match="wrong matrix product"):
        Wrong("wrong", "array_api_strict").probe()


def test_synchronize_and_memory_answer_on_every_backend(backend: Any) -> None:
    adapter, device = select(*backend)
    assert adapter.synchronize(device) is None
    assert all(isinstance(value, int) for value in adapter.memory(device).values())
    assert adapter.executor in ("numpy", "torch", "jax", "generic")
