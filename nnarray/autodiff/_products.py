"""Products with the Jacobian, from either side: `vjp` and `jvp`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nnarray._messages import describe
from nnarray._trees import flatten, unflatten
from nnarray.array import Array, as_array
from nnarray.autodiff._backward import Tape
from nnarray.autodiff._transforms import at_home, check_numbers, given_back, handed, pair_of, source_of, zeros_like
from nnarray.backends import find_backend


class Linearised:
    """A function at a point: its result there, and its derivative, to be multiplied from either side.

    Attributes
    ----------
    arguments : list of Array
        The leaves of the primals, each the source of its part of the tape.
    results : list
        The leaves of the result as the function returned them.
    """

    def __init__(self, fun: Callable[..., Any], primals: Sequence[Any], has_aux: bool = False) -> None:
        tree: Any = tuple(primals)
        leaves, self.structure = flatten(tree)
        self.as_arrays = any(isinstance(leaf, Array) for leaf in leaves)
        self.arguments = [source_of(leaf) for leaf in leaves]
        with at_home(self.arguments):
            result: Any = fun(*unflatten(self.structure, handed(self.arguments)))
        auxiliary: Any = None
        if has_aux:
            result, auxiliary = pair_of(result, "result")
        self.results, self.result_structure = flatten(result)
        check_numbers(self.results, self.arguments)
        others, other_structure = flatten(auxiliary)
        roots = [_node(leaf) for leaf in self.results]
        found = [node for node in map(_node, others) if node is not None]
        self.tape = Tape(roots, found, [source.node for source in self.arguments if source.node is not None])
        self.result = unflatten(self.result_structure, [self.release(leaf) for leaf in self.results])
        self.auxiliary = unflatten(other_structure, [self.release(leaf) for leaf in others])

    def release(self, x: Any) -> Any:
        """Return a leaf of the result as the caller gets it."""
        if not isinstance(x, Array) or self.tape.nested:
            return x
        return Array(x.value, x.namespace) if self.as_arrays else x.value

    def pull_back(self, cotangent: Any) -> Any:
        """Return ``Jᵀ u``, any number of times."""
        leaves = _like(self.results, self.result_structure, cotangent, "The cotangent", "the result of the function")
        recorded = self.tape.nested or any(_node(leaf) is not None for leaf in leaves)
        as_arrays = recorded or self.as_arrays or any(isinstance(leaf, Array) for leaf in leaves)
        seeds = [_seed(leaf, result, recorded) for leaf, result in zip(leaves, self.results, strict=True)]
        with at_home(self.arguments):
            pulled = self.tape.pull_back(seeds, keep=True)
            found = [
                zeros_like(source) if g is None else as_array(g)
                for source, g in zip(self.arguments, pulled, strict=True)
            ]
            return unflatten(self.structure, given_back(found, raw=not as_arrays))

    def transposed(self, keep: bool = False) -> Callable[[Any], Any]:
        """Return the function t ↦ ``J t``, which serves once unless kept. Consumes the tape."""
        depends = [leaf for leaf in self.results if _node(leaf) is not None]
        cotangents = [source_of(zeros_like(leaf)) for leaf in depends]
        seeds = iter(cotangents)
        with at_home(self.arguments):
            pulled = self.tape.pull_back([None if _node(leaf) is None else next(seeds) for leaf in self.results])
        tape = Tape([_node(g) for g in pulled], [], [u.node for u in cotangents if u.node is not None])

        def push(tangents: Any) -> Any:
            directions = _like(self.arguments, self.structure, tangents, "tangents", "the primals")
            recorded = tape.nested or self.tape.nested or any(_node(leaf) is not None for leaf in directions)
            as_arrays = recorded or self.as_arrays or any(isinstance(leaf, Array) for leaf in directions)
            seeds = [_seed(t, x, recorded) for t, x in zip(directions, self.arguments, strict=True)]
            with at_home(self.arguments):
                moved = tape.pull_back(seeds, keep)
                found = [zeros_like(u) if t is None else as_array(t) for u, t in zip(cotangents, moved, strict=True)]
                given = iter(given_back(found, raw=not as_arrays))
            tangent = [_zero(leaf, as_arrays) if _node(leaf) is None else next(given) for leaf in self.results]
            return unflatten(self.result_structure, tangent)

        return push


def vjp(fun: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """Return the result of `fun` and a function that pulls cotangents of the result back to the arguments.

    Parameters
    ----------
    fun : callable
        Written in array-API code; returns an array of any shape, or a nested dict, list or tuple of them.
    *primals
        Where `fun` is evaluated: floating-point arrays of any conforming library, Arrays, or trees of them.
    has_aux : bool
        Whether `fun` returns a pair ``(result, auxiliary)``; the auxiliary is passed on, as a third item.

    Returns
    -------
    result
        ``fun(*primals)``.
    vjp_fun : callable
        Takes a cotangent with the tree, shapes and dtypes of the result and returns a tuple of cotangents, one for
        each of `primals`, as arrays of the caller's library: ``Jᵀ u``. It may be called any number of times.

    Raises
    ------
    TypeError
        If a primal is not floating-point, or a cotangent does not have the tree, shape and dtype of the result.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> result, vjp_fun = nna.vjp(lambda x, y: x * y, np.asarray([1.0, 2.0]), np.asarray([3.0, 4.0]))
    >>> [g.tolist() for g in vjp_fun(np.asarray([1.0, 10.0]))]
    [[3.0, 40.0], [1.0, 20.0]]
    """
    made = Linearised(fun, primals, has_aux)
    return (made.result, made.pull_back, made.auxiliary) if has_aux else (made.result, made.pull_back)


def jvp(
    fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False
) -> tuple[Any, ...]:
    """Return the result of `fun` and its derivative along a direction, ``J t``.

    Computed by transposing `vjp`: ``Jᵀ u`` is linear in u, and its own vector-Jacobian product with t is ``J t``. It
    costs two backward passes over one forward pass, whatever the number of arguments and results.

    Parameters
    ----------
    fun : callable
        Written in array-API code; returns an array of any shape, or a nested dict, list or tuple of them.
    primals : tuple or list
        The arguments of `fun`: floating-point arrays of any conforming library, Arrays, or trees of them.
    tangents : tuple or list
        The direction, with the trees, shapes and dtypes of `primals`.
    has_aux : bool
        Whether `fun` returns a pair ``(result, auxiliary)``; the auxiliary is passed on, as a third item.

    Returns
    -------
    result
        ``fun(*primals)``.
    tangent
        Its derivative along `tangents`, with the tree, shapes and dtypes of the result; zero in what does not
        depend on the arguments.

    Raises
    ------
    TypeError
        If a primal is not floating-point, or a tangent does not have the tree, shape and dtype of its primal.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> x, t = np.asarray([1.0, 2.0]), np.asarray([1.0, 10.0])
    >>> result, tangent = nna.jvp(lambda x: x * x, (x,), (t,))
    >>> result.tolist(), tangent.tolist()
    ([1.0, 4.0], [2.0, 40.0])

    The Hessian of a function times a vector is the derivative of its gradient along the vector.

    >>> nna.jvp(nna.grad(lambda x: (x * x * x)[0]), (x,), (t,))[1].tolist()
    [6.0, 0.0]
    """
    check_sequences(primals=primals, tangents=tangents)
    made = Linearised(fun, primals, has_aux)
    tangent = made.transposed()(tuple(tangents))
    return (made.result, tangent, made.auxiliary) if has_aux else (made.result, tangent)


def check_sequences(**given: Any) -> None:
    """Refuse arguments of a function that come as anything but a tuple or list of them."""
    for name, items in given.items():
        if not isinstance(items, (tuple, list)):
            raise TypeError(f"{name} must be a tuple or list with one item per argument: received {describe(items)}.")


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
