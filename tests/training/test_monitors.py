"""EarlyStopping, ReduceLROnPlateau, LearningRateScheduler and CSVLogger: as Keras', in real trainings, and refusals."""

from __future__ import annotations

import csv
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import callbacks, layers, models, optimizers
from tests.keras_callbacks import NUMBERS, REDUCING, STOPPING, Model, run

KERAS = json.loads(NUMBERS.read_text())
X = np.random.default_rng(0).normal(size=(48, 3)).astype("float32")
Y = (X @ np.asarray([[1.0], [-2.0], [0.5]])).astype("float32")


def model_of(optimizer: Any = None, **compiled: Any) -> models.Sequential:
    nna.set_seed(0)
    model = models.Sequential([layers.Dense(1)])
    model.compile(optimizer or optimizers.SGD(0.1), "mse", **compiled)
    return model


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("number", range(len(STOPPING)))
def test_trainings_end_when_keras_ends_them_with_the_weights_of_keras(number: int, seed: int) -> None:
    assert run(callbacks.EarlyStopping("loss", **STOPPING[number]), seed) == KERAS["stopping"][number][seed]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("number", range(len(REDUCING)))
def test_rates_become_smaller_when_keras_makes_them_so(number: int, seed: int) -> None:
    assert run(callbacks.ReduceLROnPlateau("loss", **REDUCING[number]), seed) == KERAS["reducing"][number][seed]


