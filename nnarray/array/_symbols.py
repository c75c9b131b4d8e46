"""What stands for the output of a layer in a functional model, and how functions of arrays take it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from nnarray.array._place import where_arrays_are

F = TypeVar("F", bound=Callable[..., Any])


def on_symbols(function: F) -> F:
    """Return a function of an array that is noted down as one operation where it is given a symbol of a model.

    It runs where its arrays are.
    """
    placed = where_arrays_are(function)

    @functools.wraps(function)
    def call(x: Any, *args: Any, **kwargs: Any) -> Any:
        noted = getattr(type(x), "__nnarray_apply__", None)
        return placed(x, *args, **kwargs) if noted is None else noted(x, call, (x, *args), kwargs)

    return call  # type: ignore[return-value]
