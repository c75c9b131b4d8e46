"""The base of optimizers: state in, state out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnarray._config import Configured
from nnarray._lookup import snake_case
from nnarray.array import array_namespace
from nnarray.variables import StatelessScope, Variable


class Optimizer(Configured):
    """Changes variables by their gradients.

    A subclass names its `slots`, one array of zeros each per variable, and writes `update` as a formula.

    Parameters
    ----------
    learning_rate : float
        Positive.
    weight_decay : float, optional
        Before each step every weight shrinks by the factor ``1 - learning_rate * weight_decay`` (Loshchilov, Hutter,
        "Decoupled weight decay regularization", ICLR 2019).
    clipnorm : float, optional
        Greatest Euclidean norm of each variable's gradient.
    clipvalue : float, optional
        Greatest absolute value of a gradient's element.
    global_clipnorm : float, optional
        Greatest Euclidean norm of all gradients together.
    name : str, optional
    """

    shared_arguments = ("weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "name")
    slots: tuple[str, ...] = ()

    def __init__(
        self,
        learning_rate: float,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str | None = None,
    ) -> None:
        if isinstance(learning_rate, bool) or not isinstance(learning_rate, (int, float, np.number)):
            raise TypeError(f"learning_rate must be a number: received learning_rate={learning_rate!r}.")
        if not learning_rate >= 0:
            raise ValueError(f"learning_rate must not be negative: received learning_rate={learning_rate!r}.")
        limits = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        given = {key: value for key, value in limits.items() if value is not None}
        if len(given) > 1:
            raise ValueError(f"Only one of clipnorm, clipvalue and global_clipnorm can be given: received {given}.")
        for key, value in given.items():
            if value <= 0:
                raise ValueError(f"{key} must be positive: received {key}={value!r}.")
        self.name = name or snake_case(type(self).__name__)
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self._initial_rate = float(learning_rate)
        self._iterations: Variable | None = None
        self._rate: Variable | None = None
        self._slot_variables: list[tuple[Variable, ...]] = []
        self._members: tuple[Variable, ...] = ()
        self._built_with: list[Variable] = []

    def update(
        self, xp: Any, weight: Any, gradient: Any, slots: tuple[Any, ...], learning_rate: Any, step: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        """Return the new weight and slots; `step` counts from 1, and both scalars have the dtype of `weight`."""
        raise NotImplementedError(f"{type(self).__name__} must define update")

    # -- state --------------------------------------------------------------------------------------------------------

    @property
    def learning_rate(self) -> Any:
        """The step size: a Variable once the optimizer is built; assign a number to change it."""
        return self._initial_rate if self._rate is None else self._rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        if not float(value) >= 0:
            raise ValueError(f"learning_rate must not be negative: received learning_rate={value!r}.")
        if self._rate is None:
            self._initial_rate = float(value)
        else:
            self._rate.assign(np.asarray(float(value)))

    @property
    def iterations(self) -> Any:
        """The number of steps taken: a Variable once the optimizer is built."""
        return 0 if self._iterations is None else self._iterations

    @property
    def variables(self) -> list[Variable]:
        """Iterations, learning rate, then the slots of each variable."""
        scalars = [scalar for scalar in (self._iterations, self._rate) if scalar is not None]
        return [*scalars, *(slot for slots in self._slot_variables for slot in slots)]

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the state for `variables`; what already belongs to the same ones is kept."""
        members = tuple(member for variable in variables for member in variable.members)
        if not variables:
            return
        before, self._built_with = self._built_with, list(variables)
        if members == self._members:
            if [variable.members for variable in before] != [variable.members for variable in variables]:
                self._regroup(before, variables)
            return
        first = variables[0]
        xp = first.backend.xp
        if self._iterations is None:
            self._iterations = Variable(xp.asarray(0, device=first.device), f"{self.name}/iterations", trainable=False)
            rate = first.backend.asarray(self._initial_rate, first.dtype, first.device)
            self._rate = Variable(rate, f"{self.name}/learning_rate", trainable=False)
        self._slot_variables = [
            tuple(Variable(xp.zeros_like(variable.value), f"{variable.path}/{slot}", False) for slot in self.slots)
            for variable in variables
        ]
        self._members = members

    def _regroup(self, before: Sequence[Variable], variables: Sequence[Variable]) -> None:
        """Lay the slots out for the same variables packed in another way."""
        pieces: dict[Variable, list[Any]] = {member: [] for member in self._members}
        for variable, slots in zip(before, self._slot_variables, strict=True):
            for slot in slots:
                for member, piece in zip(variable.members, variable.split(slot.value), strict=True):
                    pieces[member].append(piece)
        self._slot_variables = [
            tuple(
                Variable(
                    variable.join([pieces[member][i] for member in variable.members]), f"{variable.path}/{slot}", False
                )
                for i, slot in enumerate(self.slots)
            )
            for variable in variables
        ]

    # -- steps --------------------------------------------------------------------------------------------------------

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        """Take one step.

        Parameters
        ----------
        grads : sequence of arrays
            One per variable, of its shape.
        trainable_variables : sequence of Variable, optional
            Always the same ones; others start with fresh slots. By default those it was built with.
        """
        trainable_variables = self._built_with if trainable_variables is None else trainable_variables
        if len(grads) != len(trainable_variables):
            raise ValueError(
                f"One gradient per variable is needed: received {len(grads)} gradients for "
                f"{len(trainable_variables)} variables."
            )
        self.build(trainable_variables)
        if not trainable_variables:
            return
        assert self._iterations is not None
        assert self._rate is not None
        self._iterations.assign(self._iterations.value + 1)
        grads = self._clip(grads, trainable_variables)
        for variable, gradient, slots in zip(trainable_variables, grads, self._slot_variables, strict=True):
            weight = variable.value
            xp = array_namespace(weight)
            rate = xp.astype(self._rate.value, weight.dtype)
            step = xp.astype(self._iterations.value, weight.dtype)
            if self.weight_decay:
                weight = weight - weight * self.weight_decay * rate
            weight, values = self.update(xp, weight, gradient, tuple(slot.value for slot in slots), rate, step)
            variable.assign(weight)
            for slot, value in zip(slots, values, strict=True):
                slot.assign(value)

    def stateless_apply(
        self, optimizer_variables: Sequence[Any], grads: Sequence[Any], trainable_variables: Sequence[Any]
    ) -> tuple[list[Any], list[Any]]:
        """Take one step from given values to returned ones, changing nothing.

        Parameters
        ----------
        optimizer_variables : sequence of arrays
            In the order of `variables`; build the optimizer first.
        grads, trainable_variables : sequences of arrays
            In the order of the variables it was built with.

        Returns
        -------
        trainable_variables, optimizer_variables : lists of arrays
        """
        if self._iterations is None:
            raise ValueError("stateless_apply needs a built optimizer. Call optimizer.build(variables) first.")
        variables = self._built_with
        with StatelessScope([*self.variables, *variables], [*optimizer_variables, *trainable_variables]) as scope:
            self.apply(grads, variables)
        return [scope.values[v] for v in variables], [scope.values[v] for v in self.variables]

    def _clip(self, grads: Sequence[Any], variables: Sequence[Variable]) -> Sequence[Any]:
        if self.clipvalue is not None:
            return [array_namespace(g).clip(g, -self.clipvalue, self.clipvalue) for g in grads]
        limit = self.global_clipnorm or self.clipnorm
        if limit is None:
            return grads
        pieces = [variable.split(g) for variable, g in zip(variables, grads, strict=True)]
        norms = [[_norm(piece) for piece in group] for group in pieces]
        if self.global_clipnorm is not None:
            total = array_namespace(norms[0][0]).sqrt(sum(norm * norm for group in norms for norm in group))
            norms = [[total] * len(group) for group in norms]
        return [
            variable.join([_limited(g, norm, limit) for g, norm in zip(group, group_norms, strict=True)])
            for variable, group, group_norms in zip(variables, pieces, norms, strict=True)
        ]


def _norm(x: Any) -> Any:
    xp = array_namespace(x)
    return xp.sqrt(xp.sum(x * x))


def _limited(x: Any, norm: Any, limit: float) -> Any:
    xp = array_namespace(x)
    return x * xp.astype(limit / xp.maximum(norm, limit), x.dtype)
