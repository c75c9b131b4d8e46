"""The last state of a training that is known to be good."""

from __future__ import annotations

import math
from typing import Any

from nnarray.backends import backend_of
from nnarray.training._step import State, Step
from nnarray.variables import Pack

#: By what factor weights may grow in an epoch before a loss is computed from the last of them.
_GROWTH = 10.0


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
        """Keep the state at hand until a loss is computed from it."""
        self._latest = copied(self._step.state()), counter, place

    def confirm(self) -> None:
        """Take the state that was offered for good."""
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

    def is_suspicious(self) -> bool:
        """Whether the weights at hand are so much greater than the good ones that their loss should be looked at."""
        before, now = (_greatest(self._step, state) for state in (self._good[0], self._step.state()))
        return not now <= _GROWTH * (before + 1.0)


def copied(state: State) -> State:
    """Return copies of the arrays of a state."""
    return [backend_of(array).xp.asarray(array, copy=True) for array in state]


def _greatest(step: Step, state: State) -> float:
    """Return the greatest absolute value of a weight, infinity if there is a NaN."""
    found = 0.0
    for variable, array in zip(step.variables, state, strict=True):
        if isinstance(variable, Pack):
            backend: Any = backend_of(array)
            value = float(backend.to_numpy(backend.xp.max(backend.xp.abs(array))))
            found = math.inf if math.isnan(value) else max(found, value)
    return found
