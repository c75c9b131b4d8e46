"""The loops over batches and epochs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nnarray.training._batches import Batches, Feed
from nnarray.training._callbacks import CallbackList
from nnarray.training._ends import TerminateOnNaN
from nnarray.training._figures import BadLossError, NonFiniteLossError, Watch, as_figures
from nnarray.training._good import LastGood, copied
from nnarray.training._interrupt import Interrupt, deferred_interrupt
from nnarray.training._prepare import check_trains_as, trained_by
from nnarray.training._progress import Progress
from nnarray.training._runner import Predictor, Runner

_BEFORE = "their values before the step"


def epoch_logs(model: Any, logs: Any) -> dict[str, Any]:
    """Return the figures of the steps so far: those of the metrics, or the last step's if it names others."""
    metrics = model.get_metrics_result()
    return as_figures(metrics if logs is None or set(logs) == set(metrics) else logs)


def evaluate_batches(
    model: Any,
    runner: Runner,
    feed: Feed,
    callbacks: CallbackList,
    progress: Progress,
    interrupt: Interrupt | None = None,
) -> dict[str, float]:
    """Return the loss and metrics over the batches of an epoch.

    Raises
    ------
    ValueError
        If there are none.
    """
    if not feed.begin():
        raise ValueError("The data to evaluate on have no batches left. Give some that can be gone through again.")
    model.reset_metrics()
    runner.refresh()
    model.stop_evaluating = False
    callbacks.on_test_begin()
    begins, ends = callbacks.wants("on_test_batch_begin"), callbacks.wants("on_test_batch_end")
    several, logs = model._recipe.steps_per_execution, None
    index = told = -1
    for index, rows in enumerate(feed.epoch()):
        if begins and index % several == 0:
            callbacks.on_test_batch_begin(index)
        _, logs = runner.test(feed.batches, rows)
        if ends and (index + 1) % several == 0:
            told = index
            callbacks.on_test_batch_end(index, epoch_logs(model, logs))
        progress.advance()
        if interrupt is not None:
            interrupt.check()
        if model.stop_evaluating:
            break
    if ends and told < index:
        callbacks.on_test_batch_end(index, epoch_logs(model, logs))
    found = epoch_logs(model, logs)
    callbacks.on_test_end(dict(found))
    return found


def predict_batches(predictor: Predictor, feed: Feed, callbacks: CallbackList, progress: Progress) -> list[Any]:
    """Return the outputs for each batch of an epoch."""
    feed.begin()
    predictor.model.stop_predicting = False
    callbacks.on_predict_begin()
    begins, ends = callbacks.wants("on_predict_batch_begin"), callbacks.wants("on_predict_batch_end")
    outputs = []
    for index, rows in enumerate(feed.epoch()):
        if begins:
            callbacks.on_predict_batch_begin(index)
        outputs.append(predictor(feed.batches, rows))
        if ends:
            callbacks.on_predict_batch_end(index, {"outputs": outputs[-1]})
        progress.advance()
        if predictor.model.stop_predicting:
            break
    callbacks.on_predict_end()
    return outputs


@dataclass(frozen=True)
class Run:
    """What one `fit` does.

    Attributes
    ----------
    first, last : int
        Epochs, counted from 0: from `first` up to but not including `last`.
    verbose : int
        0, 1 or 2.
    steps_per_execution : int
        How many steps stand between the callbacks of batches.
    validates : callable
        Whether to validate after an epoch, counted from 0.
    """

    first: int
    last: int
    verbose: int
    steps_per_execution: int
    validates: Callable[[int], bool]


