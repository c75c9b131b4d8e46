"""The examples run and end as their texts say."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
CLOTHES = Path(__file__).parent / "data" / "fashion-mnist"


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


def test_clothes_are_recognised_and_the_pictures_drawn(tmp_path: Path, capsys: Any) -> None:
    arguments = [
        "--data",
        str(EXAMPLES.parent / "tests" / "data" / "fashion-mnist"),
        "--out",
        str(tmp_path / "figures"),
    ]
    accuracy = load("fashion_mnist").main([*arguments, "--epochs", "12", "--batch-size", "32"])
    assert accuracy >= 0.7  # of 600 pictures to learn from
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == [
        "confusion.png",
        "curves.png",
        "mistakes.png",
    ]
    out = capsys.readouterr().out
    assert f"accuracy {accuracy:.4f}" in out
    assert "scikit-learn" in out


def test_of_the_clothes_the_first_may_do_and_mistakes_are_counted_by_class() -> None:
    example = load("fashion_mnist")
    data = example.load(CLOTHES, first=120)
    assert [len(part) for part in data] == [120, 120, 20, 20]
    assert (data.x.dtype.name, data.x.min(), data.x.max()) == ("float32", 0.0, 1.0)
    counts = example.confusion(data.y_test[:3], data.y_test[[0, 0, 2]])  # 9, 2, 1 taken for 9, 9, 1
    assert {(int(i), int(j)): int(counts[i, j]) for i, j in zip(*counts.nonzero(), strict=True)} == {
        **{(9, 9): 1, (2, 9): 1, (1, 1): 1}
    }


def test_the_articles_figures_are_drawn_and_unseen_points_told_apart(
    tmp_path: Path, capsys: Any, request: pytest.FixtureRequest
) -> None:
    # A frame of a film an epoch: ci/demo draws fifty, and tests/test_article.py holds what they lead to.
    epochs, least = (50, 0.99) if request.config.getoption("--deep") else (10, 0.6)
    accuracy = load("article").main(["--out", str(tmp_path / "figures"), "--epochs", str(epochs)])
    assert accuracy >= least
    names = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert {name[0] for name in names} == set("123456789")
    assert "3_boundary.gif" in names
    out = capsys.readouterr().out
    assert "On 100 unseen points: loss" in out
    assert str(tmp_path / "figures") in out


def test_functions_of_scipy_are_differentiated_on_every_library_here(backend: str) -> None:
    # In a process of its own: SciPy looks for SCIPY_ARRAY_API when it is first imported.
    code = "import json, differentiate_anything as d; print(json.dumps(d.compare(__import__('sys').argv[1])))"
    run = subprocess.run(
        [sys.executable, "-c", code, backend], cwd=EXAMPLES, capture_output=True, text=True, check=False, timeout=300
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout.splitlines()[-1])
    assert len(found) == 4
    assert max(found.values()) < 1e-11


def test_scipy_trains_a_model_by_its_vector_of_weights() -> None:
    assert load("lbfgs").main() >= 0.99
