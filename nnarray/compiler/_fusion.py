"""Fusion: neighbours in a graph that work element by element on one shape, as one function with several results."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from nnarray.compiler._graph import Graph, Operation, Value


@dataclass(frozen=True, eq=False)
class Fused:
    """Elementwise operations that run as one loop, what only they use never reaching memory.

    Attributes
    ----------
    operations : tuple of Operation
    """

    operations: tuple[Operation, ...]
    name: str = "fused"
    variadic: bool = False


def fuse(graph: Graph, can_fuse: Callable[[Operation], bool], views: Collection[str]) -> Graph:
    """Return the graph with each run of fusable operations of one shape as one operation.

    Parameters
    ----------
    graph : Graph
    can_fuse : callable
        Whether an operation can be part of a loop.
    views : collection of str
        Functions that do no work: they may stand before or behind a loop.
    """
    users: dict[Value, list[Operation]] = {}
    for operation in graph.operations:
        for x in operation.inputs:
            users.setdefault(x, []).append(operation)
    done: list[Operation] = []
    group: list[Operation] = []
    behind: list[Operation] = []

    def close() -> None:
        if group:
            done.append(_loop(group, users, set(graph.outputs)))
        done.extend(behind)
        group.clear()
        behind.clear()

    for operation in graph.operations:
        late = any(x in each.results for each in behind for x in operation.inputs)
        if can_fuse(operation):
            if late or (group and group[0].results[0].shape != operation.results[0].shape):
                close()
            group.append(operation)
        elif operation.function.name in views:
            inside = late or any(x in each.results for each in group for x in operation.inputs)
            (behind if inside else done).append(operation)
        else:
            close()
            done.append(operation)
    close()
    return replace(graph, operations=tuple(done)).verify()


def _loop(group: list[Operation], users: Mapping[Value, list[Operation]], outputs: set[Value]) -> Operation:
    made = {operation.results[0] for operation in group}
    inputs = dict.fromkeys(x for operation in group for x in operation.inputs if x not in made)
    inside = set(group)
    results = tuple(
        operation.results[0]
        for operation in group
        if operation.results[0] in outputs or not inside.issuperset(users.get(operation.results[0], ()))
    )
    function: Any = Fused(tuple(group))
    return Operation(function, tuple(inputs), {}, results, group[0].region)
