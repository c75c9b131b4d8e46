"""Whose optimizer it is."""

from __future__ import annotations

import weakref
from typing import Any


class Owner:
    """The model that an optimizer belongs to, if it still exists; a copy of the optimizer belongs to none."""

    def __init__(self) -> None:
        self._reference: weakref.ref[Any] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Owner, ()

    def claim(self, optimizer: Any, owner: Any) -> None:
        """Note that the optimizer belongs to `owner`; ValueError if another model has it and keeps it."""
        other = None if self._reference is None else self._reference()
        if other is not None and other is not owner and getattr(other, "optimizer", optimizer) is optimizer:
            kind = type(optimizer).__name__
            raise ValueError(
                f"This {kind} belongs to {getattr(other, 'name', other)!r} already: received it for "
                f"{getattr(owner, 'name', owner)!r}. Make one for each model, such as "
                f"{kind}.from_config(optimizer.get_config())."
            )
        self._reference = weakref.ref(owner)
