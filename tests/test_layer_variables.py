"""Layers: which variables belong to them, freezing, sharing, and setting weights."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray.layers import Dense, Layer
from nnarray.variables import Variable
from tests.hosts import to_host, to_library

X = np.ones((4, 3), dtype=np.float32)


def built(units: int, **arguments: Any) -> Dense:
    layer = Dense(units, **arguments)
    layer(X)
    return layer


def test_add_weight_has_the_dtype_and_name_asked_for(place: Any) -> None:
    layer = Layer(name="mine", dtype="float64")
    with nna.use_backend(*place):
        a = layer.add_weight((2, 3), "ones", name="a")
        b = layer.add_weight(
            (2,), lambda shape, dtype: np.full(shape, 7.0, dtype=dtype), dtype="float32", trainable=False
        )
        c = layer.add_weight((), "zeros")
    assert [(v.path, v.shape, v.dtype, v.trainable) for v in (a, b, c)] == [
        ("mine/a", (2, 3), "float64", True),
        ("mine/variable", (2,), "float32", False),
        ("mine/variable", (), "float64", True),
    ]
    assert to_host(b.value).tolist() == [7.0, 7.0]
    assert layer.variables == [a, b, c]


def test_a_variable_owns_its_array_also_when_an_initializer_keeps_it() -> None:
    kept = np.zeros((2,), dtype="float32")
    layer = Layer()
    first, second = (layer.add_weight((2,), lambda shape, dtype: kept) for _ in range(2))
    first.assign(np.ones(2))
    assert second.numpy().tolist() == kept.tolist() == [0.0, 0.0]


def test_variables_and_layers_in_attributes_lists_tuples_and_dicts_belong_to_the_layer() -> None:
    class Holder(Layer):
        def __init__(self) -> None:
            super().__init__()
            self.alone = built(1, name="alone")
            self.listed = [built(1, name="one"), built(1, name="two"), "no layer"]
            self.paired = (Variable(np.zeros(1), "left"), Variable(np.zeros(1), "right", trainable=False))
            self.mapped = {"key": built(1, name="mapped"), "other": 3}

    holder = Holder()
    assert [layer.name for layer in holder.sublayers] == ["alone", "one", "two", "mapped"]
    names = [v.path for v in holder.variables]
    assert names == ["left", "right"] + [
        f"{n}/{w}" for n in ("alone", "one", "two", "mapped") for w in ("kernel", "bias")
    ]
    assert [v.path for v in holder.non_trainable_variables] == ["right"]


def test_shared_layers_and_variables_count_once() -> None:
    class Twice(Layer):
        def __init__(self, inner: Layer) -> None:
            super().__init__()
            self.first = inner
            self.second = [inner, Outer(inner)]
            self.kernel = inner.variables[0]

    class Outer(Layer):
        def __init__(self, inner: Layer) -> None:
            super().__init__()
            self.inner = inner

    inner = built(2)
    twice = Twice(inner)
    assert set(twice.variables) == set(inner.variables)
    assert len(twice.variables) == len(twice.trainable_variables) == 2
    assert twice.count_params() == 8
    assert len(twice.get_weights()) == 2


def test_frozen_layers_train_nothing_and_keep_their_order() -> None:
    class Pair(Layer):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = built(1, name="a"), built(1, name="b")

    pair = Pair()
    pair.a.trainable = False
    assert [v.path for v in pair.trainable_variables] == ["b/kernel", "b/bias"]
    assert [v.path for v in pair.non_trainable_variables] == ["a/kernel", "a/bias"]
    assert [v.path for v in pair.variables] == ["a/kernel", "a/bias", "b/kernel", "b/bias"]
    pair.trainable = False
    assert pair.trainable_variables == []
    pair.trainable = pair.a.trainable = True
    assert len(pair.trainable_weights) == len(pair.weights) == 4
    assert pair.non_trainable_weights == []
    assert built(2, trainable=False).trainable_variables == []


def test_weights_are_copies_in_both_directions(place: Any) -> None:
    layer = Dense(2)
    layer(to_library(X, nna.namespace(*place)))
    layer.get_weights()[0][...] = 99.0
    given = [np.ones((3, 2), dtype="float32"), np.ones(2, dtype="float32")]
    layer.set_weights(given)
    given[0][...] = 99.0
    kernel, bias = layer.get_weights()
    assert kernel.tolist() == np.ones((3, 2)).tolist()
    assert bias.dtype == np.float32


def test_weights_may_be_lists_arrays_of_any_dtype_and_of_another_library(place: Any) -> None:
    layer = built(2)
    kernel = np.arange(6.0).reshape(3, 2)
    for given in (kernel.tolist(), kernel, kernel.astype(int), to_library(kernel, nna.namespace(*place))):
        layer.set_weights([given, [1, 2]])
        assert layer.kernel.numpy().tolist() == kernel.tolist()
        assert layer.kernel.dtype == "float32"
        assert layer.kernel.backend.name == "numpy"


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([np.zeros((3, 2))], "has 2 weights: received 1"),
        ([np.zeros((3, 2)), np.zeros(2), np.zeros(2)], "has 2 weights: received 3"),
        ([np.zeros((3, 2)), np.zeros(3)], r"'d/bias' has shape \(2,\): received ndarray of shape \(3,\)"),
        ([np.zeros((2, 3)), np.zeros(2)], r"'d/kernel' has shape \(3, 2\): received ndarray of shape \(2, 3\)"),
        ([np.zeros((3, 2)), np.zeros((1, 2))], r"'d/bias' has shape \(2,\)"),
        ([np.zeros((3, 2)), 0.0], r"'d/bias' has shape \(2,\)"),
    ],
)
def test_wrong_weights_are_refused_and_nothing_is_changed(weights: Any, message: str) -> None:
    layer = built(2, name="d", bias_initializer="ones")
    before = layer.get_weights()
    with pytest.raises(ValueError, match=message):
        layer.set_weights(weights)
    for held, expected in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(held, expected)


def test_finding_an_output_shape_makes_no_variables_and_draws_no_randomness() -> None:
    class Doubled(Layer):
        def build(self, input_shape: Any) -> None:
            self.kernel = self.add_weight((input_shape[-1], 5), name="kernel")

        def call(self, inputs: Any) -> Any:
            return nna.array_namespace(inputs).matmul(inputs, self.kernel.value)

    def draw(ask: bool) -> np.ndarray:
        nna.set_seed(4)
        layer = Doubled()
        if ask:
            assert layer.compute_output_shape((None, 3)) == (None, 5)
            assert not layer.built
            assert layer.variables == []
        layer(X)
        return layer.kernel.numpy()

    np.testing.assert_array_equal(draw(True), draw(False))


class _Holder:
    def __init__(self, held: Any) -> None:
        self.held = held


def _closure(held: Any) -> Any:
    return lambda: held


@pytest.mark.parametrize(
    "keep",
    [lambda x: {x}, lambda x: frozenset((x,)), _Holder, _closure, lambda x: functools.partial(print, x)],
    ids=["set", "frozenset", "object", "closure", "partial"],
)
@pytest.mark.parametrize(
    "make", [lambda: Dense(2), lambda: Variable(np.ones(2, dtype="float32"))], ids=["layer", "variable"]
)
@pytest.mark.parametrize("is_deep", [False, True])
def test_what_is_kept_where_it_is_not_found_is_refused_by_name(keep: Any, make: Any, is_deep: bool) -> None:
    layer = Layer(name="mine")
    layer.hidden = {"some": [keep(make())]} if is_deep else keep(make())
    with pytest.raises(TypeError, match=r"in .hidden.* of 'mine'\. Keep it in one of these too\."):
        layer.check_members()


def test_what_is_kept_twice_and_found_once_belongs_to_the_layer() -> None:
    layer = Layer()
    layer.dense = built(2)
    layer.also = {layer.dense, layer.dense.kernel}
    layer.check_members()
    assert layer.variables == layer.dense.variables


def test_a_model_with_a_layer_in_a_set_is_refused_however_it_runs() -> None:
    class Hidden(nna.models.Model):
        def __init__(self) -> None:
            super().__init__()
            self.hidden = {Dense(1)}

        def call(self, inputs: Any) -> Any:
            return next(iter(self.hidden))(inputs)

    for run_eagerly in (False, True):
        model = Hidden()
        model.compile("sgd", "mse", run_eagerly=run_eagerly)
        with pytest.raises(TypeError, match="received Dense"):
            model.fit(X, np.ones(4), verbose=0)


def test_weights_are_in_keras_order_and_variables_in_that_of_assignment() -> None:
    class Counting(Layer):
        def __init__(self) -> None:
            super().__init__()
            self.seen = self.add_weight((), "zeros", trainable=False, name="seen")
            self.inner = Dense(2)

        def build(self, input_shape: Any) -> None:
            self.scale = self.add_weight((), "ones", name="scale")

        def call(self, inputs: Any) -> Any:
            return self.inner(inputs) * self.scale

    layer = Counting()
    layer(np.ones((1, 3)))
    assert [v.name for v in layer.variables] == ["seen", "scale", "kernel", "bias"]
    assert [v.name for v in layer.weights] == ["scale", "seen", "kernel", "bias"]
    layer.scale.trainable = False
    assert [v.name for v in layer.weights] == ["scale", "seen", "kernel", "bias"]
    layer.set_weights([np.float32(2), np.float32(5), np.ones((3, 2)), np.zeros(2)])
    assert [float(np.asarray(v).max()) for v in layer.variables] == [5.0, 2.0, 1.0, 0.0]
