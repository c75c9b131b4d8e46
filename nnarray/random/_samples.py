"""Draws from arrays: samples of classes, and rows in random order."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnarray._messages import describe
from nnarray.array import Array, array_namespace
from nnarray.backends import backend_of
from nnarray.random._checks import INTEGERS, check_dtype, check_integer
from nnarray.random._keys import Seed, stream_from_seed


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Seed = None) -> Any:
    """Return classes drawn with the probabilities ``softmax(logits)``.

    The greatest of the logits with a Gumbel-distributed number added to each: Maddison, Tarlow, Minka, "A* sampling",
    NeurIPS 2014, section 2. A logit of minus infinity is never drawn. Backends draw the same classes unless two
    candidates are equal up to rounding.

    Parameters
    ----------
    logits : array, floating-point, shape (batch, classes)
        Logarithms of the probabilities, up to a constant for each row.
    num_samples : int
        Independent draws from each row.
    dtype : str
        Name of an integer dtype.
    seed : int or SeedGenerator, optional
        An integer gives the same classes at every call, a `SeedGenerator` the next ones; None draws from the
        process's stream (`nnarray.set_seed`).

    Returns
    -------
    array of the library and device of `logits`, shape (batch, num_samples)
        Needs memory for batch × num_samples × classes numbers.

    Raises
    ------
    TypeError
        If the logits are not floating-point or `num_samples` is not an integer.
    ValueError
        If an argument is out of range; no random number is used up.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.random.categorical(np.log(np.asarray([[0.2, 0.8]])), 1000, seed=0).mean().round(1)
    np.float64(0.8)
    """
    raw = logits.value if isinstance(logits, Array) else logits
    backend = backend_of(raw)
    if not backend.xp.isdtype(raw.dtype, "real floating"):
        raise TypeError(f"categorical needs floating-point logits: received {describe(raw)}. Use xp.astype first.")
    if raw.ndim != 2 or raw.shape[1] == 0:
        raise ValueError(f"logits must have shape (batch, classes), with at least 1 class: received {describe(raw)}.")
    count = check_integer("num_samples", num_samples)
    if count < 0:
        raise ValueError(f"num_samples must be at least 0: received num_samples={num_samples!r}.")
    batch, classes = raw.shape
    device = backend.device_of(raw)
    name = check_dtype(dtype, INTEGERS, backend, device)
    if classes - 1 > np.iinfo(name).max:
        raise ValueError(f"{name} holds classes up to {np.iinfo(name).max}: received {classes} of them.")
    integer = getattr(backend.xp, name)
    real = "float64" if raw.dtype == getattr(backend.xp, "float64", None) else "float32"
    draws = backend.uniform(*stream_from_seed(seed), (batch, count, classes), real, device)
    raw_xp, xp = backend.xp, array_namespace(logits)
    with backend.activate(device):
        # Exponentially distributed: 0 stands for the numbers below 2**-24, whose middle is 2**-25.
        waiting = raw_xp.maximum(-raw_xp.log(1.0 - draws), 2.0**-25 if real == "float32" else 2.0**-54)
        ranked = xp.expand_dims(xp.astype(logits, getattr(raw_xp, real)), axis=1) - raw_xp.log(waiting)
        return xp.astype(xp.argmax(ranked, axis=-1), integer)


def shuffle(x: Any, axis: int = 0, seed: Seed = None) -> Any:
    """Return the slices of `x` along an axis in random order, the same order on every backend.

    Parameters
    ----------
    x : array with at least one axis
    axis : int
    seed : int or SeedGenerator, optional
        As in `categorical`.

    Returns
    -------
    array like `x`
        Its derivative brings each slice's cotangent back to the slice's place.

    Raises
    ------
    ValueError
        If `x` has no such axis; no random number is used up.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> np.sort(nna.random.shuffle(np.arange(5), seed=0))
    array([0, 1, 2, 3, 4])
    """
    raw = x.value if isinstance(x, Array) else x
    backend = backend_of(raw)
    if not -raw.ndim <= check_integer("axis", axis) < raw.ndim:
        raise ValueError(f"shuffle needs an axis of x: received axis={axis} for {describe(raw)}.")
    device = backend.device_of(raw)
    shape = (raw.shape[axis],)
    indices = backend.draw(*stream_from_seed(seed), _permutation, shape, backend.index_dtype(device), device)
    return array_namespace(x).take(x, indices, axis=axis)


def _permutation(draw: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return draw.permutation(shape[0])
