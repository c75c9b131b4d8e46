"""Losses by Keras' names, as functions and as objects."""

from __future__ import annotations

from typing import Any

from nnarray._lookup import by_name, find
from nnarray.losses._classes import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Loss,
    LossFunctionWrapper,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)
from nnarray.losses._functions import (
    binary_crossentropy,
    categorical_crossentropy,
    mean_squared_error,
    sparse_categorical_crossentropy,
)

__all__ = [
    "KNOWN",
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "Loss",
    "LossFunctionWrapper",
    "MeanSquaredError",
    "SparseCategoricalCrossentropy",
    "binary_crossentropy",
    "categorical_crossentropy",
    "get",
    "mean_squared_error",
    "sparse_categorical_crossentropy",
]

KNOWN = by_name(
    *(BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy, MeanSquaredError),
    **{"bce": BinaryCrossentropy, "BCE": BinaryCrossentropy, "mse": MeanSquaredError, "MSE": MeanSquaredError},
)


def get(identifier: Any) -> Loss:
    """Return a loss object by name, as it is, from a class, or around a function ``f(y_true, y_pred)``.

    Raises
    ------
    ValueError
        If the name is unknown; the message gives the nearest known one.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.losses.get("mse").name
    'mean_squared_error'
    """
    found = find("loss", identifier, KNOWN, Loss)
    return found if isinstance(found, Loss) else LossFunctionWrapper(found)
