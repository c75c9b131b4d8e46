"""Steps, losses and figures of one's own: they are called, and those of another framework are refused with the cure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import callbacks, layers, metrics
from nnarray.metrics import BinaryAccuracy
from nnarray.models import Model, Sequential
from tests.nets import X, Y, both_ways, dense


class _Base(Model):
    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs)


class _FromScratch(_Base):
    def __init__(self) -> None:
        super().__init__()
        self.mine = metrics.Mean("mine")

    def train_step(self, data: Any) -> Any:
        x, y = data

        def objective(_: Any) -> Any:
            return nna.array_namespace(y).mean((self(x, training=True) - y) ** 2)

        loss, gradients = nna.value_and_grad(objective)(self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        self.mine.update_state(loss)
        return {"mine": self.mine.result()}


@both_ways
def test_a_training_step_of_ones_own_is_what_trains(eagerly: bool) -> None:
    model, plain = _FromScratch(), _Base()
    for each in (model, plain):
        each.build((None, 3))
        each.set_weights(dense().get_weights())
        each.compile("sgd", None if each is model else "mse", run_eagerly=eagerly)
    history = model.fit(X, Y, batch_size=8, epochs=3, shuffle=False, verbose=0).history
    expected = plain.fit(X, Y, batch_size=8, epochs=3, shuffle=False, verbose=0).history["loss"]
    assert list(history) == ["mine"]
    np.testing.assert_allclose(history["mine"], expected, rtol=1e-5)
    assert list(model.train_on_batch(X, Y, return_dict=True)) == ["mine"]
    np.testing.assert_allclose(model.predict(X, verbose=0) * 0, plain.predict(X, verbose=0) * 0)


class _Doubled(_Base):
    def train_step(self, data: Any) -> Any:
        x, y = data[:2]
        return {**super().train_step((2 * x, y)), "mean": nna.array_namespace(x).mean(x), "one": 1.0}


class _Graph(Model):
    def train_step(self, data: Any) -> Any:
        return {**super().train_step(data), "one": 1.0}


class _Stack(Sequential):
    def train_step(self, data: Any) -> Any:
        return {**super().train_step(data), "one": 1.0}


@both_ways
def test_a_step_may_call_that_of_its_base_in_any_kind_of_model(eagerly: bool) -> None:
    symbol = layers.Input((3,))
    for model in (_Doubled(), _Graph(symbol, layers.Dense(1)(symbol)), _Stack([layers.Dense(1)])):
        model.compile("sgd", "mse", metrics=["mse"], run_eagerly=eagerly)
        history = model.fit(X, Y, epochs=2, verbose=0).history
        assert history["one"] == [1.0, 1.0]
        assert history["loss"][1] < history["loss"][0]
        if "mean" in history:
            assert history["mean"][0] == pytest.approx(X.mean(), rel=1e-5)


class _OwnTestAndPredict(_Base):
    def test_step(self, data: Any) -> Any:
        return {"seven": nna.array_namespace(data[1]).sum(data[1]) * 0 + 7.0}

    def predict_step(self, data: Any) -> Any:
        return self(data[0] if isinstance(data, tuple) else data) * 0 + 3.0


@both_ways
def test_steps_of_testing_and_predicting_are_called_too(eagerly: bool) -> None:
    model = _OwnTestAndPredict()
    model.compile("sgd", "mse", run_eagerly=eagerly)
    assert model.evaluate(X, Y, verbose=0, return_dict=True)["seven"] == 7.0
    assert model.predict(X[:2], verbose=0).tolist() == [[3.0], [3.0]]
    assert model.fit(X, Y, verbose=0, validation_data=(X, Y)).history["val_seven"] == [7.0]


class _TensorFlows(_Base):
    def train_step(self, data: Any) -> Any:
        with tf.GradientTape() as tape:  # noqa: F821 -- of another framework
            return tape


class _PyTorchs(_Base):
    def train_step(self, data: Any) -> Any:
        self.zero_grad()
        self.compute_loss(*data).backward()


class _Jaxs(_Base):
    def train_step(self, state: Any, data: Any) -> Any:
        return state


@both_ways
@pytest.mark.parametrize(
    ("cls", "whose"), [(_TensorFlows, "TensorFlow's"), (_PyTorchs, "PyTorch's"), (_Jaxs, "Keras on JAX")]
)
def test_a_step_of_another_framework_is_refused_with_the_form_it_has_here(cls: Any, whose: str, eagerly: bool) -> None:
    with pytest.raises(TypeError, match=rf"(?s){whose}.*def train_step\(self, data\).*value_and_grad"):
        cls().compile("sgd", "mse", run_eagerly=eagerly)


class _GivesANumber(_Base):
    def train_step(self, data: Any) -> Any:
        return 5


class _GivesArrays(_Base):
    def train_step(self, data: Any) -> Any:
        return {"loss": np.ones(3)}


@both_ways
@pytest.mark.parametrize("cls", [_GivesANumber, _GivesArrays])
def test_a_step_returns_a_dict_of_scalars(cls: Any, eagerly: bool) -> None:
    model = cls()
    model.compile("sgd", "mse", run_eagerly=eagerly)
    with pytest.raises(TypeError, match="train_step returns a dict of names and scalars"):
        model.fit(X, Y, verbose=0)


def _distance(y_true: Any, y_pred: Any) -> Any:
    return abs(y_true - y_pred)


def loss(y_true: Any, y_pred: Any) -> Any:
    """Return what is no loss, though it is called so."""
    return abs(y_true - y_pred)


_TWICE = metrics.MeanSquaredError()


@both_ways
@pytest.mark.parametrize(
    ("given", "weighted", "names"),
    [
        ([BinaryAccuracy(threshold=0.1), BinaryAccuracy(threshold=0.9)], [], ["binary_accuracy", "binary_accuracy_1"]),
        ([lambda t, p: abs(t - p), lambda t, p: (t - p) ** 2], [], ["lambda", "lambda_1"]),
        ([_TWICE, _TWICE], [], ["mean_squared_error", "mean_squared_error_1"]),
        (["mse", "mse", "mse"], [], ["mse", "mse_1", "mse_2"]),
        ([loss], [], ["loss_1"]),
        (["accuracy", "acc"], ["accuracy"], ["accuracy", "acc", "weighted_accuracy"]),
        ([loss, loss], [loss], ["loss_1", "loss_2", "weighted_loss"]),
        ([metrics.MeanMetricWrapper(_distance, name=n) for n in ("a", "a_1", "a")], [], ["a", "a_1", "a_2"]),
    ],
)
def test_there_are_as_many_figures_as_were_asked_for_each_with_a_name_of_its_own(
    given: Any, weighted: Any, names: list[str], eagerly: bool
) -> None:
    model = dense(1, "sigmoid")
    model.compile("sgd", "mse", metrics=given, weighted_metrics=weighted, run_eagerly=eagerly)
    found = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert list(found) == ["loss", *names]
    assert model.evaluate(X, Y, verbose=0) == list(found.values())
    p = model.predict(X, verbose=0)
    if names == ["binary_accuracy", "binary_accuracy_1"]:
        assert [found[name] for name in names] == pytest.approx([np.mean((p > t) == Y) for t in (0.1, 0.9)])
    history = model.fit(X, Y, verbose=0, validation_data=(X, Y)).history
    assert list(history) == ["loss", *names, "val_loss", *[f"val_{name}" for name in names]]


@both_ways
@pytest.mark.parametrize(
    ("hook", "steps"),
    [
        ("on_train_begin", 1),
        ("on_epoch_begin", 1),
        ("on_train_batch_begin", 1),
        ("on_train_batch_end", 1),
        ("on_epoch_end", 6),
        ("on_test_end", 6),
    ],
)
def test_training_ends_after_the_step_or_the_epoch_in_which_a_hook_says_so(
    hook: str, steps: int, eagerly: bool
) -> None:
    model = dense()
    model.compile("sgd", "mse", run_eagerly=eagerly)
    stop = callbacks.LambdaCallback(**{hook: lambda *_: setattr(model, "stop_training", True)})
    history = model.fit(X, Y, batch_size=4, epochs=3, verbose=0, callbacks=[stop], validation_data=(X, Y))
    assert history.epoch == [0]
    assert list(history.history) == ["loss", "val_loss"]
    assert int(model.optimizer.iterations) == steps
    assert model.fit(X, Y, batch_size=4, epochs=2, verbose=0).epoch == [0, 1]
