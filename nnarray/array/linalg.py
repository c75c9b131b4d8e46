"""Linear algebra, an extension of the standard: decompositions and inverses; norms are in `_norms`.

Functions of symmetric matrices read one triangle; their cotangents are symmetric, as for an argument that is kept so.

References
----------
.. [1] M. Giles, "An extended collection of matrix derivative results for forward and reverse mode algorithmic
   differentiation", 2008.
.. [2] I. Murray, "Differentiation of the Cholesky decomposition", 2016.
.. [3] J. Townsend, "Differentiating the singular value decomposition", 2016.
.. [4] S. Walter, L. Lehmann, "Algorithmic differentiation of linear algebra functions with application in optimum
   experimental design", 2010.
.. [5] D. Roberts, L. Roberts, "QR and LQ decomposition matrix backpropagation algorithms for square, wide, and deep
   matrices", 2020.
.. [6] G. Golub, V. Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems whose
   variables separate", 1973.
.. [7] N. Higham, "Functions of matrices", 2008.
.. [8] C. Boeddeker, P. Hanebrink, L. Drude, J. Heymann, R. Haeb-Umbach, "On the computation of complex-valued gradients
   with application to statistically optimum beamforming", 2017.
"""

from __future__ import annotations

from typing import Any

from nnarray.array import _norms  # noqa: F401 -- enters its rows
from nnarray.array._function import Function
from nnarray.array.elementwise import TRUTH
from nnarray.array.linear_algebra import adjoint, column, conj, scalar
from nnarray.array.manipulation import sum_to_shape


def _device(xp: Any, x: Any) -> Any:
    return xp.asarray(x).device


def _eye(xp: Any, rows: int, columns: int, like: Any, offset: int = 0) -> Any:
    """Return whether an element of a matrix stands on the diagonal that is `offset` columns to the right."""
    device = _device(xp, like)
    row, place = xp.arange(rows, device=device), xp.arange(columns, device=device)
    return column(row + offset) == place


def _lower(xp: Any, x: Any, offset: int = 0) -> Any:
    """Return matrices with zeros above the diagonal that is `offset` columns to the right."""
    device = _device(xp, x)
    row, place = xp.arange(x.shape[-2], device=device), xp.arange(x.shape[-1], device=device)
    return xp.where(column(row + offset) >= place, x, 0.0)


def _symmetric(xp: Any, x: Any) -> Any:
    return (x + adjoint(xp, x)) / 2


def _half(xp: Any, x: Any) -> Any:
    """Return the lower triangle with half the diagonal."""
    return (_lower(xp, x) + _lower(xp, x, -1)) / 2


# -- solving --------------------------------------------------------------------------------------------------------


def _det(xp: Any, g: Any, x: Any, out: Any) -> Any:
    """``Ā = ḡ adj(A)ᴴ``, which is ``ḡ det(A) A⁻ᴴ`` [1, determinant]; singular matrices have an adjugate too."""
    size = x.shape[-1]
    if 0 in x.shape:
        return xp.zeros_like(x)
    if size > 3:
        x = _regular(xp, x, out)
        return scalar(g * conj(xp, xp.linalg.det(x))) * adjoint(xp, xp.linalg.inv(x))
    if size == 3:
        # Counted on in a circle, the minors have their signs by themselves.
        y = xp.tile(x, (2, 2))
        cofactors = y[..., 1:4, 1:4] * y[..., 2:5, 2:5] - y[..., 1:4, 2:5] * y[..., 2:5, 1:4]
    elif size == 2:
        turned = xp.flip(x, axis=(-2, -1))
        cofactors = xp.where(_eye(xp, 2, 2, x), turned, -turned)
    else:
        cofactors = xp.ones_like(x)
    return scalar(g) * conj(xp, cofactors)


