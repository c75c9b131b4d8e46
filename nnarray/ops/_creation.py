"""Arrays made from nothing, or in the likeness of another. Where no array decides, the current library makes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nnarray import config
from nnarray.array import is_traced
from nnarray.ops._operation import (
    INTEGER,
    REAL,
    axis_within,
    cast_to,
    default_dtype,
    dtype_named,
    here,
    kind_of,
    operation,
    promoted,
)
from nnarray.ops._shapes import shape_tuple


@operation("")
def zeros(shape: Any, dtype: Any = None) -> Any:
    """Return an array of zeros, of floatx by default.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.ops.zeros((2, 1))
    array([[0.],
           [0.]], dtype=float32)
    """
    xp, device = here()
    return xp.zeros(shape_tuple(shape), dtype=dtype_named(xp, dtype, config.floatx()), device=device)


@operation("")
def ones(shape: Any, dtype: Any = None) -> Any:
    """Return an array of ones, of floatx by default."""
    xp, device = here()
    return xp.ones(shape_tuple(shape), dtype=dtype_named(xp, dtype, config.floatx()), device=device)


@operation("")
def empty(shape: Any, dtype: Any = None) -> Any:
    """Return an array whose elements are to be set, of floatx by default."""
    xp, device = here()
    return xp.empty(shape_tuple(shape), dtype=dtype_named(xp, dtype, config.floatx()), device=device)


@operation("fill_value")
def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    """Return an array of one number, of floatx by default."""
    xp = fill_value.namespace
    fill_value = cast_to(fill_value, dtype_named(xp, dtype, config.floatx()))
    return xp.full(shape_tuple(shape), fill_value, device=fill_value.device)


@operation("x")
def zeros_like(x: Any, dtype: Any = None) -> Any:
    """Return zeros of the shape, dtype, library and device of `x`."""
    return x.namespace.zeros_like(x, dtype=dtype_named(x.namespace, dtype))


@operation("x")
def ones_like(x: Any, dtype: Any = None) -> Any:
    """Return ones of the shape, dtype, library and device of `x`.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.ones_like(np.zeros(2), dtype="int32")
    array([1, 1], dtype=int32)
    """
    return x.namespace.ones_like(x, dtype=dtype_named(x.namespace, dtype))


@operation("x")
def empty_like(x: Any, dtype: Any = None) -> Any:
    """Return an array like `x` whose elements are to be set."""
    return x.namespace.empty_like(x, dtype=dtype_named(x.namespace, dtype))


@operation("x fill_value", numbers=True)
def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    """Return one number in the shape, dtype, library and device of `x`."""
    return x.namespace.full_like(x, fill_value, dtype=dtype_named(x.namespace, dtype))


@operation("")
def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Any:
    """Return numbers from `start`, 0 if only `stop` is given, up to but without `stop`; int32 or floatx by default.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.ops.arange(1, 7, 2)
    array([1, 3, 5], dtype=int32)
    """
    xp, device = here()
    numbers = [_number(x) for x in (start, stop, 1 if step is None else step)]
    kind = max(kind_of(x) for x in numbers if x is not None)
    found = dtype_named(xp, dtype, default_dtype(max(kind, INTEGER)))
    return xp.arange(*numbers, dtype=found, device=device)


def _number(x: Any) -> Any:
    if x is None or isinstance(x, (int, float)) or is_traced(x):
        return x
    number = float(x)
    return int(number) if "int" in str(getattr(x, "dtype", "")) else number


def _spaced(start: Any, stop: Any, num: int, endpoint: bool) -> Any:
    """Return numbers at equal distances along a new first axis."""
    start, stop = promoted(start, stop, least=REAL)
    xp = start.namespace
    start, stop = xp.broadcast_arrays(start, stop)
    share = xp.linspace(0.0, 1.0, num, dtype=start.dtype, device=start.device, endpoint=endpoint)
    share = xp.reshape(share, (num,) + (1,) * start.ndim)
    return start * (1.0 - share) + stop * share


def _finished(x: Any, dtype: Any, axis: int) -> Any:
    x = cast_to(x, dtype_named(x.namespace, dtype, x.dtype))
    return x.namespace.moveaxis(x, 0, axis_within(axis, x.ndim))


@operation("start stop")
def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """Return numbers at equal distances.

    Parameters
    ----------
    start, stop : array
    num : int
    endpoint : bool
        Whether `stop` is the last one.
    retstep : bool
        Whether the distance is returned as well.
    dtype : dtype, optional
    axis : int
        Of the result, along which the numbers stand.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.ops.linspace(0.0, 1.0, 3)
    array([0. , 0.5, 1. ], dtype=float32)
    """
    made = _finished(_spaced(start, stop, num, endpoint), dtype, axis)
    if not retstep:
        return made
    start, stop = promoted(start, stop, least=REAL)
    return made, (stop - start) / (num - 1 if endpoint else num)


@operation("start stop")
def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: float = 10, dtype: Any = None, axis: int = 0
) -> Any:
    """Return powers of a base whose exponents are at equal distances."""
    exponents = _spaced(start, stop, num, endpoint)
    return _finished(exponents.namespace.pow(float(base), exponents), dtype, axis)


@operation("start stop")
def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Any:
    """Return numbers whose quotients are equal, of one sign."""
    start, stop = promoted(start, stop, least=REAL)
    xp = start.namespace
    sign = xp.sign(start)
    exponents = _spaced(xp.log(xp.abs(start)), xp.log(xp.abs(stop)), num, endpoint)
    return _finished(sign * xp.exp(exponents), dtype, axis)


@operation("")
def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:  # noqa: N803 -- Keras' names
    """Return a matrix with ones on the diagonal that is `k` columns to the right.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.ops.eye(2, 3, k=1, dtype="int32")
    array([[0, 1, 0],
           [0, 0, 1]], dtype=int32)
    """
    xp, device = here()
    return xp.eye(
        int(N), None if M is None else int(M), k=k, dtype=dtype_named(xp, dtype, config.floatx()), device=device
    )


@operation("")
def identity(n: int, dtype: Any = None) -> Any:
    """Return the square matrix with ones on its diagonal."""
    xp, device = here()
    return xp.eye(int(n), dtype=dtype_named(xp, dtype, config.floatx()), device=device)


@operation("")
def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:  # noqa: N803 -- Keras' names
    """Return a matrix with ones on and below the diagonal that is `k` columns to the right."""
    xp, device = here()
    shape = (int(N), int(N if M is None else M))
    return xp.tril(xp.ones(shape, dtype=dtype_named(xp, dtype, config.floatx()), device=device), k=k)


@operation("x")
def tril(x: Any, k: int = 0) -> Any:
    """Return matrices with zeros above the diagonal that is `k` columns to the right."""
    return x.namespace.tril(x, k=k)


@operation("x")
def triu(x: Any, k: int = 0) -> Any:
    """Return matrices with zeros below the diagonal that is `k` columns to the right."""
    return x.namespace.triu(x, k=k)


@operation("x")
def diag(x: Any, k: int = 0) -> Any:
    """Return the matrix with a vector on a diagonal, or the diagonal of a matrix.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.diag(np.asarray([1, 2]))
    array([[1, 0],
           [0, 2]])
    """
    if x.ndim == 2:
        return x.namespace.linalg.diagonal(x, offset=k)
    if x.ndim != 1:
        raise ValueError(f"diag takes a vector or a matrix: received shape {x.shape}.")
    return diagflat(x, k)


@operation("x")
def diagflat(x: Any, k: int = 0) -> Any:
    """Return the matrix with the elements of `x` on a diagonal."""
    xp, size, count = x.namespace, x.size + abs(k), x.size
    places = xp.arange(size, device=x.device)
    on_it = xp.expand_dims(places + k, axis=-1) == places
    start = max(-k, 0)
    column = xp.expand_dims(xp.reshape(x, (-1,)), axis=-1)
    zeros = [xp.zeros((n, 1), dtype=x.dtype, device=x.device) for n in (start, size - start - count)]
    return xp.where(on_it, xp.concat([zeros[0], column, zeros[1]], axis=0), xp.zeros_like(column[:1]))


@operation("x")
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Return the diagonals of the matrices that stand along two axes, along a last axis."""
    return x.namespace.linalg.diagonal(_matrices(x, axis1, axis2), offset=offset)


