"""Share of right answers, for each form that labels come in."""

from __future__ import annotations

from typing import Any

from nnarray import nn
from nnarray.metrics._metric import MeanMetricWrapper


def accuracy(y_true: Any, y_pred: Any) -> Any:
    """Return 1 where prediction equals target, 0 elsewhere, averaged over the last axis.

    Parameters
    ----------
    y_true, y_pred : arrays, shape (batch, …, n)

    Returns
    -------
    array, shape (batch, …)
    """
    xp, y_true, y_pred = nn.align(y_true, y_pred)
    return _mean_last(xp, y_true == y_pred)


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """Return the share along the last axis of outputs that lie on their label's side of `threshold`.

    Parameters
    ----------
    y_true : array, shape (batch, …, n)
        Labels 0 or 1.
    y_pred : array, the same shape
    threshold : float

    Returns
    -------
    array, shape (batch, …)

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.metrics.binary_accuracy([[1], [0]], [[0.9], [0.6]]).tolist()
    [1.0, 0.0]
    """
    xp, y_true, y_pred = nn.align(y_true, y_pred)
    return _mean_last(xp, xp.astype(y_pred > threshold, y_pred.dtype) == y_true)


def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Return 1 where the most probable class is that of the one-hot label.

    Parameters
    ----------
    y_true, y_pred : arrays, shape (batch, …, classes)

    Returns
    -------
    array, shape (batch, …)

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.metrics.categorical_accuracy([[0, 1], [0, 1]], [[0.1, 0.9], [0.6, 0.4]]).tolist()
    [1.0, 0.0]
    """
    xp, y_true, y_pred = nn.align(y_true, y_pred)
    return xp.astype(xp.argmax(y_true, axis=-1) == xp.argmax(y_pred, axis=-1), y_pred.dtype)


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Return 1 where the most probable class is the integer label.

    Parameters
    ----------
    y_true : array, shape (batch, …) or (batch, …, 1)
    y_pred : array, shape (batch, …, classes)

    Returns
    -------
    array, shape (batch, …)

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.metrics.sparse_categorical_accuracy([1, 1], [[0.1, 0.9], [0.6, 0.4]]).tolist()
    [1.0, 0.0]
    """
    xp, y_true, y_pred = nn.prepare(y_true, y_pred)
    labels = nn.match_labels(xp, y_true, y_pred)
    return xp.astype(labels == xp.astype(xp.argmax(y_pred, axis=-1), labels.dtype), y_pred.dtype)


def fitting_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Return binary, sparse or categorical accuracy, whichever the shapes of labels and outputs call for."""
    _, y_true, y_pred = nn.prepare(y_true, y_pred)
    outputs = y_pred.shape[-1] if y_pred.ndim > 1 else 1
    if outputs == 1:
        return binary_accuracy(y_true, y_pred)
    if y_true.ndim < y_pred.ndim or y_true.shape[-1] == 1:
        return sparse_categorical_accuracy(y_true, y_pred)
    return categorical_accuracy(y_true, y_pred)


def _mean_last(xp: Any, equal: Any) -> Any:
    hits = xp.astype(equal, xp.float32)
    return xp.mean(hits, axis=-1) if hits.ndim > 0 else hits


class Accuracy(MeanMetricWrapper):
    """Share of predictions that equal their targets."""

    def __init__(self, name: str = "accuracy", dtype: str | None = None) -> None:
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(MeanMetricWrapper):
    """Share of outputs on their label's side of `threshold`.

    Examples
    --------
    >>> import nnarray as nna
    >>> float(nna.metrics.BinaryAccuracy()([[1], [0]], [[0.9], [0.6]]))
    0.5
    """

    def __init__(self, name: str = "binary_accuracy", dtype: str | None = None, threshold: float = 0.5) -> None:
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


class CategoricalAccuracy(MeanMetricWrapper):
    """Share of examples whose most probable class is that of the one-hot label."""

    def __init__(self, name: str = "categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """Share of examples whose most probable class is the integer label."""

    def __init__(self, name: str = "sparse_categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)