def _regular(xp: Any, x: Any, det: Any) -> Any:
    """Return matrices with those that have no inverse replaced by ones close by, of much the same adjugate.

    The adjugate is a polynomial of the elements, so that a step of √ε of their size costs it half of its digits.
    """
    finite = xp.where(scalar(xp.isfinite(det)), x, 0.0)
    singular = scalar(xp.linalg.matrix_rank(finite) < x.shape[-1])
    largest = xp.max(xp.abs(finite), axis=(-2, -1), keepdims=True)
    step = float(xp.finfo(x.dtype).eps) ** 0.5 * xp.where(largest == 0, 1.0, largest)
    number = xp.arange(1, x.shape[-1] + 1, dtype=largest.dtype, device=_device(xp, x))
    # Regular, and of no structure that would meet that of a matrix.
    direction = xp.sin(column(number) * number)
    return x + xp.where(singular, step, 0.0) * direction


def _slogdet(xp: Any, g: Any, x: Any, out: Any) -> Any:
    """``Ā = ḡ A⁻ᴴ`` [1, determinant]; of a complex determinant the sign turns with the imaginary part.

    Of a singular matrix the derivative is infinite, and `inv` answers as the library does.
    """
    g_sign, g_log = g
    sign = out[0]
    if not xp.isdtype(sign.dtype, "complex floating"):
        return xp.zeros_like(x) if g_log is None else scalar(g_log) * adjoint(xp, xp.linalg.inv(x))
    share = 0.0 if g_log is None else g_log
    if g_sign is not None:
        turned = xp.conj(g_sign) * sign
        share = share - (turned - xp.conj(turned)) / 2
    return scalar(share) * adjoint(xp, xp.linalg.inv(x))


def _solve_x1(xp: Any, g: Any, x1: Any, x2: Any, out: Any, in_shape: Any) -> Any:
    """``Ā = -B̄ Xᴴ``, ``B̄ = A⁻ᴴ X̄`` [1, matrix inverse product]."""
    if x2.ndim == 1:
        g, out = column(g), column(out)
    share = xp.matmul(xp.linalg.solve(adjoint(xp, x1), g), adjoint(xp, out))
    return sum_to_shape(xp, -share, in_shape)


def _solve_x2(xp: Any, g: Any, x1: Any, in_shape: Any) -> Any:
    if len(in_shape) == 1:
        share = xp.squeeze(xp.linalg.solve(adjoint(xp, x1), column(g)), axis=-1)
    else:
        share = xp.linalg.solve(adjoint(xp, x1), g)
    return sum_to_shape(xp, share, in_shape)


def _inv(xp: Any, g: Any, out: Any) -> Any:
    """``Ā = -Cᴴ C̄ Cᴴ`` [1, inverse]."""
    inverse = adjoint(xp, out)
    return -xp.matmul(inverse, xp.matmul(g, inverse))


def _pinv(xp: Any, g: Any, x: Any, out: Any) -> Any:
    """The adjoint of ``dX = -X dA X + X Xᴴ dAᴴ (1 - A X) + (1 - X A) dAᴴ Xᴴ X`` [6, equation 4.12].

    The rank is taken as constant.
    """
    inverse, pulled = adjoint(xp, out), adjoint(xp, g)
    left = xp.matmul(pulled, xp.matmul(out, inverse))
    right = xp.matmul(xp.matmul(inverse, out), pulled)
    share = left - xp.matmul(x, xp.matmul(out, left)) + right - xp.matmul(xp.matmul(right, out), x)
    return share - xp.matmul(inverse, xp.matmul(g, inverse))


def _matrix_power(xp: Any, g: Any, x: Any, n: int) -> Any:
    """The upper right block of ``[[Aᴴ, G], [0, Aᴴ]]ⁿ`` [7, equation 3.16], for every n."""
    size = x.shape[-1]
    transposed = adjoint(xp, x)
    top = xp.concat([transposed, g], axis=-1)
    bottom = xp.concat([xp.zeros_like(x), transposed], axis=-1)
    return xp.linalg.matrix_power(xp.concat([top, bottom], axis=-2), n)[..., :size, size:]


