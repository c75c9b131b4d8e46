"""Functions that move elements and change shapes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from nnarray._checks import check_one_of
from nnarray.ops._operation import axes_tuple, axis_within, operation, promoted


def shape_tuple(shape: Any) -> tuple[int, ...]:
    """Return a shape that is given as an integer or as several."""
    several = isinstance(shape, (list, tuple)) or getattr(shape, "ndim", 0) > 0
    return tuple(map(int, shape)) if several else (int(shape),)


@operation("x")
def reshape(x: Any, newshape: Any) -> Any:
    """Return the elements of `x` in another shape, of which one length may be -1: whatever is left.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.reshape(np.asarray([1, 2, 3, 4]), (2, -1))
    array([[1, 2],
           [3, 4]])
    """
    return x.namespace.reshape(x, shape_tuple(newshape))


@operation("x")
def ravel(x: Any) -> Any:
    """Return the elements of `x` along one axis."""
    return x.namespace.reshape(x, (-1,))


@operation("x")
def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    """Return `x` with its axes in another order, by default backwards.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.transpose(np.ones((2, 3, 4)), (0, 2, 1)).shape
    (2, 4, 3)
    """
    order = tuple(reversed(range(x.ndim))) if axes is None else tuple(axis_within(a, x.ndim) for a in axes)
    return x.namespace.permute_dims(x, order)


@operation("x")
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Return `x` with two axes in each other's place."""
    order = list(range(x.ndim))
    first, second = axis_within(axis1, x.ndim), axis_within(axis2, x.ndim)
    order[first], order[second] = second, first
    return x.namespace.permute_dims(x, tuple(order))


@operation("x")
def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    """Return `x` with some axes, one or several, in other places, and the others in their order."""
    return x.namespace.moveaxis(x, axes_tuple(source), axes_tuple(destination))


@operation("x")
def squeeze(x: Any, axis: Any = None) -> Any:
    """Return `x` without axes of length one: all of them, or those given."""
    axes = axes_tuple(axis)
    if axes is None:
        axes = tuple(a for a, n in enumerate(x.shape) if n == 1)
    elif not isinstance(axes, tuple):
        axes = (axes,)
    axes = tuple(axis_within(a, x.ndim) for a in axes)
    if long := [a for a in axes if x.shape[a] != 1]:
        raise ValueError(f"Only axes of length one are squeezed: received axis {long[0]} of shape {x.shape}.")
    return x.namespace.reshape(x, tuple(n for a, n in enumerate(x.shape) if a not in axes)) if axes else x


@operation("x")
def expand_dims(x: Any, axis: Any) -> Any:
    """Return `x` with new axes of length one in some places of the result.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.expand_dims(np.ones((2, 3)), axis=-1).shape
    (2, 3, 1)
    """
    places = axes_tuple(axis) if isinstance(axis, (list, tuple)) else (axis,)
    ndim = x.ndim + len(places)
    lengths = list(x.shape)
    for place in sorted(axis_within(a, ndim) for a in places):
        lengths.insert(place, 1)
    return x.namespace.reshape(x, tuple(lengths))


@operation("x")
def broadcast_to(x: Any, shape: Any) -> Any:
    """Return `x` repeated along axes of length one or new ones, to a shape."""
    return x.namespace.broadcast_to(x, shape_tuple(shape))


@operation("*xs")
def concatenate(xs: Any, axis: int | None = 0) -> Any:
    """Return arrays one after the other along an axis; None flattens them first.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.concatenate([np.ones((2, 3)), np.zeros((2, 1))], axis=-1).shape
    (2, 4)
    """
    xs = promoted(*xs)
    xp = xs[0].namespace
    return xp.concat(xs, axis=None if axis is None else axis_within(axis, xs[0].ndim))


@operation("x1 x2")
def append(x1: Any, x2: Any, axis: int | None = None) -> Any:
    """Return two arrays one after the other along an axis, by default flattened."""
    return concatenate([x1, x2], axis)


@operation("*x")
def stack(x: Any, axis: int = 0) -> Any:
    """Return arrays of one shape side by side, along a new axis."""
    x = promoted(*x)
    return x[0].namespace.stack(x, axis=axis_within(axis, x[0].ndim + 1))


