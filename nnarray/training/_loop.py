"""The loops over batches and epochs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nnarray.training._batches import Batches, permutation
from nnarray.training._callbacks import CallbackList
from nnarray.training._figures import BadLossError, NonFiniteLossError, Watch, as_figures
from nnarray.training._good import LastGood, copied
from nnarray.training._interrupt import Interrupt, deferred_interrupt
from nnarray.training._prepare import anatomy_of
from nnarray.training._progress import Progress
from nnarray.training._runner import Predictor, Runner


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
    """What one `fit` is to do.

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
    ready : callable
        Gives the runner anew if the model is no longer what that one runs.
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
        ready: Callable[[], Runner],
        batches: Batches,
        validation: Batches | None,
        run: Run,
        callbacks: CallbackList,
        counter: int,
    ) -> None:
        self.model = model
        self.runner = runner
        self._ready = ready
        self.batches = batches
        self.validation = validation
        self.callbacks = callbacks
        self.counter = counter
        self._plan = run
        self._good = LastGood(runner.step, counter)
        self._rows: Any = None

    def run(self) -> dict[str, Any]:
        """Train; return the logs of the last epoch."""
        logs: dict[str, Any] = {}
        with deferred_interrupt() as interrupt:
            for epoch in range(self._plan.first, self._plan.last):
                self.callbacks.on_epoch_begin(epoch)
                self._meet_changes(f"their values before epoch {epoch + 1}", anatomy_too=True)
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
                epoch = self._plan.last - 1
            self._check_last(epoch)
        return logs

    def _epoch(self, epoch: int, watch: Watch, interrupt: Interrupt) -> dict[str, Any]:
        model, batches, run = self.model, self.batches, self._plan
        model.reset_metrics()
        self.runner.refresh()
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
                if begins or ends:
                    self._meet_changes(f"their values before step {index + 1} of epoch {epoch + 1}")
                self._rows = rows
                loss, logs = self.runner.train(batches, rows, self.counter)
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
                held = evaluate_batches(model, self.runner, self.validation, self.callbacks, quiet, interrupt)
                found |= {f"val_{name}": value for name, value in held.items()}
        finally:
            progress.close(found)
        return found

    def _look(self, watch: Watch) -> None:
        if watch.look():
            self._good.confirm()

    def _meet_changes(self, place: str, anatomy_too: bool = False) -> None:
        """Go on with a new runner, if callbacks have changed the model's parts, or another model has taken them over.

        Parameters
        ----------
        place : str
            Which state is the one at hand, in words: it is taken for good then.
        anatomy_too : bool
            Whether to look for layers that were added, removed or frozen as well.
        """
        model = self.model
        as_it_was = model._runner is self.runner and all(pack.whole for pack in model._packs)
        if as_it_was and anatomy_too and self.callbacks.callbacks != [self.callbacks.history]:
            as_it_was = anatomy_of(model) == model._anatomy
        if as_it_was:
            return
        before, self.runner = self.runner, self._ready()
        if self.runner is not before:
            self.runner.refresh()
            self._good = LastGood(self.runner.step, self.counter, place)

    def _check_last(self, epoch: int) -> None:
        """Raise NonFiniteLossError if the weights grew in the last epoch, and no finite loss can be computed from them.

        The loss is that of one more step, which is taken back.
        """
        self._meet_changes(f"the end of epoch {epoch + 1}")
        if self._rows is None or not self._good.is_suspicious():
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


def learning_rate_of(model: Any) -> float | None:
    """Return the learning rate of a model's optimizer, None where it is no number."""
    try:
        return float(model.optimizer.learning_rate)
    except (AttributeError, TypeError):
        return None
