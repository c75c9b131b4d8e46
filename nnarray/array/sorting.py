"""Sorting, and searching in what is sorted."""

from __future__ import annotations

from typing import Any

from nnarray.array._function import Function
from nnarray.array.elementwise import TRUTH


def _sort(xp: Any, g: Any, x: Any, axis: int, descending: bool, stable: bool) -> Any:
    """Bring each cotangent back to where its element came from."""
    order = xp.argsort(x, axis=axis, descending=descending, stable=stable)
    return xp.take_along_axis(g, xp.argsort(order, axis=axis), axis=axis)


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
Function("nonzero", "x, /", constant=TRUTH, outputs=tuple)
Function("unique_values", "x, /", constant=TRUTH)
Function("unique_counts", "x, /", constant=TRUTH, outputs=("values", "counts"))
Function("unique_inverse", "x, /", constant=TRUTH, outputs=("values", "inverse_indices"))
Function("unique_all", "x, /", constant=TRUTH, outputs=("values", "indices", "inverse_indices", "counts"))
Function("isin", "x1, x2, /, *, invert=False", constant=TRUTH)
