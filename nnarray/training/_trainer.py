"""What a model does beyond being called and compiled: fit, evaluate, predict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from nnarray._messages import describe
from nnarray.backends import backend_of, convert
from nnarray.random import next_key
from nnarray.training._arguments import (
    check_positive,
    check_whole,
    figures_of,
    split_data,
)
from nnarray.training._callbacks import Callback, CallbackList, History
from nnarray.training._compiled import Compiled
from nnarray.training._data import as_data
from nnarray.training._loop import Loop, Watch, copied, evaluate_data, read_metrics, reset_metrics
from nnarray.training._predict import predict_data
from nnarray.training._progress import Progress, resolve_verbose


class Trainer(Compiled):
    """A layer that can be trained.

    Parameters
    ----------
    backend, device, on_missing : as for `Housed`
    **kwargs
        As for `Layer`.
    """

    def fit(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Sequence[Callback] | None = None,
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
        x : array, shape (examples, …)
            Of any library, or nested lists; cast to the model's floating-point dtype.
        y : array, shape (examples, …)
        batch_size : int, optional
            32 by default.
        epochs : int
            Index of the last epoch, counted from 1: with `initial_epoch` it is not the number of epochs to do.
        verbose : {"auto", 0, 1, 2}
            Quiet, a bar, or a line an epoch; "auto" is a bar on a terminal and a line elsewhere.
        callbacks : sequence of Callback, optional
        validation_split : float
            Share of the examples, from the end, to validate on instead of training.
        validation_data : tuple ``(x, y)`` or ``(x, y, sample_weight)``, optional
        shuffle : bool
            Whether each epoch takes the examples in a new order, the same on every backend for one seed.
        sample_weight : array, shape (examples,), optional
            Weight of each example in the loss and the metrics.
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
            If the loss becomes NaN or infinite; the weights are those at the end of the last good epoch.
        KeyboardInterrupt
            At the end of the step in which Ctrl-C was pressed.
        """
        self._require_compiled("fit")
        batch_size = check_positive("batch_size", 32 if batch_size is None else batch_size)
        check_whole("epochs", epochs)
        check_whole("initial_epoch", initial_epoch)
        verbose = resolve_verbose(verbose)
        data = self._checked(x, y, sample_weight, check_finite)
        validation = None
        if validation_data is not None:
            if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
                raise ValueError(
                    f"validation_data must be (x, y) or (x, y, sample_weight): received {describe(validation_data)}."
                )
            held_x, held_y, *held_weight = validation_data
            weight = held_weight[0] if held_weight else None
            validation = self._checked(held_x, held_y, weight, check_finite, "validation_data: ")
        elif validation_split:
            data, validation = split_data(data, validation_split)
        selection = self._selection(data.x)
        runner = self._ready(selection, data)
        data = self._at_home(data)
        validation = None if validation is None else self._at_home(validation)

        history = self.history = History(selection.requested, selection.backend.name)
        hooks = CallbackList([history, *(callbacks or ())])
        hooks.set_model(self)
        steps = math.ceil(data.length / batch_size)
        hooks.set_params({"epochs": epochs, "steps": steps, "verbose": verbose})
        self.stop_training = False
        key = next_key() if shuffle else None
        stop = lambda: self.stop_training  # noqa: E731
        several = self._steps_per_execution
        loop = Loop(runner, data, validation, batch_size, key, hooks, verbose, self._counter, stop, several)
        hooks.on_train_begin()
        try:
            with self._active():
                loop.run(initial_epoch, epochs)
        finally:
            self._counter = loop.counter
        hooks.on_train_end()
        return history

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
            If the loss is NaN or infinite; the weights are those before the step.
        """
        self._require_compiled("train_on_batch")
        data = self._checked(x, y, sample_weight, True)
        runner = self._ready(self._selection(data.x), data)
        step = runner.step
        reset_metrics(step)
        runner.refresh()
        before = copied(step.state())
        watch = Watch(step, 0)
        with self._active():
            try:
                watch.add(runner.train(self._at_home(data), slice(0, data.length), self._counter))
                watch.look()
            except BaseException:
                step.store(before)
                raise
            self._counter += 1
            return figures_of(read_metrics(step), return_dict)

    def evaluate(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Any = None,
        return_dict: bool = False,
        check_finite: bool = True,
    ) -> Any:
        """Return the loss and metrics over `x` and `y`, without training.

        Parameters
        ----------
        x, y, sample_weight, batch_size, verbose, check_finite : as for `fit`
        return_dict : bool

        Returns
        -------
        float, list of float, or dict of str to float
            The loss alone if there are no metrics.
        """
        self._require_compiled("evaluate")
        batch_size = check_positive("batch_size", 32 if batch_size is None else batch_size)
        verbose = resolve_verbose(verbose)
        data = self._checked(x, y, sample_weight, check_finite)
        runner = self._ready(self._home or self._selection(data.x), data)
        progress = Progress("Evaluate", math.ceil(data.length / batch_size), verbose)
        found = None
        try:
            with self._active():
                found = evaluate_data(runner, self._at_home(data), batch_size, progress)
        finally:
            progress.close(found)
        return figures_of(found, return_dict)

    def predict(self, x: Any, batch_size: int | None = None, verbose: int | str = "auto") -> Any:
        """Return the model's outputs for `x`.

        Parameters
        ----------
        x : array, shape (examples, …)
        batch_size : int, optional
            32 by default.
        verbose : {"auto", 0, 1, 2}
            With 1 or "auto", on a terminal, a bar.

        Returns
        -------
        array of the library and on the device of `x`, shape (examples, …)
            NumPy for nested lists.
        """
        batch_size = check_positive("batch_size", 32 if batch_size is None else batch_size)
        verbose = resolve_verbose(verbose)
        data = as_data(x, None, finite=False)
        self.checked_output_shape((None, *data.x.shape[1:]))
        selection = self._home or self._selection(data.x)
        if not self.built:
            self.ensure_built((None, *data.x.shape[1:]), selection.backend.asarray(0.0, device=selection.device))
        if self._home is None:
            self._move(selection)
        assert self._home is not None
        backend, device = self._home
        source, source_device = backend_of(data.x), backend_of(data.x).device_of(data.x)
        progress = Progress("Predict", math.ceil(data.length / batch_size), verbose)
        try:
            with self._active():
                data = data.to(backend, device, self.dtype, False)
                outputs = predict_data(self._predicting(), data, batch_size, progress)
        finally:
            progress.close()
        joined = backend.xp.concat(outputs, axis=0)
        home = source is backend and source_device == device
        return joined if home else convert(joined, source, device=source_device)
