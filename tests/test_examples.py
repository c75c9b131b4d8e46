"""The examples run and end as their texts say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parent.parent / "examples"


def load(name: str) -> Any:
    """Return an example as a module."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_gradients_and_weights_by_hand_equal_the_automatic_ones() -> None:
    found = load("by_hand").differences()
    assert len(found) == 21
    assert max(found.values()) < 1e-10


def test_by_hand_prints_a_line_for_every_gradient_and_weight(capsys: Any) -> None:
    load("by_hand").main()
    assert len(capsys.readouterr().out.splitlines()) == 22


def test_digits_held_out_are_recognised() -> None:
    assert load("digits").main() >= 0.97
