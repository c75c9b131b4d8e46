"""Models that tests of files save, and whether two models are the same."""

from __future__ import annotations

from typing import Any

import numpy as np

import nnarray as nna
from nnarray import layers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 6)).astype(np.float32)
Y = RNG.integers(0, 3, size=40)


@nna.utils.register_keras_serializable("tests")
class Scale(layers.Layer):
    def __init__(self, factor: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight((input_shape[-1],), "ones", name="scale")

    def call(self, inputs: Any) -> Any:
        return inputs * self.scale * self.factor


@nna.utils.register_keras_serializable("tests")
class Own(nna.Model):
    """Layers in lists, a weight of its own, and one layer used twice."""

    def __init__(self, units: int = 5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.hidden = [layers.Dense(units, activation="tanh"), layers.Dropout(0.25), Scale(2.0)]
        self.twice = layers.Dense(units)
        self.head = layers.Dense(3)

    def call(self, inputs: Any, training: bool = False) -> Any:
        for layer in self.hidden:
            inputs = layer(inputs)
        return self.head(self.twice(self.twice(inputs)))


def sequential(declared: bool = True) -> Any:
    shape = {"input_shape": (6,)} if declared else {}
    return nna.Sequential(
        [layers.Dense(5, "relu", kernel_regularizer="l2", **shape), layers.Dropout(0.25), layers.Dense(3)]
    )


def of_symbols() -> Any:
    symbol = layers.Input((6,), name="features")
    hidden = layers.Dense(5, "tanh", name="hidden")(symbol)
    hidden = layers.Dropout(0.25)(hidden)
    return nna.Model(symbol, layers.Dense(3)(nna.activations.relu(hidden) + hidden * 0.5))


MODELS = {
    "sequential": sequential,
    "undeclared": lambda: sequential(declared=False),
    "symbols": of_symbols,
    "own": Own,
    "nested": lambda: nna.Sequential([layers.Input((6,)), sequential(), Scale(), layers.Dense(3)]),
}


def compiled(model: Any, optimizer: Any = None, **kwargs: Any) -> Any:
    loss = nna.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer or nna.optimizers.Adam(0.01), loss, metrics=["accuracy"], **kwargs)
    return model


def same(model: Any, other: Any) -> None:
    mine, theirs = (x.structure()[1] for x in (model, other))
    assert list(mine) == list(theirs)
    for path, variable in mine.items():
        np.testing.assert_array_equal(variable.numpy(), theirs[path].numpy())
        assert (variable.dtype, variable.trainable) == (theirs[path].dtype, theirs[path].trainable)
