"""Objects by name, as Keras finds them: a string, an instance, a class or a function."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nnarray._messages import describe, unknown_name


def snake_case(name: str) -> str:
    """Return ``"GlorotUniform"`` as ``"glorot_uniform"``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def by_name(*classes: type, **aliases: type) -> dict[str, type]:
    """Return classes by their own name, their name in snake case, and further aliases."""
    table = {name: cls for cls in classes for name in (cls.__name__, snake_case(cls.__name__))}
    return {**table, **aliases}


def find(kind: str, identifier: Any, known: Mapping[str, Any], instance_of: type) -> Any:
    """Return the object that `identifier` names or is; a class is instantiated.

    Raises
    ------
    ValueError
        If it is a name that is not known.
    TypeError
        If it is neither a name, a class, a callable nor an instance.
    """
    if isinstance(identifier, str):
        if identifier not in known:
            raise ValueError(unknown_name(kind, identifier, known))
        identifier = known[identifier]
    if isinstance(identifier, type) and issubclass(identifier, instance_of):
        return identifier()
    if isinstance(identifier, instance_of) or (callable(identifier) and not isinstance(identifier, type)):
        return identifier
    raise TypeError(f"Expected a {kind} by name, as an object or as a function: received {describe(identifier)}.")