class Loop:
    """Epochs of training.

    Parameters
    ----------
    model : Trainer
    runner : Runner
        Of the model's steps.
    feed : Feed
    validation : Feed or None
    run : Run
    callbacks : CallbackList
    counter : int
        Number of steps that the model has been trained for.

    Attributes
    ----------
    counter : int
    done : int
        Number of epochs that ended, those before `run.first` included.
    """

    def __init__(
        self,
        model: Any,
        runner: Runner,
        feed: Feed,
        validation: Feed | None,
        run: Run,
        callbacks: CallbackList,
        counter: int,
    ) -> None:
        self.model = model
        self.runner = runner
        self.feed = feed
        self.validation = validation
        self.callbacks = callbacks
        self.counter = counter
        self._settings = run
        self._good = LastGood(runner.step, counter)
        self.done = run.first
        self._rows: Any = None
        self._is_proven = False
        self._trained_by = trained_by(model)

    def run(self) -> dict[str, Any]:
        """Train; return the logs of the last epoch."""
        logs: dict[str, Any] = {}
        with deferred_interrupt() as interrupt:
            done = self._settings.first
            for epoch in range(self._settings.first, self._settings.last):
                if not self.feed.begin(epoch):
                    break
                done = epoch
                self.callbacks.on_epoch_begin(epoch)
                watch = Watch()
                try:
                    logs = self._epoch(epoch, watch, interrupt)
                except BadLossError as error:
                    if error.step:
                        self._good.confirm()
                    failure = self._went_back(error.value, epoch, error.step)
                    if not any(isinstance(x, TerminateOnNaN) and not x.raise_error for x in self.callbacks.callbacks):
                        raise failure from None
                    logs = {"loss": error.value}
                    self.model.stop_training = self._is_proven = True
                except BaseException:
                    if self.runner.is_inconsistent:
                        self.counter = self._good.restore_latest()
                    raise
                self.done = epoch + 1
                self._good.offer(self.counter, f"the end of epoch {epoch + 1}")
                self.callbacks.on_epoch_end(epoch, logs)
                interrupt.check()
                if self.model.stop_training:
                    break
            self._check_last(done)
        return logs

    def _epoch(self, epoch: int, watch: Watch, interrupt: Interrupt) -> dict[str, Any]:
        model, runner, feed, run = self.model, self.runner, self.feed, self._settings
        model.reset_metrics()
        runner.refresh()
        batches, steps, several = feed.batches, feed.length, run.steps_per_execution
        begins = self.callbacks.wants("on_train_batch_begin")
        ends = self.callbacks.wants("on_train_batch_end")
        progress = Progress(f"Epoch {epoch + 1}/{run.last}", steps, run.verbose)
        logs: Any = None
        found = None
        index = told = -1
        self._is_proven = False
        try:
            for index, rows in enumerate(feed.epoch()):
                if begins and index % several == 0:
                    self.callbacks.on_train_batch_begin(index)
                is_watched = begins or ends or not index
                if is_watched:
                    check_trains_as(model, self._trained_by)
                self._rows = rows
                loss, logs = runner.train(batches, rows, self.counter)
                if is_watched:
                    # A step of the user's own may freeze a part while it runs.
                    self._trained_by = trained_by(model)
                watch.add(loss)
                self.counter += 1
                if ends and ((index + 1) % several == 0 or index + 1 == steps):
                    told = index
                    self.callbacks.on_train_batch_end(index, epoch_logs(model, logs))
                progress.advance()
                if progress.due():
                    self._look(watch)
                    progress.show(epoch_logs(model, logs))
                interrupt.check()
                if model.stop_training:
                    break
            if ends and told < index and not model.stop_training:
                self.callbacks.on_train_batch_end(index, epoch_logs(model, logs))
            self._look(watch)
            found = epoch_logs(model, logs)
            if self.validation is not None and run.validates(epoch):
                quiet = Progress("", 0, 0)
                held = evaluate_batches(model, runner, self.validation, self.callbacks, quiet, interrupt)
                self._is_proven = math.isfinite(held.get("loss", math.nan))
                found |= {f"val_{name}": value for name, value in held.items()}
        finally:
            progress.close(found)
        return found

    def _look(self, watch: Watch) -> None:
        if watch.look():
            self._good.confirm()

    def _check_last(self, epoch: int) -> None:
        """Raise NonFiniteLossError if no finite loss can be computed from the weights of the end.

        The loss is that of validation, or of one more step, which is taken back.
        """
        if self._rows is None or self._is_proven:
            return
        before, is_bad, loss = copied(self.runner.step.state()), False, None
        watch = Watch()
        try:
            loss, _ = self.runner.train(self.feed.batches, self._rows, self.counter)
            watch.add(loss)
            watch.look()
        except BadLossError as error:
            is_bad, loss = True, error.value
        finally:
            self.runner.step.store(before)
        if is_bad:
            raise self._went_back(loss, epoch, self.feed.length or 0)

    def _went_back(self, value: Any, epoch: int, step: int) -> NonFiniteLossError:
        rate = learning_rate_of(self.model)
        self.counter = self._good.restore()
        return NonFiniteLossError(value, epoch + 1, step + 1, rate, self._good.place)


def step_on_batch(model: Any, runner: Runner, batches: Batches) -> dict[str, Any]:
    """Take one step on the only batch; return its figures.

    Raises
    ------
    NonFiniteLossError
        If the loss is not finite before the step, or after one that changed the weights by much.
    """
    # The last step's result is not known to be good yet, if nothing has changed since.
    figures = [variable for metric in model.metrics for variable in metric.variables]
    if model._last_good is None or not model._last_good.goes_on(runner.step, figures):
        model._last_good = LastGood(runner.step, model._counter, _BEFORE)
    good, watch = model._last_good, Watch()
    rows = next(iter(batches.epoch()))
    try:
        loss, logs = runner.train(batches, rows, model._counter)
        watch.add(loss)
        watch.look()
        good.confirm()
        model._counter += 1
        good.offer(model._counter, _BEFORE)
        if good.is_suspicious(model._targets):
            loss, _ = runner.train(batches, rows, model._counter)
            watch.add(loss)
            watch.look()
            good.restore_latest()
    except BadLossError as error:
        rate = learning_rate_of(model)
        model._counter = good.restore()
        raise NonFiniteLossError(error.value, 1, 1, rate, good.place) from None
    except BaseException:
        model._counter = good.restore_latest()
        raise
    good.place = "their values before the last step"
    return epoch_logs(model, logs)


def learning_rate_of(model: Any) -> float | None:
    """Return the learning rate of a model's optimizer, None if it is not a number."""
    try:
        return float(model.optimizer.learning_rate)
    except (AttributeError, TypeError):
        return None
