"""Dropout as a function: its mask on every backend, its derivative, its relation to the layer, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray.backends import backend_of
from nnarray.layers import Dropout
from nnarray.random import SeedGenerator, dropout, next_key, uniform
from nnarray.testing import check_grads
from tests.hosts import to_host, to_library

ONES = np.ones((40, 50), dtype=np.float32)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_inputs_whose_float32_uniform_reaches_the_rate_are_kept_and_scaled(rate: float, dtype: str, place: Any) -> None:
    x = np.random.default_rng(0).normal(size=(9, 11)).astype(dtype)
    raw = to_library(x, nna.namespace(*place))
    found = dropout(raw, rate, seed=3)
    assert backend_of(found).device_of(found) == backend_of(raw).device_of(raw)
    kept = uniform(x.shape, dtype="float32", seed=3) >= np.float32(rate)
    host = to_host(found)
    assert host.dtype == x.dtype
    np.testing.assert_array_equal(host != 0, kept)
    np.testing.assert_allclose(host, np.where(kept, x / (1 - rate), 0), rtol=1e-6)


def test_the_share_dropped_is_the_rate() -> None:
    found = dropout(np.ones((500, 200)), 0.3, seed=0)
    assert (found == 0).mean() == pytest.approx(0.3, abs=6 * np.sqrt(0.3 * 0.7 / 100_000))


def test_the_layer_with_the_same_seed_drops_the_same() -> None:
    layer, seed = Dropout(0.4, noise_shape=(None, 1), seed=8), SeedGenerator(8)
    for _ in range(3):
        np.testing.assert_array_equal(layer(ONES, training=True), dropout(ONES, 0.4, (None, 1), seed=seed))


def test_slopes_are_those_of_the_mask_to_second_order(place: Any) -> None:
    space = nna.namespace(*place)
    x, weights = np.random.default_rng(0).normal(size=(2, 6, 5))

    def objective(a: Any) -> Any:
        xp = nna.array_namespace(a)
        y = dropout(a, 0.3, seed=4)
        return xp.sum(y * y * xp.asarray(weights, device=a.device))

    check_grads(objective, (to_library(x, space),))
    raw = to_library(x, space)
    gradient = to_host(nna.grad(lambda a: nna.array_namespace(a).sum(dropout(a, 0.3, seed=4)))(raw))
    np.testing.assert_allclose(gradient, to_host(dropout(to_library(np.ones_like(x), space), 0.3, seed=4)))
    assert (gradient == 0).any()


def test_arrays_give_arrays_and_raw_arrays_raw_ones(place: Any) -> None:
    space = nna.namespace(*place)
    x = space.asarray(ONES)
    recorded = dropout(x, 0.5, seed=1)
    assert isinstance(recorded, nna.Array)
    raw = dropout(x.value, 0.5, seed=1)
    assert type(raw) is type(x.value)
    np.testing.assert_array_equal(to_host(recorded.value), to_host(raw))


@pytest.mark.parametrize("noise_shape", [(None, 1), (40, 1), (1, None), (1, 1), [None, None], (40, 50)])
def test_a_noise_shape_shares_the_mask_along_its_axes_of_length_one(noise_shape: Any, place: Any) -> None:
    found = to_host(dropout(to_library(ONES, nna.namespace(*place)), 0.5, noise_shape, seed=0))
    assert found.shape == ONES.shape
    shape = tuple(own if n is None else n for n, own in zip(noise_shape, ONES.shape, strict=True))
    mask = uniform(shape, dtype="float32", seed=0) >= 0.5
    np.testing.assert_array_equal(found != 0, np.broadcast_to(mask, ONES.shape))


def test_an_integer_repeats_a_generator_goes_on_and_none_follows_set_seed() -> None:
    def run() -> list[bytes]:
        nna.set_seed(6)
        seed = SeedGenerator(1)
        return [dropout(ONES, 0.5, seed=s).tobytes() for s in (None, None, seed, seed, 2, 2)]

    first = run()
    assert first == run()
    assert len(set(first)) == 5
    assert first[4] == first[5]


WRONG = [
    ((ONES, 1.0), ValueError, "rate must be at least 0 and below 1: received rate=1.0"),
    ((ONES, -0.1), ValueError, "rate must be at least 0 and below 1"),
    ((ONES, float("nan")), ValueError, "rate must be at least 0 and below 1"),
    ((ONES, None), ValueError, "rate must be at least 0 and below 1: received rate=None"),
    ((np.ones(3, dtype=int), 0.5), TypeError, "floating-point inputs: received ndarray .* xp.astype"),
    (([1.0], 0.5), TypeError, "An array of a library .* numpy.asarray"),
    ((ONES, 0.5, (40,)), ValueError, r"noise_shape must have, .* received noise_shape=\(40,\) .* shape \(40, 50\)"),
    ((ONES, 0.5, (40, 2)), ValueError, r"received noise_shape=\(40, 2\)"),
    ((ONES, 0.5, (40, 50, 1)), ValueError, r"received noise_shape=\(40, 50, 1\)"),
]


@pytest.mark.parametrize(("arguments", "error", "message"), WRONG)
def test_bad_arguments_are_refused_and_use_no_random_number_up(arguments: Any, error: Any, message: str) -> None:
    nna.set_seed(2)
    seed = SeedGenerator(0)
    for given_seed in (None, seed):
        with pytest.raises(error, match=message):
            dropout(*arguments, seed=given_seed)
    assert next_key() == (2, 0)
    assert seed.next() == 0


def test_the_layer_names_a_wrong_noise_shape_as_the_function_does() -> None:
    with pytest.raises(ValueError, match="noise_shape must have"):
        Dropout(0.5, noise_shape=(3,))(ONES, training=True)
