"""Models by Keras' names."""

from nnarray.models._model import Model
from nnarray.models._sequential import Sequential
from nnarray.saving import clone_model, load_model, model_from_json, save_model

__all__ = ["Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]
