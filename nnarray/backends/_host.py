"""NumPy arrays as libraries can take them over."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnarray._messages import describe

#: Where a dtype goes that a library lacks: to the first that it has, of the same kind, and that holds all its numbers.
_WIDER = ("int16", "int32", "int64", "float32", "float64", "complex64", "complex128")
#: By the kind of that, the kinds of what goes there; "V" are those of other packages, such as bfloat16.
_KINDS = {"i": "iu", "f": "fV", "c": "c"}
#: NumPy's longdouble, real and complex, by its letter: it is rounded.
_LONG = {"g": "float64", "G": "complex128"}


def refuse_masked(x: Any) -> None:
    """Raise TypeError for one of NumPy's masked arrays, whose mask would be lost."""
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(
            f"A masked array cannot be taken over, for its mask would be lost: received {describe(x)}. Fill it first, "
            "as in x.filled(0.0), or give its mask as sample_weight, or choose by xp.where."
        )


def taken_over(x: np.ndarray, xp: Any) -> np.ndarray:
    """Return a NumPy array in the machine's byte order and in a dtype that the library `xp` has.

    Raises
    ------
    TypeError
        If it is masked.
    ValueError
        If it is a longdouble with numbers beyond the range of float64.
    """
    refuse_masked(x)
    if not x.dtype.isnative:
        x = x.astype(x.dtype.newbyteorder("="))
    dtype = x.dtype
    if dtype.char in _LONG:
        return x if hasattr(xp, "longdouble") else _rounded(x, _LONG[dtype.char])
    own = getattr(xp, dtype.name, None)
    if own is not None and (dtype.kind != "V" or own == dtype):
        return x
    for wider in map(np.dtype, _WIDER):
        if dtype.kind in _KINDS[wider.kind] and hasattr(xp, wider.name) and np.can_cast(dtype, wider):
            return x.astype(wider)
    return x


def _rounded(x: np.ndarray, name: str) -> np.ndarray:
    with np.errstate(over="ignore"):
        rounded = x.astype(name)
    if not np.array_equal(np.isfinite(x), np.isfinite(rounded)):
        raise ValueError(
            f"Of NumPy's longdouble, which only NumPy has, numbers within the range of {name} can be taken over: "
            f"received {describe(x)} with greater ones. Scale it first, or use backend='numpy'."
        )
    return rounded
