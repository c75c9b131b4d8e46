"""CuPy on CUDA GPUs, through array_api_compat. Work goes to CuPy's current stream of the calling thread."""

from __future__ import annotations

import functools
import importlib
import itertools
import os
import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from nnarray.backends import _cupy_diagnosis, _cupy_join, _philox_cuda
from nnarray.backends._base import CUDA, Backend
from nnarray.backends._cupy_transfer import BY_PIECES, download, upload
from nnarray.backends._host import taken_over

#: A training step needs some 60 kernels; the probe alone makes fewer than this many.
_FEW_KERNELS = 20


class CupyBackend(Backend):
    """CuPy on one or several CUDA GPUs."""

    has_views = True

    def __init__(self) -> None:
        super().__init__("cupy", "array_api_compat.cupy")

    @functools.cached_property
    def has_current_device(self) -> bool:  # type: ignore[override]
        """Whether there is more than one GPU: with one, everything lies there, and nothing need be asked."""
        return int(self.cupy.cuda.runtime.getDeviceCount()) > 1

    @functools.cached_property
    def xp(self) -> Any:
        importlib.import_module("cupy")
        return _OnDevice(importlib.import_module(self.module), self)

    @property
    def cupy(self) -> Any:
        """The library's own module."""
        return importlib.import_module("cupy")

    def version(self) -> str | None:
        """Return CuPy's version and the name of the GPU: a stand-in for one calls itself so."""
        version, runtime = super().version(), self.cupy.cuda.runtime
        try:
            name = runtime.getDeviceProperties(0)["name"].decode()
        except runtime.CUDARuntimeError:
            return version
        return f"{version} on {name}"

    # -- whether it works -------------------------------------------------------------------------------------------

    def stages(self) -> tuple[tuple[str, Callable[[], Any]], ...]:
        def compile_too(elementwise: Callable[[], Any]) -> None:
            # Kernels compiled earlier lie in a cache on disk and run without the compiler that the next one needs.
            self.cupy.cuda.nvrtc.getVersion()
            _say_that_kernels_are_compiled()
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

    def asarray(self, obj: Any, dtype: Any = None, device: Any = None) -> Any:
        if isinstance(obj, np.ndarray) and obj.nbytes >= BY_PIECES:
            with self.activate(self.device(device)):
                obj = upload(taken_over(obj, self.xp))
        return super().asarray(obj, dtype, device)

    def to_numpy(self, x: Any) -> np.ndarray:
        with self.activate(x.device):
            return download(x)

    def shares_memory_of(self, place: tuple[int, int], device: Any) -> bool:
        number = self.cupy.cuda.runtime.getDevice() if device is None else device.id
        return place == (CUDA, number)

    # -- what the standard cannot say -------------------------------------------------------------------------------

    def special(self, name: str) -> Callable[..., Any] | None:
        # Its xlog1py is 0 beside NaN.
        return None if name == "xlog1py" else _placed(getattr(importlib.import_module("cupyx.scipy.special"), name))

    def store(self, target: Any, value: Any) -> None:
        with self.activate(target.device):
            target[...] = value

    def set_item(self, x: Any, key: Any, value: Any) -> Any:
        with self.activate(x.device):
            return super().set_item(x, key, value)

    def index_add(self, x: Any, indices: Any, value: Any, axis: int) -> Any:
        """Atomic additions: in floating point, the order of repeated indices, and so the last bits, vary."""
        key = (slice(None),) * (axis % x.ndim) + (indices,)
        with self.activate(x.device):
            result = x.copy()
            try:
                if x.dtype.kind == "c":
                    self.cupy.add.at(result.real, key, value.real)
                    self.cupy.add.at(result.imag, key, value.imag)
                else:
                    self.cupy.add.at(result, key, value)
            except TypeError:
                # Which integers can be added atomically depends on the version.
                return super().index_add(x, indices, value, axis)
            return result

    def uniform(self, key: tuple[int, int], counter: tuple[Any, int], shape: Any, dtype: str, device: Any) -> Any:
        with self.activate(device):
            return _philox_cuda.uniform(self.cupy, key, self._readable(counter), shape, dtype)

    def integers(
        self,
        key: tuple[int, int],
        counter: tuple[Any, int],
        shape: Any,
        low: int,
        high: int,
        dtype: str,
        device: Any,
    ) -> Any:
        with self.activate(device):
            return _philox_cuda.integers(self.cupy, key, self._readable(counter), shape, low, high, dtype)

    def _readable(self, counter: tuple[Any, int]) -> tuple[Any, int]:
        """Return a counter whose first word the kernel reads if it lies on the current device: then nothing waits."""
        first, second = counter
        if not isinstance(first, self.cupy.ndarray) or first.device.id != self.cupy.cuda.runtime.getDevice():
            return int(first), int(second)
        return first.astype(np.int64, copy=False), int(second)

    def dtype_name(self, dtype: Any) -> str:
        return np.dtype(dtype).name


