"""fit, evaluate, predict, train_on_batch on every backend."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import array_api_strict as strict
import numpy as np
import pytest

import nnarray as nna
from nnarray import callbacks, layers, losses, metrics, models, optimizers
from nnarray.backends import backend_of
from tests.hosts import to_host

RNG = np.random.default_rng(0)
X = RNG.standard_normal((50, 2)).astype("float32")
Y = (X[:, 0] * X[:, 1] > 0).astype("int64")


def make(backend: Any = (None, None), units: int = 1, activation: Any = "sigmoid", **kwargs: Any) -> Any:
    nna.set_seed(0)
    model = models.Sequential(
        [layers.Input((2,)), layers.Dense(4, "tanh"), layers.Dropout(0.2), layers.Dense(units, activation)],
        backend=backend[0],
        device=backend[1],
    )
    model.compile(**{"optimizer": "adam", "loss": "binary_crossentropy", "metrics": ["accuracy"], **kwargs})
    return model


def test_training_is_the_same_on_every_backend(place: Any) -> None:
    expected = make().fit(X, Y, epochs=4, batch_size=16, verbose=0, validation_split=0.2).history
    model = make(place)
    found = model.fit(X, Y, epochs=4, batch_size=16, verbose=0, validation_split=0.2).history
    assert model.backend == place[0]
    assert list(found) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5)
    for variable in [*model.variables, *model.optimizer.variables]:
        assert variable.backend.name == place[0]
        assert variable.device == model.device


def test_two_runs_from_one_seed_give_the_same_bits() -> None:
    runs = [(model := make()).fit(X, Y, epochs=3, verbose=0) and model.get_weights() for _ in range(2)]
    for first, second in zip(*runs, strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_model_without_a_backend_follows_its_data_and_one_with_a_backend_takes_them(place: Any) -> None:
    space = nna.namespace(*place)
    x, y = space.asarray(X).value, space.asarray(Y).value
    free, fixed = make(), make(("numpy", None))
    for model in (free, fixed):
        model.fit(x, y, verbose=0, shuffle=False)
        predicted = model.predict(x, verbose=0)
        assert type(predicted) is type(x)
        assert space.backend.device_of(predicted) == space.backend.device_of(x)
    assert (free.backend, fixed.backend) == (place[0], "numpy")
    assert free.device == space.backend.device_of(x)
    np.testing.assert_allclose(to_host(free.predict(x, verbose=0)), fixed.predict(X, verbose=0), rtol=1e-4)
    free.fit(X, Y, verbose=0)
    assert free.backend == "numpy"


def test_a_backend_asked_for_outside_is_not_outvoted_by_numpy_data(monkeypatch: pytest.MonkeyPatch) -> None:
    with nna.use_backend("array_api_strict", device="device1"):
        model = make()
        model.fit(X, Y, verbose=0)
    assert model.backend == "array_api_strict"
    monkeypatch.setenv("NNARRAY_BACKEND", "array_api_strict")
    model = make()
    model.fit(X, Y, verbose=0)
    assert model.backend == "array_api_strict"
    monkeypatch.setenv("NNARRAY_BACKEND", "numpy")
    model.fit(strict.asarray(X), strict.asarray(Y), verbose=0)
    assert model.backend == "array_api_strict"


def test_a_trained_model_moves_with_its_optimizer_and_goes_on(place: Any) -> None:
    stayed, moved = make(), make()
    for model in (stayed, moved):
        model.fit(X, Y, epochs=2, verbose=0, shuffle=False)
    assert moved.to(*place) is moved
    for model in (stayed, moved):
        model.fit(X, Y, epochs=2, verbose=0, shuffle=False)
    assert moved.backend == place[0]
    assert int(moved.optimizer.iterations) == 8
    for a, b in zip(stayed.get_weights(), moved.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-6)


def test_predict_takes_lists_arrays_and_any_library_and_goes_in_batches() -> None:
    model = make()
    whole = model.predict(X, batch_size=50, verbose=0)
    np.testing.assert_allclose(model.predict(X, batch_size=7, verbose=0), whole, rtol=1e-6)
    np.testing.assert_allclose(model.predict(X.tolist(), verbose=0), whole, rtol=1e-6)
    np.testing.assert_allclose(model.predict(X.astype("float64"), verbose=0), whole, rtol=1e-6)
    assert isinstance(model.predict(strict.asarray(X), verbose=0), type(strict.asarray(X)))
    assert whole.dtype == np.float32
    np.testing.assert_allclose(model(X), whole, rtol=1e-6)


def test_evaluate_is_the_mean_over_all_examples_whatever_the_batches() -> None:
    model = make()
    loss, accuracy = model.evaluate(X, Y, batch_size=50, verbose=0)
    np.testing.assert_allclose(model.evaluate(X, Y, batch_size=7, verbose=0), [loss, accuracy], rtol=1e-5)
    p = model.predict(X, verbose=0)[:, 0].astype("float64")
    np.testing.assert_allclose(loss, -np.mean(Y * np.log(p) + (1 - Y) * np.log(1 - p)), rtol=1e-5)
    assert accuracy == pytest.approx(np.mean((p > 0.5) == Y))
    assert model.evaluate(X, Y, verbose=0, return_dict=True) == {"loss": pytest.approx(loss), "accuracy": accuracy}
    before = model.get_weights()
    model.evaluate(X, Y, verbose=0)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_targets_of_shape_n_are_reshaped_and_never_broadcast() -> None:
    flat, column = make(), make()
    flat.fit(X, Y, verbose=0, shuffle=False)
    column.fit(X, Y[:, None], verbose=0, shuffle=False)
    for a, b in zip(flat.get_weights(), column.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_short_last_batch_counts_by_its_examples() -> None:
    model = make(optimizer=optimizers.SGD(0.0))
    history = model.fit(X, Y, batch_size=32, verbose=0, shuffle=False).history
    quiet = models.Sequential([layer for layer in model.layers if not isinstance(layer, layers.Dropout)])
    quiet.compile("sgd", "binary_crossentropy")
    assert history["loss"][0] == pytest.approx(model.evaluate(X, Y, verbose=0)[0], rel=0.2)


def test_sample_weights_of_zero_take_examples_out() -> None:
    weight = (np.arange(50) < 30).astype("float32")
    weighted, cut = make(metrics=None, weighted_metrics=["accuracy"]), make()
    found = weighted.evaluate(X, Y, sample_weight=weight, batch_size=50, verbose=0)
    expected = cut.evaluate(X[:30], Y[:30], batch_size=50, verbose=0)
    assert found[0] * 50 == pytest.approx(expected[0] * 30, rel=1e-5)
    assert found[1] == pytest.approx(expected[1])
    weighted.fit(X, Y, sample_weight=weight, verbose=0)
    with pytest.raises(ValueError, match="sample_weight of shape"):
        weighted.fit(X, Y, sample_weight=weight[:3], verbose=0)


@pytest.mark.parametrize(
    ("loss", "activation", "labels"),
    [
        ("sparse_categorical_crossentropy", "softmax", Y),
        ("sparse_categorical_crossentropy", "softmax", Y[:, None]),
        ("categorical_crossentropy", "softmax", np.eye(2)[Y]),
        (losses.SparseCategoricalCrossentropy(from_logits=True), None, Y),
        (losses.categorical_crossentropy, "softmax", np.eye(2)[Y]),
    ],
)
def test_the_forms_of_class_labels_give_the_same_training(loss: Any, activation: Any, labels: Any, place: Any) -> None:
    reference = make(units=2, activation="softmax", loss="sparse_categorical_crossentropy")
    expected = reference.fit(X, Y, epochs=2, verbose=0).history
    model = make(place, 2, activation, loss=loss)
    found = model.fit(X, labels, epochs=2, verbose=0).history
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-4)


def test_strings_objects_classes_and_functions_all_work() -> None:
    def absolute(y_true: Any, y_pred: Any) -> Any:
        xp = y_pred.__array_namespace__() if hasattr(y_pred, "node") else nna.array_namespace(y_pred)
        return xp.mean(xp.abs(y_true - y_pred), axis=-1)

    y = Y[:, None].astype("float32")
    for optimizer in ("sgd", "SGD", optimizers.SGD, lambda: optimizers.SGD(0.01)):
        for loss in ("mse", losses.MeanSquaredError, losses.MeanSquaredError(), losses.mean_squared_error, absolute):
            model = make(
                optimizer=optimizer if isinstance(optimizer, (str, type)) else optimizer(),
                loss=loss,
                metrics=["mse", absolute, metrics.BinaryAccuracy(), losses.MeanSquaredError()],
            )
            history = model.fit(X, y, verbose=0).history
            assert list(history) == ["loss", "mse", "absolute", "binary_accuracy", "mean_squared_error"]


def test_a_cross_entropy_is_exact_where_the_sigmoid_saturates() -> None:
    model = models.Sequential([layers.Dense(1, "sigmoid", kernel_initializer="ones", input_dim=1)])
    model.compile("sgd", "binary_crossentropy")
    assert model.evaluate([[-200.0]], [1.0], verbose=0) == pytest.approx(200.0)
    model.compile("sgd", losses.binary_crossentropy)
    assert model.evaluate([[-200.0]], [1.0], verbose=0) == pytest.approx(-np.log(1e-7), rel=1e-5)


def test_train_on_batch_takes_one_step_and_reports_the_batch() -> None:
    model, twin = make(), make()
    before = twin.evaluate(X, Y, verbose=0)
    plain = models.Sequential([*model.layers[:1], model.layers[2]])
    plain.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    assert plain.train_on_batch(X, Y) == pytest.approx(before)
    assert int(plain.optimizer.iterations) == 1
    assert list(model.train_on_batch(X, Y, return_dict=True)) == ["loss", "accuracy"]
    model.compile("adam", "binary_crossentropy")
    assert isinstance(model.train_on_batch(X, Y), float)


def test_history_counts_epochs_and_initial_epoch_goes_on() -> None:
    model = make()
    history = model.fit(X, Y, epochs=2, verbose=0)
    assert (history.epoch, len(history.history["loss"])) == ([0, 1], 2)
    history = model.fit(X, Y, epochs=5, initial_epoch=2, verbose=0)
    assert history.epoch == [2, 3, 4]
    assert model.history is history
    assert model.fit(X, Y, epochs=0, verbose=0).epoch == []


def test_validation_split_takes_the_last_examples_and_validation_data_win() -> None:
    model = make(optimizer=optimizers.SGD(0.0))
    history = model.fit(X, Y, validation_split=0.2, verbose=0).history
    assert history["val_loss"][0] == pytest.approx(model.evaluate(X[40:], Y[40:], verbose=0)[0], rel=1e-6)
    history = model.fit(X, Y, validation_data=(X[:5], Y[:5]), validation_split=0.2, verbose=0).history
    assert history["val_loss"][0] == pytest.approx(model.evaluate(X[:5], Y[:5], verbose=0)[0], rel=1e-6)
    history = model.fit(X, Y, validation_data=(X[:5], Y[:5], np.zeros(5)), verbose=0).history
    assert history["val_loss"] == [0.0]


def test_logs_that_a_callback_keeps_stay_as_they_were() -> None:
    kept: list[Any] = []
    seen: list[float] = []

    class Keeper(callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            kept.append(logs)
            if batch:
                seen.append(logs["loss"])

    make().fit(X, Y, epochs=2, batch_size=20, verbose=0, callbacks=[Keeper()])
    losses = [logs["loss"] for logs in kept]
    assert len(set(losses)) == len(losses)
    assert [loss for batch, loss in enumerate(losses) if batch % (len(losses) // 2)] == seen


def test_callbacks_are_called_in_order_and_may_stop_training() -> None:
    calls = []

    class Recorder(callbacks.Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            calls.append(("train", self.params))

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            calls.append(("begin", epoch))

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            calls.append(("batch", batch, sorted(logs)))

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            calls.append(("end", epoch, sorted(logs)))
            self.model.stop_training = epoch == 1

        def on_train_end(self, logs: Any = None) -> None:
            calls.append(("done",))

    make().fit(X, Y, epochs=9, batch_size=25, verbose=0, callbacks=[Recorder()])
    epoch = [("batch", 0, ["accuracy", "loss"]), ("batch", 1, ["accuracy", "loss"])]
    assert calls == [
        ("train", {"epochs": 9, "steps": 2, "verbose": 0}),
        *(("begin", 0), *epoch, ("end", 0, ["accuracy", "loss"])),
        *(("begin", 1), *epoch, ("end", 1, ["accuracy", "loss"])),
        ("done",),
    ]


def test_frozen_layers_stay_and_variables_stay_packed_views() -> None:
    model = make()
    model.layers[0].trainable = False
    model.compile("adam", "binary_crossentropy")
    frozen, free = model.layers[0].get_weights(), model.layers[2].get_weights()
    model.fit(X, Y, verbose=0)
    for a, b in zip(frozen, model.layers[0].get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert any((a != b).any() for a, b in zip(free, model.layers[2].get_weights(), strict=True))
    kernel = model.layers[2].kernel
    assert np.shares_memory(kernel.value, kernel.pack.value)


def test_two_models_that_share_a_layer_train_it_in_turn() -> None:
    shared = layers.Dense(4, "tanh", input_dim=2)
    first = models.Sequential([shared, layers.Dense(1, "sigmoid")])
    second = models.Sequential([shared, layers.Dense(1, "sigmoid")])
    for model in (first, second):
        model.compile("adam", "binary_crossentropy")
    for model in (first, second, first, second):
        before = shared.get_weights()
        model.fit(X, Y, verbose=0)
        assert any((a != b).any() for a, b in zip(before, shared.get_weights(), strict=True))
        np.testing.assert_allclose(model.predict(X, verbose=0), model(X), rtol=1e-6)


def test_data_are_never_written_to(place: Any) -> None:
    space = nna.namespace(*place)
    x, y = space.asarray(X).value, space.asarray(Y).value
    make(place).fit(x, y, verbose=0)
    np.testing.assert_array_equal(to_host(x), X)
    np.testing.assert_array_equal(to_host(y), Y)
    assert backend_of(x) is space.backend


def test_weights_set_by_the_user_are_copied() -> None:
    model = make()
    weights = [np.ones_like(w) for w in model.get_weights()]
    model.set_weights(weights)
    model.fit(X, Y, verbose=0)
    assert all((w == 1).all() for w in weights)


def test_jax_in_its_32_bit_mode_trains_without_a_warning() -> None:
    pytest.importorskip("jax")
    code = """
import numpy as np, nnarray as nna
from nnarray import layers, models
x = np.random.default_rng(0).standard_normal((20, 2)); y = (x[:, 0] > 0).astype("int64")
model = models.Sequential([layers.Dense(4, "relu"), layers.Dropout(0.1), layers.Dense(2, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, verbose=0)
model.to("jax")
model.fit(x, y, verbose=0)
print(model.backend, int(model.optimizer.iterations))
"""
    environment = {**os.environ, "JAX_ENABLE_X64": "0"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert done.stdout == "jax 2\n", done.stderr
