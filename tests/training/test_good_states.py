"""Weights that training hands back give a finite loss, or an error has said why and they are those from before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import layers, optimizers
from nnarray.models import Sequential
from nnarray.training import NonFiniteLossError
from tests.nets import X, Y, both_ways, same


class _OfWeight(layers.Layer):
    """One weight, and a function of it that overflows, or has no value, without the weight growing."""

    def __init__(self, function: Any) -> None:
        super().__init__(input_dim=3)
        self.function = function

    def build(self, input_shape: Any) -> None:
        self.weight = self.add_weight((1,), "ones", name="weight")

    def call(self, inputs: Any) -> Any:
        return self.function(nna.array_namespace(inputs), self.weight.value, inputs[:, :1])


_FUNCTIONS = {
    "logarithm": lambda xp, w, x: xp.log(w) * x,
    "root": lambda xp, w, x: xp.sqrt(w) * x,
    "exponential": lambda xp, w, x: xp.exp(w * x * 10.0),
    "pole": lambda xp, w, x: x + (w - 0.9) ** -9,
}


def _trained(model: Any, how: str, x: Any, y: Any) -> str:
    """Return what became of training in some way."""
    with np.errstate(all="ignore"):
        try:
            if how == "batches":
                for _ in range(4):
                    model.train_on_batch(x, y)
            else:
                held = (x, y) if how == "validated" else None
                model.fit(x, y, batch_size=24, epochs=3 if how == "epochs" else 1, verbose=0, validation_data=held)
        except NonFiniteLossError:
            return "refused"
        return "trained"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@both_ways
@pytest.mark.parametrize("how", ["epoch", "epochs", "validated", "batches"])
@pytest.mark.parametrize("name", _FUNCTIONS)
def test_weights_that_are_handed_back_give_a_finite_loss(name: str, how: str, eagerly: bool) -> None:
    x = abs(X) + 0.1
    outcomes = set()
    for rate in (0.01, 0.1, 1.0, 3.0):
        for target in (-5.0, 9.0):
            model = Sequential([_OfWeight(_FUNCTIONS[name])])
            model.compile(optimizers.SGD(rate), "mse", run_eagerly=eagerly)
            with np.errstate(all="ignore"):
                first = model.evaluate(x, Y * 0 + target, verbose=0)
                outcomes.add(_trained(model, how, x, Y * 0 + target))
                loss = model.evaluate(x, Y * 0 + target, verbose=0)
            assert np.isfinite(loss) or not np.isfinite(first)
    assert ("refused" in outcomes) == (name in ("logarithm", "root"))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@both_ways
@pytest.mark.parametrize("epochs", [1, 2, 6])
@pytest.mark.parametrize("batch_size", [24, 8])
@pytest.mark.parametrize("optimizer", [optimizers.SGD(1e9), optimizers.SGD(1e38), optimizers.Adam(1e30)])
def test_fit_that_diverges_says_so_and_the_weights_are_good(
    optimizer: Any, batch_size: int, epochs: int, eagerly: bool
) -> None:
    nna.set_seed(0)
    model = Sequential([layers.Dense(4, "relu", input_dim=3), layers.Dense(1)])
    model.compile(type(optimizer).from_config(optimizer.get_config()), "mse", run_eagerly=eagerly)
    with np.errstate(all="ignore"):
        with pytest.raises(NonFiniteLossError, match="The weights are back at"):
            model.fit(X * 100, Y, batch_size=batch_size, epochs=epochs, verbose=0)
        assert np.isfinite(model.evaluate(X * 100, Y, verbose=0))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@both_ways
def test_a_batch_that_shows_the_last_step_was_bad_goes_back_before_it(eagerly: bool) -> None:
    # The step from 1 to 0.96 is small, and the function has no value below 0.97.
    model = Sequential([_OfWeight(lambda xp, w, x: 0.01 * xp.log(w - 0.97) + 0 * x)])
    model.compile(optimizers.SGD(0.12), lambda t, p: p, run_eagerly=eagerly)
    with np.errstate(all="ignore"):
        model.train_on_batch(X, Y)
        with pytest.raises(NonFiniteLossError, match="values before the last step"):
            model.train_on_batch(X, Y)
    assert model.get_weights()[0][0] == 1.0
    assert int(model.optimizer.iterations) == 0


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@both_ways
def test_after_a_refused_batch_training_goes_on_with_the_rate_that_is_set_then(eagerly: bool) -> None:
    model = Sequential([layers.Dense(1, input_dim=3)])
    model.compile(optimizers.SGD(1e20), "mse", run_eagerly=eagerly)
    before = model.get_weights()
    with np.errstate(all="ignore"), pytest.raises(NonFiniteLossError, match="values before the step"):
        model.train_on_batch(X, Y)
    assert same(before, model.get_weights())
    model.optimizer.learning_rate = 0.1
    losses = [model.train_on_batch(X, Y) for _ in range(20)]
    assert losses[-1] < losses[0]
    assert float(model.optimizer.learning_rate) == pytest.approx(0.1)


@both_ways
def test_weights_that_are_set_between_batches_are_not_taken_back(eagerly: bool) -> None:
    model = Sequential([layers.Dense(1, input_dim=3)])
    model.compile("sgd", "mse", run_eagerly=eagerly)
    model.train_on_batch(X, Y)
    bad = [np.full((3, 1), 1e30, "float32"), np.zeros(1, "float32")]
    model.set_weights(bad)
    with np.errstate(all="ignore"), pytest.raises(NonFiniteLossError):
        model.train_on_batch(X, Y)
    assert same(bad, model.get_weights())
