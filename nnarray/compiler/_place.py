"""A place: the memory that a value of a plan is in, and what the plan calls it."""

from __future__ import annotations

import math
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
class Place:
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


def windows_of(graph: Graph) -> dict[Value, Value]:
    """Return for each value that may be a window the value whose memory it may be in."""
    base: dict[Value, Value] = {}
    for operation in graph.operations:
        if operation.function.name in VIEWS or operation.function.name in MAY_BE_WINDOWS:
            source = operation.inputs[0]
            for x in operation.results:
                base[x] = base.get(source, source)
    return base
