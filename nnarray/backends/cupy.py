"""CuPy on CUDA GPUs, through array_api_compat. Work goes to CuPy's current stream of the calling thread."""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import ModuleType
from typing import Any

import numpy as np

from nnarray.backends import _cupy_diagnosis, _philox_cuda
from nnarray.backends._base import CUDA, Backend

#: Bytes of a result that is read back through page-locked memory: less is not worth it, more would starve the host.
_PINNED_BYTES = range(2**16, 2**28)
#: The dtypes that CUDA adds atomically.
_ATOMIC = frozenset(("int32", "uint32", "uint64", "float16", "float32", "float64", "complex64", "complex128"))


class CupyBackend(Backend):
    """CuPy on one or several CUDA GPUs."""

    has_views = True

    def __init__(self) -> None:
        super().__init__("cupy", "array_api_compat.cupy")

    @functools.cached_property
    def xp(self) -> Any:
        importlib.import_module("cupy")
        return _OnDevice(importlib.import_module(self.module))

    @property
    def cupy(self) -> Any:
        """The library's own module."""
        return importlib.import_module("cupy")

    # -- whether it works -------------------------------------------------------------------------------------------

    def stages(self) -> tuple[tuple[str, Callable[[], Any]], ...]:
        def compile_too(elementwise: Callable[[], Any]) -> None:
            # Kernels compiled earlier lie in a cache on disk and run without the compiler that the next one needs.
            self.cupy.cuda.nvrtc.getVersion()
            elementwise()

        return tuple(
            (name, functools.partial(compile_too, check) if name == "elementwise" else check)
            for name, check in super().stages()
        )

    def diagnose(self, stage: str, error: BaseException) -> tuple[str, str]:
        return _cupy_diagnosis.diagnose(stage, error)

    # -- devices ----------------------------------------------------------------------------------------------------

    def devices(self) -> tuple[Any, ...]:
        cuda = self.cupy.cuda
        return tuple(cuda.Device(i) for i in range(cuda.runtime.getDeviceCount()))

    def device(self, spec: Any) -> Any:
        if spec is None or isinstance(spec, self.cupy.cuda.Device):
            return spec
        known = self.devices()
        number = spec if isinstance(spec, int) else None
        if isinstance(spec, str) and (found := re.fullmatch(r"(?:cuda|gpu)(?::(\d+))?", spec)):
            number = int(found[1] or 0)
        if number is None or not 0 <= number < len(known):
            names = ", ".join(repr(self.device_name(device)) for device in known)
            raise ValueError(f"Backend 'cupy' has no device {spec!r}. Its devices: {names}.")
        return known[number]

    def device_name(self, device: Any) -> str:
        return f"cuda:{device.id}"

    def activate(self, device: Any) -> AbstractContextManager[Any]:
        return nullcontext() if device is None else self.cupy.cuda.Device(device.id)

    def synchronize(self, device: Any = None) -> None:
        with self.activate(device):
            self.cupy.cuda.get_current_stream().synchronize()

    def memory(self, device: Any = None) -> dict[str, int]:
        with self.activate(device):
            pool = self.cupy.get_default_memory_pool()
            free, total = self.cupy.cuda.runtime.memGetInfo()
            return {"used": pool.used_bytes(), "held": pool.total_bytes(), "free": int(free), "total": int(total)}

    # -- transfer ---------------------------------------------------------------------------------------------------

    def to_numpy(self, x: Any) -> np.ndarray:
        if x.nbytes not in _PINNED_BYTES:
            return x.get()
        pinned = importlib.import_module("cupyx").empty_pinned(x.shape, x.dtype)
        return x.get(out=pinned)

    def shares_memory_of(self, place: tuple[int, int], device: Any) -> bool:
        number = self.cupy.cuda.runtime.getDevice() if device is None else device.id
        return place == (CUDA, number)

    # -- what the standard cannot say -------------------------------------------------------------------------------

    def store(self, target: Any, value: Any) -> None:
        with self.activate(target.device):
            target[...] = value

    def set_item(self, x: Any, key: Any, value: Any) -> Any:
        with self.activate(x.device):
            return super().set_item(x, key, value)

    def index_add(self, x: Any, indices: Any, value: Any, axis: int) -> Any:
        """Atomic additions: in floating point, the order of repeated indices, and so the last bits, vary."""
        with self.activate(x.device):
            if x.dtype.name not in _ATOMIC:
                return super().index_add(x, indices, value, axis)
            result = x.copy()
            key = (slice(None),) * (axis % x.ndim) + (indices,)
            importlib.import_module("cupyx").scatter_add(result, key, value)
            return result

    def uniform(self, key: tuple[int, int], counter: tuple[int, int], shape: Any, dtype: str, device: Any) -> Any:
        with self.activate(device):
            return _philox_cuda.uniform(self.cupy, key, counter, shape, dtype)

    def integers(
        self,
        key: tuple[int, int],
        counter: tuple[int, int],
        shape: Any,
        low: int,
        high: int,
        dtype: str,
        device: Any,
    ) -> Any:
        with self.activate(device):
            return _philox_cuda.integers(self.cupy, key, counter, shape, low, high, dtype)

    def dtype_name(self, dtype: Any) -> str:
        return np.dtype(dtype).name


class _OnDevice(ModuleType):
    """The namespace of array_api_compat.cupy, whose functions run where their arrays are.

    CuPy makes arrays and launches kernels on the current device, and array_api_compat ignores ``device=``. Here a
    function runs on the device it is given, else on that of its first array, else on the current one.
    """

    def __init__(self, module: ModuleType) -> None:
        super().__init__(module.__name__, module.__doc__)
        self._module = module

    def __dir__(self) -> list[str]:
        return dir(self._module)

    @functools.cached_property
    def _several(self) -> bool:
        """Whether there is more than one GPU: with one, everything lies there, and nothing need be asked."""
        return importlib.import_module("cupy").cuda.runtime.getDeviceCount() > 1

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._module, name)
        if isinstance(found, ModuleType) and name in ("fft", "linalg"):
            found = _OnDevice(found)
        elif name in _REFUSES_DEVICE:
            found = _placed(found, passes_device=False)
        elif callable(found) and not isinstance(found, type) and name not in _PLACELESS and self._several:
            found = _placed(found)
        setattr(self, name, found)
        return found


_PLACELESS = frozenset(("isdtype", "finfo", "iinfo", "result_type", "can_cast", "__array_namespace_info__"))
#: Functions whose ``device=`` array_api_compat takes from no one but the CPU.
_REFUSES_DEVICE = frozenset(("fftfreq", "rfftfreq"))


def _placed(function: Callable[..., Any], passes_device: bool = True) -> Callable[..., Any]:
    import cupy

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        device = kwargs.get("device") if passes_device else kwargs.pop("device", None)
        if device is None:
            device = next((x.device for x in _flat(args) if isinstance(x, cupy.ndarray)), None)
        if device is None or device.id == cupy.cuda.runtime.getDevice():
            return function(*args, **kwargs)
        with cupy.cuda.Device(device.id):
            return function(*args, **kwargs)

    return call


def _flat(args: tuple[Any, ...]) -> Any:
    for arg in args:
        if isinstance(arg, (list, tuple)):
            yield from arg
        else:
            yield arg
