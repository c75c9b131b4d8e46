"""Where a program would go on in silence with other numbers than Keras gives, or than it was told to compute."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import callbacks, layers, models, optimizers
from tests.nets import both_ways

X = np.random.default_rng(0).normal(size=(48, 3)).astype("float32")
Y = (X @ np.asarray([[1.0], [-2.0], [0.5]])).astype("float32")


def _model(**compiled: Any) -> models.Sequential:
    model = models.Sequential([layers.Input((3,)), layers.Dense(4, activation="tanh"), layers.Dense(1)])
    model.compile(optimizers.SGD(0.05), "mse", **compiled)
    return model


def _freeze(model: Any) -> None:
    model.layers[0].trainable = False


def _freeze_variable(model: Any) -> None:
    model.layers[0].bias.trainable = False


def _replace_optimizer(model: Any) -> None:
    model.optimizer = optimizers.Adam()


@both_ways
@pytest.mark.parametrize("hook", ["on_train_begin", "on_epoch_begin", "on_train_batch_begin", "on_train_batch_end"])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_freeze, "'dense.*' with trainable=False"),
        (_freeze_variable, "'bias' with trainable=False"),
        (_replace_optimizer, "another optimizer"),
    ],
)
def test_what_a_callback_freezes_is_not_trained_on_in_silence(change: Any, said: str, hook: str, eagerly: bool) -> None:
    model = _model(run_eagerly=eagerly)
    callback = callbacks.LambdaCallback(**{hook: lambda *_: change(model)})
    with pytest.raises(RuntimeError, match=f"cannot be changed while a model is trained: received {said}"):
        model.fit(X, Y, callbacks=callback, verbose=0)


@both_ways
def test_what_is_frozen_between_two_calls_of_fit_rests_and_a_callback_may_do_it_at_the_end(eagerly: bool) -> None:
    model = _model(run_eagerly=eagerly)
    model.fit(X, Y, callbacks=callbacks.LambdaCallback(on_train_end=lambda logs: _freeze(model)), verbose=0)
    before = model.layers[0].get_weights()
    model.fit(X, Y, initial_epoch=1, epochs=2, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.layers[0].get_weights(), strict=True))


def test_a_step_of_ones_own_may_freeze_a_part_while_it_runs() -> None:
    class Thawed(models.Model):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = layers.Dense(4), layers.Dense(1)
            self.course: list[Any] = []

        def call(self, inputs: Any) -> Any:
            return self.second(self.first(inputs))

        def train_step(self, data: Any) -> Any:
            self.first.trainable = len(self.course) < 3
            return super().train_step(data)

    model = Thawed()
    model.compile("sgd", "mse", run_eagerly=True)
    note = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: model.course.append(model.first.kernel.numpy()))
    model.fit(X, Y, epochs=5, callbacks=note, verbose=0)
    assert [np.array_equal(a, b) for a, b in zip(model.course, model.course[1:], strict=False)] == [False] * 2 + [
        True
    ] * 2


class _Ends(callbacks.Callback):
    def __init__(self) -> None:
        self.seen: list[int] = []

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self.seen.append(batch)
        self.model.stop_evaluating = batch == 1

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        self.seen.append(batch)
        self.model.stop_predicting = batch == 1


def test_evaluation_and_prediction_end_after_the_batch_in_which_a_hook_says_so() -> None:
    model, hook = _model(), _Ends()
    two = model.evaluate(X[:16], Y[:16], batch_size=8, verbose=0)
    assert model.evaluate(X, Y, batch_size=8, callbacks=hook, verbose=0) == two
    assert model.predict(X, batch_size=8, callbacks=hook, verbose=0).shape == (16, 1)
    history = model.fit(X, Y, batch_size=8, epochs=2, validation_data=(X, Y), callbacks=hook, verbose=0).history
    assert hook.seen == [0, 1] * 4
    assert history["val_loss"][-1] == model.evaluate(X[:16], Y[:16], batch_size=8, verbose=0)
    assert model.predict(X, batch_size=8, verbose=0).shape == (48, 1)


class _Given(callbacks.Callback):
    """Puts figures into the logs, one for each epoch."""

    def __init__(self, figures: list[float]) -> None:
        self.figures = figures

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs["figure"] = self.figures[epoch]


def test_a_first_figure_that_is_nan_is_no_best_one(tmp_path: Path) -> None:
    figures = _Given([math.nan, 3.0, 2.0, math.nan, 1.0, 4.0])
    keep = callbacks.ModelCheckpoint(tmp_path / "{epoch}.safetensors", "figure", mode="min", save_best_only=True)
    lower = callbacks.ReduceLROnPlateau("figure", factor=0.5, patience=2, mode="min")
    stop = callbacks.EarlyStopping("figure", patience=2, mode="min")
    model = _model()
    model.fit(X, Y, epochs=6, callbacks=[figures, keep, lower, stop], verbose=0)
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["2", "3", "5"]
    assert float(model.optimizer.learning_rate) == pytest.approx(0.05)
    assert (keep.best, lower.best, stop.best, stop.stopped_epoch) == (1.0, 1.0, 1.0, 0)


def test_a_figure_whose_name_ends_as_another_ones_does_not_take_its_direction() -> None:
    def lost_accuracy(y_true: Any, y_pred: Any) -> Any:
        return abs(y_true - y_pred)

    model = _model(metrics=["accuracy", lost_accuracy])
    stop = callbacks.EarlyStopping("lost_accuracy")
    with pytest.raises(ValueError, match="cannot tell whether 'lost_accuracy' is better"):
        model.fit(X, Y, epochs=3, callbacks=stop, verbose=0)


def test_an_only_output_in_a_list_is_returned_alone() -> None:
    base = _model()
    for outputs in (base.outputs, tuple(base.outputs), [base.layers[0].output]):
        model = models.Model(base.inputs, outputs)
        width = outputs[0].shape[-1]
        assert (model.input_shape, model.output_shape) == ((None, 3), (None, width))
        assert model.predict(X, verbose=0).shape == model.predict([X], verbose=0).shape == (48, width)
        assert model(X).shape == (48, width)
        again = models.Model.from_config(model.get_config())
        assert again.predict(X, verbose=0).shape == (48, width)
    model = models.Model(base.inputs, base.outputs)
    for loss, y in (("mse", Y), (["mse"], [Y])):
        model.compile("sgd", loss, metrics=["mae"])
        assert list(model.fit([X], y, verbose=0).history) == ["loss", "mae"]
    whole = models.Sequential([layers.Input((3,)), models.Model(base.inputs, base.outputs), layers.Dense(2)])
    assert whole.predict(X, verbose=0).shape == (48, 2)


def test_figures_of_several_outputs_are_listed_in_the_order_of_keras() -> None:
    inputs = layers.Input((3,))
    model = models.Model(inputs, [layers.Dense(1, name="z")(inputs), layers.Dense(1, name="b")(inputs)])
    figures = {"metrics": {"z": ["mse", "mae"], "b": ["mae"]}, "weighted_metrics": {"z": ["mse"]}}
    model.compile("sgd", ["mse", "mae"], **figures)
    model.fit(X, [Y, 2 * Y], verbose=0)
    names = ["loss", "z_loss", "b_loss", "b_mae", "z_mae", "z_mse", "z_weighted_mse"]
    assert model.metrics_names == names
    by_name = model.evaluate(X, [Y, 2 * Y], verbose=0, return_dict=True)
    assert model.evaluate(X, [Y, 2 * Y], verbose=0) == [by_name[name] for name in names]


class _Board(callbacks.TensorBoard):
    """Keeps what it is to write of one figure."""

    def _writer(self, name: str) -> Any:
        self.written: list[tuple[str, float]] = self.__dict__.get("written", [])
        return self

    def add_scalar(self, name: str, value: float, step: int) -> None:
        if "f1" in name:
            self.written.append((name, value))


def _three_classes() -> tuple[models.Sequential, np.ndarray]:
    model = models.Sequential([layers.Input((3,)), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "categorical_crossentropy", metrics=[nna.metrics.F1Score(average=None, name="f1")])
    return model, np.eye(3)[np.digitize(Y[:, 0], [-1, 1])]


def test_a_figure_with_axes_is_written_whole_with_all_its_digits(tmp_path: Path) -> None:
    model, classes = _three_classes()
    log = callbacks.CSVLogger(tmp_path / "log.csv")
    board = _Board(tmp_path, write_graph=False, update_freq="batch")
    history = model.fit(X, classes, batch_size=48, epochs=2, callbacks=[log, board], verbose=0).history
    with (tmp_path / "log.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row, figure in zip(rows, history["f1"], strict=True):
        assert json.loads(row["f1"]) == figure.tolist()
    assert board.written == [
        *[(f"batch_f1/{i}", history["f1"][0][i]) for i in range(3)],
        *[(f"epoch_f1/{i}", history["f1"][0][i]) for i in range(3)],
        *[(f"batch_f1/{i}", history["f1"][1][i]) for i in range(3)],
        *[(f"epoch_f1/{i}", history["f1"][1][i]) for i in range(3)],
    ]


@pytest.mark.parametrize("callback", [callbacks.EarlyStopping, callbacks.ReduceLROnPlateau])
def test_a_figure_with_axes_is_refused_by_name_where_numbers_are_compared(callback: Any) -> None:
    model, classes = _three_classes()
    with pytest.raises(ValueError, match=r"compares numbers: received monitor='f1' of shape \(3,\)"):
        model.fit(X, classes, callbacks=callback("f1", mode="max"), verbose=0)


class _Counting(layers.Layer):
    """Counts how often it is called, and takes the mean of its inputs."""

    def build(self, input_shape: Any) -> None:
        self.calls = self.add_weight((), "zeros", trainable=False, name="calls")
        self.seen = nna.metrics.Mean(name="seen")

    def call(self, inputs: Any) -> Any:
        self.calls.assign_add(1.0)
        self.seen.update_state(inputs)
        return inputs


@both_ways
@pytest.mark.parametrize("backend", ["numpy", "torch", "jax"])
def test_what_a_call_assigns_is_kept_in_predictions_too_and_predictions_are_no_figures(
    backend: str, eagerly: bool
) -> None:
    pytest.importorskip(backend)
    layer = _Counting()
    model = models.Sequential([layers.Input((3,)), layer, layers.Dense(1)], backend=backend)
    counts = []
    for compiled in (False, True):
        if compiled:
            model.compile("sgd", "mse", run_eagerly=eagerly)
        model.predict(X, batch_size=16, verbose=0)
        counts.append(float(layer.calls))
    seen = model.evaluate(X, Y, batch_size=16, verbose=0)[1]
    hook = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: model.predict(X[:1] + 9, verbose=0))
    history = model.fit(X, Y, batch_size=16, callbacks=hook, verbose=0).history
    assert [history["seen"][0], seen] == pytest.approx([float(X.mean())] * 2, rel=1e-4)
    assert [*counts, float(layer.calls)] == [3, 6, 6 + 3 + 3 + 3]


class _Assigned(layers.Layer):
    """Its build assigns too."""

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight(input_shape[1:], "zeros", trainable=False, name="scale")
        self.scale.assign(np.arange(4.0) + 1)
        self.inner = layers.Dense(1)
        self.inner.build(input_shape)
        self.inner.set_weights([np.full((4, 1), 7.0), np.full(1, 8.0)])
        self.calls = self.add_weight((), "zeros", trainable=False, name="calls")

    def call(self, inputs: Any) -> Any:
        self.calls.assign_add(1.0)
        return self.inner(inputs * self.scale)


class _Late(models.Model):
    """Its layers are built at the first call."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.counted = layers.Dense(4), _Assigned()

    def call(self, inputs: Any) -> Any:
        return self.counted(self.first(inputs))


