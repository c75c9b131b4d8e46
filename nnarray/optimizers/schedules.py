"""Learning rates as functions of the step, by Keras' names, in plain standard code."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnarray import config
from nnarray._checks import check_boolean, check_positive
from nnarray._config import Configured
from nnarray.array import array_namespace, place_methods

__all__ = ["ExponentialDecay", "LearningRateSchedule"]


class LearningRateSchedule(Configured):
    """Base of schedules: called with the number of steps taken, gives the learning rate of the next.

    A subclass writes ``__call__(step)`` in array-API code: under `fit` the step is an array that a plan takes as an
    argument, and the rate is computed on the device.

    Examples
    --------
    >>> from nnarray.optimizers.schedules import LearningRateSchedule
    >>> class Hyperbolic(LearningRateSchedule):
    ...     def __init__(self, initial):
    ...         self.initial = initial
    ...     def __call__(self, step):
    ...         return self.initial / (step + 1)
    >>> Hyperbolic(0.5)
    Hyperbolic(0.5)
    """

    shared_arguments = ("name",)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        place_methods(cls, "__call__")

    def __call__(self, step: Any) -> Any:
        """Return the learning rate, a scalar, of the step that `step` others came before (an integer scalar array)."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(step)")


class ExponentialDecay(LearningRateSchedule):
    """``initial_learning_rate * decay_rate ** (step / decay_steps)``.

    Parameters
    ----------
    initial_learning_rate : float
    decay_steps : float
        Positive.
    decay_rate : float
    staircase : bool
        Whether to round ``step / decay_steps`` down, so that the rate falls in stairs.
    name : str

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> schedule = nna.optimizers.schedules.ExponentialDecay(0.5, decay_steps=2, decay_rate=0.25)
    >>> float(schedule(1)), float(schedule(np.asarray(2)))
    (0.25, 0.125)
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = check_boolean("staircase", staircase)
        self.name = name
        check_positive("decay_steps", decay_steps)

    def __call__(self, step: Any) -> Any:
        step = np.asarray(step) if isinstance(step, (int, float)) else step
        xp = array_namespace(step)
        exponent = xp.astype(step, getattr(xp, config.floatx())) / self.decay_steps
        return self.initial_learning_rate * self.decay_rate ** (xp.floor(exponent) if self.staircase else exponent)
