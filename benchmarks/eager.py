"""Eager value and gradient of a small network's loss, beside HIPS autograd (pip install autograd).

Prints medians in µs and their ratio, the two taking turns. The network is 2-4-6-6-4-1 with ReLU, mean squared error,
float32.

    python benchmarks/eager.py [--batch 32] [--repeats 15]
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import nnarray as nna

SIZES = (2, 4, 6, 6, 4, 1)


def loss_in(xp: Any, x: Any, y: Any) -> Callable[[Any], Any]:
    """Return the loss as a function of the weights, written in a namespace; None takes that of the weights."""

    def loss(weights: Any) -> Any:
        space = weights[0][0].__array_namespace__() if xp is None else xp
        a = x
        for i, (kernel, bias) in enumerate(weights):
            z = space.matmul(a, kernel) + bias
            a = space.maximum(z, 0.0) if i < len(weights) - 1 else z
        return space.mean((a - y) ** 2)

    return loss


def main(arguments: Sequence[str] | None = None) -> float:
    """Print both medians; return the ratio of ours to autograd's."""
    import autograd
    import autograd.numpy

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args(arguments)
    rng = np.random.default_rng(0)
    # Biases away from zero: behind a dead layer, maximum would meet ties, which autograd shares and we do not.
    weights = [
        (rng.standard_normal((n, m)).astype("float32"), rng.uniform(0.1, 0.2, m).astype("float32"))
        for n, m in itertools.pairwise(SIZES)
    ]
    x = rng.standard_normal((options.batch, SIZES[0])).astype("float32")
    y = rng.random((options.batch, 1)).astype("float32")
    calls = {
        "nnarray": nna.value_and_grad(loss_in(None, x, y)),
        "autograd": autograd.value_and_grad(loss_in(autograd.numpy, x, y)),
    }
    ours, theirs = (call(weights)[1] for call in calls.values())
    for (a, b), (c, d) in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, c, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(b, d, rtol=1e-4, atol=1e-6)
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(options.repeats):
        for name, call in calls.items():
            start = time.perf_counter()
            for _ in range(30):
                call(weights)
            times[name].append((time.perf_counter() - start) / 30)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    ratio = medians["nnarray"] / medians["autograd"]
    print(*(f"{name} {seconds * 1e6:.0f} µs" for name, seconds in medians.items()), f"ratio {ratio:.2f}", sep="   ")
    return ratio


if __name__ == "__main__":
    main()
