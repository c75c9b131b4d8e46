"""Weights of classes, as weights of their examples."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np

from nnarray._messages import describe
from nnarray._trees import leaves_of
from nnarray.backends import backend_of


def checked_class_weight(class_weight: Any, classes: int | None) -> dict[int, float]:
    """Return what `fit` is given as `class_weight`, checked.

    Parameters
    ----------
    class_weight : mapping of int to number
    classes : int, optional
        How many classes there are, if that is known.

    Raises
    ------
    TypeError
        If it is not a mapping.
    ValueError
        If a key is not the number of a class, or a weight is negative or not finite.
    """
    if not isinstance(class_weight, Mapping):
        raise TypeError(
            f"class_weight must be a dict of weights by class, such as {{0: 1.0, 1: 5.0}}: received "
            f"{describe(class_weight)}."
        )
    found = {}
    for key, weight in class_weight.items():
        whole = isinstance(key, (numbers.Integral, np.integer)) and not isinstance(key, (bool, np.bool_))
        if not whole or key < 0 or (classes is not None and key >= classes):
            known = "at least 0" if classes is None else f"from 0 to {classes - 1}"
            raise ValueError(f"The keys of class_weight must be numbers of classes, {known}: received {key!r}.")
        if not isinstance(weight, (numbers.Real, np.number)) or not 0 <= float(weight) < math.inf:
            raise ValueError(
                f"The weights in class_weight must be finite and not negative: received {weight!r} for class {key}."
            )
        found[int(key)] = float(weight)
    return found


def classes_of(specs: Any) -> int | None:
    """Return how many classes a model's outputs tell apart; None if that is not known.

    Raises
    ------
    ValueError
        If the model has several outputs.
    """
    outputs = leaves_of(specs)
    if len(outputs) > 1:
        raise ValueError(
            f"class_weight is for models with one output: received a model with {len(outputs)}. Give sample_weight, "
            "one for each."
        )
    last = outputs[0].shape[-1] if len(outputs[0].shape) > 1 else 1
    return None if last is None else max(last, 2)


def weights_of_classes(y: Any, class_weight: Mapping[int, float], dtype: str) -> np.ndarray:
    """Return the weight of each example by its class, 1 where the class is given none.

    Parameters
    ----------
    y : array, shape (examples,), (examples, 1) or (examples, classes)
        Numbers of classes, or a one-hot vector for each example.
    class_weight : mapping of int to float
    dtype : str
    """
    targets = leaves_of(y)
    if len(targets) != 1 or targets[0].ndim > 2:
        raise ValueError(
            "class_weight needs one class for each example, as y of shape (examples,), (examples, 1) or (examples, "
            f"classes): received {describe(y)}. Give sample_weight instead."
        )
    labels = backend_of(targets[0]).to_numpy(targets[0])
    labels = labels.argmax(axis=-1) if labels.ndim == 2 and labels.shape[1] != 1 else labels.reshape(-1)
    found = np.ones(labels.shape, dtype=dtype)
    rounded = np.round(labels)
    for key, weight in class_weight.items():
        found[rounded == key] = weight
    return found
