"""Which libraries there are, which one is selected, and whose an array is."""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from nnarray._messages import describe, unknown_name
from nnarray.backends._base import Backend

_ADAPTERS = {
    "numpy": ("nnarray.backends.numpy", "NumpyBackend"),
    "torch": ("nnarray.backends.torch", "TorchBackend"),
    "jax": ("nnarray.backends.jax", "JaxBackend"),
}
_GENERIC = ("array_api_strict",)
_ALIASES = {"jax.numpy": "jax"}
_backends: dict[str, Backend] = {}
_by_type: dict[type, Backend | None] = {}


class Selection(NamedTuple):
    """A backend with one of its devices (None: the library's default)."""

    backend: Backend
    device: Any


_default: Selection | None = None
_scoped: ContextVar[Selection | None] = ContextVar("nnarray_backend", default=None)


def known_backends() -> tuple[str, ...]:
    """Return the names that have an adapter or are known to conform."""
    return (*_ADAPTERS, *_GENERIC)


def get_backend(backend: str | ModuleType | Backend) -> Backend:
    """Return the adapter of a library given by name, by its namespace, or as an adapter already.

    Raises
    ------
    ValueError
        If the name is neither known nor the name of an installed array-API library.
    ImportError
        If the library is known but not installed.
    """
    if isinstance(backend, Backend):
        return backend
    name = getattr(backend, "__name__", backend)
    if not isinstance(name, str):
        raise TypeError(f"A backend is a name or an array-API module: received {describe(backend)}.")
    name = name.removeprefix("array_api_compat.")
    name = _ALIASES.get(name, name)
    if name not in _backends:
        _backends[name] = _make_backend(name)
    return _backends[name]


def _make_backend(name: str) -> Backend:
    if name not in known_backends() and not _conforms(name):
        raise ValueError(unknown_name("backend", name, known_backends()))
    if importlib.util.find_spec(name.partition(".")[0]) is None:
        raise ImportError(f"Backend {name!r} needs its library. Install it with: pip install {name.replace('_', '-')}")
    if name in _ADAPTERS:
        module, cls = _ADAPTERS[name]
        return getattr(importlib.import_module(module), cls)()
    return Backend(name, name)


def _conforms(name: str) -> bool:
    try:
        return hasattr(importlib.import_module(name), "__array_namespace_info__")
    except (ImportError, ValueError):
        return False


def available_backends() -> list[str]:
    """Return the names of the known backends whose library is installed and computes.

    Examples
    --------
    >>> import nnarray as nna
    >>> "numpy" in nna.available_backends()
    True
    """
    names = []
    for name in known_backends():
        try:
            get_backend(name).probe()
        except Exception:
            # Whatever a broken install raises, the backend is not available.
            continue
        names.append(name)
    return names


def find_backend(x: Any) -> Backend | None:
    """Return the backend whose array `x` is, or None if it is no array of any."""
    cls = type(x)
    try:
        return _by_type[cls]
    except KeyError:
        pass
    import array_api_compat as compat

    found: Backend | None = None
    if isinstance(x, (np.ndarray, np.generic)):
        found = None if cls is np.void or issubclass(cls, np.str_) else get_backend("numpy")
    elif compat.is_torch_array(x):
        found = get_backend("torch")
    elif compat.is_jax_array(x):
        found = get_backend("jax")
    elif compat.is_array_api_obj(x):
        found = get_backend(compat.array_namespace(x))
    _by_type[cls] = found
    return found


def backend_of(x: Any) -> Backend:
    """Return the backend whose array `x` is.

    Raises
    ------
    TypeError
        If `x` is no array of a conforming library.
    """
    found = find_backend(x)
    if found is None:
        raise TypeError(
            f"An array of a library that follows the array API standard is needed: received {describe(x)}. "
            "Convert it first, for example with numpy.asarray."
        )
    return found


def convert(x: Any, backend: Backend, dtype: Any = None, device: Any = None) -> Any:
    """Return `x` (array of any library, scalar, nested list) as an array of `backend`, through the host if need be."""
    source = find_backend(x)
    if source is not None and source is not backend:
        x = source.to_numpy(x)
    return backend.asarray(x, dtype, device)


def select(backend: str | ModuleType | Backend, device: Any = None) -> Selection:
    """Return the selection of a backend and one of its devices, both checked."""
    adapter = get_backend(backend)
    return Selection(adapter, adapter.device(device))


def chosen_backend() -> Selection | None:
    """Return what `use_backend`, else `set_backend`, else ``NNARRAY_BACKEND`` asks for; None if none of them does."""
    chosen = _scoped.get() or _default
    if chosen is None and (name := os.environ.get("NNARRAY_BACKEND")):
        return select(name)
    return chosen


def current_backend() -> Selection:
    """Return the backend and device in force where no array and no argument decides: `chosen_backend` or NumPy."""
    return chosen_backend() or select("numpy")


def set_backend(backend: str | ModuleType, device: Any = None) -> None:
    """Select the backend of the process.

    Parameters
    ----------
    backend : str or module
        ``"numpy"``, ``"torch"``, ``"jax"``, ``"array_api_strict"``, or any installed library that follows the
        array API standard, by name or as its namespace.
    device : optional
        One of the library's devices or its name; None takes the library's default.

    Raises
    ------
    ValueError
        If backend or device is unknown.
    ImportError
        If the library is not installed.
    """
    global _default
    _default = select(backend, device)


@contextmanager
def use_backend(backend: str | ModuleType, device: Any = None) -> Iterator[Selection]:
    """Select a backend inside a ``with`` block; arguments and errors as in `set_backend`.

    Examples
    --------
    >>> import nnarray as nna
    >>> with nna.use_backend("numpy") as selection:
    ...     selection.backend.name
    'numpy'
    """
    selection = select(backend, device)
    token = _scoped.set(selection)
    try:
        yield selection
    finally:
        _scoped.reset(token)
