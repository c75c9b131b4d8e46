"""Arrays from and to elsewhere, their shapes and dtypes, and writing into them."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnarray import autodiff
from nnarray._checks import check_one_of
from nnarray.array import Array, is_traced
from nnarray.backends import find_backend
from nnarray.ops._operation import (
    REAL,
    TRUTH,
    cast_to,
    dtype_name,
    dtype_named,
    host_array,
    kind_of,
    operation,
)
from nnarray.ops._searching import positive
from nnarray.ops._segments import combine_rows, last_rows
from nnarray.ops._shapes import shape_tuple


@operation("x")
def convert_to_tensor(x: Any, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None) -> Any:
    """Return numbers, nested lists or an array as an array, of a dtype if one is given.

    Parameters
    ----------
    x : array, number or nested list
        An array stays in its library; all else becomes an array of the current one.
    dtype : dtype, optional
        By default that of an array, and floatx, int32 or bool for numbers.
    sparse, ragged : None
        There are no such arrays here.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.ops.convert_to_tensor([1.0, 2.0])
    array([1., 2.], dtype=float32)
    """
    if sparse or ragged:
        raise ValueError(f"There are no sparse or ragged arrays here: received sparse={sparse}, ragged={ragged}.")
    return cast_to(x, dtype_named(x.namespace, dtype, x.dtype))


def convert_to_numpy(x: Any) -> np.ndarray:
    """Return an array of any library, a variable, a number or a nested list as NumPy's, without derivative.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.ops.convert_to_numpy([1, 2])
    array([1, 2], dtype=int32)
    """
    x = x.__nnarray_value__() if hasattr(type(x), "__nnarray_value__") else x
    if type(x) is Array and x.namespace.backend.traced is None:
        x = x.value
    if (backend := find_backend(x)) is not None:
        return np.array(backend.to_numpy(x))
    if isinstance(x, (list, tuple)):
        x = _on_host(x)
    # An Array that is traced, or a symbol, says here why it has no numbers.
    return np.asarray(x) if hasattr(x, "shape") else host_array(x)


def _on_host(x: Any) -> Any:
    return [_on_host(item) for item in x] if isinstance(x, (list, tuple)) else convert_to_numpy(x).tolist()


@operation("x")
def cast(x: Any, dtype: Any) -> Any:
    """Return `x` in another dtype.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.cast(np.asarray([1.7, 2.0]), "int32")
    array([1, 2], dtype=int32)
    """
    return cast_to(x, dtype_named(x.namespace, dtype))


@operation("x")
def saturate_cast(x: Any, dtype: Any) -> Any:
    """Return `x` in another dtype, numbers outside of its range as the nearest one within.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.saturate_cast(np.asarray([-3.0, 300.0]), "uint8")
    array([  0, 255], dtype=uint8)
    """
    xp = x.namespace
    found = dtype_named(xp, dtype)
    if kind_of(x) == TRUTH:
        return cast_to(x, found)
    low, high = _range(xp, found)
    own_low, own_high = _range(xp, x.dtype)
    low, high = max(low, own_low), min(high, own_high)
    if kind_of(x) == REAL:
        low, high = float(low), float(high)
        # The nearest number of a floating-point dtype may lie beyond a range of integers.
        digits = 1 + round(-math.log2(float(xp.finfo(x.dtype).eps)))
        if high == 2.0 ** round(math.log2(high)) and xp.isdtype(found, "integral"):
            high -= 2.0 ** (round(math.log2(high)) - digits)
    return cast_to(xp.clip(x, low, high), found)


def _range(xp: Any, dtype: Any) -> tuple[Any, Any]:
    if xp.isdtype(dtype, "bool"):
        return 0, 1
    if xp.isdtype(dtype, "integral"):
        return int(xp.iinfo(dtype).min), int(xp.iinfo(dtype).max)
    return float(xp.finfo(dtype).min), float(xp.finfo(dtype).max)


def _sized(x: Any) -> Any:
    """Return what has a shape, and a dtype, without making an array of a symbol."""
    x = x.__nnarray_value__() if hasattr(type(x), "__nnarray_value__") else x
    return x if hasattr(x, "shape") and hasattr(x, "dtype") else host_array(x)


def shape(x: Any) -> tuple[Any, ...]:
    """Return the lengths of the axes, of a symbol of a model None where one is not known.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.ops.shape(nna.Input((3,)))
    (None, 3)
    """
    return tuple(_sized(x).shape)


def ndim(x: Any) -> int:
    """Return the number of axes."""
    return len(shape(x))


def size(x: Any) -> int | None:
    """Return the number of elements, None if a length is not known."""
    lengths = shape(x)
    return None if None in lengths else math.prod(lengths)


def dtype(x: Any) -> str:
    """Return the name of the dtype of an array, variable or symbol."""
    return dtype_name(_sized(x).dtype)


def is_tensor(x: Any) -> bool:
    """Return whether something is an array of a library or an `nnarray.Array`.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.is_tensor(np.ones(2)), nna.ops.is_tensor([1.0, 1.0])
    (True, False)
    """
    return type(x) is Array or (find_backend(x) is not None and not isinstance(x, np.generic))


@operation("variable")
def stop_gradient(variable: Any) -> Any:
    """Return an array with its value, which is constant under differentiation."""
    return autodiff.stop_gradient(variable)


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function with a derivative of its own.

    Parameters
    ----------
    f : callable
        Returns its result and a function of the result's cotangent, which returns that of each argument.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> @nna.ops.custom_gradient
    ... def log1pexp(x):
    ...     e = nna.ops.exp(x)
    ...     def grad(upstream):
    ...         return upstream * (1.0 - 1.0 / (1.0 + e))
    ...     return nna.ops.log(1.0 + e), grad
    >>> float(nna.grad(log1pexp)(np.asarray(0.0)))
    0.5
    """

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        def forward(*given: Any) -> Any:
            return f(*given, **kwargs)

        def backward(grad: Callable[..., Any], g: Any) -> tuple[Any, ...]:
            found = grad(g)
            return tuple(found) if isinstance(found, (list, tuple)) else (found,)

        rule = autodiff.custom_vjp(lambda *given: forward(*given)[0])
        rule.defvjp(forward, backward)
        return rule(*args)

    return call


