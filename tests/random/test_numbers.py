"""Numbers drawn from nothing: bits on every backend, seeds, refusals; the laws of uniforms and integers."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import nnarray as nna
from nnarray.backends import backend_of, generator
from nnarray.random import SeedGenerator, next_key, normal, randint, truncated_normal, uniform
from tests.hosts import to_host

#: Every function of a shape, by a call that takes shape and seed.
DRAWS: dict[str, Callable[..., Any]] = {
    "uniform": uniform,
    "uniform between bounds": lambda shape, seed=None: uniform(shape, -2.5, 0.7, seed=seed),
    "normal": normal,
    "normal on device": lambda shape, seed=None: normal(shape, 1.0, 2.0, seed=seed, on_device=True),
    "truncated normal": truncated_normal,
    "integers": lambda shape, seed=None: randint(shape, -5, 2**31, seed=seed),
}
SHAPES = [(), (0,), (1,), (7,), (3, 5), (2, 0, 3)]
every_draw = pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)


@every_draw
@pytest.mark.parametrize("shape", SHAPES)
def test_draws_are_raw_arrays_of_the_backend_and_device_in_force(draw: Any, shape: Any, place: Any) -> None:
    with nna.use_backend(*place) as (adapter, device):
        found = draw(shape, seed=3)
    assert backend_of(found) is adapter
    assert device is None or adapter.device_of(found) == device
    assert tuple(found.shape) == shape


@every_draw
def test_draws_are_the_same_bits_on_every_backend_but_for_normals_on_the_device(draw: Any, place: Any) -> None:
    expected = draw((5, 7), seed=11)
    with nna.use_backend(*place):
        found = to_host(draw((5, 7), seed=11))
    assert found.dtype == expected.dtype
    if draw is DRAWS["normal on device"]:
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    else:
        np.testing.assert_array_equal(found, expected)


@every_draw
def test_an_integer_repeats_a_generator_goes_on_and_none_follows_set_seed(draw: Any) -> None:
    def run() -> list[np.ndarray]:
        nna.set_seed(6)
        seed = SeedGenerator(1)
        return [draw((40,)), draw((40,)), draw((40,), seed=seed), draw((40,), seed=seed), draw((40,), seed=2)]

    first, second = run(), run()
    np.testing.assert_array_equal(first, second)
    assert len({values.tobytes() for values in first}) == 5
    np.testing.assert_array_equal(draw((40,), seed=2), draw((40,), seed=2))
    np.testing.assert_array_equal(draw((40,), seed=1), first[2])


@every_draw
def test_only_draws_without_a_seed_take_keys_of_the_process(draw: Any) -> None:
    nna.set_seed(6)
    seed = SeedGenerator(1)
    draw((3,), seed=1)
    draw((3,), seed=seed)
    assert next_key() == (6, 0)
    draw((3,))
    assert next_key() == (6, 2)


@given(shape=st.one_of(st.integers(0, 20), st.lists(st.integers(0, 6), max_size=4), st.just((np.int64(2), 3))))
def test_shapes_are_integers_or_sequences_of_them(shape: Any) -> None:
    expected = (shape,) if isinstance(shape, int) else tuple(shape)
    assert all(draw(shape, seed=0).shape == expected for draw in DRAWS.values())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floating_dtypes_are_given_by_name_or_by_the_backend_or_by_floatx(dtype: str, place: Any) -> None:
    before = nna.config.floatx()
    with nna.use_backend(*place) as (adapter, _):
        for draw in (uniform, normal, truncated_normal):
            assert adapter.dtype_name(draw((2,)).dtype) == before
            assert adapter.dtype_name(draw((2,), dtype=dtype).dtype) == dtype
            assert adapter.dtype_name(draw((2,), dtype=getattr(adapter.xp, dtype)).dtype) == dtype
        nna.config.set_floatx(dtype)
        try:
            assert adapter.dtype_name(uniform((2,), 1.0, 2.0).dtype) == dtype
            assert adapter.dtype_name(normal((2,), on_device=True).dtype) == dtype
        finally:
            nna.config.set_floatx(before)


# -- laws -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-3.0, 5.0), (10.0, 11.0)])
def test_uniforms_are_uniform_between_their_bounds(dtype: str, low: float, high: float) -> None:
    draws = uniform((50_000,), low, high, dtype, seed=1)
    assert low <= draws.min() < draws.max() < high
    assert stats.kstest(draws, stats.uniform(low, high - low).cdf).pvalue > 0.01
    if (low, high) == (0.0, 1.0):
        np.testing.assert_array_equal(draws, generator((1, 2**64 - 1)).random(50_000, dtype=dtype))


def test_the_upper_bound_is_left_out_where_sums_round_up_to_it() -> None:
    # Between these two neighbours in float32 there is nothing: half of all sums round up.
    assert (uniform((100,), 2.0**23, 2.0**23 + 1, "float32", seed=0) == 2.0**23).all()


def test_equal_bounds_give_the_bound_and_rounded_bounds_are_those_of_the_dtype() -> None:
    assert (uniform((9,), 0.1, 0.1, "float64", seed=0) == 0.1).all()
    assert (uniform((9,), 0.1, 0.1, "float32", seed=0) == np.float32(0.1)).all()


INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_fill_their_dtype_to_both_bounds_on_every_backend(dtype: str, place: Any) -> None:
    low, high = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    with nna.use_backend(*place) as (adapter, _):
        found = randint((4000,), low, high + 1, dtype, seed=0)
        top, bottom = randint((3,), high, high + 1, dtype), randint((3,), low, low + 1, dtype)
    assert adapter.dtype_name(found.dtype) == dtype
    host = to_host(found)
    np.testing.assert_array_equal(host, randint((4000,), low, high + 1, dtype, seed=0))
    assert int(host.max()) > high - (high - low) / 200
    assert int(host.min()) < low + (high - low) / 200
    assert [int(n) for n in to_host(top)] == [high] * 3
    assert [int(n) for n in to_host(bottom)] == [low] * 3


def test_integers_are_equally_likely_from_the_lower_bound_to_before_the_upper() -> None:
    counts = np.bincount(randint((60_000,), -2, 4, seed=0) + 2)
    assert len(counts) == 6
    assert stats.chisquare(counts).pvalue > 0.01


# -- refusals ---------------------------------------------------------------------------------------------------------

WRONG = [
    (uniform, {"shape": (2, -1)}, ValueError, r"shape must be .* at least 0: received \(2, -1\)"),
    (uniform, {"shape": (None, 3)}, ValueError, "shape must be a tuple of integers"),
    (uniform, {"shape": "3"}, ValueError, "shape must be a tuple of integers"),
    (uniform, {"shape": 2.0}, ValueError, "shape must be a tuple of integers"),
    (uniform, {"dtype": "int32"}, ValueError, "dtype must be one of 'float32', 'float64': received dtype='int32'"),
    (uniform, {"dtype": np.int32}, ValueError, "dtype must be one of 'float32', 'float64'"),
    (uniform, {"minval": 2.0}, ValueError, "minval <= maxval, .* received minval=2.0, maxval=1.0"),
    (uniform, {"maxval": math.inf}, ValueError, "maxval must be a finite number: received maxval=inf"),
    (uniform, {"minval": "0"}, ValueError, "minval must be a finite number"),
    (uniform, {"minval": -1e39, "maxval": 0.0}, ValueError, "within the range of float32"),
    (uniform, {"minval": 1e39, "maxval": 1e39}, ValueError, "within the range of float32"),
    (uniform, {"minval": -2e38, "maxval": 2e38}, ValueError, "their difference within the range of float32"),
    (normal, {"stddev": -1.0}, ValueError, "stddev must be at least 0: received stddev=-1.0"),
    (normal, {"stddev": math.nan}, ValueError, "stddev must be a finite number: received stddev=nan"),
    (normal, {"mean": None}, ValueError, "mean must be a finite number"),
    (normal, {"dtype": "float16"}, ValueError, "dtype must be one of 'float32', 'float64'"),
    (normal, {"shape": (-1,), "on_device": True}, ValueError, "shape must be a tuple of integers"),
    (truncated_normal, {"stddev": -1.0}, ValueError, "stddev must be at least 0"),
    (truncated_normal, {"shape": (1.5,)}, ValueError, "shape must be a tuple of integers"),
    (randint, {"minval": 3, "maxval": 3}, ValueError, "minval < maxval, and int32 .* received minval=3, maxval=3"),
    (randint, {"minval": 0, "maxval": 2**31 + 1}, ValueError, "int32 holds -2147483648 to 2147483647"),
    (randint, {"minval": -1, "maxval": 3, "dtype": "uint8"}, ValueError, "uint8 holds 0 to 255"),
    (randint, {"minval": 0.0, "maxval": 3}, TypeError, r"minval must be an integer: received minval=0.0 \(float\)"),
    (randint, {"minval": 0, "maxval": True}, TypeError, "maxval must be an integer"),
    (randint, {"minval": 0, "maxval": 3, "dtype": "float32"}, ValueError, "dtype must be one of 'int8', "),
    (randint, {"minval": 0, "maxval": 3, "dtype": None}, ValueError, "dtype must be one of .* dtype=None"),
]


@pytest.mark.parametrize(("function", "arguments", "error", "message"), WRONG)
def test_bad_arguments_are_refused_and_use_no_random_number_up(
    function: Any, arguments: dict[str, Any], error: Any, message: str
) -> None:
    nna.set_seed(2)
    seed = SeedGenerator(0)
    for given_seed in (None, seed):
        with pytest.raises(error, match=message):
            function(**{"shape": (3,), "seed": given_seed, **arguments})
    assert next_key() == (2, 0)
    assert seed.next() == 0


@every_draw
@pytest.mark.parametrize("seed", [-1, 2**64, 1.0, "0", True, [1]])
def test_a_seed_is_an_integer_or_a_seed_generator(draw: Any, seed: Any) -> None:
    with pytest.raises(ValueError, match="A seed is an integer of at least 0 and below"):
        draw((3,), seed=seed)


def test_a_dtype_that_the_device_lacks_is_refused_and_uses_up_nothing() -> None:
    nna.set_seed(4)
    expected = nna.random.uniform((2,))
    nna.set_seed(4)
    with nna.use_backend("array_api_strict", "no_x64"):
        with pytest.raises(ValueError, match="has no int64 here, but 'int8'.*received dtype='int64'"):
            nna.random.randint((4,), 0, 2**40, dtype="int64")
        with pytest.raises(ValueError, match="has no float64 here, but 'float32'"):
            nna.random.uniform((2,), dtype="float64")
    np.testing.assert_array_equal(nna.random.uniform((2,)), expected)


def test_jax_in_its_32_bit_mode_draws_no_64_bits() -> None:
    pytest.importorskip("jax")
    code = """
import nnarray as nna
nna.set_backend("jax")
assert nna.random.uniform((3,)).dtype == "float32"
for draw in (lambda: nna.random.uniform((3,), dtype="float64"), lambda: nna.random.randint((3,), 0, 9, "int64")):
    try:
        draw()
    except ValueError as error:
        print("refused", "64 here" in str(error))
"""
    environment = os.environ | {"JAX_ENABLE_X64": "0"}
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.split("\n")[:2] == ["refused True", "refused True"], done.stderr
