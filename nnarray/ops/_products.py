"""Products of vectors, matrices and tensors."""

from __future__ import annotations

from typing import Any

from nnarray._checks import check_one_of
from nnarray.ops._einsum import contract
from nnarray.ops._operation import INTEGER, REAL, axis_within, operation, promoted


@operation("x1 x2")
def matmul(x1: Any, x2: Any) -> Any:
    """Return the product of matrices along the last two axes; the others broadcast.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.matmul(np.eye(2), np.asarray([3.0, 4.0]))
    array([3., 4.])
    """
    x1, x2 = promoted(x1, x2, least=INTEGER)
    return x1.namespace.matmul(x1, x2)


@operation("x1 x2")
def dot(x1: Any, x2: Any) -> Any:
    """Return the sum of products over the last axis of `x1` and the last but one of `x2`, or its only one."""
    x1, x2 = promoted(x1, x2, least=INTEGER)
    if x1.ndim == 0 or x2.ndim == 0:
        return x1 * x2
    return x1.namespace.tensordot(x1, x2, axes=((x1.ndim - 1,), (max(x2.ndim - 2, 0),)))


@operation("x1 x2")
def inner(x1: Any, x2: Any) -> Any:
    """Return the sum of products over the last axes of both."""
    x1, x2 = promoted(x1, x2, least=INTEGER)
    if x1.ndim == 0 or x2.ndim == 0:
        return x1 * x2
    return x1.namespace.tensordot(x1, x2, axes=((x1.ndim - 1,), (x2.ndim - 1,)))


@operation("x1 x2")
def outer(x1: Any, x2: Any) -> Any:
    """Return the products of each element of `x1` and each of `x2`, both flattened."""
    x1, x2 = promoted(x1, x2, least=INTEGER)
    xp = x1.namespace
    return xp.reshape(x1, (-1, 1)) * xp.reshape(x2, (1, -1))


@operation("x1 x2")
def vdot(x1: Any, x2: Any) -> Any:
    """Return the sum of products of all elements, of complex numbers with the conjugate of `x1`."""
    x1, x2 = promoted(x1, x2, least=INTEGER)
    xp = x1.namespace
    x1 = xp.conj(x1) if xp.field_of(x1.dtype) == "complex" else x1
    return xp.sum(xp.reshape(x1, (-1,)) * xp.reshape(x2, (-1,)))


@operation("x1 x2")
def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Any:
    """Return sums of products over several axes.

    Parameters
    ----------
    x1, x2 : array
    axes : int or two sequences of int
        So many last axes of `x1` with as many first ones of `x2`, or the axes of each.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.tensordot(np.ones((2, 3, 4)), np.ones((4, 3, 5)), axes=([1, 2], [1, 0])).shape
    (2, 5)
    """
    x1, x2 = promoted(x1, x2, least=INTEGER)
    if not isinstance(axes, int):
        axes = tuple(tuple(a) if isinstance(a, (list, tuple)) else (int(a),) for a in axes)
    return x1.namespace.tensordot(x1, x2, axes=axes)


@operation("*operands")
def einsum(subscripts: str, *operands: Any) -> Any:
    """Return sums of products over the axes whose letters are not in the result.

    Parameters
    ----------
    subscripts : str
        Such as ``"bij,bjk->bik"``; ``...`` stands for axes that broadcast.
    *operands : array

    Raises
    ------
    ValueError
        If the letters do not fit the arrays.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.einsum("ij,ij->i", np.asarray([[1.0, 2.0], [3.0, 4.0]]), np.ones((2, 2)))
    array([3., 7.])
    """
    return contract(subscripts, promoted(*operands, least=INTEGER))


@operation("x1 x2")
def kron(x1: Any, x2: Any) -> Any:
    """Return Kronecker's product: `x1` with each element replaced by its product with `x2`."""
    x1, x2 = promoted(x1, x2, least=INTEGER)
    xp, ndim = x1.namespace, max(x1.ndim, x2.ndim)
    long1, long2 = ((1,) * (ndim - x.ndim) + x.shape for x in (x1, x2))
    x1 = xp.reshape(x1, tuple(n for m in long1 for n in (m, 1)))
    x2 = xp.reshape(x2, tuple(n for m in long2 for n in (1, m)))
    return xp.reshape(x1 * x2, tuple(m * n for m, n in zip(long1, long2, strict=True)))


@operation("x1 x2")
def cross(x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    """Return the vectors that stand on two others of length 3; of length 2, their third coordinate."""
    x1, x2 = promoted(x1, x2, least=INTEGER)
    xp = x1.namespace
    if axis is not None:
        axisa = axisb = axisc = axis
    x1, x2 = xp.moveaxis(x1, axis_within(axisa, x1.ndim), -1), xp.moveaxis(x2, axis_within(axisb, x2.ndim), -1)
    if x1.shape[-1] == 2 == x2.shape[-1]:
        return x1[..., 0] * x2[..., 1] - x1[..., 1] * x2[..., 0]
    x1, x2 = (_deep(xp, x) for x in (x1, x2))
    made = xp.linalg.cross(*xp.broadcast_arrays(x1, x2), axis=-1)
    return xp.moveaxis(made, -1, axis_within(axisc, made.ndim))


def _deep(xp: Any, x: Any) -> Any:
    return x if x.shape[-1] == 3 else xp.concat([x, xp.zeros_like(x[..., :1])], axis=-1)


@operation("x1 x2")
def correlate(x1: Any, x2: Any, mode: str = "valid") -> Any:
    """Return the sums of products of two vectors for each shift of one against the other.

    Parameters
    ----------
    x1, x2 : array of one axis
    mode : {"valid", "same", "full"}
        Shifts at which one lies within the other, as many as the longer has elements, or all.
    """
    check_one_of("mode", mode, ("valid", "same", "full"))
    x1, x2 = promoted(x1, x2, least=INTEGER)
    xp = x1.namespace
    x2 = xp.conj(x2) if xp.field_of(x2.dtype) == "complex" else x2
    n, m = x1.shape[0], x2.shape[0]
    if n < m and mode != "full":
        back = correlate(x2, x1, mode)
        return xp.flip(back, axis=0)
    before = {"valid": 0, "same": m // 2, "full": m - 1}[mode]
    after = {"valid": 0, "same": m - 1 - m // 2, "full": m - 1}[mode]
    zeros = [xp.zeros((k,), dtype=x1.dtype, device=x1.device) for k in (before, after)]
    x1 = xp.concat([zeros[0], x1, zeros[1]])
    places = xp.arange(m, device=x1.device)
    windows = xp.expand_dims(xp.arange(x1.shape[0] - m + 1, device=x1.device), axis=-1) + places
    return xp.matmul(xp.reshape(xp.take(x1, xp.reshape(windows, (-1,)), axis=0), windows.shape), x2)


@operation("x")
def corrcoef(x: Any) -> Any:
    """Return the correlations of variables, which are rows, over observations, which are columns."""
    (x,) = promoted(x, least=REAL)
    xp = x.namespace
    rows = x if x.ndim == 2 else xp.reshape(x, (1, -1))
    rows = rows - xp.mean(rows, axis=1, keepdims=True)
    covariance = xp.matmul(rows, xp.matrix_transpose(rows))
    size = xp.sqrt(xp.linalg.diagonal(covariance))
    found = covariance / xp.expand_dims(size, axis=1) / size
    return xp.clip(found, -1.0, 1.0) if x.ndim == 2 else xp.reshape(found, ())
