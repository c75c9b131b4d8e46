"""The learning rate: a number that can be set, a function of the step, or a function without arguments."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nnarray._messages import describe
from nnarray.array import is_traced, on_device_of
from nnarray.backends import find_backend
from nnarray.optimizers.schedules import LearningRateSchedule
from nnarray.variables import Variable

Rate = float | LearningRateSchedule | Callable[..., Any]


class LearningRate:
    """What an optimizer's steps are scaled by.

    Parameters
    ----------
    given : float, LearningRateSchedule or callable
        A callable is given the number of steps taken if it takes an argument.

    Attributes
    ----------
    schedule : callable or None
        What was given, unless it is a number.
    variable : Variable or None
        Holds the number once the optimizer is built, so that a plan reads what was set since.
    """

    def __init__(self, given: Rate) -> None:
        self.schedule = given if callable(given) else None
        self.variable: Variable | None = None
        self._number = 0.0 if callable(given) else checked_rate(given)

    @property
    def follows_steps(self) -> bool:
        """Whether it is a function of the step."""
        if self.schedule is None or isinstance(self.schedule, LearningRateSchedule):
            return self.schedule is not None
        try:
            parameters = inspect.signature(self.schedule).parameters.values()
        except ValueError:  # a function of another language that does not tell
            return False
        return any(p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)

    def build(self, variables: list[Variable], name: str) -> None:
        """Make the variable, where the first of `variables` lives."""
        dtype = "float64" if any(variable.dtype == "float64" for variable in variables) else "float32"
        value = variables[0].backend.asarray(self._number, dtype, variables[0].device)
        self.variable = Variable(value, name, trainable=False)

    def restore(self, variable: Variable) -> None:
        """Go on with a variable that was made before; a schedule stays what it is."""
        self.variable = variable
        if self.schedule is None:
            self._number = float(variable.numpy())

    def at(self, step: Any) -> Any:
        """Return the rate of the step that `step` others came before: a number or a scalar array."""
        if self.follows_steps:
            assert self.schedule is not None
            with on_device_of(step):
                return self.schedule(step)
        if not is_traced(step):
            self.refresh()
        return self._number if self.variable is None else self.variable.value

    def refresh(self) -> None:
        """Call a function without arguments; a plan that is replayed reads what it returned last."""
        if self.schedule is not None and not self.follows_steps:
            constant: Callable[..., Any] = self.schedule
            self._store(constant())

    def set(self, value: Rate) -> None:
        """Replace the number, or whatever there is by a function."""
        if callable(value):
            self.schedule = value
        elif self.schedule is None:
            self._store(value)
        else:
            raise TypeError(
                f"A learning rate given by {self.schedule!r} cannot be set to a number: received "
                f"learning_rate={value!r}. Make the optimizer with a number to set it later."
            )

    def _store(self, value: Any) -> None:
        self._number = checked_rate(value)
        if self.variable is not None:
            self.variable.assign(np.asarray(self._number))


def checked_rate(value: Any) -> float:
    """Return a learning rate that is a number, or a scalar array, as a float.

    Raises
    ------
    TypeError
        If it is not a number.
    ValueError
        If it is negative or not finite.
    """
    value = value.numpy() if isinstance(value, Variable) else getattr(value, "value", value)
    backend = find_backend(value)
    if backend is not None and tuple(value.shape) == ():
        value = backend.to_numpy(value).item()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(
            f"learning_rate must be a number: received learning_rate={describe(value)}. Or give a schedule."
        )
    if not 0 <= value < math.inf:
        raise ValueError(f"learning_rate must not be negative: received learning_rate={value!r}.")
    return float(value)
