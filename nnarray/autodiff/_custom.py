"""`custom_vjp`: a function with a derivative of the user's own."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

from nnarray._messages import describe
from nnarray._replay import Rerun
from nnarray._trees import aligned, flatten, leaves_of, tree_map, unflatten
from nnarray.array import Array, Node, as_array, next_serial
from nnarray.autodiff._block import Block
from nnarray.autodiff._operands import Operands, node_of
from nnarray.autodiff._sources import is_watched
from nnarray.backends import find_backend


class custom_vjp:  # noqa: N801 -- JAX's name
    """A function with a derivative of the user's own, given by `defvjp`.

    Parameters
    ----------
    fun : callable
        Takes arrays or trees of them, and returns such. Its keyword arguments are passed on by position.
    nondiff_argnums : int or sequence of int
        Positions of arguments that nothing differentiates with respect to: settings, functions.

    Raises
    ------
    RuntimeError
        When called before `defvjp`.
    TypeError
        If `fwd` returns no pair or uses recorded arrays that are not arguments, or, in the backward pass, if what
        `bwd` returns does not fit the arguments.

    Examples
    --------
    A function whose gradient is cut to [-1, 1]:

    >>> import numpy as np
    >>> import nnarray as nna
    >>> @nna.custom_vjp
    ... def cut(x):
    ...     return x
    >>> def forward(x):
    ...     return x, None
    >>> def backward(residuals, g):
    ...     return (g.__array_namespace__().clip(g, -1.0, 1.0),)
    >>> cut.defvjp(forward, backward)
    >>> nna.grad(lambda x: 5.0 * cut(x)[0] + 0.5 * cut(x)[1])(np.asarray([1.0, 1.0]))
    array([1. , 0.5])
    """

    def __init__(self, fun: Callable[..., Any], nondiff_argnums: int | Sequence[int] = ()) -> None:
        functools.update_wrapper(self, fun)
        self.fun = fun
        self._nondiff = (nondiff_argnums,) if isinstance(nondiff_argnums, int) else tuple(nondiff_argnums)
        self._title = getattr(fun, "__name__", type(fun).__name__)
        self._fwd: Callable[..., Any] | None = None
        self._bwd: Callable[..., Any] | None = None

    def __repr__(self) -> str:
        return f"<custom_vjp of {self._title}>"

    def defvjp(self, fwd: Callable[..., Any], bwd: Callable[..., Any]) -> None:
        """Define the derivative, by functions written in array-API code.

        Parameters
        ----------
        fwd : callable
            Takes the arguments of the function and returns ``(result, residuals)``: what `bwd` needs, any tree.
        bwd : callable
            Takes the arguments in `nondiff_argnums`, then the residuals, then the cotangent of the result, an Array or
            a tree of them. Returns a tuple with one cotangent for each other argument, of its tree and shapes; None
            is zero. For complex arrays a cotangent is ∂L/∂x + i ∂L/∂y. Forward derivatives need it to be linear in the
            cotangent: of one that is not they take the slope at zero.

        Notes
        -----
        A derivative of second order differentiates `bwd`, and `fwd` as far as the residuals depend on the arguments.
        What `fwd` takes from ``x.value`` is constant to it, and what `bwd` takes from ``g.value`` to `jvp` too: let
        them work on the arguments and the cotangent themselves.
        """
        self._fwd, self._bwd = fwd, bwd

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return the function's result."""
        fwd, bwd = self._fwd, self._bwd
        if fwd is None or bwd is None:
            raise RuntimeError(f"{self!r} has no derivative yet. Call its defvjp(fwd, bwd) first.")
        args = self._positional(args, kwargs)
        operands = Operands(args, reads=True)
        if not operands.parents:
            return tree_map(lambda x: operands.released(_without_origin(x)), self.fun(*operands.constants()))
        settings = self._settings(args, operands.constants())
        if (block := _block_of(self, operands.parents)) is not None:
            results, structure = flatten(self.fun(*operands.constants()))
            return unflatten(structure, block.parts([_array(x) for x in results]))
        call = Rerun(functools.partial(self._run, fwd), next_serial())
        result, residuals = call.first(None, operands.constants())
        results, structure = flatten(result)
        results = [_array(x) for x in results]
        _check_constant([*results, *leaves_of(residuals)], "fwd", "its arguments")
        if not any(isinstance(x, Array) for x in results):
            return result
        likes = [_Like(x) for x in results]

        def pull(block: Block, cotangents: Sequence[Any], nested: bool) -> list[Any]:
            # Of its own: bwd may assign to it, and it serves the next pass too.
            known = call.again(block, operands.tied())[1] if nested else tree_map(_own, residuals)
            arrived = [like.cotangent(g) for like, g in zip(likes, cotangents, strict=True)]
            found = bwd(*settings.values(), known, unflatten(structure, arrived))
            if not nested and not any(node_of(g) for g in cotangents):
                _check_constant(leaves_of(found), "bwd", "its residuals and the cotangent")
            shares = _fitted(found, operands.constants(), settings)
            return [shares[place] for place in operands.places]

        return unflatten(structure, Block(results, self._title, operands.parents, pull).parts(results))

    def _run(self, fwd: Callable[..., Any], block: Block | None, args: Sequence[Any]) -> tuple[Any, Any]:
        """Run fwd, again if it is for the recorded call `block`."""
        token = _repeated.set(None if block is None else (self, block))
        try:
            found = fwd(*args)
        finally:
            _repeated.reset(token)
        if not (isinstance(found, tuple) and len(found) == 2):
            raise TypeError(f"The fwd of {self!r} returns a pair (result, residuals): received {describe(found)}.")
        return found

    def _positional(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        if not kwargs:
            return args
        bound = inspect.signature(self.fun).bind(*args, **kwargs)
        bound.apply_defaults()
        if bound.kwargs:
            raise TypeError(
                f"fwd and bwd take the arguments of {self!r} by position: received {', '.join(bound.kwargs)}, which it "
                "takes by name only."
            )
        return bound.args

    def _settings(self, args: Sequence[Any], constants: Sequence[Any]) -> dict[int, Any]:
        """Return the arguments in `nondiff_argnums` by position, after checking that they are constant."""
        if any(not -len(args) <= n < len(args) for n in self._nondiff):
            raise TypeError(f"nondiff_argnums counts {len(args)} arguments from 0: received {self._nondiff}.")
        places = sorted(n % len(args) for n in self._nondiff)
        recorded = [x for n in places for x in leaves_of(args[n]) if node_of(x) is not None]
        if recorded:
            raise TypeError(
                f"Nothing differentiates with respect to an argument in nondiff_argnums: received "
                f"{describe(recorded[0])}, recorded. Take it out of nondiff_argnums, or give nnarray.stop_gradient of "
                "it."
            )
        return {n: constants[n] for n in places}


class _Like:
    """What a cotangent of a result looks like, without the result."""

    def __init__(self, x: Any) -> None:
        self._known = (x.namespace, x.shape, x.dtype, x.device) if isinstance(x, Array) else None

    def cotangent(self, g: Any) -> Any:
        if self._known is None:
            return None
        if g is not None:
            return _own(as_array(g))
        namespace, shape, dtype, device = self._known
        return Array(namespace.raw.zeros(shape, dtype=dtype, device=device), namespace)


def _array(x: Any) -> Any:
    """Return a raw array among results as an Array; what is no array stays what it is."""
    return x if isinstance(x, Array) or find_backend(x) is None else as_array(x)


def _own(x: Any) -> Any:
    """Return an object of its own with what an Array holds."""
    return copy.copy(x) if isinstance(x, Array) else x


def _without_origin(x: Any) -> Any:
    """Return a result of which no logits are known: a derivative through them would pass by the rule."""
    return Array(x.value, x.namespace, x.node) if isinstance(x, Array) else x


def _check_constant(leaves: Sequence[Any], function: str, own: str) -> None:
    for x in leaves:
        node = node_of(x)
        if node is not None and is_watched(node):
            raise TypeError(
                f"The {function} of a custom_vjp uses no recorded array but {own}: it made {describe(x)} of another "
                "one. Pass that as an argument, or nnarray.stop_gradient of it."
            )


def _fitted(found: Any, args: Sequence[Any], settings: dict[int, Any]) -> list[Any]:
    """Return a cotangent for each leaf of the arguments from what bwd returned, after checking that."""
    wanted = [n for n in range(len(args)) if n not in settings]
    if not isinstance(found, (tuple, list)) or len(found) != len(wanted):
        raise TypeError(
            f"The bwd of a custom_vjp returns a tuple with a cotangent or None for each argument, {len(wanted)}: "
            f"received {describe(found)}."
        )
    given = dict(zip(wanted, found, strict=True))
    shares: list[Any] = []
    for n, argument in enumerate(args):
        try:
            shares += aligned(argument, given.get(n))
        except ValueError as error:
            raise TypeError(f"The cotangent of argument {n} must have its tree: {error}") from error
    return [_share(x, share) for x, share in zip(leaves_of(tuple(args)), shares, strict=True)]


def _share(x: Any, share: Any) -> Any:
    """Return what bwd returned for a leaf of the arguments as an Array, None for zero and for what is no array."""
    if share is None or not isinstance(x, Array):
        return None
    found = _array(share)
    if isinstance(found, (int, float, complex)):
        found = x.namespace.asarray(found, device=x.device)
    own = x.namespace.backend
    # Under jit the cotangent of a constant may be traced.
    beside = isinstance(found, Array) and own in (found.namespace.backend, found.namespace.backend.traced)
    if not beside or found.shape != x.shape:
        raise TypeError(
            f"A cotangent must have the shape of its argument, {x.shape}, and its library, {own.name}: received "
            f"{describe(share)}."
        )
    return found


#: The call whose fwd runs again, and its function.
_repeated: ContextVar[tuple[custom_vjp, Block] | None] = ContextVar("nnarray_custom_vjp", default=None)


def _block_of(function: custom_vjp, parents: Sequence[Node]) -> Block | None:
    """Return the recorded call that this one is, if a fwd that runs again calls its own function."""
    if (repeated := _repeated.get()) is None:
        return None
    own, block = repeated
    return block if own is function and [parent for _, parent in block.parents] == parents else None
