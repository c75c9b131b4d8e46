"""Compiled loops are kept in files, whose loss or damage costs time and nothing else."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnarray as nna

pytest.importorskip("numba")
pytest.importorskip("platformdirs")

import numba

from nnarray.compiler.executors import _numba

PROGRAM = """
import json, numpy as np, nnarray as nna
from nnarray.compiler.executors import _numba
f = nna.jit(lambda x: x * 2.0 + 1.0, executor="numba")
out = f(np.arange(3.0))
(module,) = _numba._MODULES.values()
stats = module.kernel0.stats
print(json.dumps([out.tolist(), sum(stats.cache_hits.values()), sum(stats.cache_misses.values())]))
"""


def test_another_process_takes_what_the_first_has_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNARRAY_CACHE_DIR", str(tmp_path))
    found = []
    for _ in range(2):
        run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
        found.append(json.loads(run.stdout))
    assert found == [[[1.0, 3.0, 5.0], 0, 1], [[1.0, 3.0, 5.0], 1, 0]]


def test_the_oldest_files_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNARRAY_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(_numba, "_MOST_FILES", 2)
    modules = [_numba.build(f"k0 = {n}\n") for n in range(3)]
    for age, module in enumerate(modules[:2]):
        assert module.k0 == age
    kept = {path.stem for path in (tmp_path / "kernels").glob("*.py")}
    assert len(kept) == 2
    assert modules[2].__name__ in kept


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NNARRAY_CACHE_DIR", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="NNARRAY_CACHE_DIR"):
        found = nna.jit(lambda x: x * 3.0 - 0.25, executor="numba")(np.ones(2))
    np.testing.assert_array_equal(found, 2.75)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NNARRAY_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(_numba, "_MODULES", {})
    return tmp_path / "kernels"


def doubled() -> Any:
    return nna.jit(lambda x: x * 2.0 + 1.5, executor="numba")(np.arange(3.0))


@pytest.mark.parametrize("pattern", ["*.py", "__pycache__/*.nbi", "__pycache__/*.nbc"])
@pytest.mark.parametrize("damage", ["empty", "cut", "other"])
def test_damaged_files_are_made_anew(files: Path, pattern: str, damage: str) -> None:
    doubled()
    (file,) = files.glob(pattern)
    whole = file.read_bytes()
    file.write_bytes({"empty": b"", "cut": whole[:40], "other": b"\xff\xfe\x00broken"}[damage])
    _numba._MODULES.clear()
    np.testing.assert_array_equal(doubled(), [1.5, 3.5, 5.5])
    (file,) = files.glob(pattern)
    assert len(file.read_bytes()) > 40


def test_what_cannot_be_kept_is_compiled_for_this_process(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nor can Numba keep it in folders of its own.
    for name in ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(files / "__pycache__" / "none"))
    files.mkdir()
    (files / "__pycache__").write_text("")
    with pytest.warns(UserWarning, match="NNARRAY_CACHE_DIR"):
        np.testing.assert_array_equal(doubled(), [1.5, 3.5, 5.5])


def test_what_numba_cannot_save_is_compiled_for_this_process(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def save(*_: Any) -> None:
        message = "No space left on device"
        raise OSError(message)

    monkeypatch.setattr("numba.core.caching.IndexDataCacheFile.save", save)
    with pytest.warns(UserWarning, match="No space left on device"):
        np.testing.assert_array_equal(doubled(), [1.5, 3.5, 5.5])


def test_a_folder_may_be_named_from_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("NNARRAY_CACHE_DIR", "~/kept")
    monkeypatch.setattr(_numba, "_MODULES", {})
    doubled()
    assert list((tmp_path / "kept" / "kernels").glob("*.py"))


def test_modules_live_as_long_as_their_plans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNARRAY_CACHE_DIR", str(tmp_path))
    jitted = nna.jit(lambda x: x * 2.0 + 1.625, executor="numba")
    jitted(np.arange(3.0))
    # What Numba has compiled in this process, it holds to its end; what it has loaded, it does not.
    _numba._MODULES.clear()
    before = len(_numba._MODULES)
    jitted = nna.jit(lambda x: x * 2.0 + 1.625, executor="numba")
    jitted(np.arange(3.0))
    assert len(_numba._MODULES) == before + 1
    del jitted
    gc.collect()
    assert len(_numba._MODULES) == before


def test_a_compiler_that_is_turned_off_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 1)
    with pytest.raises(RuntimeError, match="NUMBA_DISABLE_JIT"):
        doubled()


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("k0 = (\n", SyntaxError),
        ("k0 = missing\n", NameError),
        ("k0 = 1 // 0\n", ZeroDivisionError),
        ("@compiled('float64(float64)')\ndef k0(x):\n    return x.missing\n", numba.TypingError),
    ],
)
def test_a_fault_of_the_generated_source_is_not_blamed_on_the_files(files: Path, source: str, error: type) -> None:
    # The suite makes errors of warnings: one about the folder would be another error.
    with pytest.raises(error):
        _numba.build(source)
    np.testing.assert_array_equal(doubled(), [1.5, 3.5, 5.5])
    assert len(list(files.glob("*.py"))) >= 1
