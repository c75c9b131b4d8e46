"""Models and layers that the tests of `crosscheck` compare across backends."""

from __future__ import annotations

from typing import Any

import numpy as np

import nnarray as nna
from nnarray import layers, models
from nnarray.layers import Layer
from nnarray.testing import CrossCheck
from nnarray.testing.plugin import places

X = np.random.default_rng(0).standard_normal((24, 3)).astype("float32")
Y = (X[:, 0] > 0).astype("float32")
STRICT = "array_api_strict"
INSTALLED = [(place.backend, place.device) for place in places("available").taken]
PAIR = ["numpy", STRICT]


class Odd(Layer):
    """Does something else on one library."""

    def __init__(self, odd: Any, library: str = STRICT, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.odd = odd
        self.library = library

    def call(self, inputs: Any) -> Any:
        xp = nna.array_namespace(inputs)
        return self.odd(inputs, xp) if self.library in xp.__name__ else 2.0 * inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


def refuse(x: Any, xp: Any) -> Any:
    raise NotImplementedError("no such kernel.\nBuild it.")


class Residual(Layer):
    def __init__(self, inner: Layer, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, inputs: Any) -> Any:
        return inputs + self.inner(inputs)


class Twice(models.Model):
    def __init__(self, odd: Layer | None = None) -> None:
        super().__init__(name="twice")
        self.dense = layers.Dense(3, "tanh", name="dense")
        self.block = Residual(odd or layers.Dense(3, name="inner"), name="block")
        self.head = models.Sequential([layers.Dropout(0.5, name="dropout"), layers.Dense(1, name="last")], name="head")

    def call(self, inputs: Any) -> Any:
        return self.head(self.block(self.dense(self.dense(inputs))))


class Counted(Layer):
    """Sums its inputs, and keeps how often it was called."""

    def build(self, input_shape: Any) -> None:
        self.count = self.add_weight((), "zeros", trainable=False, name="count")

    def call(self, inputs: Any) -> Any:
        xp = nna.array_namespace(inputs)
        self.count.assign(self.count.value + (2.0 if STRICT in xp.__name__ else 1.0))
        return inputs


def network(*extra: Layer, compiled: bool = True) -> models.Sequential:
    nna.set_seed(3)
    model = models.Sequential(
        [
            layers.Dense(4, "relu", input_dim=3, name="first"),
            *extra,
            layers.Dense(5, "tanh", name="second"),
            layers.Dense(1, "sigmoid", name="last"),
        ],
        name="net",
    )
    if compiled:
        model.compile("adam", "binary_crossentropy")
    return model


def names(report: CrossCheck, kind: str) -> list[str]:
    return [row.name for row in report.rows if row.kind == kind]


def found(report: CrossCheck, backend: str = STRICT) -> tuple[str, str]:
    row = report.first[backend]
    assert row is not None
    return row.name, row.kind
