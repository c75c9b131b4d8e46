"""What a saved model consists of, as plain values and arrays, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from nnarray._members import may_hold, walk
from nnarray._messages import nearest
from nnarray._serialization import plain
from nnarray._trees import tree_map
from nnarray.layers import Layer, Spec
from nnarray.layers._checks import as_weight
from nnarray.optimizers import Optimizer
from nnarray.optimizers._state import restore_state, state_of
from nnarray.random import SeedGenerator
from nnarray.variables import Variable

#: What stands for an array among plain values.
_ARRAY = "__array__"

Arrays = dict[str, np.ndarray]


def with_arrays_apart(tree: Any, name: str, arrays: Arrays) -> Any:
    """Return a tree with the names of its arrays in their place; the arrays are put into `arrays`."""
    if isinstance(tree, np.ndarray):
        arrays[name] = tree
        return {_ARRAY: name}
    if isinstance(tree, dict):
        return {key: with_arrays_apart(item, f"{name}/{key}", arrays) for key, item in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)([with_arrays_apart(item, f"{name}/{i}", arrays) for i, item in enumerate(tree)])
    return plain(tree, name)


def with_arrays_back(tree: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """Return what `with_arrays_apart` was given."""
    if isinstance(tree, dict):
        return arrays[tree[_ARRAY]] if _ARRAY in tree else {k: with_arrays_back(x, arrays) for k, x in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)([with_arrays_back(item, arrays) for item in tree])
    return tree


def weights_by_path(layer: Layer) -> Arrays:
    """Return copies of a layer's variables by the paths that lead to them."""
    return {path: variable.numpy() for path, variable in layer.structure()[1].items()}


def mismatches(layer: Layer, arrays: Mapping[str, np.ndarray]) -> list[str]:
    """Return in words which variables of a layer have no array of their path and shape, and which arrays are left."""
    variables = layer.structure()[1]
    found = []
    for path, variable in variables.items():
        if path not in arrays:
            found.append(f"variable {path!r} of shape {variable.shape} has no array.{nearest(path, arrays)}")
        elif arrays[path].shape != variable.shape:
            found.append(f"variable {path!r} has shape {variable.shape}: received {arrays[path].shape}.")
    return [*found, *(f"array {path!r} belongs to no variable." for path in arrays if path not in variables)]


def assign_weights(layer: Layer, arrays: Mapping[str, np.ndarray]) -> None:
    """Set the variables of a layer whose paths are among those of `arrays`, whose shapes fit."""
    variables = {path: x for path, x in layer.structure()[1].items() if path in arrays}
    values = {path: as_weight(variable, arrays[path]) for path, variable in variables.items()}
    for path, variable in variables.items():
        variable.assign(values[path])


# -- layers that are built when they are called -----------------------------------------------------------------------


def builds_of(model: Layer) -> dict[str, Any]:
    """Return for what shapes the layers of a model were built, by path."""
    found = {}
    for path, layer in model.structure()[0].items():
        if layer.built and (built_on := layer._built_on) is not None:
            args, kwargs, specs = built_on
            written = tree_map(lambda spec: {"shape": spec.shape, "dtype": spec.dtype}, specs)
            found[path] = {"args": args, "kwargs": kwargs, "specs": written}
    return found


def build_as(model: Layer, builds: Mapping[str, Any]) -> None:
    """Build the layers of a model for the shapes that `builds_of` gave."""
    for path, built in builds.items():
        layer = model.structure()[0].get(path)
        if layer is not None and not layer.built:
            layer._built_for = _specs(built["specs"])
            layer.build(*built["args"], **built["kwargs"])
            layer._built_for = None


def _specs(tree: Any) -> Any:
    if isinstance(tree, dict):
        if tree.keys() == {"shape", "dtype"}:
            return Spec(tuple(tree["shape"]), tree["dtype"])
        return {key: _specs(item) for key, item in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)([_specs(item) for item in tree])
    return tree


# -- what training changes besides ------------------------------------------------------------------------------------


def _kept(model: Layer, kind: type) -> Iterator[tuple[str, Any]]:
    """Yield the objects of a kind among the attributes of a model and its layers, with the paths that lead to them."""
    known: set[int] = set()
    for path, layer in model.structure()[0].items():
        seen: set[int] = set()
        for name, value in list(vars(layer).items()):
            if name in layer._unwalked or not may_hold(type(value), (kind,)):
                continue
            for place, item in walk(f"{path}/{name}" if path else name, value, (kind,), seen):
                if id(item) not in known:
                    known.add(id(item))
                    yield place, item


def optimizers_of(model: Layer, arrays: Arrays) -> dict[str, Any]:
    """Return the states of a model's optimizers by path; their arrays are put into `arrays`."""
    names = {variable: path for path, variable in model.structure()[1].items()}
    found = {}
    for path, optimizer in _kept(model, Optimizer):
        values, held = state_of(optimizer, names)
        found[path] = values
        arrays.update((f"optimizers/{path}/{name}", array) for name, array in held.items())
    return found


def restore_optimizers(model: Layer, states: Mapping[str, Any], arrays: Arrays) -> list[str]:
    """Give the optimizers of a model the states that `optimizers_of` returned; return the paths that lead to none."""
    there = dict(_kept(model, Optimizer))
    variables: dict[str, Variable] = model.structure()[1]
    for path, values in states.items():
        if path in there:
            restore_state(there[path], values, under(f"optimizers/{path}/", arrays), variables)
    return [path for path in states if path not in there]


def seeds_of(model: Layer) -> dict[str, Any]:
    """Return the states of the generators of random numbers in a model, by path."""
    return {path: seed.state for path, seed in _kept(model, SeedGenerator)}


def restore_seeds(model: Layer, seeds: Mapping[str, Any]) -> None:
    """Let the generators go on from the states that `seeds_of` returned."""
    for path, seed in _kept(model, SeedGenerator):
        if path in seeds:
            seed.state = seeds[path]


def under(prefix: str, arrays: Mapping[str, np.ndarray]) -> Arrays:
    """Return the arrays whose names begin with a prefix, by the rest of their names."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
