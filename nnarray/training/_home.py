"""Where a model lives: the backend and device that hold its variables, and how they are chosen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nnarray._trees import leaves_of
from nnarray.backends import Selection, check_on_missing, convert, current_backend, find_backend, insisted_on, select
from nnarray.variables import Variable


def asked_for(
    wanted: Selection | None, backend: Any, device: Any, on_missing: str | None, before: str
) -> tuple[Selection | None, str]:
    """Return where explicit arguments put a model, and what is to happen if that does not work.

    A device alone is one of the backend in force.

    Parameters
    ----------
    wanted : Selection or None
        What was asked for before.
    backend, device : as for `Trainer.to`
    on_missing : {"warn", "raise"} or None
    before : {"warn", "raise"}
        What None stands for.
    """
    policy = before if on_missing is None else check_on_missing(on_missing)
    if backend is not None:
        return select(backend, device, policy), policy
    if device is not None:
        return select((wanted or current_backend(policy)).backend, device, policy), policy
    return wanted and insisted_on(wanted, policy), policy


def home_for(wanted: Selection | None, x: Any, on_missing: str) -> Selection:
    """Return where a model is to live when fitted to the arrays in `x`."""
    if wanted is not None:
        return wanted
    for leaf in leaves_of(x):
        source = find_backend(leaf)
        # NumPy arrays are what data comes in, not a vote against a backend that was asked for.
        if source is not None and source.name != "numpy":
            return Selection(source, source.device_of(leaf))
    return current_backend(on_missing)


def place_of(variables: Iterable[Variable]) -> Selection | None:
    """Return where all variables are, None if there are none or they are apart."""
    places = [(variable.backend, variable.device) for variable in variables]
    return Selection(*places[0]) if places and all(place == places[0] for place in places) else None


def moved(variables: Iterable[Variable], home: Selection) -> Selection:
    """Move variables to a backend and device, all or none; return the place with its device named.

    Raises
    ------
    RuntimeError
        If another model that has one of them is being trained or evaluated.
    """
    backend, device = home.backend, home.device
    if device is None:
        device = backend.device_of(backend.asarray(0.0))
    away = [v for v in dict.fromkeys(variables) if v.backend is not backend or v.device != device]
    for variable in away:
        if variable.holders:
            raise RuntimeError(
                f"Variable {variable.path!r} stays on {variable.backend.name} while a model that has it is trained or "
                f"evaluated there: received another model that has it, on {backend.name}. Use that one before or "
                "afterwards, or on the same backend."
            )
    values = [backend.xp.asarray(convert(v.value, backend, v.dtype, device), copy=True) for v in away]
    for variable, value in zip(away, values, strict=True):
        variable.rebind(value)
    return Selection(backend, device, home.requested)
