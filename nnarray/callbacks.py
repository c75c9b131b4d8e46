"""Callbacks by Keras' names."""

from nnarray.training import Callback, History, LambdaCallback
from nnarray.training._callbacks import CallbackList
from nnarray.training._csv_logger import CSVLogger
from nnarray.training._monitors import EarlyStopping, LearningRateScheduler, ReduceLROnPlateau

__all__ = [
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ReduceLROnPlateau",
]
