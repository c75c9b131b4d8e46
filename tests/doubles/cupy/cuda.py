"""Devices, streams and the runtime of the double."""

from __future__ import annotations

import os
import sys
import types

FAILS = os.environ.get("DOUBLE_FAILS", "")
_current = [0]
#: The devices whose streams were waited for, the dtypes of what was read back, and the functions that were run.
waited, read, launched = [], [], []


class CUDARuntimeError(RuntimeError):
    """As CuPy's."""


class Device:
    """One of two devices; a context manager that makes it current."""

    __hash__ = None

    def __init__(self, device=None):
        self.id = _current[-1] if device is None else int(device)

    def __int__(self):
        return self.id

    def __eq__(self, other):
        return isinstance(other, Device) and other.id == self.id

    def __repr__(self):
        return f"<CUDA Device {self.id}>"

    def __enter__(self):
        _current.append(self.id)
        return self

    def __exit__(self, *_):
        _current.pop()


def _device_count():
    if FAILS == "device":
        raise CUDARuntimeError("cudaErrorNoDevice: no CUDA-capable device is detected")
    return 2


def _device_properties(number):
    _device_count()
    return {"name": b"a double", "major": 0, "minor": 0}


def _nvrtc_version():
    if FAILS == "elementwise":
        raise RuntimeError('Failure finding "libnvrtc.so.13 or libnvrtc.so.12": No such file: libnvrtc.so.13')
    return 13, 2


def get_current_stream():
    device = _current[-1]
    return types.SimpleNamespace(synchronize=lambda: waited.append(device))


runtime = types.SimpleNamespace(
    getDeviceCount=_device_count,
    getDevice=lambda: _current[-1],
    memGetInfo=lambda: (3 * 2**30, 4 * 2**30),
    runtimeGetVersion=lambda: 13020,
    driverGetVersion=lambda: 13020,
    getDeviceProperties=_device_properties,
    CUDARuntimeError=CUDARuntimeError,
)
nvrtc = types.SimpleNamespace(getVersion=_nvrtc_version)

device = types.ModuleType("cupy.cuda.device")
device.Device = Device
sys.modules[device.__name__] = device
