"""Reductions."""

from __future__ import annotations

import math
from typing import Any

from nnarray.array._function import Function
from nnarray.array.elementwise import TRUTH, nonzero


def axes_of(axis: int | tuple[int, ...] | None, ndim: int) -> tuple[int, ...]:
    """Return which axes a reduction goes over, in order; where there are none, libraries take axis 0 for none."""
    if axis is None or ndim == 0:
        return tuple(range(ndim))
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    return tuple(sorted(a % ndim for a in axes))


def _restore(xp: Any, reduced: Any, shape: tuple[int, ...], axis: Any, keepdims: bool) -> Any:
    """Return `reduced` with its dropped axes back, of length one, so that it broadcasts against `shape`."""
    if keepdims or not shape:
        return reduced
    axes = axes_of(axis, len(shape))
    return xp.reshape(reduced, tuple(1 if i in axes else n for i, n in enumerate(shape)))


def _sum(xp: Any, g: Any, in_shape: Any, axis: Any, keepdims: bool) -> Any:
    return xp.broadcast_to(_restore(xp, g, in_shape, axis, keepdims), in_shape)


def _mean(xp: Any, g: Any, in_shape: Any, axis: Any, keepdims: bool) -> Any:
    count = math.prod(in_shape[a] for a in axes_of(axis, len(in_shape)))
    return _sum(xp, divided(xp, g, max(count, 1)), in_shape, axis, keepdims)


def divided(xp: Any, x: Any, count: Any) -> Any:
    """Return `x` over a number of elements, or an array of such numbers, in the dtype of `x`."""
    dtype = wide(xp, x.dtype)
    if not isinstance(count, (int, float)) and count.dtype != dtype:
        count = xp.astype(count, dtype)
    return x / count if dtype == x.dtype else xp.astype(xp.astype(x, dtype) / count, x.dtype)


def wide(xp: Any, dtype: Any) -> Any:
    """Return the dtype in which numbers of elements are taken beside `dtype`: 16 bits count to some thousands only."""
    return xp.float32 if xp.finfo(dtype).bits < 32 else dtype


def _extremum(xp: Any, g: Any, x: Any, out: Any, in_shape: Any, axis: Any, keepdims: bool) -> Any:
    """Elements that tie for the extremum share its cotangent equally; of one that is NaN all are NaN."""
    winners = x == _restore(xp, out, in_shape, axis, keepdims)
    count = xp.sum(xp.astype(winners, wide(xp, g.dtype)), axis=axis, keepdims=True)
    g = _restore(xp, g, in_shape, axis, keepdims)
    # Chosen, not multiplied: an infinite cotangent times zero would be NaN.
    return xp.where(winners, divided(xp, g, count), divided(xp, xp.zeros_like(g), count))


def _deviation(xp: Any, x: Any, axis: Any, correction: float) -> Any:
    """Return the deviation of each element from the mean over the number of elements less the correction."""
    count = math.prod(x.shape[a] for a in axes_of(axis, x.ndim))
    return divided(xp, x - xp.mean(x, axis=axis, keepdims=True), count - correction)


def _var(xp: Any, g: Any, x: Any, in_shape: Any, axis: Any, correction: float, keepdims: bool) -> Any:
    return 2 * _restore(xp, g, in_shape, axis, keepdims) * _deviation(xp, x, axis, correction)


def _std(xp: Any, g: Any, x: Any, out: Any, in_shape: Any, axis: Any, correction: float, keepdims: bool) -> Any:
    """Where all elements are equal the slope is 0, the middle of those on both sides, even if their mean is rounded."""
    g, out = _restore(xp, g, in_shape, axis, keepdims), _restore(xp, out, in_shape, axis, keepdims)
    deviation = _deviation(xp, x, axis, correction)
    if 0 in in_shape:
        return g / out * deviation
    spread = xp.max(x, axis=axis, keepdims=True) - xp.min(x, axis=axis, keepdims=True)
    return g / nonzero(xp, spread, out) * xp.where(spread == 0, 0.0, deviation)


def _others(xp: Any, x: Any, axis: int) -> Any:
    """Return for each element the product of the others along an axis: those before it times those after it.

    No division, so that zeros are nothing special.
    """
    before = _cut(xp.cumulative_prod(x, axis=axis, include_initial=True), axis, slice(None, -1))
    backwards = xp.cumulative_prod(xp.flip(x, axis=axis), axis=axis, include_initial=True)
    return before * xp.flip(_cut(backwards, axis, slice(None, -1)), axis=axis)


