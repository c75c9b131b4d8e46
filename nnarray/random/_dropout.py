"""Dropout: a random mask times the inputs."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnarray._messages import describe
from nnarray.array import Array, array_namespace
from nnarray.backends import backend_of
from nnarray.random._keys import Seed, stream_from_seed


def dropout(
    inputs: Any,
    rate: float,
    noise_shape: Sequence[int | None] | None = None,
    seed: Seed = None,
) -> Any:
    """Set a random share of the inputs to zero and scale the rest by ``1 / (1 - rate)``.

    The mask is the same bits on every backend. Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, JMLR 15,
    2014.

    Parameters
    ----------
    inputs : array, floating-point, any shape
    rate : float
        Share of inputs to drop, in [0, 1).
    noise_shape : sequence of int or None, optional
        Shape of the mask, broadcast against the inputs: along each axis 1 or the inputs' own length, which None
        stands for.
    seed : int or SeedGenerator, optional
        An integer gives the same mask at every call, a `SeedGenerator` the next one; None draws from the process's
        stream (`nnarray.set_seed`).

    Returns
    -------
    array like `inputs`
        Its derivative is the scale where an input was kept and zero where it was dropped.

    Raises
    ------
    TypeError
        If the inputs are not floating-point.
    ValueError
        If `rate` or `noise_shape` is out of range; no random number is used up.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> y = nna.random.dropout(np.ones(1000), 0.5, seed=0)
    >>> np.unique(y)
    array([0., 2.])
    """
    raw = inputs.value if isinstance(inputs, Array) else inputs
    backend = backend_of(raw)
    if not backend.xp.isdtype(raw.dtype, "real floating"):
        raise TypeError(f"dropout needs floating-point inputs: received {describe(raw)}. Use xp.astype first.")
    rate = check_rate(rate)
    shape = _mask_shape(inputs, noise_shape)
    device = backend.device_of(raw)
    with backend.activate(device):
        noise = backend.uniform(*stream_from_seed(seed), shape, "float32", device)
        # The rate as float32, so that every library compares the same two numbers.
        kept = noise >= float(np.float32(rate))
        return array_namespace(inputs).where(kept, inputs * (1.0 / (1.0 - rate)), 0.0)


def check_rate(rate: float) -> float:
    """Return a share of at least 0 and below 1, or raise."""
    if not isinstance(rate, numbers.Real) or isinstance(rate, bool) or not 0 <= rate < 1:
        raise ValueError(f"rate must be at least 0 and below 1: received rate={rate!r}.")
    return float(rate)


def _mask_shape(inputs: Any, noise_shape: Sequence[int | None] | None) -> tuple[int, ...]:
    shape = tuple(inputs.shape)
    if noise_shape is None:
        return shape
    found = tuple(own if n is None else n for n, own in zip(noise_shape, shape, strict=False))
    if len(noise_shape) != len(shape) or any(n not in (1, own) for n, own in zip(found, shape, strict=True)):
        raise ValueError(
            f"noise_shape must have, for each axis of the inputs, their length, 1 or None: received "
            f"noise_shape={tuple(noise_shape)} for inputs of shape {shape}."
        )
    return found
