"""The loops over batches and epochs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from nnarray.training._batches import Batches, permutation
from nnarray.training._callbacks import CallbackList
from nnarray.training._figures import BadLossError, NonFiniteLossError, Watch, as_figures
from nnarray.training._good import LastGood, copied
from nnarray.training._interrupt import Interrupt, deferred_interrupt
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
    batches: Batches,
    callbacks: CallbackList,
    progress: Progress,
    interrupt: Interrupt | None = None,
) -> dict[str, float]:
    """Return the loss and metrics over some batches."""
    model.reset_metrics()
    runner.refresh()
    callbacks.on_test_begin()
    begins, ends = callbacks.wants("on_test_batch_begin"), callbacks.wants("on_test_batch_end")
    logs = None
    for index, rows in enumerate(batches.epoch()):
        if begins:
            callbacks.on_test_batch_begin(index)
        _, logs = runner.test(batches, rows)
        if ends:
            callbacks.on_test_batch_end(index, epoch_logs(model, logs))
        progress.advance()
        if interrupt is not None:
            interrupt.check()
    found = epoch_logs(model, logs)
    callbacks.on_test_end(dict(found))
    return found


def predict_batches(predictor: Predictor, batches: Batches, callbacks: CallbackList, progress: Progress) -> list[Any]:
    """Return the outputs for each batch."""
    callbacks.on_predict_begin()
    begins, ends = callbacks.wants("on_predict_batch_begin"), callbacks.wants("on_predict_batch_end")
    outputs = []
    for index, rows in enumerate(batches.epoch()):
        if begins:
            callbacks.on_predict_batch_begin(index)
        outputs.append(predictor(batches, rows))
        if ends:
            callbacks.on_predict_batch_end(index, {"outputs": outputs[-1]})
        progress.advance()
    callbacks.on_predict_end()
    return outputs


@dataclass(frozen=True)
class Run:
    """What one `fit` does.

    Attributes
    ----------
    first, last : int
        Epochs, counted from 0: from `first` up to but not including `last`.
    examples : int or None
        Number of examples to shuffle.
    key : tuple of two int, or None
        Of the shuffles; None keeps the order.
    verbose : int
        0, 1 or 2.
    steps_per_execution : int
        How many steps stand between the callbacks of batches.
    """

    first: int
    last: int
    examples: int | None
    key: tuple[int, int] | None
    verbose: int
    steps_per_execution: int = 1


class Loop:
    """Epochs of training.

    Parameters
    ----------
    model : Trainer
    runner : Runner
        Of the model's steps.
    batches : Batches
    validation : Batches or None
    run : Run
    callbacks : CallbackList
    counter : int
        Number of steps that the model has been trained for.
    """

    def __init__(
        self,
        model: Any,
        runner: Runner,
        batches: Batches,
        validation: Batches | None,
        run: Run,
        callbacks: CallbackList,
        counter: int,
    ) -> None:
        self.model = model
        self.runner = runner
        self.batches = batches
        self.validation = validation
        self.callbacks = callbacks
        self.counter = counter
        self._settings = run
        self._good = LastGood(runner.step, counter)
        self._rows: Any = None
        self._is_proven = False

    def run(self) -> dict[str, Any]:
        """Train; return the logs of the last epoch."""
        logs: dict[str, Any] = {}
        with deferred_interrupt() as interrupt:
            for epoch in range(self._settings.first, self._settings.last):
                self.callbacks.on_epoch_begin(epoch)
                watch = Watch()
                try:
                    logs = self._epoch(epoch, watch, interrupt)
                except BadLossError as error:
                    if error.step:
                        self._good.confirm()
                    raise self._went_back(error.value, epoch, error.step) from None
                except BaseException:
                    if self.runner.is_inconsistent:
                        self.counter = self._good.restore_latest()
                    raise
                self._good.offer(self.counter, f"the end of epoch {epoch + 1}")
                self.callbacks.on_epoch_end(epoch, logs)
                interrupt.check()
                if self.model.stop_training:
                    break
            else:
                epoch = self._settings.last - 1
            self._check_last(epoch)
        return logs

    def _epoch(self, epoch: int, watch: Watch, interrupt: Interrupt) -> dict[str, Any]:
        model, runner, batches, run = self.model, self.runner, self.batches, self._settings
        model.reset_metrics()
        runner.refresh()
        steps, several = batches.length, run.steps_per_execution
        begins = self.callbacks.wants("on_train_batch_begin")
        ends = self.callbacks.wants("on_train_batch_end")
        progress = Progress(f"Epoch {epoch + 1}/{run.last}", steps, run.verbose)
        order = None if run.key is None or run.examples is None else permutation(run.key, epoch, run.examples)
        logs: Any = None
        found = None
        try:
            for index, rows in enumerate(batches.epoch(order)):
                if begins and index % several == 0:
                    self.callbacks.on_train_batch_begin(index)
                self._rows = rows
                loss, logs = runner.train(batches, rows, self.counter)
                watch.add(loss)
                self.counter += 1
                if ends and ((index + 1) % several == 0 or index + 1 == steps):
                    self.callbacks.on_train_batch_end(index, epoch_logs(model, logs))
                progress.advance()
                if progress.due():
                    self._look(watch)
                    progress.show(epoch_logs(model, logs))
                interrupt.check()
                if model.stop_training:
                    break
            self._look(watch)
            found = epoch_logs(model, logs)
            if self.validation is not None:
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
            loss, _ = self.runner.train(self.batches, self._rows, self.counter)
            watch.add(loss)
            watch.look()
        except BadLossError as error:
            is_bad, loss = True, error.value
        finally:
            self.runner.step.store(before)
        if is_bad:
            raise self._went_back(loss, epoch, self.batches.length or 0)

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
