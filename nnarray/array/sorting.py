"""Sorting, and searching in what is sorted."""

from __future__ import annotations

from typing import Any

from nnarray.array._function import Function
from nnarray.array.elementwise import TRUTH
from nnarray.array.statistical import divided


def _sort(xp: Any, g: Any, x: Any, axis: int, descending: bool, stable: bool) -> Any:
    """Bring each cotangent back to where its element came from."""
    order = xp.argsort(x, axis=axis, descending=descending, stable=stable)
    return xp.take_along_axis(g, xp.argsort(order, axis=axis), axis=axis)


def _unique(xp: Any, g: Any, x: Any) -> Any:
    """Equal elements share the cotangent of their value, as those that tie for an extremum do."""
    places = xp.reshape(xp.unique_inverse(x)[1], (-1,))
    counts = xp.index_add(xp.zeros(g.shape, dtype=places.dtype, device=x.device), places, xp.ones_like(places), axis=0)
    return xp.reshape(xp.take(divided(xp, g, counts), places), x.shape)


Function("sort", "x, /, *, axis=-1, descending=False, stable=True", {"x": _sort})
Function("argsort", "x, /, *, axis=-1, descending=False, stable=True", constant=TRUTH)
Function(
    "searchsorted",
    "x1, x2, /, *, side='left', sorter=None",
    constant=TRUTH,
    arrays=("x1", "x2", "sorter"),
    implementation=lambda backend: (
        lambda x1, x2, sorter=None, **params: backend.xp.searchsorted(x1, x2, sorter=sorter, **params)
    ),
)
Function("nonzero", "x, /", constant=TRUTH, outputs=tuple, shaped_by=("x",))
Function("unique_values", "x, /", {"x": _unique}, shaped_by=("x",))
for name, others in {
    "unique_counts": ("counts",),
    "unique_inverse": ("inverse_indices",),
    "unique_all": ("indices", "inverse_indices", "counts"),
}.items():
    Function(name, "x, /", {"x": lambda xp, g, x: _unique(xp, g[0], x)}, outputs=("values", *others), shaped_by=("x",))
Function("isin", "x1, x2, /, *, invert=False", constant=TRUTH)
