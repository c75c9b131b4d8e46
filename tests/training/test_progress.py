"""What fit and evaluate show, on a terminal and elsewhere."""

from __future__ import annotations

import io
import sys
from typing import Any

import numpy as np
import pytest

from nnarray import layers, models
from nnarray.training import _progress

X = np.random.default_rng(0).standard_normal((64, 2)).astype("float32")
Y = (X[:, 0] > 0).astype("float32")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _fit(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, verbose: Any) -> list[str]:
    model = models.Sequential([layers.Dense(1, "sigmoid", input_dim=2)])
    model.compile("adam", "binary_crossentropy", ["accuracy"])
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(_progress, "INTERVAL", 0.0)
    model.fit(X, Y, epochs=2, batch_size=16, verbose=verbose, validation_split=0.25)
    return stream.getvalue().splitlines()


@pytest.mark.parametrize("verbose", ["auto", 1, 2])
def test_without_a_terminal_there_is_one_line_an_epoch(monkeypatch: pytest.MonkeyPatch, verbose: Any) -> None:
    lines = _fit(monkeypatch, io.StringIO(), verbose)
    assert len(lines) == 2
    assert lines[0].startswith("Epoch 1/2 - ")
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        assert f" - {name}: 0." in lines[1] or f" - {name}: 1." in lines[1]


def test_verbose_zero_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _fit(monkeypatch, io.StringIO(), 0) == []


@pytest.mark.parametrize("verbose", ["auto", 1])
def test_on_a_terminal_a_bar_shows_steps_figures_and_time_left(monkeypatch: pytest.MonkeyPatch, verbose: Any) -> None:
    text = "\n".join(_fit(monkeypatch, Terminal(), verbose))
    assert "Epoch 2/2" in text
    assert "3/3" in text
    assert "val_accuracy" in text
    assert "<" in text


def test_small_figures_keep_their_digits() -> None:
    assert _progress.format_logs({"loss": 0.00001234, "accuracy": 0.5}) == "loss: 1.234e-05 - accuracy: 0.5000"
