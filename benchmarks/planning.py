"""How long it takes to make the plan of a training step: trace, derivative, passes, layout. Prints medians in ms.

python -m benchmarks.planning [--networks 2-4-6-6-4-1:32 …] [--repeats 11]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence

from benchmarks.networks import Network
from benchmarks.peers import _model


def seconds(network: Network, repeats: int) -> float:
    """Return the median time of a first step, in which the plan is made."""
    model = _model(network)
    x, y, _ = network.data()
    model.build((None, network.sizes[0]))
    times = []
    for _ in range(repeats):
        model.compile("adam", "binary_crossentropy" if network.is_binary else "categorical_crossentropy")
        start = time.perf_counter()
        model.train_on_batch(x, y)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main(arguments: Sequence[str] | None = None) -> list[float]:
    """Print and return the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=("2-4-6-6-4-1:32", "784-100-10:200", "784-512-512-10:128"))
    parser.add_argument("--repeats", type=int, default=11)
    options = parser.parse_args(arguments)
    found = [seconds(Network(name), options.repeats) for name in options.networks]
    for name, median in zip(options.networks, found, strict=True):
        print(f"{name:24} {median * 1e3:6.1f} ms")
    return found


if __name__ == "__main__":
    main()
