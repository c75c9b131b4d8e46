"""The array-API namespace over a library, whose functions record what they do."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from operator import attrgetter
from types import MethodType, ModuleType
from typing import Any

from nnarray.array import (
    creation,
    data_types,
    elementwise,
    fft,
    linalg,
    linear_algebra,
    manipulation,
    sorting,
    special,
    statistical,
)
from nnarray.array._array import Array, bind
from nnarray.array._composites import COMPOSITES
from nnarray.array._function import TABLE, Function
from nnarray.backends import DTYPE_NAMES, Backend, backend_of, convert, find_backend, received, select

CHAPTERS = (
    *(creation, data_types, elementwise, fft, linalg, linear_algebra, manipulation, sorting, special),
    statistical,
)
_EXTENSIONS = {"fft": "Fourier transforms", "linalg": "Linear algebra"}
#: No extension of the standard, and so not seen by others: SciPy would take a `special` for one that is.
_SPECIAL = "_special"
_SHARED_WITH_LINALG = ("matmul", "matrix_transpose", "tensordot", "vecdot")
_CONSTANTS = ("e", "inf", "nan", "newaxis", "pi")
_API_VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12", "2025.12")
_namespaces: dict[tuple[Backend, str | None], Namespace] = {}


class Raw:
    """The functions of the table on a library's raw arrays: what VJP rules run on when nothing records them."""

    def __init__(self, backend: Backend, extension: str = "", library: Any = None) -> None:
        self._backend = backend
        self._extension = extension
        self._library = library

    def __getattr__(self, name: str) -> Any:
        path = f"{self._extension}.{name}" if self._extension else name
        found: Any
        if path in TABLE:
            found = TABLE[path].on(self._backend)
        elif path in _EXTENSIONS or path == _SPECIAL:
            found = type(self)(self._backend, path, self._library)
        else:
            found = attrgetter(path)(self._library or self._backend.xp)
        setattr(self, name, found)
        return found


class Extension(ModuleType):
    """The functions of an extension of the standard, an attribute of a namespace."""

    def __init__(self, space: Namespace, name: str) -> None:
        super().__init__(f"{space.__name__}.{name}", f"{_EXTENSIONS.get(name, name)}, as in the array API standard.")
        self._space = space
        self._name = name

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (self._space, self._name)

    def __repr__(self) -> str:
        return f"<{self._name} of {self._space!r}>"

    def __dir__(self) -> list[str]:
        own = {path.removeprefix(f"{self._name}.") for path in TABLE if path.startswith(f"{self._name}.")}
        return sorted({*own, *(_SHARED_WITH_LINALG if self._name == "linalg" else ())})

    def __getattr__(self, name: str) -> Any:
        found: Any
        if function := TABLE.get(f"{self._name}.{name}"):
            found = _bound(function, self, self._space)
        elif self._name == "linalg" and name in _SHARED_WITH_LINALG:
            found = getattr(self._space, name)
        elif name == "__all__":
            found = dir(self)
        elif name.startswith("__"):
            raise AttributeError(name)
        else:
            raise AttributeError(f"{self!r} has no attribute {name!r}")
        setattr(self, name, found)
        return found


