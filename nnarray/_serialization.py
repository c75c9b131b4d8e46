"""Objects as plain values and back, in Keras' layout.

It stands on the lowest floor: built-in objects are imported when they are asked for, by the name of a public module.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from nnarray._custom_objects import custom_object_scope, custom_objects, found_custom, registered_name
from nnarray._messages import describe, nearest
from nnarray.backends import current_backend, find_backend

#: Modules whose functions a config may name. A closed list: a config may come from a stranger's file, and not every
#: public function is safe to call.
_FUNCTIONS = ("activations", "initializers", "losses", "metrics", "regularizers", "constraints", "nn", "ops")
_CURE = "decorate it with @nnarray.utils.register_keras_serializable()"


def serialize_keras_object(obj: Any) -> Any:
    """Return an object as plain values: dicts, lists, tuples, strings, numbers, None.

    Parameters
    ----------
    obj : object with ``get_config``, function, class, array, dtype, or a nest of them
        A function or class is written by name: the one it is registered under, its own otherwise.

    Returns
    -------
    plain values
        An object is ``{"module", "class_name", "config", "registered_name"}``, as in Keras 3.

    Raises
    ------
    TypeError
        If it, or an argument of it, has no name to be found by: a lambda, a function that holds variables of the one
        around it, an object without ``get_config``. Registering it is the cure.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.utils.serialize_keras_object(nna.initializers.Constant(2.0))["config"]
    {'value': 2.0}
    """
    return plain(obj, "It")


def deserialize_keras_object(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the object that `serialize_keras_object` described.

    Parameters
    ----------
    config : plain values
    custom_objects : mapping of str to class or function, optional
        Where names are looked up before what is registered and what is built in.

    Raises
    ------
    TypeError
        If a class or function is neither built in nor registered nor given.

    Examples
    --------
    >>> import nnarray as nna
    >>> config = nna.utils.serialize_keras_object(nna.initializers.HeNormal(seed=1))
    >>> nna.utils.deserialize_keras_object(config)
    HeNormal(seed=1)
    """
    with custom_object_scope(custom_objects or {}):
        if isinstance(config, str):
            return found_custom(config) or config
        return restored(config)


def plain(x: Any, what: str) -> Any:
    """Return `x` as plain values; errors call it `what`."""
    if x is None or isinstance(x, (bool, int, float, str)):
        return x.item() if isinstance(x, np.generic) else x
    if isinstance(x, (list, tuple)):
        items = [plain(item, what) for item in x]
        return tuple(items) if isinstance(x, tuple) else items
    if not isinstance(x, type) and hasattr(x, "get_config"):
        return _described(x)
    if isinstance(x, Mapping):
        return {key: plain(item, what) for key, item in x.items()}
    if isinstance(x, bytes):
        return {"class_name": "__bytes__", "config": {"value": x.decode("latin-1")}}
    if isinstance(x, slice):
        ends = {end: plain(getattr(x, end), what) for end in ("start", "stop", "step")}
        return {"class_name": "__slice__", "config": ends}
    if x is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(x, os.PathLike):
        return os.fspath(x)
    if (dtype := _dtype_name(x)) is not None:
        return dtype
    if isinstance(x, type) or hasattr(x, "__name__"):
        return _named(x, what)
    return _array(x, what)


def _described(x: Any) -> dict[str, Any]:
    cls = type(x)
    config = x.get_config()
    if not isinstance(config, dict):
        raise TypeError(f"{cls.__name__}.get_config() must return a dict: received {describe(config)}.")
    home = _home(cls)
    return {
        "module": home or (None if cls.__module__ == "__main__" else cls.__module__),
        "class_name": cls.__name__,
        "config": {key: plain(value, f"Argument {key!r} of {cls.__name__}") for key, value in config.items()},
        "registered_name": None if home else registered_name(cls) or cls.__name__,
    }


def _named(x: Any, what: str) -> dict[str, Any]:
    """Return the description of a function or class, by its name."""
    registered = registered_name(x)
    home = None if registered else _home(x)
    name = registered or x.__name__
    if not (registered or home) and (name == "<lambda>" or getattr(x, "__closure__", None)):
        kind = "a lambda" if name == "<lambda>" else f"{name!r}, which uses variables of the function around it,"
        raise TypeError(
            f"{what} cannot be serialised: {kind} cannot be found again by name. Write it as a function of a module "
            f"and {_CURE}."
        )
    return {"module": home or "builtins", "class_name": "function", "config": name, "registered_name": name}