@operation("x")
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Return the sums of the diagonals of the matrices that stand along two axes."""
    return x.namespace.sum(x.namespace.linalg.diagonal(_matrices(x, axis1, axis2), offset=offset), axis=-1)


def _matrices(x: Any, axis1: int, axis2: int) -> Any:
    return x.namespace.moveaxis(x, (axis1, axis2), (-2, -1))


@operation("x")
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:  # noqa: N803 -- Keras' name
    """Return the powers of the elements of a vector as rows, the highest first."""
    xp = x.namespace
    powers = xp.arange(x.shape[0] if N is None else N, dtype=x.dtype, device=x.device)
    made = xp.pow(xp.expand_dims(x, axis=-1), powers)
    return made if increasing else xp.flip(made, axis=-1)


def _window(name: str, words: str, *parameters: str) -> Callable[..., Any]:
    make = getattr(np, name)

    def window(x: Any, *given: Any) -> Any:
        xp, device = here()
        return xp.asarray(make(int(x), *given).astype(config.floatx()), device=device)

    def plain(x: Any) -> Any:
        return window(x)

    def shaped(x: Any, beta: Any) -> Any:
        return window(x, float(beta))

    call = shaped if parameters else plain
    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"Return {words} window of `x` points."
    return operation("")(call)


bartlett = _window("bartlett", "Bartlett's triangular")
blackman = _window("blackman", "Blackman's")
hamming = _window("hamming", "Hamming's")
hanning = _window("hanning", "Hann's")
kaiser = _window("kaiser", "Kaiser's", "beta")


@operation("x")
def array(x: Any, dtype: Any = None) -> Any:
    """Return numbers, nested lists or an array as an array of the library that is current, or of its own."""
    return cast_to(x, dtype_named(x.namespace, dtype, x.dtype))