def _cut(x: Any, axis: int, rows: slice) -> Any:
    return x[(*(slice(None),) * axis, rows, Ellipsis)]


def _prod(xp: Any, g: Any, x: Any, in_shape: Any, axis: Any, keepdims: bool) -> Any:
    axes = axes_of(axis, len(in_shape))
    if not axes:
        return g
    kept = tuple(a for a in range(len(in_shape)) if a not in axes)
    order = (*kept, *axes)
    flat = xp.reshape(xp.permute_dims(x, order), (*(in_shape[a] for a in kept), math.prod(in_shape[a] for a in axes)))
    others = xp.reshape(_others(xp, flat, len(kept)), tuple(in_shape[a] for a in order))
    inverse = tuple(sorted(range(len(order)), key=order.__getitem__))
    return _restore(xp, g, in_shape, axis, keepdims) * xp.permute_dims(others, inverse)


def _total_after(xp: Any, x: Any, axis: int) -> Any:
    """Return for each element the sum of itself and those after it along an axis."""
    return xp.flip(xp.cumulative_sum(xp.flip(x, axis=axis), axis=axis), axis=axis)


def _cumulative_sum(xp: Any, g: Any, in_shape: Any, axis: Any, include_initial: bool) -> Any:
    axis = (0 if axis is None else axis) % len(in_shape)
    return _total_after(xp, _cut(g, axis, slice(1, None)) if include_initial else g, axis)


def _cumulative_prod(xp: Any, g: Any, x: Any, in_shape: Any, axis: Any, include_initial: bool) -> Any:
    """Sum over j >= i of g_j times the product of the x_k, k <= j, k != i: of those before i, times `_ahead`.

    No division, so that zeros are nothing special, to any order.
    """
    axis = (0 if axis is None else axis) % len(in_shape)
    g = _cut(g, axis, slice(1, None)) if include_initial else g
    before = _cut(xp.cumulative_prod(x, axis=axis, include_initial=True), axis, slice(None, -1))
    return before * _ahead(xp, g, x, axis)


def _ahead(xp: Any, g: Any, x: Any, axis: int) -> Any:
    """Return for each i the sum over j >= i of g_j times the product of the x_k, i < k <= j.

    By doubling: the sum over 2n terms is that over n, plus the product of n factors times the sum over the n beyond.
    """
    length, n = x.shape[axis], 1
    if length < 2:
        return g
    total, product = g, _cut(x, axis, slice(1, None))
    while n < length:
        near = _cut(total, axis, slice(None, length - n)) + product * _cut(total, axis, slice(n, None))
        total = xp.concat([near, _cut(total, axis, slice(length - n, None))], axis=axis)
        if 2 * n < length:
            product = _cut(product, axis, slice(None, length - 2 * n)) * _cut(product, axis, slice(n, None))
        n *= 2
    return total


_REDUCTION = "x, /, *, axis=None, keepdims=False"
Function("sum", "x, /, *, axis=None, dtype=None, keepdims=False", {"x": _sum})
Function("mean", _REDUCTION, {"x": _mean})
Function("max", _REDUCTION, {"x": _extremum})
Function("min", _REDUCTION, {"x": _extremum})
Function("prod", "x, /, *, axis=None, dtype=None, keepdims=False", {"x": _prod})
Function("var", "x, /, *, axis=None, correction=0.0, keepdims=False", {"x": _var})
Function("std", "x, /, *, axis=None, correction=0.0, keepdims=False", {"x": _std})
Function("cumulative_sum", "x, /, *, axis=None, dtype=None, include_initial=False", {"x": _cumulative_sum})
Function("cumulative_prod", "x, /, *, axis=None, dtype=None, include_initial=False", {"x": _cumulative_prod})
Function("all", _REDUCTION, constant=TRUTH)
Function("any", _REDUCTION, constant=TRUTH)
Function("count_nonzero", _REDUCTION, constant=TRUTH)
Function("argmax", _REDUCTION, constant=TRUTH)
Function("argmin", _REDUCTION, constant=TRUTH)
