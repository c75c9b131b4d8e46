"""What is loaded is what was saved, and training goes on as if never interrupted."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import nnarray as nna
from nnarray import callbacks, layers, saving
from tests.saved_models import MODELS, X, Y, compiled, of_symbols, same, sequential


@pytest.mark.parametrize("kind", MODELS)
def test_a_loaded_model_is_the_saved_one(kind: str, path: Path) -> None:
    model = compiled(MODELS[kind]())
    model.fit(X, Y, epochs=2, verbose=0)
    model.save(path)
    other = saving.load_model(path)
    assert type(other) is type(model)
    assert other.get_config() == model.get_config()
    same(model, other)
    np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))
    assert other.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    for _ in range(2):
        assert other.train_on_batch(X, Y) == model.train_on_batch(X, Y)
    same(model, other)


OPTIMIZERS = [
    "SGD",
    "RMSprop",
    "Adam",
    "AdamW",
    "Adamax",
    "Nadam",
    "Adagrad",
    "Adadelta",
    "Adafactor",
    "Ftrl",
    "Lion",
    "Lamb",
]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_goes_on(name: str, path: Path) -> None:
    model = compiled(sequential(), getattr(nna.optimizers, name)(0.01))
    model.fit(X, Y, epochs=2, verbose=0)
    model.save(path)
    other = saving.load_model(path)
    nna.utils.set_random_seed(3)
    expected = model.fit(X, Y, epochs=2, verbose=0).history
    nna.utils.set_random_seed(3)
    assert other.fit(X, Y, epochs=2, verbose=0).history == expected
    same(model, other)


def test_a_schedule_and_a_rate_that_was_set_go_on(path: Path) -> None:
    decay = nna.optimizers.schedules.ExponentialDecay(0.1, 3, 0.5)
    model = compiled(sequential(), nna.optimizers.SGD(decay, momentum=0.9))
    model.fit(X, Y, verbose=0)
    model.save(path)
    assert float(saving.load_model(path).optimizer.learning_rate) == float(model.optimizer.learning_rate)
    model = compiled(sequential(), nna.optimizers.SGD(0.1))
    model.fit(X, Y, verbose=0)
    model.optimizer.learning_rate = 0.025
    model.save(path)
    assert float(saving.load_model(path).optimizer.learning_rate) == np.float32(0.025)


@pytest.mark.parametrize("kind", ["sequential", "own"])
def test_training_goes_on_bit_for_bit(kind: str, backend: str, path: Path) -> None:
    nna.utils.set_random_seed(1)
    model = compiled(MODELS[kind](), backend=backend)

    class Saver(callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 2:
                self.model.save(path)

    stopping = callbacks.EarlyStopping("loss", patience=50, restore_best_weights=True)
    whole = model.fit(X, Y, batch_size=7, epochs=6, validation_split=0.2, callbacks=[stopping, Saver()], verbose=0)
    nna.utils.set_random_seed(99)
    other = saving.load_model(path)
    same(other, saving.load_model(path, backend="numpy"))
    nna.random.uniform((3,))
    again = callbacks.EarlyStopping("loss", patience=50, restore_best_weights=True)
    rest = other.fit(X, Y, batch_size=7, epochs=6, initial_epoch=3, validation_split=0.2, callbacks=[again], verbose=0)
    for name, values in whole.history.items():
        assert rest.history[name][-3:] == values[3:]
    assert (again.best, again.wait, again.best_epoch) == (stopping.best, stopping.wait, stopping.best_epoch)
    same(model, other)


def test_two_runs_of_fit_go_on_with_the_same_shuffles(path: Path) -> None:
    nna.utils.set_random_seed(1)
    model = compiled(sequential())
    model.fit(X, Y, batch_size=7, verbose=0)
    model.save(path)
    expected = [model.fit(X, Y, batch_size=7, verbose=0).history for _ in range(2)]
    other = saving.load_model(path)
    assert [other.fit(X, Y, batch_size=7, verbose=0).history for _ in range(2)] == expected
    third, fourth = saving.load_model(path), saving.load_model(path)
    for each in (third, fourth):
        nna.utils.set_random_seed(8)
        each.fit(X, Y, batch_size=7, verbose=0)
    same(third, fourth)
    assert third.history.history != expected[0]


def test_trainable_dtypes_and_metrics_are_kept(path: Path) -> None:
    model = of_symbols()
    model.get_layer("hidden").trainable = False
    model.weights[-1].trainable = False
    plain = nna.metrics.MeanSquaredError("plain")
    model.compile("sgd", "mse", metrics=[plain], weighted_metrics=["mae"], steps_per_execution=3)
    model.fit(X, X[:, :3], verbose=0)
    model.save(path)
    other = nna.models.load_model(path)
    same(model, other)
    assert other.evaluate(X, X[:, :3], verbose=0, return_dict=True) == model.evaluate(
        X, X[:, :3], verbose=0, return_dict=True
    )
    assert [x.path for x in other.trainable_variables] == [x.path for x in model.trainable_variables]
    double = nna.Sequential([layers.Dense(2, dtype="float64", input_shape=(3,))])
    double.save(path)
    assert nna.models.load_model(path).dtype == "float64"


def test_complex_weights_are_kept(path: Path) -> None:
    class Phase(layers.Layer):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.phase = nna.Variable(np.asarray([1 + 2j, 3 - 4j]))

        def call(self, inputs: Any) -> Any:
            return inputs

    model = nna.Sequential([layers.Input((2,)), Phase()])
    model.save(path)
    assert load_file(path)["weights/layers/0/phase"].shape == (2, 2)
    other = saving.load_model(path, custom_objects={"Phase": Phase})
    np.testing.assert_array_equal(other.variables[0].numpy(), [1 + 2j, 3 - 4j])


def test_models_move_between_libraries_by_files_and_pickles(path: Path) -> None:
    pytest.importorskip("torch")
    model = compiled(sequential(), backend="torch")
    model.fit(X, Y, verbose=0)
    model.save(path)
    other = saving.load_model(path, backend="numpy")
    assert {variable.backend.name for variable in other._state()} == {"numpy"}
    np.testing.assert_allclose(
        other.predict(X, verbose=0), np.asarray(model.predict(X, verbose=0)), rtol=1e-5, atol=1e-6
    )
    other.fit(X, Y, verbose=0)
    other.save(path)
    assert saving.load_model(path, backend="torch").backend == "torch"
    unpickled = pickle.loads(pickle.dumps(other))
    assert unpickled.evaluate(X, Y, verbose=0) == other.evaluate(X, Y, verbose=0)


def test_a_model_with_a_compile_of_its_own(path: Path) -> None:
    @nna.utils.register_keras_serializable("tests")
    class Pair(nna.Model):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.dense = layers.Dense(3)

        def compile(self, second: Any, **kwargs: Any) -> None:
            super().compile(**kwargs)
            self.second = second

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

    model = Pair()
    model.compile(nna.optimizers.SGD(0.5), optimizer="adam", loss="mse")
    model.fit(X, X[:, :3], verbose=0)
    model.second.apply([np.ones((6, 3), np.float32)], [model.dense.kernel])
    model.save(path)
    with pytest.warns(UserWarning, match="left out: the class compiles itself"):
        other = saving.load_model(path)
    same(model, other)
    Pair.get_compile_config = lambda self: {"second": saving.serialize_keras_object(self.second)}
    Pair.compile_from_config = lambda self, config: self.compile(
        nna.optimizers.get(config["second"]), optimizer="adam", loss="mse"
    )
    model.save(path)
    other = saving.load_model(path)
    assert int(other.second.iterations.numpy()) == 1
    assert other.train_on_batch(X, X[:, :3]) == model.train_on_batch(X, X[:, :3])


def test_architectures_as_text_and_clones() -> None:
    for kind, make in MODELS.items():
        model = make()
        if kind in ("undeclared", "own"):
            model.build((None, 6))
        other = nna.models.model_from_json(model.to_json())
        assert json.loads(other.to_json()) == json.loads(model.to_json())
        clone = nna.models.clone_model(model)
        clone.build((None, 6))
        assert [x.shape for x in clone.weights] == [x.shape for x in model.weights]
        assert any((a.numpy() != b.numpy()).any() for a, b in zip(clone.weights, model.weights, strict=True))
    wide = nna.models.clone_model(
        sequential(), lambda layer: layers.Dense(9, input_shape=(6,)) if getattr(layer, "units", 0) == 5 else layer
    )
    assert wide.layers[0].units == 9


def test_operations_on_symbols_are_saved_by_name(tmp_path: Path) -> None:
    inputs = nna.Input((4,))
    hidden = nna.ops.relu(nna.layers.Dense(3)(inputs))
    both = nna.ops.concatenate([hidden, nna.ops.reshape(inputs, (-1, 4))], axis=-1)
    model = nna.Model(inputs, [nna.ops.mean(hidden, axis=-1, keepdims=True) + 1.0, *nna.ops.split(both, [3], axis=1)])
    x = np.linspace(-1.0, 1.0, 8, dtype="float32").reshape(2, 4)
    model.save(tmp_path / "m.safetensors")
    again = nna.models.load_model(tmp_path / "m.safetensors")
    for found, expected in zip(again.predict(x, verbose=0), model.predict(x, verbose=0), strict=True):
        np.testing.assert_array_equal(found, expected)
