"""NumPy, through array_api_compat."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnarray.backends._base import Backend


class NumpyBackend(Backend):
    """NumPy on the CPU."""

    executor = "numpy"
    has_views = True

    def __init__(self) -> None:
        super().__init__("numpy", "array_api_compat.numpy")

    def device_of(self, x: Any) -> Any:
        return "cpu"

    def to_numpy(self, x: Any) -> np.ndarray:
        return np.asarray(x)

    def extremes(self, x: Any) -> tuple[float, float]:
        # Methods take half the time of functions, which counts where batches are small.
        return x.min(), x.max()

    def dtype_name(self, dtype: Any) -> str:
        return np.dtype(dtype).name

    def take_rows(self, x: Any, rows: Any, out: Any = None) -> Any:
        if out is None:
            return super().take_rows(x, rows)
        if isinstance(rows, slice):
            out[...] = x[rows]
            return out
        # The other mode, "raise", copies `out` before it writes there; the rows are those of a permutation.
        return x.take(rows, 0, out, "clip")

    def index_add(self, x: Any, indices: Any, value: Any, axis: int) -> Any:
        result = np.array(x)
        np.add.at(np.moveaxis(result, axis, 0), indices, np.moveaxis(value, axis, 0))
        return result
