"""The loops over batches and epochs."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from nnarray.backends import backend_of
from nnarray.training._callbacks import CallbackList
from nnarray.training._data import Data, permutation
from nnarray.training._interrupt import Interrupt, deferred_interrupt
from nnarray.training._plans import Runner
from nnarray.training._progress import Progress
from nnarray.training._step import State, Step


class NonFiniteLossError(ArithmeticError):
    """The loss became NaN or infinite while training; the weights are those at the end of the last good epoch.

    Attributes
    ----------
    epoch, step : int
        Where it happened first, counted from 1.
    """

    def __init__(self, value: float, epoch: int, step: int, learning_rate: float) -> None:
        self.epoch = epoch
        self.step = step
        last = f"the end of epoch {epoch - 1}" if epoch > 1 else "their values before training"
        super().__init__(
            f"The loss became {value} at step {step} of epoch {epoch}. The weights are back at {last}. Lower the "
            f"learning rate (now {learning_rate:g}), clip gradients (clipnorm=1.0), or scale the inputs."
        )


#: References to an object that has one variable, as `sys.getrefcount` counts them.
_UNSHARED = 2


class _RunningFigures(Mapping[str, float]):
    """Loss and metrics up to a step, read from the device only when looked at, or kept beyond it."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self._settled: dict[str, float] | None = None

    def settle(self) -> None:
        """Read the figures before the next step changes them."""
        self._settled = self._read()

    def _read(self) -> dict[str, float]:
        return read_metrics(self._step) if self._settled is None else self._settled

    def __getitem__(self, name: str) -> float:
        return self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())


def read_metrics(step: Step) -> dict[str, float]:
    """Return the loss and the metrics accumulated so far as floats."""
    return {metric.name: _as_float(metric.result()) for metric in (step.tracker, *step.metrics)}


def _as_float(x: Any) -> float:
    return x if isinstance(x, float) else float(backend_of(x).to_numpy(x))


def reset_metrics(step: Step) -> None:
    """Set the accumulated figures to zero."""
    for metric in (step.tracker, *step.metrics):
        metric.reset_state()


class Watch:
    """Looks at the losses of the steps since the last look, for one that is not finite."""

    def __init__(self, step: Step, epoch: int) -> None:
        self._step = step
        self._epoch = epoch
        self._losses: list[Any] = []
        self._seen = 0

    def add(self, loss: Any) -> None:
        """Note a step's loss, without waiting for it."""
        self._losses.append(loss)

    def look(self) -> None:
        """Read the noted losses; raise NonFiniteLossError at the first bad one."""
        if not self._losses:
            return
        backend = backend_of(self._losses[0])
        losses = backend.to_numpy(backend.xp.stack(self._losses))
        bad = np.flatnonzero(~np.isfinite(losses))
        if bad.size:
            first = int(bad[0])
            rate = float(self._step.optimizer.learning_rate)
            raise NonFiniteLossError(float(losses[first]), self._epoch + 1, self._seen + first + 1, rate)
        self._seen += len(self._losses)
        self._losses.clear()


def copied(state: State) -> State:
    """Return copies of the arrays of a state."""
    return [backend_of(array).xp.asarray(array, copy=True) for array in state]


def evaluate_data(
    runner: Runner, data: Data, batch_size: int, progress: Progress, interrupt: Interrupt | None = None
) -> dict[str, float]:
    """Return the loss and metrics over `data`."""
    reset_metrics(runner.step)
    runner.refresh()
    for rows in data.batches(batch_size):
        runner.test(data, rows)
        progress.advance()
        if interrupt is not None:
            interrupt.check()
    return read_metrics(runner.step)


class Loop:
    """Epochs of training.

    Parameters
    ----------
    runner : Runner
        Of the model's steps.
    data : Data
    validation : Data or None
    batch_size : int
    key : tuple of two int, or None
        Of the shuffles; None keeps the rows in order.
    callbacks : CallbackList
    verbose : int
        0, 1 or 2.
    counter : int
        Number of steps this model has been trained for.
    stop : callable
        Whether to end after the epoch.
    steps_per_execution : int
        How many steps stand between the callbacks of batches.
    """

    def __init__(
        self,
        runner: Runner,
        data: Data,
        validation: Data | None,
        batch_size: int,
        key: tuple[int, int] | None,
        callbacks: CallbackList,
        verbose: int,
        counter: int,
        stop: Callable[[], bool],
        steps_per_execution: int = 1,
    ) -> None:
        self.runner = runner
        self.step = runner.step
        self.data = data
        self.validation = validation
        self.batch_size = batch_size
        self.key = key
        self.callbacks = callbacks
        self.verbose = verbose
        self.counter = counter
        self.stop = stop
        self.steps_per_execution = steps_per_execution

    def run(self, first: int, last: int) -> None:
        """Train from epoch `first` up to but not including `last`, counted from 0."""
        good = copied(self.step.state()), self.counter
        with deferred_interrupt() as interrupt:
            for epoch in range(first, last):
                self.callbacks.on_epoch_begin(epoch)
                try:
                    logs = self._epoch(epoch, last, interrupt)
                except BaseException as error:
                    if isinstance(error, NonFiniteLossError) or self.runner.is_torn:
                        state, self.counter = good
                        self.step.store(state)
                    raise
                good = copied(self.step.state()), self.counter
                self.callbacks.on_epoch_end(epoch, logs)
                interrupt.check()
                if self.stop():
                    break

    def _epoch(self, epoch: int, last: int, interrupt: Interrupt) -> dict[str, float]:
        step = self.step
        reset_metrics(step)
        self.runner.refresh()
        steps = math.ceil(self.data.length / self.batch_size)
        progress = Progress(f"Epoch {epoch + 1}/{last}", steps, self.verbose)
        watch = Watch(step, epoch)
        order = None if self.key is None else permutation(self.key, epoch, self.data.length)
        logs = None
        try:
            for index, rows in enumerate(self.data.batches(self.batch_size, order)):
                if index % self.steps_per_execution == 0:
                    self.callbacks.on_train_batch_begin(index)
                watch.add(self.runner.train(self.data, rows, self.counter))
                self.counter += 1
                if (index + 1) % self.steps_per_execution == 0 or index + 1 == steps:
                    figures = _RunningFigures(step)
                    self.callbacks.on_train_batch_end(index, figures)
                    if sys.getrefcount(figures) > _UNSHARED:
                        figures.settle()
                progress.advance()
                if progress.due():
                    watch.look()
                    progress.show(read_metrics(step))
                interrupt.check()
            watch.look()
            logs = read_metrics(step)
            if self.validation is not None:
                quiet = Progress("", 0, 0)
                found = evaluate_data(self.runner, self.validation, self.batch_size, quiet, interrupt)
                logs |= {f"val_{name}": value for name, value in found.items()}
        finally:
            progress.close(logs)
        return logs
