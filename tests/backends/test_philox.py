"""Philox4x64-10: published blocks, NumPy's stream, and the same uniforms and integers on every backend."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nnarray.backends import _philox, generator, get_backend
from tests.backends.ranges import RANGES
from tests.hosts import to_host

ALL = 2**64 - 1


def words(key: tuple[int, int], counter: tuple[int, ...], count: int = 4) -> list[int]:
    """Return words of NumPy's Philox whose first block encrypts `counter`: it adds one before each block."""
    before = (sum(word << 64 * i for i, word in enumerate(counter)) - 1) % 2**256
    state = [before >> 64 * i & ALL for i in range(4)]
    bits = np.random.Philox(key=np.asarray(key, dtype=np.uint64), counter=np.asarray(state, dtype=np.uint64))
    return [int(word) for word in bits.random_raw(count)]


#: Counter, key and block of philox4x64-10, from kat_vectors of Random123 (Salmon et al.).
KNOWN_ANSWERS = [
    ((0, 0, 0, 0), (0, 0), (0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B)),
    ((ALL,) * 4, (ALL,) * 2, (0x87B092C3013FE90B, 0x438C3C67BE8D0224, 0x9CC7D7C69CD777B6, 0xA09CAEBF594F0BA0)),
    (
        (0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0, 0x082EFA98EC4E6C89),
        (0x452821E638D01377, 0xBE5466CF34E90C6C),
        (0xA528F45403E61D95, 0x38C72DBD566E9788, 0xA5A1610E72FD18B5, 0x57BD43B5E52B7FE6),
    ),
]


@pytest.mark.parametrize(("counter", "key", "block"), KNOWN_ANSWERS)
def test_the_generator_gives_the_published_blocks(counter: Any, key: Any, block: Any) -> None:
    assert words(key, counter) == list(block)


def philox(key: tuple[int, int], counter: tuple[int, int, int, int]) -> list[int]:
    """Return a block as the paper writes it: ten rounds of two products, keys growing by Weyl's constants."""
    (x0, x1, x2, x3), (k0, k1) = counter, key
    for _ in range(10):
        high0, low0 = divmod(0xD2E7470EE14C6C93 * x0, 2**64)
        high1, low1 = divmod(0xCA5A826395121157 * x2, 2**64)
        x0, x1, x2, x3 = high1 ^ x1 ^ k0, low1, high0 ^ x3 ^ k1, low0
        k0, k1 = (k0 + 0x9E3779B97F4A7C15) & ALL, (k1 + 0xBB67AE8584CAA73B) & ALL
    return [x0, x1, x2, x3]


def test_sub_streams_are_the_high_words_of_the_counter_and_start_at_block_one() -> None:
    for key, counter in (((0, 0), (0, 0)), ((5, ALL), (3, 7)), ((2**63, 1), (ALL, ALL))):
        found = [int(w) for w in generator(key, counter).bit_generator.random_raw(8)]
        assert found == [*philox(key, (1, 0, *counter)), *philox(key, (2, 0, *counter))]
    assert [philox(key, counter) for counter, key, _ in KNOWN_ANSWERS] == [list(block) for *_, block in KNOWN_ANSWERS]


@pytest.mark.parametrize("shape", [(), (0,), (1,), (7,), (3, 5), (2, 0, 3)])
def test_uniforms_are_made_of_the_stream_and_are_the_same_on_every_backend(shape: Any, place: Any) -> None:
    adapter, device = get_backend(place[0]), get_backend(place[0]).device(place[1])
    size, key, counter = math.prod(shape), (12, 34), (5, 6)
    raw = [word for block in range(4) for word in philox(key, (block + 1, 0, *counter))]
    halves = [half for word in raw for half in (word & 0xFFFFFFFF, word >> 32)]
    for dtype, expected in (
        ("float64", [(word >> 11) * 2.0**-53 for word in raw]),
        ("float32", [(half >> 8) * 2.0**-24 for half in halves]),
    ):
        found = adapter.uniform(key, counter, shape, dtype, device)
        assert device is None or adapter.device_of(found) == device
        assert found.shape == shape
        np.testing.assert_array_equal(to_host(found).ravel(), np.asarray(expected[:size], dtype=dtype), strict=True)


def test_uniforms_are_uniform_below_one_and_of_two_dtypes_only() -> None:
    for dtype in ("float32", "float64"):
        draws = get_backend("numpy").uniform((1, 2), (3, 4), (50000,), dtype, None)
        assert 0.0 <= draws.min() < 1e-3
        assert 1 - 1e-3 < draws.max() < 1.0
        assert stats.kstest(draws, stats.uniform.cdf).pvalue > 0.01
        assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 0.02
    with pytest.raises(TypeError, match="float32 or float64: received dtype='int32'"):
        get_backend("numpy").uniform((1, 2), (3, 4), (5,), "int32", None)


def test_neighbouring_keys_and_counters_share_no_numbers() -> None:
    draws = [
        get_backend("numpy").uniform(key, counter, (1000,), "float64", None)
        for key in ((0, 0), (1, 0), (0, 1))
        for counter in ((0, 0), (1, 0), (0, 1))
    ]
    assert len(np.unique(draws)) == 9000