def _with_rtol(name: str) -> Any:
    """Return a function of a matrix on a backend whose tolerance, which may be an array, is an operand."""
    return lambda backend: lambda x, rtol=None: getattr(backend.xp.linalg, name)(x, rtol=rtol)


Function("linalg.det", "x, /", {"x": _det})
Function("linalg.slogdet", "x, /", {"x": _slogdet}, outputs=("sign", "logabsdet"))
Function("linalg.solve", "x1, x2, /", {"x1": _solve_x1, "x2": _solve_x2})
Function("linalg.inv", "x, /", {"x": _inv})
Function("linalg.pinv", "x, /, *, rtol=None", {"x": _pinv}, arrays=("x", "rtol"), implementation=_with_rtol("pinv"))
Function("linalg.matrix_power", "x, n, /", {"x": _matrix_power}, arrays=("x",))
Function(
    "linalg.matrix_rank",
    "x, /, *, rtol=None",
    constant=TRUTH,
    arrays=("x", "rtol"),
    implementation=_with_rtol("matrix_rank"),
)

# -- decompositions -------------------------------------------------------------------------------------------------


def _cholesky(xp: Any, g: Any, out: Any, upper: bool) -> Any:
    """``Ā = sym(L⁻ᴴ Φ(Lᴴ L̄) L⁻¹)``, where Φ takes the lower triangle and half the diagonal [2]."""
    if upper:
        g, out = adjoint(xp, g), adjoint(xp, out)
    half = _half(xp, xp.matmul(adjoint(xp, out), g))
    inverse = xp.linalg.inv(out)
    return _symmetric(xp, xp.matmul(adjoint(xp, inverse), xp.matmul(half, inverse)))


def _eigh(xp: Any, g: Any, out: Any) -> Any:
    """``Ā = V (diag(λ̄) + F ∘ (Vᴴ V̄)) Vᴴ``, ``F_ij = 1 / (λ_j - λ_i)`` [1, eigenvalues and eigenvectors].

    The derivative of the vectors is infinite where eigenvalues are equal; that of the values is not. A complex vector
    has an arbitrary phase, and only what does not depend on it has a derivative: this one is that of vectors whose
    phase does not turn, ``(Vᴴ dV)_ii = 0``.
    """
    values, vectors = out
    g_values, g_vectors = g
    back = adjoint(xp, vectors)
    share = 0.0
    if g_vectors is not None:
        diagonal = _eye(xp, values.shape[-1], values.shape[-1], values)
        gaps = xp.where(diagonal, 1.0, values[..., None, :] - values[..., :, None])
        share = xp.matmul(xp.where(diagonal, 0.0, xp.matmul(back, g_vectors) / gaps), back)
    if g_values is not None:
        share = share + column(g_values) * back
    return _symmetric(xp, xp.matmul(vectors, share))


def _eigvalsh(xp: Any, g: Any, x: Any) -> Any:
    """``Ā = V diag(λ̄) Vᴴ`` [1, eigenvalues and eigenvectors]."""
    vectors = xp.linalg.eigh(x)[1]
    return xp.matmul(vectors, column(g) * adjoint(xp, vectors))


def _eig(xp: Any, g: Any, out: Any) -> Any:
    """``Ā = V⁻ᴴ (diag(λ̄) + E ∘ (Vᴴ V̄ - Vᴴ V diag(Re Vᴴ V̄))) Vᴴ``, ``E_ij = 1 / (λ_j - λ_i)*`` off the diagonal [8].

    Of a real matrix its real part. Vectors have length one and keep their phase, as in `_eigh`.
    """
    values, vectors = out
    g_values, g_vectors = g
    back = adjoint(xp, vectors)
    diagonal = _eye(xp, values.shape[-1], values.shape[-1], xp.real(values))
    share: Any = 0.0
    if g_vectors is not None:
        inner = xp.matmul(back, g_vectors)
        length = xp.real(xp.sum(xp.where(diagonal, inner, 0.0), axis=-2, keepdims=True))
        along = xp.matmul(back, vectors * xp.astype(length, inner.dtype))
        gaps = xp.where(diagonal, 1.0, xp.conj(values[..., None, :] - values[..., :, None]))
        share = xp.where(diagonal, 0.0, (inner - along) / gaps)
    if g_values is not None:
        share = share + xp.where(diagonal, column(g_values), 0.0)
    return xp.linalg.solve(back, xp.matmul(share, back))


