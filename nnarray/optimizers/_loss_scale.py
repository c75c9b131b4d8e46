"""Losses multiplied, so that their derivatives are not lost in float16."""

from __future__ import annotations

import functools
from collections.abc import Hashable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from nnarray._checks import check_positive, check_positive_integer
from nnarray._messages import describe
from nnarray.array import array_namespace
from nnarray.backends import find_backend
from nnarray.optimizers._composite import Composite
from nnarray.optimizers._gradients import scalar_for
from nnarray.optimizers._optimizer import Optimizer
from nnarray.optimizers._rate import Rate
from nnarray.optimizers._slots import bring_beside
from nnarray.variables import StatelessScope, Variable


class LossScaleOptimizer(Composite):
    """Multiplies the loss by a number that is as great as gradients let it be, and lets another optimizer step.

    Micikevicius et al., "Mixed precision training", ICLR 2018, section 3.2. A gradient that is not finite halves the
    number, and its step is not taken; after many steps without one, the number is doubled.

    `compile` puts it around the optimizer of a model that computes in ``"mixed_float16"``.

    Parameters
    ----------
    inner_optimizer : Optimizer
        What takes the steps; its `loss_scale_factor` is set to None.
    initial_scale : float
    dynamic_growth_steps : int
        After how many steps without a gradient that is not finite the number is doubled.
    name : str, optional

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> optimizer = nna.optimizers.LossScaleOptimizer(nna.optimizers.SGD(0.5), initial_scale=4.0)
    >>> w = nna.Variable(np.asarray([1.0, 2.0]))
    >>> optimizer.apply([np.asarray([4.0, 8.0])], [w])
    >>> w.numpy()
    array([0.5, 1. ])
    >>> optimizer.apply([np.asarray([np.inf, 0.0])], [w])
    >>> w.numpy(), float(optimizer.dynamic_scale)
    (array([0.5, 1. ]), 2.0)
    """

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
    ) -> None:
        if not isinstance(inner_optimizer, Optimizer) or isinstance(inner_optimizer, LossScaleOptimizer):
            raise TypeError(
                "inner_optimizer must be an Optimizer that does not scale the loss itself: received "
                f"{describe(inner_optimizer)}."
            )
        self.inner_optimizer = inner_optimizer
        self.initial_scale = check_positive("initial_scale", initial_scale)
        self.dynamic_growth_steps = check_positive_integer("dynamic_growth_steps", dynamic_growth_steps)
        self._step_counter: Variable | None = None
        self._dynamic_scale: Variable | None = None
        inner_optimizer.loss_scale_factor = None
        super().__init__(name)

    @property
    def optimizers(self) -> list[Optimizer]:
        return [self.inner_optimizer]

    @property
    def while_stepping(self) -> AbstractContextManager[Any]:  # type: ignore[override]
        """A context without NumPy's warnings of what tells that the scale is too great."""
        return np.errstate(over="ignore", invalid="ignore")

    @property
    def dynamic_scale(self) -> Any:
        """What the loss is multiplied by: a Variable once the optimizer is built."""
        return self.initial_scale if self._dynamic_scale is None else self._dynamic_scale

    @property
    def step_counter(self) -> Any:
        """The steps since that was changed: a Variable once the optimizer is built."""
        return 0 if self._step_counter is None else self._step_counter

    @property
    def learning_rate(self) -> Any:
        """That of `inner_optimizer`."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Rate) -> None:
        self.inner_optimizer.learning_rate = value

    @property
    def iterations(self) -> Any:
        """Those of `inner_optimizer`: steps that were not taken do not count."""
        return self.inner_optimizer.iterations

    @property
    def scalars(self) -> dict[str, Variable]:
        held = {"step_counter": self._step_counter, "dynamic_scale": self._dynamic_scale}
        return {name: variable for name, variable in held.items() if variable is not None}

    @property
    def _targets(self) -> list[Variable]:
        return self.inner_optimizer._targets

    def build(self, variables: Iterable[Variable]) -> None:
        variables = list(variables)
        self.inner_optimizer.build(variables)
        if variables:
            self.make_scalars(variables[0])

    def make_scalars(self, beside: Variable) -> None:
        if self._step_counter is None or self._dynamic_scale is None:
            xp, device = beside.backend.xp, beside.device
            self._step_counter = Variable(xp.asarray(0, device=device), f"{self.name}/step_counter", trainable=False)
            scale = xp.asarray(float(self.initial_scale), dtype=xp.float32, device=device)
            self._dynamic_scale = Variable(scale, f"{self.name}/dynamic_scale", trainable=False)
        bring_beside(beside, self._step_counter)
        bring_beside(beside, self._dynamic_scale)

    def group_of(self, variable: Variable) -> Hashable:
        return self.inner_optimizer.group_of(variable)

    def _is_ready_for(self, targets: Sequence[Variable]) -> bool:
        return self.built and self.inner_optimizer._is_ready_for(targets)

    def _require(self, targets: Sequence[Variable]) -> None:
        self.inner_optimizer._require(targets)

    def scale_loss(self, loss: Any) -> Any:
        raw = getattr(loss, "value", loss)
        if find_backend(raw) is None:
            return loss * float(self.dynamic_scale)
        xp = array_namespace(loss)
        if xp.finfo(loss.dtype).bits < 32:
            loss = xp.astype(loss, xp.float32)
        scale = self.initial_scale if self._dynamic_scale is None else self._dynamic_scale.value
        return loss * (scale if self._dynamic_scale is None else xp.astype(scale, loss.dtype))

    def _step(self, targets: Sequence[Variable], grads: Sequence[Any]) -> None:
        assert self._step_counter is not None
        assert self._dynamic_scale is not None
        scale, count = self._dynamic_scale.value, self._step_counter.value
        xp = array_namespace(scale)
        is_finite = functools.reduce(xp.logical_and, [xp.all(xp.isfinite(gradient)) for gradient in grads])
        # The step that is not taken is computed too: by zeros, of which nothing overflows.
        divided = [
            xp.where(is_finite, gradient / scalar_for(scale, gradient, variable), xp.zeros_like(gradient))
            for gradient, variable in zip(grads, targets, strict=True)
        ]
        state = [*targets, *self.inner_optimizer.variables]
        before = [variable.value for variable in state]
        with StatelessScope(state, before) as scope:
            self.inner_optimizer.apply(divided, targets)
        for variable, value in zip(state, before, strict=True):
            variable.assign(xp.where(is_finite, scope.values[variable], value))
        is_due = xp.logical_and(is_finite, count == self.dynamic_growth_steps - 1)
        self._step_counter.assign(
            xp.where(xp.logical_and(is_finite, xp.logical_not(is_due)), count + 1, xp.zeros_like(count))
        )
        self._dynamic_scale.assign(xp.where(is_finite, xp.where(is_due, scale * 2.0, scale), scale * 0.5))
