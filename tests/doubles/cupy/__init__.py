"""A broken installation of CuPy: DOUBLE_FAILS names the stage of the probe that fails, with CuPy's own words.

What comes before that stage is done by NumPy. Nothing is tested on it but what `nnarray doctor` says: how CuPy is
called, and what it does then, is tested on CuPy itself by `ci/host-cuda`.
"""

from __future__ import annotations

import contextlib
import os
import sys
import types

import numpy as np
from numpy import *  # noqa: F403 -- CuPy has NumPy's names
from numpy import fft, linalg

__version__ = "14.2.0"


class CUDARuntimeError(RuntimeError):
    """As CuPy's."""


#: The exception of each stage.
_ERRORS = {
    "import": ImportError("libcudart.so.13: cannot open shared object file: No such file or directory"),
    "device": CUDARuntimeError("cudaErrorNoDevice: no CUDA-capable device is detected"),
    "allocate": MemoryError("Out of memory allocating 512 bytes (allocated so far: 0 bytes)."),
    "elementwise": RuntimeError(
        'Failure finding "libnvrtc.so.13 or libnvrtc.so.12": No such file: libnvrtc.so.13',
    ),
    "product": ImportError(
        'Failure finding "libcublasLt.so.13 or libcublasLt.so.12": No such file: libcublasLt.so.13',
    ),
    "random": RuntimeError(
        'Failure finding "libnvrtc-builtins.so.13.0": No such file: libnvrtc-builtins.so.13.0',
    ),
    "transfer": CUDARuntimeError("cudaErrorIllegalAddress: an illegal memory access was encountered"),
}


def _fails_at(stage):
    if os.environ["DOUBLE_FAILS"] == stage:
        raise _ERRORS[stage]


_fails_at("import")


class ndarray(np.ndarray):  # noqa: N801 -- CuPy's name
    """An array of NumPy's that can be asked for as CuPy's."""

    device = types.SimpleNamespace(id=0)

    def get(self, out):
        _fails_at("transfer")
        out[...] = self
        return out


def asarray(a, dtype=None, **_):
    _fails_at("allocate")
    return np.array(a, dtype=dtype).view(ndarray)


array = asarray


def matmul(x1, x2, /):
    _fails_at("product")
    return np.matmul(x1, x2)


class RawKernel:
    """One of the kernels that draw numbers, as far as to its compilation."""

    def __init__(self, code, name):
        _fails_at("random")

    def __call__(self, grid, block, args):
        from nnarray.backends import _philox

        out, _, *words = (np.asarray(word) for word in args)
        out[...] = _philox.uniform(
            (int(words[0]), int(words[1])), (int(words[2]), int(words[3])), out.shape, out.dtype.name
        )


class _Device(contextlib.nullcontext):
    id = 0

    def __init__(self, number=0):
        super().__init__()


def _device_count():
    _fails_at("device")
    return 1


def _version():
    _fails_at("elementwise")
    return 13, 2


def _properties(number):
    _fails_at("device")
    return {"name": b"a double"}


def _module(name, **contents):
    made = sys.modules[f"cupy.{name}"] = types.ModuleType(f"cupy.{name}")
    vars(made).update(contents)
    return made


sys.modules |= {"cupy.fft": fft, "cupy.linalg": linalg}
_module("cuda.device", Device=_Device)
cuda = _module(
    "cuda",
    Device=_Device,
    get_current_stream=lambda: types.SimpleNamespace(synchronize=lambda: None),
    runtime=types.SimpleNamespace(
        getDeviceCount=_device_count,
        getDevice=lambda: 0,
        runtimeGetVersion=lambda: 13020,
        driverGetVersion=lambda: 13020,
        getDeviceProperties=_properties,
        CUDARuntimeError=CUDARuntimeError,
    ),
    nvrtc=types.SimpleNamespace(getVersion=_version),
)
