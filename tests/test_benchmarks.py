"""The benchmarks run, on small sizes, and print their ratios."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def test_uniforms_are_timed_for_each_dtype_and_size(capsys: Any) -> None:
    found = runpy.run_path(str(BENCHMARKS / "uniforms.py"))["main"](["--sizes", "1", "20", "--repeats", "1"])
    assert len(found) == 4
    assert all(seconds > 0 for line in found for seconds in line)
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()[1:]] == [
        *(["float32", "1"], ["float32", "20"], ["float64", "1"], ["float64", "20"]),
    ]


def test_eager_gradients_are_compared_with_autograds(capsys: Any) -> None:
    pytest.importorskip("autograd")
    assert runpy.run_path(str(BENCHMARKS / "eager.py"))["main"](["--repeats", "1"]) > 0
    assert "ratio" in capsys.readouterr().out
