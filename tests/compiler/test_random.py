"""Random numbers under jit: drawn anew at each replay from a counter, or refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nnarray as nna
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
    """Adds to training examples what a generator of its own draws."""

    def __init__(self) -> None:
        super().__init__()
        self.seed_generator = SeedGenerator(1)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training:
            return inputs
        return inputs + nna.random.normal(inputs.shape, dtype="float32", seed=self.seed_generator)


def test_a_layer_with_a_generator_draws_other_numbers_at_each_step(backend: str) -> None:
    x = np.random.default_rng(0).normal(size=(37, 4))
    losses = []
    for eagerly in (False, True):
        nna.set_seed(0)
        model = Sequential([Noise(), Dense(1, use_bias=False)])
        model.compile(SGD(0.0), "mse", run_eagerly=eagerly, backend=backend)
        history = model.fit(x, x.sum(1), epochs=3, batch_size=37, shuffle=False, verbose=0)
        losses.append(history.history["loss"])
        model.evaluate(x, x.sum(1), verbose=0)
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)
    assert len(set(losses[0])) == 3
