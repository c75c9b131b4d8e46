"""A model that is compiled: where it lives, and how it is trained."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from nnarray import optimizers
from nnarray._checks import check_boolean, check_one_of
from nnarray._serialization import plain, restored
from nnarray.backends import Selection, use_backend
from nnarray.compiler import Plan
from nnarray.layers import output_spec
from nnarray.random import ResumedKeys
from nnarray.training._good import LastGood
from nnarray.training._history import History
from nnarray.training._home import asked_for, home_for, moved, place_of
from nnarray.training._prepare import release
from nnarray.training._recipe import check_steps, recipe_of
from nnarray.training._runner import Predictor, Runner
from nnarray.training._steps import Steps
from nnarray.variables import Variable

if TYPE_CHECKING:
    from nnarray.training._loop import Loop
    from nnarray.training._resumption import Resumption


class Trainer(Steps):
    """A layer that knows where it lives and how it is to be trained.

    Parameters
    ----------
    backend : str or module, optional
        Where it lives, whatever arrays it is given; None follows the data.
    device : optional
        One of the backend's devices.
    on_missing : {"warn", "raise"}
        What to do if the backend does not work here: live on NumPy and warn, or raise `BackendUnavailableError`.
    **kwargs
        As for `Layer`.
    """

    def __init__(self, backend: Any = None, device: Any = None, on_missing: str = "warn", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._wanted, self._on_missing = asked_for(None, backend, device, on_missing, "warn")
        self.history: History | None = None
        self.stop_training = self.stop_evaluating = self.stop_predicting = False
        self._counter = 0
        self._runner: Runner | None = None
        self._predictor: Predictor | None = None
        self._targets: list[Variable] = []
        self._held: list[Variable] = []
        self._last_good: LastGood | None = None
        self._dependencies: tuple[Any, ...] = ()
        self._specs: Any = None
        self._lock = threading.RLock()
        self._is_busy = False
        self._given: dict[str, Any] = {}
        #: Where the keys of shuffles come from, if not from the process; the loop that is running; one to go on with.
        self._keys: ResumedKeys | None = None
        self._running: Loop | None = None
        self._resumption: Resumption | None = None

    def __getstate__(self) -> dict[str, Any]:
        # Plans are made anew where a copy is used.
        made_anew = dict.fromkeys(("_known_kept", "_lock", "_runner", "_predictor", "_last_good", "_running"))
        return {**self.__dict__, **made_anew, "_targets": [], "_held": [], "_is_busy": False}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.__dict__["_lock"] = threading.RLock()

    def _present_value(self, name: str, value: Any) -> Any:
        # What was asked for, not where the model lives.
        return value if name in ("backend", "device") else super()._present_value(name, value)

    # -- where it lives -----------------------------------------------------------------------------------------------

    @property
    def backend(self) -> str:
        """Name of the backend that holds the weights, or will."""
        return (self.home or home_for(self._wanted, None, self._on_missing)).backend.name

    @property
    def device(self) -> Any:
        """The device that holds the weights, or will; None is the backend's default."""
        return (self.home or home_for(self._wanted, None, self._on_missing)).device

    def to(self, backend: Any, device: Any = None, on_missing: str = "warn") -> Any:
        """Move the model, its optimizer's state and its metrics to a backend, and keep it there.

        Parameters
        ----------
        backend : str or module
            ``"auto"`` is CuPy if it works here, else NumPy.
        device : optional
        on_missing : {"warn", "raise"}
            What to do if the backend does not work here: move to NumPy and warn, or raise and stay.

        Returns
        -------
        the model

        Raises
        ------
        RuntimeError
            Within `fit` or `evaluate` of the model, as from a callback.
        """
        self._refuse_while_busy("to")
        wanted, _ = asked_for(self._wanted, backend, device, on_missing, self._on_missing)
        assert wanted is not None
        self.home, self._wanted = moved(self._state(), wanted), wanted
        return self

    def _state(self) -> list[Variable]:
        """Return the variables that move with the model."""
        kept = dict.fromkeys([*self._kept(), *self._all_metrics])
        return [*self.variables, *(variable for each in kept for variable in each.variables)]

    def _come_home(self, x: Any) -> Selection | None:
        """Bring back variables that another model, or its owner, has moved; return where all are, if any are.

        A model that has no home goes where it was asked for, or together, by the arrays in `x`, if it is apart.
        """
        variables = self.variables
        place = place_of(variables)
        if self.home is None and self._wanted is None and (place is not None or not variables):
            return place
        found = moved(self._state(), self.home or home_for(self._wanted, x, self._on_missing))
        if self.home is not None:
            self.home = found
        return found

    def _at_home(self) -> AbstractContextManager[Any]:
        """Return a context in which the operators of raw arrays run where the model lives."""
        assert self.home is not None
        return self.home.backend.activate(self.home.device)

    # -- compile ------------------------------------------------------------------------------------------------------

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
        *,
        backend: Any = None,
        device: Any = None,
        on_missing: str | None = None,
        executor: str | None = None,
    ) -> None:
        """Choose how to train.

        Parameters
        ----------
        optimizer : str or Optimizer
        loss : str, Loss or function ``f(y_true, y_pred)``; a list or dict of them for several outputs
            An output that is the result of our sigmoid or softmax, however the model is written, gives a cross-entropy
            by name or object its logits. None where `compute_loss` or `train_step` is overridden.
        loss_weights : number, or list or dict of numbers, optional
            By what the losses of the outputs are multiplied before they are added.
        metrics, weighted_metrics : sequence of str, Metric or function; a list or dict of them for several outputs
            The second are weighted by `sample_weight`.
        run_eagerly : bool
            Whether the model's Python code runs at every step. Otherwise it runs once for each shape of batch, and
            what it did is replayed: settings of layers, loss and optimizer, but for the learning rate, are those of
            that time until the next `compile`.
        steps_per_execution : int
            How many steps `fit` takes, and batches `evaluate`, between calls of callbacks on batches.
        jit_compile : {"auto", True, False}
            False has the same effect as ``run_eagerly=True``: nothing is replayed.
        auto_scale_loss : bool
            Whether a model of dtype ``"mixed_float16"``, for a Sequential that of its first layer, gets a
            `LossScaleOptimizer` around `optimizer`. A `train_step` of one's own calls ``optimizer.scale_loss`` itself,
            and compiles with one given.
        backend : str or module, optional
            Where to train, whatever arrays it is given; None follows the data, ``"auto"`` is CuPy if it works here.
        device : optional
            One of the backend's devices.
        on_missing : {"warn", "raise"}, optional
            What to do if the backend asked for, here or by a setting, does not work: train on NumPy and warn, once
            for each cause, or raise. By default as the model was made.
        executor : str, optional
            What replays: "auto" is the backend's own; by default ``NNARRAY_EXECUTOR``, or that.

        Raises
        ------
        ValueError
            If a name is unknown; the message gives the nearest known one, and the model is as it was.
        TypeError
            If the model has a training step of another framework's form.
        BackendUnavailableError
            If the backend does not work and `on_missing` is "raise" or ``NNARRAY_REQUIRE_BACKEND`` names it.
        """
        self._refuse_while_busy("compile")
        if loss is None and not (self._overrides("compute_loss") or self._overrides("train_step")):
            raise ValueError("compile needs a loss, for example loss='mean_squared_error': received None.")
        check_steps(type(self), Steps)
        chosen = optimizers.get(optimizer)
        check_one_of("jit_compile", jit_compile, ("auto", True, False))
        if run_eagerly is True and jit_compile is True:
            raise ValueError("run_eagerly and jit_compile exclude each other: received True for both.")
        scales = check_boolean("auto_scale_loss", auto_scale_loss) and not self._overrides("train_step")
        if scales and self._policy == "mixed_float16" and not isinstance(chosen, optimizers.LossScaleOptimizer):
            chosen = optimizers.LossScaleOptimizer(chosen)
        eagerly = run_eagerly or jit_compile is False
        recipe = recipe_of(loss, loss_weights, metrics, weighted_metrics, eagerly, steps_per_execution, executor)
        wanted, on_missing = asked_for(self._wanted, backend, device, on_missing, self._on_missing)
        if self.home is not None and wanted is not None:
            self.home = moved(self._state(), wanted)
        self._wanted, self._on_missing = wanted, on_missing
        self.optimizer, self.loss, self._recipe = chosen, loss, recipe
        self._resolved = self._runner = self._predictor = None
        self._given = {
            **{"loss": loss, "loss_weights": loss_weights, "metrics": metrics, "weighted_metrics": weighted_metrics},
            **{"run_eagerly": run_eagerly, "steps_per_execution": steps_per_execution, "jit_compile": jit_compile},
            **{"auto_scale_loss": auto_scale_loss, "executor": executor},
        }

    def get_compile_config(self) -> dict[str, Any]:
        """Return what the model was compiled with, as plain values.

        A subclass with a `compile` of its own overrides it.

        Raises
        ------
        TypeError
            If something cannot be found again by name, such as a lambda.
        """
        given = {"optimizer": self.optimizer, **self._given}
        return {name: plain(value, f"Argument {name!r} of compile") for name, value in given.items()}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile the model as `get_compile_config` tells."""
        self.compile(**{name: restored(value) for name, value in config.items()})

    def _overrides(self, method: str) -> bool:
        return getattr(type(self), method) is not getattr(Steps, method)

    @property
    def run_eagerly(self) -> bool:
        """Whether the model's Python code runs at every step."""
        return self._recipe is not None and self._recipe.run_eagerly

    @property
    def plans(self) -> dict[tuple[str, int], Plan]:
        """What `fit` and `evaluate` replay: by "train" or "test" and the size of the batch, plans that print."""
        return {} if self._runner is None else self._runner.plans

    def _require_compiled(self, what: str) -> None:
        if self._recipe is None:
            raise RuntimeError(
                f"{what} needs a compiled model. Call model.compile(optimizer='adam', loss='mean_squared_error') first."
            )

    # -- one at a time ------------------------------------------------------------------------------------------------

    @contextmanager
    def _busy(self) -> Iterator[None]:
        """Make other threads wait to train or evaluate the model, and forbid callbacks to move it, within the block."""
        with self._lock:
            before, self._is_busy = self._is_busy, True
            try:
                yield
            finally:
                self._is_busy = before
                if not before:
                    release(self)

    @contextmanager
    def _figures_kept(self) -> Iterator[None]:
        """Let the figures of a run that is going on, as when a callback evaluates, be after the block as before."""
        running = [variable for metric in self.metrics for variable in metric.variables] if self._held else []
        before = [variable.numpy() for variable in running]
        try:
            yield
        finally:
            for variable, value in zip(running, before, strict=True):
                variable.assign(value)

    def _refuse_while_busy(self, what: str) -> None:
        if self._is_busy:
            raise RuntimeError(
                f"A model cannot be changed while it is trained or evaluated: received {what}(…) of "
                f"{self.name!r}. Call it before or afterwards."
            )

    # -- what models know of themselves -------------------------------------------------------------------------------

    @property
    def has_call(self) -> bool:
        """Whether it can be called, and not only trained by a step of its own."""
        return True

    def checked_inputs(self, x: Any) -> Any:
        """Return inputs in the form in which the model takes them, or raise ValueError."""
        return x

    def output_specs(self, inputs: Any) -> Any:
        """Return a `Spec` for each output, where `inputs` has one for each input."""
        place = self.home or self._wanted
        with nullcontext() if place is None else use_backend(place.backend.name, place.device):
            return output_spec(self, (inputs,), {})
