"""Metrics by Keras' names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnarray import losses
from nnarray._custom_objects import custom_object_scope
from nnarray._lookup import Registry, snake_case
from nnarray._serialization import serialize_keras_object
from nnarray.losses import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from nnarray.metrics._accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    FittingAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    accuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from nnarray.metrics._confusion import (
    FalseNegatives,
    FalsePositives,
    Precision,
    Recall,
    TrueNegatives,
    TruePositives,
)
from nnarray.metrics._correlation import (
    ConcordanceCorrelation,
    PearsonCorrelation,
    R2Score,
    concordance_correlation,
    pearson_correlation,
)
from nnarray.metrics._crossentropy import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy
from nnarray.metrics._curves import (
    AUC,
    PrecisionAtRecall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
)
from nnarray.metrics._fbeta import F1Score, FBetaScore
from nnarray.metrics._iou import BinaryIoU, ConfusionMatrix, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
from nnarray.metrics._mean import Mean, MeanMetricWrapper, Sum
from nnarray.metrics._metric import Metric
from nnarray.metrics._regression import (
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    KLDivergence,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    RootMeanSquaredError,
    SquaredHinge,
    cosine_similarity,
)

__all__ = [
    "AUC",
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "BinaryIoU",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "ConcordanceCorrelation",
    "ConfusionMatrix",
    "CosineSimilarity",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "Hinge",
    "IoU",
    "KLDivergence",
    "LogCoshError",
    "Mean",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanIoU",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "OneHotIoU",
    "OneHotMeanIoU",
    "PearsonCorrelation",
    "Poisson",
    "Precision",
    "PrecisionAtRecall",
    "R2Score",
    "Recall",
    "RecallAtPrecision",
    "RootMeanSquaredError",
    "SensitivityAtSpecificity",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SpecificityAtSensitivity",
    "SquaredHinge",
    "Sum",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "accuracy",
    "binary_accuracy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "concordance_correlation",
    "cosine_similarity",
    "deserialize",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "pearson_correlation",
    "poisson",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "squared_hinge",
    "top_k_categorical_accuracy",
]

_CLASSES = (
    *(Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy),
    *(TopKCategoricalAccuracy, SparseTopKCategoricalAccuracy, Mean, Sum),
    *(MeanSquaredError, RootMeanSquaredError, MeanAbsoluteError, MeanAbsolutePercentageError),
    *(MeanSquaredLogarithmicError, LogCoshError, CosineSimilarity, KLDivergence, Poisson),
    *(Hinge, SquaredHinge, CategoricalHinge),
    *(Precision, Recall, TruePositives, FalsePositives, TrueNegatives, FalseNegatives),
    *(AUC, SensitivityAtSpecificity, SpecificityAtSensitivity, PrecisionAtRecall, RecallAtPrecision),
    *(F1Score, FBetaScore, IoU, BinaryIoU, MeanIoU, OneHotIoU, OneHotMeanIoU, ConfusionMatrix),
    *(R2Score, PearsonCorrelation, ConcordanceCorrelation),
    *(BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy),
)
_OWN = {cls.__name__: cls for cls in _CLASSES}
#: Losses that serve as metrics, by the names of losses; where there is a metric of that class name, it takes its place.
_LOSSES: dict[str, Any] = {name: _OWN.get(cls.__name__) or cls() for name, cls in losses.KNOWN.items()}
METRICS = Registry(
    "metric",
    Metric,
    *_CLASSES,
    *(
        getattr(losses, snake_case(type(loss).__name__))
        for name, loss in _LOSSES.items()
        if name == type(loss).__name__
    ),
    wrap=MeanMetricWrapper,
    **_LOSSES,
    acc=Accuracy,
    crossentropy=losses.FittingCrossentropy(),
    ce=losses.FittingCrossentropy(name="ce"),
)


def get(identifier: Any) -> Metric:
    """Return a metric by name or config, as it is, from a class, or as the mean of a function ``f(y_true, y_pred)``.

    ``"accuracy"`` and ``"acc"`` pick binary, categorical or sparse accuracy by the shapes of targets and outputs. A
    loss, by name or as an object, gives the mean of its values.

    Raises
    ------
    ValueError
        If the name is unknown; the message gives the nearest known one.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.metrics.get("accuracy").name, nna.metrics.get("mse").name
    ('accuracy', 'mean_squared_error')
    """
    if isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc"):
        return FittingAccuracy(identifier)
    return METRICS.get(identifier)


def serialize(metric: Any) -> Any:
    """Return a metric as plain values, for `deserialize`.

    Parameters
    ----------
    metric : Metric or function ``f(y_true, y_pred)``

    Raises
    ------
    TypeError
        If it has no name to be found by; see `nnarray.utils.serialize_keras_object`.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.metrics.serialize(nna.metrics.FBetaScore(beta=2.0))["config"]["beta"]
    2.0
    """
    return serialize_keras_object(metric)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return a metric by its name, or by what `serialize` returned.

    Parameters
    ----------
    config : str or dict
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
    >>> nna.metrics.deserialize(nna.metrics.serialize(nna.metrics.FBetaScore(beta=2.0)))
    FBetaScore(beta=2.0)
    """
    with custom_object_scope(custom_objects or {}):
        return get(config)
