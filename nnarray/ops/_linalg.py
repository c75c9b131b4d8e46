"""Linear algebra, of matrices along the last two axes."""

from __future__ import annotations

from typing import Any

from nnarray._checks import check_one_of
from nnarray._messages import describe
from nnarray.ops._operation import REAL, axes_tuple, axis_within, floated, index, operation, promoted


def _matrix(x: Any) -> Any:
    if x.ndim < 2:
        raise ValueError(f"Matrices have two axes or more: received {describe(x)}.")
    return floated(x)


def _square(x: Any) -> Any:
    x = _matrix(x)
    if x.shape[-1] != x.shape[-2]:
        raise ValueError(f"The matrices must be square: received {describe(x)}.")
    return x


@operation("x")
def cholesky(x: Any, upper: bool = False) -> Any:
    """Return the lower triangle ``L`` with ``x = L Lᴴ``, or the upper one ``Lᴴ``."""
    x = _square(x)
    return x.namespace.linalg.cholesky(x, upper=upper)


@operation("x")
def cholesky_inverse(x: Any, upper: bool = False) -> Any:
    """Return the inverse of the matrix of which `x` is the triangle that `cholesky` gives."""
    x = _square(x)
    xp = x.namespace
    inverse = xp.linalg.inv(xp.triu(x) if upper else xp.tril(x))
    turned = xp.matrix_transpose(inverse)
    return xp.matmul(inverse, turned) if upper else xp.matmul(turned, inverse)


@operation("x")
def det(x: Any) -> Any:
    """Return determinants.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.ops.det(np.asarray([[2.0, 0.0], [0.0, 3.0]])))
    6.0
    """
    x = _square(x)
    return x.namespace.linalg.det(x)


@operation("x")
def slogdet(x: Any) -> Any:
    """Return signs of determinants and logarithms of their absolute values."""
    x = _square(x)
    return tuple(x.namespace.linalg.slogdet(x))


@operation("x")
def logdet(x: Any) -> Any:
    """Return logarithms of the absolute values of determinants."""
    return slogdet(x)[1]


@operation("x")
def eig(x: Any) -> Any:
    """Return complex eigenvalues and eigenvectors, which are columns."""
    x = _square(x)
    return tuple(x.namespace.linalg.eig(x))


@operation("x")
def eigh(x: Any) -> Any:
    """Return ascending eigenvalues and eigenvectors, which are columns, of symmetric matrices."""
    x = _square(x)
    return tuple(x.namespace.linalg.eigh(x))


@operation("x")
def inv(x: Any) -> Any:
    """Return inverses."""
    x = _square(x)
    return x.namespace.linalg.inv(x)


@operation("x")
def pinv(x: Any, rcond: Any = None) -> Any:
    """Return pseudo-inverses, without singular values below `rcond` times the greatest."""
    x = _matrix(x)
    return x.namespace.linalg.pinv(x, rtol=rcond)


@operation("x")
def matrix_rank(x: Any, tol: Any = None) -> Any:
    """Return how many singular values are above `tol`."""
    x = _matrix(x)
    xp = x.namespace
    if tol is None:
        return index(xp.linalg.matrix_rank(x))
    return index(xp.count_nonzero(xp.linalg.svdvals(x) > tol, axis=-1))


@operation("x")
def qr(x: Any, mode: str = "reduced") -> Any:
    """Return orthogonal and upper triangular factors.

    Parameters
    ----------
    x : array
    mode : {"reduced", "complete"}
        Whether the orthogonal factor has as many columns as the shorter side, or as rows.
    """
    check_one_of("mode", mode, ("reduced", "complete"))
    x = _matrix(x)
    return tuple(x.namespace.linalg.qr(x, mode=mode))


@operation("x")
def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Return left singular vectors, singular values and right singular vectors, or the values alone.

    Parameters
    ----------
    x : array
    full_matrices : bool
        Whether vectors of the null space are added, which have no derivative.
    compute_uv : bool
        Whether there are vectors.
    """
    x = _matrix(x)
    linalg = x.namespace.linalg
    return tuple(linalg.svd(x, full_matrices=full_matrices)) if compute_uv else linalg.svdvals(x)


def _solved(a: Any, b: Any) -> Any:
    xp = a.namespace
    if b.ndim == a.ndim - 1 > 1:
        return xp.linalg.solve(a, b[..., None])[..., 0]
    return xp.linalg.solve(a, b)


@operation("a b")
def solve(a: Any, b: Any) -> Any:
    """Return `x` with ``a x = b``.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.solve(np.asarray([[2.0, 0.0], [0.0, 4.0]]), np.asarray([2.0, 2.0]))
    array([1. , 0.5])
    """
    a, b = promoted(a, b, least=REAL)
    return _solved(_square(a), b)


@operation("a b")
def solve_triangular(a: Any, b: Any, lower: bool = False) -> Any:
    """Return `x` with ``t x = b``, where ``t`` is the upper or the lower triangle of `a`."""
    a, b = promoted(a, b, least=REAL)
    xp, a = a.namespace, _square(a)
    return _solved(xp.tril(a) if lower else xp.triu(a), b)


@operation("a b")
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """Return the shortest `x` of those for which the length of ``b - a x`` is least; `rcond` as for `pinv`."""
    a, b = promoted(a, b, least=REAL)
    return a.namespace.matmul(pinv(a, rcond), b)


@operation("x")
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Return lengths of vectors or sizes of matrices.

    Parameters
    ----------
    x : array
    ord : number, "fro" or "nuc", optional
        Of a vector the power that is summed, or ±inf; of a matrix 1, 2, inf and their negatives, too. By default the
        root of the sum of squares.
    axis : int or pair of int, optional
        One for vectors, two for matrices; by default the only ones there are, without `ord` all.
    keepdims : bool

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.norm(np.asarray([[3.0, 4.0], [0.0, 5.0]]), axis=1)
    array([5., 5.])
    """
    x = floated(x)
    xp, axis = x.namespace, axes_tuple(axis)
    if axis is None and ord is None:
        return xp.linalg.vector_norm(x, keepdims=keepdims)
    if axis is None:
        if x.ndim not in (1, 2):
            raise ValueError(f"norm with ord={ord!r} is of a vector or a matrix: received shape {x.shape}. Give axis.")
        axis = tuple(range(x.ndim))
    axes = tuple(axis_within(a, x.ndim) for a in (axis if isinstance(axis, tuple) else (axis,)))
    if len(axes) == 1:
        return xp.linalg.vector_norm(x, axis=axes[0], keepdims=keepdims, ord=2 if ord is None else ord)
    if len(axes) != 2:
        raise ValueError(f"norm goes over one axis or two: received axis={axis!r}.")
    if ord is None:
        return xp.linalg.vector_norm(x, axis=axes, keepdims=keepdims)
    made = xp.linalg.matrix_norm(xp.moveaxis(x, axes, (-2, -1)), keepdims=keepdims, ord=ord)
    return xp.moveaxis(made, (-2, -1), axes) if keepdims else made
