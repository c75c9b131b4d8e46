"""`fit` on one thread of BLAS, on all, and on those that nnarray chooses: on a quiet machine and on a busy one.

    python -m benchmarks.busy [--networks 20-64-64-1:256 …] [--rounds 3] [--write]

Each time is that of a process of its own; on the busy machine as many other processes as there are cores do nothing
but count. Prints µs for each network, medians over rounds that take turns; then the chosen threads against the better
of the other two on the quiet machine, and against one thread on the busy one. With --write the table goes to
benchmarks/results/ too.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence

from benchmarks.__main__ import RESULTS, measure, versions
from benchmarks.networks import NETWORKS

#: Environment of a process by how its threads are chosen.
THREADS = {
    "one": {"OPENBLAS_NUM_THREADS": "1", "NNARRAY_BLAS_THREADS": "none"},
    "all": {"NNARRAY_BLAS_THREADS": "none"},
    "chosen": {"NNARRAY_BLAS_THREADS": "auto"},
}
#: Counts until the process that started it is no more.
_COUNT = "import os\nwhile os.getppid() == {}:\n    for _ in range(10**6): pass"


@contextlib.contextmanager
def other_work(processes: int) -> Iterator[None]:
    """Keep the machine busy with some processes for the length of a `with` statement."""
    command = [sys.executable, "-c", _COUNT.format(os.getpid())]
    with contextlib.ExitStack() as stack:
        for _ in range(processes):
            started = stack.enter_context(subprocess.Popen(command))
            stack.callback(started.kill)
        yield


def environment(threads: str) -> dict[str, str]:
    """Return the environment of a process that has its threads by one of the ways of `THREADS`."""
    kept = {name: text for name, text in os.environ.items() if not name.endswith("_NUM_THREADS")}
    return kept | THREADS[threads]


def table(found: dict[str, dict[tuple[str, str], float]]) -> str:
    """Return the medians in µs and the ratios."""
    heads = [f"{state} {threads}" for state in ("quiet", "busy") for threads in THREADS]
    ratios = ("quiet chosen / better", "busy chosen / one")
    lines = [
        f"{'µs per step of fit':26}" + "".join(f"{head:>14}" for head in heads) + "".join(f"{r:>24}" for r in ratios)
    ]
    for network, times in found.items():
        quiet = times["quiet", "chosen"] / min(times["quiet", "one"], times["quiet", "all"])
        busy = times["busy", "chosen"] / times["busy", "one"]
        cells = "".join(f"{time * 1e6:14.0f}" for time in times.values())
        lines.append(f"{network:26}{cells}{quiet:24.2f}{busy:24.2f}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> dict[str, dict[tuple[str, str], float]]:
    """Print the table; return the medians in seconds by network, then by state of the machine and threads."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=("20-64-64-1:256", "20-64-64-1:1024", *NETWORKS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    cores = os.cpu_count() or 1
    found = {}
    for network in options.networks:
        rounds: dict[tuple[str, str], list[float]] = {
            (state, threads): [] for state in ("quiet", "busy") for threads in THREADS
        }
        for _ in range(options.rounds):
            for state, processes in (("quiet", 0), ("busy", cores)):
                with other_work(processes):
                    for threads in THREADS:
                        time = measure("nnarray fit", network, options, environment(threads))
                        rounds[state, threads].append(float(time))
        found[network] = {key: statistics.median(times) for key, times in rounds.items()}
        print(f"{network}: {options.rounds} rounds done", file=sys.stderr, flush=True)
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    command = " ".join(["python -m benchmarks.busy", *(sys.argv[1:] if arguments is None else arguments)])
    text = f"# {command}\n# {today}; {versions()}; float32, Adam; busy: {cores} other processes\n{table(found)}\n"
    print(text)
    if options.write:
        (RESULTS / f"busy-{today}.txt").write_text(text)
    return found


if __name__ == "__main__":
    main()
