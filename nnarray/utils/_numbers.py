"""Labels as one-hot vectors, and vectors of length one."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnarray import config
from nnarray._messages import describe
from nnarray.array import Array, array_namespace, where_arrays_are
from nnarray.backends import backend_of, convert, find_backend


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


@where_arrays_are
def normalize(x: Any, axis: int = -1, order: float = 2) -> Any:
    """Return an array divided by the lengths of its vectors along an axis; those of length 0 stay as they are.

    Parameters
    ----------
    x : array or nested list of numbers
        Integers become `nnarray.config.floatx`.
    axis : int
    order : float
        Of the norm: 2 for Euclid's, 1 for the sum of absolute values, ``math.inf`` for the greatest one.

    Returns
    -------
    array of the library of `x`, of its shape
        NumPy for nested lists. Gradients pass.

    Raises
    ------
    ValueError
        If `x` has no axis.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.utils.normalize([[3.0, 4.0], [0.0, 0.0]])
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    if not isinstance(x, Array) and find_backend(x) is None:
        x = np.asarray(x)
    if not x.ndim:
        raise ValueError(f"Vectors lie along an axis: received {describe(x)}. A number has none.")
    xp = array_namespace(x)
    if not xp.isdtype(x.dtype, ("real floating", "complex floating")):
        x = xp.astype(x, getattr(xp, config.floatx()))
    lengths = xp.linalg.vector_norm(x, axis=axis, keepdims=True, ord=order)
    return x / xp.where(lengths == 0, 1.0, lengths)