@operation("*xs")
def hstack(xs: Any) -> Any:
    """Return arrays one after the other along their second axis, vectors along their first."""
    xs = [x if x.ndim else x.namespace.reshape(x, (1,)) for x in xs]
    return concatenate(xs, 0 if xs[0].ndim == 1 else 1)


@operation("*xs")
def vstack(xs: Any) -> Any:
    """Return arrays one below the other, vectors as rows."""
    return concatenate([x if x.ndim > 1 else x.namespace.reshape(x, (1, -1)) for x in xs], 0)


@operation("*xs")
def dstack(xs: Any) -> Any:
    """Return arrays one behind the other along their third axis."""
    deep = [x if x.ndim > 2 else x.namespace.reshape(x, (*(x.shape if x.ndim == 2 else (1, x.size)), 1)) for x in xs]
    return concatenate(deep, 2)


def _bounds(length: int, indices_or_sections: Any, equal: bool) -> list[int]:
    if isinstance(indices_or_sections, int):
        count = indices_or_sections
        if count < 1 or (equal and length % count):
            raise ValueError(
                f"split divides an axis of length {length} into equal parts: received {count}. Use array_split, or "
                "give the indices where parts begin."
            )
        size, rest = divmod(length, count)
        return [i * size + min(i, rest) for i in range(count + 1)]
    return [0, *map(int, indices_or_sections), length]


def _parts(x: Any, indices_or_sections: Any, axis: int, equal: bool = True) -> list[Any]:
    axis = axis_within(axis, x.ndim)
    bounds = _bounds(x.shape[axis], indices_or_sections, equal)
    before = (slice(None),) * axis
    return [x[(*before, slice(a, max(a, b)), ...)] for a, b in itertools.pairwise(bounds)]


@operation("x")
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Return parts of `x` along an axis: so many equal ones, or those that begin at the given indices.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> [part.tolist() for part in nna.ops.split(np.asarray([1, 2, 3, 4]), [1, 3])]
    [[1], [2, 3], [4]]
    """
    return _parts(x, indices_or_sections, axis)


@operation("x")
def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Return parts of `x` along an axis, the first of which are longer by one if it cannot be halved, … equally."""
    return _parts(x, indices_or_sections, axis, equal=False)


@operation("x")
def hsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """Return parts of `x` along its second axis, of a vector along its first."""
    return _parts(x, indices_or_sections, 0 if x.ndim == 1 else 1)


@operation("x")
def vsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """Return parts of `x` along its first axis."""
    return _parts(x, indices_or_sections, 0)


@operation("x")
def dsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """Return parts of `x` along its third axis."""
    return _parts(x, indices_or_sections, 2)


@operation("x")
def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Any]:
    """Return the slices of `x` along an axis; `num` says how many there are, where it is not known."""
    length = x.shape[axis_within(axis, x.ndim)]
    if num is not None and num != length:
        raise ValueError(f"num must be the length of the axis, {length}: received num={num}.")
    return list(x.namespace.unstack(x, axis=axis))


@operation("x")
def tile(x: Any, repeats: Any) -> Any:
    """Return `x` repeated as a whole along its axes."""
    return x.namespace.tile(x, shape_tuple(repeats))


@operation("x")
def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    """Return `x` with each element repeated along an axis, by default of the flattened array.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.repeat(np.asarray([1, 2]), 2).tolist()
    [1, 1, 2, 2]
    """
    xp = x.namespace
    if axis is None:
        x, axis = xp.reshape(x, (-1,)), 0
    axis = axis_within(axis, x.ndim)
    counts = repeats if isinstance(repeats, int) else list(map(int, repeats))
    if isinstance(counts, int) or len(counts) == 1:
        return xp.repeat(x, counts if isinstance(counts, int) else counts[0], axis=axis)
    places = [place for place, count in enumerate(counts) for _ in range(count)]
    return xp.take(x, xp.asarray(places, dtype=xp.int32, device=x.device), axis=axis)


@operation("x")
def flip(x: Any, axis: Any = None) -> Any:
    """Return `x` backwards along axes, by default all."""
    return x.namespace.flip(x, axis=axes_tuple(axis))


