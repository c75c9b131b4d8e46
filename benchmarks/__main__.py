"""A training step in every library that is installed, each in a process of its own: medians and ratios.

    python -m benchmarks [--networks 2-4-6-6-4-1:32 …] [--peers "by hand" nnarray …] [--rounds 3] [--write]

Prints µs for each network and peer, medians over rounds that take turns, then nnarray's against each. With --write the
table goes to benchmarks/results/ too.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.networks import NETWORKS
from benchmarks.peers import PEERS

RESULTS = Path(__file__).parent / "results"
_LIBRARIES = ("numpy", "jax", "torch", "scikit-learn", "autograd")


def measure(peer: str, network: str, options: argparse.Namespace) -> float | None:
    """Return the seconds of a step in a process of its own; None if the library is not installed."""
    command = [sys.executable, "-m", "benchmarks.peers", peer, network]
    command += ["--repeats", str(options.repeats), "--seconds", str(options.seconds)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=RESULTS.parent.parent)
    if run.returncode and "ModuleNotFoundError" in run.stderr:
        return None
    if run.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{run.stderr}")
    return float(json.loads(run.stdout.splitlines()[-1]))


def versions() -> str:
    """Return the versions of what is installed, and the machine."""
    found = [f"Python {platform.python_version()}"]
    for name in _LIBRARIES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return f"{', '.join(found)}; {os.cpu_count()} cores, {platform.machine()}"


def table(found: dict[str, dict[str, float | None]], peers: Sequence[str]) -> str:
    """Return the medians in µs, then how many times nnarray's each is."""
    lines = [f"{'µs per step':26}" + "".join(f"{peer:>15}" for peer in peers)]
    for network, times in found.items():
        cells = (f"{'–':>15}" if times[peer] is None else f"{times[peer] * 1e6:15.0f}" for peer in peers)
        lines.append(f"{network:26}" + "".join(cells))
    if "nnarray" in peers:
        lines.append(f"{'times the plan of nnarray':26}")
        for network, times in found.items():
            own = times["nnarray"]
            cells = (f"{'–':>15}" if times[peer] is None else f"{times[peer] / own:15.2f}" for peer in peers)
            lines.append(f"{network:26}" + "".join(cells))
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> dict[str, dict[str, float | None]]:
    """Print the table; return the medians in seconds by network and peer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=NETWORKS)
    parser.add_argument("--peers", nargs="+", default=list(PEERS), choices=PEERS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=11)
    parser.add_argument("--seconds", type=float, default=0.05)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    found: dict[str, dict[str, float | None]] = {}
    for network in options.networks:
        rounds: dict[str, list[float | None]] = {peer: [] for peer in options.peers}
        for _ in range(options.rounds):
            for peer in options.peers:
                rounds[peer].append(measure(peer, network, options))
        found[network] = {
            peer: None if None in times else statistics.median(t for t in times if t is not None)
            for peer, times in rounds.items()
        }
        print(f"{network}: {options.rounds} rounds done", file=sys.stderr, flush=True)
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    command = " ".join(["python -m benchmarks", *(sys.argv[1:] if arguments is None else arguments)])
    text = f"# {command}\n# {today}; {versions()}; float32, Adam\n{table(found, options.peers)}\n"
    print(text)
    if options.write:
        (RESULTS / f"steps-{today}.txt").write_text(text)
    return found


if __name__ == "__main__":
    main()
