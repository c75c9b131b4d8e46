"""Sequences of different lengths as one array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnarray._checks import check_one_of, check_positive_integer
from nnarray._messages import describe

_SIDES = ("pre", "post")


def pad_sequences(
    sequences: Sequence[Any],
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Return sequences as rows of one array, filled up or cut off to one length.

    Parameters
    ----------
    sequences : list of n sequences
        Lists or arrays of numbers, or of arrays of one shape.
    maxlen : int, optional
        By default the length of the longest.
    dtype : dtype
        Of the result; ``object`` for strings.
    padding, truncating : {"pre", "post"}
        Whether short sequences get values, and long ones lose them, at the beginning or at the end.
    value : number or str
        What short ones are filled with.

    Returns
    -------
    ndarray, shape (n, maxlen, …)

    Raises
    ------
    ValueError
        If an argument is not one of these, or if elements have different shapes.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.utils.pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2)
    array([[0, 1],
           [2, 3],
           [5, 6]], dtype=int32)
    """
    check_one_of("padding", padding, _SIDES)
    check_one_of("truncating", truncating, _SIDES)
    for i, row in enumerate(sequences):
        if not hasattr(row, "__len__"):
            raise ValueError(f"Each sequence is a list or an array: received sequences[{i}] = {describe(row)}.")
    if isinstance(value, str) and np.dtype(dtype).kind not in "OUS":
        raise ValueError(f"Text needs dtype=object: received value={value!r}, dtype={np.dtype(dtype).name!r}.")
    longest = max(map(len, sequences), default=0)
    length = longest if maxlen is None else check_positive_integer("maxlen", maxlen)
    shape = next((np.asarray(row).shape[1:] for row in sequences if len(row)), ())
    padded = np.full((len(sequences), length, *shape), value, dtype=dtype)
    for i, row in enumerate(sequences):
        if not len(row):
            continue
        kept = np.asarray(row[-length:] if truncating == "pre" else row[:length], dtype=dtype)
        if kept.shape[1:] != shape:
            raise ValueError(
                f"The elements of all sequences have one shape: received {kept.shape[1:]} in sequences[{i}], and "
                f"{shape} before."
            )
        padded[i, slice(length - len(kept), length) if padding == "pre" else slice(len(kept))] = kept
    return padded
