"""Shapes: reordering, joining, indexing."""

from __future__ import annotations

import math
from typing import Any

from nnarray._messages import describe
from nnarray.array._function import Function
from nnarray.backends import integer_of


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
    """Add `g` into zeros; libraries also take from the flattened array, and at indices of any number of axes."""
    shape, axis = ((math.prod(in_shape),), 0) if axis is None else (in_shape, axis % len(in_shape))
    zeros = xp.zeros(shape, dtype=g.dtype, device=xp.asarray(g).device)
    rows = xp.reshape(g, (*shape[:axis], math.prod(indices.shape), *shape[axis + 1 :]))
    return xp.reshape(xp.index_add(zeros, xp.reshape(indices, (-1,)), rows, axis=axis), in_shape)


def _take_along_axis(xp: Any, g: Any, in_shape: Any, indices: Any, axis: int) -> Any:
    """Add `g` into zeros at its places in the flattened array; along other axes the two broadcast."""
    ndim = len(in_shape)
    flat, stride = 0, 1
    for a in reversed(range(ndim)):
        own = xp.arange(in_shape[a], device=indices.device)
        if a == axis % ndim:
            # The dtype of the indices may be too narrow for places in the flattened array.
            places = xp.remainder(xp.astype(indices, own.dtype), in_shape[a])
        else:
            places = xp.reshape(own, tuple(in_shape[a] if b == a else 1 for b in range(ndim)))
        flat, stride = flat + places * stride, stride * in_shape[a]
    zeros = xp.zeros((stride,), dtype=g.dtype, device=xp.asarray(g).device)
    places = xp.reshape(xp.broadcast_to(flat, g.shape), (-1,))
    return xp.reshape(xp.index_add(zeros, places, xp.reshape(g, (-1,)), axis=0), in_shape)


def _roll(xp: Any, g: Any, shift: int | tuple[int, ...], axis: Any) -> Any:
    return xp.roll(g, shift=tuple(-n for n in shift) if isinstance(shift, (tuple, list)) else -shift, axis=axis)


def _repeat(xp: Any, g: Any, in_shape: Any, repeats: Any, axis: int | None) -> Any:
    device = xp.asarray(g).device
    rows = math.prod(in_shape) if axis is None else in_shape[axis]
    indices = xp.repeat(xp.arange(rows, device=device), repeats)
    if axis is not None:
        return xp.index_add(xp.zeros(in_shape, dtype=g.dtype, device=device), indices, g, axis=axis % len(in_shape))
    zeros = xp.zeros((rows,), dtype=g.dtype, device=device)
    return xp.reshape(xp.index_add(zeros, indices, g, axis=0), in_shape)


def _tile(xp: Any, g: Any, in_shape: Any, repetitions: tuple[int, ...]) -> Any:
    ndim = max(len(in_shape), len(repetitions))
    times = (1,) * (ndim - len(repetitions)) + tuple(repetitions)
    lengths = (1,) * (ndim - len(in_shape)) + tuple(in_shape)
    split = tuple(n for pair in zip(times, lengths, strict=True) for n in pair)
    return xp.reshape(xp.sum(xp.reshape(g, split), axis=tuple(range(0, 2 * ndim, 2))), in_shape)


def _getitem(xp: Any, g: Any, in_shape: Any, key: Any) -> Any:
    """Set `g` into zeros; the new axes of the key, which assignment does not know, are taken out of both first."""
    items = key if isinstance(key, tuple) else (key,)
    kept = tuple(item for item in items if item is not None)
    lengths = list(g.shape)
    for axis in reversed(_new_axes(items, len(in_shape))):
        del lengths[axis]
    zeros = xp.zeros(in_shape, dtype=g.dtype, device=xp.asarray(g).device)
    return xp.set_item(zeros, xp.reshape(g, tuple(lengths)), key=kept)


def _assigned(xp: Any, g: Any, in_shape: Any, key: Any) -> Any:
    """Return the cotangent of a value, which may have more leading axes of length one than its place has axes."""
    g = xp.getitem(g, key=key)
    shape = in_shape[max(len(in_shape) - len(g.shape), 0) :]
    return xp.reshape(sum_to_shape(xp, g, shape), in_shape)


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


def _plain_index(item: Any) -> Any:
    """Return an integer array without axes as the integer that it holds, also as a bound of a slice."""
    if isinstance(item, slice):
        return slice(_plain_index(item.start), _plain_index(item.stop), _plain_index(item.step))
    has_no_axes = getattr(item, "shape", None) == () and "int" in str(getattr(item, "dtype", ""))
    return integer_of(item) if has_no_axes else item


def full_key(key: Any, ndim: int) -> Any:
    """Return a key of integers, slices, ellipsis and None with the ellipsis that the standard asks for spelled out.

    Raises
    ------
    TypeError
        If the key has anything else.
    """
    key = tuple(map(_plain_index, key)) if isinstance(key, tuple) else _plain_index(key)
    items = key if isinstance(key, tuple) else (key,)
    for item in items:
        if item is None or item is Ellipsis or isinstance(item, slice):
            continue
        if isinstance(item, bool) or not hasattr(item, "__index__") or getattr(item, "shape", ()) != ():
            raise TypeError(
                f"An Array is indexed by integers, slices, ellipsis, None, integer arrays or a mask: received "
                f"{describe(item)}. Make a list an array with xp.asarray."
            )
    if any(item is Ellipsis for item in items):
        return key
    missing = ndim - sum(item is not None for item in items)
    return (*items, Ellipsis) if missing > 0 else key


_BACK = {"x": lambda xp, g, in_shape: xp.reshape(g, in_shape)}
Function("reshape", "x, /, shape, *, copy=None", _BACK, keeps_elements=True)
Function("permute_dims", "x, /, axes", {"x": lambda xp, g, axes: xp.permute_dims(g, _inverse(axes))})
Function(
    "moveaxis",
    "x, source, destination, /",
    {"x": lambda xp, g, source, destination: xp.moveaxis(g, destination, source)},
    arrays=("x",),
)
Function("expand_dims", "x, /, axis", _BACK, keeps_elements=True)
Function("squeeze", "x, /, axis", _BACK, keeps_elements=True)
Function("broadcast_to", "x, /, shape", {"x": lambda xp, g, in_shape: sum_to_shape(xp, g, in_shape)})
Function("flip", "x, /, *, axis=None", {"x": lambda xp, g, axis: xp.flip(g, axis=axis)})
Function("concat", "arrays, /, *, axis=0", {"arrays": _concat}, variadic=True)
Function("stack", "arrays, /, *, axis=0", {"arrays": _stack}, variadic=True)
Function("take", "x, indices, /, *, axis=None", {"x": _take})
Function("take_along_axis", "x, indices, /, *, axis=-1", {"x": _take_along_axis})
Function("roll", "x, /, shift, *, axis=None", {"x": _roll})
Function("repeat", "x, repeats, /, *, axis=None", {"x": _repeat}, shaped_by=("repeats",))
Function("tile", "x, repetitions, /", {"x": _tile}, arrays=("x",))

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
        "value": _assigned,
    },
    implementation=lambda backend: lambda x, value, key: backend.set_item(x, key, value),
)
Function(
    "to_device",
    "x, /, device",
    {"x": lambda xp, g, x: xp.to_device(g, device=x.device)},
    implementation=lambda backend: lambda x, device: backend.asarray(x, device=device),
)
Function(
    "index_add",
    "x, indices, value, /, axis",
    {"x": lambda g: g, "value": lambda xp, g, indices, axis: xp.take(g, indices, axis=axis)},
    implementation=lambda backend: backend.index_add,
)
