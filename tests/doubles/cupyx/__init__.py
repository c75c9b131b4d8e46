"""What nnarray takes from CuPy's second package."""

from __future__ import annotations

import warnings

import cupy
import numpy as np

pinned = []


def empty_pinned(shape, dtype):
    made = np.empty(shape, dtype)
    pinned.append(made)
    return made


def scatter_add(a, slices, value):
    warnings.warn("`cupyx.scatter_add` is deprecated: use `cupy.add.at`.", DeprecationWarning, stacklevel=2)
    cupy.add.at(a, slices, value)
