"""fit, evaluate and predict."""

from __future__ import annotations

from typing import Any

from nnarray._checks import check_positive_integer, check_whole
from nnarray._messages import describe
from nnarray._trees import flatten, leaves_of, unflatten
from nnarray.backends import backend_of, convert
from nnarray.random import next_key
from nnarray.training._batches import ArrayBatches
from nnarray.training._callbacks import CallbackList
from nnarray.training._data import Data, as_data, split_data
from nnarray.training._figures import figures_of
from nnarray.training._history import History
from nnarray.training._home import home_for
from nnarray.training._loop import Loop, Run, evaluate_batches, predict_batches, step_on_batch
from nnarray.training._prepare import checked_data, ready_predictor, ready_runner
from nnarray.training._progress import Progress, resolve_verbose
from nnarray.training._trainer import Trainer


class Trained(Trainer):
    """A layer that can be trained.

    Parameters
    ----------
    backend, device, on_missing : as for `Trainer`
    **kwargs
        As for `Layer`.
    """

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        check_finite: bool = True,
    ) -> History:
        """Train the model.

        Parameters
        ----------
        x : array, shape (examples, …), or a list, tuple or dict of them
            Of any library, or nested lists. Floating-point numbers are cast to the model's dtype, integers are left
            alone.
        y : array, shape (examples, …), or as many as the model has outputs
        batch_size : int, optional
            32 by default.
        epochs : int
            Index of the last epoch, counted from 1: with `initial_epoch` it is not the number of epochs to do.
        verbose : {"auto", 0, 1, 2}
            Quiet, a bar, or a line an epoch; "auto" is a bar on a terminal and in Jupyter, and a line elsewhere.
        callbacks : Callback, or list of them, optional
        validation_split : float
            Share of the examples, from the end, to validate on instead of training.
        validation_data : tuple ``(x, y)`` or ``(x, y, sample_weight)``, optional
        shuffle : bool
            Whether each epoch takes the examples in a new order, the same on every backend for one seed.
        sample_weight : array, shape (examples,), optional
            Weight of each example in the loss and in the weighted metrics.
        initial_epoch : int
            Where to go on from, counted from 0.
        check_finite : bool
            Whether NaN and infinity in the data are errors.

        Returns
        -------
        History
            Also ``model.history``, which holds the finished epochs if training is interrupted.

        Raises
        ------
        RuntimeError
            If the model is not compiled.
        ValueError, TypeError
            If the data do not fit the model or the loss; then nothing was changed.
        NonFiniteLossError
            If the loss becomes NaN or infinite; the weights are the last ones at the end of an epoch that gave a
            finite loss.
        KeyboardInterrupt
            At the end of the step in which Ctrl-C was pressed.
        """
        self._require_compiled("fit")
        batch_size = check_positive_integer("batch_size", 32 if batch_size is None else batch_size)
        epochs, initial_epoch = check_whole("epochs", epochs), check_whole("initial_epoch", initial_epoch)
        shown = resolve_verbose(verbose)
        hooks = CallbackList(callbacks, add_history=True)
        with self._busy():
            data = checked_data(self, x, y, sample_weight, check_finite)
            validation = None
            if validation_data is not None:
                validation = _held_out(self, validation_data, check_finite)
            elif validation_split:
                data, validation = split_data(data, validation_split)
            home = home_for(self._wanted, data.x, self._on_missing)
            runner = ready_runner(self, home, data)
            batches = ArrayBatches(_moved(self, data), batch_size)
            held = None if validation is None else ArrayBatches(_moved(self, validation), batch_size)
            history = hooks.history
            assert history is not None
            history.requested_backend, history.actual_backend = home.requested, home.backend.name
            hooks.set_model(self)
            hooks.set_params({"epochs": epochs, "steps": batches.length, "verbose": shown})
            self.stop_training = False
            key = next_key() if shuffle else None
            assert self._recipe is not None
            run = Run(initial_epoch, epochs, data.length, key, shown, self._recipe.steps_per_execution)
            loop = Loop(self, runner, batches, held, run, hooks, self._counter)
            hooks.on_train_begin()
            try:
                with self._at_home():
                    logs = loop.run()
            finally:
                self._counter = loop.counter
            hooks.on_train_end(logs)
        return history

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Any = None,
        callbacks: Any = None,
        return_dict: bool = False,
        check_finite: bool = True,
    ) -> Any:
        """Return the loss and metrics over `x` and `y`, without training.

        Parameters
        ----------
        x, y, sample_weight, batch_size, verbose, callbacks, check_finite : as for `fit`
        return_dict : bool

        Returns
        -------
        float, list of float, or dict of str to float
            The loss alone if there are no metrics.
        """
        self._require_compiled("evaluate")
        batch_size = check_positive_integer("batch_size", 32 if batch_size is None else batch_size)
        shown = resolve_verbose(verbose)
        hooks = CallbackList(callbacks)
        with self._busy(), self._figures_kept():
            data = checked_data(self, x, y, sample_weight, check_finite)
            runner = ready_runner(self, self.home or home_for(self._wanted, data.x, self._on_missing), data)
            batches = ArrayBatches(_moved(self, data), batch_size)
            hooks.set_model(self)
            hooks.set_params({"steps": batches.length, "verbose": shown})
            progress = Progress("Evaluate", batches.length, shown)
            found = None
            try:
                with self._at_home():
                    found = evaluate_batches(self, runner, batches, hooks, progress)
            finally:
                progress.close(found)
        return figures_of(found, return_dict)

    def predict(self, x: Any, batch_size: int | None = None, verbose: int | str = "auto", callbacks: Any = None) -> Any:
        """Return the model's outputs for `x`.

        Parameters
        ----------
        x : array, shape (examples, …), or a list, tuple or dict of them
        batch_size : int, optional
            32 by default.
        verbose : {"auto", 0, 1, 2}
            With 1 or "auto", on a terminal, a bar.
        callbacks : Callback, or list of them, optional

        Returns
        -------
        array of the library and on the device of `x`, shape (examples, …), or as many as the model has outputs
            NumPy for nested lists.
        """
        batch_size = check_positive_integer("batch_size", 32 if batch_size is None else batch_size)
        shown = resolve_verbose(verbose)
        hooks = CallbackList(callbacks)
        data = as_data(x, finite=False)
        data = data._replace(x=self.checked_inputs(data.x))
        home = self.home or home_for(self._wanted, data.x, self._on_missing)
        with self._lock:
            predictor = ready_predictor(self, home, data.x)
        batches = ArrayBatches(_moved(self, data), batch_size)
        hooks.set_model(self)
        hooks.set_params({"steps": batches.length, "verbose": shown})
        progress = Progress("Predict", batches.length, shown)
        try:
            with self._at_home():
                outputs = predict_batches(predictor, batches, hooks, progress)
        finally:
            progress.close()
        return _joined(outputs, like=leaves_of(data.x)[0])

    # -- one batch ----------------------------------------------------------------------------------------------------

    def train_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Take one step on one batch.

        Parameters
        ----------
        x, y, sample_weight : arrays
            As for `fit`; all of it is one batch.
        return_dict : bool

        Returns
        -------
        float, list of float, or dict of str to float
            The loss before the step and the metrics of this batch; the loss alone if there are no metrics.

        Raises
        ------
        NonFiniteLossError
            If the loss is NaN or infinite, before the step or after it; the weights are the last that gave a finite
            one: those before this step, or before the last one.
        """
        self._require_compiled("train_on_batch")
        with self._busy():
            data = checked_data(self, x, y, sample_weight, True)
            runner = ready_runner(self, home_for(self._wanted, data.x, self._on_missing), data)
            self.reset_metrics()
            runner.refresh()
            batches = ArrayBatches(_moved(self, data), data.length)
            with self._at_home():
                return figures_of(step_on_batch(self, runner, batches), return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Return the loss and metrics of one batch, without training; arguments as for `train_on_batch`."""
        size = as_data(x, finite=False).length
        return self.evaluate(x, y, size, 0, sample_weight, return_dict=return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """Return the outputs for one batch, computed at once."""
        return self.predict(x, as_data(x, finite=False).length, 0)


def _moved(model: Trainer, data: Data) -> Data:
    assert model.home is not None
    return data.to(model.home.backend, model.home.device, model.dtype)


def _held_out(model: Trainer, validation_data: Any, finite: bool) -> Data:
    if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
        raise ValueError(
            f"validation_data must be (x, y) or (x, y, sample_weight): received {describe(validation_data)}."
        )
    x, y, *weight = validation_data
    return checked_data(model, x, y, weight[0] if weight else None, finite, "validation_data: ")


def _joined(outputs: list[Any], like: Any) -> Any:
    """Return the outputs of all batches as one tree of arrays, of the library and on the device of `like`."""
    target = backend_of(like)
    device = target.device_of(like)
    _, structure = flatten(outputs[0])
    joined = []
    for pieces in zip(*map(leaves_of, outputs), strict=True):
        backend = backend_of(pieces[0])
        whole = backend.xp.concat(list(pieces), axis=0)
        home = backend is target and backend.device_of(whole) == device
        joined.append(whole if home else convert(whole, target, device=device))
    return unflatten(structure, joined)
