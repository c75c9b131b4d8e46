"""Closeness of arrays, Arrays, numbers and trees of them, of any libraries."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnarray._messages import describe
from nnarray._trees import flatten, flatten_with_accessors
from nnarray.backends import backend_of
from nnarray.testing import _numbers as num

#: Relative tolerance by dtype: NumPy's habit in float64, below it a hundred or, in half precision, a few roundings.
RTOL = {"float64": 1e-7, "float32": 1e-5, "float16": 4e-3, "bfloat16": 3e-2}
_LEAVES = 10


def assert_close(
    actual: Any,
    desired: Any,
    rtol: float | None = None,
    atol: float | None = None,
    *,
    check_dtype: bool = True,
    equal_nan: bool = True,
) -> None:
    """Assert that two arrays, numbers, or nested dicts, lists and tuples of them agree in every element.

    Parameters
    ----------
    actual, desired : array, Array, number, or tree of them
        Arrays may be of any library and on any device, and each side of another one. They are compared on the host,
        and nothing is broadcast.
    rtol, atol : float, optional
        ``|actual - desired|`` may be ``atol + rtol * |desired|``. By default, for the less accurate dtype of the two:
        rtol 1e-7 in float64, 1e-5 in float32, 4e-3 in float16, 3e-2 in bfloat16, complex as their parts; atol a tenth
        of that, of 1 or of the greatest desired element. Integers and truth values must be equal.
    check_dtype : bool
        Whether two arrays must have the same dtype, by name. Numbers and lists have none.
    equal_nan : bool
        Whether NaN equals NaN.

    Raises
    ------
    AssertionError
        If they differ in tree, shape, dtype or value. The message has for every leaf that does its path, how many
        elements are off, and of the worst its index, both values and what is allowed.

    Examples
    --------
    >>> import numpy as np
    >>> from nnarray.testing import assert_close
    >>> assert_close(np.asarray([1.0, 2.0]), [1.0, 2.0 + 1e-9])
    >>> assert_close({"w": np.asarray([1.0, 2.5, 4.0])}, {"w": np.asarray([1.0, 2.0, 3.0])})
    Traceback (most recent call last):
    AssertionError: assert_close: ['w']: 2 of 3 elements are off. Worst at index (2,): 4 instead of 3, allowed ±3.3e-07.
    """
    for name, value in (("rtol", rtol), ("atol", atol)):
        if value is not None and not value >= 0:
            raise ValueError(f"{name} must be at least 0: received {name}={value!r}.")
    if num.is_array(desired) and isinstance(actual, (list, tuple)):
        actual = np.asarray(actual)
    accessors, leaves, structure = flatten_with_accessors(actual)
    try:
        others = structure.flatten_up_to(desired)
    except (TypeError, ValueError):
        raise AssertionError(f"assert_close: the trees differ: {structure} instead of {flatten(desired)[1]}.") from None
    wrong = []
    for accessor, leaf, other in zip(accessors, leaves, others, strict=True):
        if difference := _difference(leaf, other, rtol, atol, check_dtype, equal_nan):
            path = accessor.codify("")
            wrong.append(f"assert_close: {path + ': ' if path else ''}{difference}")
    if len(wrong) > _LEAVES:
        wrong[_LEAVES:] = [f"… and {len(wrong) - _LEAVES} more of the {len(leaves)} leaves."]
    if wrong:
        raise AssertionError("\n".join(wrong))


def _difference(
    actual: Any, desired: Any, rtol: float | None, atol: float | None, check_dtype: bool, equal_nan: bool
) -> str:
    """Say how two leaves differ; nothing if they do not."""
    a, actual_dtype = _on_host(actual)
    b, desired_dtype = _on_host(desired)
    if a.shape != b.shape:
        return f"shape {a.shape} instead of {b.shape}."
    if a.dtype.kind not in "biufc" or b.dtype.kind not in "biufc":
        return "" if np.array_equal(a, b) else f"{describe(actual)} instead of {describe(desired)}."
    if check_dtype and None not in (actual_dtype, desired_dtype) and actual_dtype != desired_dtype:
        return f"dtype {actual_dtype} instead of {desired_dtype}. Pass check_dtype=False to compare the values alone."
    relative, absolute = _tolerances(a, b, actual_dtype, desired_dtype)
    relative, absolute = relative if rtol is None else rtol, absolute if atol is None else atol
    if a.dtype.kind in "biu" and b.dtype.kind in "biu":
        return _whole_difference(a, b, relative, absolute)
    with np.errstate(invalid="ignore", over="ignore"):
        allowed = absolute + relative * np.abs(np.where(np.isfinite(b), b, 0))
        error = np.abs(a - b)
        fine = (a == b) | (np.isfinite(b) & (error <= allowed))
    if equal_nan:
        fine |= np.isnan(a) & np.isnan(b)
    if np.all(fine):
        return ""
    excess = np.where(fine, -1.0, np.nan_to_num(error - allowed, nan=np.inf))
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(excess)), a.shape))
    off = f"{int(np.sum(~fine))} of {a.size} elements are off. Worst at index {index}: " if a.shape else ""
    values = f"{num.show(a[index].item())} instead of {num.show(b[index].item())}"
    return f"{off}{values}, allowed ±{float(allowed[index]):.2g}."


def _whole_difference(a: np.ndarray, b: np.ndarray, relative: float, absolute: float) -> str:
    """Say how two arrays of integers or truth values differ, counted in Python's integers, which do not wrap."""
    off = []
    for index in zip(*np.nonzero(np.atleast_1d(a != b)), strict=True):
        index = tuple(map(int, index)) if a.shape else ()
        x, y = int(a[index]), int(b[index])
        allowed = absolute + relative * abs(y)
        if not abs(x - y) <= allowed:
            off.append((abs(x - y) - allowed, index, allowed))
    if not off:
        return ""
    _, index, allowed = max(off)
    place = f"{len(off)} of {a.size} elements are off. Worst at index {index}: " if a.shape else ""
    return f"{place}{a[index].item()} instead of {b[index].item()}, allowed ±{allowed:.2g}."


def _on_host(x: Any) -> tuple[np.ndarray, str | None]:
    """Return a leaf as a NumPy array with 64-bit numbers, and the name of its dtype if it is an array."""
    x = num.raw(x)
    if not num.is_array(x):
        try:
            return np.asarray(x), None
        except ValueError:
            return np.asarray(None), None
    backend, dtype = backend_of(x), num.short(x.dtype)
    if dtype == "bfloat16":
        x = backend.xp.astype(x, backend.xp.float32)
    host = np.asarray(backend.to_numpy(x))
    wide = {"f": np.float64, "c": np.complex128}.get(host.dtype.kind, host.dtype)
    return host.astype(wide), dtype


def _tolerances(a: np.ndarray, b: np.ndarray, *dtypes: str | None) -> tuple[float, float]:
    if a.dtype.kind in "biu" and b.dtype.kind in "biu":
        return 0.0, 0.0
    real = {"complex64": "float32", "complex128": "float64"}
    known = [real.get(dtype, dtype) for dtype in dtypes if dtype is not None]
    rtol = max((RTOL[name] for name in known if name in RTOL), default=RTOL["float64"])
    return rtol, 0.1 * rtol * float(np.max(np.abs(b[np.isfinite(b)]), initial=1.0))