def _eigvals(xp: Any, g: Any, x: Any) -> Any:
    """``Ā = V⁻ᴴ diag(λ̄) Vᴴ`` [1, eigenvalues and eigenvectors]."""
    back = adjoint(xp, xp.linalg.eig(x)[1])
    return xp.linalg.solve(back, column(g) * back)


def _svd(xp: Any, g: Any, out: Any, full_matrices: bool) -> Any:
    """The cotangent of [3], with ``F_ij = 1 / (s_j² - s_i²)``.

    The derivative of the vectors is infinite where singular values are equal; that of the values is not. A pair of
    complex vectors has an arbitrary phase, and only what does not depend on it has a derivative: this one is that of
    vectors whose phases turn by opposite angles, ``(Uᴴ dU)_ii = -(Vᴴ dV)_ii``.
    """
    u, s, vh = out
    g_u, g_s, g_vh = g
    k = s.shape[-1]
    if full_matrices and ((g_u is not None and u.shape[-1] > k) or (g_vh is not None and vh.shape[-2] > k)):
        raise NotImplementedError(
            "The vectors that linalg.svd adds with full_matrices=True span a null space, in which they are arbitrary, "
            "so that they have no derivative. Use full_matrices=False."
        )
    u, vh = u[..., :, :k], vh[..., :k, :]
    share: Any = 0.0
    rest: Any = 0.0
    if g_s is not None:
        share = xp.where(_eye(xp, k, k, s), column(g_s), 0.0)
    across, down = s[..., None, :], s[..., :, None]
    if g_u is not None:
        inner = xp.matmul(adjoint(xp, u), g_u)
        share = share + _twist(xp, inner, s, across, 1)
        if u.shape[-2] > k:
            outside = (g_u - xp.matmul(u, inner)) / across
            rest = rest + xp.matmul(outside, vh)
    if g_vh is not None:
        inner = xp.matmul(vh, adjoint(xp, g_vh))
        share = share + _twist(xp, inner, s, down, -1)
        if vh.shape[-1] > k:
            outside = (g_vh - xp.matmul(adjoint(xp, inner), vh)) / down
            rest = rest + xp.matmul(u, outside)
    return xp.matmul(u, xp.matmul(share, vh)) + rest


def _twist(xp: Any, inner: Any, s: Any, scale: Any, side: int) -> Any:
    """Return ``F ∘ (M - Mᴴ)`` times the values in `scale`, on the diagonal the share of the phase of complex vectors.

    The difference of squares is taken in factors: it cancels less, and no square leaves the range.
    """
    diagonal = _eye(xp, s.shape[-1], s.shape[-1], s)
    across, down = s[..., None, :], s[..., :, None]
    gaps, sums = xp.where(diagonal, 1.0, across - down), xp.where(diagonal, 1.0, across + down)
    skew = inner - adjoint(xp, inner)
    phase = side * skew / (4 * across) if xp.isdtype(skew.dtype, "complex floating") else 0.0
    return xp.where(diagonal, phase, skew / gaps * (scale / sums))


def _svdvals(xp: Any, g: Any, x: Any) -> Any:
    """``Ā = U diag(s̄) Vᴴ`` [1, singular value decomposition]."""
    u, _, vh = xp.linalg.svd(x, full_matrices=False)
    return xp.matmul(u, column(g) * vh)


