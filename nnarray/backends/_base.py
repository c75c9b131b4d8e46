"""What the array API standard lacks, stated once: the protocol that a library's adapter fills in."""

from __future__ import annotations

import importlib
import re
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any

import numpy as np

from nnarray._messages import unknown_name
from nnarray.backends import _philox
from nnarray.backends._host import taken_over

#: DLPack's type of a CUDA device.
CUDA = 2


class Backend:
    """Adapter of one array library.

    Every method has a default that works through the standard alone, so a conforming library needs a name and a
    module, and overrides only where it can do better.

    Parameters
    ----------
    name : str
        The name users select it by.
    module : str
        Importable name of its array-API namespace.

    Attributes
    ----------
    executor : str
        Name of the plan executor that suits the library.
    has_views : bool
        Whether a slice or reshape of a buffer is a window that in-place writes to the buffer show through.
    has_current_device : bool
        Whether the operators of raw arrays compute on a current device, wherever the arrays lie: `activate` sets it.
    traced : Backend or None
        Of a backend that stands in for a library and notes down what is called: that library's.
    """

    executor = "generic"
    has_views = False
    has_current_device = False
    traced: Backend | None = None

    def __init__(self, name: str, module: str) -> None:
        self.name = name
        self.module = module
        self._dtypes: dict[tuple[str, str | None], bool] = {}

    def __repr__(self) -> str:
        return f"<nnarray backend {self.name!r}>"

    def __reduce__(self) -> tuple[Any, ...]:
        from nnarray.backends._registry import get_backend

        return get_backend, (self.name,)

    @cached_property
    def xp(self) -> Any:
        """The library's array-API namespace, imported at first use."""
        return importlib.import_module(self.module)

    def recorder(self, function: Any) -> Callable[..., Any]:
        """Return what notes down calls of a function of the table, of a backend that stands in for a library."""
        raise NotImplementedError(f"{self!r} is a library itself.")

    # -- whether it works -------------------------------------------------------------------------------------------

    def stages(self) -> tuple[tuple[str, Callable[[], Any]], ...]:
        """Return the steps of a probe, in order: each has a name and raises whatever keeps the library from working."""
        host = np.asarray([[1.0, 2.0], [3.0, 4.0]], dtype=np.float32)
        made: dict[str, Any] = {}

        def allocate() -> None:
            made["x"] = self.asarray(host)
            self.synchronize()

        def elementwise() -> None:
            made["sum"] = made["x"] + made["x"]
            self.synchronize()

        def product() -> None:
            made["product"] = self.xp.matmul(made["x"], made["x"])
            self.synchronize()

        def random() -> None:
            made["random"] = self.uniform((1, 2), (3, 4), (5,), "float32", None)
            self.synchronize()

        def transfer() -> None:
            drawn = _philox.uniform((1, 2), (3, 4), (5,), "float32")
            expected = {"x": host, "sum": host + host, "product": host @ host, "random": drawn}
            for name, right in expected.items():
                found = self.to_numpy(made[name])
                if not np.array_equal(found, right):
                    raise RuntimeError(f"its {name} came back as {found.tolist()}, not {right.tolist()}")

        return (
            ("import", lambda: self.xp),
            ("device", self._require_device),
            ("allocate", allocate),
            ("elementwise", elementwise),
            ("product", product),
            ("random", random),
            ("transfer", transfer),
        )

    def _require_device(self) -> None:
        if not self.devices():
            raise RuntimeError("the library has no device")

    def diagnose(self, stage: str, error: BaseException) -> tuple[str, str]:
        """Return the cause of a failed stage in plain words, and what to do about it."""
        library = self.library_name
        if isinstance(error, ModuleNotFoundError) and error.name == library:
            return f"{library} is not installed.", f"Install it with: pip install {library.replace('_', '-')}"
        return f"{summary(error)}.", f"Install {library} anew, or choose another backend."

    @property
    def library_name(self) -> str:
        """The importable name of the library itself."""
        return self.module.removeprefix("array_api_compat.").partition(".")[0]

    def version(self) -> str | None:
        """Return the version of the library, and what it runs on if that has a name; None where it does not say."""
        return getattr(importlib.import_module(self.library_name), "__version__", None)

    # -- devices ----------------------------------------------------------------------------------------------------

    def devices(self) -> tuple[Any, ...]:
        """Return the library's devices, the default one first where it says which."""
        return tuple(d for d in self.xp.__array_namespace_info__().devices() if d is not None)

    def device(self, spec: Any) -> Any:
        """Return the library's device object for `spec`: None (the default), a device, or its name."""
        if not isinstance(spec, (str, int)):
            return spec
        devices = self.devices()
        for device in devices:
            if spec in (str(device), self.device_name(device)):
                return device
        names = [self.device_name(device) for device in devices]
        raise ValueError(f"Backend {self.name!r} has no device {spec!r}. Its devices: {', '.join(map(repr, names))}.")

    def device_name(self, device: Any) -> str:
        """Return the name by which `device` finds a device again."""
        inner = re.search(r"Device\('(.+)'\)$", str(device))
        return inner[1] if inner else str(device)

    def device_of(self, x: Any) -> Any:
        """Return the device that holds `x`."""
        return x.device

    def activate(self, device: Any) -> AbstractContextManager[Any]:
        """Return a context in which the operators of raw arrays run on `device`, where the library needs telling."""
        return nullcontext()

    def synchronize(self, device: Any = None) -> None:
        """Wait until the work queued on `device` is done; a library without queues has nothing to wait for."""

    def memory(self, device: Any = None) -> dict[str, int]:
        """Return figures of the library's memory pool in bytes; empty where it keeps none."""
        return {}

    # -- transfer ---------------------------------------------------------------------------------------------------

    def asarray(self, obj: Any, dtype: Any = None, device: Any = None) -> Any:
        """Return `obj` (scalar, nested list, NumPy array or own array) as an array of the library.

        `dtype` is a name such as ``"float32"``, a dtype of the library, or None to keep what `obj` has. A NumPy array
        may have any byte order; one of a dtype that the library lacks gets a wider one, longdouble float64.
        """
        dtype = getattr(self.xp, dtype) if isinstance(dtype, str) else dtype
        if isinstance(obj, (np.ndarray, np.generic)):
            obj = taken_over(np.asanyarray(obj), self.xp)
        return self.xp.asarray(obj, dtype=dtype, device=self.device(device))

    def to_numpy(self, x: Any) -> np.ndarray:
        """Return a NumPy array with the values of `x`, from whatever device holds it."""
        host = self.devices()[0]
        # A copy, because NumPy 2.0 takes no read-only memory over.
        return np.from_dlpack(self.xp.asarray(x, device=host, copy=True))

    def extremes(self, x: Any) -> tuple[float, float]:
        """Return the least and the greatest element, which come to the host together."""
        low, high = self.to_numpy(self.xp.stack([self.xp.min(x), self.xp.max(x)])).tolist()
        return low, high

    def shares_memory_of(self, place: tuple[int, int], device: Any) -> bool:
        """Whether `device` is the `place` (DLPack's device type and number) of an array, so that it need not travel."""
        return False

    # -- what the standard cannot say -------------------------------------------------------------------------------

    def special(self, name: str) -> Callable[..., Any] | None:
        """Return the library's own function of `nnarray.special`, or None: then it is computed in standard code."""
        return None

    def store(self, target: Any, value: Any) -> None:
        """Overwrite the elements of `target` in place; only asked of libraries with views."""
        target[...] = value

    def get_item(self, x: Any, key: Any) -> Any:
        """Return ``x[key]`` for a key of integers, slices, ellipsis and None."""
        return x[key]

    def take_rows(self, x: Any, rows: Any, out: Any = None) -> Any:
        """Return the rows of `x` in a slice or an array of indices; in the array `out` if it is given.

        Only libraries with views are asked for that.
        """
        found = x[rows, ...] if isinstance(rows, slice) else self.xp.take(x, rows, axis=0)
        if out is None:
            return found
        self.store(out, found)
        return out

    def set_item(self, x: Any, key: Any, value: Any) -> Any:
        """Return a copy of `x` with ``copy[key] = value``, for a key of integers, slices and ellipsis."""
        copy = self.xp.asarray(x, copy=True)
        copy[key] = value
        return copy

    def index_add(self, x: Any, indices: Any, value: Any, axis: int) -> Any:
        """Return `x` with the slices of `value` added at the one-dimensional `indices` along `axis`.

        Repeated indices add up. This default multiplies by a one-hot matrix.

        Raises
        ------
        IndexError
            If an index lies outside its axis, as far as the library can tell.
        """
        xp, length = self.xp, x.shape[axis]
        positions = xp.arange(length, device=x.device)
        indices = xp.astype(indices, positions.dtype)
        indices = xp.where(indices < 0, indices + length, indices)
        if bool(xp.any(xp.logical_or(indices < 0, indices >= length))):
            raise IndexError(f"An index lies outside its axis of length {length}.")
        one_hot = xp.astype(xp.expand_dims(positions, axis=1) == xp.expand_dims(indices, axis=0), x.dtype)
        return x + xp.moveaxis(xp.tensordot(one_hot, value, axes=((1,), (axis,))), 0, axis)

    def uniform(self, key: tuple[int, int], counter: tuple[Any, int], shape: Any, dtype: str, device: Any) -> Any:
        """Return uniform numbers in [0, 1), a function of (key, counter) alone: Philox4x64-10, drawn on the host.

        The first number of a counter, here as in the next methods, may be an integer array without axes.
        """
        return self.asarray(_philox.uniform(key, _numbers(counter), shape, dtype), device=device)

    def integers(
        self, key: tuple[int, int], counter: tuple[Any, int], shape: Any, low: int, high: int, dtype: str, device: Any
    ) -> Any:
        """Return integers in [low, high), a function of (key, counter) alone: Philox4x64-10, drawn on the host.

        Each is ``low + floor(word * (high - low) / 2**64)`` of one 64-bit word; `dtype` must hold low and high - 1.
        """
        return self.asarray(_philox.integers(key, _numbers(counter), shape, low, high, dtype), device=device)

    def draw(
        self,
        key: tuple[int, int],
        counter: tuple[Any, int],
        sample: Callable[..., Any],
        shape: Any,
        dtype: str,
        device: Any,
    ) -> Any:
        """Return what ``sample(generator, shape)`` gives, drawn on the host by NumPy's generator on that stream."""
        values = sample(_philox.generator(key, _numbers(counter)), tuple(shape))
        return self.asarray(values.astype(dtype, copy=False), device=device)

    def itemsize(self, dtype: Any) -> int:
        """Return the bytes of an element."""
        size = getattr(dtype, "itemsize", None)
        if isinstance(size, int):
            return size
        digits = re.search(r"\d+$", self.dtype_name(dtype))
        return int(digits[0]) // 8 if digits else 1

    def has_dtype(self, name: str, device: Any = None) -> bool:
        """Return whether arrays on `device` can have the dtype of that name, and keep it."""
        place = name, None if device is None else self.device_name(device)
        if place not in self._dtypes:
            self._dtypes[place] = self._keeps(getattr(self.xp, name, None), device)
        return self._dtypes[place]

    def _keeps(self, dtype: Any, device: Any) -> bool:
        # A library may know a dtype that a mode or a device of it lacks: then it warns and takes another, or raises.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return dtype is not None and bool(self.asarray(0, dtype, device).dtype == dtype)
            except Exception:
                return False

    def index_dtype(self, device: Any) -> str:
        """Return the name of the dtype in which `device` takes indices."""
        return self.dtype_name(self.xp.__array_namespace_info__().default_dtypes(device=device)["indexing"])

    def dtype_name(self, dtype: Any) -> str:
        """Return the standard's name of one of the library's dtypes, such as ``"float32"``."""
        for name in DTYPE_NAMES:
            if getattr(self.xp, name, None) == dtype:
                return name
        raise TypeError(unknown_name(f"dtype of backend {self.name!r}", dtype, DTYPE_NAMES))


def _numbers(counter: tuple[Any, int]) -> tuple[int, int]:
    return int(counter[0]), int(counter[1])


def first_line(error: BaseException) -> str:
    """Return the first line of an exception's message, or its type if it has none."""
    return next((line.strip().rstrip(".") for line in str(error).splitlines() if line.strip()), type(error).__name__)


def summary(error: BaseException) -> str:
    """Return the type of an exception and the first line of its message."""
    line = first_line(error)
    return line if line == type(error).__name__ else f"{type(error).__name__}: {line}"


DTYPE_NAMES = (
    *("float32", "float64", "int64", "int32", "bool", "int16", "int8"),
    *("uint8", "uint16", "uint32", "uint64", "complex64", "complex128"),
)
