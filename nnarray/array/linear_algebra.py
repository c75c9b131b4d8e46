"""Products of matrices and vectors."""

from __future__ import annotations

from typing import Any

from nnarray.array._function import Function
from nnarray.array.manipulation import sum_to_shape


def _matmul_x1(xp: Any, g: Any, x2: Any, in_shape: Any) -> Any:
    """``G X2ᵀ``; a vector is a matrix of one row (left) or one column (right) whose extra axis the result lost."""
    if x2.ndim == 1:
        return sum_to_shape(xp, xp.expand_dims(g, axis=-1) * x2, in_shape)
    if len(in_shape) == 1:
        product = xp.matmul(x2, xp.expand_dims(g, axis=-1))
        return sum_to_shape(xp, xp.squeeze(product, axis=-1), in_shape)
    return sum_to_shape(xp, xp.matmul(g, xp.matrix_transpose(x2)), in_shape)


def _matmul_x2(xp: Any, g: Any, x1: Any, in_shape: Any) -> Any:
    """``X1ᵀ G``."""
    if x1.ndim == 1 and len(in_shape) == 1:
        return x1 * g
    if len(in_shape) == 1:
        product = xp.matmul(xp.matrix_transpose(x1), xp.expand_dims(g, axis=-1))
        return sum_to_shape(xp, xp.squeeze(product, axis=-1), in_shape)
    if x1.ndim == 1:
        return sum_to_shape(xp, xp.expand_dims(x1, axis=-1) * xp.expand_dims(g, axis=-2), in_shape)
    return sum_to_shape(xp, xp.matmul(xp.matrix_transpose(x1), g), in_shape)


Function("matmul", "x1, x2, /", {"x1": _matmul_x1, "x2": _matmul_x2})
Function("matrix_transpose", "x, /", {"x": lambda xp, g: xp.matrix_transpose(g)})
