"""What Keras' callbacks do on figures: `KERAS_BACKEND=jax python -m tests.keras_callbacks` records it.

The same figures are then given to nnarray's in tests/training/test_monitors.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

NUMBERS = Path(__file__).parent / "keras_callbacks.json"
STOPPING: list[dict[str, Any]] = [
    *({"patience": patience} for patience in (0, 1, 3)),
    {"patience": 2, "min_delta": 0.2},
    {"patience": 2, "baseline": 0.4},
    {"patience": 2, "mode": "max"},
    {"patience": 1, "start_from_epoch": 4, "restore_best_weights": True},
    {"patience": 3, "restore_best_weights": True, "mode": "max", "min_delta": 0.1},
]
REDUCING: list[dict[str, Any]] = [
    {"patience": 1},
    {"patience": 2, "factor": 0.5, "min_delta": 0.0},
    {"patience": 0, "factor": 0.7, "cooldown": 2},
    {"patience": 1, "factor": 0.3, "min_lr": 0.02, "mode": "max"},
]


def figures(seed: int) -> list[float]:
    """Return a figure for each of 16 epochs, some of them equal."""
    random = np.random.default_rng(seed)
    return np.round(1.0 / (1 + np.arange(16)) ** 0.3 + 0.2 * random.normal(size=16), 1).tolist()


class Optimizer:
    """Has a rate."""

    learning_rate = 1.0


class Model:
    """Stands in for a model: its weight is the number of the epoch."""

    def __init__(self) -> None:
        self.stop_training, self.weight, self.metrics, self.optimizer = False, -1, [], Optimizer()

    def get_weights(self) -> list[int]:
        """Return the weight."""
        return [self.weight]

    def set_weights(self, weights: list[int]) -> None:
        """Take the weight."""
        self.weight = weights[0]


def run(callback: Any, seed: int) -> dict[str, Any]:
    """Return what a callback does in the epochs of a training."""
    model, rates = Model(), []
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, figure in enumerate(figures(seed)):
        model.weight = epoch
        callback.on_epoch_end(epoch, {"loss": figure})
        rates.append(round(float(model.optimizer.learning_rate), 8))
        if model.stop_training:
            break
    callback.on_train_end()
    return {"epochs": len(rates), "weight": model.weight, "rates": rates, "best": float(callback.best)}


def record() -> None:
    """Write what Keras' do."""
    import keras

    stopping = [[run(keras.callbacks.EarlyStopping("loss", **given), seed) for seed in range(6)] for given in STOPPING]
    reducing = [
        [run(keras.callbacks.ReduceLROnPlateau("loss", **given), seed) for seed in range(6)] for given in REDUCING
    ]
    found = {"keras": keras.__version__, "stopping": stopping, "reducing": reducing}
    NUMBERS.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    record()
