"""The base of optimizers: state in, state out."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar

import numpy as np

from nnarray._checks import check_not_negative, check_positive
from nnarray._config import Configured
from nnarray._lookup import snake_case
from nnarray.array import array_namespace, on_device_of
from nnarray.optimizers._averages import Averages, averages_of
from nnarray.optimizers._form import OWN_FORM
from nnarray.optimizers._gradients import clip, constrained, fitted, scalar_for
from nnarray.optimizers._owner import Owner
from nnarray.optimizers._rate import LearningRate, Rate
from nnarray.optimizers._slots import Part, Slot, SlotTable, bring_beside, members_of
from nnarray.variables import RehearsalScope, StatelessScope, Variable, current_scope, outside_scopes


class Optimizer(Configured):
    """Changes variables by their gradients.

    A subclass names its `slots`, arrays kept beside each variable, and writes `update` as a formula. It sets
    ``elementwise = False`` if an element's change depends on others, as where a norm is taken: `update` then sees each
    variable in its own shape; otherwise it may see many, one behind the other.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
        A schedule is called with the number of steps taken, a callable too if it takes an argument.
    weight_decay : float, optional
        Before each step every weight shrinks by the factor ``1 - learning_rate * weight_decay`` (Loshchilov, Hutter,
        "Decoupled weight decay regularization", ICLR 2019).
    clipnorm : float, optional
        Greatest Euclidean norm of each variable's gradient.
    clipvalue : float, optional
        Greatest absolute value of a gradient's element.
    global_clipnorm : float, optional
        Greatest Euclidean norm of all gradients together.
    use_ema : bool
        Whether to keep an exponential moving average of each variable over the steps, which `fit` ends with.
    ema_momentum : float
        What part of an average is kept in a step, in [0, 1].
    ema_overwrite_frequency : int, optional
        After how many updates, each time, the averages take the variables' place, beside the end of `fit`.
    loss_scale_factor : float, optional
        What `scale_loss` multiplies the loss by before derivatives are taken; gradients are divided by it, so that
        small ones are not lost in float16.
    gradient_accumulation_steps : int, optional
        After how many gradients variables are updated, each time, by their mean. `iterations` counts updates.
    name : str, optional

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> class SignDescent(nna.optimizers.Optimizer):
    ...     def update(self, xp, weight, gradient, slots, learning_rate, step):
    ...         return weight - learning_rate * xp.sign(gradient), slots
    >>> w = nna.Variable(np.asarray([1.0, -2.0]))
    >>> SignDescent(0.25).apply([np.asarray([5.0, -3.0])], [w])
    >>> w.numpy()
    array([ 0.75, -1.75])
    """

    shared_arguments: ClassVar[tuple[str, ...]] = (
        *("weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "use_ema", "ema_momentum"),
        *("ema_overwrite_frequency", "loss_scale_factor", "gradient_accumulation_steps", "name"),
    )
    _set_by_init = "_table"
    slots: tuple[Slot | str, ...] = ()
    elementwise = True
    #: A context in which a model's step is run.
    while_stepping: AbstractContextManager[Any] = nullcontext()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "update_step" in vars(cls) and "update" not in vars(cls):
            raise TypeError(f"An optimizer defines update: received {cls.__name__} with update_step. {OWN_FORM}")

    def __init__(
        self,
        learning_rate: Rate,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:
        limits = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        given = {key: value for key, value in limits.items() if value is not None}
        if len(given) > 1:
            raise ValueError(f"Only one of clipnorm, clipvalue and global_clipnorm can be given: received {given}.")
        if loss_scale_factor is not None:
            given["loss_scale_factor"] = loss_scale_factor
        for key, value in given.items():
            check_positive(key, value)
        if weight_decay is not None:
            check_not_negative("weight_decay", weight_decay)
        self.name = name or snake_case(type(self).__name__)
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.loss_scale_factor = loss_scale_factor
        self._averages = Averages(use_ema, ema_momentum, ema_overwrite_frequency, gradient_accumulation_steps)
        self.use_ema = self._averages.is_kept
        self.ema_momentum = self._averages.momentum
        self.ema_overwrite_frequency = self._averages.frequency
        self.gradient_accumulation_steps = self._averages.every
        self._rate = LearningRate(learning_rate)
        self._iterations: Variable | None = None
        self._table = SlotTable()
        self._undecayed: tuple[list[Variable], list[str]] = ([], [])
        self._owner = Owner()

    def update(
        self, xp: Any, weight: Any, gradient: Any, slots: tuple[Any, ...], learning_rate: Any, step: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        """Return the new weight and slots; `step` counts from 1, and both scalars have the dtype of `weight`."""
        raise NotImplementedError(f"{type(self).__name__} must define update")

    # -- state --------------------------------------------------------------------------------------------------------

    @property
    def learning_rate(self) -> Any:
        """The step size: a Variable once the optimizer is built, or what its schedule gives for the next step.

        Assign a number to change it, or a schedule.

        Raises
        ------
        TypeError
            If a number is assigned where a schedule was given.
        """
        if self._rate.schedule is None and self._rate.variable is not None:
            return self._rate.variable
        return self._rate.at(np.asarray(0) if self._iterations is None else self._iterations.value)

    @learning_rate.setter
    def learning_rate(self, value: Rate) -> None:
        self._rate.set(value)

    def refresh_learning_rate(self) -> None:
        """Ask a learning rate that is a function without arguments; loops do so before a step that is replayed."""
        self._rate.refresh()

    def _present_value(self, name: str, value: Any) -> Any:
        if name == "learning_rate" and self._rate.schedule is not None:
            return self._rate.schedule
        return super()._present_value(name, value)

    @property
    def iterations(self) -> Any:
        """The number of steps taken: a Variable once the optimizer is built; an array if it accumulates gradients."""
        return 0 if self._iterations is None else self._averages.updates(self._iterations)

    @property
    def built(self) -> bool:
        """Whether its state is made."""
        return self._iterations is not None

    @property
    def _targets(self) -> list[Variable]:
        """What it is built for."""
        return self._table.targets

    @property
    def variables(self) -> list[Variable]:
        """Iterations, learning rate, then the slots: of the variables in turn, of those that rest."""
        rate = [] if self._rate.variable is None or self._rate.follows_steps else [self._rate.variable]
        return [*([] if self._iterations is None else [self._iterations]), *rate, *self._table.variables]

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the state for `variables`, of which some may be packs; those that have slots already keep them.

        A variable that is left out rests: if it comes back, its slots are as they were. One that is new has its bias
        corrected from its own first step on.
        """
        variables = list(variables)
        members_of(variables)
        if self._iterations is None and variables:
            first = variables[0]
            start = first.backend.xp.asarray(0, device=first.device)
            self._iterations = Variable(start, f"{self.name}/iterations", trainable=False)
            self._rate.build(variables, f"{self.name}/learning_rate")
        self._rate.refresh()
        if not self._table.is_for(variables):
            with on_device_of(*[variable.value for variable in variables[:1]]):
                self._table.arrange(variables, self._slots_of, int(self.iterations), self._is_joint)
        self._table.bring_home()
        for scalar in (self._iterations, self._rate.variable):
            if variables and scalar is not None:
                bring_beside(variables[0], scalar)

    @property
    def _slots(self) -> list[Slot]:
        """Its own slots, and those for averages and sums."""
        own = [slot if isinstance(slot, Slot) else Slot(slot) for slot in self.slots]
        return own + self._averages.slots

    def _slots_of(self, variable: Variable) -> list[Slot]:
        """Return the slots of a variable: of the same number and names for each."""
        return self._slots

    def _is_joint(self, variable: Variable) -> bool:
        if variable.members == (variable,):
            return True
        joint = self._is_elementwise(variable.members[0])
        return joint and len(set(map(self.group_of, variable.members))) == 1

    def _is_elementwise(self, variable: Variable) -> bool:
        return self.elementwise and all(slot.shape is None for slot in self._slots_of(variable))

    def group_of(self, variable: Variable) -> Hashable:
        """Return what variables must have in common to be updated as one, beside their dtype.

        ``pack_variables(variables, optimizer.group_of)`` makes such packs; others are updated variable by variable.
        """
        return self._table.born(variable, lambda: int(self.iterations)), self._decays(variable)

    def exclude_from_weight_decay(
        self, var_list: Iterable[Variable] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Leave variables alone that are given, or in whose name one of the patterns is found.

        Raises
        ------
        ValueError
            If the optimizer is built.
        """
        if self.built:
            raise ValueError("exclude_from_weight_decay must be called before the optimizer is built.")
        self._undecayed = list(var_list or ()), list(var_names or ())

    def _decays(self, variable: Variable) -> bool:
        """Whether its weight decay is for a variable."""
        variables, patterns = self._undecayed
        return variable not in variables and not any(re.search(pattern, variable.name) for pattern in patterns)

    def _decay_of(self, variable: Variable) -> float | None:
        return self.weight_decay if self._decays(variable) else None

    def claim(self, owner: Any, outer: Optimizer | None = None) -> None:
        """Note that the optimizer belongs to `owner`, a model; ValueError if another has it and keeps it.

        `outer` is the model's optimizer, if that leaves steps to this one.
        """
        self._owner.claim(self, owner, outer or self)

    # -- steps --------------------------------------------------------------------------------------------------------

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        """Take one step.

        Parameters
        ----------
        grads : sequence of arrays
            One per variable, of its shape.
        trainable_variables : sequence of Variable, optional
            By default those it was built with. Slots are found by variable, in any order; new variables get their own.

        Raises
        ------
        ValueError
            If a gradient is missing or of another shape.
        """
        targets = self._targets if trainable_variables is None else list(trainable_variables)
        grads = list(grads)
        if len(grads) != len(targets):
            raise ValueError(
                f"One gradient per variable is needed: received {len(grads)} gradients for {len(targets)} variables."
            )
        grads = [fitted(g, variable) for g, variable in zip(grads, targets, strict=True)]
        if not targets:
            return
        self._ensure_slots(targets)
        with on_device_of(targets[0].value):
            self._step(targets, grads)

    def _step(self, targets: Sequence[Variable], grads: Sequence[Any]) -> None:
        assert self._iterations is not None
        taken = self._iterations.value
        rate = self._rate.at(taken)
        parts = list(self._table.parts(dict(zip(targets, grads, strict=True))))
        given = [part.gradient for part in parts]
        if self.loss_scale_factor is not None:
            given = [gradient / self.loss_scale_factor for gradient in given]
        sums: Sequence[Any] = [None] * len(parts)
        if (every := self.gradient_accumulation_steps) is not None:
            sums = [part.slots[-1] + gradient for part, gradient in zip(parts, given, strict=True)]
            given = [total / every for total in sums]
        limits = self.clipnorm, self.clipvalue, self.global_clipnorm
        grads = clip(given, [part.variable for part in parts], *limits)
        found = zip(parts, grads, sums, strict=True)
        self._table.store([self._updated(part, gradient, total, rate, taken) for part, gradient, total in found])
        self._iterations.assign(taken + 1)

    def _updated(
        self, part: Part, gradient: Any, total: Any, rate: Any, taken: Any
    ) -> tuple[Part, Any, tuple[Any, ...]]:
        variable, weight, slots = part.variable, part.variable.value, part.slots
        xp, offset, averages = array_namespace(weight), part.unit.offset, self._averages
        updates = averages.updates(taken)
        rate = scalar_for(rate, weight, variable)
        step = scalar_for(updates + 1 if offset is None else updates + 1 - offset.value, weight, variable)
        own = slots[: len(slots) - len(averages.slots)]
        decay, decayed = self._decay_of(variable.members[0]), weight
        if decay:
            decayed = weight - weight * decay * rate
        after, values = self._rule_of(variable)(xp, decayed, gradient, own, rate, step)
        values = part.checked(values, len(own), type(self).__name__)
        left = [x if x is None else scalar_for(x, weight, variable) for x in averages.left(taken)]
        after, *values = averages.finished(xp, (after, *values), (weight, *slots), total, step, left)
        return part, constrained(after, variable), tuple(values)

    def _rule_of(self, variable: Variable) -> Callable[..., Any]:
        """Return what changes a variable, or a pack, as `update` does."""
        return self.update

    def scale_loss(self, loss: Any) -> Any:
        """Return what derivatives are taken of: the loss, or its multiple by `loss_scale_factor`.

        A training step of one's own calls it before `apply`, which divides the gradients.
        """
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def averages(self) -> list[tuple[Variable, Variable]]:
        """Return each variable, or pack, that is updated, with its average; empty without `use_ema`."""
        units = self._table.units if self.use_ema else []
        return [(unit.variable, unit.slots[len(self.slots)]) for unit in units]

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """Let averages take the place of variables, if there are any; `fit` does so after its last epoch."""
        for variable, average in averages_of(self.averages(), var_list):
            variable.assign(average)

    def _ensure_slots(self, targets: Sequence[Variable]) -> None:
        """Make the slots that `targets` lack; where variables are lent, only a rehearsal makes or moves any."""
        if self._is_ready_for(targets):
            return
        scope = current_scope()
        if scope is None or isinstance(scope, RehearsalScope):
            with outside_scopes():
                self.build(targets)
            return
        self._require(targets)

    def _is_ready_for(self, targets: Sequence[Variable]) -> bool:
        return self._table.is_for(targets) or self._table.covers(targets)

    def _require(self, targets: Sequence[Variable]) -> None:
        """Raise ValueError if the state of a variable is not made."""
        self._table.require(targets, type(self).__name__)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> Any:
        """Take one step for pairs of gradient and variable; return the number of steps taken."""
        pairs = list(grads_and_vars)
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])
        return self.iterations

    def stateless_apply(
        self, optimizer_variables: Sequence[Any], grads: Sequence[Any], trainable_variables: Sequence[Any]
    ) -> tuple[list[Any], list[Any]]:
        """Take one step from given values to returned ones, changing nothing.

        Parameters
        ----------
        optimizer_variables : sequence of arrays
            In the order of `variables`; build the optimizer first.
        grads, trainable_variables : sequences of arrays
            In the order of the variables it was built with, or of those in the one pack it was built with.

        Returns
        -------
        trainable_variables, optimizer_variables : lists of arrays
        """
        if not self.built:
            raise ValueError("stateless_apply needs a built optimizer. Call optimizer.build(variables) first.")
        own, targets = self.variables, self._targets
        if len(targets) == 1 and [tuple(x.shape) for x in trainable_variables] != [targets[0].shape]:
            targets = list(targets[0].members)
        if (len(optimizer_variables), len(trainable_variables)) != (len(own), len(targets)):
            raise ValueError(
                f"stateless_apply takes {len(own)} optimizer variables and {len(targets)} trainable ones: received "
                f"{len(optimizer_variables)} and {len(trainable_variables)}."
            )
        with StatelessScope([*own, *targets], [*optimizer_variables, *trainable_variables]) as scope:
            self.apply(grads, targets)
        return [scope.values[v] for v in targets], [scope.values[v] for v in own]
