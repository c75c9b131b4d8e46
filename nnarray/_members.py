"""What belongs to an object: found by walking its attributes through lists, tuples, dicts and dataclasses."""

from __future__ import annotations

import functools
import types
from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

_ATOMS = frozenset((str, bytes, int, float, bool, complex, type(None), type, types.ModuleType, range, slice))
#: How far the search for what is kept elsewhere goes into objects of unknown kinds.
_DEPTH = 4


def may_hold(cls: type, kinds: tuple[type, ...]) -> bool:
    """Whether an object of a class is one of some kinds, or a container that `walk` looks into."""
    found = _holds.get((cls, kinds))
    if found is None:
        found = _holds[cls, kinds] = issubclass(cls, (*kinds, dict, list, tuple)) or is_dataclass(cls)
    return found


_holds: dict[tuple[type, tuple[type, ...]], bool] = {}


def walk(path: str, value: Any, kinds: tuple[type, ...], seen: set[int]) -> Iterator[tuple[str, Any]]:
    """Yield the objects of some kinds in `value`, with the path that leads to each; each container once.

    Parameters
    ----------
    path : str
        Of `value`.
    value : object
        One of the kinds, or lists, tuples, dicts and dataclasses of them, nested.
    kinds : tuple of type
    seen : set of int
        Identities of the containers that were walked; added to.
    """
    if isinstance(value, kinds):
        yield path, value
    elif (items := _items(value)) is not None and id(value) not in seen:
        seen.add(id(value))
        for key, item in items:
            if may_hold(type(item), kinds):
                yield from walk(f"{path}/{key}", item, kinds, seen)


def _items(value: Any) -> Iterator[tuple[Any, Any]] | None:
    if isinstance(value, dict):
        return iter(list(value.items()))
    if isinstance(value, (list, tuple)):
        return iter(enumerate(value))
    if is_dataclass(value) and not isinstance(value, type):
        return ((field.name, getattr(value, field.name, None)) for field in fields(value))
    return None


def strays(
    path: str, value: Any, kinds: tuple[type, ...], others: tuple[type, ...], seen: set[int], depth: int = 0
) -> Iterator[tuple[str, Any]]:
    """Yield objects that `walk` does not reach: in sets, closures, partials, attributes of objects not of `others`."""
    if isinstance(value, kinds):
        if depth:
            yield path, value
        return
    is_array = hasattr(value, "dtype") and getattr(value.dtype, "kind", "") != "O"
    if type(value) in _ATOMS or id(value) in seen or depth > _DEPTH or is_array:
        return
    seen.add(id(value))
    if isinstance(value, others):
        return
    for name, item in _contents(value):
        yield from strays(f"{path}{name}", item, kinds, others, seen, depth + (_items(value) is None))


def _contents(value: Any) -> Iterator[tuple[str, Any]]:
    items = _items(value)
    if items is None and isinstance(value, Mapping):
        items = iter(list(value.items()))
    if items is not None:
        yield from ((f"[{key!r}]", item) for key, item in items)
    elif isinstance(value, functools.partial):
        yield from ((" (partial)", item) for item in (value.func, *value.args, *value.keywords.values()))
    elif isinstance(value, types.MethodType):
        yield f".{value.__name__}", value.__self__
    elif isinstance(value, types.FunctionType):
        for cell in value.__closure__ or ():
            try:
                yield f" (closure of {value.__name__})", cell.cell_contents
            except ValueError:  # an empty cell
                continue
        defaults = (*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values())
        yield from ((f" (default of {value.__name__})", item) for item in defaults)
    elif hasattr(value, "flat"):
        yield from (("", item) for item in value.flat)
    elif isinstance(value, Collection):
        yield from (("", item) for item in list(value))
    else:
        names = [*getattr(value, "__dict__", ()), *(x for cls in type(value).__mro__ for x in _slots_of(cls))]
        yield from ((f".{name}", getattr(value, name, None)) for name in names)


def _slots_of(cls: type) -> tuple[str, ...]:
    found = cls.__dict__.get("__slots__", ())
    return (found,) if isinstance(found, str) else tuple(found)
