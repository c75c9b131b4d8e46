"""Functions of the standard that are written in others of it: their derivatives come from there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

COMPOSITES: dict[str, Callable[..., Any]] = {}


def _enter(function: Callable[..., Any]) -> Callable[..., Any]:
    COMPOSITES[function.__name__] = function
    return function


@_enter
def broadcast_shapes(_: Any, /, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape that shapes broadcast to, as in the array API standard."""
    return tuple(int(n) for n in np.broadcast_shapes(*shapes))


@_enter
def broadcast_arrays(xp: Any, /, *arrays: Any) -> list[Any] | tuple[Any, ...]:
    """Return the arrays broadcast against each other, as in the array API standard: a list before its 2025.12."""
    found = [xp.asarray(x) for x in arrays]
    shape = broadcast_shapes(xp, *(x.shape for x in found))
    made = [xp.broadcast_to(x, shape) for x in found]
    return made if xp.__array_api_version__ < "2025.12" else tuple(made)


@_enter
def meshgrid(xp: Any, /, *arrays: Any, indexing: str = "xy") -> list[Any] | tuple[Any, ...]:
    """Return coordinate matrices from coordinate vectors, as in the array API standard: a list before its 2025.12."""
    if indexing not in ("xy", "ij"):
        raise ValueError(f"indexing must be 'xy' or 'ij': received indexing={indexing!r}.")
    places = list(range(len(arrays)))
    if indexing == "xy" and len(arrays) > 1:
        places[:2] = [1, 0]
    turned = [
        xp.reshape(xp.asarray(x), tuple(-1 if axis == place else 1 for axis in range(len(arrays))))
        for x, place in zip(arrays, places, strict=True)
    ]
    return broadcast_arrays(xp, *turned)


@_enter
def unstack(xp: Any, x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    """Return the slices of an array along an axis, as in the array API standard."""
    x = xp.asarray(x)
    before = (slice(None),) * (axis % x.ndim)
    return tuple(x[(*before, i, Ellipsis)] for i in range(x.shape[axis]))


@_enter
def diff(xp: Any, x: Any, /, *, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None) -> Any:
    """Return the n-th differences along an axis, as in the array API standard."""
    if n < 0:
        raise ValueError(f"n must be at least 0: received n={n}.")
    x = xp.asarray(x)
    parts = [part for part in (prepend, x, append) if part is not None]
    if not -x.ndim <= axis < x.ndim:
        raise IndexError(f"axis must lie from {-x.ndim} to {x.ndim - 1}: received axis={axis}.")
    x = xp.concat(parts, axis=axis) if n and len(parts) > 1 else x
    before = (slice(None),) * (axis % x.ndim)
    for _ in range(min(n, x.shape[axis])):
        x = x[(*before, slice(1, None), Ellipsis)] - x[(*before, slice(None, -1), Ellipsis)]
    return x
