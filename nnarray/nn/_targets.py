"""How targets are brought beside outputs: same library, shape and dtype."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnarray import config
from nnarray._messages import describe
from nnarray.array import Array, array_namespace, as_array
from nnarray.backends import backend_of, convert, current_backend, find_backend


def prepare(y_true: Any, y_pred: Any) -> tuple[Any, Any, Any]:
    """Return (xp, targets, predictions) as arrays of the predictions' library; nested lists become arrays."""
    if not isinstance(y_pred, Array) and find_backend(y_pred) is None:
        backend, device = current_backend()
        y_pred = backend.asarray(np.asarray(y_pred, dtype=config.floatx()), device=device)
    y_true = _beside(y_true, y_pred)
    y_pred = as_array(y_pred) if isinstance(y_true, Array) else y_pred
    return array_namespace(y_pred), y_true, y_pred


def _raw(x: Any) -> Any:
    return x.value if isinstance(x, Array) else x


def _beside(x: Any, like: Any) -> Any:
    """Return `x` (array of any library, scalar or nested list) as an array of the library of `like`."""
    raw = _raw(like)
    backend = backend_of(raw)
    if find_backend(_raw(x)) is backend:
        return x
    if isinstance(x, Array):
        return as_array(like).namespace.asarray(x)
    return convert(x if find_backend(x) else np.asarray(x), backend, device=backend.device_of(raw))


def weigh(values: Any, sample_weight: Any) -> tuple[Any, Any]:
    """Return `values`, one or several per example, times their weights, and the weights with as many axes.

    Raises
    ------
    ValueError
        If the weights have neither the shape of `values`, up to a last axis of length one, nor that of its first axes.
    """
    weight = _beside(sample_weight, values)
    values = as_array(values) if isinstance(weight, Array) else values
    xp = array_namespace(values)
    weight = xp.astype(weight, values.dtype)
    shape, expected = tuple(weight.shape), tuple(values.shape)
    if expected == ():
        return values * weight, weight
    shape = shape[: len(expected)] if shape[len(expected) :] == (1,) else shape
    shape += (1,) * (len(expected) - len(shape))
    fits = len(shape) == len(expected) and all(n in (1, m) for n, m in zip(shape, expected, strict=True))
    if not fits or (weight.ndim > 0 and shape[0] != expected[0]):
        raise ValueError(
            f"Sample weights must have the shape of the values they weigh, {expected}, or of its first axes: received "
            f"{describe(sample_weight)}."
        )
    weight = xp.reshape(weight, shape)
    return values * weight, weight


def match_shape(xp: Any, y_true: Any, y_pred: Any) -> Any:
    """Return the targets in the shape of the predictions: an axis of length one is added or dropped, never broadcast.

    Raises
    ------
    ValueError
        If the shapes differ in more than that.
    """
    shape, expected = tuple(y_true.shape), tuple(y_pred.shape)
    if shape == expected:
        return y_true
    if (*shape, 1) == expected or shape == (*expected, 1):
        return xp.reshape(y_true, expected)
    raise ValueError(
        f"Targets and outputs must have the same shape: received targets {describe(y_true)} and outputs of shape "
        f"{expected}. Integer class labels go with sparse_categorical_crossentropy, or one-hot encode them "
        "with nnarray.utils.to_categorical."
    )


def align(y_true: Any, y_pred: Any) -> tuple[Any, Any, Any]:
    """Return (xp, targets, predictions), the targets in the shape and dtype of the predictions."""
    xp, y_true, y_pred = prepare(y_true, y_pred)
    return xp, xp.astype(match_shape(xp, y_true, y_pred), y_pred.dtype), y_pred


def match_labels(xp: Any, y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Return integer labels in the shape of the predictions without their class axis."""
    axis %= y_pred.ndim
    shape = (*y_pred.shape[:axis], *y_pred.shape[axis + 1 :])
    with_one = (*y_pred.shape[:axis], 1, *y_pred.shape[axis + 1 :])
    if tuple(y_true.shape) not in (shape, with_one):
        raise ValueError(
            f"Integer labels must have the outputs' shape without the class axis, {shape}: received "
            f"{describe(y_true)}. One-hot labels go with categorical_crossentropy."
        )
    return xp.astype(xp.reshape(y_true, shape), xp.arange(1).dtype)
