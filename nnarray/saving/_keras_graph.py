"""Models of symbols as Keras' files describe them: layers, and the calls on them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any, NamedTuple

from nnarray._lookup import snake_case
from nnarray._serialization import _public
from nnarray._trees import leaves_of
from nnarray.layers import InputLayer, Placeholder, symbol_of
from nnarray.saving._keras_parts import Later, Result, finished, leaves, mapped

if TYPE_CHECKING:
    from nnarray.saving._keras_config import Reader

#: Where Keras' operations are defined, such as those that operators on symbols are.
_OPERATIONS = "keras.src.ops."

_Key = tuple[str, int]


class _Call(NamedTuple):
    of: Any
    args: Any
    kwargs: dict[str, Any]


def graph_from(reader: Reader, cls: Any, config: Mapping[str, Any], label: str) -> Later:
    """Return the model of symbols that a config describes, to be made later."""
    layers: dict[str, Any] = {}
    calls: dict[_Key, _Call] = {}
    for described in config["layers"]:
        name = described["name"]
        if name in layers:
            raise ValueError(f"two layers of {label} are named {name!r:.80}")
        is_operation = str(described.get("module")).startswith(_OPERATIONS) and reader.class_of(described) is None
        layers[name] = None if is_operation else reader.read(described, label)
        for number, node in enumerate(described["inbound_nodes"]):
            args, kwargs = reader.read(node["args"], label), reader.read(node["kwargs"], label)
            if is_operation:
                calls[name, number] = _of_operation(reader, described, args, kwargs, label)
            else:
                layer_class = reader.class_of(described)
                if isinstance(layer_class, type) and hasattr(layer_class, "call"):
                    kwargs = reader.check_call(layer_class, kwargs, f"{name!r:.80} ({described['class_name']})")
                calls[name, number] = _Call(layers[name], args, kwargs)
    known = ("name", "trainable", "layers", "input_layers", "output_layers")
    rest = {key: reader.read(value, label) for key, value in config.items() if key not in known}

    def make() -> Any:
        made = {name: finished(layer) for name, layer in layers.items()}
        results = _results(made, calls)
        # Of a model of symbols that is called in another one Keras counts its making as the first call.
        first = {x["name"]: int(_is_graph(x)) for x in config["layers"]}

        def symbol(name: str, number: int, place: int) -> Placeholder:
            return results[name, number - first[name]][place]

        outputs = _tensors(config["output_layers"], symbol)
        outputs = outputs[0] if isinstance(outputs, list) and len(outputs) == 1 else outputs
        trainable = config.get("trainable") is not False
        arguments = {"name": config.get("name"), "trainable": trainable, **finished(rest)}
        model = cls(_tensors(config["input_layers"], symbol), outputs, **arguments)
        names = {x["name"]: x["class_name"] for x in config["layers"]}
        reader.order[model] = [(names[name], layer) for name, layer in made.items() if layer is not None]
        return model

    return Later(make)


def _is_graph(described: Mapping[str, Any]) -> bool:
    return isinstance(described["config"], dict) and "input_layers" in described["config"]


def _of_operation(reader: Reader, described: Mapping[str, Any], args: Any, kwargs: Any, label: str) -> _Call:
    """Return the call of one of the functions of `nnarray.ops`: Keras has a class for each."""
    name, ops = described["class_name"], _public("nnarray.ops")
    loosely = {x.replace("_", ""): x for x in dir(ops) if not x.startswith("_")}
    function = getattr(ops, loosely.get(snake_case(str(name)).replace("_", ""), ""), None)
    if not inspect.isfunction(function):
        reader.miss(name, f"{described['name']!r:.80}", "operation", [])
        return _Call(None, args, kwargs)
    # Only arrays are lists in calls of functions: shapes, axes and keys are tuples.
    args, kwargs = _with_tuples(args), _with_tuples(kwargs)
    settings = {key: _with_tuples(reader.read(x, label)) for key, x in described["config"].items() if key != "name"}
    takes = inspect.signature(function)
    kwargs = {**kwargs, **{key: x for key, x in settings.items() if x is not None or key in takes.parameters}}
    try:
        takes.bind(*args, **kwargs)
    except TypeError as error:
        reader.problems[f"{described['name']!r:.80} ({name}) {error}"] = None
    return _Call(function, args, kwargs)


def _with_tuples(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _with_tuples(item) for key, item in tree.items()}
    if not isinstance(tree, (list, tuple)):
        return tree
    items = [_with_tuples(item) for item in tree]
    return items if any(isinstance(leaf, Result) for leaf in leaves(tree)) else tuple(items)


def _results(layers: Mapping[str, Any], calls: Mapping[_Key, _Call]) -> dict[_Key, list[Placeholder]]:
    """Make the calls, each after those that it needs, and return what they give."""
    results = {(name, 0): [symbol_of(x)] for name, x in layers.items() if isinstance(x, InputLayer)}
    needs = {
        key: [leaf.call for leaf in leaves([call.args, call.kwargs]) if isinstance(leaf, Result)]
        for key, call in calls.items()
    }

    def given(leaf: Any) -> Any:
        return results[leaf.call][leaf.place] if isinstance(leaf, Result) else leaf

    for key in TopologicalSorter(needs).static_order():
        if key not in results:
            call = calls[key]
            args, kwargs = finished(mapped(given, [call.args, call.kwargs]))
            results[key] = leaves_of(finished(call.of)(*args, **kwargs))
    return results


def _tensors(tree: Any, symbol: Callable[[str, int, int], Placeholder]) -> Any:
    """Return a tree with symbols in the place of the names of layers, numbers of calls and places of results."""
    if isinstance(tree, dict):
        return {key: _tensors(item, symbol) for key, item in tree.items()}
    if len(tree) == 3 and isinstance(tree[0], str):
        return symbol(*tree)
    return type(tree)([_tensors(item, symbol) for item in tree])
