"""Random numbers under jit: drawn anew at each replay from a counter, or refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import metrics
from nnarray.layers import Dense, Layer
from nnarray.models import Sequential
from nnarray.optimizers import SGD
from nnarray.random import SeedGenerator, StepDraws, drawing
from nnarray.testing import assert_close
from tests.hosts import to_host, to_library

DRAWS: dict[str, Callable[[Any, Any], Any]] = {
    "uniform": lambda x, seed: nna.random.uniform((3, 2), -1.0, 2.0, seed=seed),
    "randint": lambda x, seed: nna.random.randint((5,), -3, 9, seed=seed),
    "normal": lambda x, seed: nna.random.normal((3, 2), 1.0, 2.0, seed=seed),
    "normal on the device": lambda x, seed: nna.random.normal((5,), on_device=True, seed=seed),
    "truncated_normal": lambda x, seed: nna.random.truncated_normal((30,), 1.0, 0.5, seed=seed),
    "shuffle": lambda x, seed: nna.random.shuffle(x, seed=seed),
    "dropout": lambda x, seed: nna.random.dropout(x, 0.5, seed=seed),
    "categorical": lambda x, seed: nna.random.categorical(x[None, :], 4, seed=seed),
}


@pytest.mark.parametrize("name", DRAWS)
def test_draws_are_functions_of_a_counter_that_is_an_argument(name: str, backend: str) -> None:
    space, seed = nna.namespace(backend), SeedGenerator(5)

    def f(x: Any, counter: Any) -> Any:
        with drawing(StepDraws(counter, x)):
            return [DRAWS[name](x, seed), DRAWS[name](x, seed)]

    x = to_library(np.linspace(0.0, 1.0, 40), space)
    jitted = nna.jit(f)
    seen = []
    for n in (3, 4, 3):
        found = jitted(x, space.asarray(n).value)
        assert_close(found, f(x, n))
        seen += [to_host(each) for each in found]
    assert not np.array_equal(seen[0], seen[1])
    assert not np.array_equal(seen[0], seen[2])
    np.testing.assert_array_equal(seen[0], seen[4])


@pytest.mark.parametrize("name", DRAWS)
def test_draws_that_would_be_frozen_are_refused(name: str) -> None:
    generator = SeedGenerator(0)
    for seed in (None, generator):
        with pytest.raises(nna.TracingError, match=r"SeedGenerator, made in __init__"):
            nna.jit(lambda x, seed=seed: DRAWS[name](x, seed))(np.linspace(0.0, 1.0, 40))
    assert generator.next() == 0
    # A seed of the user's own means the same numbers each time.
    jitted = nna.jit(lambda x: DRAWS[name](x, 7))
    x = np.linspace(0.0, 1.0, 40)
    assert_close(jitted(x), DRAWS[name](x, 7))


class Noise(Layer):
    """Adds numbers that a generator of its own draws, and multiplies by some that are always the same."""

    def __init__(self, always: bool = False) -> None:
        super().__init__()
        self.seed_generator = SeedGenerator(1)
        self.always = always

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training and not self.always:
            return inputs
        drawn = nna.random.normal(inputs.shape, dtype="float32", seed=self.seed_generator)
        scale = nna.random.uniform(inputs.shape, 0.5, 1.5, dtype="float32", seed=3)
        return scale * (drawn + inputs) + drawn


class _Shaken(metrics.Mean):
    def __init__(self) -> None:
        super().__init__(name="shaken")
        self.seed_generator = SeedGenerator(2)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        super().update_state(nna.random.uniform((4,), seed=self.seed_generator))


@pytest.mark.parametrize("place", ["numpy", "torch", "jax", "array_api_strict"])
def test_layers_and_metrics_with_generators_draw_other_numbers_at_each_step(place: str) -> None:
    pytest.importorskip(place)
    x = np.random.default_rng(0).normal(size=(37, 4))
    found = []
    for eagerly in (False, True):
        nna.set_seed(0)
        model = Sequential([Dense(3), Noise(always=True), Dense(1, use_bias=False)])
        model.compile(SGD(0.0), "mse", metrics=[_Shaken()], run_eagerly=eagerly, backend=place)
        history = model.fit(x, x.sum(1), epochs=3, batch_size=37, shuffle=False, verbose=0).history
        tested = [model.evaluate(x, x.sum(1), verbose=0) for _ in range(2)]
        predicted = [model.predict(x, verbose=0) for _ in range(2)]
        found.append([history["loss"], history["shaken"], *tested, *(np.asarray(each)[:, 0] for each in predicted)])
    for plan, eager in zip(*found, strict=True):
        np.testing.assert_allclose(plan, eager, rtol=2e-4, atol=1e-5)
    losses, shaken, *others = found[0]
    assert len(set(losses)) == len(set(shaken)) == 3
    assert others[0] != others[1]
    assert not np.allclose(others[2], others[3])


def test_draws_on_the_left_keep_the_tape_under_jit(backend: str) -> None:
    library, seed = nna.namespace(backend), SeedGenerator(4)

    def f(w: Any, counter: Any) -> Any:
        with drawing(StepDraws(counter, w)):
            drawn = nna.random.uniform((3,), dtype="float64", seed=seed)
            return library.sum(drawn * w * w + drawn)

    w, n = library.asarray(np.arange(3.0)).value, library.asarray(2).value
    expected = nna.grad(f)(w, 2)
    assert_close(nna.jit(nna.grad(f))(w, n), expected)
    assert_close(nna.grad(nna.jit(f))(w, n), expected)


@pytest.mark.parametrize("counter", [np.asarray(3), np.int64(3), nna.namespace("numpy").asarray(3)])
def test_a_counter_may_be_an_array(counter: Any) -> None:
    seed = SeedGenerator(5)
    with drawing(StepDraws(3, None)):
        expected = nna.random.uniform((2,), seed=seed)
    with drawing(StepDraws(counter, None)):
        np.testing.assert_array_equal(nna.random.uniform((2,), seed=seed), expected)


def test_a_counter_is_an_integer() -> None:
    with pytest.raises(TypeError):
        StepDraws(2.5, None)
    with pytest.raises(TypeError, match="an integer"):
        nna.jit(lambda n: StepDraws(n, None) and n)(np.asarray(2.5))
