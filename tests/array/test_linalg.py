"""Linear algebra where it is delicate: complex, singular, degenerate and of mixed dtypes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray.testing import check_grads
from tests.array.cases_linalg import C_BATCH, C_M, C_TALL, C_V, C_WIDE, HERMITIAN, TALL, M, V
from tests.hosts import to_host, to_library

INF = math.inf
ORDERS = ("fro", "nuc", 1, -1, 2, -2, INF, -INF)


def _hermitian(xp: Any, x: Any) -> Any:
    return (x + xp.conj(xp.matrix_transpose(x))) / 2


def _squares(xp: Any, x: Any) -> Any:
    return xp.real(x) ** 2 + xp.imag(x) ** 2


def _projector(xp: Any, x: Any) -> Any:
    v = xp.linalg.eigh(_hermitian(xp, x))[1][..., :, :1]
    return xp.matmul(v, xp.conj(xp.matrix_transpose(v)))


def _svd(xp: Any, x: Any) -> Any:
    return xp.linalg.svd(x, full_matrices=False)


def _polar(xp: Any, x: Any) -> Any:
    u, _, vh = _svd(xp, x)
    return xp.matmul(u, vh)


def _rebuilt(xp: Any, x: Any) -> Any:
    u, s, vh = _svd(xp, x)
    return xp.matmul(u * s[..., None, :] ** 2, vh)


#: Functions of complex matrices that do not depend on the phases of vectors.
INVARIANT = {
    "eigenvectors": (lambda xp, x: _squares(xp, xp.linalg.eigh(_hermitian(xp, x))[1]), HERMITIAN),
    "eigenvectors of any matrix": (lambda xp, x: _squares(xp, xp.linalg.eig(x)[1]), C_M),
    "projector": (_projector, HERMITIAN[0]),
    "left singular vectors": (lambda xp, x: _squares(xp, _svd(xp, x)[0]), C_TALL),
    "left singular vectors of a wide matrix": (lambda xp, x: _squares(xp, _svd(xp, x)[0]), C_WIDE),
    "right singular vectors": (lambda xp, x: _squares(xp, _svd(xp, x)[2]), C_WIDE),
    "singular vectors together": (_rebuilt, C_TALL),
    "singular vectors of a batch": (_rebuilt, C_BATCH),
    "polar factor": (_polar, C_M),
}
LIKE_TORCH = {
    "det": (lambda xp, x: xp.linalg.det(x), C_BATCH),
    "inv": (lambda xp, x: xp.linalg.inv(x), C_BATCH),
    "pinv": (lambda xp, x: xp.linalg.pinv(x), C_TALL),
    "slogdet": (lambda xp, x: xp.linalg.slogdet(x)[0] + 2 * xp.linalg.slogdet(x)[1], C_BATCH),
    "cholesky": (lambda xp, x: xp.linalg.cholesky(_hermitian(xp, x)), HERMITIAN),
    "orthonormal": (lambda xp, x: xp.linalg.qr(x)[0], C_TALL),
    "triangular": (lambda xp, x: xp.linalg.qr(x)[1], C_BATCH),
    "triangular of wide": (lambda xp, x: xp.linalg.qr(x)[1], C_M[:2]),
    "eigvals": (lambda xp, x: xp.linalg.eigvals(x), C_BATCH),
    "svdvals": (lambda xp, x: xp.linalg.svdvals(x), C_TALL),
    "matrix_power": (lambda xp, x: xp.linalg.matrix_power(x, -2), C_M),
    **{f"matrix norm {p}": (lambda xp, x, p=p: xp.linalg.matrix_norm(x, ord=p), C_BATCH) for p in ORDERS},
    **{
        f"vector norm {p}": (lambda xp, x, p=p: xp.linalg.vector_norm(x, ord=p), C_V)
        for p in (2, 1, 3, 0.5, 1.5, -1, INF, -INF)
    },
}


@pytest.mark.parametrize("name", [*LIKE_TORCH, *INVARIANT])
def test_gradients_by_complex_matrices_are_those_of_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    f, x = {**LIKE_TORCH, **INVARIANT}[name]

    def loss(xp: Any, x: Any, weights: Any) -> Any:
        y = f(xp, x)
        y = xp.real(y * xp.asarray(1.0 - 0.5j)) if "complex" in str(y.dtype) else y
        return xp.sum(y * weights(y.shape))

    def weights(shape: Any) -> np.ndarray:
        return np.cos(np.arange(math.prod(shape)) + 1.0).reshape(tuple(shape))

    space = nna.namespace("numpy")
    found = nna.grad(lambda x: loss(space, x, lambda shape: space.asarray(weights(shape))))(x)
    peer = torch.asarray(x, dtype=torch.complex128).requires_grad_()
    raw = nna.namespace("torch").raw
    loss(raw, peer, lambda shape: torch.asarray(weights(shape))).backward()
    np.testing.assert_allclose(found, peer.grad.numpy(), rtol=1e-10, atol=1e-10)


@pytest.mark.compiles_for_each_case
@pytest.mark.parametrize("name", INVARIANT)
def test_complex_vectors_differentiate_to_order_two_where_phases_do_not_count(name: str, place: Any) -> None:
    f, x = INVARIANT[name]
    check_grads(lambda x: f(x.__array_namespace__(), x), (to_library(x, nna.namespace(*place)),), directions=1)


def test_eigenvalues_are_complex_also_where_all_are_real(place: Any) -> None:
    triangular = to_library(np.asarray([[2.0, 0.0], [1.0, 3.0]]), nna.namespace(*place))
    values, vectors = nna.ops.eig(triangular)
    assert to_host(values).dtype == to_host(vectors).dtype == np.complex128
    assert sorted(to_host(values).real) == [2.0, 3.0]


def test_the_phase_of_complex_vectors_does_not_turn() -> None:
    space = nna.namespace("numpy")
    turning = nna.grad(lambda x: space.imag(space.linalg.eigh(_hermitian(space, x))[1][0, 0]))(HERMITIAN[0])
    assert np.isfinite(turning).all()
    u, _, vh = np.linalg.svd(C_M)

    def angle(x: Any) -> Any:
        now = space.linalg.svd(x, full_matrices=False)
        return space.imag(space.sum(np.conj(u[:, 0]) * now.U[:, 0]) + space.sum(now.Vh[0, :] * np.conj(vh[0, :])))

    # One turns by as much as the other turns back: together by 0 with Vᴴ, which is conjugate to V, by twice that.
    one = nna.grad(lambda x: space.imag(space.sum(np.conj(u[:, 0]) * space.linalg.svd(x, full_matrices=False).U[:, 0])))
    np.testing.assert_allclose(nna.grad(angle)(C_M), 2 * one(C_M), rtol=1e-12)


def _cofactors(a: np.ndarray) -> np.ndarray:
    rows = range(len(a))
    minors = [[np.linalg.det(np.delete(np.delete(a, i, 0), j, 1)) for j in rows] for i in rows]
    return np.asarray(minors) * (-1.0) ** np.add.outer(rows, rows)


SINGULAR = [
    *(np.zeros((1, 1)), np.zeros((2, 2)), np.zeros((4, 4)), np.ones((3, 3)), np.ones((5, 5)), np.eye(4, k=1)),
    *(np.arange(9.0).reshape(3, 3), np.diag([1.0, 2.0, 3.0, 0.0]), np.asarray([[1.0, 2.0], [2.0, 4.0]])),
    *(TALL @ TALL.T, C_TALL @ C_TALL.T, np.stack([np.eye(4), TALL @ TALL.T, np.zeros((4, 4)), 2 * np.eye(4)])),
]


@pytest.mark.compiles_for_each_case
@pytest.mark.parametrize("a", SINGULAR)
def test_det_of_singular_matrices_has_its_cofactors_for_gradient(a: np.ndarray, place: Any) -> None:
    space = nna.namespace(*place)

    def total(x: Any) -> Any:
        xp = x.__array_namespace__()
        det = xp.sum(xp.linalg.det(x))
        return xp.real(det) if xp.isdtype(det.dtype, "complex floating") else det

    found = to_host(nna.grad(total)(to_library(a, space)))
    cofactors = np.asarray([_cofactors(matrix) for matrix in a.reshape(-1, *a.shape[-2:])]).reshape(a.shape)
    np.testing.assert_allclose(found, np.conj(cofactors), rtol=1e-6, atol=1e-6 * max(np.abs(cofactors).max(), 1))


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_det_differentiates_twice_at_singular_matrices(size: int, place: Any) -> None:
    a = np.asarray(TALL @ TALL.T)
    matrix = np.zeros((1, 1)) if size == 1 else a if size == 4 else np.arange(1.0, 1 + size**2).reshape(size, size)
    matrix = np.asarray([[1.0, 2.0], [2.0, 4.0]]) if size == 2 else matrix
    x = to_library(matrix, nna.namespace(*place))
    check_grads(lambda x: x.__array_namespace__().linalg.det(x), (x,), rtol=1e-5, atol=1e-6)


def test_equal_eigenvalues_and_singular_values_have_gradients(place: Any) -> None:
    space = nna.namespace(*place)
    turn = np.linalg.qr(M)[0]
    a = turn @ np.diag([2.0, 2.0, 3.0]) @ turn.T
    for name in ("eigvalsh", "eigh", "svdvals", "svd"):

        def squares(x: Any, name: str = name) -> Any:
            xp = x.__array_namespace__()
            out = getattr(xp.linalg, name)(x)
            return xp.sum((out if "vals" in name else out[0] if name == "eigh" else out[1]) ** 2)

        for x, expected in ((a, 2 * a), (np.eye(3), 2 * np.eye(3))):
            found = to_host(nna.grad(squares)(to_library(x, space)))
            np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.exclude_backend("jax", reason="compiles each case; the table of functions has others like them")
@pytest.mark.parametrize("order", ORDERS)
def test_matrix_norms_of_batches_keep_or_drop_axes(order: Any, place: Any) -> None:
    x = to_library(np.stack([C_TALL, 1j * C_TALL + 0.3]), nna.namespace(*place))
    for keepdims in (False, True):
        check_grads(
            lambda x, k=keepdims: x.__array_namespace__().linalg.matrix_norm(x, ord=order, keepdims=k),
            (x,),
            order=1 + keepdims,
            directions=1,
        )


@pytest.mark.parametrize("order", [2, 1, 3, 0.5, -1, INF, -INF])
def test_vector_norms_over_any_axes(order: float) -> None:
    space = nna.namespace("numpy")
    solid = np.stack([C_TALL, 1j * C_TALL + 0.3])
    for x in (solid, solid.real, solid[0, 0, 0], solid.real[0, 0, 0]):
        for axis in (None, 0, -1, (0,), (0, 1), (-1, 0), (-2, 2), (0, 1, 2)) if np.ndim(x) else (None,):
            for keepdims in (False, True):
                check_grads(
                    lambda x, a=axis, k=keepdims: space.linalg.vector_norm(x, axis=a, keepdims=k, ord=order),
                    (np.asarray(x),),
                    directions=1,
                )


@pytest.mark.compiles_for_each_case
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize("order", [0, 0.5, 1, 1.5, 2, 3, -1, INF, -INF])
def test_norms_of_vectors_with_zeros_have_finite_derivatives(order: float, dtype: str, place: Any) -> None:
    space = nna.namespace(*place)

    def slope(x: Any) -> Any:
        xp = x.__array_namespace__()
        gradient = nna.grad(lambda x: xp.linalg.vector_norm(x, ord=order))(x)
        along = xp.asarray([0.5, 1.0, 2.0], dtype=x.dtype, device=x.device)
        return xp.real(xp.sum(gradient * along)) if dtype == "complex128" else xp.sum(gradient * along)

    for values in ([0.0, 1.0, -2.0], [0.0, 0.0, 0.0]):
        x = to_library(np.asarray(values, dtype=dtype), space)
        found = to_host(nna.grad(lambda x: x.__array_namespace__().linalg.vector_norm(x, ord=order))(x))
        assert found[0] == 0
        assert np.isfinite(found).all()
        is_curved = not any(values) and order in (0.5, 1.5, 2, 3)
        assert (np.isnan if is_curved else np.isfinite)(to_host(nna.grad(slope)(x))).all()
    if order in (2, 3):
        x = to_library(np.asarray([0.0, 1.0, -2.0], dtype=dtype), space)
        check_grads(lambda x: x.__array_namespace__().linalg.vector_norm(x, ord=order), (x,), rtol=1e-5, directions=1)


def test_gradients_keep_narrow_dtypes(place: Any) -> None:
    space = nna.namespace(*place)
    calls = {
        "det": {}, "slogdet": {}, "inv": {}, "pinv": {}, "eigh": {}, "eigvalsh": {}, "cholesky": {}, "qr": {},
        "svd": {"full_matrices": False}, "svdvals": {}, "matrix_norm": {"ord": 1}, "vector_norm": {"ord": 3},
        "trace": {}, "diagonal": {"offset": 1},
    }  # fmt: skip
    if place[0] == "jax":  # It compiles each of them.
        calls = {name: calls[name] for name in ("svd", "vector_norm")}
    for kind in ("float32", "complex64"):
        x = to_library(HERMITIAN[0].astype(kind) if kind == "complex64" else HERMITIAN[0].real.astype(kind), space)
        for name, params in calls.items():

            def total(x: Any, name: str = name, params: Any = params) -> Any:
                xp = x.__array_namespace__()
                out = getattr(xp.linalg, name)(x, **params)
                parts = out if isinstance(out, tuple) else (out,)
                return sum(xp.sum(xp.real(p) if xp.isdtype(p.dtype, "complex floating") else p) for p in parts)

            assert kind in str(nna.grad(total)(x).dtype), name


MIXED = {
    "solve": ((M, C_V), (C_M, V)),
    "matmul": ((M, C_TALL.T[:, :2].copy()), (C_M, M), (M, C_V), (V, C_V)),
    "tensordot": ((TALL, C_WIDE[:2, :].T.copy() @ C_WIDE[:2, :3].conj()), (C_M, M)),
    "vecdot": ((V, C_V), (C_V, V)),
    "outer": ((V, C_V), (C_V, V)),
    "cross": ((V, C_V), (C_V, V)),
}


@pytest.mark.exclude_backend("jax", reason="compiles each case; the table of functions has others like them")
@pytest.mark.parametrize("name", MIXED)
def test_a_real_operand_beside_a_complex_one_has_a_real_gradient(name: str, place: Any) -> None:
    space = nna.namespace(*place)
    params = {"axes": ((0,), (0,))} if name == "tensordot" else {}
    for pair in MIXED[name]:
        raw = tuple(to_library(x, space) for x in pair)

        def f(a: Any, b: Any) -> Any:
            return getattr(a.__array_namespace__().linalg, name)(a, b, **params)

        def loss(a: Any, b: Any) -> Any:
            xp = a.__array_namespace__()
            return xp.sum(xp.real(f(a, b) * xp.asarray(0.6 - 0.8j, dtype=xp.complex128, device=a.device)))

        for x, g in zip(raw, nna.grad(loss, argnums=(0, 1))(*raw), strict=True):
            assert g.dtype == x.dtype
        check_grads(f, raw, directions=1)
