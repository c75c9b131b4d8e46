"""Callbacks that save, restore, show and end: ModelCheckpoint, BackupAndRestore, TensorBoard, TerminateOnNaN."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray.callbacks import (
    BackupAndRestore,
    EarlyStopping,
    LambdaCallback,
    ModelCheckpoint,
    ProgbarLogger,
    TensorBoard,
    TerminateOnNaN,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 6)).astype(np.float32)
Y = RNG.normal(size=(40, 2)).astype(np.float32)


def compiled(rate: float = 0.01) -> Any:
    model = nna.Sequential(
        [nna.layers.Dense(4, "tanh", input_shape=(6,)), nna.layers.Dropout(0.2), nna.layers.Dense(2)]
    )
    model.compile(nna.optimizers.Adam(rate), "mse", metrics=["mae"])
    return model


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_for_each_epoch(tmp_path: Path) -> None:
    keep = ModelCheckpoint(tmp_path / "new" / "{epoch:02d}-{val_loss:.3f}.safetensors")
    model = compiled()
    history = model.fit(X, Y, epochs=3, validation_split=0.2, callbacks=[keep], verbose=0)
    expected = [f"{i + 1:02d}-{loss:.3f}.safetensors" for i, loss in enumerate(history.history["val_loss"])]
    assert names(tmp_path / "new") == expected
    last = nna.models.load_model(tmp_path / "new" / expected[-1])
    np.testing.assert_array_equal(last.predict(X, verbose=0), model.predict(X, verbose=0))


def test_only_the_best_is_kept_and_only_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "best.safetensors"
    rates = iter([0.01, 0.01, 10.0, 10.0])
    change = LambdaCallback(on_epoch_begin=lambda *_: setattr(model.optimizer, "learning_rate", next(rates)))
    model = compiled()
    keep = ModelCheckpoint(path, monitor="loss", save_best_only=True, save_weights_only=True, verbose=1)
    at_best: list[Any] = []
    note = LambdaCallback(on_epoch_end=lambda *_: at_best.append(model.get_weights()))
    history = model.fit(X, Y, epochs=4, callbacks=[change, keep, note], verbose=0)
    best = int(np.argmin(history.history["loss"]))
    other = compiled()
    other.load_weights(path)
    for mine, theirs in zip(other.get_weights(), at_best[best], strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert "saved" in capsys.readouterr().out
    keep = ModelCheckpoint(tmp_path / "none.safetensors", "loss", save_best_only=True, initial_value_threshold=1e-9)
    model.fit(X, Y, callbacks=[keep], verbose=0)
    assert names(tmp_path) == ["best.safetensors"]


def test_a_file_after_so_many_batches(tmp_path: Path) -> None:
    keep = ModelCheckpoint(tmp_path / "{epoch}-{batch}.safetensors", save_freq=4)
    compiled().fit(X, Y, batch_size=8, epochs=2, callbacks=[keep], verbose=0)
    assert names(tmp_path) == ["1-4.safetensors", "2-3.safetensors"]


@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        ({"filepath": "m.keras"}, "m.safetensors"),
        ({"filepath": "m.safetensors", "save_freq": 0}, "save_freq"),
        ({"filepath": "m.safetensors", "mode": "best"}, "mode"),
    ],
)
def test_settings_of_a_checkpoint_that_make_no_sense(arguments: dict[str, Any], pattern: str) -> None:
    with pytest.raises(ValueError, match=pattern):
        ModelCheckpoint(**arguments)


def test_unknown_fields_are_told_with_the_known(tmp_path: Path) -> None:
    keep = ModelCheckpoint(tmp_path / "{val_loss}.safetensors")
    with pytest.raises(ValueError, match="loss, mae.*'val_loss'"):
        compiled().fit(X, Y, callbacks=[keep], verbose=0)


def run(folder: Path, fail_at: int | None, save_freq: Any = "epoch") -> Any:
    nna.utils.set_random_seed(4)
    model = compiled()

    def fail(epoch: int, _: Any) -> None:
        if epoch == fail_at:
            raise OSError("no power")

    hooks = [
        BackupAndRestore(folder, save_freq, double_checkpoint=True),
        EarlyStopping("loss", patience=9, restore_best_weights=True),
        LambdaCallback(on_epoch_begin=fail),
    ]
    try:
        model.fit(X, Y, batch_size=8, epochs=5, callbacks=hooks, verbose=0)
    except OSError:
        assert names(folder) == ["backup.safetensors", "previous.safetensors"]
    return model


def test_training_that_was_interrupted_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole = run(tmp_path / "a", None)
    assert not (tmp_path / "a").exists()
    run(tmp_path / "b", 3)
    again = run(tmp_path / "b", None)
    assert again.history.epoch == [3, 4]
    assert again.history.history["loss"] == whole.history.history["loss"][3:]
    for mine, theirs in zip(again.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    run(tmp_path / "c", 3, save_freq=4)
    assert run(tmp_path / "c", None, save_freq=4).history.epoch == [2, 3, 4]


def test_a_backup_of_another_model_is_refused(tmp_path: Path) -> None:
    run(tmp_path / "b", 3)
    model = nna.Sequential([nna.layers.Dense(2, input_shape=(6,))])
    model.compile("sgd", "mse")
    before = model.get_weights()
    with pytest.raises(ValueError, match="of another model"):
        model.fit(X, Y, callbacks=[BackupAndRestore(tmp_path / "b")], verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


def test_figures_are_read_back_from_the_board(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    model = compiled()
    board = TensorBoard(tmp_path, histogram_freq=1, update_freq=2, write_steps_per_second=True)
    history = model.fit(X, Y, batch_size=8, epochs=3, validation_data=(X, Y), callbacks=[board], verbose=0)
    train, held = scalars(tmp_path / "train"), scalars(tmp_path / "validation")
    np.testing.assert_allclose(train["epoch_loss"], history.history["loss"], rtol=1e-6)
    np.testing.assert_allclose(held["epoch_mae"], history.history["val_mae"], rtol=1e-6)
    np.testing.assert_allclose(train["epoch_learning_rate"], [0.01] * 3, rtol=1e-6)
    assert len(train["batch_loss"]) == 15 // 2
    assert len(train["epoch_steps_per_second"]) == 3


def scalars(folder: Path) -> dict[str, list[float]]:
    """Return the scalars in the files of events of a folder, read by their format alone."""
    from tensorboardX.proto.event_pb2 import Event

    found: dict[str, list[float]] = {}
    for path in sorted(folder.glob("events*")):
        data, place = path.read_bytes(), 0
        while place < len(data):
            length = int.from_bytes(data[place : place + 8], "little")
            event = Event.FromString(data[place + 12 : place + 12 + length])
            for value in event.summary.value:
                if value.HasField("simple_value"):
                    found.setdefault(value.tag, []).append(value.simple_value)
            place += 16 + length
    return found


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_loss_that_is_not_finite_ends_training_quietly(capsys: pytest.CaptureFixture[str]) -> None:
    model = compiled()
    model.fit(X, Y, epochs=1, verbose=0)
    before = model.get_weights()
    model.optimizer.learning_rate = 1e30
    history = model.fit(X, Y, batch_size=8, epochs=4, callbacks=[TerminateOnNaN()], verbose=0)
    assert "Invalid loss, terminating training" in capsys.readouterr().out
    assert len(history.epoch) < 4
    assert not np.isfinite(history.history["loss"][-1])
    for mine, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, old)
    with pytest.raises(nna.training.NonFiniteLossError):
        model.fit(X, Y, batch_size=8, epochs=4, callbacks=[TerminateOnNaN(raise_error=True)], verbose=0)


def test_the_bar_as_a_callback_takes_the_place_of_that_of_fit(capsys: pytest.CaptureFixture[str]) -> None:
    compiled().fit(X, Y, epochs=2, callbacks=[ProgbarLogger()])
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(" - ")[0] for line in lines] == ["Epoch 1/2", "Epoch 2/2"]
    assert all("loss: " in line and "mae: " in line for line in lines)
