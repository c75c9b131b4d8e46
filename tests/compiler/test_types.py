"""Graph.verify: what breaks a graph is found, and the operation is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray.compiler import Graph

A, V, MASK = np.ones((3, 4)), np.ones(4), np.ones((3, 4), bool)


def graph_of(f: Callable[..., Any], *arguments: Any) -> Graph:
    return nna.jit(f).lower(*arguments).graph


def with_operation(graph: Graph, place: int, **changes: Any) -> Graph:
    operations = list(graph.operations)
    operations[place] = replace(operations[place], **changes)
    return replace(graph, operations=tuple(operations))


def with_result(graph: Graph, **changes: Any) -> Graph:
    """Return the graph with another type for the result of its last operation, which is its output."""
    operation = graph.operations[-1]
    value = replace(operation.results[0], **changes)
    return replace(with_operation(graph, -1, results=(value,)), outputs=(value,))


#: Functions of the table as they are called, on a matrix of 3 rows and 4 columns.
CALLS: dict[str, Callable[..., Any]] = {
    "add": lambda xp, x: x + 2.0,
    "maximum": lambda xp, x: xp.maximum(x, V),
    "where": lambda xp, x: xp.where(MASK, x, 0.0),
    "exp": lambda xp, x: xp.exp(x),
    "less": lambda xp, x: x < 2.0,
    "sum": lambda xp, x: xp.sum(x, axis=1),
    "mean": lambda xp, x: xp.mean(x, axis=(0, -1), keepdims=True),
    "max": lambda xp, x: xp.max(x),
    "all": lambda xp, x: xp.all(x, axis=0),
    "matmul": lambda xp, x: x @ V,
    "matrix_transpose": lambda xp, x: x.mT,
    "permute_dims": lambda xp, x: xp.permute_dims(x, (1, 0)),
    "reshape": lambda xp, x: xp.reshape(x, (-1, 2)),
    "expand_dims": lambda xp, x: xp.expand_dims(x, axis=-1),
    "squeeze": lambda xp, x: xp.squeeze(x[:1, :], axis=0),
    "broadcast_to": lambda xp, x: xp.broadcast_to(x, (2, 3, 4)),
    "flip": lambda xp, x: xp.flip(x, axis=0),
    "concat": lambda xp, x: xp.concat([x, x[:1, :]]),
    "stack": lambda xp, x: xp.stack([x, x], axis=1),
    "getitem": lambda xp, x: x[1:, ::2],
    "set_item": lambda xp, x: _assigned(x),
    "take": lambda xp, x: xp.take(x, np.asarray([2, 0]), axis=1),
    "astype": lambda xp, x: xp.astype(x, xp.int64),
}


def _assigned(x: Any) -> Any:
    y = +x
    y[0, 0] = 3.0
    return y


@pytest.mark.parametrize("name", CALLS)
def test_a_result_of_another_shape_or_dtype_than_follows_is_found(name: str) -> None:
    graph = graph_of(lambda x: CALLS[name](x.__array_namespace__(), x), A)
    operation = graph.operations[-1]
    assert operation.function.name == name
    assert graph.verify() is graph
    for changes in ({"shape": (*operation.results[0].shape, 7)}, {"dtype": np.dtype("float32")}):
        word = "shape" if "shape" in changes else "dtype"
        with pytest.raises(ValueError, match=rf"has {word} .*; its operation gives .*, in: .* = {name}\("):
            with_result(graph, **changes).verify()


@pytest.mark.parametrize("dtype", ["int32", "float32", "bool"])
@pytest.mark.parametrize("name", ["reshape", "flip", "concat", "greater", "max", "getitem"])
def test_types_of_other_kinds_of_numbers_are_not_found_wrong(name: str, dtype: str) -> None:
    calls: Any = {
        "concat": lambda xp, x: xp.concat([x, x]),
        "greater": lambda xp, x: x > x[:1, :],
        "max": lambda xp, x: xp.max(xp.astype(x, xp.int8), axis=0),
    }
    call = calls.get(name) or CALLS[name]
    graph = graph_of(lambda x: call(x.__array_namespace__(), x), A.astype(dtype))
    assert graph.operations[-1].function.name == name


BROKEN_ARGUMENTS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "a product of unlike inner axes": (lambda x: x.mT @ x, {"swap": True}),
    "a reshape to more elements": (lambda x: x.namespace.reshape(x, (4, 3)), {"params": {"shape": (4, 4)}}),
    "axes named twice": (lambda x: x.namespace.permute_dims(x, (1, 0)), {"params": {"axes": (1, 1)}}),
    "a window beyond the end": (lambda x: x[2, :], {"params": {"key": (5, slice(None))}}),
    "a sum over an axis that is not": (lambda x: x.namespace.sum(x, axis=1), {"params": {"axis": (0, 1)}}),
    "an axis of four squeezed": (lambda x: x.namespace.squeeze(x[:1, :], axis=0), {"params": {"axis": 1}}),
    "a broadcast to less": (lambda x: x.namespace.broadcast_to(x, (2, 3, 4)), {"params": {"shape": (2, 3, 1)}}),
}


@pytest.mark.parametrize("name", BROKEN_ARGUMENTS)
def test_parameters_from_which_no_such_result_follows_are_found(name: str) -> None:
    f, changes = BROKEN_ARGUMENTS[name]
    graph = graph_of(f, A)
    operation = graph.operations[-1]
    if changes.get("swap"):
        changes = {"arguments": (operation.arguments[1], operation.arguments[1])}
    with pytest.raises(ValueError, match=rf", in: .* = {operation.function.name}\("):
        with_operation(graph, -1, **changes).verify()


def test_an_elementwise_operation_of_shapes_that_do_not_broadcast_is_found() -> None:
    graph = graph_of(lambda x, y: x * y, A, A)
    operation = graph.operations[0]
    other = replace(graph.inputs[1], shape=(3, 5))
    broken = replace(
        with_operation(graph, 0, arguments=(operation.arguments[0], other)), inputs=(graph.inputs[0], other)
    )
    with pytest.raises(ValueError, match=r"No shape follows from its arguments .* in: .* = multiply\("):
        broken.verify()


def test_a_value_is_made_once_and_before_it_is_used() -> None:
    graph = graph_of(lambda x: x.namespace.exp(x) * 2.0, A)
    with pytest.raises(ValueError, match=r"is used before it is made, in: .* = multiply\("):
        replace(graph, operations=graph.operations[::-1]).verify()
    with pytest.raises(ValueError, match=r"is made twice, the second time in: .* = exp\("):
        replace(graph, operations=(graph.operations[0], *graph.operations)).verify()
    with pytest.raises(ValueError, match=r"The output <v2: float64\[3,4\]> is never made"):
        replace(graph, operations=graph.operations[:1]).verify()
