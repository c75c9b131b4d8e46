"""What the array API standard lacks, stated once: the protocol that a library's adapter fills in."""

from __future__ import annotations

import importlib
from functools import cached_property
from typing import Any

import numpy as np

from nnarray._messages import unknown_name
from nnarray.backends import _philox


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
    """

    executor = "generic"
    has_views = False

    def __init__(self, name: str, module: str) -> None:
        self.name = name
        self.module = module

    def __repr__(self) -> str:
        return f"<nnarray backend {self.name!r}>"

    def __reduce__(self) -> tuple[Any, ...]:
        from nnarray.backends._registry import get_backend

        return get_backend, (self.name,)

    @cached_property
    def xp(self) -> Any:
        """The library's array-API namespace, imported at first use."""
        return importlib.import_module(self.module)

    def probe(self) -> None:
        """Raise whatever keeps the library from computing: import, allocation, arithmetic, product, transfer."""
        ones = self.asarray([[1.0, 2.0], [3.0, 4.0]])
        product = self.xp.matmul(ones + ones, ones)
        if not np.array_equal(self.to_numpy(product), [[14.0, 20.0], [30.0, 44.0]]):
            raise RuntimeError(f"backend {self.name!r} computed a wrong matrix product: {self.to_numpy(product)}")

    # -- devices ----------------------------------------------------------------------------------------------------

    def devices(self) -> tuple[Any, ...]:
        """Return the library's devices, the default one first where it says which."""
        return tuple(d for d in self.xp.__array_namespace_info__().devices() if d is not None)

    def device(self, spec: Any) -> Any:
        """Return the library's device object for `spec`: None (the default), a device, or its name."""
        if not isinstance(spec, str):
            return spec
        devices = self.devices()
        for device in devices:
            if spec == str(device) or f"'{spec}'" in repr(device):
                return device
        names = [repr(str(device)) for device in devices]
        raise ValueError(f"Backend {self.name!r} has no device {spec!r}. Its devices: {', '.join(names)}.")

    def device_of(self, x: Any) -> Any:
        """Return the device that holds `x`."""
        return x.device

    def synchronize(self, device: Any = None) -> None:
        """Wait until the work queued on `device` is done; a library without queues has nothing to wait for."""

    def memory(self, device: Any = None) -> dict[str, int]:
        """Return figures of the library's memory pool in bytes; empty where it keeps none."""
        return {}

    # -- transfer ---------------------------------------------------------------------------------------------------

    def asarray(self, obj: Any, dtype: Any = None, device: Any = None) -> Any:
        """Return `obj` (scalar, nested list, NumPy array or own array) as an array of the library.

        `dtype` is a name such as ``"float32"``, a dtype of the library, or None to keep what `obj` has.
        """
        dtype = getattr(self.xp, dtype) if isinstance(dtype, str) else dtype
        if isinstance(obj, np.generic):
            obj = np.asarray(obj)
        return self.xp.asarray(obj, dtype=dtype, device=self.device(device))

    def to_numpy(self, x: Any) -> np.ndarray:
        """Return a NumPy array with the values of `x`, from whatever device holds it."""
        host = self.devices()[0]
        # A copy, because NumPy 2.0 takes no read-only memory over.
        return np.from_dlpack(self.xp.asarray(x, device=host, copy=True))

    # -- what the standard cannot say -------------------------------------------------------------------------------

    def store(self, target: Any, value: Any) -> None:
        """Overwrite the elements of `target` in place; only asked of libraries with views."""
        target[...] = value

    def get_item(self, x: Any, key: Any) -> Any:
        """Return ``x[key]`` for a key of integers, slices, ellipsis and None."""
        return x[key]

    def set_item(self, x: Any, key: Any, value: Any) -> Any:
        """Return a copy of `x` with ``copy[key] = value``, for a key of integers, slices and ellipsis."""
        copy = self.xp.asarray(x, copy=True)
        copy[key] = value
        return copy

    def index_add(self, x: Any, indices: Any, value: Any, axis: int) -> Any:
        """Return `x` with the slices of `value` added at the one-dimensional `indices` along `axis`.

        Repeated indices add up. This default multiplies by a one-hot matrix.
        """
        xp = self.xp
        positions = xp.arange(x.shape[axis], dtype=indices.dtype, device=x.device)
        one_hot = xp.astype(xp.expand_dims(positions, axis=1) == xp.expand_dims(indices, axis=0), x.dtype)
        return x + xp.moveaxis(xp.tensordot(one_hot, value, axes=((1,), (axis,))), 0, axis)

    def uniform(self, key: tuple[int, int], counter: tuple[int, int], shape: Any, dtype: str, device: Any) -> Any:
        """Return uniform numbers in [0, 1), a function of (key, counter) alone: Philox4x64-10, drawn on the host."""
        return self.asarray(_philox.uniform(key, counter, shape, dtype), device=device)

    def dtype_name(self, dtype: Any) -> str:
        """Return the standard's name of one of the library's dtypes, such as ``"float32"``."""
        for name in DTYPE_NAMES:
            if getattr(self.xp, name, None) == dtype:
                return name
        raise TypeError(unknown_name(f"dtype of backend {self.name!r}", dtype, DTYPE_NAMES))


DTYPE_NAMES = (
    *("float32", "float64", "int64", "int32", "bool", "int16", "int8"),
    *("uint8", "uint16", "uint32", "uint64", "complex64", "complex128"),
)
