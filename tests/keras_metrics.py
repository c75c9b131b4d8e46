"""Results of metrics by Keras: `KERAS_BACKEND=jax JAX_ENABLE_X64=1 python -m tests.keras_metrics` records them.

The same cases are then computed by nnarray in tests/test_more_metrics.py and tests/test_curve_metrics.py.
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

_N = np.arange(120.0).reshape(40, 3)
_LOGITS = 3 * np.sin(1.7 * _N) + np.cos(0.37 * _N**1.3)
#: 40 examples of three classes or outputs.
LONGER = {
    "logits": _LOGITS,
    "softmax": np.exp(_LOGITS) / np.exp(_LOGITS).sum(-1, keepdims=True),
    # With some that lie on thresholds or beyond 0 and 1.
    "shares": np.concatenate(
        [1 / (1 + np.exp(-_LOGITS[:36])), [[0, 1, 0.5], [-0.5, 1.5, 0.25], [1, 0, 0.75], [0.5] * 3]]
    ),
    "binary": (np.sin(1.7 * _N + 0.9 * np.sin(5 * _N)) > 0.2).astype(float),
    "one_hot": np.eye(3)[(np.sin(7 * _N[:, 0]) * 5).astype(int) % 3],
    "labels": (np.sin(7 * _N[:, 0]) * 5).astype(int) % 3,
    "classes": (np.cos(5 * _N[:, 0]) * 5).astype(int) % 4,
    "numbers": 2 * np.sin(1.7 * _N) + 0.5 * np.cos(_N),
    "weights": np.abs(np.sin(_N[:, 0])),
}
for _kind in ("binary", "shares", "logits"):
    LONGER[f"{_kind}_column"] = LONGER[_kind][:, :1]
LONGER["binary_line"] = LONGER["binary"][:, 0]
_AT = {
    **{"SensitivityAtSpecificity": "specificity", "SpecificityAtSensitivity": "sensitivity"},
    **{"PrecisionAtRecall": "recall", "RecallAtPrecision": "precision"},
}
#: Class, its arguments, targets, outputs: of `LONGER`, in batches.
FURTHER: list[tuple[str, dict[str, Any], str, str]] = [
    *(
        ("AUC", {"curve": curve, "summation_method": method, **given}, "binary", "shares")
        for curve in ("ROC", "PR", "PRGAIN")
        for method in ("interpolation", "minoring", "majoring")
        for given in ({}, {"multi_label": True})
    ),
    ("AUC", {"num_thresholds": 2}, "binary", "shares"),
    ("AUC", {"num_thresholds": 3}, "binary_line", "shares_column"),
    ("AUC", {"thresholds": [0.5]}, "binary", "shares"),
    ("AUC", {"thresholds": [0.9, 0.1, 0.35]}, "binary_column", "logits_column"),
    ("AUC", {"thresholds": [0.9, 0.1, 0.35], "curve": "pr", "multi_label": True}, "binary", "logits"),
    ("AUC", {"thresholds": [0.9, 0.1], "label_weights": [1.0, 0.25, 2.0]}, "binary", "shares"),
    ("AUC", {"label_weights": [1.0, 0.25, 2.0]}, "binary", "shares"),
    ("AUC", {"label_weights": [1.0, 0.0, 2.0], "multi_label": True, "num_labels": 3}, "binary", "shares"),
    ("AUC", {"from_logits": True, "num_thresholds": 50}, "binary", "logits"),
    *(
        (name, {argument: value, **given}, labels, outputs)
        for name, argument in _AT.items()
        for value, given, labels, outputs in (
            (0.5, {}, "binary", "shares"),
            (0.8, {"num_thresholds": 20}, "binary_line", "shares_column"),
            (0.6, {"class_id": 2}, "one_hot", "softmax"),
            (0.1, {"num_thresholds": 1}, "binary", "shares"),
            (1.0, {"num_thresholds": 2}, "binary", "shares"),
        )
    ),
    *(
        (name, {"average": average, **given}, "binary", "shares")
        for name, given in (("FBetaScore", {"beta": 2.0}), ("FBetaScore", {"beta": 0.5}), ("F1Score", {}))
        for average in (None, "micro", "macro", "weighted")
    ),
    ("F1Score", {"threshold": 0.3}, "binary", "shares"),
    ("FBetaScore", {"threshold": 0.6, "beta": 2.0, "average": "micro"}, "binary", "shares"),
    ("F1Score", {"average": "macro"}, "one_hot", "softmax"),
    ("IoU", {"num_classes": 3, "target_class_ids": [0, 2]}, "labels", "classes"),
    ("IoU", {"num_classes": 4, "target_class_ids": [3, 1], "ignore_class": 1}, "labels", "classes"),
    ("IoU", {"num_classes": 3, "target_class_ids": [1], "sparse_y_pred": False}, "labels", "softmax"),
    ("BinaryIoU", {}, "binary_line", "shares_column"),
    ("BinaryIoU", {"target_class_ids": [0], "threshold": 0.25}, "binary_column", "shares_column"),
    ("MeanIoU", {"num_classes": 4}, "labels", "classes"),
    ("MeanIoU", {"num_classes": 5, "ignore_class": 0}, "labels", "classes"),
    ("MeanIoU", {"num_classes": 3, "sparse_y_true": False, "sparse_y_pred": False}, "one_hot", "logits"),
    ("OneHotIoU", {"num_classes": 3, "target_class_ids": [0, 2]}, "one_hot", "softmax"),
    ("OneHotIoU", {"num_classes": 4, "target_class_ids": [0], "sparse_y_pred": True}, "one_hot", "classes"),
    ("OneHotMeanIoU", {"num_classes": 3}, "one_hot", "softmax"),
    ("OneHotMeanIoU", {"num_classes": 3, "ignore_class": 2}, "one_hot", "softmax"),
    *(
        ("R2Score", {"class_aggregation": way, "num_regressors": number}, "numbers", "logits")
        for way in ("uniform_average", "variance_weighted_average", None)
        for number in (0, 4, 1000)
    ),
    *((name, {}, "numbers", "logits") for name in ("PearsonCorrelation", "ConcordanceCorrelation")),
    ("BinaryCrossentropy", {}, "binary", "softmax"),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.2}, "binary", "logits"),
    ("CategoricalCrossentropy", {}, "one_hot", "softmax"),
    ("CategoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.2, "axis": 1}, "one_hot", "logits"),
    ("SparseCategoricalCrossentropy", {}, "labels", "softmax"),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, "labels", "logits"),
]
#: Rows of each batch, and whether it has weights. All are of one length: some libraries compile anew for another.
BATCHES = ((slice(0, 20), False), (slice(20, 40), True), (slice(10, 30), False))


def record() -> None:
    """Write what Keras gives after one batch, and after a second one with weights; and after each of `BATCHES`."""
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
    found["further"] = []
    for name, given, y, p in FURTHER:
        metric = getattr(keras.metrics, name)(**given, dtype="float64")
        results = []
        for rows, weighted in BATCHES:
            metric.update_state(LONGER[y][rows], LONGER[p][rows], LONGER["weights"][rows] if weighted else None)
            results.append(np.asarray(metric.result()).tolist())
        found["further"].append({"name": metric.name, "results": results})
    NUMBERS.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    record()