def _qr(xp: Any, g: Any, out: Any, mode: str) -> Any:
    """``Ā = (Q̄ + Q copyltu(R R̄ᴴ - Q̄ᴴ Q)) R⁻ᴴ`` [4]; a wide matrix is a square one beside ``Q`` times a rest [5]."""
    q, r = out
    g_q, g_r = g
    rows, k, columns = q.shape[-2], q.shape[-1], r.shape[-1]
    if mode == "complete" and rows > columns:
        raise NotImplementedError(
            "The columns that linalg.qr adds with mode='complete' span a null space, in which they are arbitrary, so "
            "that they have no derivative. Use mode='reduced'."
        )
    g_q = xp.zeros_like(q) if g_q is None else g_q
    g_r = xp.zeros_like(r) if g_r is None else g_r
    if columns > k:
        beside, g_beside = r[..., :, k:], g_r[..., :, k:]
        g_q = g_q + xp.matmul(xp.matmul(q, beside), adjoint(xp, g_beside))
        r, g_r = r[..., :, :k], g_r[..., :, :k]
    m = xp.matmul(r, adjoint(xp, g_r)) - xp.matmul(adjoint(xp, g_q), q)
    # The diagonal of R is real, so that of a complex m counts by its real part only.
    mirrored = 2 * _symmetric(xp, _half(xp, m))
    # X R⁻ᴴ = (R⁻¹ Xᴴ)ᴴ
    share = adjoint(xp, xp.linalg.solve(r, adjoint(xp, g_q + xp.matmul(q, mirrored))))
    return share if columns == k else xp.concat([share, xp.matmul(q, g_beside)], axis=-1)


Function("linalg.cholesky", "x, /, *, upper=False", {"x": _cholesky})
Function("linalg.eig", "x, /", {"x": _eig}, outputs=("eigenvalues", "eigenvectors"))
Function("linalg.eigvals", "x, /", {"x": _eigvals})
Function("linalg.eigh", "x, /", {"x": _eigh}, outputs=("eigenvalues", "eigenvectors"))
Function("linalg.eigvalsh", "x, /", {"x": _eigvalsh})
Function("linalg.svd", "x, /, *, full_matrices=True", {"x": _svd}, outputs=("U", "S", "Vh"))
Function("linalg.svdvals", "x, /", {"x": _svdvals})
Function("linalg.qr", "x, /, *, mode='reduced'", {"x": _qr}, outputs=("Q", "R"))

# -- products and diagonals -----------------------------------------------------------------------------------------


def _diagonal(xp: Any, g: Any, in_shape: Any, offset: int) -> Any:
    length = g.shape[-1]
    zeros = xp.zeros(in_shape, dtype=g.dtype, device=_device(xp, g))
    if length == 0:
        return zeros
    below, right = max(-offset, 0), max(offset, 0)
    block = xp.where(_eye(xp, length, length, g), column(g), 0.0)
    return xp.set_item(zeros, block, key=(Ellipsis, slice(below, below + length), slice(right, right + length)))


def _trace(xp: Any, g: Any, in_shape: Any, offset: int) -> Any:
    return xp.broadcast_to(xp.where(_eye(xp, in_shape[-2], in_shape[-1], g, offset), scalar(g), 0.0), in_shape)


Function(
    "linalg.cross",
    "x1, x2, /, *, axis=-1",
    {
        "x1": lambda xp, g, x2, axis: xp.linalg.cross(conj(xp, x2), g, axis=axis),
        "x2": lambda xp, g, x1, axis: xp.linalg.cross(g, conj(xp, x1), axis=axis),
    },
    broadcasts=True,
)
Function(
    "linalg.outer",
    "x1, x2, /",
    {
        "x1": lambda xp, g, x2: xp.matmul(g, conj(xp, x2)),
        "x2": lambda xp, g, x1: xp.matmul(conj(xp, x1), g),
    },
)
Function("linalg.diagonal", "x, /, *, offset=0", {"x": _diagonal})
Function("linalg.trace", "x, /, *, offset=0, dtype=None", {"x": _trace})
