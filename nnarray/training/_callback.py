"""The base of callbacks: every hook of `fit`, `evaluate` and `predict`."""

from __future__ import annotations

from typing import Any

from nnarray._config import Configured


class Callback(Configured):
    """Base of callbacks: a subclass overrides the hooks it needs.

    Hooks of `fit` begin with ``on_train_`` and ``on_epoch_``, those of `evaluate`, and of the validation within `fit`,
    with ``on_test_``, those of `predict` with ``on_predict_``. `logs` is a dict of floats that is the callback's to
    keep and to change: what it adds at the end of an epoch is seen by the callbacks after it and by the History.
    `fit` ends after the step or the epoch in which a hook sets ``self.model.stop_training = True``, `evaluate` and the
    validation of an epoch after the batch in which one sets ``stop_evaluating``, `predict` ``stop_predicting``.

    Attributes
    ----------
    params : dict
        In `fit`, ``epochs``, ``steps`` per epoch and ``verbose``; None before it begins.

    Examples
    --------
    >>> import numpy as np
    >>> from nnarray import callbacks, layers, models
    >>> class Target(callbacks.Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         self.model.stop_training = logs["loss"] < 1e-3
    >>> model = models.Sequential([layers.Dense(1, input_dim=1)])
    >>> model.compile("sgd", "mse")
    >>> history = model.fit(np.zeros((8, 1)), np.zeros(8), epochs=9, verbose=0, callbacks=[Target()])
    >>> history.epoch
    [0]
    """

    # Of the class, for subclasses whose constructor does not call this one's.
    _model: Any = None
    params: Any = None

    @property
    def model(self) -> Any:
        """The model that is trained, evaluated or used for predictions; None before."""
        return self._model

    @model.setter
    def model(self, model: Any) -> None:
        self._model = model

    def set_model(self, model: Any) -> None:
        """Take the model."""
        self._model = model

    #: Whether it is called after all others, as what saves must be.
    runs_last = False

    def restore(self, model: Any) -> bool:  # noqa: ARG002
        """Put another state into a model before `fit` makes it ready; return whether that was done."""
        return False

    def get_state(self) -> dict[str, Any]:
        """Return what a training that goes on in another process needs: plain values and NumPy arrays, in a tree.

        `model.save` within `fit` keeps it. A subclass that counts or remembers overrides this and `set_state`.
        """
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take back what `get_state` returned; `fit` calls it after `on_train_begin`, if it goes on where it was."""

    def set_params(self, params: dict[str, Any]) -> None:
        """Take the run's figures."""
        self.params = params

    def on_train_begin(self, logs: Any = None) -> None:
        """Run before the first epoch."""

    def on_train_end(self, logs: Any = None) -> None:
        """Run after the last epoch; `logs` are those of its end."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Run before an epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Run after an epoch; `logs` has loss, metrics and their ``val_`` counterparts."""

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Run before a step of the epoch, counted from 0."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Run after a step; `logs` has loss and metrics of the epoch up to it."""
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Run before a step: another name for `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        """Run after a step: another name for `on_train_batch_end`."""

    def on_test_begin(self, logs: Any = None) -> None:
        """Run before an evaluation, also before the validation of an epoch."""

    def on_test_end(self, logs: Any = None) -> None:
        """Run after an evaluation; `logs` has loss and metrics."""

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Run before a batch is evaluated."""

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Run after a batch was evaluated; `logs` has loss and metrics up to it."""

    def on_predict_begin(self, logs: Any = None) -> None:
        """Run before a prediction."""

    def on_predict_end(self, logs: Any = None) -> None:
        """Run after a prediction."""

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Run before the outputs of a batch are computed."""

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """Run after the outputs of a batch were computed; ``logs["outputs"]`` has them."""


#: Hooks that the default of another one calls.
_CALLED_BY_DEFAULT = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}


def listens(callback: Callback, hook: str | None) -> bool:
    """Whether a callback has something of its own in a hook."""
    if hook is None:
        return False
    own = getattr(getattr(callback, hook), "__func__", None) is not getattr(Callback, hook)
    return own or listens(callback, _CALLED_BY_DEFAULT.get(hook))
