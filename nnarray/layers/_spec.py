"""Shapes and dtypes of results, seen by computing on examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nnarray._trees import leaves_of, tree_map
from nnarray.array import Array
from nnarray.backends import backend_of
from nnarray.layers._shapes import Shape

#: Numbers of examples that are tried: an axis whose length differs between them is the batch's.
_BATCHES = (2, 3)


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

    Raises
    ------
    ValueError
        If a length other than the batch's is not known.
    """
    for spec in leaves_of((args, kwargs)):
        if isinstance(spec, Spec) and None in spec.shape[1:]:
            raise ValueError(f"Inputs of known shape are needed, but for the batch: received {spec.shape}.")

    def results(size: int) -> Any:
        def example(leaf: Any) -> Any:
            if not isinstance(leaf, Spec):
                return leaf
            return make(np.ones([size if n is None else n for n in leaf.shape], dtype=leaf.dtype))

        made_args, made_kwargs = tree_map(example, (args, kwargs))
        return function(*made_args, **made_kwargs)

    with np.errstate(all="ignore"):
        return _merged([results(size) for size in _BATCHES])


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
