"""Neural-network functions in plain standard code, for raw arrays of any library and for Arrays alike."""

from nnarray.nn._activations import leaky_relu, linear, log_softmax, logits_of, relu, sigmoid, softmax, tanh
from nnarray.nn._losses import binary_crossentropy, categorical_crossentropy, log_probabilities, one_hot, squared_error
from nnarray.nn._targets import align, match_labels, match_shape, prepare, weigh

__all__ = [
    "align",
    "binary_crossentropy",
    "categorical_crossentropy",
    "leaky_relu",
    "linear",
    "log_probabilities",
    "log_softmax",
    "logits_of",
    "match_labels",
    "match_shape",
    "one_hot",
    "prepare",
    "relu",
    "sigmoid",
    "softmax",
    "squared_error",
    "tanh",
    "weigh",
]
