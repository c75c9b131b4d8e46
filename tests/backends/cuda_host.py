"""CUDA source compiled for the host, and as much of CuPy as launches it."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

#: What CUDA C++ has and C++ has not; a thread is told who it is by globals.
HEADER = """
#define __global__
#define __device__ static
struct Index { unsigned x; };
static Index blockIdx, threadIdx, gridDim, blockDim;
static unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return (unsigned long long)((unsigned __int128)a * b >> 64);
}
"""

#: Runs the blocks from `first` to before `last` of a grid, one thread after the other.
FOOTER = """
#define RUN(call) \\
    gridDim.x = grid; \\
    blockDim.x = threads; \\
    for (blockIdx.x = first; blockIdx.x < last; ++blockIdx.x) \\
        for (threadIdx.x = 0; threadIdx.x < threads; ++threadIdx.x) call;
#define GRID unsigned first, unsigned last, unsigned grid, unsigned threads
extern "C" void run_uniform_float32(GRID, float* out, const word* a) {
    RUN(uniform_float32(out, a[0], a[1], a[2], a[3], a[4], (const long long*)a[5]))
}
extern "C" void run_uniform_float64(GRID, double* out, const word* a) {
    RUN(uniform_float64(out, a[0], a[1], a[2], a[3], a[4], (const long long*)a[5]))
}
extern "C" void run_integers_int64(GRID, long long* out, const word* a) {
    RUN(integers_int64(out, a[0], a[1], a[2], a[3], a[4], a[5], a[6], (const long long*)a[7]))
}
"""


def compile_on_host(compiler: str, source: str, folder: Path) -> ctypes.CDLL:
    """Return the kernels of `source` as a library of the host; warnings are errors."""
    (folder / "kernels.cpp").write_text(HEADER + source + FOOTER)
    flags = ["-std=c++14", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    command = [compiler, *flags, "kernels.cpp", "-o", "kernels.so"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(folder / "kernels.so"))


def run(
    library: ctypes.CDLL, name: str, blocks: range, grid: int, threads: int, address: int, words: Sequence[int]
) -> None:
    """Run some blocks of a grid, with the output at `address`; what is added to the counter may be left out."""
    given = (ctypes.c_uint64 * (len(words) + 1))(*words)
    bounds = (ctypes.c_uint(n) for n in (blocks.start, blocks.stop, grid, threads))
    getattr(library, f"run_{name}")(*bounds, ctypes.c_void_p(address % 2**64), given)


class HostCupy:
    """`empty` and `RawKernel` as CuPy has them, on the host.

    Attributes
    ----------
    compiled : list of str
        The sources given to `RawKernel`.
    launches : list of (name, grid, block)
    """

    GUARD = 64

    def __init__(self, library: ctypes.CDLL) -> None:
        self.library = library
        self.compiled: list[str] = []
        self.launches: list[Any] = []
        self.memory: dict[int, np.ndarray] = {}

    def empty(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Return an array filled with a pattern, between guards of the same pattern that no kernel may touch."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        memory = np.full(size + 2 * self.GUARD, 0xAA, dtype=np.uint8)
        out = memory[self.GUARD : self.GUARD + size].view(dtype).reshape(shape)
        self.memory[out.ctypes.data] = memory
        return out

    def RawKernel(self, code: str, name: str) -> Any:  # noqa: N802 -- CuPy's name
        """Return a function that launches what was compiled for the host."""
        self.compiled.append(code)
        return lambda grid, block, args: self.launch(name, grid, block, args)

    def launch(self, name: str, grid: Any, block: Any, args: Any) -> None:
        """Run the kernel and look at its guards."""
        out, *words = args
        if isinstance(words[-1], np.ndarray):
            assert (words[-1].dtype, words[-1].shape) == (np.int64, ())
            words[-1] = np.uint64(words[-1].ctypes.data)
        assert [type(word) for word in words] == [np.uint64] * len(words)
        (blocks,), (threads,) = grid, block
        self.launches.append((name, blocks, threads))
        run(self.library, name, range(blocks), blocks, threads, out.ctypes.data, [int(word) for word in words])
        memory, guard = self.memory.pop(out.ctypes.data), self.GUARD
        assert (memory[:guard] == 0xAA).all()
        assert (memory[-guard:] == 0xAA).all()
