"""The tape: one node for each recorded call."""

from __future__ import annotations

import itertools
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from nnarray.array._function import Function

if TYPE_CHECKING:
    from nnarray.array._namespace import Namespace

_serials = itertools.count()
#: Number of the recorded array that last became a Python number, through which nothing is differentiated.
last_converted: ContextVar[int] = ContextVar("nnarray_last_converted", default=-1)


def next_serial() -> int:
    """Return a number greater than that of every node so far, and less than that of every one to come."""
    return next(_serials)


class Node:
    """One recorded call: what was called, on which recorded arrays, and what its rules need.

    Attributes
    ----------
    serial : int
        Grows with every node, so that sorting by it sorts topologically.
    function : Function or None
        None for a source: an array that something is differentiated with respect to.
    field : {"real", "complex"}
        Which numbers the result holds.
    parents : tuple of (int, Node)
        Position among the array arguments and node of each recorded argument.
    kept : tuple
        The array arguments, raw, None where no rule asks for them.
    out : raw array, tuple of them, or None
        The result or results, if a rule asks for them.
    shapes : tuple or None
        Shapes of all arguments of a variadic function.
    """

    __slots__ = (
        "dtype",
        "field",
        "function",
        "kept",
        "namespace",
        "out",
        "params",
        "parents",
        "serial",
        "shape",
        "shapes",
    )

    def __init__(self, value: Any, namespace: Namespace, function: Function | None = None, field: str = "real") -> None:
        self.serial = next(_serials)
        self.shape = value.shape
        self.dtype = value.dtype
        self.namespace = namespace
        self.function = function
        self.field = field
        self.parents: tuple[tuple[int, Node], ...] = ()
        self.kept: tuple[Any, ...] = ()
        self.out: Any = None
        self.params: dict[str, Any] = {}
        self.shapes: tuple[Any, ...] | None = None

    @property
    def title(self) -> str:
        """What was called."""
        return self.function.name if self.function else "source"

    def __repr__(self) -> str:
        return f"<node {self.serial}: {self.title} -> {tuple(self.shape)} {self.dtype}>"


class Part(Node):
    """One of the several results of a recorded call, whose node is its parent.

    The call does not know its parts, so that no circle of references keeps the tape alive.

    Attributes
    ----------
    place : int
        Which of the results.
    count : int
        How many there are.
    """

    __slots__ = ("count", "place")

    def __init__(self, value: Any, call: Node, place: int, count: int, field: str) -> None:
        super().__init__(value, call.namespace, call.function, field)
        self.parents = ((0, call),)
        self.place = place
        self.count = count

    @property
    def title(self) -> str:
        """What was called, and which of its results this is."""
        return f"{self.parents[0][1].title}[{self.place}]"
