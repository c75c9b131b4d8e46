"""Losses as objects: arguments bound, a reduction over the batch, and what targets they admit."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnarray import nn
from nnarray._lookup import snake_case
from nnarray._messages import describe
from nnarray.array import array_namespace
from nnarray.losses import _functions as functions

_REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


class Loss:
    """Base of losses: ``call(y_true, y_pred)`` gives a value per example, which the object reduces.

    Parameters
    ----------
    name : str, optional
    reduction : {"sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None}
        The first two divide the sum by the number of values, the fourth by the sum of the sample weights.

    Attributes
    ----------
    logits_activation : str or None
        Name of the activation whose inverse `on_logits` takes as given; None if the loss has no such form.
    sparse : bool
        Whether targets are integer labels rather than values like the outputs.
    """

    logits_activation: str | None = None
    sparse = False

    def __init__(self, name: str | None = None, reduction: str | None = "sum_over_batch_size") -> None:
        if reduction not in _REDUCTIONS:
            raise ValueError(f"reduction must be one of {_REDUCTIONS}: received reduction={reduction!r}.")
        self.name = name or snake_case(type(self).__name__)
        self.reduction = reduction

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each example."""
        raise NotImplementedError(f"{type(self).__name__} must define call(y_true, y_pred)")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the reduced loss.

        Parameters
        ----------
        y_true, y_pred : arrays, shape (batch, …)
        sample_weight : array, shape (batch,), optional

        Returns
        -------
        scalar array, or one value per example with ``reduction="none"``
        """
        return self._reduce(y_true, self.call(y_true, y_pred), sample_weight)

    def on_logits(self, y_true: Any, logits: Any, sample_weight: Any = None) -> Any:
        """Return the reduced loss from the inputs of the final sigmoid or softmax: exact, where that saturates."""
        raise NotImplementedError(f"{type(self).__name__} has no form on logits")

    def counted(self, y_true: Any, values: Any) -> Any:
        """Return the truth values of which `values`, one per example, a mean counts; None counts all."""
        return None

    def _reduce(self, y_true: Any, values: Any, sample_weight: Any) -> Any:
        return reduce_weighted(values, sample_weight, self.reduction, self.counted(y_true, values))

    def check_targets(self, y: Any, output_shape: Sequence[int | None]) -> None:
        """Raise ValueError if a NumPy array of targets does not fit the loss or a model's `output_shape`."""


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
    reduction, name : as for `Loss`
    **kwargs
        Further arguments of `fn`.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name or getattr(fn, "__name__", "loss"), reduction)
        self.fn = functools.partial(fn, **kwargs)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.fn(y_true, y_pred)


class _CrossEntropy(LossFunctionWrapper):
    """A loss on probabilities that also has a form on logits."""

    _activation: str

    def __init__(self, fn: Callable[..., Any], from_logits: bool, reduction: str | None, name: str, **kw: Any) -> None:
        super().__init__(fn, reduction, name, from_logits=from_logits, **kw)
        self.from_logits = from_logits
        last_axis = kw.get("axis", -1) == -1
        self.logits_activation = None if from_logits or not last_axis else self._activation

    def on_logits(self, y_true: Any, logits: Any, sample_weight: Any = None) -> Any:
        return self._reduce(y_true, self.fn(y_true, logits, from_logits=True), sample_weight)


def _check_shape(y: Any, output_shape: Sequence[int | None]) -> None:
    """Raise unless `y` has the outputs' shape, up to a last axis of length one."""
    expected, shape = tuple(output_shape[1:]), tuple(y.shape[1:])
    if shape == expected or (*shape, 1) == expected or shape == (*expected, 1):
        return
    cure = ""
    if not shape or shape == (1,):
        cure = " Integer class labels go with loss='sparse_categorical_crossentropy'; or one-hot encode them with "
        cure += "nnarray.utils.to_categorical."
    raise ValueError(f"y must have the outputs' shape (batch, {_listed(expected)}): received {describe(y)}.{cure}")


def _listed(shape: tuple[int | None, ...]) -> str:
    return ", ".join(map(str, shape))


