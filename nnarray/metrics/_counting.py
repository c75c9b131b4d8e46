"""Counts of integers, and quotients of counts."""

from __future__ import annotations

import math
from typing import Any

from nnarray import nn
from nnarray.array import array_namespace


def quotient(part: Any, whole: Any) -> Any:
    """Return ``part / whole``, 0 where `whole` is."""
    xp = array_namespace(part)
    is_none = whole == 0
    return xp.where(is_none, 0.0, part / xp.where(is_none, 1.0, whole))


def histogram(codes: Any, size: int, weights: Any = None) -> Any:
    """Return how often each integer from 0 to ``size - 1`` stands in each row of `codes`, or with what weight.

    Parameters
    ----------
    codes : integer array, shape (rows, n), each in 0 … size - 1
    size : int
    weights : array, the same shape, optional

    Returns
    -------
    array, shape (rows, size)
    """
    xp = array_namespace(codes)
    rows = codes.shape[0]
    if weights is None:
        # On 2,000 numbers 20 microseconds, where products of one-hot vectors take 150.
        first = xp.arange(rows, dtype=codes.dtype, device=codes.device) * size
        ordered = xp.sort(xp.reshape(codes + first[:, None], (-1,)), stable=False)
        edges = xp.arange(rows * size + 1, dtype=codes.dtype, device=codes.device)
        places = xp.searchsorted(ordered, edges)
        return xp.reshape(places[1:] - places[:-1], (rows, size))
    # A code as two digits: how often each pair stands is a product of two matrices, each of about sqrt(size) rows.
    base = math.isqrt(size - 1) + 1
    high = nn.one_hot(codes // base, -(-size // base), weights, axis=1) * weights[:, None, :]
    low = nn.one_hot(codes % base, base, weights, axis=1)
    pairs = xp.matmul(high, xp.matrix_transpose(low))
    return xp.reshape(pairs, (rows, -1))[:, :size]
