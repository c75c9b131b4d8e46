"""The array-API namespace over a library, whose functions record what they do."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from operator import attrgetter
from types import ModuleType
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
    statistical,
)
from nnarray.array._array import Array, bind
from nnarray.array._composites import COMPOSITES
from nnarray.array._function import TABLE, Function
from nnarray.backends import DTYPE_NAMES, Backend, backend_of, convert, find_backend, select

CHAPTERS = (creation, data_types, elementwise, fft, linalg, linear_algebra, manipulation, sorting, statistical)
_EXTENSIONS = {"fft": "Fourier transforms", "linalg": "Linear algebra"}
_SHARED_WITH_LINALG = ("matmul", "matrix_transpose", "tensordot", "vecdot")
_CONSTANTS = ("e", "inf", "nan", "newaxis", "pi")
_API_VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12", "2025.12")
_namespaces: dict[tuple[Backend, str | None], Namespace] = {}


class Raw:
    """The functions of the table on a library's raw arrays: what VJP rules run on when nothing records them."""

    def __init__(self, backend: Backend, extension: str = "") -> None:
        self._backend = backend
        self._extension = extension

    def __getattr__(self, name: str) -> Any:
        path = f"{self._extension}.{name}" if self._extension else name
        found: Any
        if path in TABLE:
            found = TABLE[path].on(self._backend)
        elif path in _EXTENSIONS:
            found = Raw(self._backend, path)
        else:
            found = attrgetter(path)(self._backend.xp)
        setattr(self, name, found)
        return found


class Extension(ModuleType):
    """The functions of an extension of the standard, an attribute of a namespace."""

    def __init__(self, space: Namespace, name: str) -> None:
        super().__init__(f"{space.__name__}.{name}", f"{_EXTENSIONS[name]}, as in the array API standard.")
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
            found = _bound(function, self._space)
        elif self._name == "linalg" and name in _SHARED_WITH_LINALG:
            found = getattr(self._space, name)
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
        dtypes = [name for name in DTYPE_NAMES if hasattr(self.backend.xp, name)]
        functions = (name for name in TABLE if "." not in name)
        return sorted(
            {*functions, *_EXTENSIONS, *COMPOSITES, *_CONSTANTS, *special, *dtypes, "__array_namespace_info__"}
        )

    def __getattr__(self, name: str) -> Any:
        if name in TABLE:
            found: Any = _bound(TABLE[name], self)
        elif name in _EXTENSIONS:
            found = Extension(self, name)
        elif name in COMPOSITES:
            found = _composite(COMPOSITES[name], self)
        elif name == "newaxis":
            return None
        elif name.startswith("__") and name != "__array_namespace_info__":
            raise AttributeError(name)
        else:
            found = getattr(self.backend.xp, name, None)
            if found is None or (callable(found) and not _is_shared(name)):
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

    def asarray(self, obj: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Any:
        """Return `obj` (scalar, nested sequence, raw array or Array) as an Array; an Array stays recorded."""
        if isinstance(obj, Array):
            if obj.namespace.backend is self.backend:
                obj = obj if device is None else obj.to_device(device)
                same = not copy and dtype in (None, obj.dtype)
                return obj if same else self.astype(obj, dtype or obj.dtype)
            if obj.node is not None:
                raise TypeError(
                    f"A recorded array cannot change its library: received one of {obj.namespace.backend.name}, asked "
                    f"for {self.backend.name}. Convert the raw arrays before differentiating."
                )
            obj = obj.value
        if device is None and find_backend(obj) is not self.backend:
            device = self.default_device
        value = convert(obj, self.backend, dtype, device)
        return Array(self.backend.xp.asarray(value, copy=True) if copy else value, self)

    def from_dlpack(self, x: Any, /, *, device: Any = None, copy: bool | None = None) -> Any:
        """Return an object with ``__dlpack__`` as an Array, which shares its memory where it can."""
        if isinstance(x, Array):
            return self.asarray(x, device=device, copy=copy)
        return Array(self.backend.xp.from_dlpack(x, device=device, copy=copy), self)

    def can_cast(self, from_: Any, to: Any, /) -> bool:
        """Return whether one dtype, or that of an array, casts to another by the rules of promotion."""
        return self.backend.xp.can_cast(from_.dtype if isinstance(from_, Array) else from_, to)

    def result_type(self, *arrays_and_dtypes: Any) -> Any:
        """Return the dtype that the arguments promote to."""
        raw = [x.value if isinstance(x, Array) else x for x in arrays_and_dtypes]
        return self.backend.xp.result_type(*raw)


def _is_shared(name: str) -> bool:
    """Whether a callable of the library serves as it is: its dtypes and what inspects them."""
    return name in ("isdtype", "finfo", "iinfo", "__array_namespace_info__") or name.rstrip("0123456789") in (
        *("bool", "int", "uint", "float", "complex"),
    )


def _composite(function: Callable[..., Any], space: Namespace) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return function(space, *args, **kwargs)

    parameters = list(inspect.signature(function).parameters.values())[1:]
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__module__ = space.__name__
    return call


def _bound(function: Function, space: Namespace) -> Callable[..., Any]:
    arity = len(function.arrays)
    parameters = function.signature.parameters
    positional = all(parameters[name].kind is inspect.Parameter.POSITIONAL_ONLY for name in function.arrays)
    places = "device" in parameters and not function.arrays

    def call(*args: Any, **kwargs: Any) -> Any:
        arrays: Any = args
        if len(args) != arity or not positional:
            arrays, kwargs = function.split_arguments(args, kwargs)
        if places and kwargs.get("device") is None and space.default_device is not None:
            kwargs["device"] = space.default_device
        return bind(function, space, arrays[0] if function.variadic else arrays, kwargs)

    extension, _, name = function.name.rpartition(".")
    call.__name__ = call.__qualname__ = name
    call.__module__ = f"{space.__name__}.{extension}" if extension else space.__name__
    call.__signature__ = function.signature  # type: ignore[attr-defined]
    call.__doc__ = f"{function.name}{function.signature}, as in the array API standard." + (
        f"\n\nConstant under differentiation: {function.constant}." if function.constant else ""
    )
    return call


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


def array_namespace(x: Any) -> Any:
    """Return the namespace of an Array, or the raw namespace of a library's own array.

    Code that gets its namespace here runs recorded or raw, according to what it is given.
    """
    return x.namespace if type(x) is Array else backend_of(x).xp


def as_array(x: Any) -> Array:
    """Return a raw array of any library as an unrecorded Array."""
    return x if type(x) is Array else Array(x, namespace(backend_of(x).name))
