"""Optimizers by Keras' names."""

from __future__ import annotations

from typing import Any

from nnarray._lookup import by_name, find
from nnarray._messages import describe
from nnarray.optimizers._optimizer import Optimizer
from nnarray.optimizers._rules import SGD, Adam, RMSprop

__all__ = ["SGD", "Adam", "Optimizer", "RMSprop", "get"]

_KNOWN = by_name(SGD, RMSprop, Adam, sgd=SGD, rmsprop=RMSprop)


def get(identifier: Any) -> Optimizer:
    """Return an optimizer by name, as it is, or from a class.

    Raises
    ------
    ValueError
        If the name is unknown; the message gives the nearest known one.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.optimizers.get("adam")
    <Adam name=adam, learning_rate=0.001>
    """
    found = find("optimizer", identifier, _KNOWN, Optimizer)
    if not isinstance(found, Optimizer):
        raise TypeError(f"Expected an optimizer by name or as an object: received {describe(identifier)}.")
    return found
