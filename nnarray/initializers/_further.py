"""Initial values whose size does not depend on the shape, and matrices that keep lengths."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nnarray._checks import check_finite, check_not_negative
from nnarray.backends import generator
from nnarray.initializers._initializer import Initializer
from nnarray.random import Seed, standard_truncated_normal, stream_from_seed


class RandomUniform(Initializer):
    """Uniform from `minval` to `maxval`.

    Parameters
    ----------
    minval, maxval : float
    seed : int or SeedGenerator, optional
        As for `VarianceScaling`.

    Examples
    --------
    >>> import nnarray as nna
    >>> values = nna.initializers.RandomUniform(1.0, 2.0)((100,))
    >>> bool(values.min() >= 1.0), bool(values.max() <= 2.0)
    (True, True)
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Seed = None) -> None:
        self.minval = check_finite("minval", minval)
        self.maxval = check_finite("maxval", maxval)
        if maxval < minval:
            raise ValueError(f"maxval must not be less than minval: received minval={minval!r}, maxval={maxval!r}.")
        self.seed = seed

    def __call__(self, shape: Sequence[int], dtype: str = "float32") -> np.ndarray:
        draw = generator(*stream_from_seed(self.seed))
        return draw.uniform(self.minval, self.maxval, size=tuple(shape)).astype(dtype)


class RandomNormal(Initializer):
    """Normal of a mean and a standard deviation.

    Parameters
    ----------
    mean, stddev : float
    seed : int or SeedGenerator, optional
        As for `VarianceScaling`.

    Examples
    --------
    >>> import nnarray as nna
    >>> round(float(nna.initializers.RandomNormal(stddev=2.0, seed=0)((100, 300)).std()), 1)
    2.0
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Seed = None) -> None:
        self.mean = check_finite("mean", mean)
        self.stddev = check_not_negative("stddev", stddev)
        self.seed = seed

    def __call__(self, shape: Sequence[int], dtype: str = "float32") -> np.ndarray:
        draw = generator(*stream_from_seed(self.seed))
        return (self.mean + self.stddev * draw.standard_normal(tuple(shape))).astype(dtype)


class TruncatedNormal(RandomNormal):
    """Normal of which what lies beyond two standard deviations is drawn anew.

    Parameters
    ----------
    mean, stddev : float
        Those of the normal before it is cut.
    seed : int or SeedGenerator, optional
        As for `VarianceScaling`.

    Examples
    --------
    >>> import nnarray as nna
    >>> bool(abs(nna.initializers.TruncatedNormal(stddev=2.0)((100, 300))).max() <= 4.0)
    True
    """

    def __call__(self, shape: Sequence[int], dtype: str = "float32") -> np.ndarray:
        draw = generator(*stream_from_seed(self.seed))
        return (self.mean + self.stddev * standard_truncated_normal(draw, shape)).astype(dtype)


class Orthogonal(Initializer):
    """A random orthogonal matrix, or its first rows or columns; of more axes, all but the last count as one.

    Saxe, McClelland, Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks",
    ICLR 2014.

    Parameters
    ----------
    gain : float
        What it is multiplied by.
    seed : int or SeedGenerator, optional
        As for `VarianceScaling`.

    Examples
    --------
    >>> import nnarray as nna
    >>> q = nna.initializers.Orthogonal()((5, 3))
    >>> (abs(q.T @ q).round(4) + 0.0).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """

    def __init__(self, gain: float = 1.0, seed: Seed = None) -> None:
        self.gain = check_finite("gain", gain)
        self.seed = seed

    def __call__(self, shape: Sequence[int], dtype: str = "float32") -> np.ndarray:
        if len(shape) < 2:
            raise ValueError(f"Orthogonal gives matrices, of two axes or more: received shape {tuple(shape)}.")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        draw = generator(*stream_from_seed(self.seed))
        q, r = np.linalg.qr(draw.standard_normal((max(rows, columns), min(rows, columns))))
        # With signs by the diagonal, every orthogonal matrix is as likely as every other.
        q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)
        return (self.gain * (q if rows >= columns else q.T).reshape(tuple(shape))).astype(dtype)


class Identity(Initializer):
    """Ones on the diagonal of a matrix, times a factor, zeros elsewhere.

    Parameters
    ----------
    gain : float

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.initializers.Identity(2.0)((2, 3))
    array([[2., 0., 0.],
           [0., 2., 0.]], dtype=float32)
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = check_finite("gain", gain)

    def __call__(self, shape: Sequence[int], dtype: str = "float32") -> np.ndarray:
        if len(shape) != 2:
            raise ValueError(f"Identity gives matrices, of two axes: received shape {tuple(shape)}.")
        return self.gain * np.eye(shape[0], shape[1], dtype=dtype)
