"""Which libraries there are, whose an array is, and how it crosses from one to another."""

from __future__ import annotations

import importlib
import operator
import threading
from types import ModuleType
from typing import Any

import numpy as np

from nnarray._messages import describe, unknown_name
from nnarray.backends._base import Backend
from nnarray.backends._host import refuse_masked
from nnarray.backends._plugins import load_plugin, plugins
from nnarray.backends._probe import probe

_ADAPTERS = {
    "numpy": ("nnarray.backends.numpy", "NumpyBackend"),
    "cupy": ("nnarray.backends.cupy", "CupyBackend"),
    "torch": ("nnarray.backends.torch", "TorchBackend"),
    "jax": ("nnarray.backends.jax", "JaxBackend"),
}
_GENERIC = ("array_api_strict",)
_ALIASES = {"jax.numpy": "jax"}
_backends: dict[str, Backend] = {}
_by_type: dict[type, Backend | None] = {}
_lock = threading.RLock()


def known_backends() -> tuple[str, ...]:
    """Return the names that have an adapter, are known to conform, or are registered by an installed package."""
    own = (*_ADAPTERS, *_GENERIC)
    return (*own, *(name for name in plugins() if name not in own))


def get_backend(backend: str | ModuleType | Backend) -> Backend:
    """Return the adapter of a library given by name, by its namespace or ours over it, or as an adapter already.

    The library itself is not imported: whether it is there and works, `nnarray.backends.probe` tells.

    Raises
    ------
    ValueError
        If the name is neither known nor the name of an installed array-API library.
    """
    if isinstance(backend, Backend):
        return backend
    if isinstance(own := getattr(backend, "backend", None), Backend):
        return own
    name = getattr(backend, "__name__", backend)
    if not isinstance(name, str):
        raise TypeError(f"A backend is a name or an array-API module: received {describe(backend)}.")
    name = name.removeprefix("array_api_compat.")
    name = _ALIASES.get(name, name)
    if name not in _backends:
        with _lock:
            if name not in _backends:
                _backends[name] = _make_backend(name)
    return _backends[name]


def _make_backend(name: str) -> Backend:
    if name in _ADAPTERS:
        module, cls = _ADAPTERS[name]
        return getattr(importlib.import_module(module), cls)()
    if name in _GENERIC:
        return Backend(name, name)
    if name in plugins():
        return load_plugin(name)
    for other in plugins():
        if get_backend(other).module.removeprefix("array_api_compat.") == name:
            return get_backend(other)
    try:
        conforms = hasattr(importlib.import_module(name), "__array_namespace_info__")
    except (TypeError, ValueError):
        conforms = False
    except ImportError as error:
        # A module that lacks another one is there; one that is itself missing is not, nor is what would be around it.
        if not isinstance(error, ModuleNotFoundError) or not f"{name}.".startswith(f"{error.name}."):
            raise ValueError(f"Backend {name!r} is installed and cannot be imported: {error}.") from error
        conforms = False
    if not conforms:
        raise ValueError(unknown_name("backend", name, known_backends()))
    return Backend(name, name)


def available_backends() -> list[str]:
    """Return the names of the known backends that work here: each is probed once in a process.

    Examples
    --------
    >>> import nnarray as nna
    >>> "numpy" in nna.available_backends()
    True
    """
    return [name for name in known_backends() if probe(get_backend(name)).works]


def find_backend(x: Any) -> Backend | None:
    """Return the backend whose array `x` is, or None if it is not an array of any.

    Raises
    ------
    TypeError
        If it is one of NumPy's masked arrays.
    """
    cls = type(x)
    try:
        return _by_type[cls]
    except KeyError:
        pass
    import array_api_compat as compat

    refuse_masked(x)
    found: Backend | None = None
    # What stands for an array here, recorded or not there yet, is none of a library's own. NumPy's scalars of text and
    # of records are none of the standard's, and a class of scalars is no scalar.
    is_own = any(base.__module__.partition(".")[0] == "nnarray" for base in cls.__mro__)
    if not is_own and not isinstance(x, (type, np.void, np.str_)) and compat.is_array_api_obj(x):
        found = get_backend("numpy" if isinstance(x, np.generic) else compat.array_namespace(x))
    _by_type[cls] = found
    return found


def register_array_type(cls: type, backend: Backend) -> None:
    """Let arrays of a class be those of a backend."""
    _by_type[cls] = backend


def backend_of(x: Any) -> Backend:
    """Return the backend whose array `x` is.

    Raises
    ------
    TypeError
        If `x` is not an array of a conforming library.
    """
    found = find_backend(x)
    if found is None:
        raise TypeError(
            f"An array of a library that follows the array API standard is needed: received {describe(x)}. "
            "Convert it first, for example with numpy.asarray."
        )
    return found


def integer_of(x: Any) -> int:
    """Return the integer that `x` is, or that it holds as an array without axes.

    By `operator.index` where it has that; CuPy's arrays have none.

    Raises
    ------
    TypeError
        If it is not an integer and holds none.
    """
    if hasattr(type(x), "__index__"):
        return operator.index(x)
    backend = find_backend(x)
    if backend is None or tuple(x.shape) or not backend.xp.isdtype(x.dtype, "integral"):
        raise TypeError(f"An integer is needed, or an integer array without axes: received {describe(x)}.")
    return int(x)


def convert(x: Any, backend: Backend, dtype: Any = None, device: Any = None) -> Any:
    """Return `x` (array of any library, scalar, nested list) as an array of `backend`.

    Between two libraries on one GPU it stays there, by DLPack; otherwise it goes through the host.
    """
    source = find_backend(x)
    if source is not None and source is not backend:
        x = _received(x, source, backend, device) if _on_device(x, backend, device) else source.to_numpy(x)
    return backend.asarray(x, dtype, device)


def _on_device(x: Any, backend: Backend, device: Any) -> bool:
    place = getattr(x, "__dlpack_device__", None)
    if place is None or isinstance(x, np.ndarray):
        return False
    kind, number = place()
    return backend.shares_memory_of((int(kind), int(number)), device)


def _received(x: Any, source: Backend, backend: Backend, device: Any) -> Any:
    with backend.activate(device):
        try:
            return received(x, backend)
        except BufferError:
            # What cannot be exported, such as a PyTorch tensor that requires gradients, can still be read.
            return source.to_numpy(x)


def received(x: Any, backend: Backend, **wishes: Any) -> Any:
    """Return what `x` exports by DLPack as an array of `backend`, by its ``from_dlpack`` with the same wishes.

    An array of another library that runs backwards is copied first: PyTorch would end the process.

    Raises
    ------
    BufferError
        If that is needed and `wishes` say ``copy=False``.
    """
    source = find_backend(x)
    if source is not backend and any(stride < 0 for stride in getattr(x, "strides", None) or ()):
        if source is None or wishes.get("copy") is False:
            raise BufferError(
                f"What runs backwards is a copy in another library: received {describe(x)}. Copy it first."
            )
        x = source.xp.asarray(x, copy=True)
    return backend.xp.from_dlpack(x, **wishes)
