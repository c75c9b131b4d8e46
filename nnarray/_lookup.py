"""Objects by name, as Keras finds them: a string, a config, an instance, a class or a function."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Container, Mapping
from typing import Any

from nnarray._custom_objects import custom_objects, found_custom
from nnarray._messages import article, describe, unknown_name
from nnarray._serialization import deserialize_keras_object, from_config


def snake_case(name: str) -> str:
    """Return ``"GlorotUniform"`` as ``"glorot_uniform"``, ``"KLDivergence"`` as ``"kl_divergence"``, as Keras does."""
    return re.sub(r"(?<=.)(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])", "_", name).lower()


def unique(name: str, taken: Container[str]) -> str:
    """Return `name`, or, if it is taken, the first of ``name_1``, ``name_2``, … that is not."""
    number, found = 0, name
    while found in taken:
        number += 1
        found = f"{name}_{number}"
    return found


class Registry:
    """The objects of one kind that can be given by name, and what else is taken in their place.

    Parameters
    ----------
    kind : str
        What messages call them, such as ``"loss"``.
    base : type, optional
        The class they are instances of; None if they are functions.
    *objects : classes and functions
        Known by their own name and in snake case, and, as in Keras, whatever the case of the letters.
    wrap : callable, optional
        Applied to a function to make what `get` returns, such as a loss around it; None refuses functions. `as_it_is`
        takes them without change.
    **aliases : class or function
        Further names.

    Examples
    --------
    >>> from nnarray._lookup import Registry
    >>> from nnarray.initializers import HeNormal, Initializer
    >>> known = Registry("initializer", Initializer, HeNormal, he=HeNormal)
    >>> known.get("he"), known.get({"class_name": "he_normal", "config": {"seed": 1}}), known.names()
    (HeNormal(), HeNormal(seed=1), ['HeNormal'])
    """

    def __init__(
        self,
        kind: str,
        base: type | None,
        *objects: Any,
        wrap: Callable[[Any], Any] | None = None,
        **aliases: Any,
    ) -> None:
        self._kind = kind
        self._base = base
        self._wrap = wrap
        self._names = sorted(x.__name__ for x in objects)
        names = {name: x for x in objects for name in (snake_case(x.__name__), x.__name__)}
        self._known: dict[str, Any] = {**names, **aliases}
        self._loosely = {_loose(name): x for name, x in self._known.items()}

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and _loose(name) in self._loosely

    def names(self) -> list[str]:
        """Return the name of each built-in object, once, in order."""
        return list(self._names)

    def spellings(self) -> list[str]:
        """Return every name by which alone an object is found, also several of one: its class needs no arguments."""
        return [name for name, x in self._known.items() if not _needs_arguments(x)]

    def get(self, identifier: Any) -> Any:
        """Return the object that `identifier` names, describes or is; a class is instantiated.

        Parameters
        ----------
        identifier : str, dict, instance, class or function
            A name may be that of a registered object, or of one in a `custom_object_scope`; a dict is what
            `serialize_keras_object` returns, of which ``class_name`` and ``config`` suffice.

        Raises
        ------
        ValueError
            If it is a name that is not known; the message gives the nearest one.
        TypeError
            If it is of another kind.
        """
        found = identifier
        if isinstance(identifier, str):
            found = self._named(identifier)
        elif isinstance(identifier, Mapping):
            found = self._described(identifier)
        if not self._takes(found):
            forms = "by name, as a config or as an object" + (" or function" if self._wrap else "")
            raise TypeError(f"Expected {article(self._kind)} {forms}: received {describe(identifier)}.")
        if isinstance(found, type):
            return found()
        if self._base is not None and isinstance(found, self._base):
            return found
        assert self._wrap is not None
        return self._wrap(found)

    def _takes(self, x: Any) -> bool:
        if isinstance(x, type):
            return self._base is not None and issubclass(x, self._base)
        return (self._base is not None and isinstance(x, self._base)) or (self._wrap is not None and callable(x))

    def _named(self, name: str) -> Any:
        custom = found_custom(name)
        if custom is not None and (self._takes(custom) or name not in self):
            return custom
        if name in self:
            return self._known.get(name, self._loosely[_loose(name)])
        own = [other for other, x in custom_objects().items() if self._takes(x)]
        raise ValueError(unknown_name(self._kind, name, [*self._known, *own], [*self._names, *own]))

    def _described(self, described: Mapping[str, Any]) -> Any:
        name, config = described.get("class_name"), described.get("config")
        if not isinstance(name, str):
            raise TypeError(
                f"A config of {article(self._kind)} has a class_name and a config: received {describe(described)}."
            )
        if (custom := found_custom(described.get("registered_name"), name)) is not None:
            return from_config(custom, config)
        if described.get("module") is not None:
            return deserialize_keras_object({"config": {}, **described})
        return self._named(str(config)) if name == "function" else from_config(self._named(name), config)


def _needs_arguments(x: Any) -> bool:
    """Whether an object is a class that cannot be instantiated without arguments."""
    if not isinstance(x, type):
        return False
    free = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = inspect.signature(x).parameters.values()
    return any(each.default is each.empty and each.kind not in free for each in parameters)


def _loose(name: str) -> str:
    return name.lower().replace("_", "")


def as_it_is(x: Any) -> Any:
    """Return `x`."""
    return x


def by_name(*classes: type, **aliases: type) -> dict[str, type]:
    """Return classes by their own name, their name in snake case, and further aliases."""
    table = {name: cls for cls in classes for name in (cls.__name__, snake_case(cls.__name__))}
    return {**table, **aliases}
