"""What Numba compiles, and where it keeps that."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
import threading
import traceback
import warnings
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any
from weakref import WeakValueDictionary

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

from nnarray.compiler.executors._numba import at, fma, {{decorator}} as compiled
'''
_MOST_FILES = 512
#: Of two threads with the same kernels, the second takes what the first has compiled, all of it.
_LOCK = threading.Lock()
#: What plans hold.
_MODULES: WeakValueDictionary[str, ModuleType] = WeakValueDictionary()
#: Sizes are known from the loops; a pointer has none.
_UNBOUNDED = sys.maxsize // 16


_OPTIONS = {"nogil": True, "error_model": "numpy", "boundscheck": False}


def most_threads() -> int:
    """Return how many threads Numba is allowed to use."""
    return int(numba.config.NUMBA_NUM_THREADS)


def kept(signature: Any) -> Any:
    """Return the decorator that compiles a kernel, or takes it from the files of earlier processes."""
    return numba.njit(signature, cache=True, **_OPTIONS)


def passing(signature: Any) -> Any:
    """Return the decorator that compiles a kernel for this process only."""
    return numba.njit(signature, **_OPTIONS)


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


def build(source: str) -> ModuleType:
    """Return the module of some kernels, which lives as long as someone holds it; its code is kept in files."""
    if numba.config.DISABLE_JIT:
        raise RuntimeError(
            "executor='numba' compiles loops: received NUMBA_DISABLE_JIT=1, which forbids it. Unset it, or leave out "
            "executor='numba'."
        )
    text = f"{_HEAD.format(decorator='kept')}\n{source}"
    name = f"nnarray_kernels_{hashlib.sha256(text.encode()).hexdigest()[:32]}"
    with _LOCK:
        module = _MODULES.get(name)
        if module is None:
            module = _MODULES[name] = _loaded(name, text) or _unkept(name, source)
        return module


def _loaded(name: str, text: str) -> ModuleType | None:
    """Return the module from its files, which are written if they are new or damaged; None if that cannot be."""
    folder = Path(os.environ.get("NNARRAY_CACHE_DIR") or user_cache_path("nnarray")).expanduser() / "kernels"
    path = folder / f"{name}.py"
    code = compile(text, str(path), "exec")
    for is_last in (False, True):
        try:
            _write(path, text)
            return _run(name, path, code)
        except (OSError, _DamagedFile) as error:
            with contextlib.suppress(OSError):
                _delete(path)
            if is_last:
                warnings.warn(
                    f"Compiled code is kept in a folder that can be written: received {folder} ({error}). Until "
                    "NNARRAY_CACHE_DIR names another, each process compiles anew.",
                    stacklevel=2,
                )
    return None


class _DamagedFile(Exception):  # noqa: N818 -- handled where it is raised for
    """Numba could not read or write what it keeps of a module."""


def _run(name: str, path: Path, code: CodeType) -> ModuleType:
    module = ModuleType(name)
    module.__file__ = str(path)
    # Numba looks for the module of a function there while it compiles.
    sys.modules[name] = module
    try:
        exec(code, vars(module))
    except Exception as error:
        # Unpickling may raise anything on a damaged file; whatever else is raised is the fault of the source.
        frames = traceback.walk_tb(error.__traceback__)
        if any(frame.f_globals.get("__name__") == "numba.core.caching" for frame, _ in frames):
            raise _DamagedFile(repr(error)) from error
        raise
    finally:
        del sys.modules[name]
    return module


def _unkept(name: str, source: str) -> ModuleType:
    module = ModuleType(name)
    exec(f"{_HEAD.format(decorator='passing')}\n{source}", vars(module))
    return module


def _write(path: Path, text: str) -> None:
    """Write the file of a module if it is new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.read_bytes() == text.encode():
        return
    _prune(path.parent)
    with tempfile.NamedTemporaryFile("wb", dir=path.parent, suffix=".tmp", delete=False) as file:
        file.write(text.encode())
    Path(file.name).replace(path)


def _prune(folder: Path) -> None:
    """Delete the oldest modules, with what was compiled of them, where there are too many."""
    # Other processes may delete, too.
    with contextlib.suppress(FileNotFoundError):
        files = sorted(folder.glob("*.py"), key=lambda path: path.stat().st_mtime)
        for old in files[: max(0, len(files) - _MOST_FILES + 1)]:
            _delete(old)


def _delete(path: Path) -> None:
    for file in (path, *(path.parent / "__pycache__").glob(f"{path.stem}.*")):
        file.unlink(missing_ok=True)
