"""One training step and one test step as pure functions of the state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nnarray.array import Array, as_array
from nnarray.autodiff import value_and_grad
from nnarray.layers import Layer, observed, training_phase
from nnarray.losses import Loss
from nnarray.metrics import Mean, Metric
from nnarray.optimizers import Optimizer
from nnarray.variables import Pack, StatelessScope, Variable

State = list[Any]


def logits_activation(model: Layer, loss: Loss) -> Callable[[Any], Any] | None:
    """Return the activation that `model` ends in if `loss` has a form on what it is applied to."""
    activation = model.final_activation
    return activation if activation is not None and activation.__name__ == loss.logits_activation else None


def loss_and_outputs(
    model: Layer,
    loss: Loss,
    activation: Callable[[Any], Any] | None,
    x: Any,
    y: Any,
    sample_weight: Any,
    training: bool,
) -> tuple[Any, Any]:
    """Return the loss of a batch and the outputs; with a `logits_activation`, the loss is that of the logits."""
    if activation is None:
        outputs = model(x, training=training)
        return loss(_beside(y, outputs), outputs, sample_weight), outputs
    with training_phase(training):
        logits = observed(model, model.pre_activation, x)
    return loss.on_logits(_beside(y, logits), logits, sample_weight), activation(logits)


def _beside(y: Any, outputs: Any) -> Any:
    """Return targets in the form of the outputs, so that a loss may begin with either."""
    return as_array(y) if isinstance(outputs, Array) else y


#: Phase of the steps that test; those of training are in phase 0.
_TESTING = 1


class Step:
    """What a model, its loss, metrics and optimizer do with one batch.

    Parameters
    ----------
    model : Layer
        Built; its trainable variables packed.
    loss : Loss
    tracker : Mean
        Of the loss.
    metrics : sequence of Metric
    optimizer : Optimizer
        Built with `packs`.
    packs : sequence of Pack

    Attributes
    ----------
    variables : list of Variable
        Whose values, in this order, are the state: packed weights, other variables of the model, of the optimizer
        and of the metrics.
    """

    def __init__(
        self,
        model: Layer,
        loss: Loss,
        tracker: Mean,
        metrics: Sequence[Metric],
        optimizer: Optimizer,
        packs: Sequence[Pack],
    ) -> None:
        self.model = model
        self.loss = loss
        self.tracker = tracker
        self.metrics = metrics
        self.optimizer = optimizer
        self.packs = packs
        self.weights = [member for pack in packs for member in pack.members]
        self.frozen = model.non_trainable_variables
        self.metric_variables = [variable for metric in (tracker, *metrics) for variable in metric.variables]
        self.variables: list[Variable] = [*packs, *self.frozen, *optimizer.variables, *self.metric_variables]
        self._activation = logits_activation(model, loss)

    def state(self) -> State:
        """Return the values of the variables."""
        return [variable.value for variable in self.variables]

    def store(self, state: State) -> None:
        """Write a state into the variables."""
        for variable, value in zip(self.variables, state, strict=True):
            if value is not variable.value:
                variable.assign(value)

    def train(self, state: State, x: Any, y: Any, sample_weight: Any, counter: int) -> tuple[State, Any]:
        """Return the state after one step of descent on a batch, and the loss before it.

        Parameters
        ----------
        state : list of arrays
        x, y, sample_weight : arrays, first axis the batch; `sample_weight` may be None
        counter : int
            Number of the step, of which random layers draw a function.
        """

        def objective(weights: Any, frozen: Any) -> Any:
            with StatelessScope([*self.weights, *self.frozen], [*weights, *frozen]) as scope:
                loss, outputs = self._loss(x, y, sample_weight, training=True)
            return loss, (outputs, [scope.values[variable] for variable in self.frozen])

        with StatelessScope(self.variables, state, counter) as scope:
            weights = [piece for pack in self.packs for piece in pack.split(pack.value)]
            frozen = [variable.value for variable in self.frozen]
            (loss, (outputs, frozen)), gradients = value_and_grad(objective, has_aux=True)(weights, frozen)
            for variable, value in zip(self.frozen, frozen, strict=True):
                variable.assign(value)
            remaining = iter(gradients)
            self.optimizer.apply(
                [pack.join([next(remaining) for _ in pack.members]) for pack in self.packs], self.packs
            )
            self._update_metrics(loss, x, y, outputs, sample_weight)
        return [scope.values[variable] for variable in self.variables], loss

    def test(self, state: State, x: Any, y: Any, sample_weight: Any, counter: int) -> tuple[State, Any]:
        """Return the state with the metrics of a batch counted in, and its loss."""
        with StatelessScope(self.variables, state, counter, _TESTING) as scope:
            weights = [piece for pack in self.packs for piece in pack.split(pack.value)]
            with StatelessScope([*self.weights, *scope.values], [*weights, *scope.values.values()]) as inner:
                loss, outputs = self._loss(x, y, sample_weight, training=False)
                self._update_metrics(loss, x, y, outputs, sample_weight)
        return [inner.values[variable] for variable in self.variables], loss

    def _loss(self, x: Any, y: Any, sample_weight: Any, training: bool) -> tuple[Any, Any]:
        return loss_and_outputs(self.model, self.loss, self._activation, x, y, sample_weight, training)

    def _update_metrics(self, loss: Any, x: Any, y: Any, outputs: Any, sample_weight: Any) -> None:
        self.tracker.update_state(loss, sample_weight=x.shape[0])
        for metric in self.metrics:
            metric.update_state(y, outputs, sample_weight)
