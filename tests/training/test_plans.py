"""Training on plans is training: the same numbers, the same state, whatever happens on the way."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import callbacks, layers, losses, metrics, optimizers
from nnarray.models import Sequential

RNG = np.random.default_rng(0)
X = RNG.standard_normal((70, 3)).astype("float32")
Y = (X[:, :1] * 2 - X[:, 1:2] > 0).astype("float32")


def _model(eagerly: bool, backend: Any = None, optimizer: Any = "adam", loss: Any = None, **kwargs: Any) -> Sequential:
    nna.set_seed(1)
    model = Sequential(
        [layers.Dense(8, activation="tanh"), layers.Dropout(0.3), layers.Dense(1, activation="sigmoid")],
        backend=backend,
    )
    optimizer = optimizer() if callable(optimizer) else optimizer
    loss = loss or "binary_crossentropy"
    model.compile(optimizer, loss, metrics=["accuracy"], run_eagerly=eagerly, **kwargs)
    return model


def _history(model: Sequential, **kwargs: Any) -> dict[str, list[float]]:
    nna.set_seed(2)
    return model.fit(X, Y, epochs=3, batch_size=32, verbose=0, validation_split=0.2, **kwargs).history


def _assert_same(found: Sequential, expected: Sequential, rtol: float = 1e-6) -> None:
    for a, b in zip(found.variables, expected.variables, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=rtol, atol=1e-7)


@pytest.mark.compiles_for_each_case
@pytest.mark.parametrize(
    "optimizer",
    [
        "sgd",
        "rmsprop",
        lambda: optimizers.Adam(amsgrad=True, weight_decay=0.01, global_clipnorm=0.5),
        lambda: optimizers.SGD(momentum=0.9, nesterov=True, clipvalue=0.1),
    ],
)
@pytest.mark.parametrize("weights", [None, np.linspace(0.0, 2.0, 70).astype("float32")])
def test_plans_train_as_the_code_does_step_by_step(optimizer: Any, weights: Any, place: Any) -> None:
    models = [_model(eagerly, place[0], optimizer) for eagerly in (False, True)]
    planned, eager = (_history(model, sample_weight=weights) for model in models)
    for name, values in eager.items():
        np.testing.assert_allclose(planned[name], values, rtol=2e-6, err_msg=name)
    _assert_same(*models)
    assert planned.keys() == eager.keys()


def test_each_size_of_batch_has_a_plan_and_a_second_fit_makes_none() -> None:
    model = _model(False)
    assert model.plans == {}
    _history(model)
    sizes = {("train", 32), ("train", 24), ("test", 14)}
    assert set(model.plans) == sizes
    before = dict(model.plans)
    _history(model)
    assert model.plans == before
    assert "matmul" in str(model.plans["train", 32])
    model.compile("sgd", "mse", run_eagerly=True)
    _history(model)
    assert model.plans == {}


def test_what_is_evaluated_are_the_weights_of_now() -> None:
    model = _model(False)
    _history(model)
    first = model.evaluate(X, Y, verbose=0)
    model.set_weights([0.5 * w for w in model.get_weights()])
    second = model.evaluate(X, Y, verbose=0)
    eager = _model(True)
    eager.build((None, 3))
    eager.set_weights(model.get_weights())
    np.testing.assert_allclose(second, eager.evaluate(X, Y, verbose=0), rtol=1e-6)
    assert first != second


def test_outputs_are_predicted_on_plans_with_the_weights_of_now(place: Any) -> None:
    planned, eager = (_model(eagerly, place[0]) for eagerly in (False, True))
    for model in (planned, eager):
        _history(model)
    for _ in range(2):
        np.testing.assert_allclose(planned.predict(X, verbose=0), eager.predict(X, verbose=0), rtol=1e-5)
        for model in (planned, eager):
            model.set_weights([0.5 * w for w in model.get_weights()])
    twin = copy.deepcopy(planned)
    np.testing.assert_allclose(twin.predict(X, verbose=0), planned.predict(X, verbose=0))
    planned.add(layers.Activation("tanh"))
    eager.add(layers.Activation("tanh"))
    np.testing.assert_allclose(planned.predict(X, verbose=0), eager.predict(X, verbose=0), rtol=1e-5)
    for model in (planned, eager):
        _history(model)
    _assert_same(planned, eager, rtol=1e-5)


def test_a_learning_rate_changed_between_batches_counts_at_once() -> None:
    class Falling(callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.optimizer.learning_rate = 0.01 / (batch + 2)

    models = [_model(eagerly) for eagerly in (False, True)]
    for model in models:
        _history(model, callbacks=[Falling()])
    _assert_same(*models)


def test_callbacks_of_batches_come_after_so_many_steps_as_asked_for() -> None:
    seen: list[Any] = []

    class Seeing(callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            seen.append(("begin", batch))

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            seen.append(("end", batch))

    model, plain = _model(False, steps_per_execution=2), _model(False)
    nna.set_seed(2)
    model.fit(X, Y, batch_size=16, verbose=0, callbacks=[Seeing()])
    nna.set_seed(2)
    plain.fit(X, Y, batch_size=16, verbose=0)
    assert seen == [("begin", 0), ("end", 1), ("begin", 2), ("end", 3), ("begin", 4), ("end", 4)]
    _assert_same(model, plain, rtol=0)
    with pytest.raises(ValueError, match="steps_per_execution"):
        _model(False, steps_per_execution=0)


def test_weights_set_by_a_callback_are_trained_on() -> None:
    class Halving(callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.set_weights([0.5 * w for w in self.model.get_weights()])

    models = [_model(eagerly) for eagerly in (False, True)]
    for model in models:
        _history(model, callbacks=[Halving()])
    _assert_same(*models)


def test_a_copy_trains_apart_from_its_original() -> None:
    model = _model(False)
    _history(model)
    twin = copy.deepcopy(model)
    weights = model.get_weights()
    _history(twin)
    for a, b in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(a, b)
    _history(model)
    _assert_same(twin, model)


def test_freezing_a_layer_makes_other_plans() -> None:
    models = [_model(eagerly) for eagerly in (False, True)]
    for model in models:
        _history(model)
        model.layers[0].trainable = False
        model.compile("adam", "mse", run_eagerly=model is models[1])
        frozen = model.layers[0].get_weights()
        _history(model)
        np.testing.assert_array_equal(model.layers[0].get_weights()[0], frozen[0])
    _assert_same(*models)


def test_an_error_within_a_step_leaves_the_state_of_the_last_epoch(monkeypatch: Any) -> None:
    model = _model(False, optimizer=lambda: optimizers.SGD(1.0), loss="mse")
    _history(model)
    weights = [w.numpy() for w in model.variables]
    model.optimizer.learning_rate = 1e30
    with np.errstate(all="raise"), pytest.raises((FloatingPointError, ArithmeticError)):
        model.fit(X * 1e20, Y, epochs=2, verbose=0)
    for variable, before in zip(model.variables, weights, strict=True):
        np.testing.assert_array_equal(variable.numpy(), before)


def test_the_executor_is_an_argument_or_a_setting(monkeypatch: Any) -> None:
    expected = _history(_model(False))
    generic = _model(False, executor="generic")
    np.testing.assert_allclose(_history(generic)["loss"], expected["loss"], rtol=1e-6)
    assert generic.plans["train", 32].executor == "generic"
    monkeypatch.setenv("NNARRAY_EXECUTOR", "generic")
    model = _model(False)
    _history(model)
    assert model.plans["train", 32].executor == "generic"
    optimizer = model.optimizer
    with pytest.raises(ValueError, match="Unknown executor: 'nunpy'. Did you mean 'numpy'"):
        model.compile("sgd", "mse", executor="nunpy")
    assert model.optimizer is optimizer


def test_code_that_needs_values_is_told_to_run_eagerly() -> None:
    class Branch(layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs if inputs[0, 0] > 0 else -inputs

    model = Sequential([Branch(input_shape=(3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(nna.TracingError, match=r"test_plans.py, line .*\n.*run_eagerly=True"):
        model.fit(X, Y, verbose=0)
    model.compile("sgd", "mse", run_eagerly=True)
    model.fit(X, Y, verbose=0)


LOSSES = [name for name, made in vars(losses).items() if isinstance(made, type) and issubclass(made, losses.Loss)]
METRICS = [name for name in vars(metrics) if name.endswith(("Accuracy", "Error", "Entropy", "Crossentropy"))]


def _trained(name: str, loss: Any, counted: list[Any], eagerly: bool) -> list[Any]:
    nna.set_seed(0)
    one = name.startswith("Binary")
    sparse = "Sparse" in name or name in ("Circle", "CategoricalGeneralizedCrossEntropy")
    targets = Y if one else Y[:, 0].astype("int64") if sparse else np.concatenate([Y, 1 - Y], axis=1)
    model = Sequential([layers.Dense(1 if one else 2, activation="sigmoid" if one else "softmax", input_dim=3)])
    model.compile("adam", loss, metrics=counted, run_eagerly=eagerly)
    return list(model.fit(X, targets, epochs=2, verbose=0).history.values())


#: Outputs over time, which CTC takes, are in tests/test_ctc.py.
@pytest.mark.parametrize("name", [name for name in LOSSES if name not in ("Loss", "LossFunctionWrapper", "CTC")])
def test_every_loss_trains_on_a_plan(name: str) -> None:
    found = [_trained(name, getattr(losses, name)(), [], eagerly) for eagerly in (False, True)]
    np.testing.assert_allclose(*found, rtol=1e-6)


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_counts_on_a_plan(name: str) -> None:
    loss = "sparse_categorical_crossentropy" if "Sparse" in name else "mse"
    found = [_trained(name, loss, [getattr(metrics, name)()], eagerly) for eagerly in (False, True)]
    np.testing.assert_allclose(*found, rtol=1e-6)
