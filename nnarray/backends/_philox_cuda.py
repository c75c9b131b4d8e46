"""Philox4x64-10 on CUDA: the bits of `nnarray.backends._philox`, drawn where they are used."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

_WORD = 2**64 - 1

#: Threads of a CUDA block, and the most CUDA blocks of a launch: 4096 of 256 threads are several times what any GPU
#: holds at once; beyond them each thread loops.
THREADS = 256
MAX_BLOCKS = 4096

#: One thread makes one Philox block of four words at a time. Block i encrypts the counter (i + 1, 0, c2, c3), as NumPy
#: steps the counter before each block; a number on the device may be added to c2, so that a plan can count there. All
#: factors are powers of two, so that no rounding can differ.
SOURCE = r"""
typedef unsigned long long word;

struct Block {
    word words[4];
};

__device__ Block philox(word index, word k0, word k1, word c2, word c3) {
    word x0 = index + 1, x1 = 0, x2 = c2, x3 = c3;
    for (int round = 0; round < 10; ++round) {
        word high0 = __umul64hi(0xD2E7470EE14C6C93ULL, x0), low0 = 0xD2E7470EE14C6C93ULL * x0;
        word high1 = __umul64hi(0xCA5A826395121157ULL, x2), low1 = 0xCA5A826395121157ULL * x2;
        x0 = high1 ^ x1 ^ k0;
        x1 = low1;
        x2 = high0 ^ x3 ^ k1;
        x3 = low0;
        k0 += 0x9E3779B97F4A7C15ULL;
        k1 += 0xBB67AE8584CAA73BULL;
    }
    return {{x0, x1, x2, x3}};
}

__device__ word first_index() {
    return (word)blockIdx.x * blockDim.x + threadIdx.x;
}

__device__ word stride() {
    return (word)gridDim.x * blockDim.x;
}

__device__ word sum_of(word c2, const long long* added) {
    return added ? c2 + (word)*added : c2;
}

__device__ word blocks_for(word size, word per_block) {
    return size / per_block + (size % per_block != 0);
}

extern "C" __global__ void uniform_float64(
    double* out, word size, word k0, word k1, word c2, word c3, const long long* added = nullptr) {
    c2 = sum_of(c2, added);
    for (word i = first_index(); i < blocks_for(size, 4); i += stride()) {
        Block block = philox(i, k0, k1, c2, c3);
        for (int j = 0; j < 4; ++j) {
            word place = 4 * i + j;
            if (place < size) out[place] = (double)(block.words[j] >> 11) * (1.0 / 9007199254740992.0);
        }
    }
}

extern "C" __global__ void uniform_float32(
    float* out, word size, word k0, word k1, word c2, word c3, const long long* added = nullptr) {
    c2 = sum_of(c2, added);
    for (word i = first_index(); i < blocks_for(size, 8); i += stride()) {
        Block block = philox(i, k0, k1, c2, c3);
        for (int j = 0; j < 8; ++j) {
            word place = 8 * i + j;
            unsigned half = (unsigned)(block.words[j / 2] >> (j % 2 * 32));
            if (place < size) out[place] = (float)(half >> 8) * (1.0f / 16777216.0f);
        }
    }
}

/* A span of 0 stands for 2^64; the sum wraps around, so that one kernel serves signed and unsigned integers. */
extern "C" __global__ void integers_int64(
    long long* out, word size, word k0, word k1, word c2, word c3, word low, word span,
    const long long* added = nullptr) {
    c2 = sum_of(c2, added);
    for (word i = first_index(); i < blocks_for(size, 4); i += stride()) {
        Block block = philox(i, k0, k1, c2, c3);
        for (int j = 0; j < 4; ++j) {
            word place = 4 * i + j;
            word drawn = span ? __umul64hi(block.words[j], span) : block.words[j];
            if (place < size) out[place] = (long long)(low + drawn);
        }
    }
}
"""

#: Elements that one Philox block gives, by kernel.
PER_BLOCK = {"uniform_float32": 8, "uniform_float64": 4, "integers_int64": 4}


@functools.cache
def kernel(cupy: Any, name: str) -> Any:
    """Return a kernel of `SOURCE`, which CuPy compiles on first use on each device and keeps on disk."""
    return cupy.RawKernel(SOURCE, name)


def grid_for(size: int, per_block: int) -> int:
    """Return how many CUDA blocks draw `size` elements, at least 1."""
    threads = -(-size // per_block)
    return min(max(-(-threads // THREADS), 1), MAX_BLOCKS)


def uniform(cupy: Any, key: tuple[int, int], counter: tuple[Any, int], shape: Sequence[int], dtype: str) -> Any:
    """Return what `_philox.uniform` returns, drawn on the current device in the current stream.

    The first word of the counter may be an array there, of dtype int64 and without axes.
    """
    if dtype not in ("float32", "float64"):
        raise TypeError(f"uniform numbers are drawn as float32 or float64: received dtype={dtype!r}")
    return _launch(cupy, f"uniform_{dtype}", shape, dtype, key, counter)


def integers(
    cupy: Any, key: tuple[int, int], counter: tuple[Any, int], shape: Sequence[int], low: int, high: int, dtype: str
) -> Any:
    """Return what `_philox.integers` returns, drawn as `uniform` draws."""
    drawn = _launch(cupy, "integers_int64", shape, "int64", key, counter, low, high - low)
    return drawn.view(np.uint64) if dtype == "uint64" else drawn.astype(dtype, copy=False)


def _launch(
    cupy: Any, name: str, shape: Sequence[int], dtype: str, key: tuple[int, int], counter: tuple[Any, int], *bounds: int
) -> Any:
    out = cupy.empty(tuple(shape), dtype=dtype)
    size = math.prod(shape)
    if size:
        first, second = counter
        # The null pointer adds nothing.
        first, added = (first, np.uint64(0)) if isinstance(first, (int, np.integer)) else (0, first)
        # Python integers would be passed as signed: every argument has the kernel's own type.
        words = [np.uint64(word & _WORD) for word in (size, *key, first, second, *bounds)]
        kernel(cupy, name)((grid_for(size, PER_BLOCK[name]),), (THREADS,), (out, *words, added))
    return out
