"""Sorting, searching, counting, and taking elements by their indices."""

from __future__ import annotations

import builtins
from typing import Any

from nnarray._checks import check_one_of
from nnarray.ops._operation import INTEGER, REAL, axis_within, cast_to, counted, floated, index, operation, promoted
from nnarray.ops._segments import combine_rows, sum_rows


@operation("x")
def sort(x: Any, axis: int | None = -1) -> Any:
    """Return the elements in ascending order along an axis, or of the flattened array.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.sort(np.asarray([3.0, 1.0, 2.0]))
    array([1., 2., 3.])
    """
    x, axis = _along(x, axis)
    return x.namespace.sort(x, axis=axis)


@operation("x")
def argsort(x: Any, axis: int | None = -1) -> Any:
    """Return the indices that sort along an axis, or those into the flattened array; equal ones keep their order."""
    x, axis = _along(x, axis)
    return index(x.namespace.argsort(x, axis=axis))


@operation("x")
def argpartition(x: Any, kth: int, axis: int | None = -1) -> Any:  # noqa: ARG001 -- a sorted array is parted at each k
    """Return indices that bring the `kth` element to its place in order, smaller ones before it: those of `argsort`."""
    return argsort(x, axis)


def _along(x: Any, axis: int | None) -> tuple[Any, int]:
    x = counted(x)
    if axis is None:
        return x.namespace.reshape(x, (-1,)), 0
    return x, axis_within(axis, x.ndim)


@operation("sorted_sequence values")
def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Any:
    """Return where values would go in a sorted vector, before those that are equal or after them (``"right"``)."""
    check_one_of("side", side, ("left", "right"))
    if sorted_sequence.ndim != 1:
        raise ValueError(f"searchsorted searches a vector: received shape {sorted_sequence.shape}.")
    sorted_sequence, values = promoted(sorted_sequence, values, least=INTEGER)
    return index(values.namespace.searchsorted(sorted_sequence, values, side=side))


@operation("x bins")
def digitize(x: Any, bins: Any) -> Any:
    """Return in which bin each element lies: 0 below the first of the edges, which ascend.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.digitize(np.asarray([0.2, 6.4, 3.0]), [0.0, 1.0, 2.5, 4.0]).tolist()
    [1, 4, 3]
    """
    return searchsorted(bins, x, side="right")


@operation("x weights", shaped_by_values=True)
def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Any:
    """Return how often 0, 1, 2, … occur among integers, or the sums of their weights; of a matrix, for each row.

    The greatest integer is looked at: under jit, where it is not known, use `segment_sum`.
    """
    if sparse:
        raise ValueError("There are no sparse arrays here: received sparse=True.")
    xp = x.namespace
    count = builtins.max(int(minlength), 1 + int(xp.max(x).value) if x.size else 0)
    rows = xp.ones_like(x, dtype=xp.int32) if weights is None else weights
    if x.ndim == 2:
        each = [sum_rows(rows[i], x[i], count) for i in range(x.shape[0])]
        return xp.stack(each)
    return sum_rows(rows, x, count)


@operation("x")
def histogram(x: Any, bins: int = 10, range: Any = None) -> Any:
    """Return how many elements lie between edges at equal distances, and the edges.

    Parameters
    ----------
    x : array
    bins : int
        Their number.
    range : pair of numbers, optional
        First and last edge; by default the least and the greatest element.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> counts, edges = nna.ops.histogram(np.asarray([0.0, 1.0, 1.0, 4.0]), bins=2)
    >>> counts.tolist(), edges.tolist()
    ([3, 1], [0.0, 2.0, 4.0])
    """
    x = floated(x)
    xp = x.namespace
    flat = xp.reshape(x, (-1,))
    low, high = (xp.min(flat), xp.max(flat)) if range is None else (flat[0] * 0 + float(n) for n in range)
    share = xp.linspace(0.0, 1.0, bins + 1, dtype=x.dtype, device=x.device)
    same = low == high
    low, high = xp.where(same, low - 0.5, low), xp.where(same, high + 0.5, high)
    edges = low * (1.0 - share) + high * share
    place = xp.searchsorted(edges, flat, side="right") - 1
    place = xp.where(flat == edges[-1], bins - 1, place)
    return sum_rows(xp.ones_like(place, dtype=xp.int32), place, bins), edges


