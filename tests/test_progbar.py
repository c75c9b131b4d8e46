"""The bar of loops of one's own: Keras' running means, drawn anew on a terminal and once elsewhere."""

from __future__ import annotations

import re
import sys
from typing import Any

import numpy as np
import pytest

from nnarray.utils import Progbar


def shown(capsys: Any) -> str:
    return re.sub(r"\d+(us|ms|s)/", "_/", capsys.readouterr().out)


def test_figures_are_means_over_the_steps_and_those_of_the_last_call_as_they_are(capsys: Any) -> None:
    bar = Progbar(4, width=4)
    for step in range(4):
        bar.update(step, [("loss", 1 / (step + 1)), ("m", np.float32(step))])
    assert shown(capsys) == ""
    bar.update(4)
    assert shown(capsys) == "4/4 ━━━━ 0s _/step - loss: 0.5208 - m: 1.5000\n"
    bar = Progbar(4, width=4, stateful_metrics=["m"])
    for step in range(1, 5):
        bar.update(step, [("loss", 1 / step), ("m", step)])
    assert shown(capsys) == "4/4 ━━━━ 0s _/step - loss: 0.2500 - m: 4.0000\n"


def test_steps_that_are_added_at_once_weigh_as_many(capsys: Any) -> None:
    bar = Progbar(10, verbose=2, stateless_metrics=["loss"], unit_name="sample")
    bar.add(3, [("loss", 1.0), ("m", 2)])
    bar.add(4, [("loss", 5.0), ("m", 3e-5)])
    bar.update(10)
    assert shown(capsys) == "10/10 - 0s - _/sample - loss: 3.2857 - m: 3.0000e-05\n"


def test_a_terminal_is_drawn_over(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    bar = Progbar(10, width=5, interval=0.0)
    bar.update(4, [("a_long_name", 1.0)])
    bar.update(10, finalize=True)
    first, second = shown(capsys).split("\r")[1:]
    assert re.sub(r" \d+s", " 0s", first) == " 4/10 ━━─── 0s _/step - a_long_name: 1.0000"
    assert second.rstrip() == "10/10 ━━━━━ 0s _/step - a_long_name: 1.0000"
    slow = Progbar(10, interval=60.0)
    slow.update(1)
    slow.update(2)
    assert capsys.readouterr().out.count("\r") == 1


def test_a_loop_without_a_known_end_counts_and_quiet_is_quiet(capsys: Any) -> None:
    bar = Progbar(None)
    bar.update(7)
    bar.update(8, finalize=True)
    assert shown(capsys) == "      8/Unknown 0s _/step\n"
    Progbar(1, verbose=0).update(1)
    assert shown(capsys) == ""


def test_times_are_those_of_a_clock(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 3725.0, 0.0, 125.0])
    monkeypatch.setattr("time.monotonic", lambda: next(times))
    Progbar(1, width=1).update(1)
    assert capsys.readouterr().out == "1/1 ━ 1:02:05 3725s/step\n"
    Progbar(500, width=1).update(500)
    assert capsys.readouterr().out == "500/500 ━ 2:05 250ms/step\n"


def test_what_is_wrong_is_refused() -> None:
    with pytest.raises(ValueError, match="received both stateful_metrics and stateless_metrics"):
        Progbar(1, stateful_metrics=[], stateless_metrics=[])
    with pytest.raises(ValueError, match="verbose must be 0, 1 or 2: received verbose=3"):
        Progbar(1, verbose=3)
    with pytest.raises(ValueError, match="width must be a positive integer"):
        Progbar(1, width=0)
