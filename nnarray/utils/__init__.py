"""Helpers by Keras' names."""

from __future__ import annotations

import random

import numpy as np

from nnarray._custom_objects import (
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from nnarray._serialization import deserialize_keras_object, serialize_keras_object
from nnarray.random import set_seed
from nnarray.utils._batches import pack_x_y_sample_weight, unpack_x_y_sample_weight
from nnarray.utils._dataset import PyDataset
from nnarray.utils._files import get_file
from nnarray.utils._numbers import normalize, to_categorical
from nnarray.utils._progbar import Progbar
from nnarray.utils._ravel import ravel
from nnarray.utils._sequences import pad_sequences
from nnarray.utils._session import clear_session
from nnarray.utils._split import split_dataset
from nnarray.utils._windows import timeseries_dataset_from_array

__all__ = [
    "CustomObjectScope",
    "Progbar",
    "PyDataset",
    "Sequence",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "ravel",
    "register_keras_serializable",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "timeseries_dataset_from_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
]

#: The same in Keras' other spelling.
CustomObjectScope, Sequence = custom_object_scope, PyDataset


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
