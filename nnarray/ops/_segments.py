"""Sums and extremes of rows that belong together, and writing rows into an array: several may go to one place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nnarray.ops._operation import cast_to


def sum_rows(rows: Any, places: Any, count: int) -> Any:
    """Return an array of `count` rows, each the sum of those that belong there; places outside are left out."""
    xp = rows.namespace
    places = _within(places, count)
    zeros = xp.zeros((count + 1, *rows.shape[1:]), dtype=rows.dtype, device=rows.device)
    return xp.index_add(zeros, places, rows, axis=0)[:count]


def combine_rows(
    rows: Any, places: Any, count: int, function: Callable[[Any, Any], Any], start: Any
) -> tuple[Any, Any]:
    """Return an array of `count` rows, each made by a function of those that belong there, and how many those are.

    The rows are sorted by their places, and each is combined with the one 1, 2, 4, … before it if that belongs to the
    same place: after log2(n) steps the last one of each place has all.
    """
    xp, total = rows.namespace, rows.shape[0]
    places = _within(places, count)
    order = xp.argsort(places, stable=True)
    places, rows = xp.take(places, order, axis=0), xp.take(rows, order, axis=0)
    step = 1
    while step < total:
        same = _column(xp.equal(places[step:], places[:-step]), rows)
        later = xp.where(same, function(rows[:-step], rows[step:]), rows[step:])
        rows = xp.concat([rows[:step], later], axis=0)
        step *= 2
    return _last_rows(rows, places, count, start)


def last_rows(rows: Any, places: Any, count: int) -> tuple[Any, Any]:
    """Return an array of `count` rows, each the last of those that belong there, and how many those are."""
    xp = rows.namespace
    places = _within(places, count)
    order = xp.argsort(places, stable=True)
    return _last_rows(xp.take(rows, order, axis=0), xp.take(places, order, axis=0), count, 0)


def _last_rows(rows: Any, places: Any, count: int, start: Any) -> tuple[Any, Any]:
    xp = rows.namespace
    is_last = xp.concat([xp.not_equal(places[1:], places[:-1]), xp.ones_like(places[:1], dtype=xp.bool)], axis=0)
    chosen = sum_rows(rows, xp.where(is_last, places, count), count)
    numbers = sum_rows(xp.ones_like(places), places, count)
    return xp.where(_column(numbers == 0, chosen), start, chosen), numbers


def _within(places: Any, count: int) -> Any:
    xp = places.namespace
    places = cast_to(places, getattr(xp, xp.backend.index_dtype(places.device)))
    return xp.where(xp.logical_or(places < 0, places >= count), count, places)


def _column(x: Any, rows: Any) -> Any:
    """Return a number for each row as one that broadcasts over it."""
    return x.namespace.reshape(x, (x.shape[0],) + (1,) * (rows.ndim - 1))