def jvp(fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False) -> Any:
    """Return the result of a function and its derivative along a direction, as `nnarray.jvp`."""
    return autodiff.jvp(fun, primals, tangents, has_aux)


def _rows(indices: Any, lengths: Sequence[int]) -> Any:
    """Return the places in flattened axes of indices whose last axis goes over those axes."""
    xp = indices.namespace
    found: Any = None
    for axis, length in enumerate(lengths):
        own = positive(indices[..., axis], length)
        found = own if found is None else found * length + own
    return xp.reshape(found, (-1,))


@operation("indices values")
def scatter(indices: Any, values: Any, shape: Any) -> Any:
    """Return zeros of a shape with values added at some indices.

    Parameters
    ----------
    indices : array of int
        The last axis holds an index for each of the first axes.
    values : array
        For each index a number, or an array of the other axes.
    shape : tuple of int

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.scatter([[0], [3], [0]], np.asarray([1.0, 2.0, 5.0]), (4,))
    array([6., 0., 0., 2.])
    """
    xp, lengths = values.namespace, shape_tuple(shape)
    zeros = xp.zeros(lengths, dtype=values.dtype, device=values.device)
    return scatter_update(zeros, indices, values, "add")


_REDUCTIONS = {"max": "maximum", "min": "minimum", "mul": "multiply"}


