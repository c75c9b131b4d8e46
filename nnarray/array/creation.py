"""Arrays made from nothing or in the likeness of another: none depends on a value, so none has a derivative."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nnarray._messages import describe
from nnarray._refusals import unknown_value
from nnarray.array._function import Function
from nnarray.array._indexing import is_traced

NEW = "its result depends on no array's values"


def _arange(xp: Any, *numbers: Any, **others: Any) -> Any:
    return xp.arange(*map(_number, numbers), **{name: _number(x) for name, x in others.items()})


def _number(x: Any) -> Any:
    """Return a number for an Array: how many elements a range has depends on it."""
    if is_traced(x):
        raise unknown_value("The shape of what arange returns")
    if getattr(x, "node", None) is not None:
        raise TypeError(
            "The number of elements of xp.arange has no derivative by its bounds: received a recorded array, "
            f"{describe(x)}. Write start + step * xp.arange(n)."
        )
    if not hasattr(x, "namespace"):
        return x
    return int(x) if x.namespace.backend.xp.isdtype(x.dtype, "integral") else float(x)


def _full(xp: Any, shape: Any, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Any:
    fill_value = xp.asarray(fill_value, dtype=dtype, device=device)
    return xp.asarray(xp.broadcast_to(fill_value, (shape,) if isinstance(shape, int) else shape), copy=True)


def _full_like(xp: Any, x: Any, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Any:
    x = xp.asarray(x)
    return _full(xp, x.shape, fill_value, dtype=x.dtype if dtype is None else dtype, device=device or x.device)


def _linspace(
    xp: Any, start: Any, stop: Any, num: int, *, dtype: Any = None, device: Any = None, endpoint: bool = True
) -> Any:
    device = next(x.device for x in (start, stop) if hasattr(x, "node")) if device is None else device
    start, stop = (xp.asarray(x, device=device) for x in (start, stop))
    share = xp.linspace(0.0, 1.0, num, dtype=_floating(start, stop), device=device, endpoint=endpoint)
    made = start * (1.0 - share) + stop * share
    return made if dtype is None else xp.astype(made, dtype)


def _floating(*arrays: Any) -> Any:
    """Return the dtype that is to hold numbers between arrays, None for the library's default."""
    xp = arrays[0].namespace
    found = [x for x in arrays if x.namespace.field_of(x.dtype)]
    return xp.result_type(*(x.dtype for x in found)) if found else None


_OF_ARRAYS: dict[str, Callable[..., Any]] = {"arange": _arange, "full": _full, "linspace": _linspace}
for name, signature in {
    "arange": "start, /, stop=None, step=1, *, dtype=None, device=None",
    "empty": "shape, *, dtype=None, device=None",
    "eye": "n_rows, n_cols=None, /, *, k=0, dtype=None, device=None",
    "full": "shape, fill_value, *, dtype=None, device=None",
    "linspace": "start, stop, /, num, *, dtype=None, device=None, endpoint=True",
    "ones": "shape, *, dtype=None, device=None",
    "zeros": "shape, *, dtype=None, device=None",
}.items():
    Function(name, signature, constant=NEW, arrays=(), of_arrays=_OF_ARRAYS.get(name))

Function("tril", "x, /, *, k=0", {"x": lambda xp, g, k: xp.tril(g, k=k)})
Function("triu", "x, /, *, k=0", {"x": lambda xp, g, k: xp.triu(g, k=k)})

for name, signature in {
    "empty_like": "x, /, *, dtype=None, device=None",
    "ones_like": "x, /, *, dtype=None, device=None",
    "zeros_like": "x, /, *, dtype=None, device=None",
}.items():
    Function(name, signature, constant=NEW)
Function("full_like", "x, /, fill_value, *, dtype=None, device=None", constant=NEW, arrays=("x",), of_arrays=_full_like)