@operation("x")
def fliplr(x: Any) -> Any:
    """Return `x` backwards along its second axis."""
    return x.namespace.flip(x, axis=1)


@operation("x")
def flipud(x: Any) -> Any:
    """Return `x` backwards along its first axis."""
    return x.namespace.flip(x, axis=0)


@operation("x")
def roll(x: Any, shift: Any, axis: Any = None) -> Any:
    """Return `x` moved along axes, what leaves at the end at the start; by default of the flattened array."""
    return x.namespace.roll(x, axes_tuple(shift), axis=axes_tuple(axis))


@operation("array")
def rot90(array: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Any:
    """Return an array turned by `k` right angles, from the first of two axes towards the second."""
    xp = array.namespace
    first, second = (axis_within(a, array.ndim) for a in axes)
    if first == second:
        raise ValueError(f"axes must be two different ones: received axes={tuple(axes)}.")
    turns = k % 4
    if turns == 2:
        return xp.flip(array, axis=(first, second))
    if turns == 0:
        return array
    swapped = swapaxes(xp.flip(array, axis=second) if turns == 1 else array, first, second)
    return swapped if turns == 1 else xp.flip(swapped, axis=second)


_MODES = ("constant", "reflect", "symmetric", "edge", "wrap")


def _source(mode: str, place: int, length: int) -> int:
    """Return which element stands at a place outside of an axis."""
    if mode == "edge":
        return min(max(place, 0), length - 1)
    if mode == "wrap":
        return place % length
    period = 2 * length - 2 if mode == "reflect" else 2 * length
    place = place % period if period else 0
    return place if place < length else period - place - (mode == "symmetric")


@operation("x")
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    """Return `x` with elements added at the ends of axes.

    Parameters
    ----------
    x : array
    pad_width : int, (before, after), or one such pair for each axis
    mode : {"constant", "reflect", "symmetric", "edge", "wrap"}
        What is added: a number, the mirror image without or with the last element, the last element, the other end.
    constant_values : number, optional
        0 by default.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.pad(np.asarray([1, 2, 3]), (2, 1), mode="reflect").tolist()
    [3, 2, 1, 2, 3, 2]
    """
    check_one_of("mode", mode, _MODES)
    if constant_values is not None and mode != "constant":
        raise ValueError(f"constant_values go with mode='constant': received mode={mode!r}.")
    xp = x.namespace
    widths = _widths(pad_width, x.ndim)
    for axis, (before, after) in enumerate(widths):
        if not before and not after:
            continue
        length = x.shape[axis]
        if mode == "constant":
            ends = [
                xp.full(
                    tuple(n if a == axis else m for a, m in enumerate(x.shape)),
                    0 if constant_values is None else constant_values,
                    dtype=x.dtype,
                    device=x.device,
                )
                for n in (before, after)
            ]
            x = xp.concat([ends[0], x, ends[1]], axis=axis)
        else:
            places = [_source(mode, place, length) for place in range(-before, length + after)]
            x = xp.take(x, xp.asarray(places, dtype=xp.int32, device=x.device), axis=axis)
    return x


def _widths(pad_width: Any, ndim: int) -> list[tuple[int, int]]:
    given = [pad_width] if isinstance(pad_width, int) else list(pad_width)
    if len(given) == 2 and all(isinstance(n, int) for n in given):
        given = [given]
    pairs = [(n, n) if isinstance(n, int) else tuple(map(int, n)) * (1 if len(n) == 2 else 2) for n in given]
    pairs = pairs * ndim if len(pairs) == 1 else pairs
    if len(pairs) != ndim or any(n < 0 for pair in pairs for n in pair):
        raise ValueError(
            f"pad_width is one whole number, a pair (before, after), or a pair for each of {ndim} axes: received "
            f"{pad_width!r}."
        )
    return [(pair[0], pair[1]) for pair in pairs]


@operation("*x")
def meshgrid(*x: Any, indexing: str = "xy") -> list[Any]:
    """Return coordinates of the points of a grid from those along each axis."""
    return list(x[0].namespace.meshgrid(*x, indexing=indexing))
