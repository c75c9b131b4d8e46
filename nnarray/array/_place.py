"""Where raw arrays are worked on: the operators of some libraries compute on a current device, wherever arrays lie."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import FunctionType
from typing import Any, TypeVar

from nnarray.backends import find_backend

F = TypeVar("F", bound=Callable[..., Any])
#: The context in which nothing changes.
HERE: AbstractContextManager[Any] = nullcontext()
_NESTS = frozenset((list, tuple))
_NUMBERS = frozenset((int, float, bool, complex))


def where_arrays_are(function: F) -> F:
    """Return a function that runs on the device of the first array among its arguments.

    What is written with the operators of raw arrays, and may be called from outside, needs it.
    """

    @functools.wraps(function)
    def placed(*args: Any, **kwargs: Any) -> Any:
        context = on_device_of(*args, *kwargs.values()) if kwargs else on_device_of(*args)
        if context is HERE:
            return function(*args, **kwargs)
        with context:
            return function(*args, **kwargs)

    return placed  # type: ignore[return-value]


def on_device_of(*xs: Any) -> AbstractContextManager[Any]:
    """Return a context in which raw operators run on the device of the first raw array, also within lists and tuples.

    The functions that Arrays are given to find it by themselves.
    """
    for x in xs:
        backend = find_backend(x)
        if backend is None:
            # Of nested lists of numbers, which are no arrays, only the first numbers are looked at.
            if type(x) in _NESTS and x and type(x[0]) not in _NUMBERS and (context := on_device_of(*x)) is not HERE:
                return context
        elif backend.has_current_device:
            return backend.activate(backend.device_of(x))
    return HERE


def place_methods(cls: type, *names: str) -> None:
    """Let the methods of those names that a class itself defines run where the arrays among their arguments are."""
    for name in names:
        if isinstance(method := vars(cls).get(name), FunctionType):
            setattr(cls, name, where_arrays_are(method))
