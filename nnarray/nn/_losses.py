"""Loss math per example, in plain standard code. `target` and `output` have the same shape unless said otherwise."""

from __future__ import annotations

from typing import Any

from nnarray.array import array_namespace, where_arrays_are
from nnarray.config import epsilon
from nnarray.nn._activations import log_softmax


@where_arrays_are
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """Return ``-(t log o + (1 - t) log(1 - o))``; from logits ``log(1 + exp z) - t z``, which nothing clips."""
    xp = array_namespace(output)
    if from_logits:
        # t z goes under the logarithm: subtracted afterwards, it would cancel every digit of a small loss.
        return xp.logaddexp((1.0 - target) * output, -target * output)
    output = xp.clip(output, epsilon(), 1.0 - epsilon())
    return -(target * xp.log(output) + (1.0 - target) * xp.log(1.0 - output))


@where_arrays_are
def log_probabilities(output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """Return the logarithm of class probabilities, normalised over `axis`."""
    xp = array_namespace(output)
    if from_logits:
        return log_softmax(output, axis=axis)
    output = output / xp.sum(output, axis=axis, keepdims=True)
    return xp.log(xp.clip(output, epsilon(), 1.0 - epsilon()))


@where_arrays_are
def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """Return ``-sum(t log o)`` over the classes along `axis`."""
    xp = array_namespace(output)
    return -xp.sum(target * log_probabilities(output, from_logits, axis), axis=axis)


@where_arrays_are
def one_hot(labels: Any, num_classes: int, like: Any, axis: int = -1) -> Any:
    """Return integer `labels` as vectors of zeros with a one, of the dtype of `like`, classes along a new `axis`."""
    xp = array_namespace(like)
    classes = xp.arange(num_classes, dtype=labels.dtype, device=labels.device)
    axis %= labels.ndim + 1
    classes = xp.reshape(classes, (1,) * axis + (num_classes,) + (1,) * (labels.ndim - axis))
    return xp.astype(xp.expand_dims(labels, axis=axis) == classes, like.dtype)


@where_arrays_are
def squared_error(target: Any, output: Any) -> Any:
    """Return ``(t - o)^2``."""
    return array_namespace(output).square(output - target)
