"""The numbers that tests hold this library against are Keras': where it is installed, it is asked again.

Keras has one backend and one width of floats in a process, so each part runs in one of its own.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).parent.parent
_JAX = {"KERAS_BACKEND": "jax", "JAX_ENABLE_X64": "1", "JAX_PLATFORMS": "cpu"}
#: By module: its function, the library below Keras and others, and by how much numbers of two machines differ.
_PARTS = {
    "keras_losses": ("record", "jax", 1e-9),
    "keras_steps": ("record", "jax", 1e-9),
    "keras_metrics": ("record", "jax", 1e-6),
    "keras_penalties": ("record", "jax", 1e-5),
    "keras_callbacks": ("record", "jax", 1e-9),
    "keras_ops": ("record", "jax", 1e-5),
    "keras_names": ("record", "jax", 0.0),
    "keras_utils": ("record", "jax torch", 1e-6),
    "keras_programs.record": ("main", "torch", 1e-3),
}


@pytest.mark.parametrize("part", _PARTS)
def test_keras_gives_what_was_recorded(part: str, tmp_path: Path) -> None:
    function, libraries, tolerance = _PARTS[part]
    for needed in ("keras", *libraries.split()):
        if importlib.util.find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed")
    code = f"import pathlib, sys, tests.{part} as m; m.NUMBERS = pathlib.Path(sys.argv[1]); m.{function}()"
    again = tmp_path / "numbers.json"
    environment = {**os.environ, **(_JAX if "jax" in libraries else {}), "PYTHONPATH": str(_ROOT)}
    subprocess.run([sys.executable, "-c", code, str(again)], check=True, cwd=_ROOT, env=environment)
    recorded = json.loads(importlib.import_module(f"tests.{part}").NUMBERS.read_text())
    differences = list(_differences("", recorded, json.loads(again.read_text()), tolerance))
    assert not differences, f"{len(differences)} differ; the first: " + "; ".join(differences[:5])


def _differences(place: str, a: Any, b: Any, tolerance: float) -> Iterator[str]:
    """Yield where two trees of JSON differ by more than rounding."""
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        for key in a.keys() - {"keras"}:
            yield from _differences(f"{place}/{key}", a[key], b[key], tolerance)
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for i, pair in enumerate(zip(a, b, strict=True)):
            yield from _differences(f"{place}/{i}", *pair, tolerance)
    elif isinstance(a, float) and isinstance(b, (int, float)):
        if not (math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance) or (math.isnan(a) and math.isnan(b))):
            yield f"{place}: {a} was recorded, {b} is given now"
    elif a != b:
        yield f"{place}: {str(a)[:80]} was recorded, {str(b)[:80]} is given now"