def _check_range(y: np.ndarray, low: float, high: float, rule: str) -> None:
    _check_each((y < low) | (y > high), y, rule)


def _check_each(wrong: np.ndarray, y: np.ndarray, rule: str) -> None:
    """Raise, naming the first position, if any element is wrong."""
    if wrong.any():
        position = tuple(int(i) for i in np.argwhere(wrong)[0])
        place = ", ".join(map(str, position))
        raise ValueError(f"{rule}: received y[{place}] = {y[position].item()}.")


class BinaryCrossentropy(_CrossEntropy):
    """Cross-entropy of labels 0 or 1 (or between) and probabilities; see `binary_crossentropy`.

    Parameters
    ----------
    from_logits : bool
    label_smoothing : float
    axis : int
    reduction, name : as for `Loss`

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.losses.BinaryCrossentropy()(np.asarray([[1.0], [0.0]]), np.asarray([[0.5], [0.5]])).round(4))
    0.6931
    """

    _activation = "sigmoid"

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_crossentropy",
    ) -> None:
        fn = functions.binary_crossentropy
        super().__init__(fn, from_logits, reduction, name, label_smoothing=label_smoothing, axis=axis)

    def check_targets(self, y: Any, output_shape: Sequence[int | None]) -> None:
        _check_shape(y, output_shape)
        _check_range(y, 0, 1, "binary_crossentropy takes labels from 0 to 1")


class CategoricalCrossentropy(_CrossEntropy):
    """Cross-entropy of one-hot labels and class probabilities; see `categorical_crossentropy`.

    Parameters
    ----------
    from_logits : bool
    label_smoothing : float
    axis : int
    reduction, name : as for `Loss`
    """

    _activation = "softmax"

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_crossentropy",
    ) -> None:
        fn = functions.categorical_crossentropy
        super().__init__(fn, from_logits, reduction, name, label_smoothing=label_smoothing, axis=axis)

    def check_targets(self, y: Any, output_shape: Sequence[int | None]) -> None:
        _check_shape(y, output_shape)
        _check_range(y, 0, 1, "categorical_crossentropy takes one-hot labels or class probabilities, from 0 to 1")


class SparseCategoricalCrossentropy(_CrossEntropy):
    """Cross-entropy of integer labels and class probabilities; see `sparse_categorical_crossentropy`.

    Parameters
    ----------
    from_logits : bool
    ignore_class : int, optional
        Examples with this label have loss zero, and a mean does not count them.
    reduction : as for `Loss`
    axis : int
    name : str
    """

    _activation = "softmax"
    sparse = True

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
    ) -> None:
        fn = functions.sparse_categorical_crossentropy
        super().__init__(fn, from_logits, reduction, name, ignore_class=ignore_class, axis=axis)
        self.ignore_class = ignore_class

    def counted(self, y_true: Any, values: Any) -> Any:
        if self.ignore_class is None:
            return None
        xp, y_true, values = nn.prepare(y_true, values)
        return xp.reshape(y_true, values.shape) != self.ignore_class

    def check_targets(self, y: Any, output_shape: Sequence[int | None]) -> None:
        *expected, last = output_shape[1:]
        classes = int(last or 0)
        if list(y.shape[1:]) not in (expected, [*expected, 1]):
            raise ValueError(
                f"sparse_categorical_crossentropy takes one integer label per example: received {describe(y)} for "
                f"outputs of shape (batch, {_listed((*expected, classes))}). One-hot labels go with "
                "loss='categorical_crossentropy'."
            )
        rule = f"sparse_categorical_crossentropy takes integer labels from 0 to {classes - 1}"
        _check_each(y != np.floor(y), y, rule)
        labels = y if self.ignore_class is None else y * (y != self.ignore_class)
        _check_range(labels, 0, classes - 1, rule)


class MeanSquaredError(LossFunctionWrapper):
    """Mean of squared differences; see `mean_squared_error`.

    Parameters
    ----------
    reduction, name : as for `Loss`
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str = "mean_squared_error") -> None:
        super().__init__(functions.mean_squared_error, reduction, name)

    def check_targets(self, y: Any, output_shape: Sequence[int | None]) -> None:
        _check_shape(y, output_shape)
