"""Times beside those of other libraries, memory over many steps, and CUDA's checks of memory and races."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gpu_parts.part import ROOT, LeftOut, Options, Part

_STEPS = 10_000
#: Bytes by which memory may grow from a tenth of the steps to the last: pools and interpreters keep a little.
_GROWTH = {"held": 2**22, "host": 2**25}
_PROGRAM = """
import numpy as np
import nnarray as nna
from nnarray import layers, models

x = np.random.default_rng(0).random((64, 20), "float32")
hidden = [layers.Dense(16, activation="relu"), layers.Dropout(0.2)]
model = models.Sequential([*hidden, layers.Dense(3, activation="softmax")])
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"], backend="cupy")
model.fit(x, np.arange(64) % 3, batch_size=16, epochs=2, verbose=0)
model.evaluate(x, np.arange(64) % 3, verbose=0)
model.predict(x, verbose=0)
"""


def parts() -> list[Part]:
    """Return the parts that measure."""
    return [
        Part("benchmark", "steps of training timed beside PyTorch and JAX", _benchmark),
        Part("memory", f"memory over {_STEPS:,} steps of fit", _memory),
        Part("sanitizer", "CUDA's checks of memory and races in a training", _sanitizer),
    ]


def _benchmark(options: Options) -> Iterator[dict[str, Any]]:
    """Time each network on each library; one that cannot take part is named with its reason."""
    from benchmarks import gpu
    from benchmarks.networks import NETWORKS, Network

    times: dict[str, dict[str, Any]] = {}
    for name in NETWORKS[:1] if options.smoke else NETWORKS:
        times[name] = {}
        for peer in gpu.PEERS:
            try:
                seconds = gpu.seconds(peer, Network(name), 1 if options.smoke else 7)
                times[name][peer] = "not told on a stand-in" if options.stand_in else round(seconds * 1e6, 1)
            except Exception as error:
                if peer == "nnarray fit":
                    raise
                times[name][peer] = f"left out: {(str(error).splitlines() or [type(error).__name__])[0]}"
            yield {"µs per step": times}
        print(name, times[name])


def _memory(options: Options) -> Iterator[dict[str, Any]]:
    """Look at the pool and at the process each 1000 steps; what it holds after the first is what it may hold."""
    import cupy
    import numpy as np

    import nnarray as nna
    from nnarray import layers, models
    from nnarray.backends import get_backend

    epochs, steps = 10, (20 if options.smoke else _STEPS) // 10
    x = cupy.asarray(np.random.default_rng(0).random((32 * steps, 16), dtype="float32"))
    model = models.Sequential([layers.Dense(32, activation="relu"), layers.Dropout(0.2), layers.Dense(1)])
    model.compile(optimizer="adam", loss="mse", backend="cupy")
    looks: list[dict[str, int]] = []

    class Look(nna.callbacks.Callback):
        def on_epoch_end(self, *_: Any) -> None:
            held = get_backend("cupy").memory()
            looks.append({"used": held["used"], "held": held["held"], "host": _resident()})

    model.fit(x, x[:, :1], batch_size=32, epochs=epochs, callbacks=[Look()], verbose=0)
    grown = {key: looks[-1][key] - looks[0][key] for key in _GROWTH}
    yield {"steps": epochs * steps, "bytes": looks, "grown": grown}
    yield {"passed": all(grown[key] <= limit for key, limit in _GROWTH.items())}


def _resident() -> int:
    """Return the bytes of memory that this process takes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _sanitizer(options: Options) -> Iterator[dict[str, Any]]:
    """Run a small training under compute-sanitizer."""
    homes = [os.environ.get("CUDA_HOME"), os.environ.get("CUDA_PATH"), "/usr/local/cuda"]
    path = os.pathsep.join([os.environ.get("PATH", ""), *(f"{home}/bin" for home in homes if home)])
    tool = shutil.which("compute-sanitizer", path=path)
    if options.stand_in:
        raise LeftOut("it checks programs on a GPU alone")
    if tool is None:
        raise LeftOut("compute-sanitizer is not on PATH, in CUDA_HOME/bin or in /usr/local/cuda/bin")
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "training.py"
        program.write_text(_PROGRAM)
        for check in ("memcheck", "racecheck"):
            command = [tool, "--tool", check, "--error-exitcode", "9", sys.executable, str(program)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            said = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("=========")]
            yield {check: {"exit_code": done.returncode, "said": said[-20:]}}
            if done.returncode:
                yield {"passed": False}
