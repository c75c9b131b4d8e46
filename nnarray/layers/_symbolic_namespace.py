"""The namespace of symbols."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnarray._trees import tree_map
from nnarray.array import namespace
from nnarray.layers._applied import Applied, dtype_name
from nnarray.layers._symbol import Placeholder, apply, symbols_of

#: Functions that ask for dtypes, and make no array.
_ABOUT_DTYPES = ("can_cast", "finfo", "iinfo", "isdtype", "result_type")


class SymbolicNamespace:
    """The functions of the standard on symbols: each call is noted down. Dtypes and what has no symbol are NumPy's."""

    def __getattr__(self, name: str) -> Any:
        own = getattr(namespace("numpy"), name)
        if name in ("linalg", "fft"):
            return _Chapter(name, own)
        return _noting(name, own) if callable(own) and not isinstance(own, type) else own

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SymbolicNamespace)

    def __hash__(self) -> int:
        return hash(SymbolicNamespace)


class _Chapter:
    """The functions of an extension of the standard."""

    def __init__(self, name: str, own: Any) -> None:
        self._name = name
        self._own = own

    def __getattr__(self, name: str) -> Any:
        return _noting(f"{self._name}.{name}", getattr(self._own, name))


def _noting(name: str, own: Any) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        if name in _ABOUT_DTYPES:
            return own(*tree_map(_dtype_of, args), **kwargs)
        return apply(Applied(name), args, kwargs) if symbols_of((args, kwargs)) else own(*args, **kwargs)

    return call


def _dtype_of(x: Any) -> Any:
    name = x.dtype if isinstance(x, Placeholder) else dtype_name(x)
    return x if name is None else np.dtype(name)
