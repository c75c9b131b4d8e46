"""Callbacks made of functions, and several as one."""

from __future__ import annotations

from collections.abc import Callable as _Callable
from typing import Any

from nnarray._messages import describe, unknown_name
from nnarray.training._callback import Callback, listens
from nnarray.training._history import History


class LambdaCallback(Callback):
    """Calls the functions given.

    Parameters
    ----------
    on_epoch_begin, on_epoch_end, on_train_batch_begin, on_train_batch_end : callable ``f(index, logs)``, optional
    on_train_begin, on_train_end : callable ``f(logs)``, optional
    **kwargs
        Any other method of `Callback`, by name.

    Raises
    ------
    TypeError
        If a name is not a method of `Callback`, or a value is not a function.

    Examples
    --------
    >>> import nnarray as nna
    >>> callback = nna.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"]))
    >>> callback.on_epoch_end(0, {"loss": 0.5})
    0 0.5
    """

    def __init__(
        self,
        on_epoch_begin: _Callable[..., Any] | None = None,
        on_epoch_end: _Callable[..., Any] | None = None,
        on_train_begin: _Callable[..., Any] | None = None,
        on_train_end: _Callable[..., Any] | None = None,
        on_train_batch_begin: _Callable[..., Any] | None = None,
        on_train_batch_end: _Callable[..., Any] | None = None,
        **kwargs: _Callable[..., Any] | None,
    ) -> None:
        super().__init__()
        known = [name for name, x in vars(Callback).items() if callable(x) and not name.startswith("_")]
        given = {
            **{"on_epoch_begin": on_epoch_begin, "on_epoch_end": on_epoch_end},
            **{"on_train_begin": on_train_begin, "on_train_end": on_train_end},
            **{"on_train_batch_begin": on_train_batch_begin, "on_train_batch_end": on_train_batch_end},
            **kwargs,
        }
        for name, function in given.items():
            if name not in known:
                raise TypeError(unknown_name("hook", name, known))
            if function is not None and not callable(function):
                raise TypeError(f"A hook is a function: received {name}={describe(function)}.")
        self.__dict__.update({name: function for name, function in given.items() if function is not None})


class CallbackList(Callback):
    """Calls the hooks of several callbacks, in their order.

    Parameters
    ----------
    callbacks : Callback, or nested list or tuple of them, optional
    add_history : bool
        Whether a History follows them, if none is among them.
    model : Model, optional
        As for `set_model`.
    **params
        As for `set_params`.

    Attributes
    ----------
    callbacks : list of Callback
    history : History or None

    Raises
    ------
    TypeError
        If one is not a callback.

    Examples
    --------
    >>> from nnarray.callbacks import CallbackList, LambdaCallback
    >>> hooks = CallbackList(LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(rate=0.1)), add_history=True)
    >>> hooks.on_epoch_end(0, {"loss": 0.5})
    >>> hooks.history.history
    {'loss': [0.5], 'rate': [0.1]}
    """

    def __init__(self, callbacks: Any = None, add_history: bool = False, model: Any = None, **params: Any) -> None:
        super().__init__()
        self.callbacks: list[Callback] = [] if callbacks is None else _flat(callbacks)
        self.history = next((callback for callback in self.callbacks if isinstance(callback, History)), None)
        if add_history and self.history is None:
            self.history = History()
            self.callbacks.append(self.history)
        if model is not None:
            self.set_model(model)
        if params:
            self.set_params(params)

    def append(self, callback: Callback) -> None:
        """Add a callback, to be called after the others."""
        self.callbacks += _flat(callback)

    def wants(self, hook: str) -> bool:
        """Whether a callback has something of its own in a hook, for example ``"on_test_batch_end"``.

        Reading figures from a device takes time: who calls the hooks of batches may ask before reading.
        """
        return any(listens(callback, hook) for callback in self.callbacks)

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        if self.history is not None:
            model.history = self.history
        for callback in self.callbacks:
            callback.set_model(model)

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        for callback in self.callbacks:
            callback.set_params(params)

    def _each(self, hook: str, logs: Any, *index: int) -> None:
        # Sorting keeps the order of those that do not run last.
        in_order = sorted(self.callbacks, key=lambda callback: callback.runs_last)
        listeners = [callback for callback in in_order if listens(callback, hook)]
        if listeners and not isinstance(logs, dict):
            logs = dict(logs or {})
        for callback in listeners:
            getattr(callback, hook)(*index, logs)

    def on_train_begin(self, logs: Any = None) -> None:
        self._each("on_train_begin", logs)

    def on_train_end(self, logs: Any = None) -> None:
        self._each("on_train_end", logs)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._each("on_epoch_begin", logs, epoch)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._each("on_epoch_end", logs, epoch)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._each("on_train_batch_begin", logs, batch)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._each("on_train_batch_end", logs, batch)

    def on_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._each("on_batch_begin", logs, batch)

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        self._each("on_batch_end", logs, batch)

    def on_test_begin(self, logs: Any = None) -> None:
        self._each("on_test_begin", logs)

    def on_test_end(self, logs: Any = None) -> None:
        self._each("on_test_end", logs)

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._each("on_test_batch_begin", logs, batch)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self._each("on_test_batch_end", logs, batch)

    def on_predict_begin(self, logs: Any = None) -> None:
        self._each("on_predict_begin", logs)

    def on_predict_end(self, logs: Any = None) -> None:
        self._each("on_predict_end", logs)

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._each("on_predict_batch_begin", logs, batch)

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        self._each("on_predict_batch_end", logs, batch)


def _flat(callbacks: Any) -> list[Callback]:
    """Return the callbacks in lists, tuples and CallbackLists."""
    if isinstance(callbacks, (list, tuple)):
        return [callback for item in callbacks for callback in _flat(item)]
    if type(callbacks) is CallbackList:
        return callbacks.callbacks
    if isinstance(callbacks, type) and issubclass(callbacks, Callback):
        name = callbacks.__name__
        raise TypeError(f"Callbacks are objects: received the class {name}. Make one of it: callbacks=[{name}()].")
    if not isinstance(callbacks, Callback):
        raise TypeError(
            f"A callback is a Callback, or several in a list: received {describe(callbacks)}. Subclass "
            "nnarray.callbacks.Callback, or hook a function in: callbacks=[LambdaCallback(on_epoch_end=function)]."
        )
    return [callbacks]
