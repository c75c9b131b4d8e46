"""The registry, the selection, and the protocol's methods on every backend against NumPy."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import array_api_strict
import numpy as np
import pytest

import nnarray as nna
from nnarray.backends import (
    backend_of,
    chosen_backend,
    convert,
    current_backend,
    find_backend,
    get_backend,
    select,
)
from nnarray.testing.plugin import places


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


def test_raw_modules_name_their_backend() -> None:
    assert get_backend(np) is get_backend("numpy")
    assert get_backend(array_api_strict).name == "array_api_strict"


def test_a_namespace_of_ours_names_the_backend_under_it(place: Any) -> None:
    space = nna.namespace(*place)
    assert get_backend(space) is get_backend(place[0])
    with nna.use_backend(space) as selection:
        assert selection.backend.name == place[0]


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("nnarray.numpy", ValueError, "Unknown backend: 'nnarray.numpy'. Did you mean 'numpy'"),
        ("torch.nothing.there", ValueError, "Unknown backend: 'torch.nothing.there'"),
        ("no_package.module", ValueError, "Unknown backend: 'no_package.module'"),
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


def test_a_library_that_lacks_another_is_said_to_be_installed(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "halflib.py").write_text("import a_part_of_halflib\n")
    (tmp_path / "badlib.py").write_text("raise ImportError('its own library is of another version')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name, reason in (("halflib", "a_part_of_halflib"), ("badlib", "another version")):
        with pytest.raises(ValueError, match=f"'{name}' is installed and cannot be imported: .*{reason}"):
            nna.set_backend(name)


def test_unknown_devices_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"no device 'cuda:7'.*'cpu'"):
        nna.set_backend("numpy", device="cuda:7")


def test_selection_prefers_the_scope_then_the_process_then_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from nnarray.backends import _selection

    assert chosen_backend() is None
    assert current_backend().backend.name == "numpy"
    monkeypatch.setenv("NNARRAY_BACKEND", "array_api_strict")
    assert current_backend().backend.name == "array_api_strict"
    monkeypatch.setattr(_selection, "_default", None)
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


def test_arrays_cross_between_any_two_libraries(place: Any) -> None:
    target, device = select(*place)
    for source_name, source_device, *_ in places("available").taken:
        source = get_backend(source_name)
        x = source.asarray([[1.0, 2.0], [3.0, 4.0]], "float32", source_device)
        moved = convert(x, target, device=device)
        assert find_backend(moved) is target
        assert target.dtype_name(moved.dtype) == "float32"
        np.testing.assert_array_equal(target.to_numpy(moved), [[1.0, 2.0], [3.0, 4.0]])


def test_zeros_that_torch_never_stored_go_to_numpy() -> None:
    torch = pytest.importorskip("torch")
    np.testing.assert_array_equal(get_backend("torch").to_numpy(torch._efficientzerotensor(2)), [0.0, 0.0])


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "int64", "uint8"])
def test_extremes_are_the_least_and_the_greatest_element(dtype: str, place: Any) -> None:
    backend = nna.backends.get_backend(place[0])
    x = backend.asarray(np.asarray([[3, 100], [7, 5]]), dtype, place[1])
    assert backend.extremes(x) == (3, 100)
    holed = backend.asarray(np.asarray([1.0, np.nan]), "float32", place[1])
    assert any(np.isnan(each) for each in backend.extremes(holed))
