"""What Numba compiles, and where it keeps that."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import sys
import tempfile
import threading
import warnings
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba import carray, types
from numba.core import cgutils
from numba.extending import intrinsic
from platformdirs import user_cache_path

from nnarray._version import __version__

#: What every module of kernels begins with.
_HEAD = f'''"""Loops of a plan: nnarray {__version__}, Numba {numba.__version__}."""

import numpy as np
from math import sqrt
from numba.types import Array, boolean, float32, float64, int8, int16, int32, int64, uint8, uint16, uint32, uint64, void

from nnarray.compiler.executors._numba import at, compiled, fma
'''
_MOST_FILES = 512
#: Of two threads with the same kernels, the second takes what the first has compiled, all of it.
_LOCK = threading.Lock()
#: Sizes are known from the loops; a pointer has none.
_UNBOUNDED = sys.maxsize // 16


def compiled(signature: Any) -> Any:
    """Return the decorator that compiles a kernel, or takes it from the files of earlier processes."""
    return numba.njit(signature, cache=True, nogil=True, error_model="numpy", boundscheck=False)


@intrinsic
def _pointer(_: Any, address: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(address), generate


@numba.njit(inline="always")
def at(address: int, dtype: Any) -> np.ndarray:
    """Return what is at an address as an array without end."""
    return carray(_pointer(address), (_UNBOUNDED,), dtype)


@intrinsic
def fma(_: Any, a: Any, b: Any, c: Any) -> Any:
    """Return ``a * b + c``, rounded once."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return c(a, b, c), generate


def build(source: str) -> Any:
    """Return the module of some kernels; its compiled code is kept for later processes."""
    with _LOCK:
        return _built(f"{_HEAD}\n{source}")


def _built(text: str) -> Any:
    name = f"nnarray_kernels_{hashlib.sha256(text.encode()).hexdigest()[:32]}"
    if name in sys.modules:
        return sys.modules[name]
    path = _written(name, text)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Numba finds the module of a function there.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _written(name: str, text: str) -> Path:
    """Return the file of a module, written if it is new."""
    folder = Path(os.environ.get("NNARRAY_CACHE_DIR") or user_cache_path("nnarray")) / "kernels"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.py"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            _prune(folder)
            with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".tmp", delete=False, encoding="utf-8") as file:
                file.write(text)
            Path(file.name).replace(path)
    except OSError as error:
        warnings.warn(
            f"Compiled code is kept in a folder that can be written: received {folder} ({error}). Until "
            "NNARRAY_CACHE_DIR names another, each process compiles anew.",
            stacklevel=2,
        )
        path = Path(tempfile.mkdtemp()) / f"{name}.py"
        path.write_text(text, encoding="utf-8")
    return path


def _prune(folder: Path) -> None:
    """Delete the oldest modules, with what was compiled of them, where there are too many."""
    # Other processes may delete, too.
    with contextlib.suppress(FileNotFoundError):
        files = sorted(folder.glob("*.py"), key=lambda path: path.stat().st_mtime)
        for old in files[: max(0, len(files) - _MOST_FILES + 1)]:
            for file in (old, *(folder / "__pycache__").glob(f"{old.stem}.*")):
                file.unlink(missing_ok=True)
