"""Weights in Keras' files."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nnarray._lookup import snake_case, unique
from nnarray._messages import missing_extra
from nnarray.layers import Layer
from nnarray.layers._weights import Weights
from nnarray.variables import Variable

_WEIGHTS = "model.weights.h5"
#: What Keras keeps beside the weights of layers.
_BESIDE = ("optimizer/", "metrics/", "_loss_tracker/", "compile_metrics/")


def is_keras(path: Path) -> bool:
    """Whether a file is one of Keras', by its name."""
    return path.suffix in (".keras", ".h5", ".hdf5")


def keras_weights(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of layers in a ``.keras`` or ``.weights.h5`` file, by Keras' paths.

    Raises
    ------
    ImportError
        If h5py is not installed.
    ValueError
        If the file is damaged.
    """
    try:
        import h5py
    except ImportError:
        raise ImportError(missing_extra("h5py", "keras", "Reading Keras' files")) from None
    with path.open("rb") as opened:
        file: Any = opened
        try:
            if path.suffix == ".keras":
                with zipfile.ZipFile(opened) as archive:
                    file = io.BytesIO(archive.read(_WEIGHTS))
            with h5py.File(file, "r") as stored:
                found = dict(_arrays(stored, ""))
        except (OSError, KeyError, zipfile.BadZipFile, EOFError) as error:
            raise ValueError(f"{path} is no whole file of Keras: {error}. It is damaged, or of another kind.") from None
    return {
        name: array for name, array in found.items() if not name.startswith(_BESIDE) and "seed_generator/" not in name
    }


def _arrays(group: Any, path: str) -> Iterator[tuple[str, np.ndarray]]:
    for name, item in group.items():
        if hasattr(item, "items"):
            yield from _arrays(item, f"{path}{name}/")
        else:
            yield f"{path}{name}", np.asarray(item)


def keras_paths(model: Layer) -> dict[Variable, str]:
    """Return the path of each variable in a file that Keras writes of such a model."""
    found: dict[Variable, str] = {}
    seen: set[Any] = set()

    def visit(layer: Any, path: str) -> None:
        if layer in seen:
            return
        seen.add(layer)
        members = list(layer.members())
        own = [item for _, item in members if isinstance(item, Variable) and item not in found]
        for i, variable in enumerate(sorted(own, key=lambda variable: not variable.made_trainable)):
            found[variable] = f"{path}vars/{i}"
        taken: set[str] = set()
        for place, item in members:
            if not isinstance(item, Weights):
                continue
            container, _, last = place.rpartition("/")
            name = f"{container}/{snake_case(type(item).__name__)}" if container else last
            name = unique(name, taken) if container else name
            taken.add(name)
            visit(item, f"{path}{name}/")

    visit(model, "")
    return found
