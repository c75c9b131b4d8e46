"""`cupy.cuda.thrust` on the host: sorting by NumPy, in place of Thrust, which needs a GPU."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

available = True
_runtime = ctypes.CDLL("libcudart.so.13")


def get_build_version() -> int:
    """Return 0: no version of Thrust is here."""
    return 0


def _at(address: int, shape: Sequence[int], dtype: Any) -> np.ndarray:
    """Return the memory of the "device" at an address as an array."""
    dtype = np.dtype(dtype)
    size = int(np.prod(shape)) * dtype.itemsize
    return np.frombuffer((ctypes.c_char * size).from_address(address), dtype).reshape(shape)


def sort(dtype: Any, data: int, keys: int, shape: Sequence[int]) -> None:
    """Sort along the last axis, in place."""
    _runtime.host_cuda_launched(b"thrust::sort")
    _at(data, shape, dtype).sort(axis=-1)


def argsort(dtype: Any, indices: int, data: int, keys: int, shape: Sequence[int]) -> None:
    """Write the stable order along the last axis to `indices`, and the sorted values to `data`."""
    _runtime.host_cuda_launched(b"thrust::argsort")
    values, order = _at(data, shape, dtype), _at(indices, shape, np.intp)
    order[...] = np.argsort(values, axis=-1, kind="stable")
    values[...] = np.take_along_axis(values, order, axis=-1)


def lexsort(dtype: Any, indices: int, keys: int, k: int, n: int) -> None:
    """Write the order by `k` keys of length `n`, the last of which counts first."""
    _runtime.host_cuda_launched(b"thrust::lexsort")
    _at(indices, (n,), np.intp)[...] = np.lexsort(_at(keys, (k, n), dtype))
