"""The extensions of the standard as objects, and functions with several results."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray.testing import assert_close, check_grads
from tests.array.cases_linalg import POSITIVE_DEFINITE, TALL, M
from tests.hosts import to_library

SPACE = nna.namespace("numpy")


def test_extensions_behave_as_modules() -> None:
    linalg = SPACE.linalg
    assert linalg is SPACE.linalg
    assert linalg.__name__ == "nnarray.numpy.linalg"
    assert {"inv", "svd", "matmul", "vecdot"} <= set(dir(linalg))
    assert {"linalg", "fft", "tensordot"} <= set(dir(SPACE))
    assert "linalg.inv" not in dir(SPACE)
    assert linalg.inv.__name__ == "inv"
    assert linalg.inv.__module__ == "nnarray.numpy.linalg"
    assert linalg.matmul is SPACE.matmul
    assert pickle.loads(pickle.dumps(linalg)) is linalg
    assert repr(SPACE.fft) == "<fft of <nnarray namespace over numpy>>"
    with pytest.raises(AttributeError, match="has no attribute 'inverse'"):
        linalg.inverse  # noqa: B018


def test_several_results_have_the_standards_names_and_only_what_is_used_is_differentiated(place: Any) -> None:
    space = nna.namespace(*place)
    values, vectors = space.linalg.eigh(space.asarray(POSITIVE_DEFINITE[0]))
    found = space.linalg.svd(space.asarray(TALL), full_matrices=False)
    assert found._fields == ("U", "S", "Vh")
    assert values.shape == (3,)
    assert vectors.shape == (3, 3)

    def spread(x: Any) -> Any:
        xp = x.__array_namespace__()
        result = xp.linalg.eigh((x + x.mT) / 2)
        return xp.sum(result.eigenvalues**2)

    x = to_library(POSITIVE_DEFINITE[0], space)
    assert_close(nna.grad(spread)(x), 2 * POSITIVE_DEFINITE[0], rtol=1e-9)


def test_functions_of_decompositions_that_are_unique_differentiate_to_order_two(place: Any) -> None:
    def rebuilt(x: Any) -> Any:
        xp = x.__array_namespace__()
        u, s, vh = xp.linalg.svd(x, full_matrices=False)
        return xp.matmul(u * s**2, vh)

    def projected(x: Any) -> Any:
        xp = x.__array_namespace__()
        q, r = xp.linalg.qr(x)
        return xp.matmul(q, q.mT) + xp.sum(r * r)

    def log_determinant(x: Any) -> Any:
        return x.__array_namespace__().linalg.slogdet(x).logabsdet

    space = nna.namespace(*place)
    check_grads(rebuilt, (to_library(TALL, space),), directions=1)
    check_grads(projected, (to_library(TALL, space),), directions=1)
    check_grads(log_determinant, (to_library(M, space),), directions=1)


def test_what_has_no_derivative_says_why() -> None:
    def sum_of(part: int, call: Any) -> Any:
        return lambda x: SPACE.sum(call(x)[part] ** 2)

    with pytest.raises(NotImplementedError, match="Use full_matrices=False"):
        nna.grad(sum_of(0, lambda x: SPACE.linalg.svd(x)))(TALL)
    with pytest.raises(NotImplementedError, match="Use mode='reduced'"):
        nna.grad(sum_of(0, lambda x: SPACE.linalg.qr(x, mode="complete")))(TALL)
    assert np.isfinite(nna.grad(sum_of(1, lambda x: SPACE.linalg.svd(x)))(TALL)).all()


def test_norms_of_zero_have_slope_zero() -> None:
    for norm in (SPACE.linalg.vector_norm, SPACE.linalg.matrix_norm):
        np.testing.assert_array_equal(nna.grad(norm)(np.zeros((2, 2))), np.zeros((2, 2)))
    for order in ("nuc", 1, 2, -2):
        found = nna.grad(lambda x, p=order: SPACE.linalg.matrix_norm(x, ord=p))(np.zeros((2, 2)))
        np.testing.assert_array_equal(found, np.zeros((2, 2)))


def test_a_least_squares_fit_by_hand_is_differentiated(place: Any) -> None:
    def fitted(a: Any, b: Any) -> Any:
        xp = a.__array_namespace__()
        return xp.linalg.solve(xp.matmul(a.mT, a), xp.matmul(a.mT, b))

    space = nna.namespace(*place)
    check_grads(fitted, (to_library(TALL, space), to_library(TALL[:, :1] * 2.0, space)), directions=1)
