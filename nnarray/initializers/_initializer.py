"""The base of initializers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nnarray._config import Configured


class Initializer(Configured):
    """Base of initializers: called with a shape, gives a NumPy array that the layer moves to its backend.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> class Identity(nna.initializers.Initializer):
    ...     def __call__(self, shape, dtype="float32"):
    ...         return np.eye(*shape, dtype=dtype)
    >>> nna.layers.Dense(2, kernel_initializer=Identity())(np.asarray([[3.0, 4.0]]))
    array([[3., 4.]], dtype=float32)
    """

    def __call__(self, shape: Sequence[int], dtype: str = "float32") -> np.ndarray:
        """Return initial values of `shape` and `dtype`."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(shape, dtype)")