class _OfSteps(models.Model):
    """Its layers are built by the rehearsal of its step."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.counted = layers.Dense(4), _Assigned()

    def train_step(self, data: Any) -> Any:
        x, y = data
        xp = nna.array_namespace(x)
        loss, gradients = nna.value_and_grad(lambda _: xp.mean((self.counted(self.first(x)) - y) ** 2))(
            self.trainable_variables
        )
        self.optimizer.apply(gradients, self.trainable_variables)
        return {"loss": loss}


def _fitted(model: Any) -> Any:
    model.compile(optimizers.SGD(0.0), "mse")
    return model.fit(X, Y, batch_size=16, verbose=0)


@pytest.mark.parametrize(
    ("made", "start", "calls"),
    [
        (_Late, lambda model: model.build((None, 3)), 0),
        (_Late, lambda model: model(X), 1),
        (_Late, lambda model: model.predict(X, batch_size=16, verbose=0), 3),
        (_Late, _fitted, 3),
        (_OfSteps, _fitted, 3),
    ],
)
def test_a_model_that_is_built_by_a_call_keeps_what_builds_assign_and_nothing_that_the_trial_call_did(
    made: Any, start: Any, calls: int
) -> None:
    model = made()
    start(model)
    assert float(model.counted.calls) == calls
    np.testing.assert_array_equal(model.counted.scale, [1.0, 2.0, 3.0, 4.0])
    np.testing.assert_array_equal(model.counted.inner.bias, [8.0])


def test_callbacks_of_evaluation_are_called_for_several_batches_as_those_of_training() -> None:
    class Noted(callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.calls: list[tuple[str, int]] = []

        def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.calls.append(("begin", batch))

        def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
            self.calls.append(("end", batch))

    model, noted = _model(steps_per_execution=3), Noted()
    found = model.evaluate(X, Y, batch_size=7, callbacks=noted, verbose=0)
    assert noted.calls == [("begin", 0), ("end", 2), ("begin", 3), ("end", 5), ("begin", 6), ("end", 6)]
    model.compile(optimizers.SGD(0.05), "mse")
    assert model.evaluate(X, Y, batch_size=7, verbose=0) == found


@both_ways
def test_the_only_input_of_a_stack_may_stand_in_a_list(eagerly: bool) -> None:
    histories = []
    for given in (X, [X], (X,)):
        model = _model(run_eagerly=eagerly)
        model.set_weights([np.full(w.shape, 0.1) for w in model.get_weights()])
        histories.append(model.fit(given, Y, epochs=2, shuffle=False, verbose=0).history["loss"])
        histories.append([model.evaluate(given, Y, verbose=0), float(model.predict(given, verbose=0).sum())])
    assert histories[::2] == [histories[0]] * 3
    assert histories[1::2] == [histories[1]] * 3


def test_sparse_matrices_that_are_dicts_train_as_the_others() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    dense = np.where(X > 0, X, 0)
    losses = []
    for given in (dense, sparse.dok_array(dense), sparse.dok_matrix(dense), sparse.lil_array(dense)):
        model = _model()
        model.set_weights([np.full(w.shape, 0.1) for w in model.get_weights()])
        losses.append(model.fit(given, Y, epochs=2, shuffle=False, verbose=0).history["loss"])
        model.train_on_batch(given, Y)
    assert losses == [losses[0]] * 4