WORD = st.integers(0, ALL)
PAIR = st.tuples(WORD, WORD)


def drawn_words(key: tuple[int, int], counter: tuple[int, int], size: int) -> list[int]:
    """Return the first words of a stream, by `philox`."""
    return [word for block in range(-(-size // 4)) for word in philox(key, (block + 1, 0, *counter))][:size]


@given(key=PAIR, counter=PAIR, size=st.integers(0, 30))
def test_numpys_generator_makes_uniforms_of_the_stream_as_the_kernels_do(key: Any, counter: Any, size: int) -> None:
    raw = drawn_words(key, counter, size)
    halves = [half for word in raw for half in (word & 0xFFFFFFFF, word >> 32)]
    doubles = np.asarray([(word >> 11) * 2.0**-53 for word in raw], dtype="float64")
    singles = np.asarray([(half >> 8) * 2.0**-24 for half in halves], dtype="float32")
    np.testing.assert_array_equal(_philox.uniform(key, counter, (size,), "float64"), doubles, strict=True)
    np.testing.assert_array_equal(_philox.uniform(key, counter, (2 * size,), "float32"), singles, strict=True)
    fresh = generator(key, counter)
    np.testing.assert_array_equal(fresh.random(size), doubles, strict=True)


def test_a_draw_depends_on_no_earlier_draw_of_the_thread() -> None:
    expected = {}
    for dtype in ("float32", "float64"):
        fresh = generator((1, 2), (3, 4))
        expected[dtype] = fresh.random(7, dtype=dtype)
    for size in range(6):
        for earlier in ("float32", "float64"):
            _philox.uniform((9, 9), (9, 9), (size,), earlier)
            for dtype, values in expected.items():
                np.testing.assert_array_equal(_philox.uniform((1, 2), (3, 4), (7,), dtype), values, strict=True)


def test_threads_that_draw_at_once_draw_what_one_alone_does() -> None:
    found: dict[int, list[np.ndarray]] = {}

    def draw(key: int) -> None:
        found[key] = [_philox.uniform((key, 0), (i, 0), (300,), "float32") for i in range(200)]

    threads = [threading.Thread(target=draw, args=(key,)) for key in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for key in range(4):
        alone = [_philox.uniform((key, 0), (i, 0), (300,), "float32") for i in range(200)]
        np.testing.assert_array_equal(found[key], alone)


@pytest.mark.parametrize(("low", "high", "dtype"), RANGES)
def test_integers_are_high_words_of_products_and_the_same_on_every_backend(
    low: int, high: int, dtype: str, place: Any
) -> None:
    adapter, device = get_backend(place[0]), get_backend(place[0]).device(place[1])
    key, counter = (12, 34), (5, 6)
    expected = [low + (word * (high - low) >> 64) for word in drawn_words(key, counter, 15)]
    found = adapter.integers(key, counter, (3, 5), low, high, dtype, device)
    assert device is None or adapter.device_of(found) == device
    np.testing.assert_array_equal(to_host(found), np.reshape(np.asarray(expected, dtype=dtype), (3, 5)), strict=True)


@given(key=PAIR, bounds=st.tuples(WORD, WORD), signed=st.booleans())
def test_integers_of_any_range_are_high_words_of_products(key: Any, bounds: Any, signed: bool) -> None:
    shift = 2**63 if signed else 0
    low, high = min(bounds) - shift, max(bounds) - shift + 1
    found = _philox.integers(key, (0, 0), (8,), low, high, "int64" if signed else "uint64")
    assert [int(n) for n in found] == [low + (w * (high - low) >> 64) for w in drawn_words(key, (0, 0), 8)]


@pytest.mark.parametrize(("low", "high"), [(-5, 5), (-(2**62), 2**62), (0, 2**63), (-(2**63), 2**63)])
def test_integers_in_great_number_continue_as_the_first_ones_began(low: int, high: int) -> None:
    raw = generator((1, 2), (3, 4)).bit_generator.random_raw(20_001)
    found = _philox.integers((1, 2), (3, 4), (20_001,), low, high, "int64")
    assert found.tolist() == [low + (int(word) * (high - low) >> 64) for word in raw]


@pytest.mark.parametrize("shape", [(), (0,), (1,), (2, 0, 3), (2, 3)])
def test_integers_have_any_shape(shape: Any, place: Any) -> None:
    adapter = get_backend(place[0])
    found = adapter.integers((1, 2), (3, 4), shape, 0, 10, "int32", adapter.device(place[1]))
    assert tuple(found.shape) == shape
    assert adapter.dtype_name(found.dtype) == "int32"


@pytest.mark.parametrize(("low", "high"), [(-3, 4), (0, 10), (0, 256), (-(2**40), 2**40), (-(2**63), 2**63)])
def test_integers_are_equally_likely(low: int, high: int) -> None:
    draws = _philox.integers((7, 8), (0, 0), (100_000,), low, high, "int64")
    bins = min(high - low, 64)
    places = [(int(n) - low) * bins // (high - low) for n in draws]
    assert stats.chisquare(np.bincount(places, minlength=bins)).pvalue > 0.01
