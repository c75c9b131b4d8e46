"""What a model is compiled to, and what is made ready before it trains."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

from nnarray import losses, metrics, optimizers
from nnarray._messages import describe
from nnarray.backends import Selection, backend_of
from nnarray.compiler import Plan, check_executor
from nnarray.layers import Shape
from nnarray.training._arguments import (
    check_positive,
    metric_of,
    shape_fits,
)
from nnarray.training._callbacks import History
from nnarray.training._data import Data, as_data
from nnarray.training._housed import Housed
from nnarray.training._plans import Runner
from nnarray.training._predict import Predictor, anatomy
from nnarray.training._step import Step
from nnarray.variables import Variable, pack_variables


class Compiled(Housed):
    """A layer that knows how it is to be trained: its optimizer, loss and metrics, and what runs its steps.

    Parameters
    ----------
    backend, device, on_missing : as for `Housed`
    **kwargs
        As for `Layer`.
    """

    def __init__(self, backend: Any = None, device: Any = None, on_missing: str = "warn", **kwargs: Any) -> None:
        super().__init__(backend, device, on_missing, **kwargs)
        self.optimizer: optimizers.Optimizer | None = None
        self.loss: losses.Loss | None = None
        self.history: History | None = None
        self.stop_training = False
        self._metrics: list[metrics.Metric] = []
        self._tracker = metrics.Mean("loss")
        self._runner: Runner | None = None
        self._predictor: Predictor | None = None
        self._run_eagerly, self._executor, self._steps_per_execution = False, "auto", 1
        self._counter = 0

    def _state(self) -> list[Variable]:
        optimizer = [] if self.optimizer is None else self.optimizer.variables
        return [*super()._state(), *optimizer, *(v for metric in self.metrics for v in metric.variables)]

    # -- compile ------------------------------------------------------------------------------------------------------

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: Sequence[Any] | None = None,
        *,
        backend: Any = None,
        device: Any = None,
        on_missing: str | None = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        executor: str | None = None,
    ) -> None:
        """Choose how to train.

        Parameters
        ----------
        optimizer : str or Optimizer
        loss : str, Loss or function ``f(y_true, y_pred)``
            A model that ends in sigmoid or softmax computes a cross-entropy given by name or object from the logits.
        metrics : sequence of str, Metric or function, optional
        backend : str or module, optional
            Where to train, whatever arrays it is given; None follows the data, ``"auto"`` is CuPy if it works here.
        device : optional
            One of the backend's devices.
        on_missing : {"warn", "raise"}, optional
            What to do if the backend asked for, here or by a setting, does not work: train on NumPy and warn, once
            for each cause, or raise. By default as the model was made.
        run_eagerly : bool
            Whether the model's Python code runs at every step. Otherwise it runs once for each shape of batch, and
            what it did is replayed: settings of layers, loss and optimizer, but for the learning rate, are those of
            that time until the next `compile`.
        steps_per_execution : int
            How many steps are taken between calls of callbacks on batches.
        executor : str, optional
            What replays: "auto" is the backend's own; by default ``NNARRAY_EXECUTOR``, or that.

        Raises
        ------
        ValueError
            If a name is unknown; the message gives the nearest known one, and the model is as it was.
        BackendUnavailableError
            If the backend does not work and `on_missing` is "raise" or ``NNARRAY_REQUIRE_BACKEND`` names it.
        """
        if loss is None:
            raise ValueError("compile needs a loss, for example loss='mean_squared_error': received None.")
        if metrics is not None and (isinstance(metrics, str) or not isinstance(metrics, Iterable)):
            raise TypeError(f"metrics must be a list, for example metrics=['accuracy']: received {describe(metrics)}.")
        runs_on = check_executor(executor or os.environ.get("NNARRAY_EXECUTOR") or "auto")
        several = check_positive("steps_per_execution", steps_per_execution)
        chosen = optimizers.get(optimizer), losses.get(loss), [metric_of(metric) for metric in metrics or ()]
        wanted, policy = self._asked(backend, device, on_missing)
        self.optimizer, self.loss, self._metrics = chosen
        self._wanted, self._on_missing = wanted, policy
        self._tracker.dtype = self.dtype
        self._run_eagerly, self._executor, self._steps_per_execution = run_eagerly, runs_on, several
        self._runner = self._predictor = None
        if self._home is not None and self._wanted is not None:
            self._move(self._wanted)

    @property
    def metrics(self) -> list[metrics.Metric]:
        """The loss tracker and the compiled metrics."""
        return [self._tracker, *self._metrics]

    @property
    def metrics_names(self) -> list[str]:
        """Names of the figures that `evaluate` returns."""
        return [metric.name for metric in self.metrics]

    @property
    def plans(self) -> dict[tuple[str, int], Plan]:
        """What `fit` and `evaluate` replay: by "train" or "test" and the size of the batch, plans that print."""
        return {} if self._runner is None else self._runner.plans

    # -- preparation --------------------------------------------------------------------------------------------------

    def _checked(self, x: Any, y: Any, sample_weight: Any, finite: bool, prefix: str = "") -> Data:
        """Return the arrays, checked against the model and the loss; nothing is changed."""
        if y is None:
            raise ValueError(f"{prefix}y is missing: training and evaluation need targets.")
        data = as_data(x, y, sample_weight, finite)
        output_shape = self.checked_output_shape((None, *data.x.shape[1:]))
        assert self.loss is not None
        self.loss.check_targets(backend_of(data.y).to_numpy(data.y), output_shape)
        return data

    def checked_output_shape(self, input_shape: Shape) -> Shape:
        """Return the output shape for inputs of `input_shape`; errors as in `check_input_shape`."""
        self.check_input_shape(input_shape)
        return self.compute_output_shape(input_shape)

    def check_input_shape(self, input_shape: Shape) -> None:
        """Raise ValueError if the model was made for inputs of another shape."""
        expected = self.batch_input_shape
        if expected is not None and not shape_fits(input_shape[1:], expected[1:]):
            raise ValueError(
                f"Model {self.name!r} takes x of shape (batch, {', '.join(map(str, expected[1:]))}): received x of "
                f"shape (batch, {', '.join(map(str, input_shape[1:]))})."
            )

    def _require_compiled(self, what: str) -> None:
        if self.optimizer is None or self.loss is None:
            raise RuntimeError(
                f"{what} needs a compiled model. Call model.compile(optimizer='adam', loss='mean_squared_error') first."
            )

    def _ready(self, selection: Selection, like: Data) -> Runner:
        """Build, move and pack what is not yet; return what runs the steps."""
        assert self.optimizer is not None
        assert self.loss is not None
        backend, device = selection
        if self.built:
            self._move(selection)
        else:
            self.ensure_built((None, *like.x.shape[1:]), backend.asarray(0.0, device=device))
            self._move(selection)
        assert self._home is not None
        weights = self.trainable_variables
        runner = self._runner
        packs = [] if runner is None else runner.step.packs
        packed = {member for pack in packs for member in pack.members}
        if packed != set(weights) or not all(pack.whole for pack in packs):
            packs = pack_variables(weights)
        self.optimizer.build(packs)
        for metric in self.metrics:
            metric.build(*self._home)
        step = Step(self, self.loss, self._tracker, self._metrics, self.optimizer, packs)
        if runner is None or runner.step.variables != step.variables or runner.anatomy != anatomy(self):
            self._runner = runner = Runner(step, self._run_eagerly, self._executor)
        return runner

    def _at_home(self, data: Data) -> Data:
        assert self._home is not None
        assert self.loss is not None
        return data.to(self._home.backend, self._home.device, self.dtype, self.loss.sparse)

    def _predicting(self) -> Predictor:
        """Return what gives the outputs for a batch: the model's code, or once it is compiled, its plans."""
        if self._predictor is None or self._predictor.anatomy != anatomy(self):
            self._predictor = Predictor(self, self._executor, self._run_eagerly or self.optimizer is None)
        return self._predictor
