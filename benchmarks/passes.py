"""What each pass over the graph of a training step saves: operations, steps of NumPy's plan, and time of a replay.

Operations are what executors call that have no windows. The time without a pass is a ratio to that with all of them.

python -m benchmarks.passes [--networks 2-4-6-6-4-1:32 …] [--repeats 101]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any
from unittest import mock

from benchmarks.networks import Network
from benchmarks.peers import _model
from nnarray.compiler import _passes


def replay(network: Network, left_out: Sequence[Callable[..., Any]]) -> tuple[int, int, Callable[[], Any]]:
    """Return operations and steps of the plan made without some passes, and what replays it."""
    model = _model(network)
    x, y, _ = network.data()
    with mock.patch.object(_passes, "PASSES", tuple(each for each in _passes.PASSES if each not in left_out)):
        model.fit(x, y, batch_size=network.batch, verbose=0, shuffle=False)
    bound = model._runner.bound("train", network.batch)

    def run() -> None:
        for _ in range(20):
            bound.replay()

    return len(bound.plan.steps), sum(bool(step.code) for step in bound.plan.steps), run


def ratios(calls: Sequence[Callable[[], Any]], repeats: int) -> list[float]:
    """Return the median ratio of the time of each call to that of the first right before it."""
    found: list[list[float]] = [[] for _ in calls]
    for _ in range(repeats):
        for call, taken in zip(calls, found, strict=True):
            times = []
            for each in (calls[0], call):
                start = time.perf_counter()
                each()
                times.append(time.perf_counter() - start)
            taken.append(times[1] / times[0])
    return [statistics.median(taken) for taken in found]


def main(arguments: Sequence[str] | None = None) -> list[tuple[str, int, int, float]]:
    """Print and return a line for each network and pass."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=("2-4-6-6-4-1:32", "784-100-10:200"))
    parser.add_argument("--repeats", type=int, default=101)
    options = parser.parse_args(arguments)
    found = []
    left_out = {"none": (), **{each.__name__: (each,) for each in _passes.PASSES}, "all": _passes.PASSES}
    print(f"{'network':20}{'without':24}{'operations':>12}{'steps':>8}{'time':>8}")
    for name in options.networks:
        plans = [replay(Network(name), passes) for passes in left_out.values()]
        compared = ratios([run for *_, run in plans], options.repeats)
        for which, (operations, steps, _), ratio in zip(left_out, plans, compared, strict=True):
            found.append((which, operations, steps, ratio))
            print(f"{name:20}{which:24}{operations:12}{steps:8}{ratio:8.3f}")
    return found


if __name__ == "__main__":
    main()
