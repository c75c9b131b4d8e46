"""Configuration from a constructor's own arguments: one class for layers, losses, metrics, optimizers and the rest."""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from nnarray import config
from nnarray._lookup import snake_case
from nnarray._messages import describe
from nnarray._serialization import plain, restored

_SCALARS = (bool, int, float, str, np.generic, type(None))
_EMPTY = inspect.Parameter.empty
_BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Configured:
    """An object that can tell the call that makes it, as a config and as its `repr`.

    The arguments of the constructor are noted when the object is made; nothing needs to be written in a subclass.

    - `get_config` has every argument, those not given by their default. Where an attribute of an argument's name exists
      and both are plain (a number, a string, a truth value, None), what the attribute holds now counts: a rate that was
      set later, a name that was chosen for None.
    - An argument that reaches a base class through ``**kwargs`` is in the config if it was given, or if it is one of
      `shared_arguments`.
    - Arguments given through ``*args`` are those of the base class's constructor, in its order.
    - A subclass may override `get_config` as in Keras, ``config = super().get_config(); config.update({…})``, with the
      names of its constructor's arguments, and `from_config`. It need not.
    - A subclass sets `shared_arguments` if its base constructor takes others.
    - Whether arguments can be written as plain values is asked when they are: an object made with a lambda works.
    """

    #: Arguments of the base that are in the config of every subclass whose constructor takes them by ``**kwargs``.
    shared_arguments: ClassVar[tuple[str, ...]] = ("name", "trainable", "dtype")
    #: An attribute that is there once the constructor of the base has run, where nothing works without that.
    _set_by_init: ClassVar[str] = ""

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        self = super().__new__(cls)
        # Past the __setattr__ that a subclass may have; copying and unpickling replace it by that of the original.
        self.__dict__["_call"] = _ConstructorCall(args, kwargs)
        return self

    def __getattr__(self, name: str) -> Any:
        # Python comes here when an attribute is missing, or when a property raised AttributeError.
        if self._set_by_init and self._set_by_init not in self.__dict__ and not name.startswith("__"):
            raise AttributeError(
                f"{type(self).__name__!r} has no attribute {name!r}: its __init__ must call super().__init__() first."
            )
        return object.__getattribute__(self, name)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain values, by name.

        Raises
        ------
        TypeError
            If an argument cannot be written as plain values: a lambda, an object without ``get_config``.
        """
        # An override may replace what cannot be written; if it does not, `serialize_keras_object` says so.
        strict = type(self).get_config.__module__.partition(".")[0] == "nnarray"
        call = _call_of(self)
        if strict and call.unnamed:
            raise TypeError(
                f"{type(self).__name__} was given {len(call.unnamed)} argument(s) by position that its constructor has "
                "no names for, so no config can hold them. Override get_config and from_config."
            )
        return {x.name: _plain(x.value, f"Argument {x.name!r} of {type(self).__name__}", strict) for x in call.named}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return the object that `get_config` describes."""
        return cls(**{name: restored(value) for name, value in config.items()})

    def _present_value(self, name: str, value: Any) -> Any:
        """Return the present value of an argument; `value` is the one that was given."""
        if value is not _EMPTY and not isinstance(value, _SCALARS):
            return value
        try:
            now = _scalar(getattr(self, name, value))
        except Exception:  # a property that needs more than is there yet: what was given counts
            return value
        return now if value is _EMPTY or isinstance(now, _SCALARS) else value

    def __repr__(self) -> str:
        call = _call_of(self)
        shown = [_shown(value) for value in call.unnamed]
        for x in call.named:
            if x.first and not shown and not x.is_default and x.stands_alone:
                shown.append(_shown(x.value))
            elif not x.is_default:
                shown.append(f"{x.name}={_shown(x.value)}")
        return f"{type(self).__name__}({', '.join(shown)})"


class _ConstructorCall:
    """The arguments of a constructor as they were given, hidden from what looks for arrays in attributes."""

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.args = args
        self.kwargs = kwargs

    def __deepcopy__(self, memo: dict[int, Any]) -> _ConstructorCall:
        def copied(x: Any) -> Any:
            try:
                return copy.deepcopy(x, memo)
            except TypeError:  # some libraries' devices cannot be copied
                return x

        return _ConstructorCall(tuple(map(copied, self.args)), {name: copied(x) for name, x in self.kwargs.items()})


