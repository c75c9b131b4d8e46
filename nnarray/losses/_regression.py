"""Losses of predicted numbers."""

from __future__ import annotations

import math
from typing import Any

from nnarray import nn
from nnarray._checks import check_positive
from nnarray.array import where_arrays_are
from nnarray.config import epsilon
from nnarray.losses._loss import LossFunctionWrapper
from nnarray.losses._targets import SAME_SHAPE, SameShape


@where_arrays_are
def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """Return the mean over the last axis of ``|y_true - y_pred|``.

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
    >>> nna.losses.mean_absolute_error(np.asarray([[0.0, 0.0]]), np.asarray([[1.0, -3.0]]))
    array([2.])
    """
    xp, y_true, y_pred = nn.align(y_true, y_pred)
    return nn.mean_per_example(xp, xp.abs(y_true - y_pred))


@where_arrays_are
def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """Return 100 times the mean over the last axis of ``|y_true - y_pred| / max(|y_true|, 1e-7)``.

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
    >>> nna.losses.mean_absolute_percentage_error(np.asarray([[2.0, 4.0]]), np.asarray([[1.0, 4.0]]))
    array([25.])
    """
    xp, y_true, y_pred = nn.align(y_true, y_pred)
    share = xp.abs((y_true - y_pred) / xp.maximum(xp.abs(y_true), epsilon()))
    return 100.0 * nn.mean_per_example(xp, share)


@where_arrays_are
def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """Return the mean over the last axis of ``(log(1 + y_true) - log(1 + y_pred))^2``, numbers below 1e-7 as 1e-7.

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
    >>> nna.losses.mean_squared_logarithmic_error(np.asarray([[0.0]]), np.asarray([[np.e - 1.0]])).round(4)
    array([1.])
    """
    xp, y_true, y_pred = nn.align(y_true, y_pred)
    difference = xp.log1p(xp.maximum(y_pred, epsilon())) - xp.log1p(xp.maximum(y_true, epsilon()))
    return nn.mean_per_example(xp, xp.square(difference))


@where_arrays_are
def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """Return the mean over the last axis of ``e^2 / 2`` for errors up to `delta`, ``delta |e| - delta^2 / 2`` beyond.

    Huber, "Robust estimation of a location parameter", 1964.

    Parameters
    ----------
    y_true, y_pred : arrays, shape (batch, …, n) or (batch,)
    delta : float

    Returns
    -------
    array, shape (batch, …)

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.losses.huber(np.asarray([[0.0, 0.0]]), np.asarray([[1.0, 3.0]]))
    array([1.5])
    """
    xp, y_true, y_pred = nn.align(y_true, y_pred)
    size = xp.abs(y_pred - y_true)
    values = xp.where(size <= delta, 0.5 * xp.square(y_pred - y_true), delta * size - 0.5 * delta * delta)
    return nn.mean_per_example(xp, values)


@where_arrays_are
def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """Return the mean over the last axis of ``log(cosh(y_pred - y_true))``, every digit also of small errors.

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
    >>> nna.losses.log_cosh(np.asarray([[0.0, 0.0]]), np.asarray([[1.0, 1000.0]])).round(4)
    array([499.8703])
    """
    xp, y_true, y_pred = nn.align(y_true, y_pred)
    error = y_pred - y_true
    size = xp.maximum(xp.abs(error), 5.0)
    near = xp.log1p(2.0 * xp.square(xp.sinh(0.5 * xp.clip(error, -5.0, 5.0))))
    far = size - math.log(2.0) + xp.log1p(xp.exp(-2.0 * size))
    return nn.mean_per_example(xp, xp.where(xp.abs(error) < 5.0, near, far))


@where_arrays_are
def poisson(y_true: Any, y_pred: Any) -> Any:
    """Return the mean over the last axis of ``y_pred - y_true log(y_pred + 1e-7)``.

    Parameters
    ----------
    y_true : array, shape (batch, …, n) or (batch,)
        Counts.
    y_pred : array, the same shape
        Expected counts.

    Returns
    -------
    array, shape (batch, …)

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.losses.poisson(np.asarray([[3.0]]), np.asarray([[1.0]])).round(4)
    array([1.])
    """
    xp, y_true, y_pred = nn.align(y_true, y_pred)
    return nn.mean_per_example(xp, y_pred - y_true * xp.log(y_pred + epsilon()))


