"""The training step, the loops over it, and what users hook into them."""

from nnarray.training._callbacks import Callback, History, LambdaCallback
from nnarray.training._loop import NonFiniteLossError
from nnarray.training._step import Step
from nnarray.training._trainer import Trainer

__all__ = ["Callback", "History", "LambdaCallback", "NonFiniteLossError", "Step", "Trainer"]
