"""Keys with arrays in them: masks and integers, as taking from the flattened array and adding into it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from nnarray._messages import describe

if TYPE_CHECKING:
    from nnarray.array._array import Array


def has_array(key: Any) -> bool:
    """Whether a key holds an array: anything with a dtype, but for integers without axes, which are plain indices."""
    items = key if isinstance(key, tuple) else (key,)
    return any(hasattr(item, "dtype") and (item.ndim > 0 or _is_mask(item)) for item in items)


def take_key(x: Array, key: Any) -> Array:
    """Return ``x[key]`` for a key that is one mask, or integers and integer arrays, one for each axis.

    Raises
    ------
    IndexError
        If the key is another one.
    """
    xp = x.namespace
    places, shape = _places(x, key)
    rest = math.prod(x.shape[len(shape[0]) :])
    rows = xp.reshape(x, (math.prod(shape[0]), rest) if rest != 1 else (math.prod(shape[0]),))
    taken = xp.take(rows, xp.reshape(places, (-1,)), axis=0)
    return xp.reshape(taken, (*places.shape, *x.shape[len(shape[0]) :]))


def set_key(x: Array, key: Any, value: Array) -> Array:
    """Return `x` with ``x[key] = value``, a value of its dtype, for a key that is one mask.

    Raises
    ------
    IndexError
        If the key is another one.
    """
    xp = x.namespace
    if isinstance(key, tuple) or not _is_mask(key):
        raise IndexError(f"Only a mask can stand alone for what is assigned to: received {_words(key)}.")
    mask = xp.asarray(key)
    wide = xp.reshape(mask, (*mask.shape, *(1,) * (x.ndim - mask.ndim)))
    if value.ndim == 0:
        return xp.where(wide, value, x)
    places, _ = _places(x, key)
    rest = x.shape[mask.ndim :]
    value = xp.broadcast_to(value, (places.shape[0], *rest))
    zeros = xp.zeros((math.prod(mask.shape), *rest), dtype=x.dtype, device=x.device)
    return xp.where(wide, xp.reshape(xp.index_add(zeros, places, value, axis=0), x.shape), x)


def _places(x: Array, key: Any) -> tuple[Array, tuple[tuple[int, ...]]]:
    """Return the places that a key takes in the flattened leading axes, and the lengths of these."""
    xp = x.namespace
    items = key if isinstance(key, tuple) else (key,)
    if len(items) == 1 and _is_mask(items[0]):
        mask = items[0]
        if tuple(mask.shape) != x.shape[: mask.ndim]:
            raise IndexError(
                f"A mask has the shape of the leading axes, {x.shape[: mask.ndim]}: received {describe(mask)}."
            )
        flat = xp.reshape(xp.asarray(mask), (-1,))
        numbers = xp.backend.xp.nonzero(flat.value)[0]
        return xp.asarray(numbers), (tuple(mask.shape),)
    if len(items) > x.ndim or not all(_is_integer(item) for item in items):
        raise IndexError(
            "With arrays in it, a key is one mask, or integers and integer arrays for the leading axes: received "
            f"{_words(key)}. Index by one after the other, or use xp.take."
        )
    lengths = x.shape[: len(items)]
    flat = None
    for item, length in zip(items, lengths, strict=True):
        own = xp.asarray(item, device=x.device) if not hasattr(item, "dtype") else xp.asarray(item)
        own = xp.where(own < 0, own + length, own)
        # Beyond its axis an index would land in another row of the flattened array, without an error.
        if bool(xp.any(xp.logical_or(own < 0, own >= length))):
            raise IndexError(f"An index lies outside its axis of length {length}: received {_words(item)}.")
        flat = own if flat is None else flat * length + own
    assert flat is not None
    return flat, (lengths,)


def _is_mask(item: Any) -> bool:
    return hasattr(item, "dtype") and "bool" in str(item.dtype)


def _is_integer(item: Any) -> bool:
    if hasattr(item, "dtype"):
        return "int" in str(item.dtype)
    return hasattr(item, "__index__") and not isinstance(item, bool)


def _words(key: Any) -> str:
    return ", ".join(describe(item) for item in (key if isinstance(key, tuple) else (key,)))
