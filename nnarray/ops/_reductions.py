"""Functions of all elements along axes, and running sums."""

from __future__ import annotations

import builtins
import math
from typing import Any

from nnarray.ops._operation import (
    INTEGER,
    REAL,
    TRUTH,
    axes_tuple,
    axis_within,
    cast_to,
    counted,
    dtype_named,
    floated,
    index,
    kind_of,
    operation,
    promoted,
    truth,
)

Axis = int | tuple[int, ...] | list[int] | None


def _axes(x: Any, axis: Any) -> Any:
    """Return an axis, or a tuple of them, that an array has."""
    axis = axes_tuple(axis)
    if axis is None:
        return None
    return tuple(axis_within(a, x.ndim) for a in axis) if isinstance(axis, tuple) else axis_within(axis, x.ndim)


def _length(x: Any, axis: Any) -> int:
    """Return how many elements stand along axes."""
    if axis is None:
        return x.size
    return math.prod(x.shape[a] for a in (axis if isinstance(axis, tuple) else (axis,)))


def _summable(x: Any) -> Any:
    """Return `x`, of integers of less than 32 bits and truth values those that have them, as in Keras."""
    if kind_of(x) >= REAL or (kind_of(x) == INTEGER and x.namespace.iinfo(x.dtype).bits >= 32):
        return x
    return cast_to(x, x.namespace.int32)


@operation("x")
def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the sum along axes.

    Parameters
    ----------
    x : array
    axis : int or sequence of int, optional
        All by default, as in all functions of this kind.
    keepdims : bool
        Whether the axes stay, with length one.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.sum(np.asarray([[1.0, 2.0], [3.0, 4.0]]), axis=1)
    array([3., 7.])
    """
    x = _summable(x)
    return x.namespace.sum(x, axis=_axes(x, axis), keepdims=keepdims, dtype=x.dtype)


@operation("x")
def prod(x: Any, axis: Axis = None, keepdims: bool = False, dtype: Any = None) -> Any:
    """Return the product along axes."""
    x = _summable(x)
    x = cast_to(x, dtype_named(x.namespace, dtype, x.dtype))
    return x.namespace.prod(x, axis=_axes(x, axis), keepdims=keepdims, dtype=x.dtype)


@operation("x")
def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the mean along axes.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.mean(np.asarray([[1.0, 2.0], [3.0, 4.0]]), axis=0, keepdims=True)
    array([[2., 3.]])
    """
    x = floated(x)
    return x.namespace.mean(x, axis=_axes(x, axis), keepdims=keepdims)


