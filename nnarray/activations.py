"""Activation functions by Keras' names. Raw array in, raw array of the same library out; Arrays are recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nnarray._lookup import find
from nnarray.nn import leaky_relu, linear, log_softmax, relu, sigmoid, softmax, tanh

__all__ = ["get", "leaky_relu", "linear", "log_softmax", "relu", "sigmoid", "softmax", "tanh"]

Activation = Callable[[Any], Any]
_KNOWN = {f.__name__: f for f in (leaky_relu, linear, log_softmax, relu, sigmoid, softmax, tanh)}


def get(identifier: str | Activation | None) -> Activation:
    """Return an activation function by name, as a function, or `linear` for None.

    Raises
    ------
    ValueError
        If the name is unknown; the message gives the nearest known one.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.activations.get("relu").__name__
    'relu'
    """
    if identifier is None:
        return linear
    # Nothing is an instance of NoneType here: functions and other callables pass as they are.
    return find("activation", identifier, _KNOWN, type(None))
