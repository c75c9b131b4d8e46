"""Reductions that leave NaN out, and quantiles."""

from __future__ import annotations

import math
from typing import Any

from nnarray._checks import check_one_of
from nnarray.ops._operation import REAL, axis_within, cast_to, floated, index, kind_of, operation
from nnarray.ops._reductions import Axis, _axes, cumprod, cumsum, prod, sum

_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def _filled(x: Any, number: float) -> Any:
    """Return `x` with a number for NaN."""
    return x.namespace.where(x.namespace.isnan(x), number, x) if kind_of(x) >= REAL else x


def _count(x: Any, axis: Any, keepdims: bool = False) -> Any:
    """Return how many elements along axes are not NaN."""
    xp = x.namespace
    return xp.sum(cast_to(xp.logical_not(xp.isnan(x)), x.dtype), axis=axis, keepdims=keepdims)


@operation("x")
def nansum(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the sum of what is not NaN along axes.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.ops.nansum(np.asarray([1.0, np.nan, 3.0])))
    4.0
    """
    return sum(_filled(x, 0.0), axis, keepdims)


@operation("x")
def nanprod(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the product of what is not NaN along axes."""
    return prod(_filled(x, 1.0), axis, keepdims)


@operation("x")
def nancumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Return the running sums of what is not NaN."""
    return cumsum(_filled(x, 0.0), axis, dtype)


@operation("x")
def nancumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Return the running products of what is not NaN."""
    return cumprod(_filled(x, 1.0), axis, dtype)


