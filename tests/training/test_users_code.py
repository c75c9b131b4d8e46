"""What a user overrides is what is trained and evaluated, and a model is the same however it is written."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import activations, layers, losses, models
from nnarray.models import Model, Sequential
from tests.nets import X, Y, both_ways, dense, of_call


def _half_sigmoid(z: Any) -> Any:
    return activations.sigmoid(z / 2)


_half_sigmoid.__name__ = "sigmoid"


class _OwnDense(layers.Dense):
    def call(self, inputs: Any) -> Any:
        return super().call(inputs) * 0.5 + 0.25


class _OwnStack(Sequential):
    def call(self, inputs: Any) -> Any:
        return super().call(inputs) * 0.5 + 0.25


class _Squared(layers.Activation):
    def call(self, inputs: Any) -> Any:
        return super().call(inputs) ** 2


class _Applies:
    def __call__(self, z: Any) -> Any:
        return activations.sigmoid(z) * 0.5 + 0.25

    def halved(self, z: Any) -> Any:
        return activations.sigmoid(z) * 0.5


_NETWORKS = {
    "a function called sigmoid": lambda: [layers.Dense(1, _half_sigmoid, input_dim=3)],
    "a subclass of Dense": lambda: [_OwnDense(1, "sigmoid", input_dim=3)],
    "a subclass of Activation": lambda: [layers.Dense(1, input_dim=3), _Squared("sigmoid")],
    "a layer after the sigmoid": lambda: [layers.Dense(1, "sigmoid", input_dim=3), layers.Activation(lambda p: 1 - p)],
    "a partial": lambda: [layers.Dense(1, functools.partial(_half_sigmoid), input_dim=3)],
    "a callable object": lambda: [layers.Dense(1, _Applies(), input_dim=3)],
    "a bound method": lambda: [layers.Dense(1, _Applies().halved, input_dim=3)],
    "a layer": lambda: [layers.Dense(1, layers.Activation(_half_sigmoid), input_dim=3)],
}


@both_ways
@pytest.mark.parametrize("name", [*_NETWORKS, "a subclass of Sequential"])
def test_the_loss_is_that_of_the_predictions_whatever_ends_the_model(name: str, eagerly: bool) -> None:
    nna.set_seed(0)
    stack = _NETWORKS.get(name)
    model = Sequential(stack()) if stack else _OwnStack([layers.Dense(1, "sigmoid", input_dim=3)])
    model.compile("sgd", "binary_crossentropy", run_eagerly=eagerly)
    p = model.predict(X, verbose=0).astype("float64")
    expected = -np.mean(Y * np.log(p) + (1 - Y) * np.log(1 - p))
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(expected, rel=1e-5)
    assert model.fit(X, Y, batch_size=24, verbose=0).history["loss"] == [pytest.approx(expected, rel=1e-5)]
    assert model.evaluate(X, Y, verbose=0) < expected


class _HalfEntropy(losses.BinaryCrossentropy):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return 0.5 * super().call(y_true, y_pred)


class _SquaredInstead(losses.BinaryCrossentropy):
    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return nna.array_namespace(y_pred).mean((y_true - y_pred) ** 2)


class _Absolute(losses.MeanSquaredError):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return nna.array_namespace(y_pred).mean(abs(y_true - y_pred), axis=-1)


@both_ways
@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (_HalfEntropy, lambda y, p: 0.5 * -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))),
        (_SquaredInstead, lambda y, p: np.mean((y - p) ** 2)),
        (_Absolute, lambda y, p: np.mean(abs(y - p))),
    ],
)
def test_a_loss_that_overrides_a_built_in_one_is_what_is_trained(loss: Any, expected: Any, eagerly: bool) -> None:
    model = dense(1, "sigmoid")
    model.compile("sgd", loss(), run_eagerly=eagerly)
    value = expected(Y, model.predict(X, verbose=0).astype("float64"))
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(value, rel=1e-5)
    assert model.fit(X, Y, batch_size=24, verbose=0).history["loss"] == [pytest.approx(value, rel=1e-5)]


def _of_symbols(tail: Any) -> Any:
    x = layers.Input((1,))
    return Model(x, tail(x))


_SATURATED = {
    "a stack": lambda: Sequential([layers.Dense(1, "sigmoid", input_dim=1)]),
    "a stack in a stack": lambda: Sequential([Sequential([layers.Dense(1, "sigmoid", input_dim=1)])]),
    "a layer of its own": lambda: Sequential([layers.Dense(1, input_dim=1), layers.Activation("sigmoid")]),
    "a class": lambda: of_call(lambda m, x: m.out(x), out=layers.Dense(1, "sigmoid")),
    "a class with a function": lambda: of_call(lambda m, x: activations.sigmoid(m.out(x)), out=layers.Dense(1)),
    "a class with a layer": lambda: of_call(
        lambda m, x: m.end(m.out(x)), out=layers.Dense(1), end=layers.Activation("sigmoid")
    ),
    "symbols": lambda: _of_symbols(layers.Dense(1, "sigmoid")),
    "symbols and a function": lambda: _of_symbols(lambda x: activations.sigmoid(layers.Dense(1)(x))),
    "symbols and a layer": lambda: _of_symbols(lambda x: layers.Activation("sigmoid")(layers.Dense(1)(x))),
    "symbols and a stack": lambda: _of_symbols(Sequential([layers.Dense(1, "sigmoid")])),
}


@both_ways
@pytest.mark.parametrize("name", _SATURATED)
def test_a_saturated_sigmoid_has_the_loss_and_slope_of_its_logits_however_the_model_is_written(
    name: str, eagerly: bool
) -> None:
    model = _SATURATED[name]()
    model.build((None, 1))
    model.set_weights([[[50.0]], [0.0]])
    model.compile("sgd", "binary_crossentropy", run_eagerly=eagerly)
    x, y = np.ones((1, 1), "float32"), np.zeros((1, 1), "float32")
    assert model.evaluate(x, y, verbose=0) == pytest.approx(50.0)
    assert model.fit(x, y, verbose=0).history["loss"] == [pytest.approx(50.0)]
    np.testing.assert_allclose(model.get_weights()[1], [-0.01], rtol=1e-5)


@both_ways
def test_layers_with_weights_as_activations_are_built_and_trained(eagerly: bool) -> None:
    class Slopes(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.slope = self.add_weight((input_shape[-1],), "ones", name="slope")

        def call(self, inputs: Any) -> Any:
            return nna.array_namespace(inputs).where(inputs > 0, inputs, inputs * self.slope.value)

    class Late(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

    model = Sequential(
        [layers.Dense(4, Slopes(), input_dim=3), layers.Activation(Late()), layers.Dense(2, layers.Dense(1))]
    )
    assert (len(model.weights), model.output_shape) == (9, (None, 1))
    model.compile("sgd", "mse", run_eagerly=eagerly)
    before = model.get_weights()
    model.fit(X, Y, verbose=0)
    assert model.predict(X, verbose=0).shape == (24, 1)
    assert all(np.any(a != b) for a, b in zip(before, model.get_weights(), strict=True))


@both_ways
def test_layers_that_are_used_in_training_only_are_there_before_it(eagerly: bool) -> None:
    class Noisy(models.Model):
        def __init__(self) -> None:
            super().__init__()
            self.main, self.aside = layers.Dense(1), layers.Dense(1)

        def call(self, inputs: Any, training: bool = False) -> Any:
            return self.main(inputs) + self.aside(inputs) if training else self.main(inputs)

    model = Noisy()
    model.compile("sgd", "mse", run_eagerly=eagerly)
    model.fit(X, Y, verbose=0)
    assert [variable.path for variable in model.variables] == ["main/kernel", "main/bias", "aside/kernel", "aside/bias"]
