"""Public names of Keras: `KERAS_BACKEND=jax python -m tests.keras_names` records them, with kinds and parameters.

docs/keras.md goes through them, chapter by chapter.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

NUMBERS = Path(__file__).parent / "keras_names.json"
#: Modules of Keras whose names are compared; "" is `keras` itself.
CHAPTERS = (
    *("", "activations", "losses", "metrics", "optimizers", "optimizers.schedules", "regularizers", "constraints"),
    *("initializers", "callbacks", "utils", "models", "saving", "config", "backend", "random", "datasets"),
)
_FREE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def record() -> None:
    """Write what Keras has."""
    import keras

    found = {chapter: _names_of(_module(keras, chapter)) for chapter in CHAPTERS}
    NUMBERS.write_text(json.dumps({"keras": keras.__version__, "chapters": found}) + "\n")


def _module(package: Any, path: str) -> Any:
    for part in filter(None, path.split(".")):
        package = getattr(package, part)
    return package


def _names_of(module: Any) -> dict[str, dict[str, Any]]:
    public = [name for name in sorted(dir(module)) if not name.startswith("_") and name not in ("src", "legacy")]
    return {name: _described(getattr(module, name)) for name in public}


def _described(x: Any) -> dict[str, Any]:
    if inspect.ismodule(x):
        return {"kind": "module"}
    parameters = inspect.signature(x.__init__ if inspect.isclass(x) else x).parameters.values()
    names = [p.name for p in parameters if p.name != "self" and p.kind not in _FREE]
    return {"kind": "class" if inspect.isclass(x) else "function", "parameters": names}


if __name__ == "__main__":
    record()
