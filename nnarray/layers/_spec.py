"""Shapes and dtypes of results, seen by computing on examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nnarray._trees import tree_map
from nnarray.array import Array
from nnarray.backends import backend_of
from nnarray.layers._shapes import Shape

#: Numbers of examples that are tried, and for axes of unknown length: one whose length differs then is unknown too.
_TRIED = (2, 3)


class Spec:
    """Shape and dtype of an array.

    Attributes
    ----------
    shape : tuple of int or None
        None where it is not known, as for the batch.
    dtype : str
    """

    def __init__(self, shape: Shape, dtype: str) -> None:
        self.shape = shape
        self.dtype = dtype

    def __repr__(self) -> str:
        return f"{type(self).__name__}(shape={self.shape}, dtype={self.dtype!r})"


def specs_of(tree: Any, dtype: str) -> Any:
    """Return a `Spec` for each array of a tree, None for the batch and `dtype` for floating-point ones."""

    def spec(x: Any) -> Any:
        if isinstance(x, Spec) or getattr(x, "shape", None) is None:
            return x
        backend = backend_of(x.value if isinstance(x, Array) else x)
        is_float = backend.xp.isdtype(x.dtype, "real floating")
        return Spec((None, *x.shape[1:]), dtype if is_float else backend.dtype_name(x.dtype))

    return tree_map(spec, tree)


def spec_of_results(
    function: Callable[..., Any], args: Any, kwargs: dict[str, Any], make: Callable[[np.ndarray], Any]
) -> Any:
    """Return the results of a function as a tree of `Spec`, where those in the arguments stand for arrays.

    Parameters
    ----------
    function : callable
    args, kwargs : tuple and dict
    make : callable
        Gives the array of an example, from one of NumPy.
    """

    def results(size: int) -> Any:
        def example(leaf: Any) -> Any:
            if not isinstance(leaf, Spec):
                return leaf
            # Axes of unknown length have other lengths than the batch, each its own.
            shape = [size + 2 * axis if n is None else n for axis, n in enumerate(leaf.shape)]
            return make(_example(shape, leaf.dtype))

        made_args, made_kwargs = tree_map(example, (args, kwargs))
        return function(*made_args, **made_kwargs)

    with np.errstate(all="ignore"):
        return _merged([results(size) for size in _TRIED])


def _example(shape: list[int], dtype: str) -> np.ndarray:
    """Return numbers that nothing refuses: matrices that have an inverse and a root, indices of axes of any length."""
    if "float" not in dtype:
        return np.zeros(shape, dtype=dtype)
    return np.ones(shape, dtype=dtype) + (np.eye(shape[-2], shape[-1], dtype=dtype) if len(shape) > 1 else 0)


def _merged(outputs: list[Any]) -> Any:
    """Return the `Spec` of each array in the results for several sizes of batch."""
    first = outputs[0]
    if isinstance(first, dict):
        return {key: _merged([x[key] for x in outputs]) for key in first}
    if isinstance(first, (list, tuple)):
        made = [_merged(list(each)) for each in zip(*outputs, strict=True)]
        return made if isinstance(first, list) else tuple(made)
    if getattr(first, "shape", None) is None:
        return first
    raw = first.value if isinstance(first, Array) else first
    axes = zip(*(tuple(x.shape) for x in outputs), strict=True)
    shape = tuple(lengths[0] if len(set(lengths)) == 1 else None for lengths in axes)
    return Spec(shape, backend_of(raw).dtype_name(raw.dtype))
