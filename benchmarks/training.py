"""What `fit`, metrics, sources of batches and saving add to what they cannot do without, measured in turns.

    python -m benchmarks.training [--repeats 15] [--seconds 0.3] [--megabytes 100] [--write]

Prints for each the median time, that of what it stands beside, and their ratio, or by how much a step is longer. With
--write the table goes to benchmarks/results/ too.
"""

from __future__ import annotations

import argparse
import datetime
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.__main__ import RESULTS, versions
from benchmarks.networks import RATE, Network
from benchmarks.peers import _model
from benchmarks.timing import medians
from nnarray.callbacks import EarlyStopping
from nnarray.layers import Dense, Input
from nnarray.metrics import AUC, Precision, Recall
from nnarray.models import Sequential
from nnarray.optimizers import Adam
from nnarray.optimizers.schedules import ExponentialDecay

_ARTICLE = Network("2-4-6-6-4-1:32")
_DIGITS = Network("784-100-10:200")
_STEPS, _EPOCHS = 32, 50


class Pair(NamedTuple):
    """Two calls, and how many steps each takes."""

    ours: Callable[[], Any]
    beside: Callable[[], Any]
    steps: int = 1


def fit_beside_plan() -> Pair:
    """The article's network with accuracy, EarlyStopping and a schedule, epochs of 32 steps; its plan."""
    model = _model(_ARTICLE, optimizer=Adam(ExponentialDecay(RATE, 1000, 0.9)), metrics=["accuracy"])
    x, y = _repeated(_ARTICLE)

    def fit() -> None:
        stop = EarlyStopping("loss", patience=_EPOCHS, restore_best_weights=True)
        model.fit(x, y, batch_size=_ARTICLE.batch, epochs=_EPOCHS, verbose=0, callbacks=[stop])

    fit()
    replay = model._runner.bound("train", _ARTICLE.batch).replay

    def replayed() -> None:
        for _ in range(_STEPS * _EPOCHS):
            replay()

    return Pair(fit, replayed, _STEPS * _EPOCHS)


def metrics_beside_none() -> Pair:
    """The plan of 784-100-10 at batch 200 with AUC, Precision and Recall; without metrics."""
    plans = []
    for metrics in ([AUC(), Precision(), Recall()], None):
        model = _model(_DIGITS, metrics=metrics)
        x, y, _ = _DIGITS.data()
        model.fit(x, y, batch_size=_DIGITS.batch, verbose=0, shuffle=False)
        plans.append(model._runner.bound("train", _DIGITS.batch).replay)
    return Pair(*plans)


def stream_beside_arrays(prefetch: int | None) -> Pair:
    """Batches that are there already, from a generator or a thread that draws them; the same from arrays."""
    model = _model(_ARTICLE)
    x, y = _repeated(_ARTICLE)
    size = _ARTICLE.batch
    batches = [(x[at : at + size], y[at : at + size]) for at in range(0, len(x), size)]

    def endless() -> Iterator[Any]:
        while True:
            yield from batches

    def streamed() -> None:
        model.fit(endless(), steps_per_epoch=_STEPS, epochs=_EPOCHS, verbose=0, prefetch=prefetch)

    def from_arrays() -> None:
        model.fit(x, y, batch_size=size, epochs=_EPOCHS, verbose=0, shuffle=False)

    return Pair(streamed, from_arrays, _STEPS * _EPOCHS)


def saving_beside_numpy(folder: Path, megabytes: float) -> Pair:
    """A model's weights in a file, flushed to the disk; `numpy.save` of as many bytes, flushed as well."""
    units = max(1, round(megabytes * 1e6 / 4 / 1001))
    model = Sequential([Input((1000,)), Dense(units)])
    plain = np.concatenate([np.ravel(x) for x in model.get_weights()])

    def save() -> None:
        model.save_weights(folder / "ours.safetensors", overwrite=True)

    def numpy_save() -> None:
        with (folder / "plain.npy").open("wb") as file:
            np.save(file, plain)
            file.flush()
            os.fsync(file.fileno())

    return Pair(save, numpy_save)


def _repeated(network: Network) -> tuple[np.ndarray, np.ndarray]:
    x, y, _ = network.data()
    return np.tile(x, (_STEPS, 1)), np.tile(y, (_STEPS, 1))


def main(arguments: Sequence[str] | None = None) -> dict[str, float]:
    """Print the table; return the ratio, or the µs added to a step, of each row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.3)
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    found = {}
    lines = [f"{'µs':58}{'ours':>10}{'beside':>10}{'result':>12}{'asked':>9}"]
    with tempfile.TemporaryDirectory(dir=".") as folder:
        rows: list[tuple[str, Callable[[], Pair], float, bool]] = [
            ("step of fit with accuracy, EarlyStopping, schedule / plan", fit_beside_plan, 1.25, False),
            ("step with AUC, Precision and Recall / without", metrics_beside_none, 1.25, False),
            ("step of fit on a generator - on arrays", lambda: stream_beside_arrays(None), 15, True),
            ("step of fit on a thread that draws 8 ahead - on arrays", lambda: stream_beside_arrays(8), 40, True),
            (
                f"{options.megabytes:g} MB saved / numpy.save, both flushed",
                lambda: saving_beside_numpy(Path(folder), options.megabytes),
                1.5,
                False,
            ),
        ]
        for name, make, asked, is_added in rows:
            pair = make()
            ours, beside = (1e6 * t / pair.steps for t in medians(pair[:2], options.repeats, options.seconds))
            found[name] = ours - beside if is_added else ours / beside
            unit = "µs" if is_added else "x "
            lines.append(f"{name:58}{ours:10.1f}{beside:10.1f}{found[name]:9.2f} {unit}{asked:6g} {unit}")
            print(name, file=sys.stderr, flush=True)
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    command = " ".join(["python -m benchmarks.training", *(sys.argv[1:] if arguments is None else arguments)])
    text = f"# {command}\n# {today}; {versions()}; float32, Adam\n" + "\n".join(lines) + "\n"
    print(text)
    if options.write:
        (RESULTS / f"training-{today}.txt").write_text(text)
    return found


if __name__ == "__main__":
    main()
