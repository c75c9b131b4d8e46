"""Functions of the array API as operations of a model, with arguments that belong to no library in particular."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnarray._messages import describe
from nnarray._trees import leaves_of, tree_map
from nnarray.array import Array, array_namespace, as_array
from nnarray.backends import DTYPE_NAMES, backend_of, convert, find_backend


@dataclass(frozen=True)
class Applied:
    """A function that a symbolic call notes down.

    Parameters
    ----------
    name : str
        As in ``"exp"`` or ``"linalg.cross"``.
    function : callable, optional
        By default the one of that name in the namespace of its arguments.
    """

    name: str
    function: Callable[..., Any] | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        leaves = leaves_of((args, kwargs))
        is_raw = not any(isinstance(x, Array) for x in leaves)
        # Operators of raw arrays are their library's; those of Arrays promote dtypes everywhere as in the standard.
        like = next(as_array(x) for x in leaves if (find_backend(x) if is_raw else isinstance(x, Array)))
        args, kwargs = tree_map(lambda leaf: _beside(leaf, like), (args, kwargs))
        function: Any = self.function
        if function is None:
            function = array_namespace(like)
            for part in self.name.split("."):
                function = getattr(function, part)
        made = function(*args, **kwargs)
        return tree_map(lambda x: x.value if isinstance(x, Array) else x, made) if is_raw else made


class Constant:
    """An array that a symbolic call takes as it is, whatever library the model runs on."""

    def __init__(self, value: np.ndarray) -> None:
        self.value = value


class Named:
    """A dtype by its name."""

    def __init__(self, name: str) -> None:
        self.name = name


def kept(leaf: Any) -> Any:
    """Return an argument as a symbolic call of a function keeps it: arrays and dtypes of no library in particular.

    Raises
    ------
    TypeError
        As `kept_array`.
    """
    found = kept_array(leaf)
    name = dtype_name(leaf) if found is leaf else None
    return found if name is None else Named(name)


def kept_array(leaf: Any) -> Any:
    """Return an argument as a symbolic call of a layer keeps it: arrays of no library in particular.

    Raises
    ------
    TypeError
        If it is a variable, which would be a constant.
    """
    if hasattr(leaf, "__nnarray_lend__"):
        raise TypeError(
            f"A variable beside a symbol would be a constant: received {describe(leaf)}. Compute with variables in the "
            "call of a layer."
        )
    raw = leaf.value if isinstance(leaf, Array) else leaf
    if find_backend(raw) is not None and not isinstance(raw, (int, float, complex)):
        return Constant(np.array(backend_of(raw).to_numpy(raw)))
    return leaf


def dtype_name(x: Any) -> str | None:
    """Return the name of a dtype of any library, the standard's or float16, or None if `x` is none."""
    name = x if isinstance(x, str) else getattr(x, "__name__", None) or getattr(x, "name", None) or str(x)
    if not isinstance(name, str):
        return None
    name = name.rpartition(".")[2]
    return name if name == "float16" or name in DTYPE_NAMES else None


def beside(leaf: Any, like: Any) -> Any:
    """Return an array that was kept as one of the library of `like`, an Array if that is one; all else as it is."""
    if not isinstance(leaf, Constant) or like is None:
        return leaf
    made = _beside(leaf, as_array(like))
    return made if isinstance(like, Array) else made.value


def _beside(leaf: Any, like: Array) -> Any:
    """Return an argument as an Array of the library of `like` if it is one, or was one when it was kept."""
    backend = backend_of(like.value)
    if isinstance(leaf, Named):
        return getattr(backend.xp, leaf.name)
    if isinstance(leaf, Constant):
        made = convert(leaf.value, backend.traced or backend, device=backend.device_of(like.value))
        return like.namespace.asarray(made)
    return as_array(leaf) if find_backend(leaf) else leaf
