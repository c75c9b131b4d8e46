"""The base of losses: how targets and outputs are made ready, and a reduction over the batch."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from nnarray import nn
from nnarray._config import Configured
from nnarray._lookup import snake_case
from nnarray.array import array_namespace, place_methods, where_arrays_are
from nnarray.losses._targets import ANY, Targets

_REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


class Loss(Configured):
    """Base of losses: ``call(y_true, y_pred)`` gives a value per example, which the object reduces.

    A subclass is what it defines: its own ``call``, or its own ``__call__``, is what `fit` computes.

    Parameters
    ----------
    name : str, optional
        By default the class name in snake case.
    reduction : {"sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None}
        The first two divide the sum by the number of values, the fourth by the sum of the sample weights.
    dtype : str, optional
        Floating-point dtype in which the loss is computed; by default the wider of `nnarray.config.floatx` and that of
        the outputs.

    Attributes
    ----------
    sparse : bool
        Whether targets are integer labels, which are left as they are, rather than values like the outputs.
    targets : Targets
        What targets the loss admits. A subclass with its own ``call`` or ``__call__`` admits any, unless it says which.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> class LargestError(nna.losses.Loss):
    ...     def call(self, y_true, y_pred):
    ...         xp = nna.array_namespace(y_pred)
    ...         return xp.max(xp.abs(y_pred - y_true), axis=-1)
    >>> float(LargestError()(np.zeros((2, 2)), np.asarray([[1.0, 3.0], [0.0, 4.0]])))
    3.5
    """

    shared_arguments = ("reduction", "name", "dtype")
    name = "loss"
    reduction: str | None = "sum_over_batch_size"
    dtype: str | None = None
    sparse = False
    targets: Targets = ANY

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = vars(cls)
        if ("call" in own or "__call__" in own) and "targets" not in own:
            cls.targets = ANY
        if "check_targets" in own and "target_limits" not in own:
            cls.target_limits = _unknown  # type: ignore[assignment]
        if "name" not in own:
            cls.name = snake_case(cls.__name__)
        place_methods(cls, "call", "__call__", "per_example", "check_targets", "counted")

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: str | None = None
    ) -> None:
        if reduction not in _REDUCTIONS:
            raise ValueError(f"reduction must be one of {_REDUCTIONS}: received reduction={reduction!r}.")
        self.name = name or type(self).name
        self.reduction = reduction
        self.dtype = None if dtype is None else nn.check_float_dtype(dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each example."""
        raise NotImplementedError(f"{type(self).__name__} must define call(y_true, y_pred)")

    @where_arrays_are
    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the reduced loss.

        Parameters
        ----------
        y_true, y_pred : arrays, shape (batch, …)
            Targets that lack or have a last axis of length one get the outputs' shape; both are cast to the dtype of
            the loss, integer labels excepted.
        sample_weight : array, optional
            Shape (batch,), (batch, 1), or one that goes with the first axes of the values of the examples.

        Returns
        -------
        scalar array, or one value per example with ``reduction="none"``
        """
        y_true, y_pred = self._ready(y_true, y_pred)
        values = self._values(y_true, y_pred)
        reduced = reduce_weighted(values, sample_weight, self.reduction, self.counted(y_true, values))
        return reduced if self.dtype is None else nn.cast(reduced, self._dtype_for(reduced))

    @where_arrays_are
    def per_example(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each example, for targets and outputs as `__call__` takes them.

        A subclass with its own ``__call__`` has nothing finer than what that gives.
        """
        if type(self).__call__ is not Loss.__call__:
            return self(y_true, y_pred)
        return self._values(*self._ready(y_true, y_pred))

    def counted(self, y_true: Any, values: Any) -> Any:
        """Return the truth values of which `values`, one per example, a mean counts; None counts all."""
        return None

    @where_arrays_are
    def check_targets(self, y: Any, output_shape: Sequence[int | None]) -> None:
        """Raise ValueError if a raw array of targets does not fit the loss or a model's `output_shape`."""
        self.targets.check(y, output_shape)

    def target_limits(self, y: Any, output_shape: Sequence[int | None]) -> tuple[float, float] | None:
        """Return `Targets.limits` of targets that `check_targets` admits."""
        return self.targets.limits(y, output_shape)

    def _ready(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        xp, y_true, y_pred = nn.prepare(y_true, y_pred)
        y_pred = nn.cast(y_pred, self._dtype_for(y_pred))
        y_true = nn.match_rank(xp, y_true, y_pred)
        return y_true if self.sparse else nn.cast(y_true, y_pred.dtype), y_pred

    def _dtype_for(self, x: Any) -> Any:
        # Not every library has floats of 16 bits: there, wider ones do.
        dtype = None if self.dtype is None else getattr(array_namespace(x), self.dtype, None)
        return nn.computing_dtype(x) if dtype is None else dtype

    def _values(self, y_true: Any, y_pred: Any) -> Any:
        values = nn.beside(self.call(y_true, y_pred), y_pred)
        return nn.cast(values, nn.computing_dtype(values))


def _unknown(*_: Any) -> None:
    """Know no limits of targets that a loss checks in its own way."""


@where_arrays_are
def reduce_weighted(values: Any, sample_weight: Any, reduction: str | None, counted: Any = None) -> Any:
    """Return per-example `values` times their weights, reduced; a mean divides by the number of those `counted`."""
    weight = None
    if sample_weight is not None:
        values, weight = nn.weigh(values, sample_weight)
    xp = array_namespace(values)
    if reduction in ("none", None):
        return values
    total = xp.sum(values)
    if reduction == "sum":
        return total
    weight = weight if reduction == "mean_with_sample_weight" else None
    if weight is None and counted is None:
        return total / max(math.prod(values.shape), 1)
    each = xp.ones_like(values) if weight is None else xp.broadcast_to(weight, values.shape)
    count = xp.sum(each if counted is None else xp.where(counted, each, 0.0))
    return xp.where(count == 0, 0.0, total / xp.where(count == 0, 1.0, count))


class LossFunctionWrapper(Loss):
    """A function ``fn(y_true, y_pred, **kwargs)`` as a loss object.

    Parameters
    ----------
    fn : callable
        Returns a value per example.
    reduction, name, dtype : as for `Loss`
        The name is that of the function by default.
    **kwargs
        Further arguments of `fn`.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> loss = nna.losses.LossFunctionWrapper(lambda y, p, power: abs(y - p) ** power, power=3, reduction="sum")
    >>> float(loss(np.zeros(2), np.asarray([1.0, 2.0])))
    9.0
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name or name_of(fn), reduction, dtype)
        self.fn = fn
        self._fn_kwargs = kwargs

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.fn(y_true, y_pred, **self._fn_kwargs)


def name_of(fn: Any) -> str:
    """Return the name of a function in snake case, as Keras shows it: ``"lambda"`` of one without."""
    name = getattr(fn, "name", None) or getattr(fn, "__name__", None) or type(fn).__name__
    return re.sub(r"\W+", "", snake_case(name))
