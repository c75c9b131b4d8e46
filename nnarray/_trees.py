"""Trees of arguments and results: dicts, lists, tuples, named tuples, dataclasses, and what optree knows besides."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

import optree

#: Under these names the dataclasses that were met are known to optree; under the second, dicts keep their order.
_NAMESPACE, _IN_ORDER = "nnarray", "nnarray in order"
# Entered once and for all: the object is kept, because its end would end the mode.
_mode = optree.dict_insertion_ordered(True, namespace=_IN_ORDER)
_mode.__enter__()
_known: set[type] = set()
_lock = threading.Lock()

Structure = optree.PyTreeSpec


def flatten(tree: Any) -> tuple[list[Any], Structure]:
    """Return the leaves of a tree and its structure; None is a tree without leaves.

    A dataclass is a tree of its fields; those with ``metadata={"static": True}`` belong to its structure.
    """
    leaves, structure = optree.tree_flatten(tree, namespace=_NAMESPACE)
    if _made_known(leaves):
        return flatten(tree)
    return leaves, structure


def flatten_in_order(tree: Any) -> tuple[list[Any], Structure]:
    """Return the same, but for dicts, whose keys stand in their order: structures differ where that does."""
    leaves, structure = optree.tree_flatten(tree, namespace=_IN_ORDER)
    if _made_known(leaves):
        return flatten_in_order(tree)
    return leaves, structure


def flatten_with_accessors(tree: Any) -> tuple[list[Any], list[Any], Structure]:
    """Return what leads to each leaf, as in ``accessor.codify("x")``, the leaves, and the structure."""
    flatten(tree)
    return optree.tree_flatten_with_accessor(tree, namespace=_NAMESPACE)


def unflatten(structure: Structure, leaves: Sequence[Any]) -> Any:
    """Return the tree with other leaves."""
    return optree.tree_unflatten(structure, leaves)


def leaves_of(tree: Any) -> list[Any]:
    """Return the leaves of a tree."""
    return flatten(tree)[0]


def aligned(tree: Any, other: Any) -> list[Any]:
    """Return what stands in `other` in the place of each leaf of `tree`: None everywhere if it is None.

    Raises
    ------
    ValueError
        If `other` does not branch as `tree` does.
    """
    if other is None:
        return [None] * len(leaves_of(tree))
    leaves, structure = optree.tree_flatten(tree, none_is_leaf=True, namespace=_NAMESPACE)
    found = structure.flatten_up_to(other)
    return [x for leaf, x in zip(leaves, found, strict=True) if leaf is not None]


def tree_map(function: Callable[[Any], Any], tree: Any) -> Any:
    """Return the tree with `function` of each leaf."""
    leaves, structure = flatten(tree)
    return unflatten(structure, [function(leaf) for leaf in leaves])


def exactly(x: Any) -> Hashable:
    """Return a key that tells apart static values which are equal and not the same: 1, 1.0 and True; 0.0 and -0.0."""
    if type(x) is tuple or (isinstance(x, tuple) and hasattr(type(x), "_fields")):
        return type(x), tuple(map(exactly, x))
    if type(x) is frozenset:
        return type(x), frozenset(map(exactly, x))
    if type(x) in (float, complex):
        # Not the number itself: no NaN is equal to another.
        return type(x), repr(x)
    if dataclasses.is_dataclass(x) and not isinstance(x, type):
        fields = dataclasses.fields(x)
        return type(x), x, tuple(exactly(getattr(x, field.name)) for field in fields if field.compare)
    return type(x), x, str(x) if isinstance(x, (float, complex)) else ""


def _made_known(leaves: Sequence[Any]) -> bool:
    """Tell optree of the classes of the dataclasses among the leaves; return whether there were any."""
    found = {type(leaf) for leaf in leaves if hasattr(type(leaf), "__dataclass_fields__")}
    if not found:
        return False
    with _lock:
        for cls in found - _known:
            _register(cls)
            _known.add(cls)
    return True


def _register(cls: type) -> None:
    fields = dataclasses.fields(cls)
    static = tuple(field.name for field in fields if field.metadata.get("static"))
    names = tuple(field.name for field in fields if field.name not in static)

    def split(x: Any) -> tuple[list[Any], tuple[Any, Hashable], tuple[str, ...]]:
        kept = tuple(getattr(x, name) for name in static)
        return [getattr(x, name) for name in names], (kept, exactly(kept)), names

    def joined(kept: Any, children: Iterable[Any]) -> Any:
        # Not by its constructor, which may convert or refuse what stands in for an array.
        made: Any = object.__new__(cls)
        for name, value in zip((*static, *names), (*kept[0], *children), strict=True):
            object.__setattr__(made, name, value)
        return made

    for name in (_NAMESPACE, _IN_ORDER):
        optree.register_pytree_node(cls, split, joined, path_entry_type=optree.DataclassEntry, namespace=name)
