"""Callbacks: what a user hooks into `fit`."""

from __future__ import annotations

from collections.abc import Callable as _Callable
from collections.abc import Sequence
from typing import Any

Logs = dict[str, float]


class Callback:
    """Base of callbacks; `fit` sets `model` and `params` and calls the methods.

    Attributes
    ----------
    model : Model
        The model being trained.
    params : dict
        ``epochs``, ``steps`` per epoch, ``verbose``.
    """

    def __init__(self) -> None:
        self.model: Any = None
        self.params: dict[str, Any] = {}

    def set_model(self, model: Any) -> None:
        """Take the model."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Take the run's figures."""
        self.params = params

    def on_train_begin(self, logs: Any = None) -> None:
        """Run before the first epoch."""

    def on_train_end(self, logs: Any = None) -> None:
        """Run after the last epoch."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Run before an epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Run after an epoch; `logs` has loss, metrics and their ``val_`` counterparts as floats."""

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Run before a step of the epoch, counted from 0."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Run after a step; `logs` is a mapping that reads the running figures from the device only if asked."""


class History(Callback):
    """What `fit` returns: the figures of every epoch.

    Attributes
    ----------
    epoch : list of int
        Epochs done, counted from 0.
    history : dict of str to list of float
        ``loss``, each metric, and with validation data ``val_loss`` and so on, one entry per epoch.
    requested_backend : str or None
        The backend that was asked for: by argument, by the arrays, by a setting, or NumPy by default.
    actual_backend : str or None
        The backend that it ran on: another if the requested one does not work here (or was ``"auto"``).
    """

    def __init__(self, requested_backend: str | None = None, actual_backend: str | None = None) -> None:
        super().__init__()
        self.requested_backend = requested_backend
        self.actual_backend = actual_backend
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)


class LambdaCallback(Callback):
    """Calls the functions given.

    Parameters
    ----------
    on_epoch_begin, on_epoch_end, on_train_batch_begin, on_train_batch_end : callable ``f(index, logs)``, optional
    on_train_begin, on_train_end : callable ``f(logs)``, optional

    Examples
    --------
    >>> import nnarray as nna
    >>> callback = nna.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"]))
    >>> callback.on_epoch_end(0, {"loss": 0.5})
    0 0.5
    """

    def __init__(
        self,
        on_epoch_begin: _Callable[..., None] | None = None,
        on_epoch_end: _Callable[..., None] | None = None,
        on_train_begin: _Callable[..., None] | None = None,
        on_train_end: _Callable[..., None] | None = None,
        on_train_batch_begin: _Callable[..., None] | None = None,
        on_train_batch_end: _Callable[..., None] | None = None,
    ) -> None:
        super().__init__()
        given = {
            **{"on_epoch_begin": on_epoch_begin, "on_epoch_end": on_epoch_end},
            **{"on_train_begin": on_train_begin, "on_train_end": on_train_end},
            **{"on_train_batch_begin": on_train_batch_begin, "on_train_batch_end": on_train_batch_end},
        }
        for name, function in given.items():
            if function is not None:
                setattr(self, name, function)


class CallbackList(Callback):
    """Calls each of several callbacks."""

    def __init__(self, callbacks: Sequence[Callback]) -> None:
        super().__init__()
        self.callbacks = list(callbacks)

    def set_model(self, model: Any) -> None:
        for callback in self.callbacks:
            callback.set_model(model)

    def set_params(self, params: dict[str, Any]) -> None:
        for callback in self.callbacks:
            callback.set_params(params)

    def on_train_begin(self, logs: Any = None) -> None:
        for callback in self.callbacks:
            callback.on_train_begin(logs)

    def on_train_end(self, logs: Any = None) -> None:
        for callback in self.callbacks:
            callback.on_train_end(logs)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        for callback in self.callbacks:
            callback.on_epoch_begin(epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        for callback in self.callbacks:
            callback.on_epoch_end(epoch, logs)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        for callback in self.callbacks:
            callback.on_train_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        for callback in self.callbacks:
            callback.on_train_batch_end(batch, logs)
