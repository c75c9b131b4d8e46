"""The steps of training and testing as plans, one for each shape of batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nnarray.compiler import BoundPlan, Plan
from nnarray.training._data import Data
from nnarray.training._step import Step


class Runner:
    """Runs the steps of a model: each shape of batch is traced once and then replayed, unless `eagerly`.

    Parameters
    ----------
    step : Step
    eagerly : bool
        Whether to run the model's code at every step.
    executor : str
        What runs the plans.

    Attributes
    ----------
    is_torn : bool
        Whether the last step ended in an error, with part of the state updated.
    """

    def __init__(self, step: Step, eagerly: bool, executor: str) -> None:
        self.step = step
        self._eagerly = eagerly
        self._executor = executor
        self._plans: dict[Any, BoundPlan] = {}
        self.is_torn = False

    def __getstate__(self) -> dict[str, Any]:
        # Plans are made anew where a copy is used.
        return {**self.__dict__, "_plans": {}}

    @property
    def plans(self) -> dict[tuple[str, int], Plan]:
        """The plans so far, by kind of step and size of batch."""
        return {(kind, size): made.plan for (kind, size, _), made in self._plans.items()}

    def bound(self, kind: str, size: int) -> BoundPlan:
        """Return the plan of a kind of step for a size of batch."""
        return next(plan for key, plan in self._plans.items() if key[:2] == (kind, size))

    def refresh(self) -> None:
        """Drop the plans if a variable holds another array than the one they update in place."""
        bound = [plan.state for plan in self._plans.values() if plan.buffers is not None]
        if bound and any(a is not b for state in bound for a, b in zip(state, self.step.state(), strict=True)):
            self._plans.clear()

    def train(self, data: Data, rows: Any, counter: int) -> Any:
        """Take a step of descent on some rows of the data; return the loss before it."""

        def train(state: Any, x: Any, y: Any, sample_weight: Any, counter: Any) -> Any:
            return self.step.train(state, x, y, sample_weight, counter)

        return self._run("train", train, data, rows, (counter,))

    def test(self, data: Data, rows: Any) -> Any:
        """Count some rows of the data into the metrics; return their loss."""
        return self._run("test", self.step.test, data, rows, ())

    def _run(self, kind: str, fun: Callable[..., Any], data: Data, rows: Any, numbers: Sequence[int]) -> Any:
        step = self.step
        if self._eagerly:
            state, loss = fun(step.state(), *data.take(rows), *numbers)
            step.store(state)
            return loss
        key = kind, rows.stop - rows.start if isinstance(rows, slice) else rows.shape[0], data.forms
        plan = self._plans.get(key)
        if plan is None:
            for variable in step.variables:
                variable.settle()
            plan = self._plans[key] = BoundPlan(
                fun, step.state(), (*data.take(rows), *map(data.number, numbers)), self._executor
            )
        if plan.buffers is None:
            plan.state = step.state()
            state, loss = plan(*data.take(rows), *map(data.number, numbers))
            step.store(state)
            return loss
        data.take(rows, plan.buffers[:3])
        for buffer, number in zip(plan.buffers[3:], numbers, strict=True):
            buffer[...] = number
        self.is_torn = True
        loss = plan()[1]
        self.is_torn = False
        return loss
