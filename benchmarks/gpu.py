"""Times one training step on a CUDA GPU: `fit` on CuPy, PyTorch (eager, fused, compiled to CUDA graphs), JAX jit.

python -m benchmarks.gpu [--networks 784-100-10:200 …] [--repeats 7] [--write FOLDER]

Events of CUDA before and after each run tell its time, and each run ends when the GPU has done its work. Prints medians
in µs per step, and their ratios to `fit`.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import peers
from benchmarks.networks import NETWORKS, Network

#: Steps between two looks at the clock, of peers whose call is one step.
_STEPS = 100


def nnarray_fit(network: Network) -> tuple[Callable[[], Any], int]:
    """`fit` over some epochs, its data in the GPU's memory."""
    import cupy

    model = peers._model(network, backend="cupy")
    x, y, _ = (cupy.tile(cupy.asarray(part), (32, *[1] * (part.ndim - 1))) for part in network.data())

    def run() -> None:
        model.fit(x, y, batch_size=network.batch, epochs=4, verbose=0)
        cupy.cuda.Device().synchronize()

    return run, 128


def torch_step(network: Network, fused: bool = False, compiled: bool = False) -> tuple[Callable[[], Any], int]:
    """PyTorch's step, repeated."""
    import torch

    x, y, model, loss, _ = peers._torch_parts(network)
    x, y, model = x.cuda(), y.cuda(), model.cuda()
    optimizer = torch.optim.Adam(model.parameters(), lr=peers.RATE, fused=fused)

    def value() -> Any:
        return loss(model(x), y)

    forward = torch.compile(value, mode="reduce-overhead") if compiled else value

    def run() -> None:
        for _ in range(_STEPS):
            optimizer.zero_grad()
            forward().backward()
            optimizer.step()
        torch.cuda.synchronize()

    return run, _STEPS


def jax_step(network: Network) -> tuple[Callable[[], Any], int]:
    """JAX's step under `jax.jit`, repeated; each waits for its loss."""
    import jax

    if jax.default_backend() != "gpu":
        raise RuntimeError(f"JAX computes on {jax.default_backend()}, not on a GPU")
    step = peers.jax(network)

    def run() -> None:
        for _ in range(_STEPS):
            step()

    return run, _STEPS


PEERS: dict[str, Callable[[Network], tuple[Callable[[], Any], int]]] = {
    "nnarray fit": nnarray_fit,
    "torch": torch_step,
    "torch fused": lambda network: torch_step(network, fused=True),
    "torch compile": lambda network: torch_step(network, fused=True, compiled=True),
    "jax": jax_step,
}


def seconds(peer: str, network: Network, repeats: int) -> float:
    """Return the median time of a step."""
    import cupy

    run, steps = PEERS[peer](network)
    run()
    times = []
    for _ in range(repeats):
        before, after = cupy.cuda.Event(), cupy.cuda.Event()
        before.record()
        run()
        after.record()
        after.synchronize()
        times.append(cupy.cuda.get_elapsed_time(before, after) / 1e3 / steps)
    return statistics.median(times)


def main(arguments: Sequence[str] | None = None) -> dict[str, dict[str, float]]:
    """Print the table; return the medians in seconds by network and peer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=NETWORKS)
    parser.add_argument("--peers", nargs="+", default=list(PEERS), choices=PEERS)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args(arguments)
    import cupy

    card = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "torch", "jax"))
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    command = " ".join(["python -m benchmarks.gpu", *(sys.argv[1:] if arguments is None else arguments)])
    lines = [f"# {command}", f"# {today}; {card}; cupy {cupy.__version__}, {versions}; float32, Adam"]
    lines.append(f"{'µs per step':26}" + "".join(f"{peer:>15}" for peer in options.peers))
    found: dict[str, dict[str, float]] = {}
    for name in options.networks:
        found[name] = {peer: seconds(peer, Network(name), options.repeats) for peer in options.peers}
        lines.append(f"{name:26}" + "".join(f"{x * 1e6:15.0f}" for x in found[name].values()))
        print(lines[-1], file=sys.stderr, flush=True)
    lines.append(f"{'times ' + options.peers[0]:26}")
    for name, times in found.items():
        first = times[options.peers[0]]
        lines.append(f"{name:26}" + "".join(f"{x / first:15.2f}" for x in times.values()))
    text = "\n".join(lines)
    print(text)
    if options.write is not None:
        (options.write / f"gpu-{today}.txt").write_text(text + "\n")
    return found


if __name__ == "__main__":
    main()
