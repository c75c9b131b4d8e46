"""fit, evaluate and predict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from nnarray._checks import check_positive_integer, check_whole
from nnarray._messages import describe
from nnarray._trees import flatten, leaves_of, unflatten
from nnarray.backends import backend_of, convert
from nnarray.random import next_key
from nnarray.training._batches import Feed
from nnarray.training._callbacks import CallbackList
from nnarray.training._data import as_data
from nnarray.training._ends import ProgbarLogger
from nnarray.training._figures import figures_of
from nnarray.training._given import Examples, Purpose, check_lasts, given, size_of_batch
from nnarray.training._history import History
from nnarray.training._home import home_for
from nnarray.training._loop import Loop, Run, evaluate_batches, predict_batches, step_on_batch
from nnarray.training._prepare import ready_predictor, ready_runner
from nnarray.training._progress import Progress, resolve_verbose
from nnarray.training._sources import is_stream
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
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
        *,
        check_finite: bool = True,
        prefetch: int | None = None,
    ) -> History:
        """Train the model.

        Parameters
        ----------
        x : array, shape (examples, …), or a list, tuple or dict of them; or what gives batches
            Arrays of any library, nested lists, frames of pandas or polars. Floating-point numbers are cast to the
            model's dtype, integers are left alone. Rows of maps of files, of sparse matrices and of data sets on disk
            are read batch by batch, ahead of time, by a thread.

            Or a `nnarray.utils.PyDataset`, a generator, a DataLoader or anything else that is iterated over; each batch
            is ``(x, y)`` or ``(x, y, sample_weight)``. They are drawn when they are needed, in the thread that called.
        y : array, shape (examples, …), or as many as the model has outputs
        batch_size : int, optional
            32 by default. What gives batches makes them of its own size.
        epochs : int
            Index of the last epoch, counted from 1: with `initial_epoch` it is not the number of epochs to do.
        verbose : {"auto", 0, 1, 2}
            Quiet, a bar, or a line an epoch; "auto" is a bar on a terminal and in Jupyter, and a line elsewhere.
        callbacks : Callback, or list of them, optional
        validation_split : float
            Share of the examples, from the end, to validate on instead of training.
        validation_data : tuple ``(x, y)`` or ``(x, y, sample_weight)``, or what gives batches, optional
        shuffle : bool
            Whether each epoch takes the examples, or the batches of a `PyDataset`, in a new order, the same on every
            backend for one seed. What is iterated over has an order of its own.
        class_weight : dict of int to float, optional
            Weight of the examples of each class, 1 for those left out. Unlike in Keras, no weight may be negative.
        sample_weight : array, shape (examples,), optional
            Weight of each example in the loss and in the weighted metrics, not negative.
        initial_epoch : int
            Where to go on from, counted from 0.
        steps_per_epoch : int, optional
            Number of batches in an epoch; the next epoch goes on where it ended. By default all there are.
        validation_steps : int, optional
            Number of batches to validate on, from the beginning if the data can be gone through again.
        validation_batch_size : int, optional
            That of the training by default.
        validation_freq : int or sequence of int
            After how many epochs to validate, or after which, counted from 1.
        check_finite : bool
            Whether NaN and infinity in the data are errors. What comes in batches is looked at once; later, the loss
            tells.
        prefetch : int, optional
            How many batches a thread draws from what is iterated over before they are needed. It must not use its
            arrays again for the next batch.

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
        epochs, initial_epoch = check_whole("epochs", epochs), check_whole("initial_epoch", initial_epoch)
        steps_per_epoch = _checked_steps("steps_per_epoch", steps_per_epoch)
        validation_steps = _checked_steps("validation_steps", validation_steps)
        validates = _schedule(validation_freq)
        shown = resolve_verbose(verbose)
        hooks = CallbackList(callbacks, add_history=True)
        if any(isinstance(callback, ProgbarLogger) for callback in hooks.callbacks):
            shown = 0
        with self._busy(), ExitStack() as ended:
            purpose = Purpose(self, check_finite, class_weight=class_weight)
            train: Any = given(purpose, x, y, sample_weight, batch_size, prefetch)
            held_purpose, held = Purpose(self, check_finite, prefix="validation_data: "), None
            held_size = batch_size if validation_batch_size is None else validation_batch_size
            if validation_data is not None:
                held = _held_out(held_purpose, validation_data, held_size, prefetch)
            elif validation_split:
                train, held = train.split(validation_split, (size_of_batch(batch_size), size_of_batch(held_size)))
            check_lasts(train, steps_per_epoch, epochs - initial_epoch, "steps_per_epoch")
            if held is not None:
                times = sum(map(validates, range(initial_epoch, epochs)))
                check_lasts(held, validation_steps, times, "validation_steps")
            home = home_for(self._wanted, train.data.x, self._on_missing)
            restored = [callback.restore(self) for callback in hooks.callbacks]
            before, self._resumption = self._resumption, None
            if before is not None and any(restored):
                initial_epoch = before.epoch
            elif before is not None and not before.goes_on(initial_epoch):
                before = None
            runner = ready_runner(self, home, train.data)
            key = None if not shuffle else (before and before.key) or self._next_key()
            feed = Feed(train.batches(), steps_per_epoch, key)
            ended.callback(feed.close)
            held_feed = None
            if held is not None:
                held_feed = Feed(held.batches(), validation_steps, is_held_out=True)
                ended.callback(held_feed.close)
            history = hooks.history
            assert history is not None
            history.requested_backend, history.actual_backend = home.requested, home.backend.name
            hooks.set_model(self)
            hooks.set_params({"epochs": epochs, "steps": feed.length, "verbose": shown})
            self.stop_training = False
            assert self._recipe is not None
            run = Run(initial_epoch, epochs, shown, self._recipe.steps_per_execution, validates)
            loop = Loop(self, runner, feed, held_feed, run, hooks, self._counter)
            self._running = loop
            try:
                hooks.on_train_begin()
                if before is not None:
                    before.resume(hooks)
                with self._at_home():
                    logs = loop.run()
                    if loop.done > initial_epoch and self.optimizer is not None:
                        self.optimizer.finalize_variable_values(self.trainable_variables)
            finally:
                self._counter, self._running = loop.counter, None
            hooks.on_train_end(logs)
        return history

    def _next_key(self) -> tuple[int, int]:
        return next_key() if self._keys is None else self._keys.next()

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        *,
        check_finite: bool = True,
        prefetch: int | None = None,
    ) -> Any:
        """Return the loss and metrics over `x` and `y`, without training.

        Parameters
        ----------
        x, y, sample_weight, batch_size, verbose, callbacks, check_finite, prefetch : as for `fit`
        steps : int, optional
            Number of batches; by default all there are.
        return_dict : bool

        Returns
        -------
        float, list of float, or dict of str to float
            The loss alone if there are no metrics.
        """
        self._require_compiled("evaluate")
        steps = _checked_steps("steps", steps)
        shown = resolve_verbose(verbose)
        hooks = CallbackList(callbacks)
        with self._busy(), self._figures_kept():
            examples = given(Purpose(self, check_finite), x, y, sample_weight, batch_size, prefetch)
            check_lasts(examples, steps, 1, "steps")
            place = self.home or home_for(self._wanted, examples.data.x, self._on_missing)
            runner = ready_runner(self, place, examples.data)
            feed = Feed(examples.batches(), steps, is_held_out=True)
            hooks.set_model(self)
            hooks.set_params({"steps": feed.length, "verbose": shown})
            progress = Progress("Evaluate", feed.length, shown)
            found = None
            try:
                with self._at_home():
                    found = evaluate_batches(self, runner, feed, hooks, progress)
            finally:
                feed.close()
                progress.close(found)
        return figures_of(found, return_dict)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        steps: int | None = None,
        callbacks: Any = None,
        *,
        prefetch: int | None = None,
    ) -> Any:
        """Return the model's outputs for `x`.

        Parameters
        ----------
        x : array, shape (examples, …), or a list, tuple or dict of them; or what gives batches
            As for `fit`; of a batch ``(x, y)``, the outputs for ``x``.
        batch_size : int, optional
            32 by default.
        verbose : {"auto", 0, 1, 2}
            With 1 or "auto", on a terminal, a bar.
        steps : int, optional
            Number of batches; by default all there are.
        callbacks : Callback, or list of them, optional
        prefetch : int, optional
            As for `fit`.

        Returns
        -------
        array of the library and on the device of `x`, shape (examples, …), or as many as the model has outputs
            NumPy for nested lists.
        """
        steps = _checked_steps("steps", steps)
        shown = resolve_verbose(verbose)
        hooks = CallbackList(callbacks)
        examples = given(Purpose(self, False, with_targets=False), x, None, None, batch_size, prefetch)
        check_lasts(examples, steps, 1, "steps")
        inputs = examples.data.x
        home = self.home or home_for(self._wanted, inputs, self._on_missing)
        with self._lock:
            predictor = ready_predictor(self, home, inputs)
        feed = Feed(examples.batches(), steps, is_held_out=True)
        hooks.set_model(self)
        hooks.set_params({"steps": feed.length, "verbose": shown})
        progress = Progress("Predict", feed.length, shown)
        try:
            with self._at_home():
                outputs = predict_batches(predictor, feed, hooks, progress)
        finally:
            feed.close()
            progress.close()
        return _joined(outputs, like=leaves_of(inputs)[0])

    # -- one batch ----------------------------------------------------------------------------------------------------

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Take one step on one batch.

        Parameters
        ----------
        x, y, sample_weight, class_weight : as for `fit`
            Arrays, of which all is one batch.
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
            purpose = Purpose(self, class_weight=class_weight)
            data = purpose.checked(x, y, sample_weight)
            examples = Examples(purpose, data, data.length)
            runner = ready_runner(self, home_for(self._wanted, data.x, self._on_missing), examples.data)
            self.reset_metrics()
            runner.refresh()
            batches = examples.batches()
            with self._at_home():
                return figures_of(step_on_batch(self, runner, batches), return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Return the loss and metrics of one batch, without training; arguments as for `train_on_batch`."""
        size = as_data(x, finite=False).length
        return self.evaluate(x, y, size, 0, sample_weight, return_dict=return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """Return the outputs for one batch, computed at once."""
        return self.predict(x, as_data(x, finite=False).length, 0)


def _checked_steps(name: str, steps: Any) -> int | None:
    return None if steps is None else check_positive_integer(name, steps)


def _schedule(freq: Any) -> Callable[[int], bool]:
    """Return whether to validate after an epoch, counted from 0, by what `fit` is given as `validation_freq`."""
    if isinstance(freq, (list, tuple, set, range)):
        numbers = {check_positive_integer("validation_freq", number) for number in freq}
        return lambda epoch: epoch + 1 in numbers
    every = check_positive_integer("validation_freq", freq)
    return lambda epoch: (epoch + 1) % every == 0


def _held_out(purpose: Purpose, validation_data: Any, batch_size: int | None, prefetch: int | None) -> Any:
    if is_stream(validation_data):
        return given(purpose, validation_data, None, None, None, prefetch)
    if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
        raise ValueError(
            "validation_data must be (x, y) or (x, y, sample_weight), or give such batches: received "
            f"{describe(validation_data)}."
        )
    x, y, *weight = validation_data
    return given(purpose, x, y, weight[0] if weight else None, batch_size, prefetch)


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
