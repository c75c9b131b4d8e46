"""Parts of what Keras' files describe, before all of it can be made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Later:
    """What is made once nothing is known to be missing: models, and what has models among its arguments."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make: Callable[[], Any] | None = make
        self._made: Any = None

    def made(self) -> Any:
        """Return it, the same at each call."""
        if self._make is not None:
            self._made, self._make = self._make(), None
        return self._made


class Result:
    """Stands for a result of the call of a layer.

    Parameters
    ----------
    layer : str
    call : int
        Which of the layer's calls.
    place : int
        Which of its results.
    """

    def __init__(self, layer: str, call: int, place: int) -> None:
        self.call = (layer, call)
        self.place = place


def mapped(function: Callable[[Any], Any], tree: Any) -> Any:
    """Return lists, tuples and dicts with a function of each of the leaves in its place."""
    if isinstance(tree, dict):
        return {key: mapped(function, item) for key, item in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)([mapped(function, item) for item in tree])
    return function(tree)


def leaves(tree: Any) -> list[Any]:
    """Return the leaves of lists, tuples and dicts."""
    found: list[Any] = []
    mapped(found.append, tree)
    return found


def finished(tree: Any) -> Any:
    """Return a tree with what was to be made later."""
    return mapped(lambda x: x.made() if isinstance(x, Later) else x, tree)


def as_shapes(tree: Any) -> Any:
    """Return shapes that are written as lists as tuples."""
    if isinstance(tree, dict):
        return {key: as_shapes(item) for key, item in tree.items()}
    if isinstance(tree, (list, tuple)) and not all(item is None or isinstance(item, int) for item in tree):
        return [as_shapes(item) for item in tree]
    return tuple(tree)