@where_arrays_are
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Return minus the cosine of the angle between vectors along `axis`: -1 where they point the same way.

    Vectors shorter than 1e-7 count as that long.

    Parameters
    ----------
    y_true, y_pred : arrays, the same shape
    axis : int

    Returns
    -------
    array, shape of both without `axis`

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.losses.cosine_similarity(np.asarray([[0.0, 2.0]]), np.asarray([[3.0, 3.0]])).round(4)
    array([-0.7071])
    """
    xp, y_true, y_pred = nn.align(y_true, y_pred)

    def inverse_length(x: Any) -> Any:
        return 1.0 / xp.sqrt(xp.maximum(xp.sum(x * x, axis=axis, keepdims=True), epsilon() ** 2))

    return -xp.sum((y_true * inverse_length(y_true)) * (y_pred * inverse_length(y_pred)), axis=axis)


class MeanAbsoluteError(LossFunctionWrapper):
    """Mean of absolute differences; see `mean_absolute_error`.

    Parameters
    ----------
    reduction, name, dtype : as for `Loss`

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.losses.MeanAbsoluteError()(np.asarray([[0.0, 0.0]]), np.asarray([[1.0, -3.0]])))
    2.0
    """

    targets = SAME_SHAPE

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_absolute_error",
        dtype: str | None = None,
    ) -> None:
        super().__init__(mean_absolute_error, reduction, name, dtype)


class MeanAbsolutePercentageError(LossFunctionWrapper):
    """Mean of absolute differences in per cent of the targets; see `mean_absolute_percentage_error`.

    Parameters
    ----------
    reduction, name, dtype : as for `Loss`

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.losses.MeanAbsolutePercentageError()(np.asarray([[2.0]]), np.asarray([[1.0]])))
    50.0
    """

    targets = SAME_SHAPE

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_absolute_percentage_error",
        dtype: str | None = None,
    ) -> None:
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)


class MeanSquaredLogarithmicError(LossFunctionWrapper):
    """Mean of squared differences of logarithms; see `mean_squared_logarithmic_error`.

    Parameters
    ----------
    reduction, name, dtype : as for `Loss`

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.losses.MeanSquaredLogarithmicError()(np.asarray([[1.0]]), np.asarray([[1.0]])))
    0.0
    """

    targets = SameShape(0, math.inf, "mean_squared_logarithmic_error takes targets that are not negative")

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_squared_logarithmic_error",
        dtype: str | None = None,
    ) -> None:
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)


class Huber(LossFunctionWrapper):
    """Squared differences where small, absolute ones where large; see `huber`.

    Parameters
    ----------
    delta : float
        Positive.
    reduction, name, dtype : as for `Loss`

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.losses.Huber(delta=2.0)(np.asarray([[0.0]]), np.asarray([[3.0]])))
    4.0
    """

    targets = SAME_SHAPE

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "huber_loss",
        dtype: str | None = None,
    ) -> None:
        check_positive("delta", delta)
        super().__init__(huber, reduction, name, dtype, delta=delta)
        self.delta = delta


class LogCosh(LossFunctionWrapper):
    """Logarithm of the hyperbolic cosine of differences; see `log_cosh`.

    Parameters
    ----------
    reduction, name, dtype : as for `Loss`

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.losses.LogCosh()(np.asarray([[0.0]]), np.asarray([[1.0]])).round(4))
    0.4338
    """

    targets = SAME_SHAPE

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "log_cosh", dtype: str | None = None
    ) -> None:
        super().__init__(log_cosh, reduction, name, dtype)


class Poisson(LossFunctionWrapper):
    """Loss of expected counts; see `poisson`.

    Parameters
    ----------
    reduction, name, dtype : as for `Loss`

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.losses.Poisson()(np.asarray([[0.0]]), np.asarray([[2.0]])))
    2.0
    """

    targets = SameShape(0, math.inf, "poisson takes counts, which are not negative")

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "poisson", dtype: str | None = None
    ) -> None:
        super().__init__(poisson, reduction, name, dtype)


class CosineSimilarity(LossFunctionWrapper):
    """Minus the cosine of the angle between targets and outputs; see `cosine_similarity`.

    Parameters
    ----------
    axis : int
    reduction, name, dtype : as for `Loss`

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.losses.CosineSimilarity()(np.asarray([[1.0, 0.0]]), np.asarray([[5.0, 0.0]])))
    -1.0
    """

    targets = SAME_SHAPE

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "cosine_similarity",
        dtype: str | None = None,
    ) -> None:
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)
        self.axis = axis
