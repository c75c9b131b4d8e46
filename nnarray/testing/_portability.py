"""Code that stays in the library and on the device of its arrays, and code that does not, with the line that left."""

from __future__ import annotations

import linecache
import os
import sys
import sysconfig
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from nnarray._messages import describe, missing_extra
from nnarray._trees import flatten, leaves_of, unflatten
from nnarray.array import Array, as_array
from nnarray.backends import backend_of
from nnarray.testing import _numbers as num

_PACKAGE = os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120 -- compared with file names of frames
_LIBRARIES = (
    *(sysconfig.get_path(name) + os.sep for name in ("stdlib", "purelib", "platlib")),
    *(os.path.join(_PACKAGE, floor) + os.sep for floor in ("array", "autodiff", "backends", "testing")),  # noqa: PTH118
)
_CONVERSIONS = {
    **{"__float__": "float(x)", "__int__": "int(x)", "__bool__": "bool(x), or a branch on an array,"},
    **{"__complex__": "complex(x)", "__index__": "an array as an index or length"},
}
#: One call at a time may change the class whose arrays it watches.
_lock = threading.RLock()
_TRANSFER = "from_dlpack(x)"
_CURE = (
    "Take the functions of the array's own namespace, xp = array_api_compat.array_namespace(x) or "
    "nnarray.array_namespace(x); only those in the standard; and make new arrays with device=x.device."
)


def assert_namespace_kept(f: Callable[..., Any], /, *args: Any, allow_scalars: bool = False, **kwargs: Any) -> None:
    """Assert that a function leaves neither the library nor the device of the arrays that it is given.

    It is called twice. On the arguments as they are: every array in its result must be of their library, on their
    device. Then on the same values as arrays of array-api-strict on a device that is not the CPU, which refuse what
    is not in the standard, conversion to NumPy, arrays of other libraries beside them, and arrays on another device;
    and which in this call refuse to become numbers of Python too.

    Parameters
    ----------
    f : callable
        The function to check.
    *args, **kwargs
        Its arguments: arrays of one library on one device, Arrays, trees of them, anything else as it is.
    allow_scalars : bool
        Whether ``float(x)``, ``int(x)``, ``bool(x)``, ``if x:`` and the like may be used. Each copies a number to the
        host, and waits for the device.

    Raises
    ------
    AssertionError
        If it leaves. The message has the line of the checked code that did, and the cure.
    ImportError
        If array-api-strict is not installed.
    TypeError
        If no argument is an array, or they are of several libraries.

    Notes
    -----
    Found is what a call with these arguments comes by: `numpy.asarray` and NumPy functions on a foreign array, other
    libraries' functions, methods and functions beyond the standard (such as ``x.item()``, ``x.mean()``,
    ``xp.einsum``), arrays made on the default device, results of another library or device, `from_dlpack`, numbers of
    Python made from arrays. Not found are branches that the call does not take, which code may choose by the type of
    its arrays, and copies to the host that the library makes inside of a function of the standard. During the second
    call conversions are watched in all threads.

    Examples
    --------
    >>> import numpy as np
    >>> from nnarray.testing import assert_namespace_kept
    >>> def softplus(x):
    ...     xp = x.__array_namespace__()
    ...     return xp.log1p(xp.exp(x))
    >>> assert_namespace_kept(softplus, np.asarray([1.0, 2.0]))
    >>> assert_namespace_kept(lambda x: np.log1p(np.exp(x)), np.asarray([1.0, 2.0]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: On arrays of array_api_strict on device1 the function raised ...
    """
    tree: Any = (args, kwargs)
    leaves, structure = flatten(tree)
    arrays = [num.raw(leaf) for leaf in leaves if num.is_array(leaf)]
    if not arrays:
        raise TypeError("assert_namespace_kept needs an array among the arguments of the function.")
    backend, device = backend_of(arrays[0]), backend_of(arrays[0]).device_of(arrays[0])
    _assert_kept(arrays, backend, device, "argument", TypeError)
    with backend.activate(device):
        result = f(*args, **kwargs)
    _assert_kept(leaves_of(result), backend, device, "result", AssertionError)

    strict, elsewhere = _strict_device()
    leaks: list[str] = []
    with _lock:
        moved = [_moved(leaf, strict, elsewhere) if num.is_array(leaf) else leaf for leaf in leaves]
    moved_args, moved_kwargs = unflatten(structure, moved)
    with _lock, _watched(type(strict.zeros(())), leaks, allow_scalars):
        try:
            result = f(*moved_args, **moved_kwargs)
        except Exception as error:
            where = _place(list(traceback.walk_tb(error.__traceback__))[1:])
            raise AssertionError(
                f"On arrays of array_api_strict on device1 the function raised {type(error).__name__}: {error}\n"
                f"{where}\n{_CURE}"
            ) from error
    if leaks:
        raise AssertionError(f"The function went on after it was refused: {leaks[0]}\n{_CURE}")
    _assert_kept(leaves_of(result), backend_of(strict.zeros(())), elsewhere, "result", AssertionError)


