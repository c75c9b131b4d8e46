"""Neural-network functions in plain standard code, for raw arrays of any library and for Arrays alike."""

from nnarray.nn._activations import leaky_relu, linear, log_softmax, logits_of, relu, sigmoid, softmax, tanh
from nnarray.nn._losses import binary_crossentropy, categorical_crossentropy, log_probabilities, one_hot, squared_error
from nnarray.nn._targets import (
    align,
    beside,
    cast,
    check_float_dtype,
    computing_dtype,
    kind_of_targets,
    match_labels,
    match_rank,
    match_shape,
    mean_per_example,
    prepare,
    weigh,
)

__all__ = [
    "align",
    "beside",
    "binary_crossentropy",
    "cast",
    "categorical_crossentropy",
    "check_float_dtype",
    "computing_dtype",
    "kind_of_targets",
    "leaky_relu",
    "linear",
    "log_probabilities",
    "log_softmax",
    "logits_of",
    "match_labels",
    "match_rank",
    "match_shape",
    "mean_per_example",
    "one_hot",
    "prepare",
    "relu",
    "sigmoid",
    "softmax",
    "squared_error",
    "tanh",
    "weigh",
]
