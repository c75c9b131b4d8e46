"""Helpers by Keras' names."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from nnarray._custom_objects import custom_object_scope, get_custom_objects, register_keras_serializable
from nnarray._messages import describe
from nnarray._serialization import deserialize_keras_object, serialize_keras_object
from nnarray.backends import backend_of, convert, find_backend
from nnarray.random import set_seed
from nnarray.utils._batches import pack_x_y_sample_weight, unpack_x_y_sample_weight
from nnarray.utils._dataset import PyDataset
from nnarray.utils._ravel import ravel

__all__ = [
    "PyDataset",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "pack_x_y_sample_weight",
    "ravel",
    "register_keras_serializable",
    "serialize_keras_object",
    "set_random_seed",
    "to_categorical",
    "unpack_x_y_sample_weight",
]


def set_random_seed(seed: int) -> None:
    """Seed Python's `random`, NumPy's global generator, and all randomness of nnarray.

    Parameters
    ----------
    seed : int
        At least 0 and below 2**32.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.utils.set_random_seed(0)
    """
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**32:
        raise ValueError(f"seed must be an integer of at least 0 and below 2**32: received seed={seed!r}.")
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 -- the generator that Keras' function of this name seeds
    set_seed(seed)


def to_categorical(x: Any, num_classes: int | None = None) -> Any:
    """Return integer labels as one-hot vectors.

    Parameters
    ----------
    x : array or nested list of integers, shape (…) or (…, 1)
        Labels 0 … num_classes - 1.
    num_classes : int, optional
        By default one more than the greatest label.

    Returns
    -------
    array of the library of `x`, shape (…, num_classes), float32
        NumPy for nested lists.

    Raises
    ------
    ValueError
        If a label is negative, fractional, or not below `num_classes`.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.utils.to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    backend = find_backend(x)
    labels = np.asarray(x) if backend is None else backend.to_numpy(x)
    if labels.dtype.kind not in "biuf" or not np.isfinite(labels).all() or (labels != np.floor(labels)).any():
        raise ValueError(f"Labels must be integers: received {describe(labels)}.")
    labels = labels.astype(np.int64)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    classes = int(num_classes) if num_classes is not None else int(labels.max(initial=-1)) + 1
    if labels.size and (labels.min() < 0 or labels.max() >= classes):
        raise ValueError(f"Labels must lie from 0 to {classes - 1}: received {labels.min()} to {labels.max()}.")
    one_hot = (labels[..., np.newaxis] == np.arange(classes)).astype(np.float32)
    return one_hot if backend is None else convert(one_hot, backend, device=backend_of(x).device_of(x))
