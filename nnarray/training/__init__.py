"""The training step, the loops over it, and what users hook into them."""

from nnarray.training._callback import Callback
from nnarray.training._callbacks import CallbackList, LambdaCallback
from nnarray.training._compile_loss import CompileLoss
from nnarray.training._compile_metrics import CompileMetrics
from nnarray.training._data import Data, as_data
from nnarray.training._figures import NonFiniteLossError
from nnarray.training._fit import Trained
from nnarray.training._history import History
from nnarray.training._step import Step

__all__ = [
    "Callback",
    "CallbackList",
    "CompileLoss",
    "CompileMetrics",
    "Data",
    "History",
    "LambdaCallback",
    "NonFiniteLossError",
    "Step",
    "Trained",
    "as_data",
]
