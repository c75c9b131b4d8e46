"""A model as a table."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nnarray._tables import table
from nnarray._trees import leaves_of, tree_map
from nnarray.backends import current_backend
from nnarray.layers import InputLayer, Layer, Spec, observing
from nnarray.layers._shapes import map_shapes
from nnarray.random import preserved_keys

_HEADER = ("Layer (type)", "Output shape", "Parameters")

#: Two lengths for what may have any, the batch for one: an axis that follows them has any length too.
_LENGTHS = (2, 3)


def summary_table(model: Any) -> str:
    """Return the layers, those in them indented, with their output shapes and numbers of parameters, as text.

    Shapes are those of a call on ones, which changes nothing; ``"?"`` stands where none is known: before the model is
    built, or of a layer that the call does not reach.
    """
    shapes = _output_shapes(model) if model.built else {}
    seen: set[int] = set()
    rows = [row for layer in model.layers for row in _rows(layer, shapes, seen, "")]
    return "\n".join([*table(f"Model: {model.name}", _HEADER, rows, left=2), *_totals(model)])


def _rows(layer: Layer, shapes: dict[int, list[str]], seen: set[int], indent: str) -> Iterator[tuple[str, str, str]]:
    known = id(layer) in seen
    seen.add(id(layer))
    parameters = "shared" if known else f"{layer.count_params():,}" if layer.built else "not built"
    known_shapes = [str(layer.batch_input_shape)] if isinstance(layer, InputLayer) else shapes.get(id(layer), ["?"])
    yield f"{indent}{layer.name} ({type(layer).__name__})", ", ".join(dict.fromkeys(known_shapes)), parameters
    if not known:
        for inner in layer.sublayers:
            if not isinstance(inner, InputLayer):
                yield from _rows(inner, shapes, seen, indent + "  ")


def _output_shapes(model: Any) -> dict[int, list[str]]:
    """Return the shapes that each layer gave out in a call of the model, by the layer's identity."""
    for dtype in (model.dtype, "int32"):  # a model that looks rows up takes integers only
        try:
            first, second = (_calls(model, length, dtype) for length in _LENGTHS)
        except Exception:  # the table is printed of any model, also of one whose call fails
            continue
        found: dict[int, list[str]] = {}
        for (layer, ours), (_, theirs) in zip(first, second, strict=False):
            whole = (
                "(" + ", ".join(str(n) if n == m else "None" for n, m in zip(*pair, strict=False)) + ")"
                for pair in zip(ours, theirs, strict=False)
            )
            found.setdefault(layer, []).extend(whole)
        return found
    return {}


def _calls(model: Any, length: int, dtype: str) -> list[tuple[int, list[tuple[int, ...]]]]:
    """Return the layers that a call of the model calls, as they return, with the shapes of what they give out."""
    calls = []

    def observer(layer: Layer, compute: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        outputs = compute(*args, **kwargs)
        arrays = [leaf for leaf in leaves_of(outputs) if hasattr(leaf, "shape")]
        calls.append((id(layer), [tuple(array.shape) for array in arrays]))
        return outputs

    variables = model.trainable_variables, model.non_trainable_variables
    values = [[variable.value for variable in each] for each in variables]
    first = next((variable for variable in model.variables), None)
    backend, device = current_backend()[:2] if first is None else (first.backend, first.device)

    def ones(spec: Any) -> Any:
        host = np.ones([length if n is None else n for n in spec.shape], dtype=spec.dtype)
        return backend.asarray(host, device=device)

    with preserved_keys(), observing(observer), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        with backend.activate(device):
            inputs = tree_map(ones, _specs(model, dtype))
            model.stateless_call(*values, inputs, counter=0, training=False)
    return calls


def _specs(model: Any, dtype: str) -> Any:
    """Return the inputs' shapes and dtypes: as they were declared, or of `dtype`."""
    try:
        return model.input
    except AttributeError:  # of a subclass only shapes are known
        return map_shapes(lambda shape: Spec(shape, dtype), model.input_shape)


def _totals(model: Layer) -> list[str]:
    total = model.count_params()
    trainable = sum(variable.size for variable in model.trainable_variables)
    return [f"Parameters: {total:,} (trainable {trainable:,}, fixed {total - trainable:,})"]
