"""The outputs of a model, and what is given for each of them: targets, weights, losses, metrics."""

from __future__ import annotations

import functools
import operator
from collections import OrderedDict
from collections.abc import Collection, Sequence
from typing import Any

from nnarray._messages import describe, nearest
from nnarray._trees import flatten

Path = tuple[Any, ...]


class Outputs:
    """How the outputs of a model branch, and what they are called.

    Parameters
    ----------
    tree : one leaf, or lists, tuples and dicts of them
        Only the branches count; a dict is in the order of its sorted keys.
    names : sequence of str, optional
        One for each output. Outputs in one dict have its keys for names, in the order in which `names` has them.

    Attributes
    ----------
    paths : list of tuple
        What leads to each output.
    names : list of str or None
    """

    def __init__(self, tree: Any, names: Sequence[str] | None = None) -> None:
        self._tree = _as_lists(tree)
        self.paths: list[Path] = list(flatten(self._tree)[1].paths())
        if names is not None and len(names) != len(self.paths):
            raise ValueError(f"The model has {len(self.paths)} output(s): received the names {list(names)}.")
        self.names: list[str | None] = [None] * self.count if names is None else list(names)
        if self.are_flat and isinstance(self._tree, dict):
            keys = [path[0] for path in self.paths]
            if set(keys) != set(self.names):
                self.names = keys
            self.paths = [(name,) for name in self.names]

    @property
    def count(self) -> int:
        """Number of outputs."""
        return len(self.paths)

    @property
    def are_flat(self) -> bool:
        """Whether they stand in one list or dict."""
        return all(len(path) == 1 for path in self.paths)

    def label(self, place: int) -> str:
        """Return what an output is called in messages."""
        name = self.names[place]
        return "/".join(map(str, self.paths[place])) or "0" if name is None else repr(name)

    def each(self, given: Any, what: str, optional: Collection[int] = (), partial: bool = False) -> list[Any]:
        """Return what `given`, a list, a dict by name, or a tree that branches as the outputs do, has for each output.

        Parameters
        ----------
        given : tree
        what : str
            What messages call it.
        optional : collection of int
            Outputs that may be left out; a list then has all outputs, or only the others.
        partial : bool
            Whether a dict may leave out names.

        Returns
        -------
        list
            None where there is nothing.

        Raises
        ------
        ValueError
            If names are unknown or missing, or it branches otherwise.
        """
        try:
            return self._branching(given, partial or bool(optional))
        except _OtherwiseError:
            pass
        found = None
        rest = self.count - len(optional)
        if isinstance(given, dict):
            found = self._by_name(given, what, optional, partial)
        elif not isinstance(given, (list, tuple)):
            found = self._without([given], optional) if rest == 1 else None
        elif self.are_flat or self.count == 1:
            found = list(given) if len(given) == self.count else None
            if found is None and len(given) == rest:
                found = self._without(given, optional)
        if found is None:
            raise self.refusal(given, what)
        return found

    def arrays(self, given: Any, what: str, optional: Collection[int] = ()) -> list[Any]:
        """Return the same of arrays: nested lists of numbers stand for the array of the only output."""
        nested = isinstance(given, (list, tuple)) and all(isinstance(x, (int, float, list, tuple)) for x in given)
        return [given] if nested and self.paths == [()] else self.each(given, what, optional)

    def refusal(self, given: Any, what: str) -> ValueError:
        """Return the error for what does not go with the outputs."""
        return ValueError(
            f"{what} must hold one entry for each of the outputs {self._listed()}, as a list, or as a dict by their "
            f"names: received {_shape_of(given)}."
        )

    def _branching(self, given: Any, partial: bool) -> list[Any]:
        """Return what stands in the places of the outputs in a tree that branches as they do."""
        if self.paths == [()] and isinstance(given, (list, tuple, dict)):
            raise _OtherwiseError
        completed = _completed(self._tree, given, partial)
        return [functools.reduce(operator.getitem, path, completed) for path in self.paths]

    def _without(self, given: Sequence[Any], optional: Collection[int]) -> list[Any]:
        remaining = iter(given)
        return [None if place in optional else next(remaining) for place in range(self.count)]

    def _by_name(self, given: dict[Any, Any], what: str, optional: Collection[int], partial: bool) -> list[Any] | None:
        if any(name is None for name in self.names):
            return list(given.values()) if self.count == len(given) == 1 else None
        unknown = [key for key in given if key not in self.names]
        missing = [name for place, name in enumerate(self.names) if name not in given and place not in optional]
        if unknown or (missing and not partial):
            wrong = f"the unknown name {unknown[0]!r}" if unknown else f"nothing for {', '.join(map(repr, missing))}"
            near = nearest(str(unknown[0]), [name for name in self.names if name]) if unknown else ""
            cure = "" if unknown else " None says that there is none."
            raise ValueError(
                f"{what} goes by the names of the outputs, {self._listed()}: received {wrong}.{near}{cure}"
            )
        return [given.get(name) for name in self.names]

    def _listed(self) -> str:
        return ", ".join(self.label(place) for place in range(self.count))


def _as_lists(tree: Any) -> Any:
    """Return a tree with lists in place of tuples, so that either stands for the other."""
    if isinstance(tree, dict):
        items = {key: _as_lists(item) for key, item in tree.items()}
        return OrderedDict(items) if isinstance(tree, OrderedDict) else items
    return [_as_lists(item) for item in tree] if isinstance(tree, (list, tuple)) else tree


class _OtherwiseError(Exception):
    """Raised where what is given does not branch as the outputs do."""


def _completed(tree: Any, given: Any, partial: bool) -> Any:
    """Return what is given with None in the place of outputs for which a dict has nothing."""
    if not isinstance(tree, (dict, list)):
        return given
    if given is None and partial:
        given = {} if isinstance(tree, dict) else [None] * len(tree)
    if isinstance(tree, list):
        if not isinstance(given, (list, tuple)) or len(given) != len(tree):
            raise _OtherwiseError
        return [_completed(item, x, partial) for item, x in zip(tree, given, strict=True)]
    if not isinstance(given, dict) or given.keys() - tree.keys() or (tree.keys() - given.keys() and not partial):
        raise _OtherwiseError
    return {key: _completed(item, given.get(key), partial) for key, item in tree.items()}


def _shape_of(given: Any) -> str:
    if isinstance(given, dict):
        return f"a dict with the keys {', '.join(map(repr, given))}"
    return f"a list of {len(given)}" if isinstance(given, (list, tuple)) else describe(given)
