"""The update rules, each as its formula."""

from __future__ import annotations

from typing import Any

from nnarray._checks import check_boolean, check_not_negative, check_share
from nnarray.optimizers._optimizer import Optimizer
from nnarray.optimizers._rate import Rate


class SGD(Optimizer):
    """Gradient descent ``w <- w - learning_rate g``; with momentum ``v <- momentum v - learning_rate g; w <- w + v``.

    Sutskever, Martens, Dahl, Hinton, "On the importance of initialization and momentum in deep learning", ICML 2013.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
    momentum : float
        In [0, 1].
    nesterov : bool
        Whether to look ahead: ``w <- w + momentum v - learning_rate g``.
    weight_decay, clipnorm, clipvalue, global_clipnorm, …, name : as for `Optimizer`

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.optimizers.SGD(0.1, momentum=0.9)
    SGD(0.1, momentum=0.9)
    """

    def __init__(
        self, learning_rate: Rate = 0.01, momentum: float = 0.0, nesterov: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.momentum = check_share("momentum", momentum, closed=True)
        self.nesterov = check_boolean("nesterov", nesterov)
        self.slots = ("momentum",) if momentum else ()

    def update(
        self, xp: Any, weight: Any, gradient: Any, slots: tuple[Any, ...], learning_rate: Any, step: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        descent = learning_rate * gradient
        if not self.momentum:
            return weight - descent, ()
        velocity = self.momentum * slots[0] - descent
        if self.nesterov:
            return weight + self.momentum * velocity - descent, (velocity,)
        return weight + velocity, (velocity,)


class RMSprop(Optimizer):
    """Divides the gradient by a running root mean square of its size.

    Tieleman, Hinton, "Lecture 6.5: RMSprop", Neural Networks for Machine Learning, 2012.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
    rho : float
        Decay of the running mean, in [0, 1).
    momentum : float
        In [0, 1].
    epsilon : float
        Added to the mean square, under the root.
    centered : bool
        Whether to divide by the running standard deviation instead.
    weight_decay, clipnorm, clipvalue, global_clipnorm, …, name : as for `Optimizer`

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.optimizers.RMSprop()
    RMSprop()
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.rho = check_share("rho", rho)
        self.momentum = check_share("momentum", momentum, closed=True)
        self.epsilon = check_not_negative("epsilon", epsilon)
        self.centered = check_boolean("centered", centered)
        self.slots = ("velocity", *(("momentum",) if momentum else ()), *(("average",) if centered else ()))

    def update(
        self, xp: Any, weight: Any, gradient: Any, slots: tuple[Any, ...], learning_rate: Any, step: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        state = dict(zip(self.slots, slots, strict=True))
        state["velocity"] = self.rho * state["velocity"] + (1 - self.rho) * gradient * gradient
        variance = state["velocity"]
        if self.centered:
            state["average"] = self.rho * state["average"] + (1 - self.rho) * gradient
            variance = variance - state["average"] * state["average"]
        change = learning_rate * gradient / xp.sqrt(variance + self.epsilon)
        if self.momentum:
            change = state["momentum"] = self.momentum * state["momentum"] + change
        return weight - change, tuple(state.values())


class Adam(Optimizer):
    """Descent by running means of the gradient and of its square.

    Kingma, Ba, "Adam: a method for stochastic optimization", ICLR 2015, with the bias correction folded into the
    learning rate as at the end of their section 2; epsilon is that section's epsilon-hat.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
    beta_1, beta_2 : float
        Decay of the two means, in [0, 1).
    epsilon : float
    amsgrad : bool
        Whether to divide by the greatest mean square so far (Reddi, Kale, Kumar, ICLR 2018).
    weight_decay, clipnorm, clipvalue, global_clipnorm, …, name : as for `Optimizer`

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.optimizers.Adam()
    Adam()
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.beta_1 = check_share("beta_1", beta_1)
        self.beta_2 = check_share("beta_2", beta_2)
        self.epsilon = check_not_negative("epsilon", epsilon)
        self.amsgrad = check_boolean("amsgrad", amsgrad)
        self.slots = ("momentum", "velocity", *(("velocity_hat",) if amsgrad else ()))

    def update(
        self, xp: Any, weight: Any, gradient: Any, slots: tuple[Any, ...], learning_rate: Any, step: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        momentum, velocity, *greatest = slots
        alpha = learning_rate * xp.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step)
        momentum = momentum + (gradient - momentum) * (1 - self.beta_1)
        velocity = velocity + (gradient * gradient - velocity) * (1 - self.beta_2)
        greatest = [xp.maximum(hat, velocity) for hat in greatest]
        weight = weight - alpha * momentum / (xp.sqrt(greatest[0] if greatest else velocity) + self.epsilon)
        return weight, (momentum, velocity, *greatest)
