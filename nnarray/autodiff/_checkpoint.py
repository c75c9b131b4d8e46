"""`checkpoint`: run again what the tape would keep."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from nnarray._replay import Rerun
from nnarray._trees import flatten, unflatten
from nnarray.array import Node, next_serial, with_logits, with_origins
from nnarray.autodiff._backward import Tape
from nnarray.autodiff._block import Block
from nnarray.autodiff._operands import Operands, node_of
from nnarray.autodiff._sources import watching


def checkpoint(fun: Callable[..., Any]) -> Callable[..., Any]:
    """Return `fun`, of which the tape keeps nothing but the arguments: the backward pass runs it again.

    Value and derivatives are those of `fun`. Memory is that of arguments and results, and during the function's own
    backward pass that of one run. Chen, Xu, Zhang, Guestrin, "Training deep nets with sublinear memory cost", 2016.

    Parameters
    ----------
    fun : callable
        Written in array-API code; a layer, for example. It may use recorded arrays besides its arguments, such as
        weights. When it runs again, it draws the same random numbers and assigns to no variable.

    Returns
    -------
    callable
        Takes and returns what `fun` does.

    Raises
    ------
    RuntimeError
        In the backward pass, if `fun` does not do what it did the first time.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> def block(x):
    ...     xp = x.__array_namespace__()
    ...     return xp.sin(xp.exp(x))
    >>> x = np.asarray([0.0, 1.0])
    >>> plain = nna.grad(lambda x: block(x)[0])(x)
    >>> bool(np.all(nna.grad(lambda x: nna.checkpoint(block)(x)[0])(x) == plain))
    True
    """

    @functools.wraps(fun)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        operands = Operands((args, kwargs))
        mark = next_serial()
        call = Rerun(fun, mark)
        sources, (given, named) = operands.sources(tied=False)
        results, structure = flatten(call.first(*given, **named))
        results, notes = with_logits(results)
        nodes = [node_of(x) for x in results]
        outside = _outside(nodes, sources, mark)
        recorded = [x for x in results if node_of(x) is not None]
        if not recorded:
            return unflatten(structure, [operands.released(x) for x in with_origins(results, notes)])
        forms = [_form(node) for node in nodes]

        def pull(_: Block, cotangents: Sequence[Any], nested: bool) -> list[Any]:
            mark = next_serial()
            sources, (given, named) = operands.sources(tied=nested)
            with watching(sources):
                again = flatten(call.again(*given, **named))[0]
            nodes = [node_of(x) for x in with_logits(again)[0]]
            if [_form(node) for node in nodes] != forms or not set(_outside(nodes, sources, mark)) <= set(outside):
                raise RuntimeError(
                    "A function under checkpoint must do each time what it did the first time: run again for its "
                    "derivative, it returned or used other arrays."
                )
            pulled = [
                (node, g)
                for node, g in zip((n for n in nodes if n is not None), cotangents, strict=True)
                if g is not None
            ]
            tape = Tape([node for node, _ in pulled], [], [*sources, *outside], nested)
            return tape.pull_back([g for _, g in pulled])

        block = Block(recorded, getattr(fun, "__name__", type(fun).__name__), [*operands.parents, *outside], pull)
        parts = iter(block.parts(recorded))
        made = [x if node is None else next(parts) for x, node in zip(results, nodes, strict=True)]
        return unflatten(structure, [operands.released(x) for x in with_origins(made, notes)])

    return wrapped


def _outside(roots: Iterable[Node | None], sources: Sequence[Node], mark: int) -> list[Node]:
    """Return the nodes older than `mark` that results depend on other than by `sources`."""
    seen, found = set(sources), []
    stack = [root for root in roots if root is not None]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.serial < mark:
            found.append(node)
        else:
            stack.extend(parent for _, parent in node.parents)
    return found


def _form(node: Node | None) -> Any:
    return None if node is None else (tuple(node.shape), node.dtype)
