"""Special functions, by SciPy's names: raw array in, raw array of the same library out; Arrays are recorded.

Where a library has the function, that is used; elsewhere, as on NumPy, it is computed in code of the standard, within a
few units of the last digit. Integers count as numbers of the default floating dtype.
"""

from __future__ import annotations

import math
from typing import Any

from nnarray import config
from nnarray._messages import describe
from nnarray.array import Array, array_namespace, on_symbols, open_namespace
from nnarray.autodiff import stop_gradient
from nnarray.backends import backend_of

__all__ = [
    *("betaln", "digamma", "entr", "erf", "erfc", "erfinv", "expit", "gammaln", "log_ndtr", "logit", "logsumexp"),
    *("ndtr", "polygamma", "xlog1py", "xlogy"),
]


def _call(name: str, *given: Any, **parameters: Any) -> Any:
    """Call a function of the table on arrays of one library, recorded if one of them is, and numbers."""
    arrays = [x.__nnarray_value__() if hasattr(type(x), "__nnarray_value__") else x for x in given]
    like = next((x for x in arrays if type(x) is Array), None)
    if like is None:
        like = next((x for x in arrays if not isinstance(x, (int, float))), arrays[0])
    space = like.namespace if type(like) is Array else open_namespace(backend_of(like)).raw
    xp, dtype = array_namespace(like), _floating(like).dtype
    ready = [
        xp.asarray(x, dtype=dtype, device=like.device) if isinstance(x, (int, float)) else _floating(x) for x in arrays
    ]
    return getattr(space._special, name)(*ready, **parameters)


def _floating(x: Any) -> Any:
    xp = array_namespace(x)
    if xp.isdtype(x.dtype, "complex floating"):
        raise TypeError(f"Special functions are of real numbers: received {describe(x)}.")
    return x if xp.isdtype(x.dtype, "real floating") else xp.astype(x, getattr(xp, config.floatx()))


@on_symbols
def erf(x: Any) -> Any:
    """Return the error function, ``2/sqrt(pi)`` times the integral of ``exp(-t**2)`` from 0 to `x`.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.special.erf(np.asarray([0.0, 1.0])).round(6)
    array([0.      , 0.842701])
    """
    return _call("erf", x)


@on_symbols
def erfc(x: Any) -> Any:
    """Return ``1 - erf(x)``, with all digits where that is small.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.special.erfc(np.asarray(10.0))) < 3e-45
    True
    """
    return _call("erfc", x)


@on_symbols
def erfinv(x: Any) -> Any:
    """Return the number whose error function is `x`: infinite at -1 and 1, NaN beyond.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.special.erfinv(nna.special.erf(np.asarray([0.25]))).round(12)
    array([0.25])
    """
    return _call("erfinv", x)


@on_symbols
def ndtr(x: Any) -> Any:
    """Return the normal distribution's probability of less than `x`.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.special.ndtr(np.asarray([0.0]))
    array([0.5])
    """
    return _call("ndtr", x)


@on_symbols
def log_ndtr(x: Any) -> Any:
    """Return the logarithm of `ndtr`, also where that underflows.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.special.log_ndtr(np.asarray([-100.0])).round(2)
    array([-5005.52])
    """
    return _call("log_ndtr", x)


@on_symbols
def expit(x: Any) -> Any:
    """Return ``1 / (1 + exp(-x))``.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.special.expit(np.asarray([0.0, 800.0]))
    array([0.5, 1. ])
    """
    return _call("expit", x)


@on_symbols
def logit(x: Any) -> Any:
    """Return ``log(x / (1 - x))``: infinite at 0 and 1, NaN beyond.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.special.logit(np.asarray([0.5, 1.0]))
    array([ 0., inf])
    """
    return _call("logit", x)


@on_symbols
def gammaln(x: Any) -> Any:
    """Return the logarithm of the absolute value of the gamma function: infinite at 0, -1, -2, …

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(np.exp(nna.special.gammaln(np.asarray(5.0))).round(9))
    24.0
    """
    return _call("gammaln", x)


@on_symbols
def digamma(x: Any) -> Any:
    """Return the derivative of the logarithm of the gamma function: NaN at -1, -2, …

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.special.digamma(np.asarray([1.0])).round(6)
    array([-0.577216])
    """
    return _call("digamma", x)


def polygamma(n: int, x: Any) -> Any:
    """Return the n-th derivative of `digamma`.

    Parameters
    ----------
    n : int
        From 0.
    x : array

    Raises
    ------
    ValueError
        If `n` is no integer from 0.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.special.polygamma(1, np.asarray([1.0])).round(6)
    array([1.644934])
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 0:
        raise ValueError(f"n must be an integer from 0: received n={describe(n)}.")
    return _polygamma(x, n)


@on_symbols
def _polygamma(x: Any, n: int) -> Any:
    return _call("polygamma", x, n=n) if n else _call("digamma", x)


@on_symbols
def xlogy(x: Any, y: Any) -> Any:
    """Return ``x log(y)``, and 0 where `x` is 0 unless `y` is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.special.xlogy(np.asarray([0.0, 2.0]), np.asarray([0.0, 1.0]))
    array([0., 0.])
    """
    return _call("xlogy", x, y)


@on_symbols
def xlog1py(x: Any, y: Any) -> Any:
    """Return ``x log(1 + y)``, and 0 where `x` is 0 unless `y` is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.special.xlog1py(np.asarray([0.0, 1e20]), np.asarray([-1.0, 1e-20]))
    array([0., 1.])
    """
    return _call("xlog1py", x, y)


@on_symbols
def entr(x: Any) -> Any:
    """Return ``-x log(x)``, the entropy's terms: 0 at 0, minus infinity below.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.special.entr(np.asarray([0.0, 1.0, -1.0]))
    array([  0.,   0., -inf])
    """
    return _call("entr", x)


@on_symbols
def betaln(a: Any, b: Any) -> Any:
    """Return the logarithm of the absolute value of the beta function, ``gammaln(a) + gammaln(b) - gammaln(a + b)``.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.special.betaln(np.asarray(1.0), np.asarray(1.0)))
    0.0
    """
    return gammaln(a) + gammaln(b) - gammaln(a + b)


@on_symbols
def logsumexp(a: Any, axis: int | tuple[int, ...] | None = None, b: Any = None, keepdims: bool = False) -> Any:
    """Return ``log(sum(b exp(a)))`` over axes, in range wherever the result is.

    Parameters
    ----------
    a : array
    axis : int or tuple of int, optional
        All axes by default.
    b : array, optional
        Factors that broadcast with `a`; where their sum is negative the result is NaN.
    keepdims : bool

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.special.logsumexp(np.asarray([1000.0, 1000.0])).round(6))
    1000.693147
    """
    xp, a = array_namespace(a), _floating(a)
    largest = stop_gradient(xp.max(a, axis=axis, keepdims=True))
    largest = xp.where(xp.isfinite(largest), largest, xp.zeros_like(largest))
    powers = xp.exp(a - largest)
    total = xp.sum(powers if b is None else b * powers, axis=axis, keepdims=True)
    is_zero = total == 0.0
    found = xp.where(is_zero, -math.inf, xp.log(xp.where(is_zero, 1.0, total)) + largest)
    if keepdims:
        return found
    axes = tuple(range(a.ndim)) if axis is None else axis
    return xp.squeeze(found, axis=axes) if a.ndim else found
