"""Update rules that look at a variable as a whole, each as its formula."""

from __future__ import annotations

from typing import Any

from nnarray._checks import check_boolean, check_not_negative, check_positive, check_share
from nnarray.optimizers._optimizer import Optimizer
from nnarray.optimizers._rate import Rate
from nnarray.optimizers._slots import Slot


class Lamb(Optimizer):
    """`Adam` whose change of each variable is as long, relative to the variable, as the learning rate says.

    You et al., "Large batch optimization for deep learning: training BERT in 76 minutes", ICLR 2020, algorithm 2.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
    beta_1, beta_2 : float
        Decay of the two means, in [0, 1).
    epsilon : float
    weight_decay, clipnorm, clipvalue, global_clipnorm, …, name : as for `Optimizer`

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.optimizers.Lamb()
    Lamb()
    """

    slots = ("momentum", "velocity")
    elementwise = False

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.beta_1 = check_share("beta_1", beta_1)
        self.beta_2 = check_share("beta_2", beta_2)
        self.epsilon = check_not_negative("epsilon", epsilon)

    def update(
        self, xp: Any, weight: Any, gradient: Any, slots: tuple[Any, ...], learning_rate: Any, step: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        momentum, velocity = slots
        momentum = momentum + (gradient - momentum) * (1 - self.beta_1)
        velocity = velocity + (gradient * gradient - velocity) * (1 - self.beta_2)
        size = xp.sqrt(velocity / (1 - self.beta_2**step)) + self.epsilon
        change = momentum / (1 - self.beta_1**step) / size
        of_weight, of_change = xp.sqrt(xp.sum(weight * weight)), xp.sqrt(xp.sum(change * change))
        is_relative = xp.logical_and(of_weight > 0.0, of_change > 0.0)
        ratio = xp.where(is_relative, of_weight / xp.where(is_relative, of_change, 1.0), 1.0)
        return weight - ratio * learning_rate * change, (momentum, velocity)


def _rows(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape[:-1] if len(shape) > 1 else ()


def _columns(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape[:-2], shape[-1]) if len(shape) > 1 else ()


def _all(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape if len(shape) < 2 else ()


class Adafactor(Optimizer):
    """Divides by a running size of the gradient, of which matrices keep means of rows and columns only.

    Shazeer, Stern, "Adafactor: adaptive learning rates with sublinear memory cost", ICML 2018, algorithms 4 and 5.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
    beta_2_decay : float
        The running means decay by ``1 - step**beta_2_decay``.
    epsilon_1 : float
        Added to squares of gradients.
    epsilon_2 : float
        Least root mean square of a variable that changes are scaled by.
    clip_threshold : float
        Greatest root mean square of a change.
    relative_step : bool
        Taken as Keras takes it, where it changes nothing: with either, the rate is ``1 / sqrt(step)`` at most.
    weight_decay, clipnorm, clipvalue, global_clipnorm, …, name : as for `Optimizer`

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.optimizers.Adafactor()
    Adafactor()
    """

    slots = (Slot("r", shape=_rows), Slot("c", shape=_columns), Slot("velocity", shape=_all))
    elementwise = False

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.beta_2_decay = beta_2_decay
        self.epsilon_1 = check_not_negative("epsilon_1", epsilon_1)
        self.epsilon_2 = check_not_negative("epsilon_2", epsilon_2)
        self.clip_threshold = check_positive("clip_threshold", clip_threshold)
        self.relative_step = check_boolean("relative_step", relative_step)

    def update(
        self, xp: Any, weight: Any, gradient: Any, slots: tuple[Any, ...], learning_rate: Any, step: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        rows, columns, velocity = slots
        share = 1.0 - step**self.beta_2_decay
        squares = gradient * gradient + self.epsilon_1
        if weight.ndim > 1:
            rows = share * rows + (1.0 - share) * xp.mean(squares, axis=-1)
            columns = share * columns + (1.0 - share) * xp.mean(squares, axis=-2)
            relative = rows / xp.mean(rows, axis=-1, keepdims=True)
            size = xp.expand_dims(relative, axis=-1) * xp.expand_dims(columns, axis=-2)
        else:
            size = velocity = share * velocity + (1.0 - share) * squares
        change = gradient / xp.sqrt(size)
        change = change / xp.maximum(xp.sqrt(xp.mean(change * change)) / self.clip_threshold, 1.0)
        rate = xp.minimum(learning_rate, 1.0 / xp.sqrt(step))
        alpha = xp.maximum(xp.sqrt(xp.mean(weight * weight)), self.epsilon_2) * rate
        return weight - alpha * change, (rows, columns, velocity)
