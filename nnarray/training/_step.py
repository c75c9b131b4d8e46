"""Steps of training, testing and predicting as pure functions of the state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nnarray._messages import describe
from nnarray._trees import leaves_of, tree_map
from nnarray.array import Array
from nnarray.training._data import Data
from nnarray.utils import pack_x_y_sample_weight
from nnarray.variables import StatelessScope, Variable

State = list[Any]

#: Phases of the steps, by which draws differ: those of training are in phase 0.
TRAINING, TESTING, PREDICTING = 0, 1, 2


class Step:
    """What a model does with one batch, as functions of the state.

    Parameters
    ----------
    model : Trainer
    variables : sequence of Variable
        Whose values, in this order, are the state: packed weights, and all else that a step may change.
    gives_logs : tuple of bool
        Whether the logs of train and test steps are wanted; the figures of a model's own steps stand in its metrics.
    """

    def __init__(self, model: Any, variables: Sequence[Variable], gives_logs: tuple[bool, bool]) -> None:
        self.model = model
        self.variables = list(variables)
        self.gives_logs = gives_logs

    def state(self) -> State:
        """Return the values of the variables."""
        return [variable.value for variable in self.variables]

    def store(self, state: State) -> None:
        """Write a state into the variables."""
        for variable, value in zip(self.variables, state, strict=True):
            if value is not variable.value:
                variable.assign(value)

    def adopt(self, state: State) -> None:
        """Let the variables hold the arrays of a state that nobody else has: what need not be copied is not."""
        for variable, value in zip(self.variables, state, strict=True):
            if value is not variable.value:
                variable.adopt(value)

    def train(self, state: State, x: Any, y: Any, sample_weight: Any, counter: Any) -> tuple[State, Any]:
        """Return the state after one step of descent on a batch, and its loss before it, or (that, logs)."""
        return self._run(state, Data(x, y, sample_weight), counter, TRAINING)

    def test(self, state: State, x: Any, y: Any, sample_weight: Any, counter: Any) -> tuple[State, Any]:
        """Return the state with the metrics of a batch counted in, and its loss, or (that, logs)."""
        return self._run(state, Data(x, y, sample_weight), counter, TESTING)

    def _run(self, state: State, batch: Data, counter: Any, phase: int) -> tuple[State, Any]:
        model = self.model
        step = (model.train_step, model.test_step)[phase]
        model._tracker.latest = model._noted = None
        with StatelessScope(self.variables, state, counter, phase, model.name) as scope:
            logs = step(pack_x_y_sample_weight(*batch))
        loss = model._tracker.latest
        model._tracker.latest = model._noted = None
        if not self.gives_logs[phase]:
            return [plain(scope.values[variable]) for variable in self.variables], plain(loss)
        logs = checked_logs(step.__name__, logs)
        loss = logs.get("loss") if loss is None else loss
        return [plain(scope.values[variable]) for variable in self.variables], (plain(loss), tree_map(plain, logs))


def plain(x: Any) -> Any:
    """Return an Array apart from the tape."""
    return Array(x.value, x.namespace) if isinstance(x, Array) else x


def checked_logs(name: str, logs: Any) -> dict[str, Any]:
    """Return the logs of a user's step, or raise."""
    if not isinstance(logs, dict) or any(getattr(x, "shape", ()) not in ((), []) for x in leaves_of(logs)):
        raise TypeError(
            f"{name} returns a dict of names and scalars, for example self.compute_metrics(x, y, y_pred): received "
            f"{describe(logs)}."
        )
    return {key: x.value if isinstance(x, Variable) else x for key, x in logs.items()}
