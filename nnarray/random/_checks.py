"""What the draws accept; everything is checked before a key is taken, so that a refused call leaves no trace."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any

from nnarray._messages import describe
from nnarray.backends import Backend, integer_of

FLOATS = ("float32", "float64")
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")


def check_shape(shape: int | Sequence[int]) -> tuple[int, ...]:
    """Return a shape as a tuple; an integer is the length of one axis."""
    try:
        lengths = tuple(shape) if isinstance(shape, Sequence) else (shape,)
        found = tuple(-1 if isinstance(length, bool) else integer_of(length) for length in lengths)
    except TypeError:
        found = (-1,)
    if any(length < 0 for length in found):
        raise ValueError(f"shape must be a tuple of integers of at least 0: received {describe(shape)}.")
    return found


def check_dtype(dtype: Any, allowed: Sequence[str], backend: Backend, device: Any) -> str:
    """Return the name of a dtype, by name or as one of the backend's, that is `allowed` and that the device has."""
    name = str(dtype) if isinstance(dtype, str) or dtype is None else backend.dtype_name(dtype)
    if name not in allowed:
        raise ValueError(f"dtype must be one of {', '.join(map(repr, allowed))}: received dtype={dtype!r}.")
    if not backend.has_dtype(name, device):
        held = ", ".join(repr(other) for other in allowed if backend.has_dtype(other, device))
        raise ValueError(f"Backend {backend.name!r} has no {name} here, but {held}: received dtype={dtype!r}.")
    return name


def check_float(name: str, value: Any) -> float:
    """Return a finite real number as a float."""
    if not isinstance(value, numbers.Real) or not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number: received {name}={describe(value)}.")
    return float(value)


def check_integer(name: str, value: Any) -> int:
    """Return an integer; a float is refused, even if it is whole."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool):
        raise TypeError(f"{name} must be an integer: received {name}={describe(value)}.")
    return int(value)
