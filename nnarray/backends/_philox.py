"""Random numbers as a function of (key, counter): Philox4x64-10, drawn on the host.

Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

_WORD = 2**64 - 1


def generator(key: tuple[int, int], counter: tuple[int, int] = (0, 0)) -> np.random.Generator:
    """Return NumPy's generator on the stream `key`, at the sub-stream `counter` (the two high counter words)."""
    key_words = np.array([word & _WORD for word in key], dtype=np.uint64)
    counter_words = np.array([0, 0, *(word & _WORD for word in counter)], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key_words, counter=counter_words))


def uniform(key: tuple[int, int], counter: tuple[int, int], shape: Sequence[int], dtype: str) -> np.ndarray:
    """Return uniforms in [0, 1) of dtype ``"float32"`` (24 random bits each) or ``"float64"`` (53).

    Each 64-bit word gives one float64, or two float32 from its low and then its high half.
    """
    size = math.prod(shape)
    bits = generator(key, counter).bit_generator
    if dtype == "float64":
        words = bits.random_raw(size)
        return ((words >> np.uint64(11)) * 2.0**-53).reshape(shape)
    if dtype == "float32":
        halves = bits.random_raw((size + 1) // 2).astype("<u8", copy=False).view("<u4")[:size]
        return ((halves >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)).reshape(shape)
    raise TypeError(f"uniform numbers are drawn as float32 or float64: received dtype={dtype!r}")
