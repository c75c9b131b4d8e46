"""Learning rates as functions of the step, by Keras' names, in plain standard code."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnarray import config
from nnarray._checks import check_boolean, check_not_negative, check_positive
from nnarray._config import Configured
from nnarray._custom_objects import custom_object_scope
from nnarray._lookup import Registry
from nnarray._serialization import serialize_keras_object
from nnarray.array import array_namespace, place_methods

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "serialize",
]


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
        xp, passed = _passed(step, self.decay_steps)
        exponent = xp.floor(passed) if self.staircase else passed
        return self.initial_learning_rate * self.decay_rate**exponent


def _counted(step: Any) -> tuple[Any, Any]:
    """Return the namespace of a number of steps, and the number in the default floating dtype."""
    step = np.asarray(step) if isinstance(step, (int, float)) else step
    xp = array_namespace(step)
    return xp, xp.astype(step, getattr(xp, config.floatx()))


def _passed(step: Any, of: float) -> tuple[Any, Any]:
    """Return the namespace of a number of steps, and how often it holds so many."""
    xp, step = _counted(step)
    return xp, step / of


class InverseTimeDecay(LearningRateSchedule):
    """``initial_learning_rate / (1 + decay_rate * step / decay_steps)``.

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
    >>> import nnarray as nna
    >>> float(nna.optimizers.schedules.InverseTimeDecay(0.5, decay_steps=2, decay_rate=0.5)(4))
    0.25
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = check_positive("decay_steps", decay_steps)
        self.decay_rate = decay_rate
        self.staircase = check_boolean("staircase", staircase)
        self.name = name

    def __call__(self, step: Any) -> Any:
        xp, passed = _passed(step, self.decay_steps)
        return self.initial_learning_rate / (1.0 + self.decay_rate * (xp.floor(passed) if self.staircase else passed))


class PolynomialDecay(LearningRateSchedule):
    """From one rate to another by ``(1 - step / decay_steps)**power``.

    Parameters
    ----------
    initial_learning_rate : float
    decay_steps : float
        Positive.
    end_learning_rate : float
        The rate from `decay_steps` on.
    power : float
    cycle : bool
        Whether, instead of staying there, it begins anew below the multiples of `decay_steps`, ever slower.
    name : str

    Examples
    --------
    >>> import nnarray as nna
    >>> schedule = nna.optimizers.schedules.PolynomialDecay(1.0, decay_steps=4, end_learning_rate=0.0)
    >>> float(schedule(1)), float(schedule(9))
    (0.75, 0.0)
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = check_positive("decay_steps", decay_steps)
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = check_boolean("cycle", cycle)
        self.name = name

    def __call__(self, step: Any) -> Any:
        xp, step = _counted(step)
        if self.cycle:
            share = step / (self.decay_steps * xp.maximum(xp.ceil(step / self.decay_steps), 1.0))
        else:
            share = xp.minimum(step / self.decay_steps, 1.0)
        return (self.initial_learning_rate - self.end_learning_rate) * (
            1.0 - share
        ) ** self.power + self.end_learning_rate


class PiecewiseConstantDecay(LearningRateSchedule):
    """One rate up to each boundary, and another after the last.

    Parameters
    ----------
    boundaries : sequence of numbers
        Numbers of steps, rising.
    values : sequence of float
        The rate up to and with each boundary, then the last: one more than `boundaries`.
    name : str

    Examples
    --------
    >>> import nnarray as nna
    >>> schedule = nna.optimizers.schedules.PiecewiseConstantDecay([10, 20], [1.0, 0.5, 0.25])
    >>> float(schedule(10)), float(schedule(11)), float(schedule(30))
    (1.0, 0.5, 0.25)
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant") -> None:
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                f"values must be one more than boundaries: received {len(values)} values and {len(boundaries)} "
                "boundaries."
            )
        if any(following <= before for before, following in itertools.pairwise(boundaries)):
            raise ValueError(f"boundaries must rise: received boundaries={list(boundaries)}.")
        self.boundaries = list(boundaries)
        self.values = list(values)
        self.name = name

    def __call__(self, step: Any) -> Any:
        xp, step = _counted(step)
        rate = xp.zeros_like(step) + self.values[-1]
        for boundary, value in zip(reversed(self.boundaries), reversed(self.values[:-1]), strict=True):
            rate = xp.where(step <= boundary, value, rate)
        return rate


