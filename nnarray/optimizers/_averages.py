"""What any optimizer may keep beside its own slots: the average of each variable, and the sum of its gradients.

Polyak, Juditsky, "Acceleration of stochastic approximation by averaging", SIAM J. Control Optim. 30 (1992).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from nnarray._checks import check_boolean, check_positive_integer, check_share
from nnarray.optimizers._slots import Slot
from nnarray.variables import Variable


class Averages:
    """Averages over steps, and steps taken by the mean of several gradients, as Keras computes them.

    An optimizer whose settings ask for neither does nothing here, and its plans have no operation of it.

    Parameters
    ----------
    use_ema, ema_momentum, ema_overwrite_frequency, gradient_accumulation_steps : as for `Optimizer`
    """

    def __init__(
        self,
        use_ema: bool,
        ema_momentum: float,
        ema_overwrite_frequency: int | None,
        gradient_accumulation_steps: int | None,
    ) -> None:
        self.is_kept = check_boolean("use_ema", use_ema)
        self.momentum = check_share("ema_momentum", ema_momentum, closed=True)
        self.frequency, self.every = ema_overwrite_frequency, gradient_accumulation_steps
        if self.frequency is not None:
            self.frequency = check_positive_integer("ema_overwrite_frequency", self.frequency)
        if self.every is not None and check_positive_integer("gradient_accumulation_steps", self.every) < 2:
            raise ValueError(
                "gradient_accumulation_steps must be an integer of at least 2: received "
                f"gradient_accumulation_steps={self.every!r}. None takes a step by each gradient."
            )

    @property
    def slots(self) -> list[Slot]:
        """What is kept behind an optimizer's own slots."""
        average = [Slot("moving_average", "variable")] if self.is_kept else []
        return average + ([] if self.every is None else [Slot("gradient_accumulator")])

    def updates(self, taken: Any) -> Any:
        """Return how often variables were updated by `taken` gradients."""
        return taken if self.every is None else taken // self.every

    def left(self, taken: Any) -> tuple[Any, Any]:
        """Return what is 0 when variables are updated, and what is 0 when averages take their place; None if always.

        `taken` counts the gradients before the one at hand.
        """
        update = None if self.every is None else (taken + 1) % self.every
        overwrite = None if self.frequency is None else (self.updates(taken) + 1) % self.frequency
        return update, overwrite

    def finished(
        self, xp: Any, after: Sequence[Any], before: Sequence[Any], total: Any, step: Any, left: Sequence[Any]
    ) -> list[Any]:
        """Return a weight and all its slots as a step leaves them.

        Parameters
        ----------
        after, before : sequences of arrays
            The weight and its own slots as an update gives them; the weight and all slots before it.
        total : array or None
            The sum of the gradients so far.
        step : scalar array
            Number of the update, from 1 on.
        left : two scalar arrays or None
            As the method `left` tells.
        """
        update, overwrite = left
        found = list(after)
        if update is not None:
            found = [xp.where(update == 0.0, x, y) for x, y in zip(found, before, strict=False)]
        if self.is_kept:
            momentum = xp.astype(step > 1.0, found[0].dtype) * self.momentum
            found.append(momentum * before[len(after)] + (1.0 - momentum) * found[0])
            if overwrite is not None:
                found[0] = xp.where(overwrite == 0.0, found[-1], found[0])
        if update is not None:
            found.append(xp.where(update == 0.0, xp.zeros_like(total), total))
        return found


def averages_of(
    pairs: Iterable[tuple[Variable, Variable]], variables: Iterable[Variable]
) -> list[tuple[Variable, Any]]:
    """Return those of `variables`, packed ones apart, that have an average, with its value."""
    wanted = {member for variable in variables for member in variable.members}
    return [
        (member, piece)
        for variable, average in pairs
        for member, piece in zip(variable.members, variable.split(average.value), strict=True)
        if member in wanted
    ]
