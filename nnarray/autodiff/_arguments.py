"""Which arguments of a call are differentiated: by position, or by name."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Sequence
from typing import Any

from nnarray._messages import describe
from nnarray._trees import leaves_of
from nnarray.autodiff._sources import to_arrays

Argnums = int | str | Sequence[int | str]


class Chosen:
    """The arguments of one call that `argnums` names.

    Parameters
    ----------
    fun : callable
        Whose parameters the names are.
    argnums : int, str, or sequence of them
    args, kwargs : tuple and dict
        Of the call.

    Attributes
    ----------
    values : list
        The chosen arguments.
    several : bool
        Whether `argnums` is a sequence.

    Raises
    ------
    TypeError
        If the call has no such argument, or `argnums` names one twice.
    """

    def __init__(
        self, fun: Callable[..., Any], argnums: Argnums, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self.several = isinstance(argnums, (tuple, list))
        wanted: Any = argnums if self.several else (argnums,)
        self._fun, self._args, self._kwargs = fun, args, kwargs
        self._places = [self._place(fun, each) for each in wanted]
        if len(set(self._places)) < len(self._places):
            raise TypeError(f"argnums names each argument once: received argnums={argnums!r}.")
        self.values = [args[place] if isinstance(place, int) else kwargs[place] for place in self._places]

    def _place(self, fun: Callable[..., Any], wanted: Any) -> int | str:
        if isinstance(wanted, str):
            if wanted in self._kwargs:
                return wanted
            parameters = inspect.signature(fun).parameters.values()
            names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
            names = names[: len(self._args)]
            if wanted in names:
                return names.index(wanted)
            raise TypeError(
                f"argnums names arguments that are passed: received argnums={wanted!r} for "
                f"{', '.join([*names, *self._kwargs]) or 'none'}."
            )
        if isinstance(wanted, bool) or not hasattr(wanted, "__index__"):
            raise TypeError(f"argnums is a position, a name, or a tuple or list of them: received {describe(wanted)}.")
        wanted = operator.index(wanted)
        if not -len(self._args) <= wanted < len(self._args):
            raise TypeError(
                f"argnums counts the positional arguments from 0: received argnums={wanted} for {len(self._args)} "
                "positional argument(s). Pass the argument by position, or give its name."
            )
        return wanted % len(self._args)

    def call(self, *values: Any) -> Any:
        """Call the function with `values` for the chosen arguments, and Arrays for all other arrays."""
        new = dict(zip(self._places, values, strict=True))
        beside = next((x.namespace.backend for x in leaves_of(values)), None)
        args = [new[n] if n in new else to_arrays(x, beside) for n, x in enumerate(self._args)]
        kwargs = {name: new[name] if name in new else to_arrays(x, beside) for name, x in self._kwargs.items()}
        return self._fun(*args, **kwargs)
