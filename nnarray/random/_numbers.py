"""Uniform numbers and integers, on the backend and device in force."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnarray.config import floatx
from nnarray.random._checks import FLOATS, INTEGERS, check_dtype, check_float, check_integer, check_shape
from nnarray.random._keys import Seed, as_in_step, drawing_place, stream_from_seed


def uniform(
    shape: int | Sequence[int], minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Seed = None
) -> Any:
    """Return uniform numbers in [minval, maxval), the same bits on every backend.

    Parameters
    ----------
    shape : tuple of int
    minval, maxval : float
        Bounds; where they are equal, so are all numbers.
    dtype : {"float32", "float64"}, optional
        By default `nnarray.config.floatx()`. Numbers between 0 and 1 are multiples of 2**-24 or of 2**-53.
    seed : int or SeedGenerator, optional
        An integer gives the same numbers at every call, a `SeedGenerator` the next ones; None draws from the
        process's stream (`nnarray.set_seed`).

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
    >>> nna.random.uniform((2, 3), -1.0, 1.0, seed=0).shape
    (2, 3)
    """
    backend, device = drawing_place()
    shape = check_shape(shape)
    name = check_dtype(floatx() if dtype is None else dtype, FLOATS, backend, device)
    real = np.dtype(name).type
    with np.errstate(over="ignore"):
        # Rounded here, so that every library multiplies and adds the very same numbers.
        low = float(real(check_float("minval", minval)))
        high = float(real(check_float("maxval", maxval)))
        width = float(real(high - low))
    if not 0 <= width < math.inf or not abs(low) < math.inf:
        raise ValueError(
            f"uniform needs minval <= maxval, and both and their difference within the range of {name}: received "
            f"minval={minval!r}, maxval={maxval!r}."
        )
    draws = backend.uniform(*stream_from_seed(seed), shape, name, device)
    if (low, high) == (0.0, 1.0):
        return as_in_step(draws)
    # The sum may round up to the bound, which is to be excluded.
    below = float(np.nextafter(real(high), real(low)))
    with backend.activate(device):
        return as_in_step(backend.xp.asarray(backend.xp.minimum(draws * width + low, below)))


def randint(shape: int | Sequence[int], minval: int, maxval: int, dtype: Any = "int32", seed: Seed = None) -> Any:
    """Return uniform integers in [minval, maxval), the same bits on every backend.

    Parameters
    ----------
    shape : tuple of int
    minval, maxval : int
        `dtype` must hold `minval` and ``maxval - 1``.
    dtype : str
        Name of an integer dtype.
    seed : int or SeedGenerator, optional
        As in `uniform`.

    Returns
    -------
    raw array of the backend and device in force
        Probabilities are equal up to 2**-64.

    Raises
    ------
    TypeError
        If a bound is not an integer.
    ValueError
        If an argument is out of range; no random number is used up.

    Examples
    --------
    >>> import nnarray as nna
    >>> x = nna.random.randint((100,), 1, 7, seed=0)
    >>> int(x.min()), int(x.max())
    (1, 6)
    """
    backend, device = drawing_place()
    shape = check_shape(shape)
    name = check_dtype(dtype, INTEGERS, backend, device)
    low, high = check_integer("minval", minval), check_integer("maxval", maxval)
    bounds = np.iinfo(name)
    if not int(bounds.min) <= low < high <= int(bounds.max) + 1:
        raise ValueError(
            f"randint needs minval < maxval, and {name} holds {bounds.min} to {bounds.max}: received "
            f"minval={minval!r}, maxval={maxval!r}."
        )
    return as_in_step(backend.integers(*stream_from_seed(seed), shape, low, high, name, device))
