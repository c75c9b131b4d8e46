"""A layer that is built stays built, and weights are set all or none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import layers
from nnarray.layers import Dense, Layer
from nnarray.models import Sequential
from tests.nets import X, Y, both_ways, of_call, same


def test_building_again_or_calling_makes_no_second_weights() -> None:
    dense = Dense(2)
    dense.build((1, 3))
    kernel = dense.kernel
    dense.set_weights([np.ones((3, 2)), np.zeros(2)])
    np.testing.assert_array_equal(dense(np.ones((1, 3))), [[3.0, 3.0]])
    dense.build((1, 3))
    dense.build((None, 7))
    assert dense.kernel is kernel
    assert len(dense.weights) == 2


class _Builds(Layer):
    def build(self, input_shape: Any) -> None:
        self.inner = Dense(2)
        self.inner.build(input_shape)
        self.last = Dense(2)
        self.last.build((None, 2))
        self.own = self.add_weight((1,), name="own")

    def call(self, inputs: Any) -> Any:
        return self.last(self.inner(inputs))


class _BuildsMore(_Builds):
    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.more = self.add_weight((input_shape[-1],), name="more")


class _SaysSoFirst(Layer):
    def build(self, input_shape: Any) -> None:
        self.built = True
        self.own = self.add_weight((input_shape[-1],))

    def call(self, inputs: Any) -> Any:
        return inputs * self.own.value


class _AsksTheBaseFirst(_SaysSoFirst):
    def build(self, input_shape: Any) -> None:
        Layer.build(self, input_shape)
        self.own = self.add_weight((input_shape[-1],))


@pytest.mark.parametrize(
    ("make", "count"),
    [(_Builds, 5), (_BuildsMore, 6), (_SaysSoFirst, 1), (_AsksTheBaseFirst, 1), (lambda: Dense(2), 2)],
)
def test_layers_have_their_weights_once_in_whatever_order_they_are_built_and_called(make: Any, count: int) -> None:
    built, called, stacked = make(), make(), Sequential([make()])
    built.build((None, 3))
    called(np.ones((1, 3)))
    stacked.build((None, 3))
    for layer in (built, called, stacked):
        layer(np.ones((1, 3)))
        layer.build((None, 3))
        assert len(layer.weights) == count
        assert layer.built


def test_a_build_that_failed_may_be_tried_again() -> None:
    class Fails(Layer):
        fails = True

        def build(self, input_shape: Any) -> None:
            self.own = self.add_weight((input_shape[-1],))
            if self.fails:
                raise RuntimeError("not yet")

        def call(self, inputs: Any) -> Any:
            return inputs * self.own.value

    layer = Fails()
    with pytest.raises(RuntimeError, match="not yet"):
        layer(np.ones((1, 3)))
    layer.fails = False
    layer(np.ones((1, 3)))
    assert len(layer.weights) == 1


class _Table(Layer):
    def build(self, input_shape: Any) -> None:
        self.table = self.add_weight((5, 2), name="table")

    def call(self, inputs: Any) -> Any:
        xp = nna.array_namespace(inputs)
        rows = xp.take(self.table.value, xp.reshape(inputs, (-1,)), axis=0)
        return xp.reshape(rows, (inputs.shape[0], 2 * inputs.shape[1]))


@both_ways
@pytest.mark.parametrize("library", ["numpy", "array_api_strict", "torch"])
@pytest.mark.parametrize("kind", ["stack", "class", "symbols"])
def test_models_of_indices_are_built_for_integers(kind: str, library: str, eagerly: bool) -> None:
    pytest.importorskip(library)
    x, y = np.arange(40).reshape(10, 4) % 5, np.ones((10, 1))
    symbol = layers.Input((4,), dtype="int64")
    model = {
        "stack": lambda: Sequential([_Table(), Dense(1)]),
        "class": lambda: of_call(lambda m, x: m.dense(m.table(x)), table=_Table(), dense=Dense(1)),
        "symbols": lambda: nna.models.Model(symbol, Dense(1)(_Table()(symbol))),
    }[kind]()
    model.compile("adam", "mse", run_eagerly=eagerly, backend=library)
    losses = model.fit(x, y, epochs=2, batch_size=10, verbose=0).history["loss"]
    assert losses[1] < losses[0]
    assert model.predict(x, verbose=0).shape == (10, 1)
    assert np.asarray(model(x)).shape == (10, 1)


@pytest.mark.parametrize("owner", [lambda: Dense(2), lambda: Sequential([Dense(2)])])
@pytest.mark.parametrize(
    "bad",
    [
        np.ones(3),
        np.array([1j, 2.0]),
        np.array([None, 1], dtype=object),
        None,
        ["a", "b"],
        "ab",
        np.array(["1", "2"]),
        [[1, 2], [3]],
        {},
    ],
    ids=repr,
)
def test_weights_are_set_all_or_none(owner: Any, bad: Any) -> None:
    layer = owner()
    layer.build((None, 3))
    before = layer.get_weights()
    for weights in ([np.ones((3, 2)), bad], [np.ones((3, 2))], [np.ones((3, 2)), np.ones(2), 1]):
        with pytest.raises(ValueError, match=r"has shape|real numbers|2 weights|inhomogeneous"):
            layer.set_weights(weights)
        assert same(before, layer.get_weights())
    layer.set_weights([np.ones((3, 2)).tolist(), [1, 2]])
    assert layer.get_weights()[1].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("library", ["numpy", "array_api_strict", "torch"])
@pytest.mark.parametrize(
    "bad", [np.ones((3, 2), complex), np.full((3, 2), None), None, np.full((3, 2), "a"), [[1], [2, 3]], np.ones(2)]
)
def test_a_variable_is_assigned_real_numbers_of_its_shape_or_nothing(bad: Any, library: str) -> None:
    pytest.importorskip(library)
    layer = Sequential([Dense(2, input_dim=3)], backend=library).layers[0]
    before = layer.get_weights()
    with pytest.raises(ValueError, match=r"has shape|real numbers|inhomogeneous"):
        layer.kernel.assign(bad)
    assert same(before, layer.get_weights())
    layer.kernel.assign(np.ones((3, 2), ">f8"))
    assert layer.get_weights()[0].tolist() == [[1.0, 1.0]] * 3


@both_ways
def test_sublayers_that_their_owner_builds_late_are_trained_from_the_first_step(eagerly: bool) -> None:
    model = Sequential([_Builds(), Dense(1)])
    model.compile("sgd", "mse", run_eagerly=eagerly)
    model.fit(X, Y, verbose=0)
    assert all(np.any(variable.numpy() != 0) for variable in model.variables)
