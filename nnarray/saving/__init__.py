"""Models and weights in files, by Keras' names."""

from nnarray._custom_objects import custom_object_scope, get_custom_objects, register_keras_serializable
from nnarray._serialization import deserialize_keras_object, serialize_keras_object
from nnarray.saving._model import clone_model, load_model, model_from_json, model_to_json, save_model
from nnarray.saving._weights import LoadReport, load_weights, save_weights

__all__ = [
    "LoadReport",
    "clone_model",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "load_model",
    "load_weights",
    "model_from_json",
    "model_to_json",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]
