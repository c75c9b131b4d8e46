"""What is frozen rests, what is unfrozen goes on where it stopped, and what is new begins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import layers, optimizers
from nnarray.models import Sequential
from tests.nets import X, Y, both_ways, of_call, same


class _Bowl(layers.Layer):
    """The sum of the squares of its weights: each part of a sum of such has a course of its own."""

    def build(self, input_shape: Any) -> None:
        self.weight = self.add_weight((2,), "ones", name="weight")

    def call(self, inputs: Any) -> Any:
        return nna.array_namespace(inputs).sum(self.weight.value**2) + 0 * inputs[:, :1]


_OPTIMIZERS = {
    "adam": lambda: optimizers.Adam(0.01),
    "amsgrad": lambda: optimizers.Adam(0.01, amsgrad=True),
    "momentum": lambda: optimizers.SGD(0.1, momentum=0.9),
    "nesterov": lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    "rmsprop": lambda: optimizers.RMSprop(0.01, momentum=0.5),
}


def _course(name: str, eagerly: bool, frozen: range) -> np.ndarray:
    """Return the weights of two bowls after each of eight steps, in some of which the second is frozen."""
    model = of_call(lambda m, x: m.first(x) + m.second(x), first=_Bowl(), second=_Bowl())
    model.compile(_OPTIMIZERS[name](), lambda t, p: p, run_eagerly=eagerly)
    course = []
    for step in range(8):
        model.second.trainable = step not in frozen
        model.train_on_batch(X[:4], Y[:4])
        course.append([weight[0] for weight in model.get_weights()])
    assert int(model.optimizer.iterations) == 8
    return np.asarray(course)


@both_ways
@pytest.mark.parametrize("name", _OPTIMIZERS)
def test_what_is_frozen_rests_and_goes_on_where_it_stopped_and_the_rest_does_not_notice(
    name: str, eagerly: bool
) -> None:
    whole, broken = _course(name, eagerly, range(0)), _course(name, eagerly, range(3, 6))
    np.testing.assert_allclose(broken[:, 0], whole[:, 0], rtol=1e-6)
    np.testing.assert_array_equal(broken[2:6, 1], broken[2, 1])
    np.testing.assert_allclose(broken[6:, 1], whole[3:5, 1], rtol=1e-6)


@both_ways
@pytest.mark.parametrize("name", _OPTIMIZERS)
def test_what_is_unfrozen_for_the_first_time_has_its_first_step_then(name: str, eagerly: bool) -> None:
    whole, late = _course(name, eagerly, range(0)), _course(name, eagerly, range(4))
    np.testing.assert_allclose(late[4:, 1], whole[:4, 1], rtol=1e-6)


@both_ways
def test_layers_that_are_added_after_training_take_first_steps_and_the_others_go_on(eagerly: bool) -> None:
    nna.set_seed(0)
    model = Sequential([layers.Dense(4, "tanh", input_dim=3), layers.Dense(1)])
    model.compile(optimizers.Adam(0.01), "mse", run_eagerly=eagerly)
    for _ in range(5):
        model.train_on_batch(X, Y)
    model.add(layers.Dense(1))
    before = model.get_weights()
    model.train_on_batch(X, Y)
    steps = [float(np.max(abs(a - b))) for a, b in zip(before, model.get_weights(), strict=True)]
    assert max(steps[:4]) < 0.0105
    np.testing.assert_allclose(steps[4:], 0.01, rtol=1e-3)
    assert int(model.optimizer.iterations) == 6


def test_an_optimizer_belongs_to_one_model_until_that_has_another() -> None:
    first, second = (Sequential([layers.Dense(1, input_dim=3)]) for _ in range(2))
    optimizer = optimizers.Adam()
    first.compile(optimizer, "mse")
    second.compile(optimizer, "mse")
    first.fit(X, Y, verbose=0)
    before = second.get_weights()
    for train in (second.fit, second.train_on_batch):
        with pytest.raises(ValueError, match="belongs to 'sequential"):
            train(X, Y)
    assert same(before, second.get_weights())
    first.compile("sgd", "mse")
    second.fit(X, Y, verbose=0)
    assert not same(before, second.get_weights())


@both_ways
def test_two_models_take_turns_with_a_part_that_one_of_them_freezes(eagerly: bool) -> None:
    nna.set_seed(0)
    maker = Sequential([layers.Dense(2, "tanh", input_dim=3)])
    judge = Sequential([layers.Dense(4, "tanh", input_dim=2), layers.Dense(1, "sigmoid")])
    judge.compile("adam", "binary_crossentropy", run_eagerly=eagerly)
    both = Sequential([maker, judge])
    both.compile("adam", "binary_crossentropy", run_eagerly=eagerly)
    for _ in range(3):
        judge.trainable = True
        made, seen = maker.get_weights(), judge.get_weights()
        judge.train_on_batch(maker.predict(X, verbose=0), Y)
        assert same(made, maker.get_weights())
        assert not same(seen, judge.get_weights())
        judge.trainable = False
        made, seen = maker.get_weights(), judge.get_weights()
        both.train_on_batch(X, Y)
        assert not same(made, maker.get_weights())
        assert same(seen, judge.get_weights())
    assert (int(judge.optimizer.iterations), int(both.optimizer.iterations)) == (3, 3)
