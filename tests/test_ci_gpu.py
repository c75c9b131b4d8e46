"""The script for machines with a GPU, on a machine that has none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tests" / "doubles")} | settings
    command = [sys.executable, str(ROOT / "ci" / "gpu"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_without_a_gpu_it_says_so_fails_and_writes_nothing(tmp_path: Path) -> None:
    done = run(str(tmp_path / "results"), DOUBLE_FAILS="device")
    assert done.returncode == 1
    assert "No CUDA GPU that CuPy can use, so nothing was tested. Backend 'cupy' does not work here" in done.stderr
    assert "cupy 14.2.0: does not work" in done.stdout
    assert not (tmp_path / "results").exists()


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    hidden = tmp_path / "sitecustomize.py"
    hidden.write_text("import sys\nsys.modules['optree'] = None\n")
    done = run(str(tmp_path / "results"), PYTHONPATH=str(tmp_path))
    assert done.returncode == 2
    assert "Missing on" in done.stderr
    assert "optree" in done.stderr


def test_it_needs_a_folder() -> None:
    assert run().returncode == 2
    assert "Usage: ci/gpu FOLDER" in run().stderr
    assert run("--help").returncode == 0
