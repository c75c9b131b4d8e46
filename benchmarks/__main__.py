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
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.networks import NETWORKS
from benchmarks.peers import PEERS

RESULTS = Path(__file__).parent / "results"
_LIBRARIES = ("numpy", "jax", "torch", "keras", "scikit-learn", "autograd")
#: Why a peer has no time: what its process says, and what the table says.
_MISSING = {"ModuleNotFoundError": "not installed", "InvalidCxxCompiler": "needs a C++ compiler, and finds none"}


def measure(
    peer: str, network: str, options: argparse.Namespace, environment: Mapping[str, str] = os.environ
) -> float | str:
    """Return the seconds of a step in a process of its own, or why it cannot run here."""
    command = [sys.executable, "-m", "benchmarks.peers", peer, network]
    command += ["--repeats", str(options.repeats), "--seconds", str(options.seconds)]
    root = RESULTS.parent.parent
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root, env=environment)
    if run.returncode:
        for error, reason in _MISSING.items():
            if error in run.stderr:
                return reason
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


def table(found: dict[str, dict[str, float | None]], peers: Sequence[str], missing: dict[str, str]) -> str:
    """Return the medians in µs, then how many times nnarray's each is, then why some are missing."""
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
    return "\n".join([*lines, *(f"– {peer}: {reason}" for peer, reason in missing.items())])


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
    missing: dict[str, str] = {}
    for network in options.networks:
        rounds: dict[str, list[float]] = {peer: [] for peer in options.peers}
        for _ in range(options.rounds):
            for peer in options.peers:
                if peer in missing:
                    continue
                time = measure(peer, network, options)
                if isinstance(time, str):
                    missing[peer] = time
                else:
                    rounds[peer].append(time)
        found[network] = {peer: statistics.median(times) if times else None for peer, times in rounds.items()}
        print(f"{network}: {options.rounds} rounds done", file=sys.stderr, flush=True)
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    command = " ".join(["python -m benchmarks", *(sys.argv[1:] if arguments is None else arguments)])
    text = f"# {command}\n# {today}; {versions()}; float32, Adam\n{table(found, options.peers, missing)}\n"
    print(text)
    if options.write:
        (RESULTS / f"steps-{today}.txt").write_text(text)
    return found


if __name__ == "__main__":
    main()
