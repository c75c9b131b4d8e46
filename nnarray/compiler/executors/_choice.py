"""Which executor runs the plans of a library."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from nnarray._messages import missing_extra, unknown_name
from nnarray.backends import Backend

#: Executors by name: module and class, and the one backend that they are for.
_EXECUTORS = {
    "generic": ("generic", "Generic", None),
    "numpy": ("numpy", "Numpy", "numpy"),
    "numba": ("numba", "Numba", "numpy"),
    "torch": ("torch", "Torch", "torch"),
    "jax": ("jax", "Jax", "jax"),
}


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
    if name != "auto" and name not in _EXECUTORS:
        raise ValueError(unknown_name("executor", name, ("auto", *_EXECUTORS)))
    for library in _EXTRAS.get(name, ()):
        if importlib.util.find_spec(library) is None:
            raise ImportError(missing_extra(library, name, f"executor={name!r}"))
    return name


def executor_for(backend: Backend, name: str = "auto") -> Any:
    """Return the executor of some name for arrays of a backend; "auto" is the backend's own.

    Raises
    ------
    ValueError
        If the name is unknown or the executor is not for that backend.
    """
    if check_executor(name) == "auto":
        name = backend.executor if backend.executor in _EXECUTORS else "generic"
    module, cls, only = _EXECUTORS[name]
    if only not in (None, backend.name):
        raise ValueError(
            f"Executor {name!r} runs arrays of {only}: received arrays of {backend.name}. Use executor='auto'."
        )
    return getattr(importlib.import_module(f"nnarray.compiler.executors.{module}"), cls)(backend)