@operation("x")
def nanmean(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the mean of what is not NaN along axes, NaN where there is nothing else."""
    x = floated(x)
    return _mean(x, _axes(x, axis), keepdims)


def _mean(x: Any, axis: Any, keepdims: bool) -> Any:
    xp, count = x.namespace, _count(x, axis, keepdims)
    total = xp.sum(_filled(x, 0.0), axis=axis, keepdims=keepdims)
    return xp.where(count == 0, math.nan, total / xp.where(count == 0, 1.0, count))


@operation("x")
def nanvar(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the variance of what is not NaN along axes."""
    x = floated(x)
    xp, axis, missing = x.namespace, _axes(x, axis), x.namespace.isnan(x)
    count = _count(x, axis, keepdims)
    # Kept from the subtraction, whose slope would be NaN.
    deviations = xp.where(missing, 0.0, _filled(x, 0.0) - _mean(x, axis, True))
    total = xp.sum(deviations * deviations, axis=axis, keepdims=keepdims)
    return xp.where(count == 0, math.nan, total / xp.where(count == 0, 1.0, count))


@operation("x")
def nanstd(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the standard deviation of what is not NaN along axes."""
    xp, variance = x.namespace, nanvar(x, axis, keepdims)
    # Where all elements are equal the slope is 0, as of `std`.
    return xp.where(variance == 0, 0.0, xp.sqrt(xp.where(variance == 0, 1.0, variance)))


def _nan_extremum(name: str, sign: float, x: Any, axis: Any, keepdims: bool) -> Any:
    xp, axis = x.namespace, _axes(x, axis)
    if kind_of(x) < REAL:
        return getattr(xp, name)(x, axis=axis, keepdims=keepdims)
    found = getattr(xp, name)(_filled(x, sign * math.inf), axis=axis, keepdims=keepdims)
    return xp.where(_count(x, axis, keepdims) == 0, math.nan, found)


@operation("x")
def nanmax(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the greatest element that is not NaN along axes, NaN where there is nothing else."""
    return _nan_extremum("max", -1.0, x, axis, keepdims)


@operation("x")
def nanmin(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the least element that is not NaN along axes, NaN where there is nothing else."""
    return _nan_extremum("min", 1.0, x, axis, keepdims)


def _nan_place(name: str, sign: float, x: Any, axis: Any, keepdims: bool) -> Any:
    xp = x.namespace
    axis = None if axis is None else axis_within(axis, x.ndim)
    if kind_of(x) < REAL:
        return index(getattr(xp, name)(x, axis=axis, keepdims=keepdims))
    found = index(getattr(xp, name)(_filled(x, sign * math.inf), axis=axis, keepdims=keepdims))
    return xp.where(_count(x, axis, keepdims) == 0, -1, found)


@operation("x")
def nanargmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Return the index of the greatest element that is not NaN, -1 where there is nothing else."""
    return _nan_place("argmax", -1.0, x, axis, keepdims)


@operation("x")
def nanargmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Return the index of the least element that is not NaN, -1 where there is nothing else."""
    return _nan_place("argmin", 1.0, x, axis, keepdims)


def _quantile(x: Any, q: Any, axis: Any, method: str, keepdims: bool, leaves_out: bool) -> Any:
    """Sort, and take the elements on both sides of the place that a share has."""
    check_one_of("method", method, _METHODS)
    x = floated(x)
    xp, axis = x.namespace, _axes(x, axis)
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    kept = tuple(a for a in range(x.ndim) if a not in axes)
    flat = xp.reshape(xp.permute_dims(x, (*kept, *axes)), (*(x.shape[a] for a in kept), -1))
    count: Any = flat.shape[-1]
    missing = xp.isnan(flat)
    if leaves_out:
        count = xp.sum(cast_to(xp.logical_not(missing), x.dtype), axis=-1, keepdims=True)
    ordered = xp.sort(xp.where(missing, math.inf, flat), axis=-1)
    shares = xp.reshape(cast_to(q, x.dtype), (-1,))
    last = xp.clip(count - 1.0, 0.0, None) if leaves_out else count - 1.0
    place = xp.broadcast_to(shares * last, (*flat.shape[:-1], shares.shape[0]))
    low, high = (
        xp.take_along_axis(ordered, xp.astype(function(place), getattr(xp, "int64", xp.int32)), axis=-1)
        for function in (xp.floor, xp.ceil)
    )
    beyond = place - xp.floor(place)
    is_nan = xp.broadcast_to(count == 0 if leaves_out else xp.any(missing, axis=-1, keepdims=True), place.shape)
    if method in ("linear", "midpoint"):
        # Equal ends, infinite ones too, are the result themselves.
        is_one = xp.logical_or(low == high, is_nan)
        first, second = xp.where(is_one, 0.0, low), xp.where(is_one, 0.0, high)
        between = first * (1.0 - beyond) + second * beyond if method == "linear" else (first + second) / 2.0
        found = xp.where(is_one, low, between)
    elif method == "nearest":
        found = xp.where(place == xp.floor(place), low, xp.where(xp.round(place) > place, high, low))
    else:
        found = low if method == "lower" else high
    found = xp.moveaxis(xp.where(is_nan, math.nan, found), -1, 0)
    shape = tuple(1 if a in axes else x.shape[a] for a in range(x.ndim) if keepdims or a in kept)
    return xp.reshape(found, (*q.shape, *shape))


@operation("x q")
def quantile(x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """Return the elements below which a share of all lies along axes.

    Parameters
    ----------
    x : array
    q : array
        Shares from 0 to 1; their axes come first in the result.
    axis : int or sequence of int, optional
    method : {"linear", "lower", "higher", "midpoint", "nearest"}
        What is between two elements.
    keepdims : bool

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.quantile(np.asarray([1.0, 2.0, 3.0, 4.0]), [0.5, 1.0])
    array([2.5, 4. ])
    """
    return _quantile(x, q, axis, method, keepdims, False)


@operation("x q")
def percentile(x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """Return `quantile` of shares that are given in hundredths."""
    return _quantile(x, floated(q) / 100.0, axis, method, keepdims, False)


@operation("x q")
def nanquantile(x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """Return `quantile` of what is not NaN."""
    return _quantile(x, q, axis, method, keepdims, True)


@operation("x q")
def nanpercentile(x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """Return `percentile` of what is not NaN."""
    return _quantile(x, floated(q) / 100.0, axis, method, keepdims, True)


@operation("x")
def median(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the element in the middle along axes, or the mean of the two.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.ops.median(np.asarray([5.0, 1.0, 2.0, 3.0])))
    2.5
    """
    return _quantile(x, _half(x), axis, "midpoint", keepdims, False)


@operation("x")
def nanmedian(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the median of what is not NaN along axes."""
    return _quantile(x, _half(x), axis, "midpoint", keepdims, True)


def _half(x: Any) -> Any:
    return x.namespace.asarray(0.5, dtype=floated(x).dtype, device=x.device)