@operation("x")
def var(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the variance along axes: the mean of the squares of deviations from the mean."""
    x = floated(x)
    return x.namespace.var(x, axis=_axes(x, axis), keepdims=keepdims)


@operation("x")
def std(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the standard deviation along axes, the square root of the variance."""
    x = floated(x)
    return x.namespace.std(x, axis=_axes(x, axis), keepdims=keepdims)


def _extremum(name: str, x: Any, axis: Any, keepdims: bool, initial: Any) -> Any:
    xp = x.namespace
    if kind_of(x) == TRUTH:
        return (xp.any if name == "max" else xp.all)(x, axis=_axes(x, axis), keepdims=keepdims)
    axis = _axes(x, axis)
    if initial is None:
        return getattr(xp, name)(x, axis=axis, keepdims=keepdims)
    if not _length(x, axis):
        removed = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        shape = [1 if a in removed else n for a, n in enumerate(x.shape) if keepdims or a not in removed]
        return xp.full(tuple(shape), initial, dtype=x.dtype, device=x.device)
    return getattr(xp, f"{name}imum")(*promoted(getattr(xp, name)(x, axis=axis, keepdims=keepdims), initial))


@operation("x initial", numbers=True)
def max(x: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> Any:
    """Return the greatest element along axes, at least `initial` if that is given.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.max(np.asarray([[1.0, 2.0], [3.0, 0.0]]), axis=1)
    array([2., 3.])
    """
    return _extremum("max", x, axis, keepdims, initial)


@operation("x initial", numbers=True)
def min(x: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> Any:
    """Return the least element along axes, at most `initial` if that is given."""
    return _extremum("min", x, axis, keepdims, initial)


@operation("x")
def amax(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the greatest element along axes."""
    return _extremum("max", x, axis, keepdims, None)


@operation("x")
def amin(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the least element along axes."""
    return _extremum("min", x, axis, keepdims, None)


@operation("x")
def ptp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the difference of the greatest and the least element along axes."""
    return _extremum("max", x, axis, keepdims, None) - _extremum("min", x, axis, keepdims, None)


def _place(name: str, x: Any, axis: Any, keepdims: bool) -> Any:
    x = counted(x)
    axis = None if axis is None else axis_within(axis, x.ndim)
    return index(getattr(x.namespace, name)(x, axis=axis, keepdims=keepdims))


@operation("x")
def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Return the index of the greatest element along an axis, or in the flattened array.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.argmax(np.asarray([[1.0, 2.0], [3.0, 0.0]]), axis=-1).tolist()
    [1, 0]
    """
    return _place("argmax", x, axis, keepdims)


@operation("x")
def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Return the index of the least element along an axis, or in the flattened array."""
    return _place("argmin", x, axis, keepdims)


@operation("x")
def all(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return whether no element along axes is zero."""
    return x.namespace.all(truth(x), axis=_axes(x, axis), keepdims=keepdims)


@operation("x")
def any(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return whether an element along axes is not zero."""
    return x.namespace.any(truth(x), axis=_axes(x, axis), keepdims=keepdims)


@operation("x")
def count_nonzero(x: Any, axis: Axis = None) -> Any:
    """Return how many elements along axes are not zero."""
    return index(x.namespace.count_nonzero(x, axis=_axes(x, axis)))


@operation("x weights")
def average(x: Any, axis: Axis = None, weights: Any = None) -> Any:
    """Return the mean along axes, weighted.

    Parameters
    ----------
    x : array
    axis : int or sequence of int, optional
    weights : array, optional
        Of the shape of `x`, or of one axis with that of its elements.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.ops.average(np.asarray([1.0, 4.0]), weights=np.asarray([3.0, 1.0])))
    1.75
    """
    if weights is None:
        return mean(x, axis)
    x, weights = promoted(x, weights, least=REAL)
    xp, axis = x.namespace, _axes(x, axis)
    if weights.shape != x.shape:
        if weights.ndim != 1 or not isinstance(axis, int) or weights.shape[0] != x.shape[axis]:
            raise ValueError(
                f"weights must have the shape of x, {x.shape}, or that of its one axis: received shape "
                f"{weights.shape} and axis={axis}."
            )
        weights = xp.reshape(weights, tuple(n if a == axis else 1 for a, n in enumerate(x.shape)))
    total = xp.sum(xp.broadcast_to(weights, x.shape), axis=axis)
    return xp.sum(x * weights, axis=axis) / total


def _running(name: str, x: Any, axis: Any, dtype: Any) -> Any:
    xp = x.namespace
    x = _summable(x)
    x = cast_to(x, dtype_named(xp, dtype, x.dtype))
    if axis is None:
        x, axis = xp.reshape(x, (-1,)), 0
    return getattr(xp, name)(x, axis=axis_within(axis, x.ndim), dtype=x.dtype)


@operation("x")
def cumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Return the sums of the elements up to each one along an axis, or of the flattened array.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.cumsum(np.asarray([1.0, 2.0, 3.0]))
    array([1., 3., 6.])
    """
    return _running("cumulative_sum", x, axis, dtype)


@operation("x")
def cumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Return the products of the elements up to each one along an axis, or of the flattened array."""
    return _running("cumulative_prod", x, axis, dtype)


@operation("a")
def diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    """Return the n-th differences of neighbours along an axis.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.diff(np.asarray([1.0, 4.0, 9.0]))
    array([3., 5.])
    """
    return a.namespace.diff(counted(a), n=n, axis=axis_within(axis, a.ndim))


@operation("y x")
def trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    """Return the integral along an axis of straight lines between the points.

    Parameters
    ----------
    y : array
    x : array, optional
        Where the points lie; by default `dx` apart.
    dx : float
    axis : int

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.ops.trapezoid(np.asarray([1.0, 2.0, 3.0])))
    4.0
    """
    y, x = promoted(y, x, least=REAL)
    xp, axis = y.namespace, axis_within(axis, y.ndim)
    before = (builtins.slice(None),) * axis
    sums = y[(*before, builtins.slice(1, None), ...)] + y[(*before, builtins.slice(None, -1), ...)]
    step: Any = dx
    if x is not None:
        step = xp.diff(x, axis=axis if x.ndim == y.ndim else -1)
        if x.ndim == 1:
            step = xp.reshape(step, tuple(-1 if a == axis else 1 for a in range(y.ndim)))
    return xp.sum(sums * step, axis=axis) / 2.0
