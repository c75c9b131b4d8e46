"""Strategies of hypothesis for arrays of any backend, on any of its devices."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from nnarray._messages import missing_extra, unknown_name
from nnarray.backends import Backend, select
from nnarray.testing import _numbers as num

try:
    from hypothesis import strategies as st
    from hypothesis.extra import numpy as numpy_strategies
except ImportError:
    raise ImportError(missing_extra("hypothesis", "test", "nnarray.testing.strategies")) from None

__all__ = ["arrays", "axes", "dtypes", "floating_dtypes", "shapes"]

Library = str | ModuleType | Backend


def dtypes(backend: Library, *, device: Any = None, kind: str | Sequence[str] | None = None) -> st.SearchStrategy[str]:
    """Return a strategy for the names of the dtypes that a backend has on a device.

    Parameters
    ----------
    backend : str or module
        A backend, as for `nnarray.set_backend`.
    device : optional
        One of its devices; None for its default.
    kind : str or sequence of str, optional
        One or more of the standard's kinds, such as ``"real floating"`` or ``"integral"``; None for all.

    Examples
    --------
    >>> from hypothesis import find
    >>> from nnarray.testing import strategies
    >>> find(strategies.dtypes("numpy", kind="bool"), lambda name: True)
    'bool'
    """
    adapter, place = select(backend, device, on_missing="raise")
    info = adapter.xp.__array_namespace_info__()
    if place is None:
        place = info.default_device()
    kinds = tuple(kind) if kind is not None and not isinstance(kind, str) else kind
    return st.sampled_from(sorted(info.dtypes(device=place, kind=kinds), key=_simplicity))


def floating_dtypes(backend: Library, *, device: Any = None) -> st.SearchStrategy[str]:
    """Return a strategy for the names of the real floating-point dtypes of a backend; arguments as for `dtypes`."""
    return dtypes(backend, device=device, kind="real floating")


def shapes(*, min_dims: int = 0, max_dims: int = 3, min_side: int = 1, max_side: int = 4) -> Any:
    """Return a strategy for shapes, from small to large; ``min_side=0`` adds arrays without elements.

    Examples
    --------
    >>> from hypothesis import find
    >>> from nnarray.testing import strategies
    >>> find(strategies.shapes(min_dims=1), lambda shape: True)
    (1,)
    """
    return numpy_strategies.array_shapes(min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=max_side)


def axes(ndim: int) -> st.SearchStrategy[int]:
    """Return a strategy for an axis of an array with `ndim` axes, counted from either end."""
    if ndim < 1:
        raise ValueError(f"An array without axes has none to choose: received ndim={ndim}.")
    return st.integers(-ndim, ndim - 1).map(lambda axis: axis if axis >= 0 else -1 - (axis + ndim))


def arrays(
    backend: Library,
    dtype: Any = "float32",
    shape: Any = None,
    *,
    device: Any = None,
    elements: Any = None,
    unique: bool = False,
) -> st.SearchStrategy[Any]:
    """Return a strategy for arrays of a backend.

    Values are drawn by hypothesis' strategies for NumPy, which shrink well, and are then moved to the backend.

    Parameters
    ----------
    backend : str or module
        A backend, as for `nnarray.set_backend`.
    dtype : str, dtype of the library, or strategy for them
        Such as ``"float64"``, or ``floating_dtypes(backend)``.
    shape : int, tuple of int, or strategy for them, optional
        By default `shapes`.
    device : optional
        One of the backend's devices; None for its default.
    elements : dict or strategy, optional
        Bounds for the elements, such as ``{"min_value": 0, "max_value": 1}``, or a strategy for them. By default
        floating-point elements are finite, and not subnormal, which some devices take for zero.
    unique : bool
        Whether all elements of an array must differ.

    Returns
    -------
    strategy
        Draws raw arrays.

    Raises
    ------
    ValueError
        If the backend has no such dtype on the device.

    Examples
    --------
    >>> from hypothesis import find
    >>> from nnarray.testing import strategies
    >>> find(strategies.arrays("numpy", "float64", (2,)), lambda x: x[0] > 1)
    array([2., 2.])
    """
    adapter, place = select(backend, device, on_missing="raise")
    size = shapes() if shape is None else shape

    def of_dtype(chosen: Any) -> st.SearchStrategy[Any]:
        name = chosen if isinstance(chosen, str) else num.short(chosen)
        if not adapter.has_dtype(name, place):
            known = adapter.xp.__array_namespace_info__().dtypes(device=place)
            raise ValueError(unknown_name(f"dtype of backend {adapter.name!r}", name, known))
        own = getattr(adapter.xp, name)
        # NumPy has no bfloat16: its values are float32 whose lower half is zero.
        drawn = np.dtype("float32" if name == "bfloat16" else name)
        bounds = elements
        if bounds is None and drawn.kind in "fc":
            bounds = {"allow_nan": False, "allow_infinity": False, "allow_subnormal": False}
        elif isinstance(bounds, dict) and drawn.kind in "fc":
            bounds = {"allow_nan": False, "allow_infinity": False, "allow_subnormal": False, **bounds}
        values = numpy_strategies.arrays(drawn, size, elements=bounds, unique=unique)
        if name == "bfloat16":
            values = values.map(lambda x: (x.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32))
            values = values.filter(lambda x: not unique or len(np.unique(x)) == x.size)
        return values.map(lambda x: adapter.asarray(np.asarray(x), own, place))

    return dtype.flatmap(of_dtype) if isinstance(dtype, st.SearchStrategy) else of_dtype(dtype)


def _simplicity(name: str) -> tuple[int, str]:
    """Order dtypes as hypothesis shrinks: towards float32."""
    order = ("float32", "float64", "int32", "int64", "bool")
    return (order.index(name) if name in order else len(order), name)
