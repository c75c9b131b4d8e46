"""A double of CuPy for machines without a GPU: NumPy inside, CuPy's manners outside.

It has two devices with access to each other's memory: what is computed from arrays of another than the current one is
computed on the current one, with CuPy's warning, which our code must never cause. It refuses conversion to
NumPy by any way but `get`. What fails, and how, is set by the environment variable DOUBLE_FAILS: a stage of the probe,
with CuPy's own words. It holds how our code calls CuPy; of what CuPy then does on a GPU it says nothing.
"""

from __future__ import annotations

import os

import numpy as _np

from cupy import cuda
from cupy._core import (
    RawKernel,
    _check,
    _unwrap,
    array,
    asarray,
    asnumpy,
    from_dlpack,
    get_default_memory_pool,
    matmul,
    module,
    ndarray,
    passed_on,
)

__version__ = "14.2.0"

if os.environ.get("DOUBLE_FAILS") == "import":
    raise ImportError("libcudart.so.13: cannot open shared object file: No such file or directory")

linalg, fft = module("linalg"), module("fft")
_MISSING = ("random", "core", "test", "longdouble", "clongdouble", "float128", "complex256")
globals().update({name: passed_on(name) for name in _np.__all__ if name not in globals() and name not in _MISSING})
