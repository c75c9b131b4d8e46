"""Where Keras' files have the weights of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnarray._lookup import snake_case, unique
from nnarray.layers import Layer
from nnarray.layers._weights import Weights
from nnarray.saving._keras_file import keras_arrays
from nnarray.variables import Variable

#: What Keras keeps beside the weights of layers.
_BESIDE = ("optimizer/", "metrics/", "_loss_tracker/", "compile_metrics/")


def keras_weights(path: Path) -> dict[str, np.ndarray]:
    """Return the weights of layers in a ``.keras`` or ``.weights.h5`` file, by Keras' paths, as `keras_arrays`."""
    return of_layers(keras_arrays(path))


def of_layers(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return those of a file's arrays that are weights of layers."""
    return {
        name: array for name, array in arrays.items() if not name.startswith(_BESIDE) and "seed_generator/" not in name
    }


def keras_paths(model: Layer, order: Mapping[Any, Sequence[tuple[str, Layer]]] | None = None) -> dict[Variable, str]:
    """Return the path of each variable in a file that Keras writes of such a model, in Keras' order of variables.

    Parameters
    ----------
    model : Layer
    order : mapping of model to sequence of (str, Layer), optional
        Layers of models in Keras' order, with the names of Keras' classes, where that is known; by default they are
        taken to be as in Keras.
    """
    found: dict[Variable, str] = {}
    seen: set[Any] = set()

    def visit(layer: Any, path: str) -> None:
        if layer in seen:
            return
        seen.add(layer)
        members = [(place, "", item) for place, item in layer.members()]
        known = () if order is None else order.get(layer, ())
        members = [*((f"layers/{i}", name, item) for i, (name, item) in enumerate(known)), *members]
        own = [item for _, _, item in members if isinstance(item, Variable) and item not in found]
        for i, variable in enumerate(sorted(own, key=lambda variable: not variable.made_trainable)):
            found[variable] = f"{path}vars/{i}"
        taken: set[str] = set()
        for place, class_name, item in members:
            if not isinstance(item, Weights):
                continue
            container, _, last = place.rpartition("/")
            name = f"{container}/{snake_case(class_name or _class_name(item))}" if container else last
            name = unique(name, taken) if container else name
            taken.add(name)
            visit(item, f"{path}{name}/")

    visit(model, "")
    return found


def _class_name(layer: Any) -> str:
    """Return what Keras calls the class of a layer: that of a model of symbols is another one there."""
    name = type(layer).__name__
    return "Functional" if name == "Model" and getattr(layer, "_graph", None) is not None else name