class _OnDevice(ModuleType):
    """The namespace of array_api_compat.cupy, whose functions run where their arrays are.

    CuPy makes arrays and launches kernels on the current device, and array_api_compat ignores ``device=``. Here a
    function runs on the device it is given, else on that of its first array, else on the current one.
    """

    def __init__(self, module: ModuleType, backend: CupyBackend) -> None:
        super().__init__(module.__name__, module.__doc__)
        self._module = module
        self._backend = backend

    def __dir__(self) -> list[str]:
        return dir(self._module)

    def __getattr__(self, name: str) -> Any:
        found: Any = _OWN.get(name) or getattr(self._module, name)
        if isinstance(found, ModuleType) and name in ("fft", "linalg"):
            found = _OnDevice(found, self._backend)
        elif name in _REFUSES_DEVICE:
            found = _placed(found, passes_device=False)
        elif self._backend.has_current_device and callable(found) and not isinstance(found, type):
            found = found if name in _PLACELESS else _placed(found)
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


def _clip(x: Any, /, min: Any = None, max: Any = None) -> Any:
    """Return `x` between bounds, `max` where these cross, NaN where one is: two launches.

    That of array_api_compat takes 14, and waits for the GPU four times.
    """
    import cupy

    if x.dtype.kind in "iu":
        # A Python integer beyond the range of the dtype is no bound, and could not be made one of its numbers.
        range_ = np.iinfo(x.dtype)
        min = None if type(min) is int and min <= range_.min else min
        max = None if type(max) is int and max >= range_.max else max
    out = x
    for choose, bound in ((cupy.maximum, min), (cupy.minimum, max)):
        if isinstance(bound, cupy.ndarray):
            out = choose(out, bound.astype(x.dtype, copy=False))
        elif bound is not None:
            with np.errstate(over="ignore"):
                out = choose(out, x.dtype.type(bound))
    return x.copy() if out is x else out


def _concat(arrays: Any, /, *, axis: Any = 0) -> Any:
    """Return arrays one behind the other, by one launch where they lie so in memory."""
    import array_api_compat.cupy
    import cupy

    arrays = list(arrays)
    if _cupy_join.can_join(cupy, arrays, axis):
        return _cupy_join.join(cupy, arrays)
    return array_api_compat.cupy.concat(arrays, axis=axis)


def _stack(arrays: Any, /, *, axis: int = 0) -> Any:
    import cupy

    return _concat([cupy.expand_dims(x, axis) for x in arrays], axis=axis)


#: Functions in the place of array_api_compat's.
_OWN = {"clip": _clip, "concat": _concat, "stack": _stack}


@functools.cache
def _say_that_kernels_are_compiled() -> None:
    """Log, once in a process, that the first minute is not like the next, where few kernels have been compiled."""
    folder = Path(os.environ.get("CUPY_CACHE_DIR", "~/.cupy/kernel_cache")).expanduser()
    if len(list(itertools.islice(folder.glob("*.cubin"), _FEW_KERNELS))) < _FEW_KERNELS:
        import logging

        logging.getLogger("nnarray").warning(
            "CuPy compiles each of its kernels when it is first used on this machine: some 10 seconds of a first "
            "training. Later ones start at once from %s.",
            folder,
        )


def _flat(args: tuple[Any, ...]) -> Any:
    for arg in args:
        if isinstance(arg, (list, tuple)):
            yield from arg
        else:
            yield arg
