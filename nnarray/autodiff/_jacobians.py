"""Whole matrices of derivatives, a row or a column at a time: `jacobian`, `hessian`, and `hvp`, which makes none."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnarray._messages import describe
from nnarray._trees import leaves_of, unflatten
from nnarray.array import Array, array_namespace, as_array
from nnarray.autodiff._arguments import Argnums, Chosen
from nnarray.autodiff._linearised import Linearised
from nnarray.autodiff._products import check_sequences, jvp
from nnarray.autodiff._transforms import grad
from nnarray.backends import find_backend

_MODES = ("auto", "forward", "reverse")


def jacobian(
    fun: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, mode: str = "auto"
) -> Callable[..., Any]:
    """Return a function that gives the matrix of derivatives of `fun`.

    Parameters
    ----------
    fun : callable
        Written in array-API code; returns a floating-point array of any shape, or a tree of them.
    argnums : int, str, or sequence of them
        Arguments to differentiate with respect to: positions, counted from 0, or names.
    has_aux : bool
        Whether `fun` returns a pair ``(result, auxiliary)``; the auxiliary is passed on.
    mode : {"auto", "forward", "reverse"}
        By columns, one forward derivative for each element of the arguments, or by rows, one backward pass for each
        element of the result. "auto" takes what is fewer. The function itself is run once.

    Returns
    -------
    callable
        Takes the arguments of `fun`. Returns for each array of the result, in its tree, and for each of the argument,
        in its tree (a tuple of trees if `argnums` is a sequence), an array of the shape of the one followed by that
        of the other; or ``(jacobian, auxiliary)``.

    Raises
    ------
    TypeError
        If an argument to differentiate is not floating-point, or the result holds anything but arrays; if both are
        complex; if one is complex and `mode` is not what it needs: columns for a complex result, rows for a complex
        argument, which are gradients, ∂y/∂a + i ∂y/∂b at a + ib.
    ValueError
        If `mode` is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.jacobian(lambda x: x * x[::-1])(np.asarray([1.0, 2.0])).tolist()
    [[2.0, 1.0], [2.0, 1.0]]
    """
    if mode not in _MODES:
        raise ValueError(f"mode must be one of {', '.join(map(repr, _MODES))}: received mode={mode!r}.")

    @functools.wraps(fun)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        chosen = Chosen(fun, argnums, args, kwargs)
        made = Linearised(chosen.call, chosen.values, has_aux)
        # As the caller has them: raw, unless Arrays were given or something else is differentiated.
        ins, outs = [made.release(x) for x in made.arguments], [made.release(x) for x in made.results]
        if _is_by_columns(mode, ins, outs):
            push = made.transposed(keep=True)
            columns = [leaves_of(push(unflatten(made.structure, unit))) for unit in _units(ins)]
            blocks = _blocks(columns, ins, outs)
            blocks = [
                [_turned(row[place], x, y) for row, x in zip(blocks, ins, strict=True)] for place, y in enumerate(outs)
            ]
        else:
            rows = [leaves_of(made.pull_back(unflatten(made.result_structure, unit))) for unit in _units(outs)]
            blocks = _blocks(rows, outs, ins)
        found = []
        for row in blocks:
            trees: Any = unflatten(made.structure, list(row))
            found.append(trees if chosen.several else trees[0])
        matrix = unflatten(made.result_structure, found)
        return (matrix, made.auxiliary) if has_aux else matrix

    return wrapped


def hessian(fun: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """Return a function that gives the matrix of second derivatives of a scalar function.

    Parameters
    ----------
    fun, argnums, has_aux : as for `nnarray.grad`
        Arguments are real.

    Returns
    -------
    callable
        Returns for each pair of arrays of the argument an array of the shape of the one followed by that of the
        other, in the argument's tree within its tree; or ``(hessian, auxiliary)``.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.hessian(lambda x: x[0] * x[0] * x[1])(np.asarray([1.0, 2.0])).tolist()
    [[4.0, 2.0], [2.0, 0.0]]
    """
    return jacobian(grad(fun, argnums, has_aux), argnums, has_aux, mode="reverse")


def hvp(fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """Return the matrix of second derivatives of a scalar function times a vector, without making the matrix.

    Parameters
    ----------
    fun : callable
        Written in array-API code; returns a real scalar.
    primals, tangents : tuple or list
        The arguments of `fun`, all floating-point, and the vector, in their trees, shapes and dtypes.

    Returns
    -------
    array or tree like the argument; of several arguments a tuple
        The derivative of the gradient along `tangents`. Pearlmutter, "Fast exact multiplication by the Hessian", Neural
        Computation 6, 1994.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> x, v = np.asarray([1.0, 2.0]), np.asarray([1.0, 10.0])
    >>> nna.hvp(lambda x: (x * x * x)[0], (x,), (v,)).tolist()
    [6.0, 0.0]
    """
    check_sequences(primals=primals, tangents=tangents)
    argnums = 0 if len(primals) == 1 else tuple(range(len(primals)))
    return jvp(grad(fun, argnums), primals, tangents)[1]


def _is_by_columns(mode: str, ins: Sequence[Any], outs: Sequence[Any]) -> bool:
    """Return whether the matrix is made by columns, after checking that there is one."""
    for x in outs:
        if not isinstance(x, Array) and find_backend(x) is None:
            raise TypeError(
                f"jacobian needs a function that returns arrays, or a tree of them: received {describe(x)}."
            )
    complex_in, complex_out = any(map(_is_complex, ins)), any(map(_is_complex, outs))
    if complex_in and complex_out:
        raise TypeError(
            "Only a holomorphic function has a matrix of derivatives of complex numbers by complex ones: received "
            "complex arguments and a complex result. Take real and imaginary parts on one side, or use nnarray.jvp."
        )
    needed = "forward" if complex_out else "reverse" if complex_in else mode
    if mode not in ("auto", needed):
        raise TypeError(
            f"With a complex {'result' if complex_out else 'argument'} the mode is {needed!r}: received mode={mode!r}."
        )
    return needed == "forward" or (needed == "auto" and _total(ins) < _total(outs))


def _is_complex(x: Any) -> bool:
    return as_array(x).namespace.field_of(x.dtype) == "complex"


def _total(leaves: Sequence[Any]) -> int:
    return sum(math.prod(leaf.shape) for leaf in leaves)


def _units(leaves: Sequence[Any]) -> Any:
    """Yield for each element of each leaf the leaves with a one there and zeros elsewhere."""
    for place, leaf in enumerate(leaves):
        for i in range(math.prod(leaf.shape)):
            yield [_unit(x, i if other == place else None) for other, x in enumerate(leaves)]


def _unit(x: Any, place: int | None) -> Any:
    backend, raw = (as_array(x).namespace.backend, as_array(x).value)
    values = np.zeros(math.prod(raw.shape))
    if place is not None:
        values[place] = 1.0
    made = backend.asarray(values.reshape(raw.shape), raw.dtype, backend.device_of(raw))
    return as_array(made) if isinstance(x, Array) else made


def _blocks(slices: list[list[Any]], outer: Sequence[Any], inner: Sequence[Any]) -> list[list[Any]]:
    """Return one array for each outer and inner leaf, of the shape of the one followed by that of the other."""
    remaining = iter(slices)
    blocks = []
    for x in outer:
        taken = [next(remaining) for _ in range(math.prod(x.shape))]
        row = []
        for place, y in enumerate(inner):
            shape = (*x.shape, *y.shape)
            if taken:
                parts = [piece[place] for piece in taken]
                xp = array_namespace(parts[0])
                row.append(xp.reshape(xp.stack(parts), shape))
            else:
                like = as_array(y)
                zeros = like.namespace.raw.zeros(shape, dtype=like.dtype, device=like.device)
                row.append(as_array(zeros) if isinstance(y, Array) else zeros)
        blocks.append(row)
    return blocks


def _turned(block: Any, x: Any, y: Any) -> Any:
    """Return a block made of columns, (…x, …y), as (…y, …x)."""
    xp = array_namespace(block)
    ins, outs = len(x.shape), len(y.shape)
    return xp.permute_dims(block, (*range(ins, ins + outs), *range(ins)))
