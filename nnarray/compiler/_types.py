"""What is known of an operation's result before it runs: its shape and, where the library need not promote, its dtype.

A graph is made by running functions on examples, so the library tells the types; these rules check that the passes keep
them. There is one for each function whose result can be told in a line or two. Not checked are linear algebra but for
products of matrices, Fourier transforms, keys that hold arrays, functions of several results, what is seldom in a graph
(`repeat`, `tile`, `vecdot`, …), and the dtype where dtypes or kinds of numbers are mixed.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from nnarray.array.statistical import axes_of

if TYPE_CHECKING:
    from nnarray.compiler._graph import Operation

#: Functions of the table that work element by element, and so broadcast by themselves.
ELEMENTWISE = frozenset(
    (
        *("abs", "acos", "acosh", "add", "asin", "asinh", "atan", "atan2", "atanh", "bitwise_and", "bitwise_invert"),
        *("bitwise_left_shift", "bitwise_or", "bitwise_right_shift", "bitwise_xor", "ceil", "conj", "copysign", "cos"),
        *("cosh", "divide", "equal", "exp", "expm1", "floor", "floor_divide", "greater", "greater_equal", "hypot"),
        *("isfinite", "isinf", "isnan", "less", "less_equal", "log", "log10", "log1p", "log2", "logaddexp"),
        *("logical_and", "logical_not", "logical_or", "logical_xor", "maximum", "minimum", "multiply", "negative"),
        *("nextafter", "not_equal", "pow", "reciprocal", "remainder", "round", "sign", "signbit", "sin", "sinh"),
        *("sqrt", "square", "subtract", "tan", "tanh", "trunc", "where"),
    )
)
_TRUTHS = frozenset(
    (
        *("equal", "greater", "greater_equal", "isfinite", "isinf", "isnan", "less", "less_equal", "logical_and"),
        *("logical_not", "logical_or", "logical_xor", "not_equal", "signbit", "all", "any"),
    )
)
_KEEP_SHAPE = (
    "flip",
    "roll",
    "sort",
    "argsort",
    "tril",
    "triu",
    "astype",
    "to_device",
    "set_item",
    "index_add",
    "positive",
)
#: Of any dtype, not of floating ones alone, these return that of their first argument.
_KEEP_DTYPE = frozenset(
    (
        *("broadcast_to", "expand_dims", "flip", "getitem", "index_add", "matrix_transpose", "max", "min", "moveaxis"),
        *("permute_dims", "positive", "reshape", "roll", "set_item", "sort", "squeeze", "take", "to_device", "tril"),
        "triu",
    )
)
_KEEP_FLOATING_DTYPE = (
    frozenset((*ELEMENTWISE, *_KEEP_DTYPE, "concat", "mean", "matmul", "prod", "stack", "std", "sum", "var")) - _TRUTHS
)

Shape = tuple[int, ...]


def wrong_type(operation: Operation) -> str | None:
    """Return what is wrong with the type of an operation's result, None if nothing is or none is known."""
    name = operation.function.name
    result = operation.results[0]
    rule = _RULES.get(name)
    if rule is not None:
        try:
            shape = rule(operation)
        except (ValueError, IndexError, TypeError) as error:
            return f"no shape follows from its arguments ({error})"
        if shape is not None and shape != result.shape:
            return f"{result!r} has shape {result.shape}; its operation gives {shape}"
    dtype = _dtype(name, operation)
    if dtype is not None and dtype != result.dtype:
        return f"{result!r} has dtype {result.dtype}; its operation gives {dtype}"
    return None


def _dtype(name: str, operation: Operation) -> Any:
    """Return the dtype of a result, None if the library is to be asked."""
    given = operation.params.get("dtype")
    if name in _TRUTHS:
        result = operation.results[0].dtype
        return None if _kind(result) == "bool" else "bool"
    if given is not None or name == "astype":
        return None if isinstance(given, str) or name not in ("astype", "sum", "prod") else given
    arguments = operation.arguments[1:] if name == "where" else operation.arguments
    dtype = None
    for x in arguments:
        if isinstance(x, (int, float, complex)) or x is None:
            continue
        if not getattr(x.dtype, "isnative", True):
            return None  # NumPy gives some results in the machine's own order of bytes.
        if name in _KEEP_DTYPE:
            return x.dtype
        if dtype is not None and x.dtype is not dtype and x.dtype != dtype:
            return None
        dtype = x.dtype
    if name not in _KEEP_FLOATING_DTYPE or dtype is None or _kind(dtype) != "float":
        return None
    return None if any(type(x) is complex for x in arguments) else dtype


@functools.lru_cache(maxsize=64, typed=True)  # Dtypes of two libraries may have one hash, and no comparison.
def _kind(dtype: Any) -> str:
    return str(dtype).rpartition(".")[2].strip("'>)").rstrip("0123456789").replace("bfloat", "float")


# -- shapes -----------------------------------------------------------------------------------------------------------

_broadcast = functools.lru_cache(maxsize=4096)(np.broadcast_shapes)


def _shapes(operation: Operation) -> list[Shape]:
    return [x.shape for x in operation.inputs]


