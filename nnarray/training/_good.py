"""The last state of a training that is known to be good."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from nnarray.backends import backend_of
from nnarray.training._step import State, Step
from nnarray.variables import Variable

#: What part of their greatest weight variables may change by in a step before a loss is computed from the result.
_CHANGE = 0.1


class LastGood:
    """Copies of the state: a state is good once a finite loss was computed from it.

    Parameters
    ----------
    step : Step
    counter : int
        Number of the steps that led to the state at hand, which is taken for good.
    place : str
        Which state that is, in words.

    Attributes
    ----------
    place : str
        Which state is the good one, in words.
    """

    def __init__(self, step: Step, counter: int, place: str = "their values before training") -> None:
        self._step = step
        self.place = place
        self._good = copied(step.state()), counter
        self._latest: tuple[State, int, str] | None = None

    def offer(self, counter: int, place: str) -> None:
        """Keep the present state until a loss is computed from it."""
        self._latest = copied(self._step.state()), counter, place

    def confirm(self) -> None:
        """Let the state that was offered be the good one."""
        if self._latest is not None:
            state, counter, self.place = self._latest
            self._good, self._latest = (state, counter), None

    def restore(self) -> int:
        """Go back to the good state; return its number of steps."""
        state, counter = self._good
        self._step.store(copied(state))
        return counter

    def restore_latest(self) -> int:
        """Go back to the last state that was kept; return its number of steps."""
        if self._latest is None:
            return self.restore()
        self._step.store(copied(self._latest[0]))
        return self._latest[1]

    def goes_on(self, step: Step, but_for: Collection[Variable]) -> bool:
        """Whether the state at hand, but for some variables, is what `step` left and is kept here."""
        if step is not self._step or self._latest is None:
            return False
        now = zip(step.variables, step.state(), self._latest[0], strict=True)
        return all(variable in but_for or _is_same(x, y) for variable, x, y in now)

    def is_suspicious(self, weights: Collection[Variable]) -> bool:
        """Whether weights differ so much from the good ones that their loss should be looked at."""
        found = zip(self._step.variables, self._good[0], self._step.state(), strict=True)
        return any(
            not _greatest(after - before) <= _CHANGE * _greatest(before)
            for variable, before, after in found
            if variable in weights
        )


def copied(state: State) -> State:
    """Return copies of the arrays of a state."""
    return [backend_of(array).xp.asarray(array, copy=True) for array in state]


def _greatest(x: Any) -> float:
    """Return the greatest absolute value in an array, NaN if there is one, 0 if it is empty."""
    backend = backend_of(x)
    return float(backend.to_numpy(backend.xp.max(backend.xp.abs(x)))) if 0 not in x.shape else 0.0


def _is_same(x: Any, y: Any) -> bool:
    backend = backend_of(x)
    return x.shape == y.shape and bool(backend.xp.all((x == y) | ((x != x) & (y != y))))