def _array(x: Any, what: str) -> Any:
    value = getattr(x, "__nnarray_value__", None)
    x = x if value is None else value()
    x = getattr(x, "value", x)
    backend = find_backend(x)
    if backend is None:
        raise TypeError(
            f"{what} cannot be serialised: received {describe(x)}. Give its class get_config() and from_config(), and "
            f"{_CURE}."
        )
    values = backend.to_numpy(x)
    if backend.name == "numpy" and values.ndim == 0:
        return values.item()
    kind = "__numpy__" if backend.name == "numpy" else "__tensor__"
    return {"class_name": kind, "config": {"value": values.tolist(), "dtype": str(values.dtype)}}


def _dtype_name(x: Any) -> str | None:
    """Return the name of a library's dtype, or None for anything else."""
    if isinstance(x, np.dtype):
        return x.name
    if isinstance(x, type) and issubclass(x, np.generic):
        return np.dtype(x).name
    # PyTorch's are of a class `dtype`, array-api-strict's of `DType`; JAX's are objects that NumPy takes as its own.
    if type(x).__name__.lower() == "dtype":
        return str(x).rpartition(".")[2]
    return str(x.dtype) if isinstance(getattr(x, "dtype", None), np.dtype) and hasattr(x, "__name__") else None


def _home(x: Any) -> str | None:
    """Return the public module that a built-in class or function is taken from, or None for others."""
    path = getattr(x, "__module__", None) or ""
    if path.partition(".")[0] != "nnarray":
        return None
    own = path.partition("._")[0]
    places = [own] if isinstance(x, type) else [f"nnarray.{name}" for name in _FUNCTIONS]
    return next((place for place in places if getattr(_public(place), x.__name__, None) is x), None)


def _public(path: str) -> Any:
    """Return a public module of this package by its path, or None."""
    package, *parts = path.split(".")
    if package != "nnarray" or not parts or any(part.startswith("_") for part in parts):
        return None
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError as error:
        if not f"{path}.".startswith(f"{error.name}."):
            raise
        return None


def restored(x: Any) -> Any:
    """Return what `plain` described; anything else is returned as it is."""
    if isinstance(x, (list, tuple)):
        items = [restored(item) for item in x]
        return tuple(items) if type(x) is tuple else items
    if not isinstance(x, dict):
        return x
    if not {"class_name", "config"} <= x.keys():
        return {key: restored(item) for key, item in x.items()}
    name, config = x["class_name"], x["config"]
    if name == "__numpy__":
        return np.asarray(config["value"], dtype=config["dtype"])
    if name == "__tensor__":
        backend, device = current_backend()
        return backend.asarray(np.asarray(config["value"], dtype=config["dtype"]), device=device)
    if name == "__bytes__":
        return config["value"].encode("latin-1")
    if name == "__slice__":
        return slice(*(restored(config[end]) for end in ("start", "stop", "step")))
    if name == "__ellipsis__":
        return Ellipsis
    if name == "function":
        return _function(x)
    return from_config(_class(x), config)


def from_config(cls: Any, config: Any) -> Any:
    """Return an object of a class by its config, which is left as it is."""
    if not isinstance(cls, type):
        return cls
    if not hasattr(cls, "from_config"):
        raise TypeError(f"{cls.__name__} cannot be made from a config: it has no from_config(). Define it.")
    if not isinstance(config or {}, Mapping):
        raise TypeError(f"The config of {cls.__name__} must be a dict: received {describe(config)}.")
    return cls.from_config(dict(config or {}))


def _function(described: Mapping[str, Any]) -> Any:
    name = described["config"]
    custom = found_custom(name, described.get("registered_name"))
    if custom is not None:
        return custom
    module = _translated(described.get("module"))
    for place in [f"nnarray.{place}" for place in _FUNCTIONS]:
        if module in (place, "builtins", "") and callable(known := getattr(_public(place), str(name), None)):
            return known
    raise _unknown("function", name, {name for place in _FUNCTIONS for name in dir(_public(f"nnarray.{place}"))})


def _class(described: Mapping[str, Any]) -> Any:
    name = described["class_name"]
    custom = found_custom(described.get("registered_name"), name)
    if custom is not None:
        return custom
    module = _public(_translated(described.get("module")))
    known = getattr(module, str(name), None)
    if isinstance(known, type) and hasattr(known, "from_config"):
        return known
    raise _unknown("class", name, dir(module))


def _translated(module: str | None) -> str:
    """Return a module's name, Keras' as that of the module with the same objects here."""
    package, _, rest = (module or "").partition(".")
    return f"nnarray.{rest}" if package == "keras" else module or ""


def _unknown(kind: str, name: Any, public: Any) -> TypeError:
    near = nearest(str(name), [*custom_objects(), *(other for other in public if not other.startswith("_"))])
    return TypeError(
        f"Unknown {kind}: {name!r}.{near} If it is your own, {_CURE}, or give custom_objects={{{name!r}: …}}."
    )
