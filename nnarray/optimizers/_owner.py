"""Whose optimizer it is."""

from __future__ import annotations

import weakref
from typing import Any


class Owner:
    """The model that an optimizer belongs to, if it still exists; a copy of the optimizer belongs to none."""

    def __init__(self) -> None:
        self._reference: weakref.ref[Any] | None = None
        self._outer: weakref.ref[Any] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Owner, ()

    def claim(self, optimizer: Any, owner: Any, outer: Any) -> None:
        """Note that the optimizer belongs to `owner`, as part of `outer`; ValueError if another model keeps it."""
        other = None if self._reference is None else self._reference()
        kept = None if self._outer is None else self._outer()
        if other is not None and other is not owner and getattr(other, "optimizer", kept) is kept:
            kind = type(optimizer).__name__
            raise ValueError(
                f"This {kind} belongs to {getattr(other, 'name', other)!r} already: received it for "
                f"{getattr(owner, 'name', owner)!r}. Make one for each model, such as "
                f"{kind}.from_config(optimizer.get_config())."
            )
        self._reference, self._outer = weakref.ref(owner), weakref.ref(outer)
