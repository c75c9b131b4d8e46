"""Losses that ask for a distance between classes."""

from __future__ import annotations

from typing import Any

from nnarray import nn, special
from nnarray.array import where_arrays_are
from nnarray.losses._loss import LossFunctionWrapper
from nnarray.losses._targets import SAME_SHAPE, Identities, SameShape


def _signed(xp: Any, y_true: Any) -> Any:
    """Return labels 0 and 1 as -1 and 1, if there are no others."""
    is_binary = xp.all((y_true == 0.0) | (y_true == 1.0))
    return xp.where(is_binary, 2.0 * y_true - 1.0, y_true)


@where_arrays_are
def hinge(y_true: Any, y_pred: Any) -> Any:
    """Return the mean over the last axis of ``max(1 - y_true y_pred, 0)``.

    Parameters
    ----------
    y_true : array, shape (batch, …, n) or (batch,)
        Labels -1 and 1; where there are only 0 and 1, as in Keras, 0 stands for -1.
    y_pred : array, the same shape

    Returns
    -------
    array, shape (batch, …)

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.losses.hinge(np.asarray([[-1.0, 1.0]]), np.asarray([[0.5, 3.0]]))
    array([0.75])
    """
    xp, y_true, y_pred = nn.align(y_true, y_pred)
    return nn.mean_per_example(xp, xp.maximum(1.0 - _signed(xp, y_true) * y_pred, 0.0))


@where_arrays_are
def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """Return the mean over the last axis of ``max(1 - y_true y_pred, 0)^2``.

    Parameters
    ----------
    y_true, y_pred : as for `hinge`

    Returns
    -------
    array, shape (batch, …)

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.losses.squared_hinge(np.asarray([[-1.0, 1.0]]), np.asarray([[1.0, 3.0]]))
    array([2.])
    """
    xp, y_true, y_pred = nn.align(y_true, y_pred)
    return nn.mean_per_example(xp, xp.square(xp.maximum(1.0 - _signed(xp, y_true) * y_pred, 0.0)))


@where_arrays_are
def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """Return ``max(1 + max((1 - y_true) y_pred) - sum(y_true y_pred), 0)`` over the last axis.

    Parameters
    ----------
    y_true : array, shape (batch, …, classes)
        One-hot labels.
    y_pred : array, the same shape

    Returns
    -------
    array, shape (batch, …)

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.losses.categorical_hinge(np.asarray([[0.0, 1.0]]), np.asarray([[0.5, 0.25]]))
    array([1.25])
    """
    xp, y_true, y_pred = nn.align(y_true, y_pred)
    right = xp.sum(y_true * y_pred, axis=-1)
    wrong = xp.max((1.0 - y_true) * y_pred, axis=-1)
    return xp.maximum(wrong - right + 1.0, 0.0)


@where_arrays_are
def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Any:
    """Return the circle loss of embeddings: those of a label are to be near to each other, and far from others.

    Sun et al., "Circle loss: a unified perspective of pair similarity optimization", CVPR 2020, equation 6.

    Parameters
    ----------
    y_true : integer array, shape (batch,) or (batch, 1)
        Labels.
    y_pred : array, shape (batch, n)
        Vectors of length one.
    ref_labels, ref_embeddings : arrays, optional
        What to compare with, by default the batch itself.
    remove_diagonal : bool
        Whether an example is not compared with the one of its own number.
    gamma, margin : float

    Returns
    -------
    array, shape (batch,)
        Zero for an example without another of its label.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.losses.circle(np.asarray([0, 0, 1]), np.asarray([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])).round(4)
    array([0., 0., 0.])
    """
    xp, y_true, y_pred = nn.prepare(y_true, y_pred)
    y_pred = nn.cast(y_pred, nn.computing_dtype(y_pred))
    others = y_pred if ref_embeddings is None else nn.cast(nn.beside(ref_embeddings, y_pred), y_pred.dtype)
    labels = xp.reshape(y_true, (-1, 1))
    other_labels = xp.reshape(y_true if ref_labels is None else nn.beside(ref_labels, y_true), (1, -1))
    distance = xp.maximum(1.0 - xp.matmul(y_pred, xp.matrix_transpose(others)), 0.0)
    same = labels == other_labels
    pairs = same
    if remove_diagonal:
        rows = xp.arange(labels.shape[0], device=y_pred.device)
        columns = xp.arange(other_labels.shape[1], device=y_pred.device)
        pairs = same & (xp.expand_dims(rows, axis=1) != xp.expand_dims(columns, axis=0))
    near = -gamma * (margin + distance) * (margin - distance)
    far = gamma * xp.maximum(1.0 + margin - distance, 0.0) * (1.0 - margin - distance)
    nowhere = xp.full_like(distance, -xp.inf)
    near = special.logsumexp(xp.where(pairs, near, nowhere), axis=1)
    far = special.logsumexp(xp.where(same, nowhere, far), axis=1)
    return nn.softplus(near + far)


class Hinge(LossFunctionWrapper):
    """Hinge loss of labels -1 and 1; see `hinge`.

    Parameters
    ----------
    reduction, name, dtype : as for `Loss`

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.losses.Hinge()(np.asarray([[-1.0]]), np.asarray([[0.5]])))
    1.5
    """

    targets = SameShape(-1, 1, "hinge takes labels -1 and 1, or 0 and 1")

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "hinge", dtype: str | None = None
    ) -> None:
        super().__init__(hinge, reduction, name, dtype)


class SquaredHinge(LossFunctionWrapper):
    """Squared hinge loss of labels -1 and 1; see `squared_hinge`.

    Parameters
    ----------
    reduction, name, dtype : as for `Loss`

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.losses.SquaredHinge()(np.asarray([[-1.0]]), np.asarray([[1.0]])))
    4.0
    """

    targets = SameShape(-1, 1, "squared_hinge takes labels -1 and 1, or 0 and 1")

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "squared_hinge", dtype: str | None = None
    ) -> None:
        super().__init__(squared_hinge, reduction, name, dtype)


class CategoricalHinge(LossFunctionWrapper):
    """Hinge loss of one-hot labels; see `categorical_hinge`.

    Parameters
    ----------
    reduction, name, dtype : as for `Loss`

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.losses.CategoricalHinge()(np.asarray([[0.0, 1.0]]), np.asarray([[0.5, 0.25]])))
    1.25
    """

    targets = SAME_SHAPE

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "categorical_hinge", dtype: str | None = None
    ) -> None:
        super().__init__(categorical_hinge, reduction, name, dtype)


class Circle(LossFunctionWrapper):
    """Circle loss of embeddings and integer labels; see `circle`. A mean counts the examples that have a loss.

    Parameters
    ----------
    gamma, margin : float
    remove_diagonal : bool
    reduction, name, dtype : as for `Loss`

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.losses.Circle()(np.asarray([0, 0]), np.asarray([[1.0, 0.0], [0.0, 1.0]])))
    0.0
    """

    sparse = True
    targets = Identities()

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str = "circle",
        dtype: str | None = None,
    ) -> None:
        super().__init__(circle, reduction, name, dtype, gamma=gamma, margin=margin, remove_diagonal=remove_diagonal)
        self.gamma = gamma
        self.margin = margin
        self.remove_diagonal = remove_diagonal

    def counted(self, y_true: Any, values: Any) -> Any:
        return values > 0.0
