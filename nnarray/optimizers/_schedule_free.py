"""Descent that needs no schedule: the average of its steps is part of the rule."""

from __future__ import annotations

from typing import Any

from nnarray._checks import check_not_negative, check_positive, check_share, check_whole
from nnarray.optimizers._optimizer import Optimizer
from nnarray.optimizers._rate import Rate
from nnarray.optimizers._slots import Slot


class ScheduleFreeAdamW(Optimizer):
    """`AdamW` that needs no schedule: gradients are taken between the iterate and the average of all iterates.

    Defazio et al., "The road less scheduled", NeurIPS 2024, algorithm 1. Variables hold its y, the slot ``momentum``
    its z; the average x follows from both.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
    beta_1 : float
        How far variables lie from the iterate towards the average, in (0, 1).
    beta_2 : float
        Decay of the mean square, in [0, 1).
    epsilon : float
    warmup_steps : int
        Over how many steps the rate rises to `learning_rate`.
    weight_decay, clipnorm, clipvalue, global_clipnorm, …, name : as for `Optimizer`

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.optimizers.ScheduleFreeAdamW(warmup_steps=100)
    ScheduleFreeAdamW(warmup_steps=100)
    """

    slots = (Slot("momentum", "variable"), "velocity")

    def __init__(
        self,
        learning_rate: Rate = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.beta_1 = check_share("beta_1", check_positive("beta_1", beta_1))
        self.beta_2 = check_share("beta_2", beta_2)
        self.epsilon = check_not_negative("epsilon", epsilon)
        self.warmup_steps = check_whole("warmup_steps", warmup_steps)

    def update(
        self, xp: Any, weight: Any, gradient: Any, slots: tuple[Any, ...], learning_rate: Any, step: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        iterate, velocity = slots
        if self.warmup_steps:
            learning_rate = learning_rate * xp.minimum(step / self.warmup_steps, 1.0)
        average = (weight - (1 - self.beta_1) * iterate) / self.beta_1
        velocity = velocity + (gradient * gradient - velocity) * (1 - self.beta_2)
        size = xp.sqrt(velocity / (1 - self.beta_2**step)) + self.epsilon
        iterate = iterate - learning_rate * gradient / size
        average = (1 - 1 / step) * average + 1 / step * iterate
        return (1 - self.beta_1) * iterate + self.beta_1 * average, (iterate, velocity)
