"""Uniform numbers on NumPy, a function of key and counter, beside NumPy's own Philox generator.

Prints medians in µs. "kept" is a generator made once, which goes on; "made" one made for each draw, which is what NumPy
offers to draw from a given key and counter.

    python benchmarks/uniforms.py [--sizes 1 100 10000 1000000] [--repeats 15]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnarray.backends import generator, get_backend


def medians(calls: Sequence[Callable[[], Any]], repeats: int, seconds: float = 0.02) -> list[float]:
    """Return the median time of each call in seconds, the calls taking turns so that all see the same machine."""
    counts = []
    for call in calls:
        call()
        start = time.perf_counter()
        call()
        counts.append(max(1, int(seconds / (time.perf_counter() - start))))
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(repeats):
        for call, count, taken in zip(calls, counts, times, strict=True):
            start = time.perf_counter()
            for _ in range(count):
                call()
            taken.append((time.perf_counter() - start) / count)
    return [statistics.median(taken) for taken in times]


def compare(size: int, dtype: Any, repeats: int) -> tuple[float, float, float]:
    """Return the medians of ours, of a kept generator, and of one made for each draw."""
    backend = get_backend("numpy")
    kept = np.random.Generator(np.random.Philox())
    calls = [
        lambda: backend.uniform((1, 2), (3, 4), (size,), dtype, None),
        lambda: kept.random((size,), dtype=dtype),
        lambda: generator((1, 2), (3, 4)).random((size,), dtype=dtype),
    ]
    ours, other, made = medians(calls, repeats)
    return ours, other, made


def main(arguments: Sequence[str] | None = None) -> list[tuple[float, float, float]]:
    """Print a line for each dtype and size; return what `compare` gave."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 100, 10_000, 1_000_000])
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args(arguments)
    print(f"{'dtype':8} {'size':>8} {'ours':>9} {'kept':>9} {'made':>9}   ours / kept   ours / made")
    found = []
    for dtype in ("float32", "float64"):
        for size in options.sizes:
            ours, kept, made = compare(size, dtype, options.repeats)
            figures = " ".join(f"{seconds * 1e6:9.1f}" for seconds in (ours, kept, made))
            print(f"{dtype:8} {size:8} {figures} {ours / kept:13.2f} {ours / made:13.2f}")
            found.append((ours, kept, made))
    return found


if __name__ == "__main__":
    main()
