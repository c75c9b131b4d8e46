"""Values and slopes of losses by Keras: `KERAS_BACKEND=jax JAX_ENABLE_X64=1 python -m tests.keras_losses` records them.

The same cases are then computed by nnarray in tests/test_more_losses.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

NUMBERS = Path(__file__).parent / "keras_losses.json"

_X = np.arange(12.0).reshape(4, 3)
ARRAYS = {
    "logits": 3 * np.sin(1.7 * _X),
    "numbers": 2 * np.cos(0.9 * _X) + 1.5,
    "positive": np.exp(np.sin(_X)),
    "counts": np.asarray([[0.0, 1.0, 2.0], [3.0, 0.0, 1.0], [5.0, 2.0, 2.0], [1.0, 0.0, 7.0]]),
    "binary": (np.cos(_X) > 0).astype(float),
    "signs": np.where(np.cos(_X) > 0, 1.0, -1.0),
    "one_hot": np.eye(3)[[0, 2, 1, 2]],
    "labels": np.asarray([0, 2, 1, 2]),
    "twins": np.asarray([0, 1, 0, 1]),
    "alone": np.asarray([0, 1, 0, 2]),
    "weights": np.asarray([1.0, 0.5, 0.0, 2.0]),
    "spoken": np.asarray([[1, 2, 0], [2, 2, 1], [0, 0, 0], [3, 0, 0]]),
    "frames": 2 * np.sin(1.1 * np.arange(96.0)).reshape(4, 6, 4),
}
ARRAYS["sigmoid"] = 1 / (1 + np.exp(-ARRAYS["logits"]))
ARRAYS["softmax"] = np.exp(ARRAYS["logits"]) / np.exp(ARRAYS["logits"]).sum(-1, keepdims=True)
ARRAYS["unit"] = ARRAYS["logits"] / np.linalg.norm(ARRAYS["logits"], axis=1, keepdims=True)

#: Function, targets, outputs, arguments.
FUNCTIONS: list[tuple[str, str, str, dict[str, Any]]] = [
    *((name, "numbers", "logits", {}) for name in ("mean_absolute_error", "mean_absolute_percentage_error", "huber")),
    *((name, "numbers", "logits", {}) for name in ("log_cosh", "cosine_similarity")),
    ("huber", "numbers", "logits", {"delta": 0.7}),
    ("cosine_similarity", "numbers", "logits", {"axis": 0}),
    ("mean_squared_logarithmic_error", "counts", "positive", {}),
    ("mean_squared_logarithmic_error", "counts", "logits", {}),
    ("poisson", "counts", "positive", {}),
    *((name, labels, "logits", {}) for name in ("hinge", "squared_hinge") for labels in ("signs", "binary", "numbers")),
    ("categorical_hinge", "one_hot", "logits", {}),
    ("kl_divergence", "softmax", "sigmoid", {}),
    ("kl_divergence", "one_hot", "softmax", {}),
    ("binary_focal_crossentropy", "binary", "sigmoid", {}),
    ("binary_focal_crossentropy", "binary", "sigmoid", {"apply_class_balancing": True, "alpha": 0.3, "gamma": 1.5}),
    ("binary_focal_crossentropy", "binary", "logits", {"from_logits": True, "label_smoothing": 0.1}),
    ("categorical_focal_crossentropy", "one_hot", "softmax", {}),
    ("categorical_focal_crossentropy", "one_hot", "softmax", {"alpha": [0.2, 0.5, 0.9], "gamma": 1.0}),
    ("categorical_focal_crossentropy", "one_hot", "logits", {"from_logits": True, "label_smoothing": 0.1}),
    ("categorical_generalized_cross_entropy", "labels", "softmax", {"q": 0.7}),
    ("dice", "binary", "sigmoid", {}),
    ("dice", "binary", "sigmoid", {"axis": [1]}),
    ("tversky", "binary", "sigmoid", {"alpha": 0.3, "beta": 0.9}),
    ("tversky", "binary", "sigmoid", {"alpha": 0.3, "beta": 0.9, "axis": [1]}),
    ("circle", "twins", "unit", {}),
    ("circle", "alone", "unit", {"gamma": 5.0, "margin": 0.2}),
    ("circle", "twins", "unit", {"gamma": 5.0, "remove_diagonal": False}),
    ("ctc", "spoken", "frames", {}),
]
#: Class, its arguments, targets, outputs.
CLASSES: list[tuple[str, dict[str, Any], str, str]] = [
    *((name, {}, "numbers", "logits") for name in ("MeanAbsoluteError", "MeanAbsolutePercentageError", "LogCosh")),
    ("Huber", {"delta": 2.0}, "numbers", "logits"),
    ("MeanSquaredLogarithmicError", {}, "counts", "positive"),
    ("Poisson", {}, "counts", "positive"),
    ("CosineSimilarity", {"axis": 1}, "numbers", "logits"),
    *((name, {}, "signs", "logits") for name in ("Hinge", "SquaredHinge")),
    ("CategoricalHinge", {}, "one_hot", "logits"),
    ("KLDivergence", {}, "softmax", "sigmoid"),
    ("BinaryFocalCrossentropy", {"gamma": 3.0}, "binary", "sigmoid"),
    ("CategoricalFocalCrossentropy", {"from_logits": True}, "one_hot", "logits"),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.3}, "labels", "softmax"),
    ("Dice", {"axis": [1]}, "binary", "sigmoid"),
    ("Tversky", {"beta": 0.2, "axis": [1]}, "binary", "sigmoid"),
    ("Circle", {"gamma": 5.0}, "twins", "unit"),
    ("Circle", {"gamma": 5.0}, "alone", "unit"),
    ("CTC", {}, "spoken", "frames"),
]
REDUCTIONS = ("sum_over_batch_size", "sum", "mean_with_sample_weight", "none")


def arguments_of(given: dict[str, Any]) -> dict[str, Any]:
    """Return arguments as Python has them: JSON knows no tuples."""
    return {key: tuple(value) if key == "axis" and isinstance(value, list) else value for key, value in given.items()}


def record() -> None:
    """Write what Keras gives."""
    import jax
    import keras

    keras.config.set_floatx("float64")
    found: dict[str, Any] = {"keras": keras.__version__, "functions": [], "classes": []}
    for name, y, p, given in FUNCTIONS:
        function = lambda pred, name=name, y=y, given=given: getattr(keras.losses, name)(  # noqa: E731
            ARRAYS[y], pred, **arguments_of(given)
        )
        slope = jax.grad(lambda pred, function=function: function(pred).sum())(jax.numpy.asarray(ARRAYS[p]))
        found["functions"].append(
            {"value": np.asarray(function(ARRAYS[p])).tolist(), "slope": np.asarray(slope).tolist()}
        )
    for name, given, y, p in CLASSES:
        made = [getattr(keras.losses, name)(reduction=r, **arguments_of(given)) for r in REDUCTIONS]
        weights = (None, ARRAYS["weights"])
        values = [[np.asarray(loss(ARRAYS[y], ARRAYS[p], sample_weight=w)).tolist() for w in weights] for loss in made]
        found["classes"].append({"values": values, "name": made[0].name})
    NUMBERS.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    record()
