"""Loss and metrics as floats, and losses that are looked at now and then."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnarray.array import Array
from nnarray.backends import backend_of, find_backend


class NonFiniteLossError(ArithmeticError):
    """The loss became NaN or infinite while training; the weights are the last ones that gave a finite loss.

    Attributes
    ----------
    epoch, step : int
        Where it happened first, counted from 1.
    """

    def __init__(self, value: float, epoch: int, step: int, rate: float | None, place: str) -> None:
        self.epoch = epoch
        self.step = step
        now = "" if rate is None else f" (now {rate:g})"
        super().__init__(
            f"The loss became {value} at step {step} of epoch {epoch}. The weights are back at {place}. Lower the "
            f"learning rate{now}, clip gradients (clipnorm=1.0), or scale the inputs."
        )


class BadLossError(ArithmeticError):
    """A step's loss is not finite; `step` counts from 0 in the epoch."""

    def __init__(self, value: float, step: int) -> None:
        self.value = value
        self.step = step
        super().__init__(value, step)


class Watch:
    """Looks at the losses of the steps since the last look, for one that is not finite."""

    def __init__(self) -> None:
        self._losses: list[Any] = []
        self._seen = 0

    def add(self, loss: Any) -> None:
        """Note a step's loss, without waiting for it."""
        if loss is not None:
            self._losses.append(loss)

    def look(self) -> bool:
        """Read the noted losses; return whether there were any, raise BadLossError at the first bad one."""
        if not self._losses:
            return False
        backend = find_backend(self._losses[0])
        noted = self._losses if backend is None else backend.to_numpy(backend.xp.stack(self._losses))
        losses = np.asarray(noted, dtype=np.float64)
        bad = np.flatnonzero(~np.isfinite(losses))
        if bad.size:
            first = int(bad[0])
            raise BadLossError(float(losses[first]), self._seen + first)
        self._seen += len(self._losses)
        self._losses.clear()
        return True


def as_figures(logs: dict[str, Any]) -> dict[str, Any]:
    """Return logs with scalars as floats; what has axes becomes a NumPy array."""
    return {name: _as_figure(value) for name, value in logs.items()}


def _as_figure(x: Any) -> Any:
    if isinstance(x, dict):
        return as_figures(x)
    x = x.value if isinstance(x, Array) else x
    if find_backend(x) is None:
        return float(x)
    host = backend_of(x).to_numpy(x)
    return float(host) if host.ndim == 0 else np.array(host)


def figures_of(found: dict[str, float], return_dict: bool) -> Any:
    """Return the figures as they were asked for: by name, as a list, or the loss alone if there is nothing else."""
    if return_dict:
        return found
    values = list(found.values())
    return values[0] if len(values) == 1 else values
