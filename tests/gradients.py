"""Gradients held against central differences along random directions, in float64."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import nnarray as nna
from nnarray.backends import backend_of


def assert_gradients(
    f: Callable[..., Any], args: Sequence[np.ndarray], space: Any, order: int = 2, seed: int = 0
) -> None:
    """Assert that `nna.grad` of the scalar function `f` is right in each of `args`, up to `order`."""
    rng = np.random.default_rng(seed)
    everything = tuple(range(len(args)))
    directions = [rng.standard_normal(arg.shape) for arg in args]

    def along(arrays: Sequence[np.ndarray]) -> float:
        gradients = nna.grad(f, argnums=everything)(*(to_library(a, space) for a in arrays))
        return sum(float(np.sum(to_host(g) * d)) for g, d in zip(gradients, directions, strict=True))

    def value(arrays: Sequence[np.ndarray]) -> float:
        return float(to_host(f(*(space.asarray(a) for a in arrays)).value))

    np.testing.assert_allclose(along(args), _difference(value, args, directions), rtol=2e-6, atol=1e-7)
    if order == 1:
        return

    def slope(*arrays: Any) -> Any:
        gradients = nna.grad(f, argnums=everything)(*arrays)
        xp = arrays[0].__array_namespace__()
        terms = [xp.sum(g * xp.asarray(d, device=g.device)) for g, d in zip(gradients, directions, strict=True)]
        return sum(terms[1:], terms[0])

    turned = [rng.standard_normal(arg.shape) for arg in args]
    second = nna.grad(slope, argnums=everything)(*(to_library(a, space) for a in args))
    found = sum(float(np.sum(to_host(g) * d)) for g, d in zip(second, turned, strict=True))
    np.testing.assert_allclose(found, _difference(along, args, turned), rtol=2e-5, atol=1e-6)


def _difference(f: Callable[..., float], args: Sequence[np.ndarray], directions: Sequence[np.ndarray]) -> float:
    eps = 1e-5
    ahead = f([a + eps * d for a, d in zip(args, directions, strict=True)])
    behind = f([a - eps * d for a, d in zip(args, directions, strict=True)])
    return (ahead - behind) / (2 * eps)


def to_library(x: Any, space: Any) -> Any:
    """Return `x` as a raw array of the namespace's library, on its device."""
    return space.asarray(np.asarray(x)).value


def to_host(x: Any) -> np.ndarray:
    """Return a raw array of any library as NumPy."""
    return backend_of(x).to_numpy(x)
