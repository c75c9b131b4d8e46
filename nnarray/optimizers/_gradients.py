"""Gradients as an optimizer takes them, checked and limited, and new values as constraints let them be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nnarray._messages import describe
from nnarray.array import Array, array_namespace
from nnarray.backends import convert, find_backend
from nnarray.variables import Variable


def fitted(gradient: Any, variable: Variable) -> Any:
    """Return a variable's gradient as an array of its library and dtype.

    Raises
    ------
    ValueError
        If it is None or has another shape.
    """
    if gradient is None:
        raise ValueError(
            f"Variable {variable.path!r} has no gradient: received None. Leave it out, or let the loss depend on it."
        )
    raw = gradient.value if isinstance(gradient, (Array, Variable)) else gradient
    backend = find_backend(raw)
    if backend is not variable.backend and (backend is None or backend.traced is not variable.backend):
        gradient = raw = convert(raw, variable.backend, variable.dtype, variable.device)
    if tuple(raw.shape) != variable.shape:
        raise ValueError(
            f"The gradient of variable {variable.path!r} must have its shape {variable.shape}: received "
            f"{describe(gradient)}."
        )
    gradient = gradient.value if isinstance(gradient, Variable) else gradient
    if variable.backend.dtype_name(raw.dtype) == variable.dtype:
        return gradient
    xp = array_namespace(gradient)
    return xp.astype(gradient, getattr(xp, variable.dtype))


def scalar_for(x: Any, weight: Any, variable: Variable) -> Any:
    """Return a number or scalar array as a scalar array of a weight's library and dtype."""
    x = x.value if isinstance(x, Variable) else x
    raw = x.value if isinstance(x, Array) else x
    backend = find_backend(raw)
    if backend is not None and tuple(raw.shape) != ():
        raise ValueError(f"A learning rate must be a scalar: received {describe(x)}.")
    if backend is variable.backend or (backend is not None and backend.traced is variable.backend):
        return array_namespace(x).astype(x, weight.dtype)
    return array_namespace(weight).asarray(float(raw), dtype=weight.dtype, device=variable.device)


def clip(
    grads: list[Any],
    variables: Sequence[Variable],
    clipnorm: float | None,
    clipvalue: float | None,
    global_clipnorm: float | None,
) -> list[Any]:
    """Return gradients within the limit that is given: of elements, of each variable's norm, or of that of all."""
    if clipvalue is not None:
        return [array_namespace(g).clip(g, -clipvalue, clipvalue) for g in grads]
    limit = clipnorm if global_clipnorm is None else global_clipnorm
    if limit is None:
        return grads
    pieces = [variable.split(g) for variable, g in zip(variables, grads, strict=True)]
    norms = [[_norm(piece) for piece in group] for group in pieces]
    if global_clipnorm is not None:
        total = array_namespace(norms[0][0]).sqrt(sum(norm * norm for group in norms for norm in group))
        norms = [[total] * len(group) for group in norms]
    return [
        variable.join([_limited(g, norm, limit) for g, norm in zip(group, group_norms, strict=True)])
        for variable, group, group_norms in zip(variables, pieces, norms, strict=True)
    ]


def _norm(x: Any) -> Any:
    xp = array_namespace(x)
    return xp.sqrt(xp.sum(x * x))


def _limited(x: Any, norm: Any, limit: float) -> Any:
    xp = array_namespace(x)
    return x * xp.astype(limit / xp.maximum(norm, limit), x.dtype)


def constrained(weight: Any, variable: Variable) -> Any:
    """Return a new value of a variable, or of a pack of several, as their constraints let it be."""
    if all(member.constraint is None for member in variable.members):
        return weight
    pieces = zip(variable.members, variable.split(weight), strict=True)
    found = [piece if member.constraint is None else _made(member, piece) for member, piece in pieces]
    return variable.join(found)


def _made(variable: Variable, value: Any) -> Any:
    assert variable.constraint is not None
    found = variable.constraint(value)
    if tuple(found.shape) != variable.shape:
        raise ValueError(f"The constraint of {variable.path!r} must keep its shape: received {describe(found)}.")
    return array_namespace(found).astype(found, value.dtype) if found.dtype != value.dtype else found
