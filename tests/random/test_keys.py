"""Seeds and keys: what repeats, what never does, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import random
from nnarray.random import SeedGenerator, key_from_seed, next_key, preserved_keys, stream_from_seed


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


def test_an_integer_gives_one_stream_a_generator_its_next_and_none_the_process_s_next() -> None:
    nna.set_seed(4)
    seed = SeedGenerator(5)
    assert [stream_from_seed(5) for _ in range(2)] == [((5, 2**64 - 1), (0, 0))] * 2
    assert [stream_from_seed(seed) for _ in range(2)] == [((5, 2**64 - 1), (0, 0)), ((5, 2**64 - 1), (1, 0))]
    assert [stream_from_seed(None) for _ in range(2)] == [((4, 0), (0, 0)), ((4, 1), (0, 0))]


def test_a_seed_generator_is_made_again_from_its_config() -> None:
    made = SeedGenerator(7, name="masks")
    made.next()
    again = SeedGenerator.from_config(made.get_config())
    assert (again.key, again.name, again.next()) == (made.key, "masks", 0)
