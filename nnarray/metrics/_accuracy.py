"""Share of right answers, for each form that labels come in."""

from __future__ import annotations

from typing import Any

from nnarray import config, nn
from nnarray._checks import check_positive_integer
from nnarray.array import array_namespace, where_arrays_are
from nnarray.metrics._mean import MeanMetricWrapper


@where_arrays_are
def accuracy(y_true: Any, y_pred: Any) -> Any:
    """Return 1 where prediction equals target, 0 elsewhere, averaged over the last axis.

    Parameters
    ----------
    y_true, y_pred : arrays, shape (batch, …, n) or (batch,)

    Returns
    -------
    array, shape (batch, …)

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.metrics.accuracy([1, 2], [1, 0]).tolist()
    [1.0, 0.0]
    """
    hits = _equal(y_true, y_pred)
    return nn.mean_per_example(array_namespace(hits), hits)


@where_arrays_are
def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """Return the share along the last axis of outputs that lie on their label's side of `threshold`.

    Parameters
    ----------
    y_true : array, shape (batch, …, n) or (batch,)
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
    hits = _on_its_side(y_true, y_pred, threshold)
    return nn.mean_per_example(array_namespace(hits), hits)


@where_arrays_are
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
    return _as_numbers(xp, xp.argmax(y_true, axis=-1) == xp.argmax(y_pred, axis=-1))


@where_arrays_are
def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Return 1 where the most probable class is the integer label.

    Parameters
    ----------
    y_true : array, shape (batch, …), with or without further axes of length one
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
    return _as_numbers(xp, labels == nn.cast(xp.argmax(y_pred, axis=-1), labels.dtype))


@where_arrays_are
def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """Return 1 where the class of the one-hot label is among the `k` most probable, those as probable included.

    Parameters
    ----------
    y_true, y_pred : arrays, shape (batch, …, classes)
    k : int

    Returns
    -------
    array, shape (batch, …)

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.metrics.top_k_categorical_accuracy([[0, 0, 1], [1, 0, 0]], [[0.5, 0.2, 0.3], [0.1, 0.7, 0.2]], k=2).tolist()
    [1.0, 0.0]
    """
    xp, y_true, y_pred = nn.align(y_true, y_pred)
    return _among_best(xp, xp.argmax(y_true, axis=-1), y_pred, k)


@where_arrays_are
def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """Return 1 where the class of the integer label is among the `k` most probable, those as probable included.

    Parameters
    ----------
    y_true : array, shape (batch, …), with or without further axes of length one
    y_pred : array, shape (batch, …, classes)
    k : int

    Returns
    -------
    array, shape (batch, …)

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.metrics.sparse_top_k_categorical_accuracy([2, 0], [[0.5, 0.2, 0.3], [0.1, 0.7, 0.2]], k=2).tolist()
    [1.0, 0.0]
    """
    xp, y_true, y_pred = nn.prepare(y_true, y_pred)
    return _among_best(xp, nn.match_labels(xp, y_true, y_pred), y_pred, k)


def _among_best(xp: Any, labels: Any, y_pred: Any, k: int) -> Any:
    is_own = nn.one_hot(labels, y_pred.shape[-1], y_pred) > 0.0
    own = xp.sum(xp.where(is_own, y_pred, xp.zeros_like(y_pred)), axis=-1, keepdims=True)
    better = xp.sum(xp.astype(y_pred > own, own.dtype), axis=-1)
    return _as_numbers(xp, (better < k) & (xp.squeeze(own, axis=-1) == xp.squeeze(own, axis=-1)))


def _fitting(y_true: Any, y_pred: Any) -> Any:
    kinds = {"binary": _on_its_side, "sparse": sparse_categorical_accuracy, "categorical": categorical_accuracy}
    return kinds[nn.kind_of_targets(y_true.shape, y_pred.shape)](y_true, y_pred)


def _equal(y_true: Any, y_pred: Any) -> Any:
    """Return 1 for each element that equals its target; integers are compared as such, however large."""
    xp, y_true, y_pred = nn.prepare(y_true, y_pred)
    y_true = nn.match_shape(xp, y_true, y_pred)
    whole = all(xp.isdtype(x.dtype, ("bool", "integral")) for x in (y_true, y_pred))
    dtype = xp.arange(1).dtype if whole else nn.computing_dtype(y_pred)
    return _as_numbers(xp, nn.cast(y_true, dtype) == nn.cast(y_pred, dtype))


def _on_its_side(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """Return 1 for each element that lies on its label's side of `threshold`."""
    xp, y_true, y_pred = nn.align(y_true, y_pred)
    return _as_numbers(xp, xp.astype(y_pred > threshold, y_pred.dtype) == y_true)


