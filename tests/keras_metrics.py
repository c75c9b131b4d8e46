"""Results of metrics by Keras: `KERAS_BACKEND=jax JAX_ENABLE_X64=1 python -m tests.keras_metrics` records them.

The same cases are then computed by nnarray in tests/test_more_metrics.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.keras_losses import ARRAYS

NUMBERS = Path(__file__).parent / "keras_metrics.json"
#: Class, its arguments, targets, outputs.
METRICS: list[tuple[str, dict[str, Any], str, str]] = [
    *(
        (name, {}, "numbers", "logits")
        for name in ("MeanSquaredError", "RootMeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError")
    ),
    *((name, {}, "numbers", "logits") for name in ("LogCoshError", "CosineSimilarity")),
    ("CosineSimilarity", {"axis": 1}, "one_hot", "logits"),
    ("MeanSquaredLogarithmicError", {}, "counts", "positive"),
    ("Poisson", {}, "counts", "positive"),
    ("KLDivergence", {}, "softmax", "sigmoid"),
    *((name, {}, labels, "logits") for name in ("Hinge", "SquaredHinge") for labels in ("signs", "binary")),
    ("CategoricalHinge", {}, "one_hot", "logits"),
    *(("TopKCategoricalAccuracy", {"k": k}, "one_hot", "softmax") for k in (1, 2, 3, 7)),
    *(("SparseTopKCategoricalAccuracy", {"k": k}, "labels", "softmax") for k in (1, 2, 3)),
    ("TopKCategoricalAccuracy", {"k": 1}, "one_hot", "binary"),
    *(
        (name, given, "binary", "sigmoid")
        for name in ("TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives", "Precision", "Recall")
        for given in ({}, {"thresholds": 0.2}, {"thresholds": [0.1, 0.35, 0.9]}, {"thresholds": 0.0})
    ),
    *(
        (name, given, "one_hot", "softmax")
        for name in ("Precision", "Recall")
        for given in (
            {"top_k": 1},
            {"top_k": 2},
            {"top_k": 2, "thresholds": 0.3},
            {"class_id": 2},
            {"class_id": 0, "top_k": 2},
        )
    ),
]


def record() -> None:
    """Write what Keras gives after one batch, and after a second one with weights."""
    import keras

    keras.config.set_floatx("float64")
    found: dict[str, Any] = {"keras": keras.__version__, "metrics": []}
    for name, given, y, p in METRICS:
        metric = getattr(keras.metrics, name)(**given)
        metric.update_state(ARRAYS[y], ARRAYS[p])
        results = [np.asarray(metric.result()).tolist()]
        metric.update_state(ARRAYS[y][::-1], ARRAYS[p], sample_weight=ARRAYS["weights"])
        results.append(np.asarray(metric.result()).tolist())
        found["metrics"].append({"name": metric.name, "results": results})
    NUMBERS.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    record()
