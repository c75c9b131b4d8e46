"""Arguments of layers: checked, or brought into form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnarray._messages import describe, unknown_name
from nnarray.array import Array, array_namespace
from nnarray.layers._shapes import Shape
from nnarray.variables import Variable

#: Dtypes to compute in, and the dtype of variables, by the name of both.
_POLICIES = {
    **{name: (name, name) for name in ("float16", "float32", "float64")},
    **{f"mixed_{name}": (name, "float32") for name in ("float16", "bfloat16")},
}


def check_dtype(dtype: Any) -> str:
    """Return the name of the dtypes of a layer, or raise."""
    name = getattr(dtype, "name", None) or getattr(dtype, "__name__", None) or dtype
    if name not in _POLICIES:
        raise ValueError(
            f"A layer computes in floating-point numbers. {unknown_name('dtype of a layer', name, _POLICIES)}"
        )
    return str(name)


def compute_dtype_of(policy: str) -> str:
    """Return the dtype to compute in."""
    return _POLICIES[policy][0]


def variable_dtype_of(policy: str) -> str:
    """Return the dtype of variables."""
    return _POLICIES[policy][1]


def declared_shape(input_shape: Any, input_dim: Any) -> Shape | None:
    """Return the shape that a layer's arguments declare for its inputs, None for the batch, or raise."""
    if input_dim is not None:
        check_length("input_dim", input_dim)
        input_shape = (input_dim,)
    return None if input_shape is None else (None, *check_lengths("input_shape", input_shape))


def check_lengths(name: str, shape: Any) -> Shape:
    """Return a shape as a tuple of positive integers and None, or raise."""
    if isinstance(shape, np.ndarray) and shape.ndim == 1:
        shape = shape.tolist()
    if not isinstance(shape, Sequence) or isinstance(shape, str):
        example = int(shape) if hasattr(type(shape), "__index__") else 2
        raise TypeError(f"{name} is a tuple of lengths, for example ({example},): received {name}={shape!r}.")
    for length in shape:
        if length is not None:
            check_length(name, length)
    return tuple(None if n is None else int(n) for n in shape)


def check_length(name: str, length: Any) -> int:
    """Return a positive integer, or raise."""
    if isinstance(length, bool) or not hasattr(type(length), "__index__") or length < 1:
        raise ValueError(f"{name} is made of positive integers: received {name}={length!r}.")
    return int(length)


def is_numbers(x: Any) -> bool:
    """Whether `x` is a nested list of numbers."""
    if not isinstance(x, (list, tuple)) or not x:
        return False
    return all(is_numbers(item) if isinstance(item, (list, tuple)) else isinstance(item, (int, float)) for item in x)


def cast_floats(x: Any, dtype: str) -> Any:
    """Return floating-point numbers in the dtype of a name, all else as it is."""
    xp = array_namespace(x)
    wanted = getattr(xp, dtype)
    return xp.astype(x, wanted) if x.dtype != wanted and xp.isdtype(x.dtype, "real floating") else x


def as_floats(x: Any, dtype: str) -> Any:
    """Return numbers in the dtype of a name, integers and truth values too."""
    xp = array_namespace(x)
    wanted = getattr(xp, dtype)
    return xp.astype(x, wanted) if x.dtype != wanted else x


def as_weight(variable: Variable, value: Any) -> Any:
    """Return an array that the variable can be assigned, or raise.

    Raises
    ------
    ValueError
        If the shape differs, or a number would be lost.
    """
    array = variable.converted(value.value if isinstance(value, (Array, Variable)) else value)
    if tuple(array.shape) != variable.shape:
        raise ValueError(f"Weight {variable.path!r} has shape {variable.shape}: received {describe(array)}.")
    return array
