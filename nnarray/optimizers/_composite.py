"""Optimizers that leave the steps to others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nnarray.optimizers._optimizer import Optimizer
from nnarray.variables import Variable


class Composite(Optimizer):
    """Base of optimizers that leave the steps to others, its `optimizers`, each of which has its own settings.

    Parameters
    ----------
    name : str, optional
    """

    shared_arguments = ("name",)

    def __init__(self, name: str | None = None) -> None:
        super().__init__(0.0, name=name)

    @property
    def optimizers(self) -> list[Optimizer]:
        """Those that take the steps."""
        raise NotImplementedError(f"{type(self).__name__} must define optimizers")

    @property
    def scalars(self) -> dict[str, Variable]:
        """Its own state by name, once it is built."""
        raise NotImplementedError(f"{type(self).__name__} must define scalars")

    @property
    def places(self) -> dict[Variable, int]:
        """Which of the optimizers variables have, where that is chosen for each."""
        return {}

    def make_scalars(self, beside: Variable) -> None:
        """Make its own state where a variable is, or move it there."""
        raise NotImplementedError(f"{type(self).__name__} must define make_scalars")

    @property
    def built(self) -> bool:
        return bool(self.scalars)

    @property
    def variables(self) -> list[Variable]:
        """Its own state, then that of each of the optimizers."""
        others = (variable for optimizer in self.optimizers for variable in optimizer.variables)
        return [*self.scalars.values(), *others]

    def refresh_learning_rate(self) -> None:
        for optimizer in self.optimizers:
            optimizer.refresh_learning_rate()

    def exclude_from_weight_decay(
        self, var_list: Iterable[Variable] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        variables, names = list(var_list or ()), list(var_names or ())
        for optimizer in self.optimizers:
            optimizer.exclude_from_weight_decay(variables, names)

    def claim(self, owner: Any, outer: Optimizer | None = None) -> None:
        super().claim(owner, outer)
        for optimizer in self.optimizers:
            optimizer.claim(owner, outer or self)

    def averages(self) -> list[tuple[Variable, Variable]]:
        return [pair for optimizer in self.optimizers for pair in optimizer.averages()]

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        variables = list(var_list)
        for optimizer in self.optimizers:
            optimizer.finalize_variable_values(variables)
