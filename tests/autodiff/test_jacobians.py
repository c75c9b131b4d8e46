"""`jacobian`, `hessian` and `hvp` against closed forms, each other, JAX and differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray.testing import assert_close
from tests.hosts import to_host, to_library

A = np.asarray([[1.0, -2.0, 0.5], [0.3, 0.7, -1.1]])
X, V = np.asarray([0.4, -1.2, 0.8]), np.asarray([1.0, 2.0, -3.0])


def f(x: Any) -> Any:
    xp = nna.array_namespace(x)
    return xp.tanh(xp.matmul(xp.asarray(A, device=x.device), x))


def scalar(x: Any) -> Any:
    xp = nna.array_namespace(x)
    return xp.sum(xp.exp(x) * x[0] * x[::-1])


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_the_jacobian_of_a_layer_is_its_matrix_times_the_slopes(mode: str, place: Any) -> None:
    x = to_library(X, nna.namespace(*place))
    found = nna.jacobian(f, mode=mode)(x)
    assert type(found) is type(x)
    np.testing.assert_allclose(to_host(found), (1 - np.tanh(A @ X) ** 2)[:, None] * A, rtol=1e-12)


def test_by_rows_or_by_columns_whatever_is_fewer() -> None:
    runs, passes = [], []

    @nna.custom_vjp
    def twice(x: Any) -> Any:
        return 2.0 * x

    def forward(x: Any) -> Any:
        runs.append(1)
        return 2.0 * x, None

    def backward(_: Any, g: Any) -> Any:
        passes.append(1)
        return (2.0 * g,)

    twice.defvjp(forward, backward)
    wide = lambda x: nna.array_namespace(x).broadcast_to(twice(x), (50, *x.shape))  # noqa: E731
    for mode, count in (("auto", 1), ("forward", 1), ("reverse", 100)):
        runs.clear()
        passes.clear()
        assert nna.jacobian(wide, mode=mode)(np.ones(2)).shape == (50, 2, 2)
        assert (len(runs), len(passes)) == (1, count)


def test_every_column_meets_the_same_random_numbers() -> None:
    for mode in ("forward", "reverse"):
        nna.set_seed(1)
        mask = nna.jacobian(lambda x: nna.random.dropout(x, 0.5), mode=mode)(np.ones(20))
        nna.set_seed(1)
        np.testing.assert_array_equal(mask, np.diag(nna.random.dropout(np.ones(20), 0.5)))


def test_trees_of_results_and_of_arguments_give_trees_of_matrices(place: Any) -> None:
    space = nna.namespace(*place)

    def g(params: Any, x: Any) -> Any:
        return {"y": params["w"] * x, "z": [nna.array_namespace(x).sum(x * x)]}

    params, x = {"w": to_library(V, space)}, to_library(X, space)
    for mode in ("forward", "reverse"):
        found = nna.jacobian(g, argnums=(0, 1), mode=mode)(params, x)
        assert_close(found["y"][0]["w"], np.diag(X), check_dtype=False)
        assert_close(found["y"][1], np.diag(V))
        assert_close(found["z"][0][0]["w"], np.zeros(3))
        assert_close(found["z"][0][1], 2 * X)


def test_the_hessian_is_symmetric_and_its_product_with_a_vector_is_hvp(place: Any) -> None:
    x, v = (to_library(a, nna.namespace(*place)) for a in (X, V))
    matrix = to_host(nna.hessian(scalar)(x))
    np.testing.assert_allclose(matrix, matrix.T, rtol=1e-12, atol=1e-12)
    eps = 1e-6
    rows = [to_host(nna.grad(scalar)(to_library(X + d, nna.namespace(*place)))) for d in eps * np.eye(3)]
    back = [to_host(nna.grad(scalar)(to_library(X - d, nna.namespace(*place)))) for d in eps * np.eye(3)]
    np.testing.assert_allclose(matrix, (np.asarray(rows) - back) / (2 * eps), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(to_host(nna.hvp(scalar, (x,), (v,))), matrix @ V, rtol=1e-12)


def test_hessians_of_several_arguments_are_blocks() -> None:
    def g(x: Any, y: Any) -> Any:
        return nna.array_namespace(x).sum(x * x * y)

    blocks = nna.hessian(g, argnums=(0, 1))(X, V)
    np.testing.assert_allclose(blocks[0][0], np.diag(2 * V))
    np.testing.assert_allclose(blocks[0][1], np.diag(2 * X))
    np.testing.assert_allclose(blocks[1][0], np.diag(2 * X))
    np.testing.assert_allclose(blocks[1][1], np.zeros((3, 3)))
    first, second = nna.hvp(g, (X, V), (V, X))
    np.testing.assert_allclose(first, 2 * V * V + 2 * X * X)
    np.testing.assert_allclose(second, 2 * X * V)


def test_matrices_of_derivatives_are_differentiated_like_all_else() -> None:
    def trace(x: Any) -> Any:
        xp = nna.array_namespace(x)
        return xp.sum(nna.jacobian(lambda x: x * x * x)(x) * xp.eye(3))

    np.testing.assert_allclose(nna.grad(trace)(X), 6 * X)
    np.testing.assert_allclose(nna.jacobian(nna.jacobian(lambda x: x * x))(X)[1, 1], [0.0, 2.0, 0.0])


def test_scalars_empty_arrays_and_auxiliaries() -> None:
    assert nna.jacobian(lambda x: x * x)(np.asarray(3.0)).tolist() == 6.0
    assert nna.jacobian(lambda x: x * 2.0)(np.zeros((0,))).shape == (0, 0)
    assert nna.jacobian(lambda p: X)({}) == {}
    found, auxiliary = nna.jacobian(lambda x: (x * x, "seen"), has_aux=True)(X)
    np.testing.assert_allclose(found, np.diag(2 * X))
    assert auxiliary == "seen"
    found, auxiliary = nna.jacobian(lambda x: (x * x, "seen"), has_aux=True, mode="forward")(X)
    np.testing.assert_allclose(found, np.diag(2 * X))
    assert auxiliary == "seen"
    found, auxiliary = nna.hessian(lambda x: ((x * x * x)[0], {"twice": 2 * x}), has_aux=True)(X)
    np.testing.assert_allclose(found, np.diag([6 * X[0], 0.0, 0.0]))
    np.testing.assert_allclose(auxiliary["twice"], 2 * X)


@pytest.mark.parametrize("shape", [(2,), (3, 2)])
def test_complex_results_have_complex_columns_and_complex_arguments_gradients(shape: Any) -> None:
    wide = lambda x: nna.array_namespace(x).broadcast_to(x * (1 + 2j), shape)  # noqa: E731
    np.testing.assert_array_equal(nna.jacobian(wide)(np.ones(2)), np.broadcast_to((1 + 2j) * np.eye(2), (*shape, 2)))
    z = np.asarray([1 + 2j, 3.0])
    real = lambda z: nna.array_namespace(z).broadcast_to(nna.array_namespace(z).real(z * z), shape)  # noqa: E731
    np.testing.assert_array_equal(nna.jacobian(real)(z), np.broadcast_to(np.diag(2 * z.conj()), (*shape, 2)))
    with pytest.raises(TypeError, match="complex result the mode is 'forward': received mode='reverse'"):
        nna.jacobian(wide, mode="reverse")(np.ones(2))
    with pytest.raises(TypeError, match="complex argument the mode is 'reverse': received mode='forward'"):
        nna.jacobian(real, mode="forward")(z)
    with pytest.raises(TypeError, match="Only a holomorphic function"):
        nna.jacobian(lambda z: z * z)(z)


def test_misuse_is_refused() -> None:
    with pytest.raises(ValueError, match="mode must be one of 'auto', 'forward', 'reverse'"):
        nna.jacobian(f, mode="backward")
    with pytest.raises(TypeError, match=r"returns arrays, or a tree of them: received 3.0 \(float\)"):
        nna.jacobian(lambda x: (x, 3.0))(X)
    with pytest.raises(TypeError, match=r"primals must be a tuple or list.*received 2.0"):
        nna.hvp(lambda x: x * x, 2.0, 1.0)
    with pytest.raises(TypeError, match="Only floating-point arguments"):
        nna.jacobian(f)(np.asarray([1, 2, 3]))


def test_jax_agrees() -> None:
    jax = pytest.importorskip("jax")

    def g(x: Any) -> Any:
        xp = nna.array_namespace(x)
        return xp.sin(x) * xp.sum(x * x)

    expected = jax.jacobian(lambda x: jax.numpy.sin(x) * jax.numpy.sum(x * x))(jax.numpy.asarray(X))
    np.testing.assert_allclose(nna.jacobian(g)(X), expected, rtol=1e-12)
