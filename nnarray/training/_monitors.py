"""Callbacks that watch a figure and act on it, by Keras' names."""

from __future__ import annotations

import inspect
import math
import sys
import warnings
from typing import Any

from nnarray._checks import check_boolean, check_finite, check_not_negative, check_one_of, check_whole
from nnarray._messages import describe, nearest
from nnarray.training._callback import Callback


class Monitor(Callback):
    """Base of callbacks that compare a figure of the logs with its best so far.

    Parameters
    ----------
    monitor : str
        Name in the logs.
    mode : {"auto", "min", "max"}
        What is better. Of the loss it is less, of a metric what the metric says.
    min_delta : float
        By how much a figure must be better.
    """

    def __init__(self, monitor: str = "val_loss", mode: str = "auto", min_delta: float = 0) -> None:
        self.monitor = monitor
        self.mode = check_one_of("mode", mode, ("auto", "min", "max"))
        self.min_delta = abs(check_finite("min_delta", min_delta))
        self.best: float | None = None
        self._seen = False
        self._sign: int | None = None

    #: Attributes that a training goes on with in another process.
    _kept: tuple[str, ...] = ("best", "_seen")

    def get_state(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._kept}

    def set_state(self, state: dict[str, Any]) -> None:
        for name in self._kept:
            setattr(self, name, state[name])

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        self.best, self._seen, self._sign = None, False, None

    def current(self, logs: Any) -> float | None:
        """Return the figure, or None in an epoch without validation.

        Raises
        ------
        ValueError
            If the logs do not have it, and cannot have it later.
        """
        logs = logs or {}
        if self.monitor in logs:
            self._seen = True
            figure = logs[self.monitor]
            if getattr(figure, "shape", ()):
                raise ValueError(
                    f"{type(self).__name__} compares numbers: received monitor={self.monitor!r} of shape "
                    f"{tuple(figure.shape)}. Give a metric that is one number, such as F1Score(average='macro')."
                )
            return float(figure)
        # Validation may run every k epochs only.
        if self._seen or (self.monitor.startswith("val_") and self.monitor.removeprefix("val_") in logs):
            return None
        known = ", ".join(map(repr, logs)) or "nothing"
        raise ValueError(
            f"{type(self).__name__} watches monitor={self.monitor!r}, which is none of the figures of this training: "
            f"these are {known}.{nearest(self.monitor, logs)}"
        )

    def is_better(self, value: float, than: float | None) -> bool:
        """Whether a figure improves on another, by `min_delta`; NaN improves on nothing."""
        if math.isnan(value):
            return False
        if than is None:
            return True
        if self._sign is None:
            self._sign = {"min": -1, "max": 1}.get(self.mode) or self._direction()
        return self._sign * (value - than) > self.min_delta

    def _direction(self) -> int:
        name = self.monitor.removeprefix("val_")
        if name == "loss" or name.endswith("_loss"):
            return -1
        metrics = self.model.metrics
        # The figure of one output of several has the output's name before the metric's.
        named = [x for x in metrics if x.name == name] or [x for x in metrics if name.endswith(f"_{x.name}")]
        for metric in named:
            if metric._direction is not None:
                return 1 if metric._direction == "up" else -1
        raise ValueError(
            f"{type(self).__name__} cannot tell whether {self.monitor!r} is better the greater or the less it is. Give "
            "mode='max' or mode='min'."
        )

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002
        if not self._seen:
            # No error: what was trained for hours is there.
            warnings.warn(
                f"{type(self).__name__} watched monitor={self.monitor!r}, which no epoch of this training had: it did "
                "nothing. Give fit validation_data or validation_split, or watch 'loss'.",
                stacklevel=2,
            )


