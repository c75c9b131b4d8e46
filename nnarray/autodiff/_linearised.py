"""A function at a point: its result and its derivative there, of which all transforms are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nnarray._messages import describe
from nnarray._trees import flatten, unflatten
from nnarray.array import Array, as_array
from nnarray.autodiff._backward import Tape
from nnarray.autodiff._sources import (
    Sources,
    check_numbers,
    on_device,
    own_copies,
    pair_of,
    source_of,
    watching,
    zeros_like,
)
from nnarray.backends import find_backend


class Linearised:
    """A function at a point: its result there, and its derivative, to be multiplied from either side.

    Attributes
    ----------
    arguments : list of Array
        The leaves of the primals, each the source of its part of the tape.
    results : list
        The leaves of the result as the function returned them.
    result, auxiliary : tree
        What the caller gets.
    """

    def __init__(
        self, fun: Callable[..., Any], primals: Sequence[Any], has_aux: bool = False, kind: str = "result"
    ) -> None:
        self._sources = Sources(tuple(primals))
        self.structure, self.arguments = self._sources.structure, self._sources.arrays
        self.as_arrays = self._sources.as_arrays
        result: Any = self._sources.run(lambda arguments: fun(*arguments))
        auxiliary: Any = None
        if has_aux:
            result, auxiliary = pair_of(result, kind)
        if kind == "scalar":
            _check_scalar(result)
        self.results, self.result_structure = flatten(result)
        check_numbers(self.results, self.arguments)
        others, other_structure = flatten(auxiliary)
        roots = [_node(leaf) for leaf in self.results]
        found = [node for node in map(_node, others) if node is not None]
        self.tape = Tape(roots, found, self._sources.nodes)
        self.result = unflatten(self.result_structure, [self.release(leaf) for leaf in self.results])
        self.auxiliary = unflatten(other_structure, [self.release(leaf) for leaf in others])

    def release(self, x: Any) -> Any:
        """Return a leaf of the result as the caller gets it."""
        if not isinstance(x, Array) or self.tape.nested:
            return x
        return Array(x.value, x.namespace) if self.as_arrays else x.value

    def gradient(self) -> Any:
        """Return the gradient of a scalar result. Consumes the tape, and forgets the result's place on it."""
        (result,) = self.results
        self.results = []
        seed = None
        if isinstance(result, Array):
            seed = result.namespace.raw.ones_like(result.value)
            seed = Array(seed, result.namespace) if self.tape.nested else seed
        del result
        return self._pulled([seed], self.as_arrays or self.tape.nested, keep=False)

    def pull_back(self, cotangent: Any) -> Any:
        """Return ``Jᵀ u``, any number of times."""
        leaves = _like(self.results, self.result_structure, cotangent, "The cotangent", "the result of the function")
        recorded = self.tape.nested or any(_node(leaf) is not None for leaf in leaves)
        as_arrays = recorded or self.as_arrays or any(isinstance(leaf, Array) for leaf in leaves)
        seeds = [_seed(leaf, result, recorded) for leaf, result in zip(leaves, self.results, strict=True)]
        return self._pulled(seeds, as_arrays, keep=True)

    def _pulled(self, seeds: Sequence[Any], as_arrays: bool, keep: bool) -> Any:
        with on_device(self.arguments):
            found = [
                zeros_like(source) if g is None else as_array(g)
                for source, g in zip(self.arguments, self.tape.pull_back(seeds, keep), strict=True)
            ]
            return unflatten(self.structure, own_copies(found, raw=not as_arrays))

    def transposed(self, keep: bool = False) -> Callable[[Any], Any]:
        """Return the function t ↦ ``J t``, which serves once unless kept. Consumes the tape."""
        depends = [leaf for leaf in self.results if _node(leaf) is not None]
        cotangents = [source_of(zeros_like(leaf)) for leaf in depends]
        nodes = [u.node for u in cotangents if u.node is not None]
        seeds = iter(cotangents)
        with on_device(self.arguments), watching(nodes):
            pulled = self.tape.pull_back([None if _node(leaf) is None else next(seeds) for leaf in self.results])
        tape = Tape([_node(g) for g in pulled], [], nodes)

        def push(tangents: Any) -> Any:
            directions = _like(self.arguments, self.structure, tangents, "tangents", "the primals")
            recorded = tape.nested or self.tape.nested or any(_node(leaf) is not None for leaf in directions)
            as_arrays = recorded or self.as_arrays or any(isinstance(leaf, Array) for leaf in directions)
            seeds = [_seed(t, x, recorded) for t, x in zip(directions, self.arguments, strict=True)]
            with on_device(self.arguments):
                moved = tape.pull_back(seeds, keep)
                found = [zeros_like(u) if t is None else as_array(t) for u, t in zip(cotangents, moved, strict=True)]
                given = iter(own_copies(found, raw=not as_arrays))
            tangent = [_zero(leaf, as_arrays) if _node(leaf) is None else next(given) for leaf in self.results]
            return unflatten(self.result_structure, tangent)

        return push


def _node(x: Any) -> Any:
    return x.node if isinstance(x, Array) else None


def _zero(x: Any, as_arrays: bool) -> Any:
    """Return the tangent of a constant: zeros, and what is no number as it is."""
    if not isinstance(x, Array) and find_backend(x) is None:
        return x * 0 if isinstance(x, (int, float, complex)) else x
    zero = zeros_like(as_array(x))
    return zero if as_arrays and isinstance(x, Array) else zero.value


def _seed(given: Any, like: Any, recorded: bool) -> Any:
    """Return a cotangent for a tape: an Array if the pass is recorded, else a raw array."""
    if not isinstance(like, Array):
        return None
    return as_array(given) if recorded else as_array(given).value


def _like(leaves: Sequence[Any], structure: Any, given: Any, name: str, of: str) -> list[Any]:
    """Return the leaves of the tree `given`, which must have the structure, shapes and dtypes of `leaves`.

    Python numbers become arrays.
    """
    found, found_structure = flatten(given)
    if found_structure != structure:
        raise TypeError(f"{name} must have the tree of {of}, {structure}: received {found_structure}.")
    for i, (leaf, x) in enumerate(zip(found, leaves, strict=True)):
        if not isinstance(x, Array):
            continue
        if isinstance(leaf, (int, float, complex)) and find_backend(leaf) is None:
            backend = x.namespace.backend
            leaf = found[i] = backend.asarray(leaf, x.dtype, backend.device_of(x.value))
        held = isinstance(leaf, Array) or find_backend(leaf) is not None
        if not held or leaf.dtype != x.dtype or tuple(leaf.shape) != x.shape:
            raise TypeError(f"{name} must have shape {x.shape} and dtype {x.dtype} of {of}: received {describe(leaf)}.")
    return found


def _check_scalar(result: Any) -> None:
    shape = getattr(result, "shape", None if not isinstance(result, (int, float)) else ())
    if shape is None or tuple(shape) != ():
        raise TypeError(
            f"The function to differentiate must return a scalar, an array of shape (): received {describe(result)}. "
            "Reduce it, for example with xp.sum or xp.mean."
        )
    if isinstance(result, (int, float)) and not isinstance(result, bool):
        return
    field = "" if isinstance(result, bool) else (x := as_array(result)).namespace.field_of(x.dtype)
    if field == "complex":
        raise TypeError(f"The function to differentiate must return a real scalar: received {describe(result)}.")
    if not field:
        raise TypeError(
            "The function to differentiate must return a floating-point scalar: positions, counts and truth values "
            f"have slope zero wherever they have one. Received {describe(result)}."
        )
