"""Normally distributed numbers, on the backend and device in force."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnarray.config import floatx
from nnarray.random._checks import FLOATS, check_dtype, check_float, check_shape
from nnarray.random._keys import Seed, Stream, as_in_step, drawing_place, stream_from_seed


def normal(
    shape: int | Sequence[int],
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: Any = None,
    seed: Seed = None,
    *,
    on_device: bool = False,
) -> Any:
    """Return normally distributed numbers, the same bits on every backend.

    Parameters
    ----------
    shape : tuple of int
    mean, stddev : float
    dtype : {"float32", "float64"}, optional
        By default `nnarray.config.floatx()`.
    seed : int or SeedGenerator, optional
        As in `uniform`.
    on_device : bool
        False draws on the host and moves the numbers to the device. True makes other numbers, on the device, from
        its uniforms: faster on a GPU, but backends then agree to rounding only, and no float32 is further than 5.8
        standard deviations from the mean. Box, Muller, "A note on the generation of random normal deviates", Annals
        of Mathematical Statistics 29, 1958.

    Returns
    -------
    raw array of the backend and device in force

    Raises
    ------
    ValueError
        If an argument is out of range; no random number is used up.

    Examples
    --------
    >>> import nnarray as nna
    >>> x = nna.random.normal((1000,), mean=5.0, seed=0)
    >>> 4.8 < float(x.mean()) < 5.2
    True
    """
    backend, device = drawing_place()
    shape, name, mean, stddev = _check_normal(shape, mean, stddev, dtype)
    stream = stream_from_seed(seed)
    if on_device:
        with backend.activate(device):
            return as_in_step(backend.xp.asarray(_box_muller(stream, shape, name) * stddev + mean))
    return as_in_step(backend.draw(*stream, _Normal(mean, stddev), shape, name, device))


def truncated_normal(
    shape: int | Sequence[int], mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Seed = None
) -> Any:
    """Return normally distributed numbers, those beyond two standard deviations drawn again.

    Drawn on the host: the same bits on every backend.

    Parameters
    ----------
    shape : tuple of int
    mean, stddev : float
        Of the normal before it is cut off; cutting leaves 0.88 of the standard deviation.
    dtype : {"float32", "float64"}, optional
        By default `nnarray.config.floatx()`.
    seed : int or SeedGenerator, optional
        As in `uniform`.

    Returns
    -------
    raw array of the backend and device in force

    Raises
    ------
    ValueError
        If an argument is out of range; no random number is used up.

    Examples
    --------
    >>> import nnarray as nna
    >>> x = nna.random.truncated_normal((1000,), stddev=0.5, seed=0)
    >>> float(abs(x).max()) <= 1.0
    True
    """
    backend, device = drawing_place()
    shape, name, mean, stddev = _check_normal(shape, mean, stddev, dtype)
    return as_in_step(backend.draw(*stream_from_seed(seed), _TruncatedNormal(mean, stddev), shape, name, device))


@dataclass(frozen=True)
class _Normal:
    mean: float
    stddev: float

    def __call__(self, draw: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return self.mean + self.stddev * draw.standard_normal(shape)


class _TruncatedNormal(_Normal):
    def __call__(self, draw: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return self.mean + self.stddev * standard_truncated_normal(draw, shape)


def standard_truncated_normal(draw: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
    """Return unit normals, those beyond two standard deviations drawn again."""
    values = draw.standard_normal(tuple(shape))
    while (outside := np.abs(values) > 2.0).any():
        values[outside] = draw.standard_normal(int(outside.sum()))
    return values


def _check_normal(shape: Any, mean: Any, stddev: Any, dtype: Any) -> tuple[tuple[int, ...], str, float, float]:
    name = check_dtype(floatx() if dtype is None else dtype, FLOATS, *drawing_place())
    mean, stddev = check_float("mean", mean), check_float("stddev", stddev)
    # The farthest that a normal of 53 random bits goes is 38 standard deviations.
    if stddev < 0:
        raise ValueError(f"stddev must be at least 0: received stddev={stddev!r}.")
    if abs(mean) + 40 * stddev > float(np.finfo(name).max):
        raise ValueError(
            f"40 standard deviations around the mean must lie within the range of {name}: received mean={mean!r}, "
            f"stddev={stddev!r}."
        )
    return check_shape(shape), name, mean, stddev


def _box_muller(stream: Stream, shape: tuple[int, ...], dtype: str) -> Any:
    """Return unit normals in plain standard code: one uniform is the radius, another the angle of two of them."""
    backend, device = drawing_place()
    xp = backend.xp
    size = math.prod(shape)
    pairs = (size + 1) // 2
    draws = backend.uniform(*stream, (2 * pairs,), dtype, device)
    # 1 - u lies in (0, 1], where u = 0 would have no logarithm.
    radius = xp.sqrt(-2.0 * xp.log(1.0 - draws[:pairs]))
    angle = 2.0 * math.pi * draws[pairs:]
    return xp.reshape(xp.concat([radius * xp.cos(angle), radius * xp.sin(angle)])[:size], shape)
