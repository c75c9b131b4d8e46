"""Losses by Keras' names, as functions and as objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnarray._custom_objects import custom_object_scope
from nnarray._lookup import Registry, by_name
from nnarray._serialization import serialize_keras_object
from nnarray.losses._classes import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    FittingCrossentropy,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)
from nnarray.losses._ctc import CTC, ctc
from nnarray.losses._functions import (
    binary_crossentropy,
    categorical_crossentropy,
    mean_squared_error,
    sparse_categorical_crossentropy,
)
from nnarray.losses._loss import Loss, LossFunctionWrapper
from nnarray.losses._margins import (
    CategoricalHinge,
    Circle,
    Hinge,
    SquaredHinge,
    categorical_hinge,
    circle,
    hinge,
    squared_hinge,
)
from nnarray.losses._overlap import Dice, Tversky, dice, tversky
from nnarray.losses._probabilities import (
    BinaryFocalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    KLDivergence,
    binary_focal_crossentropy,
    categorical_focal_crossentropy,
    categorical_generalized_cross_entropy,
    kl_divergence,
)
from nnarray.losses._regression import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredLogarithmicError,
    Poisson,
    cosine_similarity,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_logarithmic_error,
    poisson,
)
from nnarray.losses._targets import ANY, LABELS, SAME_SHAPE, Labels, SameShape, Targets

__all__ = [
    "ANY",
    "CTC",
    "KNOWN",
    "LABELS",
    "SAME_SHAPE",
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "CategoricalHinge",
    "Circle",
    "CosineSimilarity",
    "Dice",
    "Hinge",
    "Huber",
    "KLDivergence",
    "Labels",
    "LogCosh",
    "Loss",
    "LossFunctionWrapper",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SameShape",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "Targets",
    "Tversky",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "categorical_hinge",
    "circle",
    "cosine_similarity",
    "ctc",
    "deserialize",
    "dice",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "serialize",
    "sparse_categorical_crossentropy",
    "squared_hinge",
    "tversky",
]

_CLASSES = (
    *(BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy, MeanSquaredError),
    CTC,
    CategoricalHinge,
    Circle,
    Hinge,
    SquaredHinge,
    BinaryFocalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    Dice,
    KLDivergence,
    Tversky,
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredLogarithmicError,
    Poisson,
)
_SHORT = {
    **{"bce": BinaryCrossentropy, "mse": MeanSquaredError, "mae": MeanAbsoluteError, "kld": KLDivergence},
    **{"mape": MeanAbsolutePercentageError, "msle": MeanSquaredLogarithmicError},
}
KNOWN: dict[str, Any] = by_name(*_CLASSES, **_SHORT, **{name.upper(): cls for name, cls in _SHORT.items()})
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


def serialize(loss: Any) -> Any:
    """Return a loss as plain values, for `deserialize`.

    Parameters
    ----------
    loss : Loss or function ``f(y_true, y_pred)``

    Raises
    ------
    TypeError
        If it has no name to be found by; see `nnarray.utils.serialize_keras_object`.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.losses.serialize(nna.losses.Huber(delta=2.0))["config"]["delta"]
    2.0
    """
    return serialize_keras_object(loss)


def deserialize(name: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return a loss by its name, or by what `serialize` returned.

    Parameters
    ----------
    name : str or dict
    custom_objects : mapping of str to class or function, optional
        Where names are looked up first.

    Raises
    ------
    ValueError
        If the name is unknown; the message gives the nearest known one.
    TypeError
        If a config names a class or function that is neither built in nor registered nor given.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.losses.deserialize(nna.losses.serialize(nna.losses.Huber(delta=2.0)))
    Huber(2.0)
    """
    with custom_object_scope(custom_objects or {}):
        return get(name)
