"""Cutting the graph of results and cotangents in two: what runs forward, and what waits for the cotangents."""

from __future__ import annotations

from nnarray.compiler._graph import Graph, Value


def split(graph: Graph, arguments: int, results: int) -> tuple[Graph, Graph]:
    """Return the forward and the backward half of a graph.

    Parameters
    ----------
    graph : Graph
        Its inputs are arguments, then cotangents; its outputs are results, then the cotangents of arguments.
    arguments, results : int
        How many there are.

    Returns
    -------
    forward : Graph
        From the arguments to the results, then what the other half needs of the values on the way.
    backward : Graph
        From the arguments, those values, and the cotangents to the cotangents of the arguments.
    """
    late = set(graph.inputs[arguments:])
    for operation in graph.operations:
        if late.intersection(operation.inputs):
            late.update(operation.results)
    needed = {x for x in graph.outputs[:results] if x not in late}
    forward, backward = [], []
    for operation in reversed(graph.operations):
        if needed.intersection(operation.results):
            forward.append(operation)
            needed.update(operation.inputs)
        else:
            backward.append(operation)
    forward.reverse()
    backward.reverse()
    made = {x for operation in forward for x in operation.results}
    wanted: dict[Value, None] = {}
    for x in (*(x for operation in backward for x in operation.inputs), *graph.outputs[results:]):
        if x in made:
            wanted[x] = None
    kept = tuple(wanted)
    first = Graph(graph.inputs[:arguments], graph.constants, tuple(forward), (*graph.outputs[:results], *kept))
    second = Graph(
        (*graph.inputs[:arguments], *kept, *graph.inputs[arguments:]),
        graph.constants,
        tuple(backward),
        graph.outputs[results:],
    )
    return first.verify(), second.verify()
