"""Keys with arrays in them: masks and integers, as taking from the flattened array and adding into it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from nnarray._messages import describe
from nnarray._refusals import unknown_value

if TYPE_CHECKING:
    from nnarray.array._array import Array


def has_array(key: Any) -> bool:
    """Whether a key holds an array: anything with a dtype, but for known integers without axes: plain indices."""
    items = key if isinstance(key, tuple) else (key,)
    return any(hasattr(item, "dtype") and (item.ndim > 0 or _is_mask(item) or is_traced(item)) for item in items)


def take_key(x: Array, key: Any) -> Array:
    """Return ``x[key]`` for a key of one mask, or of integers and integer arrays side by side; slices beside them.

    Raises
    ------
    IndexError
        If the key is another one.
    """
    xp = x.namespace
    items = key if isinstance(key, tuple) else (key,)
    chosen = [place for place, item in enumerate(items) if not _is_slice(item)]
    start, stop = chosen[0], chosen[-1] + 1
    block = items[start:stop]
    if len(chosen) != len(block):
        _refuse_unknown(key)
        raise _unknown(key)
    span = block[0].ndim if _is_mask(block[0]) else len(block)
    axis = 0
    if len(block) != len(items):
        hidden = x.ndim - span - sum(isinstance(item, slice) for item in items)
        axis = sum(hidden if item is Ellipsis else 1 for item in items[:start])
        x = x[(*items[:start], *(slice(None),) * span, *items[stop:])]
    lengths = x.shape[axis : axis + span]
    places = _places(x, block, lengths, key)
    before, after = x.shape[:axis], x.shape[axis + span :]
    rows = xp.reshape(x, (*before, math.prod(lengths), *after))
    taken = xp.take(rows, xp.reshape(places, (-1,)), axis=axis)
    return xp.reshape(taken, (*before, *places.shape, *after))


def set_key(x: Array, key: Any, value: Array) -> Array:
    """Return `x` with ``x[key] = value``, a value of its dtype, for a key that is one mask.

    Raises
    ------
    IndexError
        If the key is another one.
    """
    xp = x.namespace
    if isinstance(key, tuple) or not _is_mask(key):
        _refuse_unknown(key)
        raise IndexError(
            "Of arrays, only a mask can stand for what is assigned to, alone in its key: received "
            f"{_words(key)}. Make integers a mask, or assign to one after the other."
        )
    mask = xp.asarray(key)
    _check_mask(mask, x.shape[: mask.ndim])
    if mask.size == 0:
        return x
    wide = xp.reshape(mask, (*mask.shape, *(1,) * (x.ndim - mask.ndim)))
    if value.ndim == 0:
        return xp.where(wide, value, x)
    count = _places(x, (key,), mask.shape, key).shape[0]
    value = xp.broadcast_to(value, (count, *x.shape[mask.ndim :]))
    if count == 0:
        return x
    # Where the mask is set, how many were set before is the place in the values.
    flat = xp.astype(xp.reshape(mask, (-1,)), getattr(xp, xp.backend.index_dtype(x.device)))
    places = xp.maximum(xp.cumulative_sum(flat) - 1, 0)
    return xp.where(wide, xp.reshape(xp.take(value, places, axis=0), x.shape), x)


def _places(x: Array, block: tuple[Any, ...], lengths: tuple[int, ...], key: Any) -> Array:
    """Return which places masks or integers take in the axes of these lengths, flattened to one."""
    xp = x.namespace
    if len(block) == 1 and _is_mask(block[0]):
        mask = xp.asarray(block[0])
        _check_mask(mask, lengths)
        return xp.asarray(xp.backend.xp.nonzero(xp.reshape(mask, (-1,)).value)[0])
    if len(block) > len(lengths) or not all(_is_integer(item) for item in block):
        raise _unknown(key)
    flat = None
    index_dtype = getattr(xp, xp.backend.index_dtype(x.device))
    for item, length in zip(block, lengths, strict=True):
        # In the library's own dtype of indices: a narrower one may not hold a place in the flattened array.
        own = xp.asarray(item, dtype=index_dtype, device=None if hasattr(item, "dtype") else x.device)
        own = xp.where(own < 0, own + length, own)
        # Beyond its axis an index would land in another row of the flattened array, without an error.
        outside = xp.logical_or(own < 0, own >= length)
        if is_traced(own):
            # The library says what it says of an index beyond the flattened array.
            own = xp.where(outside, math.prod(lengths), own)
        elif bool(xp.any(outside)):
            raise IndexError(f"An index lies outside its axis of length {length}: received {_words(item)}.")
        flat = own if flat is None else flat * length + own
    assert flat is not None
    return flat


def _check_mask(mask: Array, lengths: tuple[int, ...]) -> None:
    # One with an axis of no length fits all: it takes nothing.
    if mask.ndim > len(lengths) or any(n not in (0, length) for n, length in zip(mask.shape, lengths, strict=True)):
        raise IndexError(f"A mask has the shape of its axes, {lengths}: received {describe(mask)}.")


def _unknown(key: Any) -> IndexError:
    return IndexError(
        "With arrays in it, a key is one mask, or integers and integer arrays side by side; slices, None and an "
        f"ellipsis may stand beside them: received {_words(key)}. Index by one after the other, or use xp.take."
    )


def _is_slice(item: Any) -> bool:
    return item is None or item is Ellipsis or isinstance(item, slice)


def _is_mask(item: Any) -> bool:
    return hasattr(item, "dtype") and "bool" in str(item.dtype)


def is_traced(x: Any) -> bool:
    """Whether something is an array whose value is not known until a plan is replayed."""
    return getattr(getattr(x, "value", x), "node", None) is not None


def _refuse_unknown(key: Any) -> None:
    """Raise a TracingError for an index without axes that would do if its value were known."""
    if any(is_traced(item) and item.ndim == 0 for item in (key if isinstance(key, tuple) else (key,))):
        raise unknown_value("An index")


def _is_integer(item: Any) -> bool:
    if hasattr(item, "dtype"):
        return "int" in str(item.dtype)
    return hasattr(item, "__index__") and not isinstance(item, bool)


def _words(key: Any) -> str:
    return ", ".join(describe(item) for item in (key if isinstance(key, tuple) else (key,)))
