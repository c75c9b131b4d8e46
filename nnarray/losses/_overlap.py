"""Losses of sets that are to overlap, such as the pixels of an object."""

from __future__ import annotations

from typing import Any

from nnarray import nn
from nnarray.array import where_arrays_are
from nnarray.config import epsilon
from nnarray.losses._loss import LossFunctionWrapper
from nnarray.losses._targets import SameShape

Axes = int | tuple[int, ...] | None


@where_arrays_are
def dice(y_true: Any, y_pred: Any, axis: Axes = None) -> Any:
    """Return ``1 - 2 sum(y_true y_pred) / (sum(y_true) + sum(y_pred) + 1e-7)`` over axes.

    Parameters
    ----------
    y_true, y_pred : arrays, the same shape
        Numbers in [0, 1].
    axis : int or tuple of int, optional
        By default all, the batch too.

    Returns
    -------
    array, shape of both without `axis`

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.losses.dice(np.asarray([[0.0, 1.0]]), np.asarray([[1.0, 1.0]])).round(4))
    0.3333
    """
    xp, y_true, y_pred = nn.align(y_true, y_pred)
    both = xp.sum(y_true * y_pred, axis=axis)
    return 1.0 - 2.0 * both / (xp.sum(y_true, axis=axis) + xp.sum(y_pred, axis=axis) + epsilon())


@where_arrays_are
def tversky(y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Axes = None) -> Any:
    """Return ``1 - b / (b + alpha m + beta f + 1e-7)`` over axes.

    Here b sums ``y_true y_pred``, m what is missed, ``y_true (1 - y_pred)``, and f what is found wrongly,
    ``(1 - y_true) y_pred``. Salehi, Erdogmus, Gholipour, "Tversky loss function for image segmentation", MLMI 2017.

    Parameters
    ----------
    y_true, y_pred : arrays, the same shape
        Numbers in [0, 1].
    alpha, beta : float
    axis : int or tuple of int, optional
        By default all, the batch too.

    Returns
    -------
    array, shape of both without `axis`

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.losses.tversky(np.asarray([[0.0, 1.0]]), np.asarray([[1.0, 1.0]])).round(4))
    0.3333
    """
    xp, y_true, y_pred = nn.align(y_true, y_pred)
    both = xp.sum(y_true * y_pred, axis=axis)
    missed, wrong = xp.sum((1.0 - y_pred) * y_true, axis=axis), xp.sum(y_pred * (1.0 - y_true), axis=axis)
    return 1.0 - both / (both + missed * alpha + wrong * beta + epsilon())


class Dice(LossFunctionWrapper):
    """How little two sets overlap; see `dice`.

    Parameters
    ----------
    reduction, name : as for `Loss`
    axis : int or tuple of int, optional
    dtype : as for `Loss`

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.losses.Dice()(np.asarray([[0.0, 1.0]]), np.asarray([[1.0, 1.0]])).round(4))
    0.3333
    """

    targets = SameShape(0, 1, "dice takes numbers from 0 to 1")

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "dice",
        axis: Axes = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(dice, reduction, name, dtype, axis=axis)
        self.axis = axis


class Tversky(LossFunctionWrapper):
    """How little two sets overlap, with weights of what is missed and what is wrong; see `tversky`.

    Parameters
    ----------
    alpha, beta : float
    reduction, name : as for `Loss`
    axis : int or tuple of int, optional
    dtype : as for `Loss`

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.losses.Tversky(beta=2.0)(np.asarray([[0.0, 1.0]]), np.asarray([[1.0, 1.0]])).round(4))
    0.6667
    """

    targets = SameShape(0, 1, "tversky takes numbers from 0 to 1")

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str = "tversky",
        axis: Axes = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)
        self.alpha, self.beta, self.axis = alpha, beta, axis
