"""Where a model lives: the backend and device that hold its variables, and how they are chosen."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from nnarray.backends import Selection, check_on_missing, convert, current_backend, find_backend, insisted_on, select
from nnarray.layers import Layer
from nnarray.variables import Variable


class Housed(Layer):
    """A layer that knows where it lives and can move.

    Parameters
    ----------
    backend : str or module, optional
        Where it lives, whatever arrays it is given; None follows the data.
    device : optional
        One of the backend's devices.
    on_missing : {"warn", "raise"}
        What to do if the backend does not work here: live on NumPy and warn, or raise `BackendUnavailableError`.
    **kwargs
        As for `Layer`.
    """

    def __init__(self, backend: Any = None, device: Any = None, on_missing: str = "warn", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._wanted: Selection | None = None
        self._home: Selection | None = None
        self._on_missing = "warn"
        self._wanted, self._on_missing = self._asked(backend, device, on_missing)

    @property
    def backend(self) -> str:
        """Name of the backend that holds the weights, or will."""
        return (self._home or self._selection(None)).backend.name

    @property
    def device(self) -> Any:
        """The device that holds the weights, or will; None is the backend's default."""
        return (self._home or self._selection(None)).device

    def to(self, backend: Any, device: Any = None, on_missing: str = "warn") -> Any:
        """Move the model, its optimizer's state and its metrics to a backend, and keep it there.

        Parameters
        ----------
        backend : str or module
            ``"auto"`` is CuPy if it works here, else NumPy.
        device : optional
        on_missing : {"warn", "raise"}
            What to do if the backend does not work here: move to NumPy and warn, or raise and stay.

        Returns
        -------
        the model
        """
        self._wanted = select(backend, device, on_missing)
        self._move(self._wanted)
        return self

    def _asked(self, backend: Any, device: Any, on_missing: str | None) -> tuple[Selection | None, str]:
        """Return where explicit arguments put the model, and what is to happen if that does not work.

        A device alone is one of the backend in force.
        """
        policy = self._on_missing if on_missing is None else check_on_missing(on_missing)
        if backend is not None:
            return select(backend, device, policy), policy
        if device is not None:
            return select((self._wanted or current_backend(policy)).backend, device, policy), policy
        return self._wanted and insisted_on(self._wanted, policy), policy

    def _selection(self, x: Any) -> Selection:
        """Return where the model is to live when fitted to `x`."""
        if self._wanted is not None:
            return self._wanted
        source = None if x is None else find_backend(x)
        if source is not None and source.name != "numpy":
            return Selection(source, source.device_of(x))
        # NumPy arrays are what data comes in, not a vote against a backend that was asked for.
        return current_backend(self._on_missing)

    def _move(self, selection: Selection) -> None:
        backend, device = selection
        if device is None:
            device = backend.device_of(backend.asarray(0.0))
        away = [v for v in dict.fromkeys(self._state()) if v.backend is not backend or v.device != device]
        values = [backend.xp.asarray(convert(v.value, backend, v.dtype, device), copy=True) for v in away]
        for variable, value in zip(away, values, strict=True):
            variable.rebind(value)
        self._home = Selection(backend, device, selection.requested)

    def _active(self) -> AbstractContextManager[Any]:
        """Return a context in which the operators of raw arrays run where the model lives."""
        assert self._home is not None
        return self._home.backend.activate(self._home.device)

    def _state(self) -> list[Variable]:
        """Return the variables that move with it."""
        return self.variables
