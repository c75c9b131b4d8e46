"""Writes numbers.json: what the programs give with Keras, against which the tests hold this library.

Usage, where Keras 3 and PyTorch are installed: python -m tests.keras_programs.record
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.keras_programs import data, models, parts, sources, steps
from tests.keras_programs.common import written

NUMBERS = Path(__file__).parent / "numbers.json"
_HELPERS = ("gradients", "apply", "descend")


def programs() -> dict[str, Callable[[Any], Any]]:
    """Return the programs by name."""
    found = [(name, x) for module in (models, parts, steps, data, sources) for name, x in vars(module).items()]
    return {
        name: x
        for name, x in found
        if callable(x)
        and getattr(x, "__module__", "").startswith("tests.keras_programs.")
        and name not in _HELPERS
        and not name.startswith("_")
        and not x.__module__.endswith(".common")
    }


def main() -> None:
    """Run the programs with Keras and write what they give."""
    os.environ["KERAS_BACKEND"] = "torch"
    keras = importlib.import_module("keras")
    lines = [f"{json.dumps(name)}: {json.dumps(written(program(keras)))}" for name, program in programs().items()]
    NUMBERS.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
