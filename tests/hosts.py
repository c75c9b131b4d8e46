"""Arrays taken from NumPy to a library's device, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnarray.backends import backend_of


def to_library(x: Any, space: Any) -> Any:
    """Return `x` as a raw array of the namespace's library, on its device."""
    return space.asarray(np.asarray(x)).value


def to_host(x: Any) -> np.ndarray:
    """Return a raw array of any library as NumPy."""
    return backend_of(x).to_numpy(x)
