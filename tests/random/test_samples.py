"""Classes drawn from logits, and shuffles: laws, backends, derivatives, refusals."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

import nnarray as nna
from nnarray.backends import backend_of, generator
from nnarray.random import SeedGenerator, categorical, next_key, shuffle
from nnarray.testing import check_grads
from tests.hosts import to_host, to_library

LOGITS = np.log(np.asarray([[0.1, 0.2, 0.7], [0.5, 0.25, 0.25]]))


def on_device_of(found: Any, x: Any) -> bool:
    return backend_of(found) is backend_of(x) and backend_of(x).device_of(found) == backend_of(x).device_of(x)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("offset", [0.0, 50.0, -1000.0])
def test_classes_come_as_often_as_their_probability_says_whatever_the_constant(dtype: str, offset: float) -> None:
    found = categorical((LOGITS + offset).astype(dtype), 20_000, seed=4)
    assert found.shape == (2, 20_000)
    for row, probabilities in zip(found, np.exp(LOGITS), strict=True):
        counts = np.bincount(row, minlength=3)
        assert stats.chisquare(counts, 20_000 * probabilities).pvalue > 0.01


def test_rows_and_samples_are_independent() -> None:
    found = categorical(np.zeros((2, 2)), 20_000, seed=1)
    pairs = np.bincount(2 * found[0] + found[1], minlength=4)
    assert stats.chisquare(pairs).pvalue > 0.01
    steps = np.bincount(2 * found[0][:-1] + found[0][1:], minlength=4)
    assert stats.chisquare(steps).pvalue > 0.001


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_classes_are_the_same_on_every_backend_and_on_the_logits_device(dtype: str, place: Any) -> None:
    raw = to_library(LOGITS.astype(dtype), nna.namespace(*place))
    found = categorical(raw, 50, seed=7)
    assert on_device_of(found, raw)
    assert backend_of(found).dtype_name(found.dtype) == "int32"
    np.testing.assert_array_equal(to_host(found), categorical(LOGITS.astype(dtype), 50, seed=7), strict=True)


def test_classes_of_an_array_are_an_array_without_derivative(place: Any) -> None:
    x = nna.namespace(*place).asarray(LOGITS)
    found = categorical(x, 5, "int64", seed=7)
    assert isinstance(found, nna.Array)
    assert found.node is None
    np.testing.assert_array_equal(to_host(found.value), categorical(LOGITS, 5, "int64", seed=7), strict=True)


def test_a_logit_of_minus_infinity_is_never_drawn_and_a_sure_one_always(place: Any) -> None:
    x = np.asarray([[-np.inf, 0.0, -np.inf, 0.0], [-np.inf, -np.inf, 3.0, -np.inf]], dtype="float32")
    found = to_host(categorical(to_library(x, nna.namespace(*place)), 2000, seed=0))
    assert set(found[0].tolist()) == {1, 3}
    assert set(found[1].tolist()) == {2}


def test_uniforms_of_zero_wait_a_finite_time_so_that_logits_decide(monkeypatch: Any) -> None:
    monkeypatch.setattr(
        backend_of(LOGITS), "uniform", lambda key, counter, shape, dtype, device: np.zeros(shape, dtype)
    )
    for dtype in ("float32", "float64"):
        assert categorical(LOGITS.astype(dtype), 2).tolist() == [[2, 2], [0, 0]]


@pytest.mark.parametrize(("rows", "samples"), [(0, 3), (2, 0), (0, 0)])
def test_no_rows_or_no_samples_are_served(rows: int, samples: int, place: Any) -> None:
    x = to_library(np.zeros((rows, 4)), nna.namespace(*place))
    assert tuple(categorical(x, samples).shape) == (rows, samples)


@given(x=hnp.arrays("int64", hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5)), data=st.data())
def test_a_shuffle_reorders_whole_slices_along_any_axis(x: np.ndarray, data: Any) -> None:
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    order = generator((3, 2**64 - 1)).permutation(x.shape[axis])
    np.testing.assert_array_equal(shuffle(x, axis, seed=3), np.take(x, order, axis=axis), strict=True)


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
def test_shuffles_are_the_same_on_every_backend_and_keep_dtype_and_device(axis: int, place: Any) -> None:
    x = np.arange(60, dtype="float32").reshape(3, 4, 5)
    raw = to_library(x, nna.namespace(*place))
    found = shuffle(raw, axis, seed=1)
    assert on_device_of(found, raw)
    np.testing.assert_array_equal(to_host(found), shuffle(x, axis, seed=1), strict=True)
    np.testing.assert_array_equal(np.sort(to_host(found), axis=axis), x, strict=True)


def test_every_order_is_equally_likely() -> None:
    seed = SeedGenerator(0)
    found = [tuple(shuffle(np.arange(3), seed=seed).tolist()) for _ in range(6000)]
    counts = [found.count(order) for order in itertools.permutations(range(3))]
    assert sum(counts) == 6000
    assert stats.chisquare(counts).pvalue > 0.01


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_the_derivative_of_a_shuffle_brings_each_slice_back(axis: int, place: Any) -> None:
    space = nna.namespace(*place)
    x, weights = np.random.default_rng(0).normal(size=(2, 4, 3))

    def objective(a: Any) -> Any:
        xp = nna.array_namespace(a)
        moved = shuffle(a, axis, seed=2)
        return xp.sum(moved * moved * xp.asarray(weights, device=a.device))

    check_grads(objective, (to_library(x, space),))


@pytest.mark.parametrize(
    "draw", [lambda s=None: categorical(LOGITS, 40, seed=s), lambda s=None: shuffle(range40(), seed=s)]
)
def test_an_integer_repeats_a_generator_goes_on_and_none_follows_set_seed(draw: Any) -> None:
    def run() -> list[bytes]:
        nna.set_seed(6)
        seed = SeedGenerator(1)
        return [np.asarray(x).tobytes() for x in (draw(), draw(), draw(seed), draw(seed), draw(2), draw(2))]

    first = run()
    assert first == run()
    assert len(set(first)) == 5
    assert first[4] == first[5]


def range40() -> np.ndarray:
    return np.arange(40)


WRONG = [
    (categorical, (np.zeros(3), 1), ValueError, r"logits must have shape \(batch, classes\).* shape \(3,\)"),
    (categorical, (np.zeros((2, 0)), 1), ValueError, "with at least 1 class"),
    (categorical, (np.zeros((2, 3), dtype=int), 1), TypeError, "floating-point logits: received ndarray .* xp.astype"),
    (categorical, (np.zeros((2, 3)), -1), ValueError, "num_samples must be at least 0: received num_samples=-1"),
    (categorical, (np.zeros((2, 3)), 2.0), TypeError, "num_samples must be an integer: received num_samples=2.0"),
    (categorical, (np.zeros((2, 3)), 2, "float32"), ValueError, "dtype must be one of 'int8', "),
    (categorical, ([[0.0, 1.0]], 2), TypeError, "An array of a library .* numpy.asarray"),
    (shuffle, (np.zeros((2, 3)), 2), ValueError, r"an axis of x: received axis=2 for ndarray of shape \(2, 3\)"),
    (shuffle, (np.zeros((2, 3)), -3), ValueError, "an axis of x: received axis=-3"),
    (shuffle, (np.zeros(()),), ValueError, "an axis of x: received axis=0"),
    (shuffle, (np.zeros(3), 0.0), TypeError, "axis must be an integer"),
    (shuffle, ([1, 2, 3],), TypeError, "An array of a library .* numpy.asarray"),
]


@pytest.mark.parametrize(("function", "arguments", "error", "message"), WRONG)
def test_bad_arguments_are_refused_and_use_no_random_number_up(
    function: Any, arguments: Any, error: Any, message: str
) -> None:
    nna.set_seed(2)
    seed = SeedGenerator(0)
    for given_seed in (None, seed):
        with pytest.raises(error, match=message):
            function(*arguments, seed=given_seed)
    assert next_key() == (2, 0)
    assert seed.next() == 0


def test_classes_that_the_dtype_cannot_hold_are_refused() -> None:
    logits = np.zeros((1, 300))
    with pytest.raises(ValueError, match="int8 holds classes up to 127: received 300 of them"):
        nna.random.categorical(logits, 5, dtype="int8", seed=0)
    assert nna.random.categorical(logits, 5, dtype="uint16", seed=0).max() < 300