def _assert_kept(leaves: Any, backend: Any, device: Any, kind: str, error: type[Exception]) -> None:
    """Raise `error` if one of `leaves` is an array of another library or on another device."""
    for leaf in map(num.raw, leaves):
        if isinstance(leaf, Iterator):
            raise TypeError(
                "The function returned an iterator, whose code has not run yet: check lambda x: list(f(x)) instead."
            )
        if not num.is_array(leaf):
            continue
        found = backend_of(leaf)
        if found is not backend:
            raise error(
                f"An array of {backend.name} was given, and the {kind} holds one of {found.name}, of type "
                f"{type(leaf).__name__}. {_CURE}"
            )
        if (place := backend.device_of(leaf)) != device:
            raise error(f"An array on {device} was given, and the {kind} holds one on {place}. {_CURE}")


def _strict_device() -> tuple[Any, Any]:
    """Return array-api-strict and its device beside the CPU."""
    try:
        import array_api_strict as strict
    except ImportError:
        raise ImportError(missing_extra("array-api-strict", "test", "assert_namespace_kept")) from None
    return strict, strict.Device("device1")


def _moved(x: Any, strict: Any, device: Any) -> Any:
    """Return an array of any library as one of array-api-strict, which has no half precision, on `device`."""
    value = num.raw(x)
    backend, name = backend_of(value), num.short(value.dtype)
    if name in ("float16", "bfloat16"):
        value, name = backend.xp.astype(value, backend.xp.float32), "float32"
    if not hasattr(strict, name):
        raise TypeError(f"assert_namespace_kept takes arrays of the standard's dtypes: received {describe(value)}.")
    moved = strict.asarray(backend.to_numpy(value), dtype=getattr(strict, name), device=device)
    return as_array(moved) if isinstance(x, Array) else moved


@contextmanager
def _watched(cls: type, leaks: list[str], allow_scalars: bool) -> Iterator[None]:
    """Let arrays of a class refuse to become numbers of Python or another library's arrays, and note who asked."""
    library = cls.__module__.partition(".")[0]
    words = {"__dlpack__": _TRANSFER} if allow_scalars else {**_CONVERSIONS, "__dlpack__": _TRANSFER}

    def refusing(method: Callable[..., Any], form: str) -> Callable[..., Any]:
        def refuse(self: Any, *args: Any, **kwargs: Any) -> Any:
            frame = sys._getframe(1)
            if frame.f_globals.get("__name__", "").partition(".")[0] == library:
                return method(self, *args, **kwargs)
            if form == _TRANSFER:
                what = f"{form} hands an array to another library."
            else:
                what = f"{form} copies a number to the host and waits for the device. Compute with arrays, with "
                what += "xp.where in place of a branch; or pass allow_scalars=True."
            leaks.append(f"{what}\n{_place(list(traceback.walk_stack(frame))[::-1])}")
            raise TypeError(what)

        return refuse

    known = {name: vars(cls)[name] for name in words if name in vars(cls)}
    try:
        for name, method in known.items():
            setattr(cls, name, refusing(method, words[name]))
        yield
    finally:
        for name, method in known.items():
            setattr(cls, name, method)


def _place(frames: list[tuple[FrameType, int]]) -> str:
    """Return file, line and source of the last frame of the checked code, beneath which libraries were at work."""
    own = [(frame, line) for frame, line in frames if not frame.f_code.co_filename.startswith((*_LIBRARIES, "<frozen"))]
    if not (own or frames):
        return "  (not in Python code)"
    frame, line = (own or frames)[-1]
    name = frame.f_code.co_filename
    source = linecache.getline(name, line, frame.f_globals).strip()
    return f'  File "{name}", line {line}, in {frame.f_code.co_name}\n    {source}'
