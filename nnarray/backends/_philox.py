"""Random numbers as a function of (key, counter): Philox4x64-10, drawn on the host.

Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

_WORD = 2**64 - 1
_HALF = np.uint64(32)
_LOW_HALF = np.uint64(2**32 - 1)
#: Words that are multiplied at a time: they and their products stay in the second-level cache.
_CHUNK = 2**13
_EMPTY_BUFFER = {"buffer": (0, 0, 0, 0), "buffer_pos": 4, "has_uint32": 0, "uinteger": 0}


def generator(key: tuple[int, int], counter: tuple[int, int] = (0, 0)) -> np.random.Generator:
    """Return NumPy's generator on the stream `key`, at the sub-stream `counter` (the two high counter words)."""
    key_words = np.array([word & _WORD for word in key], dtype=np.uint64)
    counter_words = np.array([0, 0, *(word & _WORD for word in counter)], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key_words, counter=counter_words))


class _Reused(threading.local):
    """A generator per thread: to set its state takes 1 µs, to make one 6, as long as to draw 1,500 numbers."""

    bits: Any = None
    generator: Any = None

    def at(self, key: tuple[int, int], counter: tuple[int, int]) -> np.random.Generator:
        """Return the generator at the start of a sub-stream, to draw from before anyone else asks for it."""
        if self.bits is None:
            self.bits = np.random.Philox(0)
            self.generator = np.random.Generator(self.bits)
        words = {
            "key": (key[0] & _WORD, key[1] & _WORD),
            "counter": (0, 0, counter[0] & _WORD, counter[1] & _WORD),
        }
        state: Any = {"bit_generator": "Philox", "state": words, **_EMPTY_BUFFER}
        self.bits.state = state
        return self.generator


_reused = _Reused()


def uniform(key: tuple[int, int], counter: tuple[int, int], shape: Sequence[int], dtype: str) -> np.ndarray:
    """Return uniforms in [0, 1) of dtype ``"float32"`` (24 random bits each) or ``"float64"`` (53).

    Each 64-bit word gives one float64, ``(word >> 11) / 2**53``, or two float32 from its low and then its high half,
    ``(half >> 8) / 2**24``: what NumPy's generator makes of the stream.
    """
    if dtype not in ("float32", "float64"):
        raise TypeError(f"uniform numbers are drawn as float32 or float64: received dtype={dtype!r}")
    real: Any = dtype
    return np.asarray(_reused.at(key, counter).random(tuple(shape), dtype=real))


def integers(
    key: tuple[int, int], counter: tuple[int, int], shape: Sequence[int], low: int, high: int, dtype: str
) -> np.ndarray:
    """Return integers in [low, high), each ``low + floor(word * (high - low) / 2**64)`` of one 64-bit word.

    A word never has to be drawn again, so that element i is a function of word i; the price is that probabilities
    differ by up to 2**-64. Lemire, "Fast random integer generation in an interval", ACM TOMACS 29, 2019, section 3.
    """
    words = _reused.at(key, counter).bit_generator.random_raw(math.prod(shape))
    for start in range(0, len(words), _CHUNK):
        part = words[start : start + _CHUNK]
        if high - low <= _WORD:
            _multiply_high(part, high - low)
        part += np.uint64(low & _WORD)
    return words.astype(dtype, copy=False).reshape(tuple(shape))


def _multiply_high(words: np.ndarray, factor: int) -> None:
    """Replace words by the high 64 bits of their products. Warren, "Hacker's Delight", 2nd edition, figure 8-2."""
    factor_high, factor_low = (np.uint64(half) for half in divmod(factor, 2**32))
    high = words >> _HALF
    words &= _LOW_HALF
    middle = high * factor_low
    middle += words * factor_low >> _HALF
    if factor_high == 0:
        np.right_shift(middle, _HALF, out=words)
        return
    words *= factor_high
    words += middle & _LOW_HALF
    words >>= _HALF
    words += middle >> _HALF
    words += high * factor_high
