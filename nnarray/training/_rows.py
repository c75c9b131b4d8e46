"""Rows of what does not fit in memory as an array: maps of files, sparse matrices, data sets on disk."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np

from nnarray.backends import backend_of, find_backend
from nnarray.training._frames import is_frame

#: Bytes read through a map, after which its pages are given back.
_KEPT = 1 << 25


def is_kept_apart(x: Any) -> bool:
    """Whether `x` is something of which batches are to be read one by one."""
    return isinstance(x, np.memmap) or _is_sparse(x) or _is_on_disk(x)


def _is_sparse(x: Any) -> bool:
    return hasattr(x, "toarray") and hasattr(x, "tocsr")


def _is_on_disk(x: Any) -> bool:
    return (
        all(hasattr(x, name) for name in ("shape", "dtype", "chunks", "__getitem__"))
        and find_backend(x) is None
        and not is_frame(x)
    )


def rows_of(x: Any) -> Rows:
    """Return what reads rows of `x`, which is that already, kept apart, or an array of any library."""
    if isinstance(x, np.memmap):
        return _Mapped(x)
    if _is_sparse(x):
        return _Sparse(x.tocsr())
    if _is_on_disk(x):
        return _OnDisk(x)
    return Rows(backend_of(x).to_numpy(x))


class Rows:
    """Rows of an array in memory.

    Parameters
    ----------
    array : array

    Attributes
    ----------
    shape : tuple of int
    dtype : dtype
    """

    def __init__(self, array: Any) -> None:
        self._array = array
        self.shape = tuple(array.shape)
        self.dtype = array.dtype

    def read(self, rows: Any) -> np.ndarray:
        """Return the rows of a slice or of an array of integers, an array of its own."""
        return np.array(self._array[rows])


class _Mapped(Rows):
    """Rows of a file that is mapped into memory; pages that were read do not stay there."""

    def __init__(self, array: np.memmap) -> None:
        super().__init__(array.view(np.ndarray))
        # Of a map that keeps changes to itself, pages given back would lose them.
        self._map = getattr(array, "_mmap", None) if array.mode != "c" else None
        self._read = 0

    def read(self, rows: Any) -> np.ndarray:
        found = np.array(self._array[rows])
        self._read += found.nbytes
        if self._read > _KEPT and isinstance(self._map, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)
            self._read = 0
        return found


class _Sparse(Rows):
    """Rows of a sparse matrix."""

    def read(self, rows: Any) -> np.ndarray:
        return np.asarray(self._array[rows].toarray())


class _OnDisk(Rows):
    """Rows of a data set that takes slices and ascending numbers."""

    def read(self, rows: Any) -> np.ndarray:
        if isinstance(rows, slice):
            return np.array(self._array[rows])
        order = np.argsort(rows)
        found = np.asarray(self._array[rows[order]])
        placed = np.empty_like(found)
        placed[order] = found
        return placed
