"""Activation functions by Keras' names. Raw array in, raw array of the same library out; Arrays are recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nnarray._lookup import Registry, as_it_is
from nnarray.nn import leaky_relu, linear, log_softmax, relu, sigmoid, softmax, tanh

__all__ = ["get", "leaky_relu", "linear", "log_softmax", "relu", "sigmoid", "softmax", "tanh"]

Activation = Callable[[Any], Any]
ACTIVATIONS = Registry("activation", None, leaky_relu, linear, log_softmax, relu, sigmoid, softmax, tanh, wrap=as_it_is)


def get(identifier: Any) -> Activation:
    """Return an activation function by name or config, as a function, or `linear` for None.

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
    return linear if identifier is None else ACTIVATIONS.get(identifier)
