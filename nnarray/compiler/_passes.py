"""Passes: each takes a graph and returns one that computes the same with less.

What each saves is measured by ``python -m benchmarks.passes``: on NumPy all of them together 15 % of the time of the
article's step, 2-4-6-6-4-1 on 32 examples; where products of matrices take the time, 784-100-10 on 200, nothing above
the noise. The steps and times below are those of the article's step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from nnarray.array import TABLE
from nnarray.backends import backend_of
from nnarray.compiler._graph import Graph, Operation, Value
from nnarray.compiler._types import ELEMENTWISE

_SMALL = 65536
_COMMUTE = ("add", "equal", "logical_and", "logical_or", "multiply", "not_equal")
_SAME_FORM = ("astype", "broadcast_to", "positive", "reshape")
_REDUCTIONS = ("sum", "mean", "max", "min", "prod")
_NEUTRAL = ("multiply", "divide", "pow")


def optimise(graph: Graph) -> Graph:
    """Return the graph after all passes, each verified."""
    checked: dict[int, Operation] = {}
    for run in PASSES:
        graph = run(graph).verify(checked)
    return graph


def dead_code(graph: Graph) -> Graph:
    """Drop operations that no output depends on."""
    # 5 steps of 90, 3 % of the time; nearly half of a second derivative.
    needed = set(graph.outputs)
    kept = []
    for operation in reversed(graph.operations):
        if needed.intersection(operation.results):
            kept.append(operation)
            needed.update(operation.inputs)
    constants = {value: array for value, array in graph.constants.items() if value in needed}
    return replace(graph, constants=constants, operations=tuple(reversed(kept)))


def common_subexpressions(graph: Graph) -> Graph:
    """Compute once what is computed twice within one region."""
    # 5 steps of 90, 7 % of the time; a fifth of a second derivative.

    def merge(operation: Operation) -> Mapping[Value, Value] | None:
        key = (
            operation.function,
            operation.region,
            _ordered(operation),
            tuple(sorted((name, repr(value)) for name, value in operation.params.items())),
        )
        first = seen.setdefault(key, operation)
        return None if first is operation else dict(zip(operation.results, first.results, strict=True))

    seen: dict[Any, Operation] = {}
    return _rewritten(graph, merge)


def constants_once(graph: Graph) -> Graph:
    """Merge equal constants of NumPy, if they are small enough to be compared quickly."""
    # 2 steps of 87, 5 % of the time: what is computed of equal constants is then found to be equal.
    first: dict[Any, Value] = {}
    instead: dict[Value, Value] = {}
    for value, array in graph.constants.items():
        if isinstance(array, np.ndarray) and value.nbytes <= _SMALL:
            same = first.setdefault((value.type, array.tobytes()), value)
            if same is not value:
                instead[value] = same
    operations = [replace(each, arguments=_replaced(each.arguments, instead)) for each in graph.operations]
    return replace(graph, operations=tuple(operations), outputs=_replaced(graph.outputs, instead))


def _ordered(operation: Operation) -> tuple[Any, ...]:
    """Return the arguments as part of a key; the order of two does not count where they commute, bit for bit."""
    if operation.function.name in _COMMUTE and len(operation.inputs) == len(operation.arguments):
        return tuple(sorted(operation.inputs, key=lambda x: x.number))
    return tuple(x if type(x) is Value else (type(x), x, str(x)) for x in operation.arguments)


def same_form(graph: Graph) -> Graph:
    """Drop changes of shape and dtype that change nothing."""
    # 4 steps of 89, 4 % of the time, and 10 windows.
    return _without(graph, lambda operation: operation.function.name in _SAME_FORM)


def neutral_numbers(graph: Graph) -> Graph:
    """Drop ``x * 1``, ``x / 1`` and ``x ** 1``."""
    # None in these networks; 2 % of the steps in gradients of random programs, where cotangents begin as ones.

    def is_neutral(operation: Operation) -> bool:
        name = operation.function.name
        return name in _NEUTRAL and len(operation.arguments) == 2 and _is_one(graph, operation.arguments[1])

    return _without(graph, is_neutral)


def _without(graph: Graph, changes_nothing: Callable[[Operation], bool]) -> Graph:
    """Drop operations that return their first argument unchanged."""
    inputs, outputs = set(graph.inputs), set(graph.outputs)

    def same(operation: Operation) -> Mapping[Value, Value] | None:
        argument, result = operation.arguments[0] if operation.arguments else None, operation.results[0]
        if type(argument) is not Value or argument.type != result.type or not changes_nothing(operation):
            return None
        # The caller may overwrite a result and still use the argument.
        return None if argument in inputs and result in outputs else {result: argument}

    return _rewritten(graph, same)


def lone_reductions(graph: Graph) -> Graph:
    """Replace a reduction over axes of length one by a reshape."""
    # 2 steps of 87, 4 % of the time: the mean over one output. A change of shape is a window.
    outputs = set(graph.outputs)
    operations = tuple(x if outputs.intersection(x.results) else _without_reduction(x) for x in graph.operations)
    return replace(graph, operations=operations)


def _without_reduction(operation: Operation) -> Operation:
    """Return a reduction over axes of length one as a reshape."""
    if operation.function.name not in _REDUCTIONS:
        return operation
    x, result = operation.inputs[0], operation.results[0]
    if x.size != result.size or x.dtype != result.dtype or x.size == 0:
        return operation
    return replace(operation, function=TABLE["reshape"], arguments=(x,), params={"shape": result.shape})


def _is_one(graph: Graph, x: Any) -> bool:
    if type(x) is not Value:
        return bool(x == 1)
    array = graph.constants.get(x)
    if array is None or x.size != 1:
        return False
    backend = backend_of(array)
    with backend.activate(backend.device_of(array)):
        return bool(backend.xp.all(array == 1))


def broadcasts(graph: Graph) -> Graph:
    """Drop a `broadcast_to` before an elementwise function whose result has the same shape without it."""
    # No step on NumPy, where it is a window; a call of every softmax for executors that have none.
    source = {
        operation.results[0]: operation.arguments[0]
        for operation in graph.operations
        if operation.function.name == "broadcast_to"
    }
    if not source:
        return graph
    operations = []
    for operation in graph.operations:
        if operation.function.name in ELEMENTWISE and any(x in source for x in operation.inputs):
            arguments = list(operation.arguments)
            for place, x in enumerate(arguments):
                if type(x) is Value and x in source:
                    arguments[place] = source[x]
                    if not _stands_alone(arguments, operation.results[0]):
                        arguments[place] = x
            operation = replace(operation, arguments=tuple(arguments))
        operations.append(operation)
    return replace(graph, operations=tuple(operations))


def _stands_alone(arguments: Iterable[Any], result: Value) -> bool:
    """Whether elementwise arguments give the form of `result`; of several dtypes a library may ask for the shapes."""
    values = [x for x in arguments if type(x) is Value]
    return len({x.dtype for x in values}) == 1 and np.broadcast_shapes(*(x.shape for x in values)) == result.shape


def _rewritten(graph: Graph, find: Callable[[Operation], Mapping[Value, Value] | None]) -> Graph:
    """Return the graph without the operations for whose results `find` gives others."""
    instead: dict[Value, Value] = {}
    kept = []
    for operation in graph.operations:
        operation = replace(operation, arguments=_replaced(operation.arguments, instead))
        found = find(operation)
        if found is None:
            kept.append(operation)
        else:
            instead.update(found)
    return replace(graph, operations=tuple(kept), outputs=_replaced(graph.outputs, instead))


def _replaced(values: Iterable[Any], instead: Mapping[Value, Value]) -> tuple[Any, ...]:
    return tuple(instead.get(x, x) if type(x) is Value else x for x in values)


#: In the order in which they run.
PASSES = (lone_reductions, same_form, neutral_numbers, broadcasts, constants_once, common_subexpressions, dead_code)
