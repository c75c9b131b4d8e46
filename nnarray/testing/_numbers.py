"""What the checks compute with arrays of any library, on their own device: only single numbers reach the host."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from nnarray.array import Array
from nnarray.backends import Backend, backend_of, find_backend


def raw(x: Any) -> Any:
    """Return the raw array of an Array, all else as it is."""
    return x.value if isinstance(x, Array) else x


def is_array(x: Any) -> bool:
    """Whether `x` is an array of some library, or an Array."""
    return isinstance(x, Array) or find_backend(x) is not None


def is_number(x: Any) -> bool:
    """Whether `x` is a number of Python."""
    return isinstance(x, (int, float, complex)) and find_backend(x) is None


@functools.cache
def kind_of(backend: Backend, dtype: Any) -> str:
    """Return the kind of a dtype in the standard's words: ``"real floating"``, ``"integral"``, …"""
    kinds = ("real floating", "complex floating", "integral", "bool")
    return next((kind for kind in kinds if backend.xp.isdtype(dtype, kind)), "other")


def is_floating(x: Any) -> bool:
    """Whether `x` is a real or complex floating-point array."""
    if isinstance(x, Array):
        return is_floating(x.value)
    backend = find_backend(x)
    return backend is not None and kind_of(backend, x.dtype).endswith("floating")


def is_complex(x: Any) -> bool:
    """Whether `x` is a complex number or raw array."""
    backend = find_backend(x)
    return isinstance(x, complex) if backend is None else kind_of(backend, x.dtype) == "complex floating"


def ulp(x: Any) -> float:
    """Return the distance from 1 to the next number of the dtype of a floating-point array."""
    return float(backend_of(x).xp.finfo(x.dtype).eps)


def short(dtype: Any) -> str:
    """Return a dtype's name without its library: ``"float32"``."""
    name = getattr(dtype, "name", None) or getattr(dtype, "__name__", None) or str(dtype)
    return name.rpartition(".")[2]


def like(values: Any, x: Any) -> Any:
    """Return NumPy `values` as an array of the library, dtype and device of `x`."""
    backend = backend_of(x)
    device = backend.device_of(x)
    # JAX compiles anew for arrays that were put where they would have come to lie anyway.
    default = backend.device_of(backend.xp.zeros(()))
    return backend.asarray(values, x.dtype, None if device == default else device)


def widened(x: Any) -> Any:
    """Return a floating-point array, or number, in the widest dtype of its kind that its device has."""
    if is_number(x):
        return x
    backend = backend_of(x)
    kind = kind_of(backend, x.dtype)
    single, double = ("complex64", "complex128") if kind == "complex floating" else ("float32", "float64")
    if short(x.dtype) == double:
        return x
    dtypes = backend.xp.__array_namespace_info__().dtypes(kind=kind, device=backend.device(backend.device_of(x)))
    return backend.xp.astype(x, dtypes.get(double, dtypes[single]))


def parts(x: Any) -> list[Any]:
    """Return an array, or number, as its real parts: itself, or real and imaginary part."""
    if not is_complex(x):
        return [x]
    xp = None if is_number(x) else backend_of(x).xp
    return [x.real, x.imag] if xp is None else [xp.real(x), xp.imag(x)]


def total(x: Any) -> float:
    """Return the sum of a real array, or number, as a Python float."""
    return float(x if is_number(x) else backend_of(x).to_numpy(backend_of(x).xp.sum(x)))


def inner(xs: Iterable[Any], ys: Iterable[Any]) -> float:
    """Return ``Re Σ conj(x) y`` over trees' leaves, summed in the widest dtype there is."""
    return sum((total(product) for product in _products(xs, ys)), 0.0)


def inner_and_size(xs: Iterable[Any], ys: Iterable[Any]) -> tuple[float, float]:
    """Return `inner` and the root of the summed squares of what it sums up: its size if nothing cancelled."""
    products = _products(xs, ys)
    return sum(map(total, products), 0.0), math.sqrt(sum(total(product * product) for product in products))


def _products(xs: Iterable[Any], ys: Iterable[Any]) -> list[Any]:
    pairs = [(widened(x), widened(y)) for x, y in zip(xs, ys, strict=True)]
    return [a * b for x, y in pairs for a, b in zip(parts(x), parts(y), strict=False)]


def minus(xs: Iterable[Any], ys: Iterable[Any]) -> list[Any]:
    """Return the differences of trees' leaves in the widest dtype there is."""
    return [widened(x) - widened(y) for x, y in zip(xs, ys, strict=True)]


def first_where(mask: Any) -> tuple[int, ...]:
    """Return the index of the first true element of a boolean array that has one."""
    xp = backend_of(mask).xp
    place = int(xp.argmax(xp.reshape(xp.astype(mask, xp.int32), (-1,))))
    return tuple(int(i) for i in np.unravel_index(place, tuple(mask.shape)))


def first_not_finite(x: Any) -> tuple[int, ...] | None:
    """Return the index of the first element that is NaN or infinite."""
    if is_number(x):
        return None if math.isfinite(abs(x)) else ()
    xp = backend_of(x).xp
    bad = ~xp.isfinite(x)
    return first_where(bad) if bool(xp.any(bad)) else None


def element(x: Any, index: tuple[int, ...]) -> Any:
    """Return one element as a number of Python."""
    if is_number(x):
        return x
    value = x if not x.shape else x[index]
    number = {"complex floating": complex, "integral": int, "bool": bool}.get(kind_of(backend_of(x), x.dtype), float)
    return number(value)


def show(number: Any) -> str:
    """Return a number with the digits that a reader compares."""
    return f"{number:.9g}" if isinstance(number, (float, complex)) else str(number)
