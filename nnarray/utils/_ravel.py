"""A tree of arrays as one vector, as optimizers such as SciPy's take it, and back."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from nnarray._messages import describe
from nnarray._trees import Structure, flatten_with_accessors, unflatten
from nnarray.array import Array, array_namespace, as_array
from nnarray.backends import Backend, backend_of, convert, find_backend, get_backend


class _Leaf(NamedTuple):
    shape: tuple[int, ...]
    dtype: str
    device: Any

    @property
    def size(self) -> int:
        return math.prod(self.shape)


def ravel(tree: Any, dtype: str | None = None) -> tuple[Any, Callable[[Any], Any]]:
    """Return the elements of a tree's arrays one behind the other, and the function that puts them back.

    Parameters
    ----------
    tree : tree of arrays, or of Variables, which count as their arrays
        Nested dicts, lists, tuples, dataclasses; all of one library.
    dtype : str, optional
        Of the vector, such as ``"float64"`` for SciPy's optimizers. By default the one that holds all arrays' dtypes.

    Returns
    -------
    vector : array of the library of the leaves, shape (n,)
        Recorded if a leaf is, so that gradients pass.
    unravel : callable
        ``unravel(vector)`` returns the tree with the elements of an array of shape (n,), of any library, in the leaves'
        shapes, dtypes and library. Gradients pass.

    Raises
    ------
    TypeError
        If a leaf is not an array, if the libraries differ, or if no dtype holds all leaves.
    ValueError
        If `unravel` is given another length.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> vector, unravel = nna.utils.ravel({"w": np.ones((2, 2)), "b": np.zeros(1)})
    >>> vector
    array([0., 1., 1., 1., 1.])
    >>> unravel(2 * vector)["w"]
    array([[2., 2.],
           [2., 2.]])
    """
    accessors, found, structure = flatten_with_accessors(tree)
    leaves = [_array(x, f"Leaf tree{accessor.codify('')}") for x, accessor in zip(found, accessors, strict=True)]
    raw = [x.value if isinstance(x, Array) else x for x in leaves]
    backends = dict.fromkeys(backend_of(x) for x in raw) or {get_backend("numpy"): None}
    if len(backends) > 1:
        names = " and ".join(repr(backend.name) for backend in backends)
        raise TypeError(f"The arrays must be of one library: received arrays of {names}. Convert them first.")
    (backend,) = backends
    forms = [_Leaf(tuple(x.shape), backend.dtype_name(x.dtype), backend.device_of(x)) for x in raw]
    name = dtype or _common([form.dtype for form in forms], raw, backend)
    unravel = _Unravel(structure, forms, backend)
    if not leaves:
        return backend.xp.zeros((0,), dtype=getattr(backend.xp, name)), unravel
    if any(isinstance(x, Array) for x in leaves):
        leaves = [as_array(x) for x in leaves]
    if not backend.has_dtype(name, forms[0].device):
        raise TypeError(f"Backend {backend.name!r} has no {name} there: received dtype={dtype!r}.")
    xp = array_namespace(leaves[0])
    kind = getattr(xp, name)
    if not name.startswith("complex") and any(form.dtype.startswith("complex") for form in forms):
        raise TypeError(f"Complex arrays need a complex vector: received dtype={name!r}. Use dtype='complex128'.")
    return xp.concat([xp.astype(xp.reshape(x, (-1,)), kind, copy=False) for x in leaves]), unravel


class _Unravel:
    def __init__(self, structure: Structure, forms: list[_Leaf], backend: Backend) -> None:
        self._structure = structure
        self._forms = forms
        self._backend = backend
        self._length = sum(form.size for form in forms)

    def __call__(self, vector: Any) -> Any:
        vector = _array(vector, "The vector")
        if tuple(vector.shape) != (self._length,):
            raise ValueError(f"The vector must have shape ({self._length},): received {describe(vector)}.")
        raw = vector.value if isinstance(vector, Array) else vector
        if self._backend not in (backend_of(raw), backend_of(raw).traced):
            if isinstance(vector, Array) and vector.node is not None:
                raise TypeError(
                    f"A recorded vector must be of the arrays' library, {self._backend.name!r}: received one of "
                    f"{backend_of(raw).name!r}."
                )
            vector = convert(raw, self._backend, None, self._forms[0].device)
        xp = array_namespace(vector)
        pieces, start = [], 0
        for form in self._forms:
            piece = xp.reshape(vector[start : start + form.size], form.shape)
            pieces.append(xp.astype(piece, getattr(xp, form.dtype)))
            start += form.size
        return unflatten(self._structure, pieces)


def _array(x: Any, what: str) -> Any:
    value = getattr(x, "__nnarray_value__", None)
    x = x if value is None else value()
    if not isinstance(x, Array) and find_backend(x) is None:
        raise TypeError(f"{what} must be an array: received {describe(x)}.")
    return x


def _common(names: list[str], raw: list[Any], backend: Backend) -> str:
    if len(set(names)) <= 1:
        return names[0] if names else "float32"
    try:
        return backend.dtype_name(backend.xp.result_type(*(x.dtype for x in raw)))
    except TypeError:
        raise TypeError(
            f"No dtype of the standard holds {', '.join(sorted(set(names)))}. Give one, such as dtype='float64'."
        ) from None
