"""Transforms of functions: `grad` and `value_and_grad`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from nnarray._messages import describe
from nnarray._trees import flatten, leaves_of, unflatten
from nnarray.array import TABLE, Array, Node, as_array, last_converted, namespace
from nnarray.autodiff._arguments import Argnums, Chosen
from nnarray.autodiff._backward import Tape
from nnarray.backends import current_backend, find_backend


def value_and_grad(
    fun: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., tuple[Any, Any]]:
    """Return a function that gives the value of `fun` and its gradient.

    Parameters
    ----------
    fun : callable
        Written in array-API code; returns a real scalar (an array of shape ``()``).
    argnums : int, str, or sequence of them
        Arguments to differentiate with respect to: positions, counted from 0, or names.
    has_aux : bool
        Whether `fun` returns a pair ``(scalar, auxiliary)``; the auxiliary is passed on.

    Returns
    -------
    callable
        Takes the arguments of `fun`: raw floating-point arrays of any conforming library, Arrays, or nested dicts,
        lists and tuples of them. Returns ``(value, gradient)``, or ``((value, auxiliary), gradient)``; the gradient
        has the tree, shapes, dtypes and library of the argument (a tuple of them if `argnums` is a sequence). An
        argument that the value does not depend on has gradient zero.

    Raises
    ------
    TypeError
        If an argument to differentiate is not floating-point, or the result is not a real scalar.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> value, gradient = nna.value_and_grad(lambda x: (x * x * x)[0])(np.asarray([2.0, 1.0]))
    >>> float(value), gradient.tolist()
    (8.0, [12.0, 0.0])
    """

    @functools.wraps(fun)
    def wrapped(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        chosen = Chosen(fun, argnums, args, kwargs)
        trees: Any = chosen.values
        leaves, structure = flatten(trees)
        sources = [source_of(leaf) for leaf in leaves]
        trees = unflatten(structure, handed(sources))
        watched, named = chosen.replaced(trees)
        as_arrays = any(isinstance(leaf, Array) for leaf in leaves)
        with at_home(sources):
            tape, value, seed = _record(fun, watched, named, sources, has_aux, as_arrays)
            gradients = [
                zeros_like(source) if cotangent is None else as_array(cotangent)
                for source, cotangent in zip(sources, tape.pull_back([seed]), strict=True)
            ]
            gradient = unflatten(structure, given_back(gradients, raw=not (as_arrays or tape.nested)))
        return value, tuple(gradient) if chosen.several else gradient[0]

    return wrapped


def grad(fun: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """Return a function that gives the gradient of `fun`.

    Parameters, arguments and errors are those of `value_and_grad`.

    Returns
    -------
    callable
        Returns the gradient, or ``(gradient, auxiliary)`` with `has_aux`.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> def f(x):
    ...     xp = x.__array_namespace__()
    ...     return xp.sum(xp.sin(x))
    >>> nna.grad(f)(np.asarray([0.0])).tolist()
    [1.0]
    >>> float(nna.grad(nna.grad(lambda x: x * x * x))(2.0))
    12.0
    """
    both = value_and_grad(fun, argnums, has_aux)

    @functools.wraps(fun)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return wrapped


def stop_gradient(x: Any) -> Any:
    """Return `x` as a constant: what is computed from it further on does not differentiate through it.

    Examples
    --------
    >>> import nnarray as nna
    >>> float(nna.grad(lambda x: x * nna.stop_gradient(x))(3.0))
    3.0
    """
    return Array(x.value, x.namespace) if isinstance(x, Array) else x


def record(fun: Callable[..., Any], *args: Any) -> tuple[Any, tuple[Node, ...]]:
    """Run `fun` and return its result with the calls that a backward pass would go through.

    Parameters
    ----------
    fun : callable
        Written in array-API code.
    *args
        Floating-point arrays, or nested dicts, lists and tuples of them; all are recorded.

    Returns
    -------
    result : Array, or a tree of them
    nodes : tuple of Node
        The arguments first, then every call in the order it was made.

    Examples
    --------
    >>> import numpy as np
    >>> from nnarray.autodiff import record
    >>> _, nodes = record(lambda x: -(x * x), np.asarray([1.0, 2.0]))
    >>> [node.title for node in nodes]
    ['source', 'multiply', 'negative']
    """
    tree: Any = args
    leaves, structure = flatten(tree)
    sources = [source_of(leaf) for leaf in leaves]
    result = fun(*unflatten(structure, handed(sources)))
    results = [leaf.node for leaf in leaves_of(result) if isinstance(leaf, Array) and leaf.node is not None]
    own = [source.node for source in sources if source.node is not None]
    return result, Tape([], [*own, *results], own).nodes


def zeros_like(x: Array) -> Array:
    """Return unrecorded zeros like `x`."""
    return Array(x.namespace.raw.zeros_like(x.value), x.namespace)


def handed(sources: Sequence[Array]) -> list[Array]:
    """Return sources as the function gets them: objects of their own, to which it may assign."""
    return [Array(source.value, source.namespace, source.node) for source in sources]


def at_home(sources: Sequence[Array]) -> AbstractContextManager[Any]:
    """Return a context in which raw operators run on the device that holds what is differentiated."""
    if not sources:
        return nullcontext()
    backend = sources[0].namespace.backend
    return backend.activate(backend.device_of(sources[0].value))


def given_back(derivatives: Sequence[Any], raw: bool) -> list[Any]:
    """Return derivatives as the caller may write into them: raw arrays with memory of their own, or new Arrays.

    What a rule passes on is one array, or a view of it, in several places. NumPy's scalars, in which its functions
    return what has no axes, become arrays again.
    """
    return [x.namespace.raw.asarray(x.value, copy=True) for x in derivatives] if raw else handed(derivatives)


def source_of(leaf: Any) -> Array:
    """Return a fresh Array with the value of `leaf`, at which a backward pass stops."""
    # NumPy's scalars, some of them Python floats by inheritance, have a library of their own.
    if isinstance(leaf, (float, complex)) and find_backend(leaf) is None:
        leaf = namespace(current_backend().backend.name).asarray(leaf).value
    x = None if isinstance(leaf, int) else as_array(leaf)
    field = "" if x is None else x.namespace.field_of(x.dtype)
    if x is None or not field:
        raise TypeError(
            f"Only floating-point arguments can be differentiated: received {describe(leaf)}. "
            "Convert it, for example with xp.astype(x, xp.float64), or leave it out of argnums."
        )
    # "positive" passes its cotangent on: through it an enclosing transform sees the leaf that it watches.
    node = Node(x.value, x.namespace, TABLE["positive"] if x.node is not None else None, field)
    if x.node is not None:
        node.parents = ((0, x.node),)
    return Array(x.value, x.namespace, node)


def _record(
    fun: Callable[..., Any], args: Any, kwargs: Any, sources: Sequence[Array], has_aux: bool, as_arrays: bool
) -> tuple[Tape, Any, Any]:
    """Run `fun`; return the tape, its result as the caller gets it, and the cotangent one of the scalar."""
    auxiliary: Any = None
    result = fun(*args, **kwargs)
    if has_aux:
        result, auxiliary = pair_of(result, "scalar")
    _check_scalar(result)
    check_numbers([result], sources)
    leaves, structure = flatten(auxiliary)
    others = [leaf.node for leaf in leaves if isinstance(leaf, Array) and leaf.node is not None]
    root = result.node if isinstance(result, Array) else None
    tape = Tape([root], others, [source.node for source in sources if source.node is not None])

    def release(x: Any) -> Any:
        if not isinstance(x, Array) or tape.nested:
            return x
        return Array(x.value, x.namespace) if as_arrays else x.value

    seed = None
    if isinstance(result, Array):
        seed = result.namespace.raw.ones_like(result.value)
        seed = Array(seed, result.namespace) if tape.nested else seed
    value = release(result)
    if has_aux:
        value = value, unflatten(structure, [release(leaf) for leaf in leaves])
    return tape, value, seed


def pair_of(result: Any, kind: str) -> tuple[Any, Any]:
    """Return a function's result of some kind, and its auxiliary."""
    if not (isinstance(result, tuple) and len(result) == 2):
        raise TypeError(f"has_aux=True needs a function that returns ({kind}, auxiliary): received {describe(result)}.")
    return result


def check_numbers(results: Sequence[Any], sources: Sequence[Array]) -> None:
    """Refuse Python numbers among the results of a function that made one of what it was to be differentiated by."""
    since = min((source.node.serial for source in sources if source.node is not None), default=0)
    number = next((x for x in results if isinstance(x, (int, float, complex))), None)
    if number is not None and last_converted.get() >= since:
        raise TypeError(
            f"The function returned {describe(number)}, having made a Python number of a recorded array, through which "
            "nothing is differentiated. Return the array itself, without float()."
        )


def _check_scalar(result: Any) -> None:
    shape = getattr(result, "shape", None if not isinstance(result, (int, float)) else ())
    if shape is None or tuple(shape) != ():
        raise TypeError(
            f"The function to differentiate must return a scalar, an array of shape (): received {describe(result)}. "
            "Reduce it, for example with xp.sum or xp.mean."
        )
    if isinstance(result, Array) and result.namespace.raw.isdtype(result.dtype, "complex floating"):
        raise TypeError(f"The function to differentiate must return a real scalar: received {describe(result)}.")
