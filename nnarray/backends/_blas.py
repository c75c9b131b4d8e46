"""Threads of NumPy's BLAS, as many as the products to come are worth, and the number from before when they are done.

OpenBLAS takes all its threads for any product of more than some thousand multiplications. A thread that other processes
keep from working then makes all others wait: on a busy machine a product takes many times as long as on one thread.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from nnarray.backends._base import Backend
from nnarray.config import blas_threads as blas_setting

#: Up to so many multiply-adds OpenBLAS takes one thread by itself, also for a product of a matrix and a vector.
_ALONE = 9_000
#: Multiply-adds that are worth a thread.
_PER_THREAD = 4_000_000
_BACKENDS = ("numpy", "array_api_strict")
_SYMBOLS = [f"{prefix}openblas_%s{suffix}" for prefix in ("scipy_", "") for suffix in ("64_", "")]
_FUNCTIONS = ("get_num_threads", "set_num_threads", "get_parallel")


class Pool:
    """The threads of a BLAS, and who has changed their number.

    Parameters
    ----------
    get, set : callable
        The library's own functions.

    Attributes
    ----------
    inside : list of int
        The numbers that are wanted now; the fewest is the number.
    found : int
        The number before the first of them came.
    """

    def __init__(self, get: Callable[[], int], set: Callable[[int], Any]) -> None:
        self.get = get
        self.set = set
        self.lock = threading.Lock()
        self.inside: list[int] = []
        self.found = 0

    def start_anew(self) -> None:
        """Forget who is inside, as a forked process must, in which the other threads are no more."""
        self.lock = threading.Lock()
        if self.inside:
            self.inside = []
            self.set(self.found)


class BlasThreads:
    """A context in which a pool has so many threads as products are worth; what `blas_threads` returns.

    One thread at a time enters it, and not while it is entered.

    Parameters
    ----------
    pool : Pool or None
        None if there is nothing to do.
    worth : int
        Threads that the products are worth, if no other number is set.
    """

    __slots__ = ("_pool", "_wanted", "_worth")

    def __init__(self, pool: Pool | None, worth: int = 1) -> None:
        self._pool = pool
        self._worth = worth
        self._wanted = 0

    # Both are part of each call of a plan: written without functions of their own, they take half the time.
    def __enter__(self) -> None:
        if (pool := self._pool) is None or (wanted := blas_setting()) is None:
            return
        with pool.lock:
            inside = pool.inside
            found = pool.found if inside else pool.get()
            if wanted == "auto":
                wanted = self._worth if self._worth < found else found
            if inside:
                if wanted < min(inside):
                    pool.set(wanted)
            elif wanted != found:
                pool.found = found
                pool.set(wanted)
            else:
                return
            inside.append(wanted)
            self._wanted = wanted

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        if (pool := self._pool) is None or not (wanted := self._wanted):
            return
        self._wanted = 0
        with pool.lock:
            inside = pool.inside
            if wanted in inside:  # Else it was entered before the process was forked.
                inside.remove(wanted)
                if not inside:
                    pool.set(pool.found)
                elif wanted < (fewest := min(inside)):
                    pool.set(fewest)


def blas_threads(largest_product: int, backend: Backend) -> BlasThreads:
    """Return a context in which NumPy's BLAS has so many threads as products up to a size are worth.

    On leaving, also by an error, it has those from before. If several threads are inside, the fewest that one of them
    wants is the number for all, and for whoever else multiplies at that time.

    Parameters
    ----------
    largest_product : int
        Multiply-adds of the largest product: m n k.
    backend : Backend
        Whose arrays are multiplied; nothing is done for one that does not compute by NumPy's BLAS.

    Examples
    --------
    >>> from nnarray.backends import blas_threads, get_backend
    >>> with blas_threads(256 * 64 * 64, get_backend("numpy")):
    ...     pass  # One thread, however many there were.
    """
    if largest_product <= _ALONE or backend.name not in _BACKENDS:
        return BlasThreads(None)
    return BlasThreads(numpy_blas().pool, max(largest_product // _PER_THREAD, 1))


class Blas(NamedTuple):
    """NumPy's BLAS: its threads, or why they are left as they are."""

    pool: Pool | None
    obstacle: str = ""


def numpy_blas() -> Blas:
    """Return NumPy's BLAS, looked for once."""
    with _finding:
        if not _found:
            _found.append(_find())
            if (pool := _found[0].pool) is not None and hasattr(os, "register_at_fork"):
                os.register_at_fork(after_in_child=pool.start_anew)
    return _found[0]


_finding = threading.Lock()
_found: list[Blas] = []


def _find() -> Blas:
    # In NumPy's own module a name is looked up, and in what that module was linked to: in no other library.
    module = sys.modules.get("numpy._core._multiarray_umath")
    try:
        # These functions read and write a number: to let other threads go on meanwhile would take longer.
        library = ctypes.PyDLL(module.__file__)  # type: ignore[union-attr]
    except (AttributeError, OSError, TypeError) as error:
        return Blas(None, f"NumPy's compiled module cannot be opened: {error}")
    for symbol in _SYMBOLS:
        with contextlib.suppress(AttributeError):
            get, change, parallel = (getattr(library, symbol % name) for name in _FUNCTIONS)
            if (kind := parallel()) != 1:
                return Blas(None, "it has none" if kind == 0 else "they are those of OpenMP, which others use too")
            change.restype = None  # To declare the argument as well would double the time of a call.
            return Blas(Pool(get, change))
    return Blas(None, "it is not known as OpenBLAS")


def examine_blas() -> dict[str, Any]:
    """Return how many threads NumPy's BLAS has, what changes that, or why nothing does, as plain data."""
    pool, obstacle = numpy_blas()
    try:
        setting = blas_setting()
    except ValueError as error:
        setting, obstacle = None, str(error)
    return {"threads": None if pool is None else pool.get(), "setting": setting, "obstacle": obstacle}


def blas_text(found: dict[str, Any]) -> str:
    """Return what `examine_blas` found as a line."""
    setting, obstacle = found["setting"], found["obstacle"]
    if obstacle:
        return f"NumPy's BLAS: its threads are left as they are ({obstacle})"
    meanwhile = {
        None: "left as they are",
        "auto": f"while a plan runs one for each {_PER_THREAD:,} multiply-adds of its largest product",
    }.get(setting, f"while a plan runs {setting}")
    return f"NumPy's BLAS: {found['threads']} thread(s), {meanwhile}"
