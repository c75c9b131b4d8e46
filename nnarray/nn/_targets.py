"""How targets and weights are brought beside outputs: the same library, rank and dtype."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnarray import config
from nnarray._messages import describe, unknown_name
from nnarray.array import Array, array_namespace, as_array, where_arrays_are
from nnarray.backends import backend_of, convert, current_backend, find_backend

_FLOATS = ("bfloat16", "float16", "float32", "float64")


def prepare(y_true: Any, y_pred: Any) -> tuple[Any, Any, Any]:
    """Return (xp, targets, predictions) as arrays of the predictions' library, both Arrays if one is.

    Nested lists become arrays.
    """
    if not isinstance(y_pred, Array) and find_backend(y_pred) is None:
        backend, device = current_backend()
        y_pred = backend.asarray(np.asarray(y_pred, dtype=config.floatx()), device=device)
    y_true = beside(y_true, y_pred)
    if isinstance(y_true, Array) or isinstance(y_pred, Array):
        y_true, y_pred = as_array(y_true), as_array(y_pred)
    return array_namespace(y_pred), y_true, y_pred


def beside(x: Any, like: Any) -> Any:
    """Return `x` (array of any library, scalar or nested list) as an array of the library and device of `like`."""
    raw = _raw(like)
    backend = backend_of(raw)
    if find_backend(_raw(x)) is backend:
        return x
    if isinstance(x, Array):
        return as_array(like).namespace.asarray(x)
    return convert(x if find_backend(x) else np.asarray(x), backend, device=backend.device_of(raw))


def _raw(x: Any) -> Any:
    return x.value if isinstance(x, Array) else x


def check_float_dtype(dtype: str) -> str:
    """Return the name of a floating-point dtype.

    Raises
    ------
    ValueError
        If it is not one.
    """
    if dtype not in _FLOATS:
        raise ValueError(unknown_name("floating-point dtype", dtype, _FLOATS))
    return dtype


def computing_dtype(x: Any) -> Any:
    """Return the wider of floatx and the dtype of `x`, a dtype of its library.

    Integers, truth values and 16-bit floats are narrower than floatx; complex numbers stay what they are.
    """
    xp = array_namespace(x)
    wide = x.dtype == xp.float64 or xp.isdtype(x.dtype, "complex floating")
    return x.dtype if wide else getattr(xp, config.floatx())


def cast(x: Any, dtype: Any) -> Any:
    """Return `x` in a dtype of its library: `x` itself if it has it."""
    return x if x.dtype == dtype else array_namespace(x).astype(x, dtype)


def match_rank(xp: Any, x: Any, like: Any) -> Any:
    """Return `x` in the shape of `like` if that is its own with a last axis of length one added or dropped.

    So (n,) beside (n, 1) is never broadcast to (n, n). Any other array is returned as it is.
    """
    shape, expected = tuple(x.shape), tuple(like.shape)
    differs_by_one = (*shape, 1) == expected or shape == (*expected, 1)
    return xp.reshape(x, expected) if differs_by_one else x


def match_shape(xp: Any, y_true: Any, y_pred: Any) -> Any:
    """Return the targets in the shape of the predictions: an axis of length one is added or dropped, never broadcast.

    Raises
    ------
    ValueError
        If the shapes differ in more than that.
    """
    matched = match_rank(xp, y_true, y_pred)
    if tuple(matched.shape) == tuple(y_pred.shape):
        return matched
    raise ValueError(
        f"Targets and outputs must have the same shape: received targets {describe(y_true)} and outputs of shape "
        f"{tuple(y_pred.shape)}. Integer class labels go with sparse_categorical_crossentropy, or one-hot encode them "
        "with nnarray.utils.to_categorical."
    )


def align(y_true: Any, y_pred: Any) -> tuple[Any, Any, Any]:
    """Return (xp, targets, predictions): the targets in the shape of the predictions, both in `computing_dtype`."""
    xp, y_true, y_pred = prepare(y_true, y_pred)
    dtype = computing_dtype(y_pred)
    return xp, cast(match_shape(xp, y_true, y_pred), dtype), cast(y_pred, dtype)


def match_labels(xp: Any, y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Return integer labels in the shape of the predictions without their class axis.

    Raises
    ------
    ValueError
        If the labels have another shape, axes of length one apart.
    """
    axis %= y_pred.ndim
    shape = (*y_pred.shape[:axis], *y_pred.shape[axis + 1 :])
    if [n for n in y_true.shape if n != 1] != [n for n in shape if n != 1]:
        raise ValueError(
            f"Integer labels must have the outputs' shape without the class axis, {shape}: received "
            f"{describe(y_true)}. One-hot labels go with categorical_crossentropy."
        )
    return cast(xp.reshape(y_true, shape), xp.arange(1).dtype)


def kind_of_targets(y_shape: Sequence[int | None], output_shape: Sequence[int | None]) -> str:
    """Return ``"binary"``, ``"sparse"`` or ``"categorical"``, whichever the shapes of targets and outputs say."""
    if len(output_shape) < 2 or output_shape[-1] == 1:
        return "binary"
    return "sparse" if len(y_shape) < len(output_shape) or y_shape[-1] == 1 else "categorical"


def mean_per_example(xp: Any, values: Any, axis: int = -1) -> Any:
    """Return the mean over `axis`, unless that is the last one and the batch: then every value is an example's."""
    return values if values.ndim < 2 and axis == -1 else xp.mean(values, axis=axis)


@where_arrays_are
def weigh(values: Any, sample_weight: Any) -> tuple[Any, Any]:
    """Return `values`, one or several per example, times their weights, and the weights with as many axes.

    Weights go with the first axes of the values, and each axis has their length or length one.

    Raises
    ------
    ValueError
        If the weights have another shape.
    """
    weight = beside(sample_weight, values)
    values = as_array(values) if isinstance(weight, Array) else values
    xp = array_namespace(values)
    weight = cast(weight, values.dtype)
    expected = tuple(values.shape)
    if expected == ():
        return values * weight, weight
    shape, further = tuple(weight.shape)[: len(expected)], tuple(weight.shape)[len(expected) :]
    shape += (1,) * (len(expected) - len(shape))
    if math.prod(further) != 1 or not all(n in (1, m) for n, m in zip(shape, expected, strict=True)):
        raise ValueError(
            f"Sample weights must have the shape of the values they weigh, {expected}, or of its first axes, where an "
            f"axis may have length one: received {describe(sample_weight)}."
        )
    weight = xp.reshape(weight, shape)
    return values * weight, weight
