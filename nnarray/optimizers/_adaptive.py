"""Update rules that measure each element's gradients, each as its formula."""

from __future__ import annotations

from typing import Any

from nnarray._checks import check_not_negative, check_positive, check_share
from nnarray.optimizers._optimizer import Optimizer
from nnarray.optimizers._rate import Rate
from nnarray.optimizers._rules import Adam
from nnarray.optimizers._slots import Slot


class AdamW(Adam):
    """`Adam` with weight decay.

    Loshchilov, Hutter, "Decoupled weight decay regularization", ICLR 2019.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
    weight_decay : float
    beta_1, beta_2, epsilon, amsgrad : as for `Adam`
    clipnorm, clipvalue, global_clipnorm, …, name : as for `Optimizer`

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.optimizers.AdamW(0.01).weight_decay
    0.004
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **kwargs: Any,
    ) -> None:
        if weight_decay is None:
            raise ValueError("AdamW needs a weight_decay: received weight_decay=None. Without one, use Adam.")
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **kwargs)


class Adamax(Optimizer):
    """`Adam` that divides by the greatest gradient, fading, instead of by a mean.

    Kingma, Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 2.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
    beta_1, beta_2 : float
        Decay of the mean and of the greatest, in [0, 1).
    epsilon : float
    weight_decay, clipnorm, clipvalue, global_clipnorm, …, name : as for `Optimizer`

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.optimizers.Adamax()
    Adamax()
    """

    slots = ("momentum", "norm")

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
        momentum, norm = slots
        momentum = momentum + (gradient - momentum) * (1 - self.beta_1)
        norm = xp.maximum(self.beta_2 * norm, xp.abs(gradient))
        return weight - learning_rate * momentum / ((1 - self.beta_1**step) * (norm + self.epsilon)), (momentum, norm)


class Nadam(Optimizer):
    """`Adam` that looks ahead as Nesterov's momentum does, with a momentum that grows over the steps.

    Dozat, "Incorporating Nesterov momentum into Adam", ICLR workshop 2016.

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
    >>> nna.optimizers.Nadam()
    Nadam()
    """

    #: The product of the momenta so far is one number for each variable.
    slots = ("momentum", "velocity", Slot("u_product", 1.0, ()))

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
        momentum, velocity, product = slots
        now = self.beta_1 * (1 - 0.5 * 0.96**step)
        following = self.beta_1 * (1 - 0.5 * 0.96 ** (step + 1))
        product = product * now
        momentum = momentum + (gradient - momentum) * (1 - self.beta_1)
        velocity = velocity + (gradient * gradient - velocity) * (1 - self.beta_2)
        ahead = following * momentum / (1 - product * following) + (1 - now) * gradient / (1 - product)
        size = xp.sqrt(velocity / (1 - self.beta_2**step)) + self.epsilon
        return weight - learning_rate * ahead / size, (momentum, velocity, product)


class Adagrad(Optimizer):
    """Divides the gradient by the root of the sum of its squares so far.

    Duchi, Hazan, Singer, "Adaptive subgradient methods for online learning and stochastic optimization", JMLR 2011.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
    initial_accumulator_value : float
        What the sum starts at.
    epsilon : float
        Added to the sum, under the root.
    weight_decay, clipnorm, clipvalue, global_clipnorm, …, name : as for `Optimizer`

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.optimizers.Adagrad()
    Adagrad()
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.initial_accumulator_value = check_not_negative("initial_accumulator_value", initial_accumulator_value)
        self.epsilon = check_not_negative("epsilon", epsilon)
        self.slots = (Slot("accumulator", initial_accumulator_value),)

    def update(
        self, xp: Any, weight: Any, gradient: Any, slots: tuple[Any, ...], learning_rate: Any, step: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        total = slots[0] + gradient * gradient
        return weight - learning_rate * gradient / xp.sqrt(total + self.epsilon), (total,)


class Adadelta(Optimizer):
    """Divides the gradient by its running size, and multiplies by the running size of the changes.

    Zeiler, "ADADELTA: an adaptive learning rate method", 2012, algorithm 1.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
        That of the paper is 1.
    rho : float
        Decay of the running means, in [0, 1).
    epsilon : float
        Added to the mean squares, under the roots.
    weight_decay, clipnorm, clipvalue, global_clipnorm, …, name : as for `Optimizer`

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.optimizers.Adadelta(1.0)
    Adadelta(1.0)
    """

    slots = ("accumulated_grad", "accumulated_delta_var")

    def __init__(self, learning_rate: Rate = 0.001, rho: float = 0.95, epsilon: float = 1e-7, **kwargs: Any) -> None:
        super().__init__(learning_rate, **kwargs)
        self.rho = check_share("rho", rho)
        self.epsilon = check_positive("epsilon", epsilon)

    def update(
        self, xp: Any, weight: Any, gradient: Any, slots: tuple[Any, ...], learning_rate: Any, step: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        squares, changes = slots
        squares = self.rho * squares + (1 - self.rho) * gradient * gradient
        change = -xp.sqrt(changes + self.epsilon) * gradient / xp.sqrt(squares + self.epsilon)
        changes = self.rho * changes + (1 - self.rho) * change * change
        return weight + learning_rate * change, (squares, changes)


class Lion(Optimizer):
    """Takes steps of one size: the sign of a mix of the gradient and its running mean.

    Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023, program 1. Learning rates are three to
    ten times smaller than Adam's, weight decay that much greater.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
    beta_1 : float
        Share of the running mean in the mix, in (0, 1).
    beta_2 : float
        Decay of the running mean, in [0, 1).
    weight_decay, clipnorm, clipvalue, global_clipnorm, …, name : as for `Optimizer`

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.optimizers.Lion(1e-4)
    Lion(0.0001)
    """

    slots = ("momentum",)

    def __init__(self, learning_rate: Rate = 0.001, beta_1: float = 0.9, beta_2: float = 0.99, **kwargs: Any) -> None:
        super().__init__(learning_rate, **kwargs)
        self.beta_1 = check_share("beta_1", check_positive("beta_1", beta_1))
        self.beta_2 = check_share("beta_2", beta_2)

    def update(
        self, xp: Any, weight: Any, gradient: Any, slots: tuple[Any, ...], learning_rate: Any, step: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        mean = slots[0]
        weight = weight - learning_rate * xp.sign(self.beta_1 * mean + (1 - self.beta_1) * gradient)
        return weight, (self.beta_2 * mean + (1 - self.beta_2) * gradient,)


class Ftrl(Optimizer):
    """Follows the regularized leader: keeps weights at zero that are not worth their penalty.

    McMahan et al., "Ad click prediction: a view from the trenches", KDD 2013, algorithm 1.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
    learning_rate_power : float
        Not positive; how the rate falls with the sum of squared gradients.
    initial_accumulator_value : float
        What that sum starts at.
    l1_regularization_strength, l2_regularization_strength : float
        Penalties that hold the weights towards zero.
    l2_shrinkage_regularization_strength : float
        Of a penalty by its gradient.
    beta : float
    weight_decay, clipnorm, clipvalue, global_clipnorm, …, name : as for `Optimizer`

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.optimizers.Ftrl(l1_regularization_strength=0.1)
    Ftrl(l1_regularization_strength=0.1)
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        if learning_rate_power > 0:
            raise ValueError(f"learning_rate_power must not be positive: received {learning_rate_power!r}.")
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = check_not_negative("initial_accumulator_value", initial_accumulator_value)
        self.l1_regularization_strength = check_not_negative("l1_regularization_strength", l1_regularization_strength)
        self.l2_regularization_strength = check_not_negative("l2_regularization_strength", l2_regularization_strength)
        name = "l2_shrinkage_regularization_strength"
        self.l2_shrinkage_regularization_strength = check_not_negative(name, l2_shrinkage_regularization_strength)
        self.beta = check_not_negative("beta", beta)
        self.slots = (Slot("accumulator", initial_accumulator_value), "linear")

    def update(
        self, xp: Any, weight: Any, gradient: Any, slots: tuple[Any, ...], learning_rate: Any, step: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        total, linear = slots
        power, l1 = -self.learning_rate_power, self.l1_regularization_strength
        after = total + gradient * gradient
        pulled = gradient + 2.0 * self.l2_shrinkage_regularization_strength * weight
        linear = linear + pulled - (after**power - total**power) / learning_rate * weight
        l2 = self.l2_regularization_strength + self.beta / (2.0 * learning_rate)
        weight = (xp.clip(linear, -l1, l1) - linear) / (after**power / learning_rate + 2.0 * l2)
        return weight, (after, linear)