@operation("x", shaped_by_values=True)
def unique(
    x: Any,
    sorted: bool = True,  # noqa: ARG001 -- Keras' name; they are in any case
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """Return the different elements of an array in ascending order: how many there are depends on the values.

    Parameters
    ----------
    x : array
    sorted : bool
        They are, in any case.
    return_index, return_inverse, return_counts : bool
        Whether the first index of each, the place of each element of `x` among them, and their numbers are returned,
        too.
    axis : None
        Rows are not compared.
    size : int, optional
        As many are returned: others are left out, or `fill_value` added, by default the least one.
    fill_value : number, optional

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.unique(np.asarray([3, 1, 3])).tolist()
    [1, 3]
    """
    if axis is not None:
        raise NotImplementedError(f"unique compares elements, not rows: received axis={axis}.")
    xp = x.namespace
    values, inverse = xp.unique_inverse(x)
    places = xp.reshape(inverse, (-1,))
    order = xp.arange(x.size, dtype=xp.int32, device=x.device)
    first, counts = combine_rows(order, places, values.shape[0], xp.minimum, 0)
    if size is not None:
        lowest = values[0] if fill_value is None else fill_value
        values, first, counts = (
            _sized(part, size, fill) for part, fill in ((values, lowest), (first, first[0]), (counts, 0))
        )
    found = [values]
    found += [index(first)] if return_index else []
    found += [index(xp.reshape(inverse, x.shape))] if return_inverse else []
    found += [index(counts)] if return_counts else []
    return found[0] if len(found) == 1 else tuple(found)


def _sized(x: Any, size: int, fill: Any) -> Any:
    xp, missing = x.namespace, size - x.shape[0]
    if missing <= 0:
        return x[:size]
    return xp.concat([x, xp.full((missing,), fill, dtype=x.dtype, device=x.device)], axis=0)


@operation("x1 x2")
def isin(x1: Any, x2: Any, assume_unique: bool = False, invert: bool = False) -> Any:  # noqa: ARG001 -- a hint
    """Return where the elements of `x1` are among those of `x2`; `invert` where they are not."""
    x1, x2 = promoted(x1, x2, least=INTEGER)
    xp = x1.namespace
    flat = xp.reshape(x2, (-1,))
    found = xp.any(xp.expand_dims(x1, axis=-1) == flat, axis=-1)
    return xp.logical_not(found) if invert else found


def positive(indices: Any, length: int) -> Any:
    """Return indices counted from the first element."""
    xp = indices.namespace
    if not xp.isdtype(indices.dtype, "integral"):
        raise TypeError(f"Indices are integers: received an array of dtype {indices.dtype}.")
    return (
        indices if xp.isdtype(indices.dtype, "unsigned integer") else xp.where(indices < 0, indices + length, indices)
    )


@operation("x indices")
def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """Return the elements or slices at some indices of an axis, or of the flattened array.

    Parameters
    ----------
    x : array
    indices : array of int
        Of any shape; below 0 they count from the end.
    axis : int, optional

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.take(np.asarray([[1, 2], [3, 4]]), [1, -2], axis=1).tolist()
    [[2, 1], [4, 3]]
    """
    xp = x.namespace
    if axis is None:
        x, axis = xp.reshape(x, (-1,)), 0
    axis = axis_within(axis, x.ndim)
    places = positive(indices, x.shape[axis])
    taken = xp.take(x, xp.reshape(places, (-1,)), axis=axis)
    return xp.reshape(taken, (*x.shape[:axis], *places.shape, *x.shape[axis + 1 :]))


@operation("x indices")
def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Any:
    """Return for each place the element at an index along an axis: what `argsort` and `argmax` give indices for.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> x = np.asarray([[3.0, 1.0], [2.0, 5.0]])
    >>> nna.ops.take_along_axis(x, nna.ops.argmax(x, axis=1, keepdims=True), axis=1).tolist()
    [[3.0], [5.0]]
    """
    xp = x.namespace
    if axis is None:
        x, indices, axis = xp.reshape(x, (-1,)), xp.reshape(indices, (-1,)), 0
    axis = axis_within(axis, x.ndim)
    places = positive(indices, x.shape[axis])
    others = xp.broadcast_shapes(_without(x.shape, axis), _without(places.shape, axis))
    x, places = (xp.broadcast_to(part, (*others[:axis], part.shape[axis], *others[axis:])) for part in (x, places))
    return xp.take_along_axis(x, cast_to(places, getattr(xp, xp.backend.index_dtype(x.device))), axis=axis)


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return (*shape[:axis], *shape[axis + 1 :])


@operation("indices")
def unravel_index(indices: Any, shape: Any) -> Any:
    """Return the indices along each axis of a shape for those into the flattened array."""
    found = []
    for length in reversed(shape):
        found.append(indices.namespace.remainder(indices, length))
        indices = indices // length
    return tuple(reversed(found))


@operation("x")
def get_item(x: Any, key: Any) -> Any:
    """Return ``x[key]``."""
    return x[key]


@operation("x")
def top_k(x: Any, k: int, sorted: bool = True) -> Any:  # noqa: ARG001 -- Keras' name; they are in any case
    """Return the `k` greatest elements along the last axis in descending order, and their indices.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> values, indices = nna.ops.top_k(np.asarray([6.0, 3.0, 9.0]), k=2)
    >>> values.tolist(), indices.tolist()
    ([9.0, 6.0], [2, 0])
    """
    xp = x.namespace
    order = xp.argsort(x, axis=-1, descending=True, stable=True)[..., :k]
    return xp.take_along_axis(x, order, axis=-1), index(order)


@operation("targets predictions")
def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    """Return for each row of predictions whether that of the target is among the `k` greatest.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.in_top_k([2, 1], np.asarray([[0.1, 0.2, 0.7], [0.5, 0.1, 0.4]]), k=2).tolist()
    [True, False]
    """
    (predictions,) = promoted(predictions, least=REAL)
    own = take_along_axis(predictions, predictions.namespace.expand_dims(targets, axis=-1), axis=-1)
    xp = predictions.namespace
    own = xp.where(xp.isnan(own), -float("inf"), own)
    return xp.sum(cast_to(predictions > own, xp.int32), axis=-1) < k
