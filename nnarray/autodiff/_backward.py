"""The backward pass over the tape: iterative, and free of what it has used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import NoneType
from typing import Any

from nnarray.array import Array, Node, Part, parts_of, sum_to_shape
from nnarray.autodiff._block import Block
from nnarray.autodiff._sources import is_watched


class Tape:
    """The recorded calls between some sources and what was computed from them, in the order they were made.

    Parameters
    ----------
    roots : sequence of (Node or None)
        What is differentiated; None for a result that depends on no source.
    others : iterable of Node
        Further results, which may depend on more than `roots` do.
    sources : sequence of Node
        What `roots` are differentiated with respect to.
    nested : bool, optional
        What the attribute shall be; by default it is found out.

    Attributes
    ----------
    nested : bool
        Whether anything but `sources` is being differentiated with respect to: then the backward pass is itself
        recorded, with the arguments of each call as they were recorded. Otherwise they are constants to it, and it
        runs on raw arrays unless a cotangent is itself recorded.
    """

    def __init__(
        self,
        roots: Sequence[Node | None],
        others: Iterable[Node],
        sources: Sequence[Node],
        nested: bool | None = None,
    ) -> None:
        self._roots = roots
        self._sources = sources
        self.nested = any(source.parents for source in sources)
        own = set(sources)
        oldest = min((source.serial for source in sources), default=0)
        seen: set[Node] = set()
        stack = [*(root for root in roots if root is not None), *others]
        while stack:
            node = stack.pop()
            if node in seen:
                continue
            if node not in own:
                # Nothing older than the sources can depend on them, so the walk need not go there.
                if node.serial < oldest:
                    self.nested = self.nested or is_watched(node)
                    continue
                if not node.parents:
                    # A source of a transform inside this one, which is over; an enclosing one's is older.
                    continue
                stack.extend(parent for _, parent in node.parents)
            seen.add(node)
        if nested is not None:
            self.nested = nested
        self._order = sorted(seen, key=lambda node: node.serial)

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The recorded calls from the sources to the results, oldest first; the backward pass goes the other way."""
        return tuple(self._order)

    def pull_back(self, cotangents: Sequence[Any], keep: bool = False) -> list[Any]:
        """Return the cotangent of each source, None where no root depends on it. Consumes the tape, unless kept.

        Parameters
        ----------
        cotangents : sequence
            The cotangent of each root: an Array if `nested`, else an Array or a raw array, all of one kind.
        keep : bool
            Whether the tape shall serve again.
        """
        recording = self.nested or any(isinstance(g, Array) for g in cotangents)
        arrived: dict[Node, Any] = {}
        for root, g in zip(self._roots, cotangents, strict=True):
            if root is not None:
                arrived[root] = arrived[root] + g if root in arrived else g
        order = list(self._order) if keep else self._order
        if not keep:
            self._roots = ()
        own = set(self._sources)
        depends = set(own)
        for node in order:
            if any(parent in depends for _, parent in node.parents):
                depends.add(node)
        found = {}
        while order:
            node = order.pop()
            g = arrived.pop(node, None)
            if g is None:
                continue
            if node in own:
                found[node] = g
                continue
            if type(node) is Part:
                call = node.parents[0][1]
                parts = arrived.setdefault(call, [None] * node.count)
                # A part may come by twice: as what the function used, and as what a rule of an inner pass did.
                parts[node.place] = g if parts[node.place] is None else parts[node.place] + g
                depends.discard(node)
                continue
            shares = node.pull(node, g, self.nested) if type(node) is Block else None
            for position, parent in node.parents:
                if parent in depends:
                    if shares is None:
                        share = self._share(node, position, parent, g, recording)
                    elif (share := _given(shares[position], parent, recording)) is None:
                        continue
                    arrived[parent] = arrived[parent] + share if parent in arrived else share
            depends.discard(node)
        return [found.get(source) for source in self._sources]

    def _share(self, node: Node, position: int, parent: Node, g: Any, recording: bool) -> Any:
        """Return what `node`, whose cotangent is `g`, adds to the cotangent of its argument at `position`."""
        function = node.function
        xp = node.namespace if recording else node.namespace.raw
        if function is None or (rule := function.rule_of(position)) is None:
            raise AssertionError(f"{node!r} has no derivative but was recorded")
        # A rule multiplies by the derivative f'; the gradient of a real loss by a complex argument has its conjugate.
        conjugated = node.field == "complex" and not function.conjugates
        if conjugated:
            g = tuple(x if x is None else xp.conj(x) for x in g) if isinstance(g, (list, tuple)) else xp.conj(g)
        given = {
            "g": g,
            "xp": xp,
            "in_shape": parent.shape,
            "in_dtype": parent.dtype,
            "position": position,
            "shapes": node.shapes,
        }
        arguments = []
        for name in function.needs_of(position):
            if name in given:
                arguments.append(given[name])
            elif name == "out":
                arguments.append(self._result(node) if recording else node.out)
            elif name in function.arrays:
                arguments.append(self._operand(node, function.arrays.index(name), recording))
            else:
                arguments.append(node.params.get(name, function.default(name)))
        share = rule(*arguments)
        if function.broadcasts:
            share = sum_to_shape(xp, share, parent.shape)
        if conjugated and parent.field == "complex":
            share = xp.conj(share)
        return _cast(xp, share, parent)

    def _result(self, node: Node) -> Any:
        own = node if self.nested else None
        if type(node.out) is tuple:
            return tuple(parts_of(node.out, node.namespace, own))
        return Array(node.out, node.namespace, own)

    def _operand(self, node: Node, place: int, recording: bool) -> Any:
        kept = node.kept[place]
        # By exact type: NumPy's scalars, in which it returns what has no axes, are Python floats by inheritance.
        if not recording or type(kept) in (int, float, complex, bool, NoneType):
            return kept
        own = next((parent for position, parent in node.parents if position == place), None)
        return Array(kept, node.namespace, own if self.nested else None)


def _given(share: Any, parent: Node, recording: bool) -> Any:
    """Return what a block's backward pass gave for a parent, as this one has it."""
    if share is None:
        return None
    space = share.namespace if isinstance(share, Array) else parent.namespace
    share = share.value if isinstance(share, Array) and not recording else share
    return _cast(space if recording else space.raw, share, parent)


def _cast(xp: Any, share: Any, parent: Node) -> Any:
    """Return a cotangent in the dtype of what it belongs to."""
    if share.dtype == parent.dtype:
        return share
    if parent.field == "real" and parent.namespace.field_of(share.dtype) == "complex":
        share = xp.real(share)
    return share if share.dtype == parent.dtype else xp.astype(share, parent.dtype)
