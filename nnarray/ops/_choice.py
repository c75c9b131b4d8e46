"""Choosing and rounding: functions of each element with settings."""

from __future__ import annotations

import math
from typing import Any

from nnarray.ops._operation import (
    INTEGER,
    REAL,
    cast_to,
    counted,
    default_dtype,
    floated,
    kind_of,
    operation,
    promoted,
    truth,
)


@operation("x x_min x_max", numbers=True)
def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    """Return `x` kept from `x_min` to `x_max`, either of which may be None.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.clip(np.asarray([-3.0, 0.5, 7.0]), -1.0, 1.0)
    array([-1. ,  0.5,  1. ])
    """
    x, x_min, x_max = promoted(x, x_min, x_max, least=INTEGER)
    return x.namespace.clip(x, x_min, x_max)


def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """Return `x1` where a condition holds, `x2` elsewhere; of a condition alone, the indices of what is not zero.

    Parameters
    ----------
    condition, x1, x2 : array
        They broadcast. Both of `x1` and `x2` or neither is given; with neither, see `nonzero`.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> x = np.asarray([-1.0, 2.0])
    >>> nna.ops.where(x > 0, x, 0.0)
    array([0., 2.])
    """
    if x1 is None and x2 is None:
        return nonzero(condition)
    if x1 is None or x2 is None:
        raise ValueError("where takes both x1 and x2, or neither: received one of them.")
    return _chosen(condition, x1, x2)


where.__module__ = "nnarray.ops"


@operation("condition x1 x2", numbers=True)
def _chosen(condition: Any, x1: Any, x2: Any) -> Any:
    like = next((x for x in (x1, x2, condition) if hasattr(x, "namespace")), None)
    assert like is not None
    xp = like.namespace
    condition = truth(condition if hasattr(condition, "namespace") else xp.asarray(condition, device=like.device))
    # The condition's dtype is none of the result's: two numbers make an array of their own.
    if not hasattr(x1, "namespace") and not hasattr(x2, "namespace"):
        dtype = getattr(xp, default_dtype(max(kind_of(x1), kind_of(x2))))
        x1 = xp.asarray(x1, dtype=dtype, device=condition.device)
    return xp.where(condition, *promoted(x1, x2))


@operation("x", shaped_by_values=True)
def nonzero(x: Any) -> Any:
    """Return the indices of what is not zero, an array for each axis: how many there are depends on the values.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.nonzero(np.asarray([0, 3, 5]))[0].tolist()
    [1, 2]
    """
    return tuple(x.namespace.nonzero(x))


@operation("*condlist *choicelist default", numbers=True)
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """Return of several arrays the one whose condition is the first to hold.

    Parameters
    ----------
    condlist, choicelist : list of array
        As many conditions as choices; all broadcast.
    default : array
        Where no condition holds.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> x = np.asarray([1.0, 5.0, 9.0])
    >>> nna.ops.select([x < 3, x > 7], [-x, 10 * x], 0.0)
    array([-1.,  0., 90.])
    """
    if len(condlist) != len(choicelist):
        raise ValueError(f"select takes as many conditions as choices: received {len(condlist)} and {len(choicelist)}.")
    found = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        found = condition.namespace.where(truth(condition), *promoted(choice, found))
    return found


@operation("x")
def round(x: Any, decimals: int = 0) -> Any:
    """Return `x` rounded to decimals, halves to even; `decimals` below 0 rounds to tens, hundreds, …

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.round(np.asarray([1.26, 2.5]), 1)
    array([1.3, 2.5])
    """
    kind, dtype = kind_of(x), x.dtype
    if kind < REAL and decimals >= 0:
        return counted(x)
    x = floated(x)
    factor = 10.0**decimals
    made = x.namespace.round(x * factor) / factor if decimals else x.namespace.round(x)
    return cast_to(made, dtype) if kind == INTEGER else made


@operation("x")
def nan_to_num(x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    """Return `x` with numbers for NaN and infinities, by default 0 and the greatest and least number of its dtype."""
    if kind_of(x) < REAL:
        return x
    xp = x.namespace
    greatest = float(xp.finfo(x.dtype).max)
    x = xp.where(x == math.inf, greatest if posinf is None else posinf, x)
    x = xp.where(x == -math.inf, -greatest if neginf is None else neginf, x)
    return xp.where(xp.isnan(x), nan, x)


@operation("x1 x2")
def isclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Return where ``|x1 - x2| <= atol + rtol |x2|``; `equal_nan` lets NaN be close to NaN.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.isclose(np.asarray([1.0, 2.0]), np.asarray([1.0 + 1e-7, 2.1]))
    array([ True, False])
    """
    x1, x2 = promoted(x1, x2, least=REAL)
    xp = x1.namespace
    finite = xp.logical_and(xp.isfinite(x1), xp.isfinite(x2))
    # An infinity less another would be NaN, with a warning.
    first, second = xp.where(finite, x1, 0.0), xp.where(finite, x2, 0.0)
    near = xp.abs(first - second) <= atol + rtol * xp.abs(second)
    found = xp.logical_or(xp.logical_and(finite, near), x1 == x2)
    return xp.logical_or(found, xp.logical_and(xp.isnan(x1), xp.isnan(x2))) if equal_nan else found


@operation("x1 x2")
def allclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Return whether all of two arrays is close, as `isclose` says, as a truth value without axes."""
    found = isclose(x1, x2, rtol, atol, equal_nan)
    return found.namespace.all(found)


@operation("x")
def copy(x: Any) -> Any:
    """Return an array of its own with the elements of `x`."""
    return x.namespace.asarray(x, copy=True)


@operation("abs_ angle")
def polar(abs_: Any, angle: Any) -> Any:
    """Return complex numbers of a length and an angle.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.polar(np.asarray([2.0]), np.asarray([0.0]))
    array([2.+0.j])
    """
    abs_, angle = promoted(abs_, angle, least=REAL)
    xp = abs_.namespace
    return complex_of(abs_ * xp.cos(angle), abs_ * xp.sin(angle))


def complex_of(real: Any, imag: Any) -> Any:
    """Return complex numbers of two parts."""
    real, imag = promoted(real, imag, least=REAL)
    xp = real.namespace
    dtype = xp.complex128 if real.dtype == xp.float64 else xp.complex64
    return xp.astype(real, dtype) + xp.astype(imag, dtype) * 1j
