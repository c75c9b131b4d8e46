"""Uniform numbers on NumPy, a function of key and counter, beside NumPy's own Philox generator.

Prints medians in µs. "kept" is a generator made once, which goes on; "made" one made for each draw, which is what NumPy
offers to draw from a given key and counter.

    python -m benchmarks.uniforms [--sizes 1 100 10000 1000000] [--repeats 15]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.timing import medians
from nnarray.backends import generator, get_backend


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