def _as_numbers(xp: Any, hits: Any) -> Any:
    return xp.astype(hits, getattr(xp, config.floatx()))


class _Share(MeanMetricWrapper):
    """The mean of truth values, which compare predictions as they are."""

    _direction = "up"

    def _ready(self, y_pred: Any) -> Any:
        return y_pred


class Accuracy(_Share):
    """Share of predictions that equal their targets.

    Parameters
    ----------
    name, dtype : as for `Metric`

    Examples
    --------
    >>> import nnarray as nna
    >>> float(nna.metrics.Accuracy()([1, 2, 3, 4], [1, 2, 3, 0]))
    0.75
    """

    def __init__(self, name: str = "accuracy", dtype: str | None = None) -> None:
        super().__init__(_equal, name, dtype)


class BinaryAccuracy(_Share):
    """Share of outputs on their label's side of `threshold`.

    Parameters
    ----------
    name, dtype : as for `Metric`
    threshold : float

    Examples
    --------
    >>> import nnarray as nna
    >>> float(nna.metrics.BinaryAccuracy()([[1], [0]], [[0.9], [0.6]]))
    0.5
    """

    def __init__(self, name: str = "binary_accuracy", dtype: str | None = None, threshold: float = 0.5) -> None:
        super().__init__(_on_its_side, name, dtype, threshold=threshold)
        self.threshold = threshold


class CategoricalAccuracy(_Share):
    """Share of examples whose most probable class is that of the one-hot label.

    Parameters
    ----------
    name, dtype : as for `Metric`

    Examples
    --------
    >>> import nnarray as nna
    >>> float(nna.metrics.CategoricalAccuracy()([[0, 1], [0, 1]], [[0.1, 0.9], [0.6, 0.4]]))
    0.5
    """

    def __init__(self, name: str = "categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(_Share):
    """Share of examples whose most probable class is the integer label.

    Parameters
    ----------
    name, dtype : as for `Metric`

    Examples
    --------
    >>> import nnarray as nna
    >>> float(nna.metrics.SparseCategoricalAccuracy()([1, 1], [[0.1, 0.9], [0.6, 0.4]]))
    0.5
    """

    def __init__(self, name: str = "sparse_categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


class FittingAccuracy(_Share):
    """Binary, sparse or categorical accuracy, whichever the shapes of labels and outputs call for."""

    def __init__(self, name: str = "accuracy", dtype: str | None = None) -> None:
        super().__init__(_fitting, name, dtype)


class TopKCategoricalAccuracy(_Share):
    """Share of examples whose one-hot label is among the `k` most probable classes.

    Parameters
    ----------
    k : int
    name, dtype : as for `Metric`

    Examples
    --------
    >>> import nnarray as nna
    >>> float(nna.metrics.TopKCategoricalAccuracy(k=2)([[0, 0, 1], [1, 0, 0]], [[0.5, 0.2, 0.3], [0.1, 0.7, 0.2]]))
    0.5
    """

    def __init__(self, k: int = 5, name: str = "top_k_categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(top_k_categorical_accuracy, name, dtype, k=check_positive_integer("k", k))
        self.k = k


class SparseTopKCategoricalAccuracy(_Share):
    """Share of examples whose integer label is among the `k` most probable classes.

    Parameters
    ----------
    k : int
    name, dtype : as for `Metric`

    Examples
    --------
    >>> import nnarray as nna
    >>> float(nna.metrics.SparseTopKCategoricalAccuracy(k=2)([2, 0], [[0.5, 0.2, 0.3], [0.1, 0.7, 0.2]]))
    0.5
    """

    def __init__(self, k: int = 5, name: str = "sparse_top_k_categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=check_positive_integer("k", k))
        self.k = k
