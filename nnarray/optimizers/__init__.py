"""Optimizers by Keras' names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnarray._custom_objects import custom_object_scope
from nnarray._lookup import Registry
from nnarray._serialization import serialize_keras_object
from nnarray.optimizers import schedules
from nnarray.optimizers._adaptive import Adadelta, Adagrad, Adamax, AdamW, Ftrl, Lion, Nadam
from nnarray.optimizers._loss_scale import LossScaleOptimizer
from nnarray.optimizers._matrices import Adafactor, Lamb
from nnarray.optimizers._multi import MultiOptimizer, OptimizerMap
from nnarray.optimizers._muon import Muon
from nnarray.optimizers._optimizer import Optimizer
from nnarray.optimizers._rules import SGD, Adam, RMSprop
from nnarray.optimizers._schedule_free import ScheduleFreeAdamW
from nnarray.optimizers._slots import Slot

__all__ = [
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "LossScaleOptimizer",
    "MultiOptimizer",
    "Muon",
    "Nadam",
    "Optimizer",
    "OptimizerMap",
    "RMSprop",
    "ScheduleFreeAdamW",
    "Slot",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

OPTIMIZERS = Registry(
    "optimizer",
    Optimizer,
    *(SGD, RMSprop, Adam, AdamW, Adamax, Nadam, Adagrad, Adadelta, Adafactor, Ftrl, Lion, Lamb),
    *(Muon, ScheduleFreeAdamW, MultiOptimizer, LossScaleOptimizer),
)


def get(identifier: Any) -> Optimizer:
    """Return an optimizer by name or config, as it is, or from a class.

    Raises
    ------
    ValueError
        If the name is unknown; the message gives the nearest known one.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.optimizers.get("adam")
    Adam()
    """
    return OPTIMIZERS.get(identifier)


def serialize(optimizer: Any) -> Any:
    """Return an optimizer as plain values, for `deserialize`.

    Parameters
    ----------
    optimizer : Optimizer

    Raises
    ------
    TypeError
        If it has no name to be found by; see `nnarray.utils.serialize_keras_object`.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.optimizers.serialize(nna.optimizers.SGD(0.5))["config"]["learning_rate"]
    0.5
    """
    return serialize_keras_object(optimizer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return an optimizer by its name, or by what `serialize` returned.

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
    >>> nna.optimizers.deserialize(nna.optimizers.serialize(nna.optimizers.SGD(0.5)))
    SGD(0.5)
    """
    with custom_object_scope(custom_objects or {}):
        return get(config)
