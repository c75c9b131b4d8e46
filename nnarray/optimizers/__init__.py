"""Optimizers by Keras' names."""

from __future__ import annotations

from typing import Any

from nnarray._lookup import Registry
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
    "get",
    "schedules",
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