class _Argument(NamedTuple):
    name: str
    value: Any
    default: Any
    given: bool
    chosen: bool
    first: bool

    @property
    def stands_alone(self) -> bool:
        """Whether a reader knows the argument without its name: one that must be given, or a number."""
        return self.default is _EMPTY or (isinstance(self.default, (int, float)) and type(self.default) is not bool)

    @property
    def is_default(self) -> bool:
        if self.default is None and isinstance(self.value, str) and (self.chosen or not self.given):
            return True
        if self.value is self.default:
            return True
        return _is_plain(self.value) and _is_plain(self.default) and self.value == self.default


class _Bound(NamedTuple):
    named: list[_Argument]
    unnamed: list[Any]


def _call_of(x: Configured) -> _Bound:
    """Return the arguments that an object was made with, by name, each with its present value."""
    call = x.__dict__.get("_call") or _ConstructorCall((), {})
    remaining = list(call.args)
    given: dict[str, Any] = {}
    parameters: dict[str, inspect.Parameter] = {}
    own: frozenset[str] | None = None
    takes_positions = True
    for signature in _signatures(type(x)):
        for parameter in signature:
            if parameter.kind in _BY_POSITION and takes_positions and remaining:
                given[parameter.name] = remaining.pop(0)
            parameters.setdefault(parameter.name, parameter)
        if own is None:
            own = frozenset(parameters)
        takes_positions = takes_positions and any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in signature)
    given.update(call.kwargs)
    named: list[_Argument] = []
    for name in {**parameters, **given}:
        parameter = parameters.get(name) or inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY)
        if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            continue
        if name not in given and name not in (own or ()) and name not in x.shared_arguments:
            continue
        value = x._present_value(name, given.get(name, parameter.default))
        if value is not _EMPTY:
            first = not named and parameter.kind in _BY_POSITION
            chosen = _is_chosen(type(x), name, value)
            named.append(_Argument(name, value, parameter.default, name in given, chosen, first))
    return _Bound(named, remaining)


def _signatures(cls: type) -> Iterator[list[inspect.Parameter]]:
    """Yield the parameters of the constructor, then of those that its ``**kwargs`` lead to."""
    for owner in cls.__mro__:
        constructor = owner.__dict__.get("__init__")
        if constructor is None or owner is object:
            continue
        parameters = list(inspect.signature(constructor).parameters.values())[1:]
        yield parameters
        if not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters):
            return


def _scalar(x: Any) -> Any:
    """Return a variable of one number as the number, in the fewest digits that stand for it."""
    if hasattr(x, "__nnarray_value__") and getattr(x, "shape", None) == ():
        value = x.numpy()
        return float(str(value)) if value.dtype.kind == "f" else value.item()
    return x


def _is_chosen(cls: type, name: str, value: Any) -> bool:
    """Whether an argument, given or not, is what constructors choose for None: a numbered name, the default dtype."""
    if name == "name":
        return re.fullmatch(rf"{re.escape(snake_case(cls.__name__))}(_\d+)?", str(value)) is not None
    return name == "dtype" and value == config.floatx()


def _plain(value: Any, what: str, strict: bool) -> Any:
    try:
        return plain(value, what)
    except TypeError:
        if strict:
            raise
        return value


def _is_plain(value: Any) -> bool:
    return isinstance(value, _SCALARS) or (isinstance(value, (list, tuple)) and all(map(_is_plain, value)))


def _shown(value: Any) -> str:
    """Return an argument as one would type it, as far as that can be read."""
    if isinstance(value, (list, tuple)):
        items = ", ".join(map(_shown, value))
        return f"[{items}]" if isinstance(value, list) else f"({items}{',' * (len(value) == 1)})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {_shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, np.generic):
        return repr(value.item())
    if not isinstance(value, Configured) and hasattr(value, "__name__"):
        return value.__name__
    text = repr(value)
    return f"<{describe(value)}>" if hasattr(value, "dtype") and ("\n" in text or len(text) > 60) else text