class Namespace(ModuleType):
    """Functions, constants and dtypes of the array API standard over one library and its default device.

    Get one by `nnarray.namespace`; the same library and device give the same object.
    """

    Array = Array

    def __init__(self, backend: Backend, device: Any) -> None:
        super().__init__(f"nnarray.{backend.name}", f"The array API over {backend.name}, differentiable.")
        self.backend = backend
        self.default_device = device
        self.raw = Raw(backend)
        self._implementations: dict[Function, Callable[..., Any]] = {}
        self._fields: dict[Any, str] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        device = self.default_device
        return namespace, (self.backend.name, None if device is None else self.backend.device_name(device))

    def __repr__(self) -> str:
        device = f" on {self.default_device}" if self.default_device is not None else ""
        return f"<nnarray namespace over {self.backend.name}{device}>"

    def __dir__(self) -> list[str]:
        special = ["asarray", "from_dlpack", "can_cast", "isdtype", "finfo", "iinfo", "result_type"]
        special += ["__array_api_version__", "__array_namespace_info__"]
        dtypes = [name for name in DTYPE_NAMES if hasattr(self.backend.xp, name)]
        functions = (name for name in TABLE if "." not in name)
        return sorted({*functions, *_EXTENSIONS, *COMPOSITES, *_CONSTANTS, *special, *dtypes})

    def __getattr__(self, name: str) -> Any:
        if name in TABLE:
            found: Any = _bound(TABLE[name], self, self)
        elif name in _EXTENSIONS or name == _SPECIAL:
            found = Extension(self, name)
        elif name in COMPOSITES:
            found = MethodType(COMPOSITES[name], self)
        elif name == "newaxis":
            return None
        elif name == "__array_api_version__":
            found = getattr(self.backend.xp, name, _API_VERSIONS[-1])
        elif name == "__all__":
            found = [public for public in dir(self) if not public.startswith("_")]
        elif name.startswith("__"):
            raise AttributeError(name)
        else:
            found = getattr(self.backend.xp, name, None)
            # A library's modules know nothing of Arrays; SciPy would take `special` for one that does.
            if found is None or isinstance(found, ModuleType) or (callable(found) and not _is_shared(name)):
                raise AttributeError(f"{self!r} has no attribute {name!r}")
        setattr(self, name, found)
        return found

    def at_version(self, api_version: str | None) -> Namespace:
        """Return the namespace if it follows `api_version` of the standard."""
        if api_version not in (None, *_API_VERSIONS):
            raise ValueError(f"api_version must be one of {', '.join(_API_VERSIONS)}: received {api_version!r}.")
        return self

    def implementation(self, function: Function) -> Callable[..., Any]:
        """Return the function on raw arrays of the library."""
        try:
            return self._implementations[function]
        except KeyError:
            return self._implementations.setdefault(function, function.on(self.backend))

    def field_of(self, dtype: Any) -> str:
        """Return ``"real"`` or ``"complex"`` for a floating-point dtype, and nothing for any other."""
        try:
            return self._fields[dtype]
        except KeyError:
            isdtype = self.backend.xp.isdtype
            field = "complex" if isdtype(dtype, "complex floating") else "real" * isdtype(dtype, "real floating")
            return self._fields.setdefault(dtype, field)

    def holds_numbers(self, dtype: Any) -> bool:
        """Whether a dtype is one of numbers or truth values, as all of the standard are."""
        return bool(self.backend.xp.isdtype(dtype, ("bool", "numeric")))

    def asarray(self, obj: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Any:
        """Return `obj` (scalar, nested sequence, raw array or Array) as an Array; an Array stays recorded.

        So do Arrays in a sequence.
        """
        if isinstance(obj, Array):
            if obj.namespace.backend.traced is self.backend:
                return obj.namespace.asarray(obj, dtype=dtype, device=device, copy=copy)
            if obj.namespace.backend is self.backend:
                moved = obj if device is None else obj.to_device(device)
                same = dtype is None or dtype == obj.dtype
                if copy is False and not (same and moved is obj):
                    raise ValueError("An array of another dtype or device is a copy: received copy=False.")
                return moved if same and not copy else self.astype(moved, obj.dtype if dtype is None else dtype)
            if obj.node is not None:
                raise TypeError(
                    f"A recorded array cannot change its library: received one of {obj.namespace.backend.name}, asked "
                    f"for {self.backend.name}. Convert the raw arrays before differentiating."
                )
            obj = obj.value
        elif copy is not False and _holds_array(obj):
            return self.stack([self.asarray(item, dtype=dtype, device=device) for item in obj])
        source = find_backend(obj)
        if device is None and source is not self.backend:
            # A constant of what is traced stays where it is.
            is_constant = source is not None and source is self.backend.traced
            device = self.backend.device_of(obj) if is_constant else self.default_device
        if copy is False:
            return Array(self.backend.xp.asarray(obj, dtype=dtype, device=device, copy=False), self)
        value = convert(obj, self.backend, dtype, device)
        return Array(self.backend.xp.asarray(value, copy=True) if copy else value, self)

    def from_dlpack(self, x: Any, /, *, device: Any = None, copy: bool | None = None) -> Any:
        """Return an object with ``__dlpack__`` as an Array, which shares its memory where it can."""
        if isinstance(x, Array):
            return self.asarray(x, device=device, copy=copy)
        return Array(received(x, self.backend, device=device, copy=copy), self)

    def can_cast(self, from_: Any, to: Any, /) -> bool:
        """Return whether one dtype, or that of an array, casts to another by the rules of promotion."""
        return self.backend.xp.can_cast(from_.dtype if isinstance(from_, Array) else from_, to)

    def finfo(self, type: Any, /) -> Any:
        """Return the limits of a floating-point dtype, or of that of an array."""
        return self.backend.xp.finfo(type.dtype if isinstance(type, Array) else type)

    def iinfo(self, type: Any, /) -> Any:
        """Return the limits of an integer dtype, or of that of an array."""
        return self.backend.xp.iinfo(type.dtype if isinstance(type, Array) else type)

    def __array_namespace_info__(self) -> Any:
        """Return what tells of the library's capabilities, dtypes and devices."""
        info = self.backend.xp.__array_namespace_info__()
        return info if self.default_device is None else Info(info, self.default_device)

    def result_type(self, *arrays_and_dtypes: Any) -> Any:
        """Return the dtype that the arguments promote to."""
        raw = [self._raw(x) if isinstance(x, Array) else x for x in arrays_and_dtypes]
        return self.backend.xp.result_type(*raw)

    def _raw(self, x: Any) -> Any:
        """Return an Array as the library knows it: by its dtype, if it is being traced."""
        return x.value if x.namespace.backend is self.backend else x.dtype


def _holds_array(obj: Any) -> bool:
    return isinstance(obj, (list, tuple)) and any(isinstance(item, Array) or _holds_array(item) for item in obj)


def _is_shared(name: str) -> bool:
    """Whether a callable of the library serves as it is: its dtypes and what inspects them."""
    return name == "isdtype" or name.rstrip("0123456789") in ("bool", "int", "uint", "float", "complex")


class Info:
    """What a library tells of itself, where a namespace has a default device of its own."""

    def __init__(self, info: Any, device: Any) -> None:
        self._info = info
        self._device = device

    def capabilities(self) -> dict[str, Any]:
        """Return which optional parts of the standard the library supports."""
        return dict(self._info.capabilities())

    def default_device(self) -> Any:
        """Return the device of the namespace."""
        return self._device

    def devices(self) -> list[Any]:
        """Return the library's devices."""
        return list(self._info.devices())

    def default_dtypes(self, *, device: Any = None) -> dict[str, Any]:
        """Return the dtypes that a device's arrays have by default."""
        return dict(self._info.default_dtypes(device=self._device if device is None else device))

    def dtypes(self, *, device: Any = None, kind: Any = None) -> dict[str, Any]:
        """Return the dtypes of a device, of all kinds or some."""
        return dict(self._info.dtypes(device=self._device if device is None else device, kind=kind))


def _bound(function: Function, owner: Namespace | Extension, space: Namespace) -> Callable[..., Any]:
    """Return the function as a method of what it is an attribute of, so that it is pickled by their names."""
    arity = len(function.arrays)
    parameters = function.signature.parameters
    positional = all(parameters[name].kind is inspect.Parameter.POSITIONAL_ONLY for name in function.arrays)
    positional = positional and not function.leading
    places = "device" in parameters and not function.arrays
    of_arrays = function.of_arrays

    def call(_: Any, /, *args: Any, **kwargs: Any) -> Any:
        if of_arrays is not None and any(isinstance(x, Array) for x in (*args[arity:], *kwargs.values())):
            return of_arrays(space, *args, **kwargs)
        arrays: Any = args
        if len(args) != arity or not positional:
            arrays, kwargs = function.split_arguments(args, kwargs)
        if places and kwargs.get("device") is None and space.default_device is not None:
            kwargs["device"] = space.default_device
        return bind(function, space, arrays[0] if function.variadic else arrays, kwargs)

    call.__name__ = call.__qualname__ = function.name.rpartition(".")[2]
    call.__module__ = owner.__name__
    itself = inspect.Parameter("_", inspect.Parameter.POSITIONAL_ONLY)
    call.__signature__ = inspect.Signature([itself, *parameters.values()])  # type: ignore[attr-defined]
    call.__doc__ = f"{function.name}{function.signature}, as in the array API standard." + (
        f"\n\nConstant under differentiation: {function.constant}." if function.constant else ""
    )
    return MethodType(call, owner)


def namespace(library: str | ModuleType, device: Any = None) -> Namespace:
    """Return the differentiable array-API namespace over a library.

    Parameters
    ----------
    library : str or module
        Name or namespace of an installed library that follows the standard.
    device : optional
        Where its creation functions put arrays; None leaves that to the library.

    Returns
    -------
    Namespace
        The same object for the same library and device.

    Raises
    ------
    ValueError
        If library or device is unknown.
    BackendUnavailableError
        If the library does not work here.

    Examples
    --------
    >>> import nnarray as nna
    >>> xp = nna.namespace("numpy")
    >>> xp.sum(xp.asarray([1.0, 2.0])).value
    np.float64(3.0)
    """
    backend, device = select(library, device, on_missing="raise")
    place = backend, None if device is None else backend.device_name(device)
    if place not in _namespaces:
        _namespaces[place] = Namespace(backend, device)
    return _namespaces[place]


def open_namespace(backend: Backend) -> Namespace:
    """Return the namespace over a backend that stands in for a library."""
    return _namespaces.setdefault((backend, None), Namespace(backend, None))


def array_namespace(x: Any) -> Any:
    """Return the namespace of an Array, or the raw namespace of a library's own array.

    Code that gets its namespace here runs recorded or raw, according to what it is given.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> def norm(x):
    ...     xp = nna.array_namespace(x)
    ...     return xp.sqrt(xp.sum(x * x))
    >>> float(norm(np.asarray([3.0, 4.0]))), nna.grad(norm)(np.asarray([3.0, 4.0]))
    (5.0, array([0.6, 0.8]))
    """
    if type(x) is Array:
        return x.namespace
    # What stands for an array, such as a variable or a symbol of a model, says itself.
    return x.__array_namespace__() if hasattr(type(x), "__nnarray_value__") or _is_symbol(x) else backend_of(x).xp


def _is_symbol(x: Any) -> bool:
    return hasattr(type(x), "__nnarray_apply__")


def as_array(x: Any) -> Array:
    """Return a raw array of any library as an unrecorded Array."""
    return x if type(x) is Array else Array(x, _space_of(backend_of(x)))


def _space_of(backend: Backend) -> Namespace:
    return _namespaces.get((backend, None)) or namespace(backend.name)
