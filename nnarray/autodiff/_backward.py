"""The backward pass over the tape: iterative, and free of what it has used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from nnarray.array import Array, Node, sum_to_shape


class Tape:
    """The recorded calls between some sources and what was computed from them, in the order they were made.

    Parameters
    ----------
    root : Node or None
        What is differentiated; None if it depends on no source.
    others : iterable of Node
        Further results, which may depend on more than `root` does.
    sources : sequence of Node
        What `root` is differentiated with respect to.

    Attributes
    ----------
    nested : bool
        Whether anything but `sources` is being differentiated with respect to: then the backward pass is itself
        recorded. Otherwise it runs on raw arrays.
    """

    def __init__(self, root: Node | None, others: Iterable[Node], sources: Sequence[Node]) -> None:
        self._root = root
        self._sources = sources
        self.nested = any(source.parents for source in sources)
        own = set(sources)
        oldest = min((source.serial for source in sources), default=0)
        seen: set[Node] = set()
        stack = list(others) if root is None else [root, *others]
        while stack:
            node = stack.pop()
            if node in seen:
                continue
            if node not in own:
                # Nothing older than the sources can depend on them, so the walk need not go there.
                if node.serial < oldest or node.function is None:
                    self.nested = True
                    continue
                stack.extend(parent for _, parent in node.parents)
            seen.add(node)
        self._order = sorted(seen, key=lambda node: node.serial)

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The recorded calls from the sources to the results, oldest first; the backward pass goes the other way."""
        return tuple(self._order)

    def pull_back(self, cotangent: Any) -> list[Any]:
        """Return the cotangent of each source, None where `root` does not depend on it. Consumes the tape.

        Parameters
        ----------
        cotangent : Array if `nested`, else raw array
            The cotangent of `root`.
        """
        cotangents: dict[Node, Any] = {} if self._root is None else {self._root: cotangent}
        self._root = None
        depends = set(self._sources)
        for node in self._order:
            if any(parent in depends for _, parent in node.parents):
                depends.add(node)
        found = {}
        while self._order:
            node = self._order.pop()
            g = cotangents.pop(node, None)
            if g is None:
                continue
            if node in self._sources:
                found[node] = g
                continue
            for position, parent in node.parents:
                if parent in depends:
                    share = self._share(node, position, parent, g)
                    cotangents[parent] = cotangents[parent] + share if parent in cotangents else share
            depends.discard(node)
        return [found.get(source) for source in self._sources]

    def _share(self, node: Node, position: int, parent: Node, g: Any) -> Any:
        """Return what `node`, whose cotangent is `g`, adds to the cotangent of its argument at `position`."""
        function = node.function
        xp = node.namespace if self.nested else node.namespace.raw
        if function is None or (rule := function.rule_of(position)) is None:
            raise AssertionError(f"{node!r} has no derivative but was recorded")
        given = {"g": g, "xp": xp, "in_shape": parent.shape, "position": position, "shapes": node.shapes}
        arguments = []
        for name in function.needs_of(position):
            if name in given:
                arguments.append(given[name])
            elif name == "out":
                arguments.append(Array(node.out, node.namespace, node) if self.nested else node.out)
            elif name in function.arrays:
                arguments.append(self._operand(node.kept[function.arrays.index(name)]))
            else:
                arguments.append(node.params.get(name, function.default(name)))
        share = rule(*arguments)
        if function.broadcasts:
            share = sum_to_shape(xp, share, parent.shape)
        return share if share.dtype == parent.dtype else xp.astype(share, parent.dtype)

    def _operand(self, kept: Any) -> Any:
        return kept.value if isinstance(kept, Array) and not self.nested else kept