def test_the_best_weights_come_back_and_training_goes_on_from_them() -> None:
    kept = []

    class Spoil(callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            kept.append(self.model.get_weights())
            if epoch >= 3:
                self.model.set_weights([w + 10 for w in self.model.get_weights()])

    model = model_of()
    stop = callbacks.EarlyStopping("loss", patience=2, restore_best_weights=True, verbose=1)
    history = model.fit(X, Y, batch_size=16, epochs=20, callbacks=[stop, Spoil()], verbose=0)
    best = int(np.argmin(history.history["loss"]))
    assert (stop.best_epoch, len(history.epoch)) == (best, best + 3)
    for found, expected in zip(model.get_weights(), kept[best], strict=True):
        np.testing.assert_array_equal(found, expected)
    before = model.evaluate(X, Y, verbose=0)
    model.fit(X, Y, epochs=3, verbose=0)
    assert model.evaluate(X, Y, verbose=0) < before


def test_what_is_better_is_what_the_metric_says() -> None:
    model = models.Sequential([layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy", "mae", nna.metrics.CosineSimilarity()])
    labels = (Y > 0).astype("float32")
    signs = {"val_accuracy": 1, "accuracy": 1, "mae": -1, "val_cosine_similarity": 1, "loss": -1, "val_loss": -1}
    for name, sign in signs.items():
        stop = callbacks.EarlyStopping(name, patience=9)
        model.fit(X, labels, epochs=2, validation_split=0.25, callbacks=[stop], verbose=0)
        assert stop._sign == sign, name
    model.compile("adam", "binary_crossentropy", metrics=[lambda y, p: p - y])
    with pytest.raises(ValueError, match="cannot tell whether 'lambda' is better the greater or the less"):
        model.fit(X, labels, epochs=2, callbacks=[callbacks.EarlyStopping("lambda")], verbose=0)
    model.fit(X, labels, epochs=2, callbacks=[callbacks.EarlyStopping("lambda", mode="min")], verbose=0)


def test_a_figure_that_there_is_not_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"EarlyStopping watches monitor='los'.*'loss'.* Did you mean 'loss'"):
        model_of().fit(X, Y, epochs=2, callbacks=[callbacks.EarlyStopping("los")], verbose=0)
    stop = callbacks.EarlyStopping(patience=1)
    with pytest.warns(UserWarning, match="monitor='val_loss', which no epoch of this training had: it did nothing"):
        history = model_of().fit(X, Y, epochs=3, callbacks=[stop], verbose=0)
    assert len(history.epoch) == 3


def test_validation_of_every_third_epoch_is_waited_for() -> None:
    model, stop, ended = Model(), callbacks.EarlyStopping(patience=1), None
    stop.set_model(model)
    stop.on_train_begin()
    for epoch in range(12):
        logs = {"loss": 1.0, **({"val_loss": 0.5} if epoch % 3 == 2 else {})}
        stop.on_epoch_end(epoch, logs)
        ended = epoch if ended is None and model.stop_training else ended
    # The second validation, of epoch 5, is no better than the first.
    assert ended == 5


def test_a_rate_that_follows_the_steps_is_refused_before_training() -> None:
    schedule = optimizers.schedules.CosineDecay(0.1, 10)
    model = model_of(optimizers.SGD(schedule))
    before = None
    for callback in (callbacks.ReduceLROnPlateau("loss"), callbacks.LearningRateScheduler(lambda epoch: 0.1)):
        with pytest.raises(TypeError, match="A learning rate given by CosineDecay"):
            model.fit(X, Y, epochs=2, callbacks=[callback], verbose=0)
        before = model.get_weights() if before is None else before
        np.testing.assert_array_equal(model.get_weights()[0], before[0])


def test_schedules_of_one_and_two_arguments_set_the_rate_that_steps_take(capsys: pytest.CaptureFixture[str]) -> None:
    for schedule in (lambda epoch: 0.1 / (epoch + 1), lambda epoch, rate: rate / (epoch + 1) * max(epoch, 1)):
        model = model_of()
        callback = callbacks.LearningRateScheduler(schedule, verbose=1)
        history = model.fit(X, Y, batch_size=48, epochs=3, callbacks=[callback], verbose=0).history
        np.testing.assert_allclose(history["learning_rate"], [0.1, 0.05, 0.1 / 3], rtol=1e-6)
        by_hand = model_of()
        for rate in (0.1, 0.05, 0.1 / 3):
            by_hand.optimizer.learning_rate = rate
            by_hand.fit(X, Y, batch_size=48, epochs=1, verbose=0)
        np.testing.assert_allclose(model.get_weights()[0], by_hand.get_weights()[0], rtol=1e-6)
    assert "Epoch 2: LearningRateScheduler setting learning rate to 0.05" in capsys.readouterr().out
    with pytest.raises(TypeError, match="learning_rate must be a number"):
        model.fit(X, Y, callbacks=[callbacks.LearningRateScheduler(lambda epoch: "fast")], verbose=0)


def test_figures_are_written_line_by_line_and_a_file_may_go_on(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    log = callbacks.CSVLogger(path, separator=";")
    model = model_of(metrics=["mae"])
    history = model.fit(X, Y, epochs=3, callbacks=[log], verbose=0).history
    again = callbacks.CSVLogger(path, separator=";", append=True)
    more = model.fit(X, Y, epochs=2, validation_data=(X, Y), callbacks=[again], verbose=0).history
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    assert list(rows[0]) == ["epoch", "loss", "mae", "val_loss", "val_mae"]
    assert [row["epoch"] for row in rows] == ["0", "1", "2", "0", "1"]
    np.testing.assert_allclose([float(row["loss"]) for row in rows], history["loss"] + more["loss"])
    assert [row["val_loss"] for row in rows] == ["NA", "NA", "NA", *map(str, more["val_loss"])]
    model.fit(X, Y, epochs=1, callbacks=[pickle.loads(pickle.dumps(log))], verbose=0)
    assert len(path.read_text().splitlines()) == 2
    with pytest.raises(FileNotFoundError):
        model.fit(X, Y, callbacks=[callbacks.CSVLogger(tmp_path / "no" / "log.csv")], verbose=0)


REFUSED = [
    ("EarlyStopping", {"patience": -1}, "patience must be a whole number"),
    ("EarlyStopping", {"mode": "less"}, "mode must be 'auto', 'min' or 'max'"),
    ("EarlyStopping", {"restore_best_weights": "yes"}, "restore_best_weights must be True or False"),
    ("ReduceLROnPlateau", {"factor": 1.0}, "factor must lie between 0 and 1: received factor=1.0"),
    ("ReduceLROnPlateau", {"min_lr": -0.1}, "min_lr must be a number of at least 0"),
]


@pytest.mark.parametrize(("name", "given", "message"), REFUSED)
def test_arguments_out_of_range_are_refused(name: str, given: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        getattr(callbacks, name)(**given)
    with pytest.raises(TypeError, match="schedule must be a function"):
        callbacks.LearningRateScheduler(0.1)
