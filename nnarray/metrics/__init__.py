"""Metrics by Keras' names."""

from __future__ import annotations

from typing import Any

from nnarray._lookup import by_name, find
from nnarray.metrics._accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    accuracy,
    binary_accuracy,
    categorical_accuracy,
    fitting_accuracy,
    sparse_categorical_accuracy,
)
from nnarray.metrics._metric import Mean, MeanMetricWrapper, Metric

__all__ = [
    "Accuracy",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "Mean",
    "MeanMetricWrapper",
    "Metric",
    "SparseCategoricalAccuracy",
    "accuracy",
    "binary_accuracy",
    "categorical_accuracy",
    "get",
    "sparse_categorical_accuracy",
]

_KNOWN = by_name(Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy, Mean)


def get(identifier: Any) -> Metric:
    """Return a metric by name, as it is, from a class, or as the mean of a function ``f(y_true, y_pred)``.

    ``"accuracy"`` and ``"acc"`` pick binary, categorical or sparse accuracy by the shapes of targets and outputs.

    Raises
    ------
    ValueError
        If the name is unknown; the message gives the nearest known one.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.metrics.get("accuracy").name
    'accuracy'
    """
    if isinstance(identifier, str) and identifier in ("accuracy", "acc"):
        return MeanMetricWrapper(fitting_accuracy, name=identifier)
    found = find("metric", identifier, {**_KNOWN, "accuracy": None, "acc": None}, Metric)
    if isinstance(found, Metric):
        return found
    return MeanMetricWrapper(found, name=getattr(found, "name", None) or getattr(found, "__name__", "metric"))
