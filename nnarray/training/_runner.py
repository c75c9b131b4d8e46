"""The steps of a model as plans, one for each shape of batch."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from nnarray._trees import tree_map
from nnarray.array import Array, as_array
from nnarray.compiler import BoundPlan, Plan, jit
from nnarray.training._batches import Batches
from nnarray.training._data import Data
from nnarray.training._step import PREDICTING, Step
from nnarray.utils import pack_x_y_sample_weight
from nnarray.variables import StatelessScope, Variable

#: A plan, what fills its buffers with a batch, and its buffer of the step's number.
_Ready = tuple[BoundPlan, Callable[[Any], None] | None, Any]

_MOST_PLANS = 64


class Runner:
    """Runs the training and test steps of a model: each shape of batch is traced once and then replayed.

    Parameters
    ----------
    step : Step
    eagerly : bool
        Whether to run the model's code at every step instead.
    executor : str
        What runs the plans.

    Attributes
    ----------
    is_inconsistent : bool
        Whether the last step ended in an error, with part of the state updated.
    """

    def __init__(self, step: Step, eagerly: bool, executor: str) -> None:
        self.step = step
        self.eagerly = eagerly
        self._executor = executor
        self._plans: dict[Any, BoundPlan] = {}
        self._batches: Batches | None = None
        self._ready: dict[tuple[str, Hashable], _Ready] = {}
        self._tests = 0
        self.is_inconsistent = False

    @property
    def plans(self) -> dict[tuple[str, int], Plan]:
        """The plans so far, by kind of step and size of batch."""
        return {key[:2]: made.plan for key, made in self._plans.items()}

    def bound(self, kind: str, size: int) -> BoundPlan:
        """Return the plan of a kind of step for a size of batch."""
        return next(plan for key, plan in self._plans.items() if key[:2] == (kind, size))

    def refresh(self) -> None:
        """Drop the plans if a variable holds another array than the one they update in place."""
        bound = [plan.state for plan in self._plans.values() if plan.buffers is not None]
        if bound and any(a is not b for state in bound for a, b in zip(state, self.step.state(), strict=True)):
            self._plans.clear()
            self._batches, self._ready = None, {}

    def train(self, batches: Batches, rows: Any, counter: int) -> tuple[Any, Any]:
        """Take a step of descent on a batch; return (the loss before it, logs)."""
        optimizer = self.step.model.optimizer
        optimizer.refresh_learning_rate()
        with optimizer.while_stepping:
            result = self._run("train", self.step.train, batches, rows, counter)
        # To put a tree together takes as long as a small step: without logs, the result is the loss alone.
        return result if self.step.gives_logs[0] else (result, None)

    def test(self, batches: Batches, rows: Any) -> tuple[Any, Any]:
        """Count a batch into the metrics; return (its loss, logs)."""
        self._tests += 1
        result = self._run("test", self.step.test, batches, rows, self._tests - 1)
        return result if self.step.gives_logs[1] else (result, None)

    def _run(self, kind: str, fun: Callable[..., Any], batches: Batches, rows: Any, number: int) -> Any:
        if self.eagerly:
            arrays, state = batches.arrays(rows).each(as_array), [as_array(x) for x in self.step.state()]
            self.is_inconsistent = True
            state, result = fun(state, *arrays, number)
            self.step.store([_raw(x) for x in state])
            self.is_inconsistent = False
            return tree_map(_raw, result)
        if batches is not self._batches:
            self._batches, self._ready = batches, {}
        made = self._ready.get((kind, batches.form(rows))) or self._prepare(kind, fun, batches, rows, number)
        plan, fill, counter = made
        self.is_inconsistent = True
        if fill is None:
            plan.state = self.step.state()
            state, result = plan(*batches.arrays(rows), batches.number(number))
            self.step.adopt(state)
        else:
            fill(rows)
            counter[...] = number
            result = plan.replay()
        self.is_inconsistent = False
        return result

    def _prepare(self, kind: str, fun: Callable[..., Any], batches: Batches, rows: Any, number: int) -> _Ready:
        """Return what replays a kind of step on batches like the one at hand, and keep it."""
        key = kind, batches.size(rows), batches.forms(rows)
        plan = self._plans.pop(key, None)
        if plan is None:
            for variable in self.step.variables:
                variable.settle()
            arguments = (*batches.arrays(rows), batches.number(number))
            plan = BoundPlan(fun, self.step.state(), arguments, self._executor)
        # The last is the one used last.
        self._plans[key] = plan
        if len(self._plans) > _MOST_PLANS:
            del self._plans[next(iter(self._plans))]
        fill, counter = None, None
        if plan.buffers is not None:
            *data, counter = plan.buffers
            fill = batches.filler(Data(*data))
        made = self._ready[kind, batches.form(rows)] = plan, fill, counter
        return made


class Predictor:
    """Gives the outputs of a model for batches: by its code, or by plans, one for each shape of batch.

    Parameters
    ----------
    model : Trainer
        Built.
    variables : sequence of Variable
        What its outputs depend on, and its code may assign.
    figures : sequence of Variable
        Those of metrics that its code may count into: what is predicted is not counted.
    eagerly : bool
    executor : str
    dependencies : tuple
        Of the model; if it has another one, it needs another predictor.
    """

    def __init__(
        self,
        model: Any,
        variables: Sequence[Variable],
        figures: Sequence[Variable],
        eagerly: bool,
        executor: str,
        dependencies: tuple[Any, ...],
    ) -> None:
        self.model = model
        self.dependencies = dependencies
        self._variables = list(variables)
        self._lent = [*variables, *figures]
        self._call = self._outputs if eagerly else jit(self._outputs, executor=executor)
        self._count = 0

    def _outputs(self, values: list[Any], x: Any, counter: Any) -> tuple[Any, dict[int, Any]]:
        with StatelessScope(self._lent, values, counter, PREDICTING, self.model.name) as scope:
            outputs = self.model.predict_step(pack_x_y_sample_weight(x))
        after = enumerate(scope.values[variable] for variable in self._variables)
        return outputs, {place: value for place, value in after if value is not values[place]}

    def __call__(self, batches: Batches, rows: Any) -> Any:
        """Return the outputs for a batch, of its library; what the model's code assigned is assigned."""
        self._count += 1
        values = [variable.value for variable in self._lent]
        outputs, assigned = self._call(values, batches.arrays(rows).x, batches.number(self._count - 1))
        for place, value in assigned.items():
            self._variables[place].assign(_raw(value))
        return tree_map(_raw, outputs)


def _raw(x: Any) -> Any:
    return x.value if isinstance(x, Array) else x
