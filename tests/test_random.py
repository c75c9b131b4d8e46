"""Keys, counters and Philox4x64-10: known answers, NumPy's stream, and the same bits on every backend."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

import nnarray as nna
from nnarray import random
from nnarray.backends import generator, get_backend
from nnarray.random import SeedGenerator, key_from_seed, next_key, preserved_keys
from tests.gradients import to_host

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
def test_uniforms_are_made_of_the_stream_and_are_the_same_on_every_backend(shape: Any, backend: Any) -> None:
    adapter, device = get_backend(backend[0]), get_backend(backend[0]).device(backend[1])
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
    assert np.random.Generator(generator(key, counter).bit_generator).random() == (raw[0] >> 11) * 2.0**-53


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


def test_set_seed_restarts_the_keys_of_the_process() -> None:
    nna.set_seed(7)
    first = [next_key() for _ in range(3)]
    assert first == [(7, 0), (7, 1), (7, 2)]
    nna.set_seed(7)
    assert [next_key() for _ in range(3)] == first
    nna.set_seed(2**64 - 1)
    assert next_key() == (2**64 - 1, 0)


def test_a_seed_of_the_user_opens_a_stream_that_the_process_never_gives() -> None:
    nna.set_seed(7)
    assert key_from_seed(7) == (7, 2**64 - 1)
    assert key_from_seed(None) == (7, 0)
    assert key_from_seed(np.int64(3)) == key_from_seed(3)


def test_keys_drawn_in_a_preserved_block_are_drawn_again() -> None:
    nna.set_seed(1)
    drawn = []

    def fail() -> None:
        with preserved_keys():
            drawn.append(next_key())
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert [next_key()] == drawn


def test_a_seed_generator_has_one_key_and_counts_its_uses() -> None:
    nna.set_seed(3)
    made, other = SeedGenerator(), SeedGenerator()
    assert made.key != other.key
    assert [made.next() for _ in range(3)] == [0, 1, 2]
    assert other.next() == 0
    assert SeedGenerator(5).key == SeedGenerator(5).key == (5, 2**64 - 1)
    assert SeedGenerator(5).seed == 5


@pytest.mark.parametrize("wrong", [-1, 2**64, 1.0, "1", True, None, [1]])
def test_a_seed_that_is_no_64_bit_integer_is_refused_and_nothing_restarts(wrong: Any) -> None:
    nna.set_seed(9)
    next_key()
    with pytest.raises(ValueError, match=r"A seed is an integer of at least 0 and below 2\*\*64: received"):
        random.set_seed(wrong)
    if wrong is not None:
        with pytest.raises(ValueError, match="A seed is an integer"):
            SeedGenerator(wrong)
    assert next_key() == (9, 1)
