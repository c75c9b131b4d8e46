"""Reductions."""

from __future__ import annotations

import math
from typing import Any

from nnarray.array._function import Function
from nnarray.array.elementwise import TRUTH


def _axes(axis: int | tuple[int, ...] | None, ndim: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(ndim))
    axes = (axis,) if isinstance(axis, int) else axis
    return tuple(sorted(a % ndim for a in axes))


def _restore(xp: Any, reduced: Any, shape: tuple[int, ...], axis: Any, keepdims: bool) -> Any:
    """Return `reduced` with its dropped axes back, of length one, so that it broadcasts against `shape`."""
    if keepdims or not shape:
        return reduced
    axes = _axes(axis, len(shape))
    return xp.reshape(reduced, tuple(1 if i in axes else n for i, n in enumerate(shape)))


def _sum(xp: Any, g: Any, in_shape: Any, axis: Any, keepdims: bool) -> Any:
    return xp.broadcast_to(_restore(xp, g, in_shape, axis, keepdims), in_shape)


def _mean(xp: Any, g: Any, in_shape: Any, axis: Any, keepdims: bool) -> Any:
    count = math.prod(in_shape[a] for a in _axes(axis, len(in_shape)))
    return _sum(xp, g / max(count, 1), in_shape, axis, keepdims)


def _extremum(xp: Any, g: Any, x: Any, out: Any, in_shape: Any, axis: Any, keepdims: bool) -> Any:
    """Elements that tie for the extremum share its cotangent equally."""
    winners = xp.astype(x == _restore(xp, out, in_shape, axis, keepdims), g.dtype)
    share = winners / xp.sum(winners, axis=axis, keepdims=True)
    return share * _restore(xp, g, in_shape, axis, keepdims)


_REDUCTION = "x, /, *, axis=None, keepdims=False"
Function("sum", "x, /, *, axis=None, dtype=None, keepdims=False", {"x": _sum})
Function("mean", _REDUCTION, {"x": _mean})
Function("max", _REDUCTION, {"x": _extremum})
Function("min", _REDUCTION, {"x": _extremum})
Function("all", _REDUCTION, constant=TRUTH)
Function("any", _REDUCTION, constant=TRUTH)
Function("count_nonzero", _REDUCTION, constant=TRUTH)
Function("argmax", _REDUCTION, constant=TRUTH)
Function("argmin", _REDUCTION, constant=TRUTH)
