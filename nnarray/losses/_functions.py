"""Losses as functions of targets and predictions, one value per example, with Keras' arguments.

They compute in the wider of floatx and the dtype of the predictions. Of arrays of one axis, each entry is an example.
"""

from __future__ import annotations

from typing import Any

from nnarray import nn
from nnarray.array import where_arrays_are


@where_arrays_are
def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """Return the mean over `axis` of ``-(y log p + (1 - y) log(1 - p))``.

    Parameters
    ----------
    y_true : array, shape (batch, …)
        Labels in [0, 1].
    y_pred : array, the same shape
        Probabilities, kept 1e-7 from 0 and 1 as in Keras; or logits.
    from_logits : bool
    label_smoothing : float
        Moves labels towards 0.5 by this share.
    axis : int

    Returns
    -------
    array, shape (batch, …) without `axis`; of arrays of shape (batch,), that shape

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.losses.binary_crossentropy(np.asarray([[1.0]]), np.asarray([[0.5]])).round(4)
    array([0.6931])
    """
    xp, y_true, y_pred = nn.align(y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    return nn.mean_per_example(xp, nn.binary_crossentropy(y_true, y_pred, from_logits), axis)


@where_arrays_are
def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """Return ``-sum(y log p)`` over the classes along `axis`.

    Parameters
    ----------
    y_true : array, shape (batch, …, classes)
        One-hot labels or class probabilities.
    y_pred : array, the same shape
        Probabilities, normalised and kept 1e-7 from 0 and 1 as in Keras; or logits.
    from_logits : bool
    label_smoothing : float
        Moves labels towards the uniform distribution by this share.
    axis : int

    Returns
    -------
    array, shape (batch, …)

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.losses.categorical_crossentropy(np.asarray([[0.0, 1.0]]), np.asarray([[0.5, 0.5]])).round(4)
    array([0.6931])
    """
    _, y_true, y_pred = nn.align(y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + label_smoothing / y_pred.shape[axis]
    return nn.categorical_crossentropy(y_true, y_pred, from_logits, axis)


@where_arrays_are
def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Any:
    """Return ``-log p`` of the class that each integer label names.

    Parameters
    ----------
    y_true : array, shape (batch, …) or (batch, …, 1)
        Labels in 0 … classes - 1.
    y_pred : array, shape (batch, …, classes)
        Probabilities, normalised and kept 1e-7 from 0 and 1 as in Keras; or logits.
    from_logits : bool
    ignore_class : int, optional
        Examples with this label have loss zero.
    axis : int

    Returns
    -------
    array, shape (batch, …)

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.losses.sparse_categorical_crossentropy(np.asarray([1]), np.asarray([[0.5, 0.5]])).round(4)
    array([0.6931])
    """
    xp, y_true, y_pred = nn.prepare(y_true, y_pred)
    y_pred = nn.cast(y_pred, nn.computing_dtype(y_pred))
    labels = nn.match_labels(xp, y_true, y_pred, axis)
    one_hot = nn.one_hot(labels, y_pred.shape[axis], y_pred, axis)
    losses = nn.categorical_crossentropy(one_hot, y_pred, from_logits, axis)
    return losses if ignore_class is None else xp.where(labels == ignore_class, 0.0, losses)


@where_arrays_are
def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """Return the mean over the last axis of ``(y_true - y_pred)^2``.

    Parameters
    ----------
    y_true, y_pred : arrays, shape (batch, …, n) or (batch,)

    Returns
    -------
    array, shape (batch, …)

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.losses.mean_squared_error(np.asarray([[0.0, 0.0]]), np.asarray([[1.0, 3.0]]))
    array([5.])
    """
    xp, y_true, y_pred = nn.align(y_true, y_pred)
    return nn.mean_per_example(xp, nn.squared_error(y_true, y_pred))
