"""Callbacks by Keras' names."""

from nnarray.training import Callback, History, LambdaCallback

__all__ = ["Callback", "History", "LambdaCallback"]
