"""What `compile` was given, checked."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nnarray import metrics
from nnarray._checks import check_positive_integer
from nnarray._trees import flatten, leaves_of
from nnarray.compiler import check_executor
from nnarray.training._compile_loss import CompileLoss
from nnarray.training._compile_metrics import CompileMetrics

#: What only another framework's training step says.
_FOREIGN = {"GradientTape": "TensorFlow's", "backward": "PyTorch's", "zero_grad": "PyTorch's"}

OWN_FORM = """Write it in nnarray's form, which is one for all backends:

    def train_step(self, data):
        x, y, sample_weight = nnarray.utils.unpack_x_y_sample_weight(data)
        variables = self.trainable_variables

        def objective(_):
            y_pred = self(x, training=True)
            return self.compute_loss(x, y, y_pred, sample_weight), y_pred

        (loss, y_pred), gradients = nnarray.value_and_grad(objective, has_aux=True)(variables)
        self.optimizer.apply(gradients, variables)
        return self.compute_metrics(x, y, y_pred, sample_weight)
"""


@dataclass(frozen=True)
class Recipe:
    """How a model is trained.

    Attributes
    ----------
    loss : CompileLoss or None
        None where the model computes its loss itself.
    metrics : CompileMetrics
    run_eagerly : bool
    executor : str
    steps_per_execution : int
    """

    loss: CompileLoss | None
    metrics: CompileMetrics
    run_eagerly: bool
    executor: str
    steps_per_execution: int


def recipe_of(
    loss: Any,
    loss_weights: Any,
    plain_metrics: Any,
    weighted_metrics: Any,
    run_eagerly: Any,
    steps_per_execution: Any,
    executor: str | None,
) -> Recipe:
    """Return the arguments of `compile`, checked and looked up."""
    if not isinstance(run_eagerly, bool):
        raise TypeError(f"run_eagerly must be True or False: received run_eagerly={run_eagerly!r}.")
    if isinstance(loss_weights, str) or (
        isinstance(loss_weights, (list, tuple)) and any(isinstance(x, (str, metrics.Metric)) for x in loss_weights)
    ):
        raise TypeError(
            f"loss_weights are numbers: received loss_weights={loss_weights!r}. Give metrics by name, "
            f"metrics={loss_weights!r}: as in Keras, the third argument of compile is loss_weights."
        )
    return Recipe(
        None if loss is None else CompileLoss(loss, loss_weights),
        CompileMetrics(plain_metrics, weighted_metrics),
        run_eagerly,
        check_executor(executor or os.environ.get("NNARRAY_EXECUTOR") or "auto"),
        check_positive_integer("steps_per_execution", steps_per_execution),
    )


def check_steps(cls: type, base: type) -> None:
    """Raise TypeError if a model's own training step has the form of another framework."""
    for name in ("train_step", "test_step", "predict_step"):
        step = getattr(cls, name)
        if step is getattr(base, name):
            continue
        parameters = list(inspect.signature(step).parameters.values())[1:]
        positions = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        needed = [p for p in parameters if p.default is p.empty and p.kind in positions]
        if len(needed) > 1:
            raise TypeError(
                f"{name} takes one argument, the data of a batch: received ({', '.join(p.name for p in needed)}), "
                f"which is the form of Keras on JAX. {OWN_FORM}"
            )
        for said in _names_in(step) & _FOREIGN.keys():
            raise TypeError(f"{name} says {said!r}, which is {_FOREIGN[said]}. {OWN_FORM}")


def _names_in(function: Callable[..., Any]) -> set[str]:
    """Return the names of attributes and globals in a function and those in it."""
    found: set[str] = set()
    stack = [getattr(inspect.unwrap(function), "__code__", None)]
    while stack:
        code = stack.pop()
        if code is not None:
            found |= set(code.co_names)
            stack += [constant for constant in code.co_consts if hasattr(constant, "co_names")]
    return found


class Resolved:
    """Loss and metrics for outputs that branch in one way.

    Parameters
    ----------
    recipe : Recipe
    outputs : tree
        Of arrays, or of what stands for them.
    names : list of str or None
        Of the outputs.

    Attributes
    ----------
    loss : OutputLosses or None
    metrics : OutputMetrics
    all_metrics : list of Metric
        Those of the parts of the loss, then the compiled ones.
    """

    def __init__(self, recipe: Recipe, outputs: Any, names: list[str] | None) -> None:
        self.structure = structure_of(outputs)
        self.loss = None if recipe.loss is None else recipe.loss.for_outputs(outputs, names)
        self._parts = {name: metrics.Mean(name) for name in (self.loss.part_names if self.loss else ())}
        self.metrics = recipe.metrics.for_outputs(outputs, names, ("loss", *self._parts))
        self.all_metrics = [*self._parts.values(), *self.metrics.metrics]

    def total_loss(self, y: Any, y_pred: Any, sample_weight: Any) -> Any:
        """Return the loss of a batch, its parts counted in."""
        assert self.loss is not None
        total, parts = self.loss.compute(y, y_pred, sample_weight)
        for name, part in parts.items():
            self._parts[name].update_state(part, sample_weight=leaves_of(y_pred)[0].shape[0])
        return total

    def result(self) -> dict[str, Any]:
        """Return the figures so far by name, in the order in which Keras' `evaluate` lists them."""
        parts, found = {name: part.result() for name, part in self._parts.items()}, self.metrics.result()
        outputs = self.metrics.outputs
        named = outputs.count > 1 and None not in outputs.names
        return {**parts, **(dict(sorted(found.items())) if named else found)}


def structure_of(tree: Any) -> Any:
    """Return how a tree branches."""
    return flatten(tree)[1]
