"""Shapes of the arrays in a tree: a shape is a tuple of lengths, None where one is not known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nnarray.array import array_namespace

Shape = tuple[int | None, ...]


def is_shape(x: Any) -> bool:
    """Whether `x` is the shape of one array, and no tree of shapes."""
    return isinstance(x, (tuple, list)) and all(n is None or hasattr(type(n), "__index__") for n in x)


def map_shapes(function: Callable[[Shape], Any], tree: Any) -> Any:
    """Return the tree with `function` of each shape."""
    if is_shape(tree):
        return function(tuple(tree))
    if isinstance(tree, dict):
        return {key: map_shapes(function, item) for key, item in tree.items()}
    if isinstance(tree, (list, tuple)):
        made = [map_shapes(function, item) for item in tree]
        return made if isinstance(tree, list) else tuple(made)
    return tree


def shapes_of(tree: Any) -> Any:
    """Return the shapes of the arrays in a tree; what has none is left out, a tree without any is None."""
    shape = getattr(tree, "shape", None)
    if shape is not None:
        return tuple(shape)
    if isinstance(tree, dict):
        return {key: shapes_of(item) for key, item in tree.items()}
    if isinstance(tree, (list, tuple)):
        found = [shapes_of(item) for item in tree]
        return found if isinstance(tree, list) else tuple(found)
    return None


def activated_shape(activation: Any, shape: Shape) -> Shape:
    """Return the shape of what an activation gives for an array: another only if it is a layer."""
    compute: Callable[[Shape], Shape] | None = getattr(activation, "compute_output_shape", None)
    return shape if compute is None else compute(shape)


def without_batch(tree: Any) -> Any:
    """Return the shapes with None for the batch."""
    return map_shapes(lambda shape: (None, *shape[1:]) if shape else shape, tree)


def shape_fits(shape: Shape, expected: Shape) -> bool:
    """Whether a shape is the expected one, but for the batch and where one of them is not known."""
    pairs = zip(shape[1:], expected[1:], strict=False)
    return len(shape) == len(expected) and all(a is None or b is None or a == b for a, b in pairs)


def with_rank(array: Any, expected: Shape) -> Any:
    """Return an array with a last axis of length one more or less, if one of the expected shape needs it."""
    shape = tuple(array.shape)
    if len(shape) == len(expected) - 1 and expected[-1] == 1:
        return array_namespace(array).expand_dims(array, axis=-1)
    if len(shape) == len(expected) + 1 and shape[-1] == 1:
        return array_namespace(array).squeeze(array, axis=-1)
    return array


def check_shapes(name: str, expected: Any, received: Any) -> None:
    """Raise ValueError if the shapes of the inputs of a model, one or a tree of them, are not those it was made for."""
    if is_shape(expected):
        if not is_shape(received) or not shape_fits(received, expected):
            one = is_shape(received) and shape_fits((None, *received), expected)
            cure = " That is one example: x[None] is a batch of it." if one else ""
            alike = not is_shape(received) or len(received) == len(expected)
            found = _said(received) if alike else f"shape {tuple(received)}"
            raise ValueError(f"Model {name!r} takes x of shape {_shown(expected)}: received {found}.{cure}")
        return
    items = expected.items() if isinstance(expected, dict) else enumerate(expected)
    is_alike = type(received) is type(expected) or {type(received), type(expected)} <= {list, tuple}
    if is_shape(received) or not is_alike or len(received) != len(expected):
        raise ValueError(f"Model {name!r} takes x as {_said(expected)}: received {_said(received)}.")
    for key, shape in items:
        if isinstance(expected, dict) and key not in received:
            raise ValueError(f"Model {name!r} takes x as {_said(expected)}: received {_said(received)}.")
        check_shapes(name, shape, received[key])


def _shown(shape: Shape) -> str:
    return f"({', '.join(['batch', *map(str, shape[1:])])})"


def _said(shapes: Any) -> str:
    return f"x of shape {_shown(shapes)}" if is_shape(shapes) else f"arrays of the shapes {map_shapes(_shown, shapes)}"
