"""What a model does with one batch: the methods that a user overrides."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from nnarray import metrics, optimizers
from nnarray._members import may_hold, walk
from nnarray._trees import leaves_of
from nnarray.autodiff import stop_gradient, value_and_grad
from nnarray.backends import Selection
from nnarray.layers import Layer
from nnarray.metrics import Metric
from nnarray.training._recipe import Recipe, Resolved, structure_of
from nnarray.utils import unpack_x_y_sample_weight

_KINDS = (metrics.Metric, optimizers.Optimizer)
#: Classes of attributes that hold neither.
_PLAIN: set[type] = set()


class LossTracker(metrics.Mean):
    """The mean of the losses, and the latest of them."""

    latest: Any = None
    is_used = False

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        self.latest, self.is_used = values, True
        super().update_state(values, sample_weight)


def _noting(compute_loss: Callable[..., Any]) -> Callable[..., Any]:
    """Return a model's `compute_loss` that notes what it returns."""

    @functools.wraps(compute_loss)
    def wrapper(self: Steps, *args: Any, **kwargs: Any) -> Any:
        self._noted = compute_loss(self, *args, **kwargs)
        return self._noted

    return wrapper


class Steps(Layer):
    """A layer with steps of training, testing and predicting.

    Parameters
    ----------
    **kwargs
        As for `Layer`.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "compute_loss" in cls.__dict__:
            cls.compute_loss = _noting(cls.__dict__["compute_loss"])  # type: ignore[method-assign]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.optimizer: optimizers.Optimizer | None = None
        self.loss: Any = None
        self.home: Selection | None = None
        self._recipe: Recipe | None = None
        self._resolved: Resolved | None = None
        self._tracker = LossTracker("loss")
        self._noted: Any = None
        self._known_kept: list[Any] | None = None

    @property
    def output_names(self) -> list[str] | None:
        """Names of the outputs, by which losses and metrics may be given; None if nothing names them."""
        return None

    def train_step(self, data: Any) -> dict[str, Any]:
        """Take a step of descent on a batch; return loss and metrics by name.

        Override it to train in another way. It runs once for each shape of batch, on Arrays, and is replayed; a branch
        on values needs ``compile(run_eagerly=True)``.

        Parameters
        ----------
        data : tree of Arrays
            ``x``, ``(x, y)`` or ``(x, y, sample_weight)``, as `fit` was given them.
        """
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        variables = self.trainable_variables

        optimizer = self.optimizer
        assert optimizer is not None

        def objective(_: Any) -> Any:
            y_pred = self(x, training=True)
            loss = self._loss_of(x, y, y_pred, sample_weight, training=True)
            return optimizer.scale_loss(loss), (loss, y_pred)

        (_, (loss, y_pred)), gradients = value_and_grad(objective, has_aux=True)(variables)
        optimizer.apply(gradients, variables)
        return self._counted(loss, x, y, y_pred, sample_weight)

    def test_step(self, data: Any) -> dict[str, Any]:
        """Compute loss and metrics of a batch without training; return them by name."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        y_pred = self(x, training=False)
        loss = self._loss_of(x, y, y_pred, sample_weight, training=False)
        return self._counted(loss, x, y, y_pred, sample_weight)

    def predict_step(self, data: Any) -> Any:
        """Return the outputs for a batch."""
        x, _, _ = unpack_x_y_sample_weight(data)
        return self(x, training=False)

    def _counted(self, loss: Any, x: Any, y: Any, y_pred: Any, sample_weight: Any) -> dict[str, Any]:
        self._tracker.update_state(loss, sample_weight=leaves_of(x)[0].shape[0])
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def _loss_of(self, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool) -> Any:
        given = {"x": x, "y": y, "y_pred": y_pred, "sample_weight": sample_weight}
        if "training" in inspect.signature(self.compute_loss).parameters:
            given["training"] = training
        return self.compute_loss(**given)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Return the loss of a batch, a scalar: what `compile` was given, and what layers add.

        Override it to add to it, or to compute another.

        Parameters
        ----------
        x, y, y_pred, sample_weight : trees of arrays
            Inputs, targets, outputs and weights of the examples.
        training : bool
        """
        if self._recipe is None or self._recipe.loss is None:
            raise ValueError(
                f"Model {self.name!r} has no loss to compute. Give compile a loss, for example "
                "loss='mean_squared_error', or override compute_loss."
            )
        total = self._for_outputs(y_pred).total_loss(y, y_pred, sample_weight)
        for added in self.losses:
            total = total + added
        self._noted = total
        return total

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Count a batch into the compiled metrics; return all figures so far by name.

        The loss that was computed last is counted too, if the step did not do so itself.
        """
        if self._noted is not None and self._tracker.latest is None:
            self._tracker.update_state(stop_gradient(self._noted), sample_weight=leaves_of(y_pred)[0].shape[0])
        if y is not None and self._recipe is not None:
            self._for_outputs(y_pred).metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def get_metrics_result(self) -> dict[str, Any]:
        """Return the figures so far by name: the loss, those of the outputs, metrics, as far as `metrics` has them."""
        shown = self.metrics
        compiled = [] if self._resolved is None else self._resolved.all_metrics
        found = {}
        if self._tracker.is_used and self._tracker in shown:
            found[self._tracker.name] = self._tracker.result()
        if self._resolved is not None and set(compiled) <= set(shown):
            found |= self._resolved.result()
        for metric in shown:
            if metric is not self._tracker and metric not in compiled:
                result = metric.result()
                found |= result if isinstance(result, dict) else {metric.name: result}
        return found

    def reset_metrics(self) -> None:
        """Set the figures to their beginning."""
        for metric in self._all_metrics:
            metric.reset_state()

    @property
    def metrics(self) -> list[metrics.Metric]:
        """The tracker of the loss, the compiled metrics, and those among the attributes of the model and its layers."""
        compiled = [] if self._resolved is None else self._resolved.all_metrics
        kept = [x for x in self._kept() if isinstance(x, metrics.Metric)]
        return list(dict.fromkeys([self._tracker, *compiled, *kept]))

    @property
    def _all_metrics(self) -> list[Metric]:
        """What steps may count into: all metrics, also those that a subclass's `metrics` leaves out."""
        own = Steps.metrics.fget(self)  # type: ignore[attr-defined]
        return list(dict.fromkeys([*own, *self.metrics]))

    @property
    def metrics_names(self) -> list[str]:
        """Names of the figures that `evaluate` returns."""
        return list(self.get_metrics_result())

    def _kept(self) -> list[Any]:
        """Return the metrics and optimizers among the attributes of the model and its layers, each once."""
        if self._known_kept is not None:
            return self._known_kept
        found: dict[Any, None] = {}
        for layer in self.structure()[0].values():
            seen: set[int] = set()
            for name, value in list(vars(layer).items()):
                cls = type(value)
                if cls in _PLAIN or name in self._unwalked or name == "_tracker":
                    continue
                if may_hold(cls, _KINDS):
                    found.update((item, None) for _, item in walk(name, value, _KINDS, seen))
                else:
                    _PLAIN.add(cls)
        return list(found)

    def _for_outputs(self, y_pred: Any) -> Resolved:
        """Return loss and metrics for outputs that branch as these do."""
        assert self._recipe is not None
        if self._resolved is None or self._resolved.structure != structure_of(y_pred):
            self._resolved = Resolved(self._recipe, y_pred, self.output_names)
        return self._resolved
