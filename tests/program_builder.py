"""A program as it grows: run on NumPy step by step, so that what comes next knows shapes and values."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.programs import Program, Step

#: How far values stay from ties, kinks and poles: many times the step of a finite difference.
GAP = 1e-3
#: Results beyond this get their arc tangent taken before they are used again.
LARGE = 6.0
MOST_ELEMENTS, MOST_AXES = 64, 4

#: What a value must be like.
Fits = Callable[[np.ndarray], Any]


class Builder:
    """A program as it grows, with the values of its results on NumPy."""

    def __init__(self, draw: Any, shapes: tuple[tuple[int, ...], ...], seed: int) -> None:
        self.draw = draw
        self.steps: list[Step] = []
        inputs = Program(shapes, (), seed).inputs
        self.values: dict[str, Any] = {f"v{i}": x for i, x in enumerate(inputs)}

    def one_of(self, *items: Any) -> Any:
        """Draw one of the items."""
        return self.draw(st.sampled_from(items))

    def pick(self, fits: Fits = lambda x: True) -> tuple[str, np.ndarray] | None:
        """Draw the name of a value that fits, and the value; mostly the latest, so that programs are deep."""
        found = [name for name, x in self.values.items() if _size(x) <= LARGE and fits(x)][::-1]
        if not found:
            return None
        place = self.draw(st.integers(0, 4 * len(found) - 4))
        name = found[place if place < len(found) else 0]
        return name, self.values[name]

    def add(self, name: str, *operands: Any, **params: Any) -> str | None:
        """Append a step and return the name of its result; None if that, or an operand, is not tame."""
        if None in operands:
            return None
        step = Step(name, *operands, **params)
        with np.errstate(all="ignore"):
            out = step(self.values)
        if out.size > MOST_ELEMENTS or out.ndim > MOST_AXES or not np.all(np.isfinite(out)) or _size(out) > LARGE**3:
            return None
        made = f"v{len(self.values)}"
        self.steps.append(step)
        self.values[made] = out
        if _size(out) > LARGE:
            return self.add("atan", made)
        return made

    def within(self, name: str, low: float, high: float, gap: float = 0.0) -> str:
        """Return the name of a value in the interval, and away from zero by the gap: this one or one made from it."""
        x = np.abs(self.values[name]) if gap else self.values[name]
        if np.all((max(low, gap) <= x) & (x <= high)):
            return name
        low = max(low, gap)
        # The arc tangent has no flat ends in which digits drown.
        scaled = self.add("*", self.add("atan", name), round((high - low) / 3.2, 3))
        return self.add("+", scaled, round((high + low) / 2, 3)) or name

    def axis_of(self, x: np.ndarray) -> int:
        """Draw an axis, counted from either end."""
        return self.draw(st.integers(-x.ndim, x.ndim - 1))

    def places_along(self, length: int) -> tuple[int, ...]:
        """Draw a few places along an axis, with repetitions."""
        return tuple(self.draw(st.lists(st.integers(0, length - 1), min_size=1, max_size=4)))


def _size(x: np.ndarray) -> float:
    return float(np.max(np.abs(x), initial=0.0))


def is_separated(x: np.ndarray, axis: int | None = None) -> bool:
    """Whether no two values along an axis tie."""
    x = np.ravel(x) if axis is None else x
    axis = -1 if axis is None else axis
    return bool(np.all(np.diff(np.sort(x, axis=axis), axis=axis) > GAP))


def broadcasts(x: np.ndarray) -> Fits:
    """Return whether another array broadcasts with this one."""

    def fits(y: np.ndarray) -> bool:
        pairs = zip(np.shape(x)[::-1], np.shape(y)[::-1], strict=False)
        return all(n == m or 1 in (n, m) for n, m in pairs)

    return fits


def has_axes(x: np.ndarray) -> bool:
    """Whether there is an axis to choose."""
    return x.ndim > 0


def has_elements(x: np.ndarray) -> bool:
    """Whether there is an axis to choose, and something along it."""
    return x.ndim > 0 and x.size > 0


def multiplies(first: tuple[int, ...], second: tuple[int, ...]) -> bool:
    """Whether arrays of these shapes have a matrix product."""
    if not second or first[-1] != second[-min(2, len(second))]:
        return False
    return broadcasts(np.empty(first[:-2]))(np.empty(second[:-2]))


def paired(first: np.ndarray, own: tuple[int, ...], second: np.ndarray) -> tuple[int, ...] | None:
    """Return axes of the second array with the lengths of some of the first's."""
    wanted = [first.shape[a] for a in own]
    choices = itertools.permutations(range(second.ndim), len(own))
    return next((axes for axes in choices if [second.shape[a] for a in axes] == wanted), None)


def stretches_to(goal: tuple[int, ...]) -> Fits:
    """Return whether an array broadcasts to a shape."""
    return lambda x: x.ndim <= len(goal) and all(n in (1, m) for n, m in zip(x.shape[::-1], goal[::-1], strict=False))


def condition(x: np.ndarray) -> Any:
    """Return how many times matrices magnify errors when they are inverted."""
    return np.linalg.cond(x) if np.all(np.abs(np.linalg.det(x)) > GAP) else np.inf


def as_tuples(indices: np.ndarray) -> Any:
    """Return an array of integers as nested tuples, which are data and print well."""
    return tuple(map(as_tuples, indices)) if indices.ndim else int(indices)
