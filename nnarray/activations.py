"""Activation functions by Keras' names. Raw array in, raw array of the same library out; Arrays are recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nnarray._custom_objects import custom_object_scope
from nnarray._lookup import Registry, as_it_is
from nnarray._serialization import serialize_keras_object
from nnarray.nn import (
    celu,
    elu,
    exponential,
    gelu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    linear,
    log_sigmoid,
    log_softmax,
    mish,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    tanh,
    tanh_shrink,
    threshold,
)

__all__ = [
    "celu",
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "get",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]

Activation = Callable[[Any], Any]
#: Other names of two.
swish, hard_swish = silu, hard_silu
ACTIVATIONS = Registry(
    "activation",
    None,
    celu,
    elu,
    exponential,
    gelu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    linear,
    log_sigmoid,
    log_softmax,
    mish,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    tanh,
    tanh_shrink,
    threshold,
    wrap=as_it_is,
    swish=silu,
    hard_swish=hard_silu,
)


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


def serialize(activation: Any) -> Any:
    """Return an activation function by its name, for `deserialize`; one of your own as plain values.

    Parameters
    ----------
    activation : function

    Raises
    ------
    TypeError
        If it has no name to be found by; see `nnarray.utils.serialize_keras_object`.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.activations.serialize(nna.activations.relu)
    'relu'
    """
    described = serialize_keras_object(activation)
    is_function = isinstance(described, dict) and described["class_name"] == "function"
    return described["config"] if is_function and described["module"] != "builtins" else described


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return an activation function by its name, or by what `serialize` returned.

    Parameters
    ----------
    config : str or dict
    custom_objects : mapping of str to class or function, optional
        Where names are looked up first.

    Raises
    ------
    ValueError
        If the name is unknown; the message gives the nearest known one.
    TypeError
        If a config names a class or function that is neither built in nor registered nor given.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.activations.deserialize("relu") is nna.activations.relu
    True
    """
    with custom_object_scope(custom_objects or {}):
        return get(config)