def _elementwise(operation: Operation) -> Shape:
    first, *others = _shapes(operation)
    return first if all(shape == first for shape in others) else _broadcast(first, *others)


def _first(operation: Operation) -> Shape:
    return operation.inputs[0].shape


def _product(operation: Operation) -> Shape:
    first, second = _shapes(operation)
    rows, columns = first[-2:-1], second[-1:] if len(second) > 1 else ()
    if first[-1] != second[-2 if len(second) > 1 else 0]:
        raise ValueError(f"{first[-1]} columns times {second[-2 if len(second) > 1 else 0]} rows")
    stacked = first[:-2] if first[:-2] == second[:-2] else _broadcast(first[:-2], second[:-2])
    return (*stacked, *rows, *columns)


def _reshaped(operation: Operation) -> Shape:
    given, x = operation.params["shape"], operation.inputs[0]
    shape = tuple(given) if isinstance(given, (tuple, list)) else (given,)
    if -1 in shape:
        shape = tuple(x.size // max(-math.prod(shape), 1) if n == -1 else n for n in shape)
    if math.prod(shape) != x.size:
        raise ValueError(f"{x.size} elements in the shape {given}")
    return shape


def _stretched(operation: Operation) -> Shape:
    shape = tuple(operation.params["shape"])
    if _broadcast(_first(operation), shape) != shape:
        raise ValueError(f"{_first(operation)} to {shape}")
    return shape


def _reduced(operation: Operation) -> Shape:
    shape, params = _first(operation), operation.params
    axes = axes_of(params.get("axis"), len(shape))
    if params.get("keepdims"):
        return tuple(1 if i in axes else n for i, n in enumerate(shape))
    return tuple(n for i, n in enumerate(shape) if i not in axes)


def _permuted(operation: Operation) -> Shape:
    shape, axes = _first(operation), operation.params["axes"]
    if sorted(axis % max(len(shape), 1) for axis in axes) != list(range(len(shape))):
        raise ValueError(f"the axes {axes} of {len(shape)}")
    return tuple(shape[axis] for axis in axes)


def _expanded(operation: Operation) -> Shape | None:
    shape, axis = list(_first(operation)), operation.params["axis"]
    if not isinstance(axis, int):
        return None
    shape.insert(axis % (len(shape) + 1), 1)
    return tuple(shape)


def _squeezed(operation: Operation) -> Shape:
    shape = _first(operation)
    axes = axes_of(operation.params["axis"], len(shape))
    if any(shape[axis] != 1 for axis in axes):
        raise ValueError(f"the axes {axes} of {shape} are not of length one")
    return tuple(n for i, n in enumerate(shape) if i not in axes)


def _joined(operation: Operation) -> Shape:
    axis, shapes = operation.params.get("axis", 0), _shapes(operation)
    if axis is None:
        return (sum(x.size for x in operation.inputs),)
    axis %= len(shapes[0])
    if len({(*shape[:axis], -1, *shape[axis + 1 :]) for shape in shapes}) > 1:
        raise ValueError(f"{shapes} along axis {axis}")
    return (*shapes[0][:axis], sum(shape[axis] for shape in shapes), *shapes[0][axis + 1 :])


def _stacked(operation: Operation) -> Shape:
    shapes = _shapes(operation)
    if len(set(shapes)) > 1:
        raise ValueError(f"{shapes} are stacked")
    axis = operation.params.get("axis", 0) % (len(shapes[0]) + 1)
    return (*shapes[0][:axis], len(shapes), *shapes[0][axis:])


def _part(operation: Operation) -> Shape | None:
    key = operation.params["key"]
    for item in key if isinstance(key, tuple) else (key,):
        if not (item is None or item is Ellipsis or type(item) in (int, slice)):
            return None
    shape = _first(operation)
    # An array of that shape in one byte of memory.
    part: Any = np.ndarray(shape, np.int8, b"\0", strides=(0,) * len(shape))[key]
    return part.shape


def _taken(operation: Operation) -> Shape | None:
    shape, axis = _first(operation), operation.params.get("axis")
    if len(operation.inputs) != 2 or axis is None:
        return None
    axis %= len(shape)
    return (*shape[:axis], *operation.inputs[1].shape, *shape[axis + 1 :])


_RULES: dict[str, Callable[[Operation], Shape | None]] = {
    **dict.fromkeys(ELEMENTWISE, _elementwise),
    **dict.fromkeys(_KEEP_SHAPE, _first),
    **dict.fromkeys(("sum", "mean", "max", "min", "prod", "var", "std", "all", "any", "count_nonzero"), _reduced),
    **dict.fromkeys(("argmax", "argmin"), _reduced),
    **{"matmul": _product, "reshape": _reshaped, "broadcast_to": _stretched, "permute_dims": _permuted},
    **{"expand_dims": _expanded, "squeeze": _squeezed, "concat": _joined, "stack": _stacked, "getitem": _part},
    **{"matrix_transpose": lambda operation: (*_first(operation)[:-2], *_first(operation)[:-3:-1]), "take": _taken},
    **dict.fromkeys(
        ("random.draw", "random.integers", "random.uniform"), lambda operation: tuple(operation.params["shape"])
    ),
}
