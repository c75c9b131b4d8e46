"""The doctor, the article's network, and networks on NumPy and CuPy layer by layer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from gpu_parts.part import Options, Part


def parts() -> list[Part]:
    """Return the most telling parts."""
    return [
        Part("doctor", "what nnarray finds on this machine", _doctor),
        Part("article", "the article's network trained on NumPy and CuPy", _article, ("scikit-learn",)),
        Part("crosscheck", "networks on NumPy and CuPy, layer by layer", _crosscheck, ("scikit-learn",)),
    ]


def _doctor(_: Options) -> Iterator[dict[str, Any]]:
    from nnarray.backends import examine, report

    found = examine()
    print(report(found))
    yield {"doctor": found}


def _article(options: Options) -> Iterator[dict[str, Any]]:
    """Train on both; the same weights and batches give the same losses, as far as rounding goes."""
    import nnarray as nna
    from nnarray import datasets, layers, models

    x, y = datasets.make_circles(1100, noise=0.1, factor=0.2, random_state=0)
    epochs = 5 if options.smoke else 50
    losses: dict[str, list[float]] = {}
    for backend in ("numpy", "cupy"):
        nna.set_seed(0)
        model = models.Sequential([layers.Dense(4, input_dim=2, activation="relu")])
        for units in (6, 6, 4):
            model.add(layers.Dense(units, activation="relu"))
        model.add(layers.Dense(1, activation="sigmoid"))
        model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"], backend=backend)
        model.fit(x[:1000], y[:1000], epochs=1, verbose=0)
        start = time.perf_counter()
        history = model.fit(x[:1000], y[:1000], epochs=epochs, initial_epoch=1, verbose=0)
        seconds = time.perf_counter() - start
        loss, accuracy = model.evaluate(x[1000:], y[1000:], verbose=0)
        losses[backend] = history.history["loss"]
        found = {"loss": loss, "accuracy": accuracy, "losses": losses[backend], "on": history.actual_backend}
        yield {backend: found | ({} if options.stand_in else {"seconds": round(seconds, 3)})}
        if history.actual_backend != backend or (accuracy < 0.99 and not options.smoke):
            yield {"passed": False, "reason": f"{backend}: accuracy {accuracy} on {history.actual_backend}"}
    apart = float(np.max(np.abs(np.subtract(*losses.values())) / losses["numpy"]))
    yield {"losses_part_by": apart}
    # Over 50 epochs of small batches, differences of the last bit grow.
    if apart > 1e-2:
        yield {"passed": False, "reason": f"the losses part by {apart:.1e} of themselves"}


def _crosscheck(options: Options) -> Iterator[dict[str, Any]]:
    from nnarray import datasets, layers, models
    from nnarray.testing import crosscheck

    random = np.random.default_rng(0)
    images, labels = random.random((64, 784), "float32"), random.integers(0, 10, 64)
    x, y = datasets.make_moons(64, noise=0.1, random_state=0)
    networks = {
        "binary": ([layers.Dense(6, activation="tanh"), layers.Dense(1, activation="sigmoid")], x, y),
        "softmax": ([layers.Dense(32, activation="relu"), layers.Dense(10, activation="softmax")], images, labels),
        "dropout": ([layers.Dense(32), layers.Dropout(0.5), layers.Dense(10, activation="softmax")], images, labels),
    }
    losses = {"binary": "binary_crossentropy"}
    for name, (parts_of_it, inputs, targets) in list(networks.items())[: 2 if options.smoke else None]:
        model = models.Sequential(parts_of_it)
        model.compile(optimizer="adam", loss=losses.get(name, "sparse_categorical_crossentropy"))
        model.fit(inputs, targets, epochs=1, verbose=0)
        checked = crosscheck(model, inputs, targets, backends=["numpy", "cupy"])
        print(checked)
        yield {name: str(checked).splitlines()}
        if not checked.passed:
            yield {"passed": False}
