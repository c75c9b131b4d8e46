"""The base of metrics, and the mean."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nnarray import config, nn
from nnarray._lookup import snake_case
from nnarray.array import Array, array_namespace
from nnarray.backends import Backend, backend_of, current_backend, find_backend
from nnarray.variables import Variable


class Metric:
    """Accumulates over batches: ``update_state`` adds one, ``result`` reads, ``reset_state`` starts again.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional
        Floating-point dtype of the state.
    """

    def __init__(self, name: str | None = None, dtype: str | None = None) -> None:
        self.name = name or snake_case(type(self).__name__)
        self.dtype = dtype or config.floatx()
        self.variables: list[Variable] = []

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"

    def build(self, backend: Backend, device: Any) -> None:
        """Make the state on a backend, unless it is made."""

    def add_variable(self, backend: Backend, device: Any, name: str) -> Variable:
        """Make one scalar of the state, zero."""
        value = backend.xp.zeros((), dtype=getattr(backend.xp, self.dtype), device=device)
        variable = Variable(value, f"{self.name}/{name}", trainable=False)
        self.variables.append(variable)
        return variable

    def reset_state(self) -> None:
        """Set the state to zero."""
        for variable in self.variables:
            variable.assign(np.zeros(variable.shape, dtype=variable.dtype))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch."""
        raise NotImplementedError(f"{type(self).__name__} must define update_state(y_true, y_pred, sample_weight)")

    def result(self) -> Any:
        """Return the value over all batches since the last reset."""
        raise NotImplementedError(f"{type(self).__name__} must define result()")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Add a batch and return the result."""
        self.update_state(*args, **kwargs)
        return self.result()


class Mean(Metric):
    """The weighted mean of the values given.

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
        self.total: Variable | None = None

    def build(self, backend: Backend, device: Any) -> None:
        if self.total is None:
            self.total = self.add_variable(backend, device, "total")
            self.count = self.add_variable(backend, device, "count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Add values, each weighted by `sample_weight` (a scalar, or one per value along the first axes)."""
        raw = values.value if isinstance(values, Array) else values
        if find_backend(raw) is None:
            backend, device = current_backend()
            raw = backend.asarray(np.asarray(raw, dtype=self.dtype), device=device)
        if self.total is None:
            backend = backend_of(raw)
            self.build(backend, backend.device_of(raw))
        assert self.total is not None
        xp = array_namespace(raw)
        raw = xp.astype(raw, self.total.value.dtype)
        size: Any = math.prod(raw.shape)
        if sample_weight is not None:
            if isinstance(sample_weight, (int, float)):
                raw, size = raw * sample_weight, size * sample_weight
            else:
                raw, weight = nn.weigh(raw, sample_weight)
                size = xp.sum(xp.broadcast_to(weight, raw.shape))
        self.total.assign(self.total.value + xp.sum(raw))
        self.count.assign(self.count.value + size)

    def result(self) -> Any:
        """Return total / count, 0 where nothing was counted."""
        if self.total is None:
            return 0.0
        xp = array_namespace(self.total.value)
        count = self.count.value
        return xp.where(count == 0, 0.0, self.total.value / xp.where(count == 0, 1.0, count))


class MeanMetricWrapper(Mean):
    """The mean over all examples of a function ``fn(y_true, y_pred, **kwargs)``.

    Parameters
    ----------
    fn : callable
        Returns a value per example, or a scalar.
    name, dtype : as for `Metric`
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
        super().__init__(name or getattr(fn, "__name__", None), dtype)
        self.fn = functools.partial(fn, **kwargs)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Add a batch of targets and predictions."""
        super().update_state(self.fn(y_true, y_pred), sample_weight)
