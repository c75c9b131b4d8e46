"""Shapes: reordering, joining, indexing."""

from __future__ import annotations

import math
from typing import Any

from nnarray._messages import describe
from nnarray.array._function import Function
from nnarray.array.elementwise import TRUTH


def sum_to_shape(xp: Any, g: Any, shape: tuple[int, ...]) -> Any:
    """Return `g` summed over the axes along which an array of `shape` was repeated to reach its shape."""
    if tuple(g.shape) == tuple(shape):
        return g
    extra = len(g.shape) - len(shape)
    stretched = tuple(i + extra for i, n in enumerate(shape) if n == 1 and g.shape[i + extra] != 1)
    if axes := (*range(extra), *stretched):
        g = xp.sum(g, axis=axes, keepdims=True)
    return xp.reshape(g, shape)


def _inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(range(len(axes)), key=lambda i: axes[i] % len(axes)))


def _concat(xp: Any, g: Any, position: int, shapes: Any, axis: int | None) -> Any:
    shape = shapes[position]
    if axis is None:
        start = sum(math.prod(s) for s in shapes[:position])
        return xp.reshape(g[start : start + math.prod(shape)], shape)
    axis %= len(shape)
    start = sum(s[axis] for s in shapes[:position])
    return g[(*(slice(None),) * axis, slice(start, start + shape[axis]), Ellipsis)]


def _stack(g: Any, position: int, shapes: Any, axis: int) -> Any:
    return g[(*(slice(None),) * (axis % (len(shapes[0]) + 1)), position, Ellipsis)]


def _take(xp: Any, g: Any, in_shape: Any, indices: Any, axis: int | None) -> Any:
    zeros = xp.zeros(in_shape, dtype=g.dtype, device=xp.asarray(g).device)
    return xp.index_add(zeros, indices, g, axis=0 if axis is None else axis % len(in_shape))


def _getitem(xp: Any, g: Any, in_shape: Any, key: Any) -> Any:
    """Set `g` into zeros; the new axes of the key, which assignment does not know, are taken out of both first."""
    items = key if isinstance(key, tuple) else (key,)
    kept = tuple(item for item in items if item is not None)
    lengths = list(g.shape)
    for axis in reversed(_new_axes(items, len(in_shape))):
        del lengths[axis]
    zeros = xp.zeros(in_shape, dtype=g.dtype, device=xp.asarray(g).device)
    return xp.set_item(zeros, xp.reshape(g, tuple(lengths)), key=kept)


def _new_axes(items: tuple[Any, ...], ndim: int) -> list[int]:
    """Return which axes of the result the key's None entries make."""
    found = []
    axis = 0
    hidden = ndim - sum(item is not None and item is not Ellipsis for item in items)
    for item in items:
        if item is None:
            found.append(axis)
        if item is Ellipsis:
            axis += hidden
        elif item is None or isinstance(item, slice):
            axis += 1
    return found


def full_key(key: Any, ndim: int) -> Any:
    """Return a key of integers, slices, ellipsis and None with the ellipsis that the standard asks for spelled out.

    Raises
    ------
    TypeError
        If the key has anything else.
    """
    items = key if isinstance(key, tuple) else (key,)
    for item in items:
        if item is None or item is Ellipsis or isinstance(item, slice):
            continue
        if isinstance(item, bool) or not hasattr(item, "__index__") or getattr(item, "shape", ()) != ():
            raise TypeError(
                f"An Array is indexed by integers, slices, ellipsis and None: received {describe(item)}. "
                "Use xp.take for integer arrays and xp.where for masks."
            )
    if any(item is Ellipsis for item in items):
        return key
    missing = ndim - sum(item is not None for item in items)
    return (*items, Ellipsis) if missing > 0 else key


Function("reshape", "x, /, shape, *, copy=None", {"x": lambda xp, g, in_shape: xp.reshape(g, in_shape)})
Function("permute_dims", "x, /, axes", {"x": lambda xp, g, axes: xp.permute_dims(g, _inverse(axes))})
Function(
    "moveaxis",
    "x, source, destination, /",
    {"x": lambda xp, g, source, destination: xp.moveaxis(g, destination, source)},
    arrays=("x",),
)
Function("expand_dims", "x, /, axis", {"x": lambda xp, g, in_shape: xp.reshape(g, in_shape)})
Function("squeeze", "x, /, axis", {"x": lambda xp, g, in_shape: xp.reshape(g, in_shape)})
Function("broadcast_to", "x, /, shape", {"x": lambda xp, g, in_shape: sum_to_shape(xp, g, in_shape)})
Function("flip", "x, /, *, axis=None", {"x": lambda xp, g, axis: xp.flip(g, axis=axis)})
Function("concat", "arrays, /, *, axis=0", {"arrays": _concat}, variadic=True)
Function("stack", "arrays, /, *, axis=0", {"arrays": _stack}, variadic=True)
Function("take", "x, indices, /, *, axis=None", {"x": _take})
Function("argsort", "x, /, *, axis=-1, descending=False, stable=True", constant=TRUTH)

# What the standard has as syntax, or not at all.
Function(
    "getitem",
    "x, /, key",
    {"x": _getitem},
    implementation=lambda backend: backend.get_item,
)
Function(
    "set_item",
    "x, value, /, key",
    {
        "x": lambda xp, g, key: xp.set_item(g, xp.zeros_like(xp.getitem(g, key=key)), key=key),
        "value": lambda xp, g, in_shape, key: sum_to_shape(xp, xp.getitem(g, key=key), in_shape),
    },
    implementation=lambda backend: lambda x, value, key: backend.set_item(x, key, value),
)
Function(
    "index_add",
    "x, indices, value, /, axis",
    {"x": lambda g: g, "value": lambda xp, g, indices, axis: xp.take(g, indices, axis=axis)},
    implementation=lambda backend: backend.index_add,
)
