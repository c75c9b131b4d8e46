"""Products with the Jacobian, from either side: `vjp` and `jvp`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nnarray._messages import describe
from nnarray.autodiff._linearised import Linearised


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
