"""Losses by Keras' names, as functions and as objects."""

from __future__ import annotations

from typing import Any

from nnarray._lookup import Registry, by_name
from nnarray.losses._classes import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    FittingCrossentropy,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)
from nnarray.losses._functions import (
    binary_crossentropy,
    categorical_crossentropy,
    mean_squared_error,
    sparse_categorical_crossentropy,
)
from nnarray.losses._loss import Loss, LossFunctionWrapper
from nnarray.losses._targets import ANY, LABELS, SAME_SHAPE, Labels, SameShape, Targets

__all__ = [
    "ANY",
    "KNOWN",
    "LABELS",
    "SAME_SHAPE",
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "Labels",
    "Loss",
    "LossFunctionWrapper",
    "MeanSquaredError",
    "SameShape",
    "SparseCategoricalCrossentropy",
    "Targets",
    "binary_crossentropy",
    "categorical_crossentropy",
    "get",
    "mean_squared_error",
    "sparse_categorical_crossentropy",
]

KNOWN: dict[str, Any] = by_name(
    *(BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy, MeanSquaredError),
    **{"bce": BinaryCrossentropy, "BCE": BinaryCrossentropy, "mse": MeanSquaredError, "MSE": MeanSquaredError},
)
LOSSES = Registry(
    "loss",
    Loss,
    *dict.fromkeys(KNOWN.values()),
    wrap=LossFunctionWrapper,
    crossentropy=FittingCrossentropy,
    ce=FittingCrossentropy,
    **KNOWN,
)


def get(identifier: Any) -> Loss:
    """Return a loss object by name or config, as it is, from a class, or around a function ``f(y_true, y_pred)``.

    ``"crossentropy"`` and ``"ce"`` pick binary, sparse or categorical cross-entropy by the shapes of targets and
    outputs.

    Raises
    ------
    ValueError
        If the name is unknown; the message gives the nearest known one.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.losses.get("mse")
    MeanSquaredError()
    """
    return LOSSES.get(identifier)
