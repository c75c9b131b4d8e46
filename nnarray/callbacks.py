"""Callbacks by Keras' names."""

from nnarray.training import Callback, History, LambdaCallback
from nnarray.training._callbacks import CallbackList

__all__ = ["Callback", "CallbackList", "History", "LambdaCallback"]
