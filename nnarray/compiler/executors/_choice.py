"""Which executor runs the plans of a library."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from nnarray._messages import missing_extra, unknown_name
from nnarray.backends import Backend, registered
from nnarray.compiler._graph import Graph
from nnarray.compiler._plan import Program


class Executor(Protocol):
    """Makes of a graph a program on the arrays of one backend; a class of them is called with the backend.

    Attributes
    ----------
    name : str
    library : str or None
        Name of the one backend that it is for; None if it is for all.
    binds : bool
        Whether a program can be made for arrays that stay where they are.
    """

    name: str
    library: str | None
    binds: bool

    def compile(self, graph: Graph, donated: Sequence[int] = (), bound: Sequence[Any] = ()) -> Program:
        """Return the program of a graph.

        Parameters
        ----------
        graph : Graph
        donated : sequence of int
            Places of inputs whose arrays may be overwritten.
        bound : sequence
            Of an executor that binds, for each input an array that it always is; none if empty. A donated one is then
            updated in place by the output of the same place.
        """

    def can_bind(self, x: Any) -> bool:
        """Whether a program can update an array in place."""


#: Executors by name: module and class.
_EXECUTORS = {
    "generic": ("generic", "Generic"),
    "numpy": ("numpy", "Numpy"),
    "numba": ("numba", "Numba"),
    "torch": ("torch", "Torch"),
    "jax": ("jax", "Jax"),
}
#: The entry points by which other packages register theirs: name and class.
GROUP = "nnarray.executors"

#: What an executor imports, and the extra that installs it.
_EXTRAS = {"numba": ("numba", "platformdirs")}


def check_executor(name: str) -> str:
    """Return the name of an executor.

    Raises
    ------
    ValueError
        If it is unknown.
    ImportError
        If it is an extra that is not installed.
    """
    known = ("auto", *_EXECUTORS, *(other for other in registered(GROUP) if other not in _EXECUTORS))
    if name not in known:
        raise ValueError(unknown_name("executor", name, known))
    for library in _EXTRAS.get(name, ()):
        if importlib.util.find_spec(library) is None:
            raise ImportError(missing_extra(library, name, f"executor={name!r}"))
    return name


def executor_for(backend: Backend, name: str = "auto") -> Executor:
    """Return the executor of some name for arrays of a backend; "auto" is the backend's own.

    Raises
    ------
    ValueError
        If the name, or the one that the backend gives as its own, is unknown, or the executor is not for that backend.
    ImportError
        If it is an extra that is not installed, or another package registers it and it cannot be loaded.
    """
    name = check_executor(backend.executor if name == "auto" else name)
    made = _class_of(name)(backend)
    if made.library not in (None, backend.name):
        raise ValueError(
            f"Executor {name!r} runs arrays of {made.library}: received arrays of {backend.name}. Use executor='auto'."
        )
    return made


def _class_of(name: str) -> Callable[[Backend], Executor]:
    if name in _EXECUTORS:
        module, cls = _EXECUTORS[name]
        return getattr(importlib.import_module(f"nnarray.compiler.executors.{module}"), cls)
    entry = registered(GROUP)[name]
    try:
        return entry.load()
    except Exception as error:
        package = entry.dist.name if entry.dist else entry.module
        raise ImportError(
            f"Executor {name!r} is registered by {package} and cannot be loaded from {entry.value}: {error!r}. Mend, "
            f"update or uninstall {package}, or use executor='auto'."
        ) from error
