"""Seeds and keys: what repeats, what never does, and what is refused."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import random
from nnarray.random import SeedGenerator, key_from_seed, next_key, preserved_keys, seeded, stream_from_seed, uniform


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


def in_threads(count: int, run: Callable[[], Any]) -> list[Any]:
    """Return what a function returns in threads that begin together."""
    found: list[Any] = []
    barrier = threading.Barrier(count)

    def body() -> None:
        barrier.wait()
        found.append(run())

    threads = [threading.Thread(target=body) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let threads take turns as often as they can."""
    import sys

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_draws_in_several_threads_never_give_the_same_key(often: None) -> None:
    nna.set_seed(5)
    found = in_threads(4, lambda: [next_key() for _ in range(5000)])
    assert sorted(key for keys in found for key in keys) == [(5, n) for n in range(20_000)]


def test_a_seed_generator_gives_several_threads_other_counts(often: None) -> None:
    seed = SeedGenerator(1)
    found = in_threads(4, lambda: [seed.next() for _ in range(5000)])
    assert sorted(n for counts in found for n in counts) == list(range(20_000))
    assert copy.deepcopy(seed).next() == pickle.loads(pickle.dumps(seed)).next() == 20_000


def test_a_seeded_block_draws_as_after_set_seed_and_leaves_no_trace() -> None:
    nna.set_seed(3)
    expected = [uniform((2,)), uniform((2,))]
    nna.set_seed(4)
    assert next_key() == (4, 0)
    with seeded(3):
        for numbers in expected:
            np.testing.assert_array_equal(uniform((2,)), numbers)
        assert next_key() == (3, 2)
        with seeded(9):
            assert next_key() == (9, 0)
        assert next_key() == (3, 3)
    assert next_key() == (4, 1)


def test_a_seeded_block_ends_with_an_error_and_restarts_by_itself() -> None:
    nna.set_seed(4)

    def fail() -> None:
        with seeded(1):
            next_key()
            nna.set_seed(7)
            assert next_key() == (7, 0)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert next_key() == (4, 0)


def test_seeded_decorates_a_function_that_then_draws_the_same_at_each_call() -> None:
    nna.set_seed(4)
    draw = seeded(2)(lambda: next_key())
    assert [draw(), draw()] == [(2, 0), (2, 0)]
    assert next_key() == (4, 0)


def test_each_thread_has_seeded_blocks_of_its_own(often: None) -> None:
    nna.set_seed(6)

    def run() -> list[Any]:
        with seeded(1):
            return [next_key() for _ in range(2000)]

    with seeded(2):
        assert in_threads(3, run) == [[(1, n) for n in range(2000)]] * 3
        assert in_threads(1, next_key) == [(6, 0)]
        assert next_key() == (2, 0)


def test_keys_that_others_take_meanwhile_are_not_given_again() -> None:
    nna.set_seed(1)
    with preserved_keys():
        assert next_key() == (1, 0)
        assert in_threads(1, next_key) == [(1, 0)]
    assert next_key() == (1, 1)


@pytest.mark.parametrize("wrong", [-1, 2**64, 1.0, "1", True, None, [1]])
def test_a_seeded_block_refuses_what_is_no_seed(wrong: Any) -> None:
    nna.set_seed(9)
    with (
        pytest.raises(ValueError, match=r"A seed is an integer of at least 0 and below 2\*\*64: received"),
        seeded(wrong),
    ):
        pass
    assert next_key() == (9, 0)


def test_a_model_trained_in_a_seeded_block_is_the_same_each_time() -> None:
    from nnarray import layers, models

    x, y = np.ones((20, 2), "float32"), np.ones((20, 1), "float32")

    @seeded(5)
    def train() -> list[np.ndarray]:
        model = models.Sequential([layers.Dense(3, input_dim=2), layers.Dropout(0.5), layers.Dense(1)])
        model.compile(loss="mse", optimizer="sgd")
        model.fit(x, y, epochs=2, batch_size=7, verbose=0)
        return model.get_weights()

    first = train()
    next_key()
    for a, b in zip(first, train(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.raw_operators
def test_an_integer_is_found_in_whatever_holds_one(xp: Any, device: Any) -> None:
    from nnarray.backends import integer_of

    index = xp.asarray(3, dtype=xp.int64, device=device)
    assert integer_of(index) == integer_of(np.uint8(3)) == integer_of(3) == 3
    assert type(integer_of(index)) is int
    assert key_from_seed(index) == key_from_seed(3)
    x = nna.namespace(xp).asarray(xp.arange(5, dtype=xp.float32, device=device))
    assert float(x[index]) == 3.0
    assert x[:index].shape == x[1 : index + 1].shape == (3,)
    assert list(range(5))[nna.namespace(xp).asarray(index)] == 3
    for wrong in (1.5, "1", None, [1], xp.asarray(1.5, device=device)):
        with pytest.raises(TypeError):
            integer_of(wrong)