@operation("inputs indices updates")
def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Any:
    """Return an array with other elements at some indices.

    Parameters
    ----------
    inputs : array
    indices : array of int
        The last axis holds an index for each of the first axes of `inputs`.
    updates : array
        For each index a number, or an array of the other axes. Of several for one place the last counts.
    reduction : {"add", "max", "min", "mul"}, optional
        How an element and its updates are combined.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.scatter_update(np.zeros((2, 2)), [[0, 1], [1, 0]], np.asarray([5.0, 6.0])).tolist()
    [[0.0, 5.0], [6.0, 0.0]]
    """
    check_one_of("reduction", reduction, (None, "add", *_REDUCTIONS))
    xp, depth = inputs.namespace, indices.shape[-1]
    lengths, others = inputs.shape[:depth], inputs.shape[depth:]
    places, count = _rows(indices, lengths), math.prod(lengths)
    rows = xp.reshape(inputs, (count, *others))
    updates = xp.broadcast_to(cast_to(updates, inputs.dtype), (*indices.shape[:-1], *others))
    given = xp.reshape(updates, (places.shape[0], *others))
    if reduction == "add":
        index_dtype = getattr(xp, xp.backend.index_dtype(places.device))
        return xp.reshape(xp.index_add(rows, cast_to(places, index_dtype), given, axis=0), inputs.shape)
    if reduction is None:
        made, numbers = last_rows(given, places, count)
    else:
        function = getattr(xp, _REDUCTIONS[reduction])
        made, numbers = combine_rows(given, places, count, function, 0)
        made = function(rows, made)
    kept = xp.reshape(numbers == 0, (count,) + (1,) * len(others))
    return xp.reshape(xp.where(kept, rows, made), inputs.shape)


@operation("inputs start_indices")
def slice(inputs: Any, start_indices: Any, shape: Any) -> Any:
    """Return the part of an array that begins at some indices and has a shape; -1 is all that there is from there.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.slice(np.asarray([[1, 2, 3], [4, 5, 6]]), (0, 1), (2, 2)).tolist()
    [[2, 3], [5, 6]]
    """
    xp, lengths = inputs.namespace, shape_tuple(shape)
    if len(lengths) != inputs.ndim:
        raise ValueError(f"slice takes a length for each axis of shape {inputs.shape}: received shape={lengths}.")
    if not is_traced(start_indices):
        starts = [int(n) for n in xp.unstack(xp.reshape(start_indices, (-1,)))]
        _check_parts(inputs, starts, lengths)
        bounds = zip(starts, lengths, inputs.shape, strict=True)
        return inputs[tuple(range_of(start, n, length) for start, n, length in bounds)]
    for axis, n in enumerate(lengths):
        places = start_indices[axis] + xp.arange(n, dtype=start_indices.dtype, device=inputs.device)
        inputs = xp.take(inputs, places, axis=axis)
    return inputs


def range_of(start: int, count: int, length: int) -> Any:
    """Return a key for `count` elements from `start`, or all from there."""
    return builtin_slice(start, length if count == -1 else start + count)


builtin_slice = type(np.s_[:1])


def _check_parts(x: Any, starts: Sequence[int], lengths: Sequence[int]) -> None:
    for axis, (start, n, length) in enumerate(zip(starts, lengths, x.shape, strict=True)):
        if not 0 <= start <= length or start + max(n, 0) > length:
            raise ValueError(
                f"The part must lie within the array of shape {x.shape}: received {n} elements from {start} along axis "
                f"{axis}."
            )


@operation("inputs start_indices updates")
def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Any:
    """Return an array with another part that begins at some indices.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.slice_update(np.zeros(4), [1], np.asarray([5.0, 6.0]))
    array([0., 5., 6., 0.])
    """
    xp = inputs.namespace
    updates = cast_to(updates, inputs.dtype)
    if is_traced(start_indices):
        grid = xp.meshgrid(
            *(
                start_indices[axis] + xp.arange(n, dtype=start_indices.dtype, device=inputs.device)
                for axis, n in enumerate(updates.shape)
            ),
            indexing="ij",
        )
        return scatter_update(inputs, xp.stack(list(grid), axis=-1), updates)
    starts = [int(n) for n in xp.unstack(xp.reshape(start_indices, (-1,)))]
    _check_parts(inputs, starts, updates.shape)
    key = tuple(builtin_slice(start, start + n) for start, n in zip(starts, updates.shape, strict=True))
    return xp.set_item(inputs, updates, key=key)


for _function in (convert_to_numpy, shape, ndim, size, dtype, is_tensor, custom_gradient, jvp):
    _function.__module__ = "nnarray.ops"
