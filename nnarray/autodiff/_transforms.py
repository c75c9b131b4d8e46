"""Transforms of functions: `grad` and `value_and_grad`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from nnarray._trees import flatten, leaves_of, unflatten
from nnarray.array import Array, Node
from nnarray.autodiff._arguments import Argnums, Chosen
from nnarray.autodiff._backward import Tape
from nnarray.autodiff._linearised import Linearised
from nnarray.autodiff._sources import Sources, held


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
        made = Linearised(chosen.call, chosen.values, has_aux, "scalar")
        gradient = made.gradient()
        value = (made.result, made.auxiliary) if has_aux else made.result
        return value, gradient if chosen.several else gradient[0]

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

    Parameters
    ----------
    x : array or tree of arrays
        Of a variable, its value.

    Examples
    --------
    >>> import nnarray as nna
    >>> float(nna.grad(lambda x: x * nna.stop_gradient(x))(3.0))
    3.0
    """
    leaves, structure = flatten(x)
    values = [held(leaf) for leaf in leaves]
    stopped = [Array(value.value, value.namespace) if isinstance(value, Array) else value for value in values]
    return unflatten(structure, stopped)


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
    sources = Sources(args)
    result = sources.run(lambda arguments: fun(*arguments))
    results = [leaf.node for leaf in leaves_of(result) if isinstance(leaf, Array) and leaf.node is not None]
    return result, Tape([], [*sources.nodes, *results], sources.nodes).nodes
