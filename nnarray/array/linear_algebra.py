"""Products of matrices and vectors."""

from __future__ import annotations

from typing import Any

from nnarray.array._function import Function
from nnarray.array.manipulation import sum_to_shape


def conj(xp: Any, x: Any) -> Any:
    """Return the complex conjugate of `x`, which is `x` itself if it is real."""
    return xp.conj(x) if xp.isdtype(x.dtype, "complex floating") else x


def adjoint(xp: Any, x: Any) -> Any:
    """Return the conjugate transpose ``Xᴴ`` of matrices."""
    return conj(xp, xp.matrix_transpose(x))


def column(x: Any) -> Any:
    """Return vectors as matrices of one column."""
    return x[..., None]


def scalar(x: Any) -> Any:
    """Return numbers as matrices of one element."""
    return x[..., None, None]


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


def _contracted(axes: Any, ndim1: int, ndim2: int) -> tuple[list[int], list[int]]:
    """Return the axes of both arguments that a tensor product sums over, in pairs."""
    if isinstance(axes, int):
        return list(range(ndim1 - axes, ndim1)), list(range(axes))
    first, second = axes
    return [a % ndim1 for a in first], [a % ndim2 for a in second]


def _tensordot(xp: Any, g: Any, other: Any, shape: Any, own: list[int], its: list[int], free_of_g: Any) -> Any:
    """Contract `g` with the free axes of the other argument and put the axes of the result in the order of `shape`.

    What remains of the other argument are its contracted axes, in its own order.
    """
    free_of_other = tuple(a for a in range(other.ndim) if a not in its)
    product = xp.tensordot(g, conj(xp, other), axes=(tuple(free_of_g), free_of_other))
    free = [a for a in range(len(shape)) if a not in own]
    order = free + [a for _, a in sorted(zip(its, own, strict=True))]
    return xp.permute_dims(product, tuple(order.index(a) for a in range(len(shape)))) if order else product


def _tensordot_x1(xp: Any, g: Any, x2: Any, in_shape: Any, axes: Any) -> Any:
    own, its = _contracted(axes, len(in_shape), x2.ndim)
    return _tensordot(xp, g, x2, in_shape, own, its, range(len(in_shape) - len(own), g.ndim))


def _tensordot_x2(xp: Any, g: Any, x1: Any, in_shape: Any, axes: Any) -> Any:
    its, own = _contracted(axes, x1.ndim, len(in_shape))
    return _tensordot(xp, g, x1, in_shape, own, its, range(x1.ndim - len(its)))


Function("tensordot", "x1, x2, /, *, axes=2", {"x1": _tensordot_x1, "x2": _tensordot_x2}, conjugates=True)
Function(
    "vecdot",
    "x1, x2, /, *, axis=-1",
    {
        "x1": lambda xp, g, x2, axis: xp.expand_dims(conj(xp, g), axis=axis) * x2,
        "x2": lambda xp, g, x1, axis: xp.expand_dims(g, axis=axis) * x1,
    },
    broadcasts=True,
    conjugates=True,
)
