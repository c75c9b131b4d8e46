"""Where a value of a plan is: the memory that holds it, and the name that the plan gives it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnarray.compiler._graph import Graph, Operation, Value

#: Functions whose result is a window on their first argument where that can be.
VIEWS = frozenset(
    (
        *("broadcast_to", "expand_dims", "flip", "getitem", "matrix_transpose", "moveaxis", "permute_dims", "positive"),
        *("reshape", "squeeze"),
    )
)

#: Functions that may return a window on their argument besides those that always try to.
MAY_BE_WINDOWS = frozenset(("real", "imag", "linalg.diagonal", "linalg.matrix_power", "to_device", "conj"))


@dataclass(eq=False)
class Root:
    """Memory that values share.

    Attributes
    ----------
    kind : {"argument", "buffer", "constant", "kept", "new", "number"}
        A buffer is used again when its values are dead; what is kept is not.
    memory : ndarray of bytes, or None
    number : int
        Of a buffer.
    """

    kind: str
    memory: Any = None
    number: int = 0


@dataclass(frozen=True, eq=False)
class Location:
    """Where a value is: an array that exists while planning, or a variable of the replay alone."""

    root: Root
    name: str
    array: Any = None


def is_same_memory(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether two contiguous arrays are the same bytes."""
    return x.ctypes.data == y.ctypes.data and x.nbytes == y.nbytes and math.prod(x.shape) == math.prod(y.shape)


def window_key(operation: Operation) -> Any:
    """Return the key of `getitem`, for an element one by which NumPy gives a window and no scalar."""
    key = operation.params["key"]
    if operation.results[0].shape:
        return key
    return (*(x for x in (key if type(key) is tuple else (key,)) if x is not Ellipsis), Ellipsis)


def is_window(operation: Operation, places: Mapping[Value, Location]) -> bool:
    """Whether the result of an operation is a window on its argument."""
    if operation.function.name not in VIEWS:
        return False
    return places[operation.inputs[0]].root is places[operation.results[0]].root


def windows_of(graph: Graph) -> dict[Value, Value]:
    """Return for each value that may be a window the value whose memory it may be in."""
    base: dict[Value, Value] = {}
    for operation in graph.operations:
        if operation.function.name in VIEWS or operation.function.name in MAY_BE_WINDOWS:
            source = operation.inputs[0]
            for x in operation.results:
                base[x] = base.get(source, source)
    return base


def materialize_outputs(
    graph: Graph,
    places: Mapping[Value, Location],
    overwritten: Mapping[int, Value],
    codes: tuple[str, str],
    notes: list[str],
    gives_new: bool = True,
) -> tuple[list[str], list[str], int]:
    """Return lines that put the outputs of a graph where they belong, expressions for them, and the bytes copied.

    Parameters
    ----------
    graph : Graph
    places : mapping
    overwritten : mapping
        For places of outputs the input that each shall overwrite.
    codes : tuple of str
        The expression for a copy of ``{0}``, and the line that writes ``{0}`` into ``{1}``.
    notes : list of str
        A line is added for each copy that is made at the end.
    gives_new : bool
        Whether an array that each replay makes anew may be returned as it is.
    """
    copy, write = codes
    lines: list[str] = []
    copies: list[str] = []
    found: list[str] = []
    given: set[Root] = set()
    size = 0
    for number, x in enumerate(graph.outputs):
        place = places[x]
        if number in overwritten:
            target = places[overwritten[number]]
            if place is not target:
                source = place.name
                if place.root.kind == "argument":
                    # It may be overwritten by the result before this one.
                    source = f"h{number}"
                    lines.append(f"{source} = {copy.format(place.name)}")
                copies.append(write.format(source, target.name))
                notes.append(f"{source} is copied to {target.name} at the end, which is read until then")
            found.append(target.name)
        elif place.root.kind == "new" and place.root not in given and gives_new:
            found.append(place.name)
        else:
            lines.append(f"r{number} = {copy.format(place.name)}")
            found.append(f"r{number}")
            size += x.nbytes
        given.add(place.root)
    return [*lines, *copies], found, size
