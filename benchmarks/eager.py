"""Eager value and gradient of a network's loss, beside HIPS autograd (pip install autograd): time and memory.

Prints medians in µs and peaks in kB, with the ratios of ours to autograd's. ReLU, mean squared error, float32.

    python -m benchmarks.eager [--networks 2-4-6-6-4-1:32 784-100-10:200] [--repeats 15]
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import nnarray as nna
from benchmarks.timing import medians, peak_memory

NETWORKS = ("2-4-6-6-4-1:32", "2-4-6-6-4-1:900", "784-100-10:200", "784-512-512-10:128")


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


def compare(network: str, repeats: int) -> tuple[float, float, float, float]:
    """Return the medians in seconds and the peaks in bytes of ours and of autograd, after checking that they agree."""
    import autograd
    import autograd.numpy

    *sizes, batch = map(int, network.replace(":", "-").split("-"))
    rng = np.random.default_rng(0)
    # Biases away from zero: behind a dead layer, maximum would meet ties, which autograd shares and we do not.
    weights = [
        ((rng.standard_normal((n, m)) / n**0.5).astype("float32"), rng.uniform(0.1, 0.2, m).astype("float32"))
        for n, m in itertools.pairwise(sizes)
    ]
    x = rng.standard_normal((batch, sizes[0])).astype("float32")
    y = rng.random((batch, sizes[-1])).astype("float32")
    ours = nna.value_and_grad(loss_in(None, x, y))
    theirs = autograd.value_and_grad(loss_in(autograd.numpy, x, y))
    for (a, b), (c, d) in zip(ours(weights)[1], theirs(weights)[1], strict=True):
        np.testing.assert_allclose(a, c, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(b, d, rtol=1e-3, atol=1e-5)
    calls = [lambda: ours(weights), lambda: theirs(weights)]
    first, second = medians(calls, repeats)
    return first, second, peak_memory(calls[0]), peak_memory(calls[1])


def main(arguments: Sequence[str] | None = None) -> list[tuple[float, float]]:
    """Print a line for each network; return its ratios of time and of memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=NETWORKS)
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args(arguments)
    print(f"{'network:batch':20} {'nnarray µs':>10} {'autograd µs':>12} {'ratio':>6} {'kB':>8} {'kB':>8} {'ratio':>6}")
    found = []
    for network in options.networks:
        ours, theirs, peak, other = compare(network, options.repeats)
        print(
            f"{network:20} {ours * 1e6:10.0f} {theirs * 1e6:12.0f} {ours / theirs:6.2f} "
            f"{peak / 1e3:8.0f} {other / 1e3:8.0f} {peak / other:6.2f}"
        )
        found.append((ours / theirs, peak / other))
    return found


if __name__ == "__main__":
    main()
