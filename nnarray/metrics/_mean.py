"""Weighted sums and means over batches, of values or of what a function gives."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from nnarray import nn
from nnarray.array import array_namespace
from nnarray.losses._loss import Loss, name_of
from nnarray.metrics._metric import Metric
from nnarray.variables import Variable


def _weighted(values: Any, sample_weight: Any, state: Variable) -> tuple[Any, Any]:
    """Return values in the dtype of the state times their weights, and the weights in the values' shape, or None."""
    values = nn.beside(values, state.value)
    values = nn.cast(values, getattr(array_namespace(values), state.dtype))
    if sample_weight is None:
        return values, None
    values, weight = nn.weigh(values, sample_weight)
    return values, array_namespace(values).broadcast_to(weight, values.shape)


class Sum(Metric):
    """The weighted sum of the values given.

    Parameters
    ----------
    name, dtype : as for `Metric`

    Examples
    --------
    >>> import nnarray as nna
    >>> total = nna.metrics.Sum()
    >>> total.update_state([1.0, 3.0], sample_weight=[1.0, 2.0])
    >>> float(total.result())
    7.0
    """

    def __init__(self, name: str | None = None, dtype: str | None = None) -> None:
        super().__init__(name, dtype)
        self.total = self.add_variable(name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Add values, each times its weight."""
        values, _ = _weighted(values, sample_weight, self.total)
        self.total.assign_add(array_namespace(values).sum(values))

    def result(self) -> Any:
        return self.total.value


class Mean(Metric):
    """The weighted mean of the values given.

    Parameters
    ----------
    name, dtype : as for `Metric`

    Examples
    --------
    >>> import nnarray as nna
    >>> mean = nna.metrics.Mean()
    >>> mean.update_state([1.0, 3.0])
    >>> float(mean.result())
    2.0
    """

    def __init__(self, name: str | None = None, dtype: str | None = None) -> None:
        super().__init__(name, dtype)
        self.total = self.add_variable(name="total")
        self.count = self.add_variable(name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Add values.

        Parameters
        ----------
        values : array, shape (batch, …), or scalar
        sample_weight : array or number, optional
            Of the shape of the values, or of their first axes, where an axis may have length one.
        """
        values, weight = _weighted(values, sample_weight, self.total)
        xp = array_namespace(values)
        self.total.assign_add(xp.sum(values))
        self.count.assign_add(math.prod(values.shape) if weight is None else xp.sum(weight))

    def result(self) -> Any:
        """Return total / count, 0 where nothing was counted."""
        total, count = self.total.value, self.count.value
        xp = array_namespace(total)
        return xp.where(count == 0, 0.0, total / xp.where(count == 0, 1.0, count))


class MeanMetricWrapper(Mean):
    """The mean over all examples of a function ``fn(y_true, y_pred, **kwargs)``.

    Targets that lack or have a last axis of length one get the outputs' shape before the function sees them.

    Parameters
    ----------
    fn : callable
        Returns a value per example, or a scalar. Of a `Loss`, the values of the examples are taken.
    name : str, optional
        That of the function by default.
    dtype : as for `Metric`
    **kwargs
        Further arguments of `fn`.

    Examples
    --------
    >>> import nnarray as nna
    >>> metric = nna.metrics.MeanMetricWrapper(nna.losses.mean_squared_error, name="mse")
    >>> float(metric([[0.0]], [[2.0]]))
    4.0
    """

    def __init__(
        self, fn: Callable[..., Any], name: str | None = None, dtype: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(name or name_of(fn), dtype)
        if self._direction is None and _is_loss(fn):
            self._direction = "down"
        self.fn = fn
        self._fn_kwargs = kwargs

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Add a batch of targets and predictions."""
        xp, y_true, y_pred = nn.prepare(y_true, y_pred)
        y_true, y_pred = nn.match_rank(xp, y_true, y_pred), self._ready(y_pred)
        values = getattr(self.fn, "per_example", self.fn)(y_true, y_pred, **self._fn_kwargs)
        counted = self.fn.counted(y_true, values) if hasattr(self.fn, "counted") else None
        if counted is not None:
            counts = nn.cast(counted, values.dtype)
            sample_weight = counts if sample_weight is None else nn.weigh(counts, sample_weight)[0]
        super().update_state(values, sample_weight)

    def _ready(self, y_pred: Any) -> Any:
        """Return predictions in a dtype in which no difference wraps around and no square overflows."""
        return nn.cast(y_pred, nn.computing_dtype(y_pred))


def _is_loss(fn: Any) -> bool:
    """Whether a function or object is one of this package's losses, or one of their kind."""
    return isinstance(fn, Loss) or getattr(fn, "__module__", "").startswith("nnarray.losses.")
