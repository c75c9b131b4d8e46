"""Normals and truncated normals: their laws, their streams, and the initial weights made of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

import nnarray as nna
from nnarray.backends import generator
from nnarray.random import SeedGenerator, normal, truncated_normal, uniform


@pytest.mark.parametrize("on_device", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_normals_are_normal(on_device: bool, dtype: str) -> None:
    draws = normal((100_001,), 3.0, 0.5, dtype, seed=2, on_device=on_device)
    assert stats.kstest(draws, stats.norm(3.0, 0.5).cdf).pvalue > 0.01
    # The sines and cosines of the same angles are independent: neither they nor their squares go together.
    one, other = (draws[:50_000] - 3.0) * 2, (draws[50_001:] - 3.0) * 2
    for power in (1, 2):
        assert abs(np.corrcoef(one**power, other**power)[0, 1]) < 0.02
    assert 4.0 < np.abs(draws - 3.0).max() * 2 < 6.0


def test_normals_are_those_of_numpys_generator_on_the_stream() -> None:
    expected = 2.0 + 3.0 * generator((4, 2**64 - 1)).standard_normal((3, 5))
    np.testing.assert_array_equal(normal((3, 5), 2.0, 3.0, "float64", seed=4), expected, strict=True)
    np.testing.assert_array_equal(normal((3, 5), 2.0, 3.0, seed=4), expected.astype("float32"), strict=True)


@pytest.mark.parametrize("size", [1, 2, 5, 8])
def test_normals_on_the_device_are_box_and_mullers_of_the_uniforms(size: int) -> None:
    pairs = (size + 1) // 2
    u = uniform((2 * pairs,), dtype="float64", seed=3)
    radii = [math.sqrt(-2 * math.log1p(-float(x))) for x in u[:pairs]]
    angles = [2 * math.pi * float(x) for x in u[pairs:]]
    expected = [r * f(a) for f in (math.cos, math.sin) for r, a in zip(radii, angles, strict=True)][:size]
    np.testing.assert_allclose(normal((size,), dtype="float64", seed=3, on_device=True), expected, rtol=1e-12)


def test_truncated_normals_stay_within_two_deviations_and_keep_the_law() -> None:
    draws = truncated_normal((50_000,), -1.0, 0.5, "float64", seed=3)
    assert 0.999 < np.abs(draws + 1.0).max() <= 1.0
    assert stats.kstest(draws, stats.truncnorm(-2, 2, -1.0, 0.5).cdf).pvalue > 0.01


@pytest.mark.parametrize("draw", [normal, truncated_normal])
def test_a_deviation_of_zero_gives_the_mean(draw: Any) -> None:
    assert (draw((5,), 1.5, 0.0, seed=0) == 1.5).all()


def test_initial_weights_are_the_truncated_normals_of_the_seed() -> None:
    deviation = math.sqrt(2.0 / 30) / stats.truncnorm(-2, 2).std()
    weights = nna.initializers.HeNormal(seed=5)((30, 4), "float64")
    np.testing.assert_allclose(weights, truncated_normal((30, 4), 0.0, deviation, "float64", seed=5), rtol=1e-12)


def test_an_initializer_with_a_seed_generator_goes_on() -> None:
    made = nna.initializers.GlorotUniform(seed=SeedGenerator(5))
    first, second = made((20,)), made((20,))
    assert (first != second).all()
    np.testing.assert_array_equal(first, nna.initializers.GlorotUniform(seed=5)((20,)))


@pytest.mark.parametrize("on_device", [False, True])
def test_what_has_no_axes_is_an_array_and_what_overflows_is_refused(on_device: bool) -> None:
    assert isinstance(nna.random.normal((), on_device=on_device), np.ndarray)
    with pytest.raises(ValueError, match="lie within the range of float32: received mean=0.0, stddev=1e\\+300"):
        nna.random.normal((2,), stddev=1e300, dtype="float32", on_device=on_device)