class CosineDecay(LearningRateSchedule):
    """A warm-up in a straight line, if there is one, then half a cosine down to ``alpha`` of the rate.

    Loshchilov, Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017, equation 5.

    Parameters
    ----------
    initial_learning_rate : float
        What it begins with.
    decay_steps : float
        Positive: steps of the cosine.
    alpha : float
        Least rate, as a share of that which the cosine begins with.
    name : str
    warmup_target : float, optional
        The rate at the end of the warm-up; by default there is none.
    warmup_steps : float

    Examples
    --------
    >>> import nnarray as nna
    >>> schedule = nna.optimizers.schedules.CosineDecay(0.0, 10, warmup_target=1.0, warmup_steps=4)
    >>> [round(float(schedule(step)), 4) for step in (2, 4, 9, 99)]
    [0.5, 1.0, 0.5, 0.0]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: float = 0,
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = check_positive("decay_steps", decay_steps)
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = check_not_negative("warmup_steps", warmup_steps)

    def __call__(self, step: Any) -> Any:
        xp, step = _counted(step)
        if self.warmup_target is None:
            return self.initial_learning_rate * _cosine(xp, xp.minimum(step / self.decay_steps, 1.0), self.alpha)
        share = xp.clip((step - self.warmup_steps) / self.decay_steps, 0.0, 1.0)
        rate = self.warmup_target * _cosine(xp, share, self.alpha)
        if not self.warmup_steps:
            return rate
        rise = (self.warmup_target - self.initial_learning_rate) * (step / self.warmup_steps)
        return xp.where(step < self.warmup_steps, rise + self.initial_learning_rate, rate)


def _cosine(xp: Any, share: Any, alpha: float, factor: Any = 1.0) -> Any:
    """Return half a cosine from `factor` to `alpha`."""
    return (1.0 - alpha) * (0.5 * factor * (1.0 + xp.cos(math.pi * share))) + alpha


class CosineDecayRestarts(LearningRateSchedule):
    """Half a cosine down to ``alpha`` of the rate, again and again, each time longer and lower.

    Loshchilov, Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017, equation 5.

    Parameters
    ----------
    initial_learning_rate : float
    first_decay_steps : float
        Positive: steps of the first cosine.
    t_mul : float
        How much longer each is than the one before, at least 1.
    m_mul : float
        How much higher each begins than the one before.
    alpha : float
        Least rate, as a share of the first.
    name : str

    Examples
    --------
    >>> import nnarray as nna
    >>> schedule = nna.optimizers.schedules.CosineDecayRestarts(1.0, 2, m_mul=0.5)
    >>> [round(float(schedule(step)), 4) for step in (0, 1, 2, 4)]
    [1.0, 0.5, 0.5, 0.25]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = check_positive("first_decay_steps", first_decay_steps)
        if t_mul < 1:
            raise ValueError(f"t_mul must be at least 1: received t_mul={t_mul!r}.")
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.alpha = alpha
        self.name = name

    def __call__(self, step: Any) -> Any:
        xp, passed = _passed(step, self.first_decay_steps)
        if self.t_mul == 1:
            restarts = xp.floor(passed)
            share = passed - restarts
        else:
            restarts = self._restarts(xp, passed)
            share = (passed - self._begin(restarts)) / self.t_mul**restarts
        return self.initial_learning_rate * _cosine(xp, share, self.alpha, self.m_mul**restarts)

    def _begin(self, restarts: Any) -> Any:
        """Return when a cosine begins, in lengths of the first."""
        return (self.t_mul**restarts - 1.0) / (self.t_mul - 1.0)

    def _restarts(self, xp: Any, passed: Any) -> Any:
        """Return how many cosines are over; a logarithm that rounding puts on the wrong side is put right."""
        found = xp.floor(xp.log(1.0 + passed * (self.t_mul - 1.0)) / math.log(self.t_mul))
        found = xp.where(self._begin(found + 1.0) <= passed, found + 1.0, found)
        return xp.where(self._begin(found) > passed, found - 1.0, found)


SCHEDULES = Registry(
    *("schedule", LearningRateSchedule),
    *(ExponentialDecay, PiecewiseConstantDecay, PolynomialDecay, InverseTimeDecay, CosineDecay, CosineDecayRestarts),
)


def serialize(learning_rate_schedule: Any) -> Any:
    """Return a schedule as plain values, for `deserialize`; see `nnarray.utils.serialize_keras_object`.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.optimizers.schedules.serialize(nna.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5))["class_name"]
    'ExponentialDecay'
    """
    return serialize_keras_object(learning_rate_schedule)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return a schedule by what `serialize` returned; see `nnarray.utils.deserialize_keras_object`.

    Examples
    --------
    >>> import nnarray as nna
    >>> schedules = nna.optimizers.schedules
    >>> schedules.deserialize(schedules.serialize(schedules.ExponentialDecay(0.1, 10, 0.5)))
    ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)
    """
    with custom_object_scope(custom_objects or {}):
        return SCHEDULES.get(config)
