"""What is known of the elements of an Array: that they are a sigmoid or a softmax of logits at hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nnarray.array._array import Array


@dataclass(frozen=True, eq=False)
class Origin:
    """The activation function that an Array is the result of, and what it was applied to.

    Attributes
    ----------
    activation : str
        Name of the function.
    logits : Array
        Its argument: as many elements in the same order as the Array, whatever its shape and dtype are by now.
    axis : int or None
        The axis of the Array, counted from 0, along which the function normalises; None if it works by element.
    """

    activation: str
    logits: Array
    axis: int | None = None

    def followed(self, x: Array, made: Array) -> Origin | None:
        """Return the origin of `made`, which has the elements of `x` in their order, or None if it is in doubt."""
        if made.namespace.field_of(made.dtype) != "real":
            return None
        if self.axis is None or made.shape == x.shape:
            return self
        axis = _same_axis(x.shape, self.axis, made.shape)
        return None if axis is None else Origin(self.activation, self.logits, axis)

    def logits_of(self, y: Array) -> Array:
        """Return the logits in the shape and dtype of `y`, whose origin this is."""
        xp, logits = y.namespace, self.logits
        if logits.dtype != y.dtype:
            logits = xp.astype(logits, y.dtype)
        return logits if logits.shape == y.shape else xp.reshape(logits, y.shape)


def _same_axis(shape: tuple[int, ...], axis: int, reshaped: tuple[int, ...]) -> int | None:
    """Return the axis of an array in another shape that has the members of `axis`, None if there is none."""
    if 0 in shape:
        return None
    before, length = math.prod(shape[:axis]), shape[axis]
    for other in reversed(range(len(reshaped))):
        if reshaped[other] == length and math.prod(reshaped[:other]) == before:
            return other
    return None


#: Place of a result among others, and the activation function and the axis of its origin.
Note = tuple[int, str, int | None]


def with_logits(results: Sequence[Any]) -> tuple[list[Any], list[Note]]:
    """Return results and the logits of those whose origin is known, and what `with_origins` needs to part them again.

    So a call that is recorded as one hands on the logits as further results, and derivatives go through both.
    """
    found = [(place, x.origin) for place, x in enumerate(results) if type(x) is Array and x.origin is not None]
    notes = [(place, origin.activation, origin.axis) for place, origin in found]
    return [*results, *(origin.logits for _, origin in found)], notes


def with_origins(results: Sequence[Any], notes: Sequence[Note]) -> list[Any]:
    """Return the results without the logits at their end, which are the origins of Arrays among them."""
    own, logits = list(results[: len(results) - len(notes)]), results[len(results) - len(notes) :]
    for (place, activation, axis), x in zip(notes, logits, strict=True):
        own[place].origin = Origin(activation, x, axis)
    return own
