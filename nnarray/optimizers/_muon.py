"""Momentum made orthogonal, for matrices."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Any

from nnarray._checks import (
    check_boolean,
    check_finite,
    check_not_negative,
    check_positive,
    check_positive_integer,
    check_share,
)
from nnarray._messages import describe
from nnarray.optimizers._optimizer import Optimizer
from nnarray.optimizers._rate import Rate
from nnarray.optimizers._rules import Adam
from nnarray.optimizers._slots import Slot
from nnarray.variables import Variable


class Muon(Optimizer):
    """Momentum whose matrices are made nearly orthogonal before each step; other variables by `AdamW`.

    Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024; steps are as long as Adam's by Liu
    et al., "Muon is scalable for LLM training", 2025, section 2.2.

    Variables without two axes are updated by AdamW, and so are those that are excluded. The last layer should be.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
    adam_beta_1, adam_beta_2 : float
        Decay of AdamW's two means, in [0, 1).
    adam_weight_decay : float, optional
        Weight decay of the variables that AdamW updates.
    epsilon : float
        AdamW's.
    weight_decay : float, optional
        That of the others.
    exclude_layers : sequence of str, optional
        Patterns, of which one is found in the path of a variable that AdamW updates.
    exclude_embeddings : bool
        Whether AdamW updates variables with "embedding" in their path.
    muon_a, muon_b, muon_c : float
        Coefficients of the iteration ``x <- a x + (b x xᵀ + c (x xᵀ)²) x``.
    adam_lr_ratio : float
        By what the learning rate is multiplied for AdamW.
    momentum : float
        In [0, 1].
    ns_steps : int
        How often the iteration is run.
    nesterov : bool
        Whether to look ahead.
    rms_rate : float, optional
        A step is multiplied by this and the root of the matrix's longer side.
    clipnorm, clipvalue, global_clipnorm, …, name : as for `Optimizer`

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.optimizers.Muon(0.01, exclude_layers=["output"])
    Muon(0.01, exclude_layers=['output'])
    """

    slots = ("momentum", "velocity")
    elementwise = False

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        *,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.7750,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, weight_decay, **kwargs)
        self.adam_beta_1 = check_share("adam_beta_1", adam_beta_1)
        self.adam_beta_2 = check_share("adam_beta_2", adam_beta_2)
        self.epsilon = check_not_negative("epsilon", epsilon)
        if adam_weight_decay is not None:
            check_not_negative("adam_weight_decay", adam_weight_decay)
        self.adam_weight_decay = adam_weight_decay
        if isinstance(exclude_layers, str):
            raise TypeError(f"exclude_layers must be a list of patterns: received {describe(exclude_layers)}.")
        self.exclude_layers = list(exclude_layers or ())
        self.exclude_embeddings = check_boolean("exclude_embeddings", exclude_embeddings)
        self.muon_a = check_finite("muon_a", muon_a)
        self.muon_b = check_finite("muon_b", muon_b)
        self.muon_c = check_finite("muon_c", muon_c)
        self.adam_lr_ratio = check_not_negative("adam_lr_ratio", adam_lr_ratio)
        self.momentum = check_share("momentum", momentum, closed=True)
        self.ns_steps = check_positive_integer("ns_steps", ns_steps)
        self.nesterov = check_boolean("nesterov", nesterov)
        self.rms_rate = None if rms_rate is None else check_positive("rms_rate", rms_rate)
        self._adam = Adam(0.0, self.adam_beta_1, self.adam_beta_2, self.epsilon)

    def update(
        self, xp: Any, weight: Any, gradient: Any, slots: tuple[Any, ...], learning_rate: Any, step: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        momentum, unused = slots
        momentum = self.momentum * momentum + gradient
        change = self._orthogonal(xp, gradient + self.momentum * momentum if self.nesterov else momentum)
        if self.rms_rate is not None:
            change = change * (self.rms_rate * math.sqrt(max(weight.shape)))
        return weight - learning_rate * change, (momentum, unused)

    def _orthogonal(self, xp: Any, x: Any) -> Any:
        is_tall = x.shape[0] > x.shape[1]
        x = xp.matrix_transpose(x) if is_tall else x
        x = x / (xp.sqrt(xp.sum(x * x)) + 1e-7)
        for _ in range(self.ns_steps):
            square = x @ xp.matrix_transpose(x)
            x = self.muon_a * x + (self.muon_b * square + self.muon_c * square @ square) @ x
        return xp.matrix_transpose(x) if is_tall else x

    def _by_adam(
        self, xp: Any, weight: Any, gradient: Any, slots: tuple[Any, ...], learning_rate: Any, step: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        return self._adam.update(xp, weight, gradient, slots, learning_rate * self.adam_lr_ratio, step)

    def _takes_adam(self, variable: Variable) -> bool:
        if variable.ndim != 2:
            return True
        held = self._table.held(variable)
        if held is not None:
            # Its path may be another by now: the model that has it sets it.
            return held[1].size > 0
        excluded = [*self.exclude_layers, *(["(?i:embedding)"] if self.exclude_embeddings else ())]
        return any(re.search(pattern, path) for pattern in excluded for path in variable.paths)

    def _rule_of(self, variable: Variable) -> Callable[..., Any]:
        return self._by_adam if self._takes_adam(variable.members[0]) else self.update

    def _decay_of(self, variable: Variable) -> float | None:
        if not self._decays(variable):
            return None
        return self.adam_weight_decay if self._takes_adam(variable) else self.weight_decay

    def _slots_of(self, variable: Variable) -> list[Slot]:
        momentum, velocity, *others = self._slots
        return [momentum, velocity if self._takes_adam(variable) else replace(velocity, shape=(0,)), *others]

    def _is_elementwise(self, variable: Variable) -> bool:
        return self._takes_adam(variable)

    def group_of(self, variable: Variable) -> Hashable:
        return super().group_of(variable), self._takes_adam(variable)
