"""Penalties, constraints and trainings with them by Keras: `KERAS_BACKEND=jax python -m tests.keras_penalties`.

The same cases are then computed by nnarray in tests/test_penalties.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

NUMBERS = Path(__file__).parent / "keras_penalties.json"
MATRIX = 2 * np.sin(np.arange(12.0).reshape(4, 3) * 1.3)
REGULARIZERS: list[tuple[str, dict[str, Any]]] = [
    *(("L1", {}), ("L1", {"l1": 0.3}), ("L2", {}), ("L2", {"l2": 0.3}), ("L1L2", {}), ("L1L2", {"l1": 0.2, "l2": 0.1})),
    *(("L1L2", {"l2": 0.1}), ("OrthogonalRegularizer", {}), ("OrthogonalRegularizer", {"factor": 0.5})),
    ("OrthogonalRegularizer", {"mode": "columns"}),
]
CONSTRAINTS: list[tuple[str, dict[str, Any]]] = [
    *(("MaxNorm", {}), ("MaxNorm", {"max_value": 1.5, "axis": 1}), ("MaxNorm", {"axis": [0, 1]}), ("NonNeg", {})),
    *(("UnitNorm", {}), ("UnitNorm", {"axis": 1}), ("MinMaxNorm", {})),
    ("MinMaxNorm", {"min_value": 2.5, "max_value": 2.9, "rate": 0.5, "axis": 1}),
]
#: Arguments of the first of two dense layers.
TRAININGS: list[dict[str, Any]] = [
    {},
    {"kernel_regularizer": "l2"},
    {"kernel_regularizer": ["L1", {"l1": 0.05}], "bias_regularizer": ["L2", {"l2": 0.1}]},
    {"activity_regularizer": ["L2", {"l2": 0.02}]},
    {"kernel_constraint": ["MaxNorm", {"max_value": 0.7}], "bias_constraint": "non_neg"},
    {"kernel_constraint": "unit_norm", "kernel_regularizer": ["L1L2", {"l1": 0.01, "l2": 0.02}]},
]
OPTIMIZERS = ("sgd", "adam")


def arguments_of(given: dict[str, Any], api: Any) -> dict[str, Any]:
    """Return arguments in which what is written as a class and its arguments is an object of `api`."""

    def made(key: str, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        return getattr(api.regularizers if key.endswith("regularizer") else api.constraints, value[0])(**value[1])

    return {key: made(key, value) for key, value in given.items()}


def train(api: Any, given: dict[str, Any], optimizer: str) -> dict[str, Any]:
    """Return losses and weights of a training on fixed data from fixed weights."""
    x = np.sin(np.arange(48.0)).reshape(12, 4).astype("float32")
    y = np.cos(np.arange(12.0)).reshape(12, 1).astype("float32")
    first = api.layers.Dense(3, activation="tanh", **arguments_of(given, api))
    model = api.Sequential([api.layers.Input((4,)), first, api.layers.Dense(1)])
    weights = [0.8 * np.cos(np.arange(w.size) + i).reshape(w.shape) for i, w in enumerate(model.get_weights())]
    model.set_weights(weights)
    model.compile(optimizer=optimizer, loss="mse")
    history = model.fit(x, y, batch_size=5, epochs=3, shuffle=False, verbose=0).history
    evaluated = model.evaluate(x, y, batch_size=5, verbose=0)
    trained = [np.asarray(w).ravel().tolist() for w in model.get_weights()]
    return {"loss": [float(v) for v in history["loss"]], "evaluated": float(evaluated), "weights": trained}


def axes_of(given: dict[str, Any]) -> dict[str, Any]:
    """Return arguments as Python has them: JSON knows no tuples."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}


def record() -> None:
    """Write what Keras gives."""
    import keras

    found: dict[str, Any] = {"keras": keras.__version__}
    matrix = keras.ops.convert_to_tensor(MATRIX.astype("float32"))
    found["regularizers"] = [float(getattr(keras.regularizers, n)(**given)(matrix)) for n, given in REGULARIZERS]
    found["constraints"] = [
        np.asarray(getattr(keras.constraints, n)(**axes_of(given))(matrix)).tolist() for n, given in CONSTRAINTS
    ]
    found["trainings"] = [[train(keras, given, optimizer) for optimizer in OPTIMIZERS] for given in TRAININGS]
    NUMBERS.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    record()
