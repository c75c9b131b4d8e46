"""The arguments of a call that the tape holds as one."""

from __future__ import annotations

from typing import Any

from nnarray._trees import flatten, unflatten
from nnarray.array import Array, Node
from nnarray.autodiff._sources import held, source_of, to_array, to_assign


class Operands:
    """The arguments of a call as they were, and which of their leaves are recorded.

    Parameters
    ----------
    tree : any tree
    reads : bool
        Whether objects that hold an array, such as variables, stand for it.

    Attributes
    ----------
    as_arrays : bool
        Whether any leaf is an Array.
    places : list of int
        Of the recorded ones among the leaves.
    parents : list of Node
        Their nodes.
    """

    def __init__(self, tree: Any, reads: bool = False) -> None:
        leaves, self._structure = flatten(tree)
        leaves = [held(x) for x in leaves] if reads else leaves
        beside = next((x.namespace.backend for x in leaves if isinstance(x, Array)), None)
        self.as_arrays = beside is not None
        leaves = [to_array(x, beside) for x in leaves]
        self.places = [place for place, x in enumerate(leaves) if node_of(x) is not None]
        self.parents: list[Node] = [leaves[place].node for place in self.places]
        # Values, not the Arrays: these may be assigned to before a later run.
        self._kept: list[Any] = [(x.value, x.namespace) if isinstance(x, Array) else x for x in leaves]

    def constants(self) -> Any:
        """Return the arguments with nothing recorded, Arrays for all arrays."""
        return unflatten(self._structure, self._leaves())

    def tied(self) -> Any:
        """Return the arguments recorded as they were."""
        return self._with([self._array(place, node) for place, node in zip(self.places, self.parents, strict=True)])

    def sources(self, tied: bool) -> tuple[list[Node], Any]:
        """Return nodes of their own for the recorded leaves, tied to what these were or not, and the arguments."""
        parents = self.parents if tied else [None] * len(self.places)
        made = [source_of(self._array(place, node)) for place, node in zip(self.places, parents, strict=True)]
        return [x.node for x in made if x.node is not None], self._with(to_assign(made))

    def released(self, x: Any) -> Any:
        """Return a leaf of the result as the caller gets it: no Array if none was given and nothing is recorded."""
        return x.value if isinstance(x, Array) and x.node is None and not self.as_arrays else x

    def _array(self, place: int, node: Node | None) -> Array:
        value, namespace = self._kept[place]
        return Array(value, namespace, node)

    def _leaves(self) -> list[Any]:
        return [Array(*x) if type(x) is tuple else x for x in self._kept]

    def _with(self, recorded: list[Array]) -> Any:
        leaves = self._leaves()
        for place, x in zip(self.places, recorded, strict=True):
            leaves[place] = x
        return unflatten(self._structure, leaves)


def node_of(x: Any) -> Node | None:
    """Return the node of a leaf."""
    return x.node if isinstance(x, Array) else None
