"""Arrays joined one behind the other by one kernel, to which their places are handed as an argument.

CuPy joins small arrays by tables of pointers, which it copies to the GPU each time: such work cannot be recorded.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

#: Arrays that one launch joins: a kernel's arguments have 4 KiB.
MOST = 240
_THREADS, _MAX_BLOCKS = 256, 256
#: Types of the kernels, by the bytes of an element.
WORDS = {1: "unsigned char", 2: "unsigned short", 4: "unsigned int", 8: "unsigned long long", 16: "double2"}
_PIECES = np.dtype([("place", np.uint64, MOST), ("start", np.int64, MOST + 1)])
_STRUCT = """
typedef long long Index;

struct Pieces {
    unsigned long long place[MOST];
    Index start[MOST + 1];
};
"""
_KERNEL = """
extern "C" __global__ void join_SIZE(WORD* out, const Pieces pieces) {
    const WORD* from = (const WORD*)pieces.place[blockIdx.y];
    const Index start = pieces.start[blockIdx.y], size = pieces.start[blockIdx.y + 1] - start;
    const Index stride = (Index)gridDim.x * blockDim.x;
    for (Index i = (Index)blockIdx.x * blockDim.x + threadIdx.x; i < size; i += stride) out[start + i] = from[i];
}
"""
#: The kernels, in CUDA C++.
SOURCE = _STRUCT.replace("MOST", str(MOST)) + "".join(
    _KERNEL.replace("SIZE", str(size)).replace("WORD", word) for size, word in WORDS.items()
)


@functools.cache
def _kernel(cupy: Any, name: str) -> Any:
    return cupy.RawKernel(SOURCE, name)


def can_join(cupy: Any, arrays: Sequence[Any], axis: Any) -> bool:
    """Whether arrays are so alike, and lie so in memory, that their join is their elements one behind the other."""
    first = arrays[0] if len(arrays) > 1 else None
    if not isinstance(first, cupy.ndarray) or first.ndim == 0 or axis not in (0, -first.ndim):
        return False
    dtype, tail, device = first.dtype, first.shape[1:], first.device
    return all(
        isinstance(x, cupy.ndarray)
        and x.dtype == dtype
        and x.ndim == first.ndim
        and x.shape[1:] == tail
        and x.flags.c_contiguous
        and x.device == device
        for x in arrays
    )


def join(cupy: Any, arrays: Sequence[Any]) -> Any:
    """Return the join, along their first axis, of arrays on the current device for which `can_join` holds."""
    first = arrays[0]
    out = cupy.empty((sum(x.shape[0] for x in arrays), *first.shape[1:]), first.dtype)
    flat, start = out.reshape(-1), 0
    filled = [x for x in arrays if x.size]
    for at in range(0, len(filled), MOST):
        part = filled[at : at + MOST]
        pieces = np.zeros((), _PIECES)
        pieces["place"][: len(part)] = [x.data.ptr for x in part]
        pieces["start"][1 : len(part) + 1] = np.cumsum([x.size for x in part])
        blocks = min(math.ceil(max(x.size for x in part) / _THREADS), _MAX_BLOCKS)
        _kernel(cupy, f"join_{first.itemsize}")((blocks, len(part)), (_THREADS,), (flat[start:], pieces))
        start += int(pieces["start"][len(part)])
    return out
