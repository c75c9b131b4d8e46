"""The array of the double, and what NumPy does for it."""

from __future__ import annotations

import functools
import math
import os
import sys
import types
import warnings

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from cupy import cuda
from cupy._util import PerformanceWarning

#: What its kernel can add atomically; int64 since version 14.1.
atomic = {"int32", "uint32", "int64", "uint64", "float16", "float32", "float64"}


class ndarray(NDArrayOperatorsMixin):  # noqa: N801 -- CuPy's name
    """An array on one of the devices."""

    __array_priority__ = 100

    def __init__(self, data, device=None):
        self._data = np.asarray(data)
        self.device = cuda.Device() if device is None else device

    shape = property(lambda self: self._data.shape)
    dtype = property(lambda self: self._data.dtype)
    ndim = property(lambda self: self._data.ndim)
    size = property(lambda self: self._data.size)
    nbytes = property(lambda self: self._data.nbytes)
    # Views lie where their array does, whatever device is current.
    T = property(lambda self: ndarray(self._data.T, self.device))
    mT = property(lambda self: ndarray(self._data.mT, self.device))  # noqa: N815 -- the standard's name
    real = property(lambda self: ndarray(self._data.real, self.device))
    imag = property(lambda self: ndarray(self._data.imag, self.device))

    def get(self, out=None):
        _fail("transfer", cuda.CUDARuntimeError("cudaErrorIllegalAddress: an illegal memory access was encountered"))
        cuda.read.append(self.dtype.name)
        if out is None:
            return self._data.copy()
        out[...] = self._data
        return out

    def set(self, arr, stream=None):
        assert arr.flags.c_contiguous
        assert (arr.dtype, arr.shape) == (self.dtype, self.shape)
        self._data[...] = arr

    def __array__(self, *args, **kwargs):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`.")

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        if any(not isinstance(x, (ndarray, int, float, complex, bool, np.generic)) for x in inputs):
            return NotImplemented
        return _call(getattr(ufunc, method), *inputs, **kwargs)

    def __reduce__(self):
        return ndarray, (self._data, self.device)

    def __repr__(self):
        return repr(self._data)

    def __len__(self):
        return len(self._data)

    def __getitem__(self, key):
        return ndarray(self._data[_unwrap(key)], self.device)

    def __setitem__(self, key, value):
        _check(self, value)
        self._data[_unwrap(key)] = _unwrap(value)

    def __dlpack_device__(self):
        return 2, self.device.id

    __hash__ = None

    # It has no `__index__`.
    def __bool__(self):
        return bool(self._read())

    def __float__(self):
        return float(self._read())

    def __int__(self):
        return int(self._read())

    def __complex__(self):
        return complex(self._read())

    def _read(self):
        cuda.read.append(self.dtype.name)
        return self._data

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(f"'cupy.ndarray' object has no attribute {name!r}")
        found = getattr(self._data, name)
        return functools.partial(self._do, found) if callable(found) else found

    def _do(self, method, *args, **kwargs):
        name = method.__name__
        if name in ("ravel", "reshape", "squeeze", "swapaxes", "transpose", "view"):
            return ndarray(method(*args, **kwargs), self.device)
        # A copy comes to the current device from wherever the array lies.
        if name != "copy":
            _check(self)
        return _call(method, *args, **kwargs)


def _check(*values):
    for x in values:
        if isinstance(x, ndarray) and x.device != cuda.Device():
            warnings.warn(
                f"The device where the array resides ({x.device.id}) is different from the current device "
                f"({cuda.Device().id}). Peer access has been activated automatically.",
                PerformanceWarning,
                stacklevel=3,
            )


def _unwrap(x):
    if isinstance(x, ndarray):
        return x._data
    return type(x)(map(_unwrap, x)) if isinstance(x, (list, tuple)) else x


def _wrap(x):
    if isinstance(x, (np.ndarray, np.generic)):
        return ndarray(x)
    return type(x)(*map(_wrap, x)) if hasattr(x, "_fields") else tuple(map(_wrap, x)) if isinstance(x, tuple) else x


def _flat(values):
    for x in values:
        yield from _flat(x) if isinstance(x, (list, tuple)) else (x,)


def _call(function, *args, **kwargs):
    _check(*_flat(args), *_flat(kwargs.values()))
    cuda.launched.append(function.__name__)
    return _wrap(function(*_unwrap(args), **{name: _unwrap(x) for name, x in kwargs.items()}))


def _fail(stage, error):
    if os.environ.get("DOUBLE_FAILS") == stage:
        raise error


#: Bytes of page-locked memory that arrays passed through on their way here.
staged = []


def asarray(a, dtype=None, order=None, *, copy=None, blocking=False):
    _fail("allocate", MemoryError("Out of memory allocating 512 bytes (allocated so far: 0 bytes)."))
    if isinstance(a, ndarray) and a.device == cuda.Device() and dtype in (None, a.dtype) and not copy:
        return a
    if isinstance(a, np.ndarray):
        staged.append(a.nbytes)
    return ndarray(np.array(_unwrap(a), dtype=dtype))


def array(a, dtype=None, copy=True, **_):
    return asarray(a, dtype, copy=copy)


def asnumpy(a):
    return a.get()


def get_default_memory_pool():
    return types.SimpleNamespace(used_bytes=lambda: 2**20, total_bytes=lambda: 2**21)


class RawKernel:
    """One of the kernels of `nnarray.backends._philox_cuda`, done by NumPy."""

    def __init__(self, code, name):
        missing = 'Failure finding "libnvrtc-builtins.so.13.0": No such file: libnvrtc-builtins.so.13.0'
        _fail("random", RuntimeError(missing))
        assert f" {name}(" in code
        self.name = name

    def __call__(self, grid, block, args):
        from nnarray.backends import _philox

        out, size, *words, added = args
        # A raw kernel is given addresses, and asks nobody where they are.
        assert out.device == cuda.Device()
        assert all(type(word) is np.uint64 for word in (size, *words))
        assert grid[0] * block[0] >= 1
        if isinstance(added, ndarray):
            assert (added.device, added.dtype, added.shape) == (cuda.Device(), np.int64, ())
            added = added._data
        else:
            assert type(added) is np.uint64
            assert added == 0
        key, counter = tuple(map(int, words[:2])), (int(words[2]) + int(added), int(words[3]))
        if self.name.startswith("uniform"):
            drawn = _philox.uniform(key, counter, out.shape, out.dtype.name)
        else:
            low, span = (int(word) for word in words[4:])
            drawn = _philox.integers(key, counter, out.shape, low, low + (span or 2**64), "uint64").view("int64")
        assert math.prod(out.shape) == size
        out._data[...] = drawn


def matmul(x1, x2, /):
    missing = 'Failure finding "libcublasLt.so.13 or libcublasLt.so.12": No such file: libcublasLt.so.13'
    _fail("product", ImportError(missing))
    return _call(np.matmul, x1, x2)


class ufunc:  # noqa: N801 -- CuPy's name
    """One of NumPy's, with the `at` that CuPy has of it."""

    def __init__(self, numpy_ufunc):
        self._ufunc = numpy_ufunc
        self.__name__ = numpy_ufunc.__name__

    def __call__(self, *args, **kwargs):
        return _call(self._ufunc, *args, **kwargs)

    def at(self, a, indices, b=None):
        if self.__name__ != "add":
            raise NotImplementedError(f"`{self.__name__}.at` is not supported yet")
        if a.dtype.name not in atomic:
            raise TypeError(f"add.at only supports {', '.join(sorted(atomic))}, as data type")
        _check(*_flat((a, indices, b)))
        cuda.launched.append("add.at")
        np.add.at(a._data, _unwrap(indices), _unwrap(b))


def passed_on(name):
    found = getattr(np, name)
    if isinstance(found, np.ufunc):
        return ufunc(found)
    if callable(found) and not isinstance(found, type):
        return functools.partial(_call, found)
    return found


def from_dlpack(x):
    assert x.__dlpack_device__()[0] == 2
    return ndarray(np.asarray(x.values))


def module(name):
    made = types.ModuleType(f"cupy.{name}")
    source = getattr(np, name)
    for each in source.__all__:
        found = getattr(source, each)
        callable_ = callable(found) and not isinstance(found, type)
        setattr(made, each, functools.partial(_call, found) if callable_ else found)
    made.__all__ = list(source.__all__)
    sys.modules[made.__name__] = made
    return made
