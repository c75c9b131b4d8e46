"""Which arguments of a jitted function are static, and which may be overwritten."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Sequence
from typing import Any

from nnarray._messages import describe


class Marks:
    """The marks on a function's parameters, by position and by name, as they meet the arguments of a call.

    Parameters
    ----------
    fun : callable
    static_argnums, donate_argnums : int or sequence of int
    static_argnames : str or sequence of str

    Raises
    ------
    TypeError
        If there is no such parameter.
    """

    def __init__(
        self,
        fun: Callable[..., Any],
        static_argnums: int | Sequence[int],
        static_argnames: str | Sequence[str],
        donate_argnums: int | Sequence[int],
    ) -> None:
        names = (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames)
        static, donated = _numbers(static_argnums, "static_argnums"), _numbers(donate_argnums, "donate_argnums")
        known = _parameters(fun) if names or static or donated else None
        #: By position; a name of None is none that an argument can be given by.
        self._names = [] if known is None else [_keyword(p) for p in known if p.kind in _POSITIONAL]
        kinds = {p.kind for p in known or ()}
        for name in names:
            if known is not None and _KEYWORDS not in kinds and name not in [p.name for p in known]:
                raise TypeError(f"static_argnames names parameters of the function: received {describe(name)}.")
        most = None if known is None or _ARGUMENTS in kinds else len(self._names)
        self._static = _within(static, most, "static_argnums")
        self._donated = _within(donated, most, "donate_argnums")
        # A name stands for its position, and a position for its name.
        self._static |= {self._names.index(name) for name in names if name in self._names}
        self._static_names = {*names, *self._named(self._static)}
        self._donated_names = self._named(self._donated)

    @property
    def donates(self) -> bool:
        """Whether any argument may be overwritten."""
        return bool(self._donated)

    def statics(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[dict[int, Any], dict[str, Any]]:
        """Return the static arguments of a call, by position and by name."""
        if not self._static_names and not self._static:
            return {}, {}
        by_name = {name: x for name, x in kwargs.items() if name in self._static_names}
        return {n: args[n] for n in sorted(_given(self._static, args))}, by_name

    def donated(self, args: tuple[Any, ...]) -> tuple[set[int], set[str]]:
        """Return positions and names of the arguments that may be overwritten."""
        return _given(self._donated, args), self._donated_names

    def _named(self, numbers: set[int]) -> set[str]:
        return {name for n in numbers if 0 <= n < len(self._names) and (name := self._names[n]) is not None}


_ARGUMENTS, _KEYWORDS = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _keyword(parameter: inspect.Parameter) -> str | None:
    return parameter.name if parameter.kind is parameter.POSITIONAL_OR_KEYWORD else None


def _parameters(fun: Callable[..., Any]) -> list[inspect.Parameter] | None:
    """Return the parameters of a function; those of the one it wraps where it passes all on; None if unknown."""
    try:
        own = list(inspect.signature(fun, follow_wrapped=False).parameters.values())
        passes_on = {p.kind for p in own} == {_ARGUMENTS, _KEYWORDS}
        return list(inspect.signature(fun).parameters.values()) if passes_on else own
    except ValueError:  # Some functions in C have none that Python knows of.
        return None


def _numbers(given: Any, what: str) -> list[int]:
    """Return positions, of which one may stand alone."""
    several = given if hasattr(given, "__iter__") and not hasattr(type(given), "__index__") else (given,)
    found = list(several)
    for n in found:
        if not hasattr(type(n), "__index__") or isinstance(n, bool):
            raise TypeError(f"{what} counts positional arguments from 0: received {describe(n)}.")
    return [operator.index(n) for n in found]


def _within(numbers: list[int], most: int | None, what: str) -> set[int]:
    """Return positions, those from the end as such where the function takes any number of arguments."""
    if most is None:
        return set(numbers)
    for n in numbers:
        if not -most <= n < most:
            raise TypeError(
                f"{what} counts positional parameters, of which the function has {most}, from 0: received {n}."
            )
    return {n % most for n in numbers}


def _given(numbers: set[int], args: tuple[Any, ...]) -> set[int]:
    count = len(args)
    return {n % count for n in numbers if -count <= n < count}
