"""Norms of vectors and matrices; where several elements attain an extremum they share its cotangent."""

from __future__ import annotations

import math
from typing import Any

from nnarray.array._function import Function
from nnarray.array.elementwise import nonzero
from nnarray.array.linear_algebra import column, scalar
from nnarray.array.statistical import axes_of, divided, wide


def _shares(xp: Any, sizes: Any, axis: int | tuple[int, ...], largest: bool) -> Any:
    extreme = (xp.max if largest else xp.min)(sizes, axis=axis, keepdims=True)
    winners = sizes == extreme
    count = xp.sum(xp.astype(winners, wide(xp, sizes.dtype)), axis=axis, keepdims=True)
    return xp.where(winners, divided(xp, xp.ones_like(sizes), count), 0.0)


def _direction(xp: Any, x: Any, sizes: Any) -> Any:
    """Return ``x / |x|``, zero at zero; of a real number its sign, which is constant."""
    return x / xp.where(sizes == 0, 1.0, sizes) if xp.isdtype(x.dtype, "complex floating") else xp.sign(x)


def _matrix_norm(xp: Any, g: Any, x: Any, out: Any, keepdims: bool, ord: Any) -> Any:
    """``X / norm``; of the norms of singular values ``U diag(s̄) Vᴴ`` without those that are zero, as in `svdvals`."""
    if 0 in x.shape:
        return xp.zeros_like(x)
    if not keepdims:
        g, out = scalar(g), scalar(out)
    if ord in (None, "fro"):
        return g * (x / nonzero(xp, out))
    if ord in ("nuc", 2, -2):
        u, s, vh = xp.linalg.svd(x, full_matrices=False)
        share = xp.astype(s != 0, s.dtype)
        if ord != "nuc":
            share = share * _shares(xp, s, -1, ord > 0)
        return g * xp.matmul(u, column(share) * vh)
    summed, other = (-2, -1) if ord in (1, -1) else (-1, -2)
    sizes = xp.abs(x)
    sums = xp.sum(sizes, axis=summed, keepdims=True)
    return g * _shares(xp, sums, other, ord > 0) * _direction(xp, x, sizes)


def _vector_norm(xp: Any, g: Any, x: Any, out: Any, axis: Any, keepdims: bool, ord: Any) -> Any:
    """``(|x| / norm)^(p - 1) x / |x|``; zero for a zero vector, and for zeros beside others where their slope jumps.

    A zero vector has no second derivative, but where the norm is linear from there.
    """
    if ord == 0 or 0 in x.shape:
        return xp.zeros_like(x)
    axes = axes_of(axis, x.ndim)
    if not keepdims:
        shape = tuple(1 if a in axes else n for a, n in enumerate(x.shape))
        g, out = xp.reshape(g, shape), xp.reshape(out, shape)
    if ord == 2:
        return g * (x / nonzero(xp, out))
    sizes = xp.abs(x)
    direction = _direction(xp, x, sizes)
    if ord == 1:
        return g * direction
    if math.isinf(ord):
        return g * _shares(xp, sizes, axes, ord > 0) * direction
    # A zero is kept from the power, whose slope may be infinite there: its own share is zero whatever the power.
    flat = sizes == 0 if ord > 0 else out == 0
    ratio = xp.where(flat, 1.0, sizes / (nonzero(xp, out) if ord > 0 else xp.where(out == 0, 1.0, out)))
    return g * direction * xp.where(flat, 0.0, ratio ** (ord - 1))


Function("linalg.matrix_norm", "x, /, *, keepdims=False, ord='fro'", {"x": _matrix_norm})
Function("linalg.vector_norm", "x, /, *, axis=None, keepdims=False, ord=2", {"x": _vector_norm})
