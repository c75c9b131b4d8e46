"""The training step, the loops over it, and what users hook into them."""

from nnarray.training._callbacks import Callback, History, LambdaCallback
from nnarray.training._data import Data, as_data
from nnarray.training._loop import NonFiniteLossError
from nnarray.training._step import Step, logits_activation, loss_and_outputs
from nnarray.training._trainer import Trainer

__all__ = [
    "Callback",
    "Data",
    "History",
    "LambdaCallback",
    "NonFiniteLossError",
    "Step",
    "Trainer",
    "as_data",
    "logits_activation",
    "loss_and_outputs",
]
