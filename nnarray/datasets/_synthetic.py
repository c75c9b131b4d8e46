"""Points in the plane in classes that no straight line parts."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import numpy as np

Points = tuple[np.ndarray, np.ndarray]


def make_circles(
    n_samples: int | Sequence[int] = 100,
    *,
    shuffle: bool = True,
    noise: float | None = None,
    random_state: int | None = None,
    factor: float = 0.8,
) -> Points:
    """Return points on a circle (class 0) and on a smaller one inside it (class 1).

    Parameters
    ----------
    n_samples : int or pair of int
        Number of points, or of outer and inner points.
    shuffle : bool
        Whether the points come in random order.
    noise : float, optional
        Standard deviation of Gaussian noise on the coordinates; the outer radius is 1.
    random_state : int, optional
        Seed; None draws a new one.
    factor : float
        Inner radius, in [0, 1).

    Returns
    -------
    x : ndarray of float64, shape (n, 2)
    y : ndarray of int64, shape (n,)

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Examples
    --------
    >>> import nnarray as nna
    >>> x, y = nna.datasets.make_circles(100, noise=0.1, factor=0.2, random_state=0)
    >>> x.shape, y.sum()
    ((100, 2), np.int64(50))
    """
    if not 0 <= factor < 1:
        raise ValueError(f"factor, the inner radius, must be at least 0 and below 1: received factor={factor!r}.")
    outer, inner = _sizes(n_samples)
    x = np.concatenate([_circle(outer), factor * _circle(inner)])
    return _finish(x, (outer, inner), shuffle, noise, random_state)


def make_moons(
    n_samples: int | Sequence[int] = 100,
    *,
    shuffle: bool = True,
    noise: float | None = None,
    random_state: int | None = None,
) -> Points:
    """Return points on two half circles that reach into each other.

    Parameters
    ----------
    n_samples : int or pair of int
        Number of points, or of points on the upper and on the lower half circle.
    shuffle, noise, random_state : as for `make_circles`

    Returns
    -------
    x : ndarray of float64, shape (n, 2)
    y : ndarray of int64, shape (n,)

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.datasets.make_moons(4, shuffle=False)[1]
    array([0, 0, 1, 1])
    """
    upper, lower = _sizes(n_samples)
    above, below = (np.linspace(0, np.pi, n) for n in (upper, lower))
    x = np.concatenate([_stack(np.cos(above), np.sin(above)), _stack(1 - np.cos(below), 0.5 - np.sin(below))])
    return _finish(x, (upper, lower), shuffle, noise, random_state)


def make_spirals(
    n_samples: int | Sequence[int] = 100,
    *,
    n_classes: int = 2,
    turns: float = 1.5,
    shuffle: bool = True,
    noise: float | None = None,
    random_state: int | None = None,
) -> Points:
    """Return points on spirals that wind around each other, from the origin to radius 1.

    Parameters
    ----------
    n_samples : int or sequence of int
        Number of points, or of points on each spiral.
    n_classes : int
        Number of spirals, at least 2.
    turns : float
        Number of times that each winds around the origin, positive.
    shuffle, noise, random_state : as for `make_circles`

    Returns
    -------
    x : ndarray of float64, shape (n, 2)
    y : ndarray of int64, shape (n,)
        Classes 0 … n_classes - 1.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Examples
    --------
    >>> import nnarray as nna
    >>> x, y = nna.datasets.make_spirals(90, n_classes=3, noise=0.02, random_state=0)
    >>> [int((y == label).sum()) for label in range(3)]
    [30, 30, 30]
    """
    if isinstance(n_classes, bool) or not isinstance(n_classes, int) or n_classes < 2:
        raise ValueError(f"n_classes must be an integer of at least 2: received n_classes={n_classes!r}.")
    if not turns > 0:
        raise ValueError(f"turns must be positive: received turns={turns!r}.")
    sizes = _sizes(n_samples, n_classes)
    arms = []
    for label, size in enumerate(sizes):
        # The square root of an even grid gives points of even density along the arm.
        radius = np.sqrt((np.arange(size) + 0.5) / max(size, 1))
        angle = 2 * np.pi * (turns * radius + label / n_classes)
        arms.append(_stack(radius * np.cos(angle), radius * np.sin(angle)))
    return _finish(np.concatenate(arms), sizes, shuffle, noise, random_state)


def _sizes(n_samples: int | Sequence[int], parts: int = 2) -> tuple[int, ...]:
    """Return the number of points of each class; what does not divide evenly goes to the last ones."""
    if hasattr(type(n_samples), "__index__") and not isinstance(n_samples, bool):
        total = int(n_samples)  # type: ignore[arg-type]
        sizes = [total // parts + (part >= parts - total % parts) for part in range(parts)]
    else:
        sizes = list(n_samples) if isinstance(n_samples, Sequence) and not isinstance(n_samples, str) else []
    if len(sizes) != parts or min(sizes) < 0 or sum(sizes) == 0:
        raise ValueError(f"n_samples must be a positive integer or {parts} sizes: received n_samples={n_samples!r}.")
    return tuple(int(size) for size in sizes)


def _circle(n: int) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return _stack(np.cos(angle), np.sin(angle))


def _stack(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.stack([first, second], axis=1)


def _finish(
    x: np.ndarray, sizes: Sequence[int], shuffle: bool, noise: float | None, random_state: int | None
) -> Points:
    if noise is not None and not noise >= 0:
        raise ValueError(f"noise, a standard deviation, must not be negative: received noise={noise!r}.")
    if random_state is not None and not 0 <= random_state < 2**64:
        raise ValueError(f"random_state must lie from 0 to 2**64 - 1: received random_state={random_state!r}.")
    generator = np.random.Generator(
        np.random.Philox(key=secrets.randbits(64) if random_state is None else random_state)
    )
    y = np.repeat(np.arange(len(sizes)), sizes)
    if shuffle:
        order = generator.permutation(len(x))
        x, y = x[order], y[order]
    if noise is not None:
        x = x + noise * generator.standard_normal(x.shape)
    return x, y
