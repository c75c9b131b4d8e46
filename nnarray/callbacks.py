"""Callbacks by Keras' names."""

from nnarray.saving._checkpoints import BackupAndRestore, ModelCheckpoint
from nnarray.training import Callback, History, LambdaCallback
from nnarray.training._callbacks import CallbackList
from nnarray.training._csv_logger import CSVLogger
from nnarray.training._ema import SwapEMAWeights
from nnarray.training._ends import ProgbarLogger, TerminateOnNaN
from nnarray.training._monitors import EarlyStopping, LearningRateScheduler, ReduceLROnPlateau
from nnarray.training._tensorboard import TensorBoard

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
]
