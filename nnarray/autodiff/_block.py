"""Calls of whole functions that the tape holds as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nnarray.array import Array, Node, Part


class Block(Node):
    """The recorded call of a whole function, whose backward pass is a function too.

    Parameters
    ----------
    results : list
        Of which some are Arrays.
    title : str
        Name of the function.
    parents : sequence of Node
    pull : callable
        Takes this node, the cotangent of each result (None where nothing used it) and whether the tape is nested;
        returns the cotangent of each parent, None for zero. It must not hold what this node makes, which would be a
        circle of references.
    """

    __slots__ = ("_title", "pull")

    def __init__(self, results: Sequence[Array], title: str, parents: Sequence[Node], pull: Callable[..., Any]) -> None:
        first = next(x for x in results if isinstance(x, Array))
        super().__init__(first.value, first.namespace)
        self.parents = tuple(enumerate(parents))
        self.pull = pull
        self._title = title

    @property
    def title(self) -> str:
        """What was called."""
        return self._title

    def parts(self, results: Sequence[Any]) -> list[Any]:
        """Return the results as recorded parts of the call; what is no floating-point array is constant."""
        found = []
        for place, x in enumerate(results):
            if isinstance(x, Array):
                field = x.namespace.field_of(x.dtype)
                part = Part(x.value, self, place, len(results), field) if field else None
                x = Array(x.value, x.namespace, part)
            found.append(x)
        return found
