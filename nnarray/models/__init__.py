"""Models by Keras' names."""

from nnarray.models._model import Model
from nnarray.models._sequential import Sequential

__all__ = ["Model", "Sequential"]
