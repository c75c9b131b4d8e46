"""The steps of training and testing as plans, one for each shape of batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nnarray.backends import backend_of
from nnarray.compiler import BoundPlan, Plan
from nnarray.training._data import Data
from nnarray.training._predict import anatomy
from nnarray.training._step import Step

#: A plan, what gathers rows, the arrays to gather from with the buffers to gather into, and the buffers of numbers.
_Ready = tuple[BoundPlan, Callable[..., Any], list[tuple[Any, Any]], list[Any]]

_MOST_PLANS = 64


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
    anatomy : tuple
        Of the model; if it has another one, it needs another runner.
    is_torn : bool
        Whether the last step ended in an error, with part of the state updated.
    """

    def __init__(self, step: Step, eagerly: bool, executor: str) -> None:
        self.step = step
        self.anatomy = anatomy(step.model)
        self._eagerly = eagerly
        self._executor = executor
        self._plans: dict[Any, BoundPlan] = {}
        self._data: Data | None = None
        self._ready: dict[tuple[str, int], _Ready] = {}
        self._tests = 0
        self.is_torn = False

    def __getstate__(self) -> dict[str, Any]:
        # Plans are made anew where a copy is used.
        return {**self.__dict__, "_plans": {}, "_data": None, "_ready": {}}

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
        self._data, self._ready = None, {}

    def train(self, data: Data, rows: Any, counter: int) -> Any:
        """Take a step of descent on some rows of the data; return the loss before it."""
        return self._run("train", self.step.train, data, rows, (counter,))

    def test(self, data: Data, rows: Any) -> Any:
        """Count some rows of the data into the metrics; return their loss."""
        self._tests += 1
        return self._run("test", self.step.test, data, rows, (self._tests - 1,))

    def _run(self, kind: str, fun: Callable[..., Any], data: Data, rows: Any, numbers: tuple[int, ...]) -> Any:
        if self._eagerly:
            state, loss = fun(self.step.state(), *data.take(rows), *numbers)
            self.is_torn = True
            self.step.store(state)
            self.is_torn = False
            return loss
        if data is not self._data:
            self._data, self._ready = data, {}
        size = rows.stop - rows.start if isinstance(rows, slice) else rows.shape[0]
        plan, take, filled, counters = self._ready.get((kind, size)) or self._prepare(kind, fun, size, numbers)
        self.is_torn = True
        if plan.buffers is None:
            plan.state = self.step.state()
            state, loss = plan(*data.take(rows), *map(data.number, numbers))
            self.step.store(state)
        else:
            for array, buffer in filled:
                take(array, rows, buffer)
            for buffer, number in zip(counters, numbers, strict=True):
                buffer[...] = number
            loss = plan.replay()
        self.is_torn = False
        return loss

    def _prepare(self, kind: str, fun: Callable[..., Any], size: int, numbers: tuple[int, ...]) -> _Ready:
        """Return what replays a kind of step on batches of the data at hand, and keep it."""
        data = self._data
        assert data is not None
        key = kind, size, data.forms
        plan = self._plans.pop(key, None)
        if plan is None:
            for variable in self.step.variables:
                variable.settle()
            arguments = (*data.take(slice(0, size)), *map(data.number, numbers))
            plan = BoundPlan(fun, self.step.state(), arguments, self._executor)
        # The last is the one used last.
        self._plans[key] = plan
        if len(self._plans) > _MOST_PLANS:
            del self._plans[next(iter(self._plans))]
        places = [] if plan.buffers is None else list(zip(data, plan.buffers, strict=False))
        filled = [(array, buffer) for array, buffer in places if array is not None]
        counters = [] if plan.buffers is None else list(plan.buffers[len(data) :])
        made = self._ready[kind, size] = plan, backend_of(data.x).take_rows, filled, counters
        return made
