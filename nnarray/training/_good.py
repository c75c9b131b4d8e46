"""The last state of a training that is known to be good."""

from __future__ import annotations

import functools
import operator
from collections.abc import Collection, Iterable
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
        pairs = [(x, y) for variable, x, y in now if variable not in but_for]
        if any(x.shape != y.shape for x, y in pairs):
            return False
        return not _any(_differs(x, y) for x, y in pairs)

    def is_suspicious(self, weights: Collection[Variable]) -> bool:
        """Whether weights differ so much from the good ones that their loss should be looked at."""
        found = zip(self._step.variables, self._good[0], self._step.state(), strict=True)
        return _any(
            ~(_greatest(after - before) <= _CHANGE * _greatest(before))
            for variable, before, after in found
            if variable in weights and 0 not in before.shape
        )


def copied(state: State) -> State:
    """Return copies of the arrays of a state."""
    return [backend_of(array).xp.asarray(array, copy=True) for array in state]


def _any(flags: Iterable[Any]) -> bool:
    """Whether one of some arrays without axes is true. They are read together: a GPU is waited for once."""
    return bool(functools.reduce(operator.or_, flags, False))


def _greatest(x: Any) -> Any:
    """Return the greatest absolute value in an array, NaN if there is one."""
    xp = backend_of(x).xp
    return xp.max(xp.abs(x))


def _differs(x: Any, y: Any) -> Any:
    return backend_of(x).xp.any((x != y) & ((x == x) | (y == y)))
