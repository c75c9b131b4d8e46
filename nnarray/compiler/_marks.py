"""Which arguments of a jitted function are static, and which may be overwritten."""

from __future__ import annotations

import inspect
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
        is_marked = any(not isinstance(x, tuple) or x for x in (names, static_argnums, donate_argnums))
        known = _parameters(fun) if is_marked else {}
        kinds = {p.kind for p in known.values()}
        takes_all = not known or inspect.Parameter.VAR_POSITIONAL in kinds
        self._names = [name for name, p in known.items() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        for name in names:
            if name not in known and inspect.Parameter.VAR_KEYWORD not in kinds:
                raise TypeError(f"static_argnames names parameters of the function: received {describe(name)}.")
        most = None if takes_all else len(self._names)
        self._static = _numbers(static_argnums, "static_argnums", most)
        self._donated = _numbers(donate_argnums, "donate_argnums", most)
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
        return {self._names[n] for n in numbers if 0 <= n < len(self._names)}


def _parameters(fun: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(fun).parameters)
    except ValueError:  # Some functions in C have none that Python knows of.
        return {}


def _numbers(given: Any, what: str, most: int | None) -> set[int]:
    """Return positions, those from the end as such where the function takes any number of arguments."""
    found = set()
    for n in given if isinstance(given, (list, tuple, set, frozenset, range)) else (given,):
        is_number = hasattr(type(n), "__index__") and not isinstance(n, bool)
        if not is_number or (most is not None and not -most <= n < most):
            those = "arguments" if most is None else f"parameters, of which the function has {most}"
            raise TypeError(f"{what} counts positional {those}, from 0: received {describe(n)}.")
        found.add(int(n) if most is None else int(n) % most)
    return found


def _given(numbers: set[int], args: tuple[Any, ...]) -> set[int]:
    count = len(args)
    return {n % count for n in numbers if -count <= n < count}
