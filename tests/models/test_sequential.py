"""Sequential: building, adding and taking off, weights, summary, subclassing Model."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import layers, models

X = np.random.default_rng(0).standard_normal((10, 2)).astype("float32")
Y = (X[:, 0] > 0).astype("float32")


def test_three_ways_of_saying_the_input_shape_build_the_same_model() -> None:
    shapes = []
    for first in (
        [layers.Input((2,)), layers.Dense(3)],
        [layers.Dense(3, input_shape=(2,))],
        [layers.Dense(3, input_dim=2)],
    ):
        model = models.Sequential([*first, layers.Dense(1)])
        assert model.built
        assert [layer.built for layer in model.layers] == [True, True]
        assert (model.input_shape, model.output_shape) == ((None, 2), (None, 1))
        shapes.append([w.shape for w in model.get_weights()])
    assert shapes == [[(2, 3), (3,), (3, 1), (1,)]] * 3


def test_a_model_without_input_shape_is_built_by_build_a_call_or_fit() -> None:
    for build in (
        lambda m: m.build((None, 2)),
        lambda m: m(X),
        lambda m: m.predict(X, verbose=0),
        lambda m: m.fit(X, Y, verbose=0),
    ):
        model = models.Sequential([layers.Dense(3), layers.Dense(1)])
        model.compile("adam", "mse")
        assert not model.built
        assert model.get_weights() == []
        assert not hasattr(model, "input_shape")
        with pytest.raises(AttributeError, match="has not been built"):
            _ = model.input_shape
        with pytest.raises(ValueError, match="no weights before it is built"):
            model.set_weights([np.zeros(1)])
        build(model)
        assert model.built
        assert model.input_shape == (None, 2)
        assert model.count_params() == 13


def test_layers_can_be_added_and_taken_off_at_any_time() -> None:
    model = models.Sequential([layers.Dense(3, input_dim=2), layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    last = model.pop()
    assert isinstance(last, layers.Dense)
    assert model.output_shape == (None, 3)
    model.add(layers.Dense(2, "tanh"))
    model.add(layers.Dense(1))
    model.fit(X, Y, verbose=0)
    assert len(model.trainable_variables) == 6
    assert last.kernel not in model.variables
    model.pop()
    model.pop()
    model.pop()
    assert not model.built
    with pytest.raises(IndexError, match="no layer to take off"):
        model.pop()
    model.add(layers.Dense(1))
    model.fit(np.ones((4, 5)), np.ones(4), verbose=0)
    assert model.input_shape == (None, 5)


def test_its_configuration_has_the_layers_as_they_are_now_also_a_symbol_of_the_input() -> None:
    model = models.Sequential([layers.Input((2,)), layers.Dense(3), layers.Dense(1)], name="mine")
    model.pop()
    model.add(layers.Dense(4, activation="relu"))
    made = models.Sequential.from_config(model.get_config())
    assert made.name == "mine"
    assert made.input_shape == (None, 2)
    assert [(layer.name, layer.units) for layer in made.layers] == [(x.name, x.units) for x in model.layers]
    shown = "[InputLayer(shape=(2,)), Dense(3), Dense(4, activation='relu')]"
    assert repr(model) == f"Sequential(layers={shown}, name='mine')"
    assert models.Sequential.from_config(models.Sequential().get_config()).layers == []


def test_wrong_additions_leave_the_model_as_it_was() -> None:
    model = models.Sequential([layers.Dense(3, input_dim=2)])
    with pytest.raises(TypeError, match="Only layers can be added"):
        model.add("dense")
    with pytest.raises(ValueError, match="Input must come first"):
        model.add(layers.Input((3,)))
    assert len(model.layers) == 1
    assert model.output_shape == (None, 3)


def test_weights_go_round_trip_and_wrong_ones_change_nothing() -> None:
    model = models.Sequential([layers.Dense(3, input_dim=2), layers.Dense(1)])
    weights = [w + 1 for w in model.get_weights()]
    model.set_weights(weights)
    before = model.get_weights()
    for wrong in (weights[:-1], [*weights[:-1], np.zeros(2)]):
        with pytest.raises(ValueError, match=r"weights|shape"):
            model.set_weights(wrong)
    for a, b, c in zip(weights, before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


def test_layers_are_found_by_name_and_index() -> None:
    model = models.Sequential([layers.Dense(3, input_dim=2, name="hidden"), layers.Dense(1)])
    assert model.get_layer("hidden") is model.get_layer(index=0) is model.layers[0]
    with pytest.raises(ValueError, match="No layer is named 'hiden'"):
        model.get_layer("hiden")
    with pytest.raises(ValueError, match="either name or index"):
        model.get_layer()


def test_the_summary_counts_what_there_is() -> None:
    lines: list[str] = []
    model = models.Sequential([layers.Dense(3, name="hidden"), layers.Dropout(0.5), layers.Dense(1)], name="net")
    model.summary(print_fn=lines.append)
    assert "not built" in lines[0]
    model.build((None, 2))
    model.layers[0].trainable = False
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    model.summary(print_fn=lines.append)
    text = lines[-1]
    assert text.startswith("Model: net\n")
    assert "hidden (Dense)" in text
    assert "(None, 3)" in text
    assert "Parameters: 13 (trainable 4, fixed 9)" in text


def test_sequentials_nest_and_end_in_the_inner_activation() -> None:
    inner = models.Sequential([layers.Dense(3, "relu"), layers.Dense(1, "sigmoid")])
    model = models.Sequential([layers.Input((2,)), inner])
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    before = inner.get_weights()
    model.fit(X, Y, verbose=0)
    assert len(model.trainable_variables) == 4
    assert any((a != b).any() for a, b in zip(before, inner.get_weights(), strict=True))


def test_a_layer_used_twice_is_one_layer() -> None:
    shared = layers.Dense(2, input_dim=2)
    model = models.Sequential([shared, shared])
    model.compile("sgd", "mse")
    assert model.count_params() == 6
    model.fit(X, X, verbose=0)
    np.testing.assert_allclose(model.predict(X, verbose=0), shared(shared(X)), rtol=1e-6)


def test_a_subclassed_model_trains_with_branches_of_its_own() -> None:
    class Residual(models.Model):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = [layers.Dense(2, "tanh") for _ in range(2)]
            self.head = layers.Dense(1)

        def call(self, inputs: Any, training: bool = False) -> Any:
            for block in self.blocks:
                inputs = inputs + block(inputs)
            return self.head(inputs)

    model = Residual()
    model.compile("adam", "mse")
    first = model.fit(X, Y, epochs=30, verbose=0).history["loss"]
    assert first[-1] < first[0]
    assert len(model.trainable_variables) == 6
    assert model.layers == [*model.blocks, model.head]
    assert model.output_shape == (None, 1)


def test_a_custom_layer_has_its_output_shape_found_by_running_it() -> None:
    class Pairs(layers.Layer):
        def call(self, inputs: Any) -> Any:
            xp = nna.array_namespace(inputs)
            return xp.reshape(inputs, (inputs.shape[0], 2, -1))

    model = models.Sequential([layers.Input((6,)), Pairs(), layers.Flatten(), layers.Dense(1)])
    assert model.layers[0].compute_output_shape((None, 6)) == (None, 2, 3)
    assert model.predict(np.ones((3, 6)), verbose=0).shape == (3, 1)


def test_stateless_call_lends_weights_and_changes_none(place: Any) -> None:
    model = models.Sequential(
        [layers.Dense(3, "relu", input_dim=2), layers.Dense(1)], backend=place[0], device=place[1]
    )
    space = nna.namespace(*place)
    x = space.asarray(X).value
    lent = [space.asarray(np.ones(v.shape, "float32")).value for v in model.trainable_variables]
    before = model.get_weights()
    y, rest = model.stateless_call(lent, [], x)
    expected = np.maximum(X @ np.ones((2, 3)) + 1, 0) @ np.ones((3, 1)) + 1
    np.testing.assert_allclose(space.backend.to_numpy(y), expected, rtol=1e-6)
    assert rest == []
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    gradients = nna.grad(lambda w: nna.namespace(place[0]).mean(model.stateless_call(w, [], x)[0] ** 2))(lent)
    assert [tuple(g.shape) for g in gradients] == [(2, 3), (3,), (3, 1), (1,)]
    with pytest.raises(ValueError, match="4 trainable and 0 non-trainable"):
        model.stateless_call(lent[:2], [], x)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_of_a_trained_model_trains_on_like_the_original_and_apart_from_it(duplicate: Any, place: Any) -> None:
    model = models.Sequential([layers.Dense(3, "tanh", input_dim=2), layers.Dense(1)])
    model.compile("adam", "mse", backend=place[0], device=place[1])
    model.fit(X, Y, verbose=0)
    twin = duplicate(model)
    assert (twin.backend, twin.device) == (model.backend, model.device)
    before = model.get_weights()
    twin.fit(X, Y, epochs=2, verbose=0, shuffle=False)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    model.fit(X, Y, epochs=2, verbose=0, shuffle=False)
    for a, b, c in zip(before, model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(b, c)
        assert (a != b).any()


def test_a_model_takes_arrays_of_another_device_of_its_library_to_itself() -> None:
    model = models.Sequential([layers.Dense(1, input_dim=2)]).to("array_api_strict", "device1")
    x = nna.namespace("array_api_strict", "CPU_DEVICE").asarray([[1.0, 2.0]], dtype="float32").value
    assert str(model(x).device) == "array_api_strict.Device('device1')"
    assert str(model.predict(x, verbose=0).device) == "array_api_strict.Device('CPU_DEVICE')"


def test_compile_moves_a_model_that_lives_elsewhere_already() -> None:
    model = models.Sequential([layers.Dense(1, input_dim=2)])
    before = model.predict(np.ones((3, 2)), verbose=0)
    assert model.backend == "numpy"
    model.compile(loss="mse", optimizer="adam", backend="array_api_strict", device="device1")
    assert (model.backend, str(model.device)) == ("array_api_strict", "array_api_strict.Device('device1')")
    assert model.evaluate(np.ones((3, 2)), np.zeros((3, 1)), verbose=0) == pytest.approx(float(np.mean(before**2)))
    assert all(str(variable.device).endswith("('device1')") for variable in model.variables)
