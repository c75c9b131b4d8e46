"""Functions of the array API as operations of a model, with arguments that belong to no library in particular."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnarray._messages import describe
from nnarray._trees import leaves_of, tree_map
from nnarray.array import Array, array_namespace
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
        arrays = [x for x in leaves_of((args, kwargs)) if isinstance(x, Array) or find_backend(x) is not None]
        like = next((x for x in arrays if isinstance(x, Array)), arrays[0])
        args, kwargs = tree_map(lambda leaf: _beside(leaf, like), (args, kwargs))
        function: Any = self.function
        if function is None:
            function = array_namespace(like)
            for part in self.name.split("."):
                function = getattr(function, part)
        return function(*args, **kwargs)


class Constant:
    """An array that a symbolic call takes as it is, whatever library the model runs on."""

    def __init__(self, value: np.ndarray) -> None:
        self.value = value


class Named:
    """A dtype by its name."""

    def __init__(self, name: str) -> None:
        self.name = name


def kept(leaf: Any) -> Any:
    """Return an argument as a symbolic call keeps it: arrays and dtypes of no library in particular.

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
    name = dtype_name(leaf)
    return leaf if name is None else Named(name)


def dtype_name(x: Any) -> str | None:
    """Return the name of a dtype of any library, the standard's or float16, or None if `x` is none."""
    name = x if isinstance(x, str) else getattr(x, "__name__", None) or getattr(x, "name", None) or str(x)
    if not isinstance(name, str):
        return None
    name = name.rpartition(".")[2]
    return name if name == "float16" or name in DTYPE_NAMES else None


def _beside(leaf: Any, like: Any) -> Any:
    """Return a kept argument as the library of `like` takes it."""
    if not isinstance(leaf, (Constant, Named)):
        return leaf
    raw = like.value if isinstance(like, Array) else like
    backend = backend_of(raw)
    if isinstance(leaf, Named):
        return getattr(backend.xp, leaf.name)
    made = convert(leaf.value, backend.traced or backend, device=backend.device_of(raw))
    return array_namespace(like).asarray(made) if isinstance(like, Array) else made