class EarlyStopping(Monitor):
    """Ends the training when a figure has not improved for some epochs.

    Parameters
    ----------
    monitor : str
        Name in the logs.
    min_delta : float
        By how much a figure must be better.
    patience : int
        Epochs without improvement after which the training ends.
    verbose : {0, 1}
        Whether to say so.
    mode : {"auto", "min", "max"}
        What is better. Of the loss it is less, of a metric what the metric says.
    baseline : float, optional
        Epochs that do not reach it count as without improvement.
    restore_best_weights : bool
        Whether the weights at the end are those of the best epoch, also if all epochs were run.
    start_from_epoch : int
        Epochs before it are not looked at.

    Attributes
    ----------
    stopped_epoch : int
        The epoch in which the training was ended, 0 if it was not.
    best, best_epoch : float and int
        The best figure, and its epoch.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> model = nna.Sequential([nna.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> stop = nna.callbacks.EarlyStopping("loss", patience=2)
    >>> history = model.fit(np.zeros((4, 2)), np.zeros(4), epochs=50, callbacks=[stop], verbose=0)
    >>> len(history.epoch), stop.stopped_epoch
    (3, 2)
    """

    _kept = ("best", "_seen", "wait", "stopped_epoch", "best_epoch", "best_weights")

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience = check_whole("patience", patience)
        self.verbose = verbose
        self.baseline = None if baseline is None else check_finite("baseline", baseline)
        self.restore_best_weights = check_boolean("restore_best_weights", restore_best_weights)
        self.start_from_epoch = check_whole("start_from_epoch", start_from_epoch)
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best_weights: list[Any] | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        super().on_train_begin(logs)
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best_weights = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        current = self.current(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        if self.is_better(current, self.best):
            self.best, self.best_epoch = current, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self.is_better(current, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        super().on_train_end(logs)
        if self.stopped_epoch > 0 and self.verbose:
            _say(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                _say(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class ReduceLROnPlateau(Monitor):
    """Makes the learning rate smaller when a figure has not improved for some epochs.

    Each epoch's logs get ``learning_rate``.

    Parameters
    ----------
    monitor : str
        Name in the logs.
    factor : float
        Below 1, which the rate is multiplied by.
    patience : int
        Epochs without improvement after which it is.
    verbose : {0, 1}
        Whether to say so.
    mode : {"auto", "min", "max"}
        What is better. Of the loss it is less, of a metric what the metric says.
    min_delta : float
        By how much a figure must be better.
    cooldown : int
        Epochs that are not counted after the rate was made smaller.
    min_lr : float
        Least rate.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> model = nna.Sequential([nna.layers.Dense(1)])
    >>> model.compile(nna.optimizers.SGD(0.5), "mse")
    >>> reduce = nna.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=2)
    >>> history = model.fit(np.zeros((4, 2)), np.zeros(4), epochs=5, callbacks=[reduce], verbose=0)
    >>> history.history["learning_rate"]
    [0.5, 0.5, 0.5, 0.25, 0.25]
    """

    _kept = ("best", "_seen", "wait", "cooldown_counter")

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        if not 0 < factor < 1:
            raise ValueError(f"factor must lie between 0 and 1: received factor={factor!r}.")
        self.factor = factor
        self.patience = check_whole("patience", patience)
        self.verbose = verbose
        self.cooldown = check_whole("cooldown", cooldown)
        self.min_lr = check_not_negative("min_lr", min_lr)
        self.wait = self.cooldown_counter = 0

    def on_train_begin(self, logs: Any = None) -> None:
        super().on_train_begin(logs)
        self.wait = self.cooldown_counter = 0
        rate = self.model.optimizer.learning_rate
        # Asked for at the start: a rate that follows the steps cannot be set, and hours later is late to hear it.
        self.model.optimizer.learning_rate = float(rate)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        rate = float(self.model.optimizer.learning_rate)
        if logs is not None:
            logs["learning_rate"] = rate
        current = self.current(logs)
        if current is None:
            return
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.wait = 0
        if self.is_better(current, self.best):
            self.best, self.wait = current, 0
        elif self.cooldown_counter <= 0:
            self.wait += 1
            if self.wait >= self.patience and rate > self.min_lr:
                self.model.optimizer.learning_rate = new = max(rate * self.factor, self.min_lr)
                self.cooldown_counter, self.wait = self.cooldown, 0
                if self.verbose:
                    _say(f"Epoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {new}.")


class LearningRateScheduler(Callback):
    """Sets the learning rate at the beginning of each epoch. Each epoch's logs get ``learning_rate``.

    Parameters
    ----------
    schedule : callable
        ``schedule(epoch, rate)``, or ``schedule(epoch)``, gives the rate of an epoch, counted from 0.
    verbose : {0, 1}
        Whether to say so.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> model = nna.Sequential([nna.layers.Dense(1)])
    >>> model.compile(nna.optimizers.SGD(0.5), "mse")
    >>> halve = nna.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2 if epoch else rate)
    >>> history = model.fit(np.zeros((4, 2)), np.zeros(4), epochs=3, callbacks=[halve], verbose=0)
    >>> history.history["learning_rate"]
    [0.5, 0.25, 0.125]
    """

    def __init__(self, schedule: Any, verbose: int = 0) -> None:
        if not callable(schedule):
            raise TypeError(f"schedule must be a function of the epoch and the rate: received {describe(schedule)}.")
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        optimizer = self.model.optimizer
        rate = self.schedule(*(epoch, float(optimizer.learning_rate))[: _taken(self.schedule)])
        optimizer.learning_rate = rate
        if self.verbose:
            _say(f"Epoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)


def _taken(schedule: Any) -> int:
    """Return how many arguments a schedule takes, 2 or 1."""
    try:
        inspect.signature(schedule).bind(0, 0.0)
    except TypeError:
        return 1
    except ValueError:
        return 2
    return 2


def _say(text: str) -> None:
    print(text, file=sys.stdout, flush=True)
