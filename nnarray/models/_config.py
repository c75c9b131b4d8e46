"""Models of symbols as plain values and back."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from nnarray._trees import flatten, leaves_of, tree_map
from nnarray.layers import Applied, Constant, Layer, Named, Placeholder, apply, symbol_of
from nnarray.models._graph import Graph
from nnarray.utils import deserialize_keras_object, serialize_keras_object

#: Under these keys stand symbols, by the call that makes them and the place among its results, arrays and dtypes.
_SYMBOL, _ARRAY, _DTYPE = "__symbol__", "__array__", "__dtype__"


def graph_config(graph: Graph) -> dict[str, Any]:
    """Return layers, each once, and the calls on them."""
    places: dict[Placeholder, list[int]] = {symbol: [-1, i] for i, symbol in enumerate(graph.symbols)}
    for number, node in enumerate(graph.nodes):
        places.update((symbol, [number, i]) for i, symbol in enumerate(leaves_of(node.outputs)))

    def written(tree: Any) -> Any:
        if isinstance(tree, dict):
            return {key: written(item) for key, item in tree.items()}
        if isinstance(tree, (list, tuple)):
            made = [written(item) for item in tree]
            return made if isinstance(tree, list) else tuple(made)
        if isinstance(tree, Placeholder):
            return {_SYMBOL: places[tree]}
        if isinstance(tree, Constant):
            return {_ARRAY: tree.value}
        return {_DTYPE: tree.name} if isinstance(tree, Named) else tree

    calls = []
    for node in graph.nodes:
        args, kwargs = node.arguments
        calls.append({"of": _operation(node.operation, graph.layers), "args": written(args), "kwargs": written(kwargs)})
    return {
        "layers": [serialize_keras_object(layer) for layer in graph.layers],
        "calls": serialize_keras_object(calls),
        "inputs": serialize_keras_object(tree_map(lambda symbol: graph.layers.index(symbol.source), graph.inputs)),
        "outputs": serialize_keras_object(written(graph.outputs)),
    }


def _operation(operation: Any, layers: list[Layer]) -> Any:
    if not isinstance(operation, Applied):
        return layers.index(operation)
    if operation.function is None:
        return operation.name
    if operation.function is getattr(operator, operation.name, None):
        return f"operator.{operation.name}"
    return operation.function


def graph_from(config: dict[str, Any]) -> tuple[Any, Any]:
    """Return inputs and outputs of the model that `graph_config` describes, its layers new ones."""
    layers = [deserialize_keras_object(layer) for layer in config["layers"]]
    inputs = tree_map(lambda place: symbol_of(layers[place]), deserialize_keras_object(config["inputs"]))
    made: dict[int, list[Any]] = {-1: leaves_of(inputs)}

    def read(tree: Any) -> Any:
        if isinstance(tree, dict):
            if _SYMBOL in tree:
                call, place = tree[_SYMBOL]
                return made[call][place]
            if _ARRAY in tree:
                return np.asarray(tree[_ARRAY])
            return tree[_DTYPE] if _DTYPE in tree else {key: read(item) for key, item in tree.items()}
        if isinstance(tree, (list, tuple)):
            items = [read(item) for item in tree]
            return items if isinstance(tree, list) else tuple(items)
        return tree

    for number, call in enumerate(deserialize_keras_object(config["calls"])):
        args, kwargs = tuple(read(call["args"])), read(call["kwargs"])
        made[number] = flatten(_called(call["of"], layers, args, kwargs))[0]
    return inputs, read(deserialize_keras_object(config["outputs"]))


def _called(of: Any, layers: list[Layer], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if isinstance(of, int):
        return layers[of](*args, **kwargs)
    if callable(of):
        return apply(Applied(of.__name__, of), args, kwargs)
    chapter, _, name = of.rpartition(".")
    return apply(Applied(name, getattr(operator, name)) if chapter == "operator" else Applied(of), args, kwargs)
