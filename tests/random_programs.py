"""Random programs: every function finds, or is given, operands on which it is smooth and tame.

The strategy runs the program on NumPy while it draws it, so that it knows shapes and values. What does not fit is left
out; hardly anything is discarded. Each place of a program may stay empty, to which failing ones shrink.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.program_builder import (
    GAP,
    LARGE,
    Builder,
    as_tuples,
    broadcasts,
    condition,
    has_axes,
    has_elements,
    is_separated,
    multiplies,
    paired,
    stretches_to,
)
from tests.programs import Program

#: Functions that grow a program by a step, or leave it as it is.
ROWS: dict[str, Callable[[Builder], object]] = {}


def _row(*names: str) -> Callable[[Any], Any]:
    def enter(grow: Callable[[Builder, str], object]) -> Callable[[Builder, str], object]:
        for name in names:
            ROWS[name] = lambda b, name=name: grow(b, name)
        return grow

    return enter


# -- elementwise ----------------------------------------------------------------------------------------------------

_EVERYWHERE = (-LARGE, LARGE)
_POSITIVE, _UNIT, _SHORT = (0.2, LARGE), (-0.8, 0.8), (-1.5, 1.5)
#: Where functions of one array are smooth and tame: from, to and, where zero is a kink or a pole, how far from it.
_INTERVALS: dict[str, Any] = {
    **dict.fromkeys(("negative", "positive", "square", "sin", "cos", "atan", "tanh", "asinh"), _EVERYWHERE),
    **dict.fromkeys(("astype", "stop_gradient"), _EVERYWHERE),
    **dict.fromkeys(("exp", "expm1", "sinh", "cosh"), _SHORT),
    **dict.fromkeys(("sqrt", "log", "log2", "log10"), _POSITIVE),
    **dict.fromkeys(("asin", "acos", "atanh"), _UNIT),
    **{"log1p": (-0.7, LARGE), "tan": (-1.1, 1.1), "acosh": (1.2, LARGE)},
    **{"abs": (*_EVERYWHERE, GAP), "reciprocal": (*_EVERYWHERE, 0.2)},
}


@_row(*_INTERVALS)
def _unary(b: Builder, name: str) -> None:
    x, _ = b.pick()
    b.add(name, b.within(x, *_INTERVALS[name]))


@_row("floor", "ceil", "round", "trunc", "sign")
def _stairs(b: Builder, name: str) -> None:
    if found := b.pick(lambda x: np.all(np.abs(2 * x - np.round(2 * x)) > GAP)):
        # By itself it depends on nothing.
        b.add("-", found[0], b.add(name, found[0]))


@_row("add", "subtract", "multiply", "atan2", "hypot", "logaddexp", "+", "-", "*", "copysign", "maximum", "minimum")
def _binary(b: Builder, name: str) -> None:
    x, first = b.pick()
    y, second = b.pick(broadcasts(first))
    if name in ("atan2", "hypot") and np.any(np.hypot(first, second) < 0.2):
        y = b.within(y, *_POSITIVE)
    if name == "copysign":
        x, y = (b.within(each, *_EVERYWHERE, gap=GAP) for each in (x, y))
    if name in ("maximum", "minimum") and np.any(np.abs(first - second) < GAP):
        return
    b.add(name, x, y)


@_row("divide", "/", "pow", "**", "remainder", "floor_divide")
def _binary_on_domain(b: Builder, name: str) -> None:
    x, first = b.pick()
    y, _ = b.pick(broadcasts(first))
    if name in ("pow", "**"):
        b.add(name, b.within(x, *_POSITIVE), b.within(y, -2.0, 2.0))
        return
    y = b.within(y, 0.0, LARGE, gap=0.3)
    quotient = b.values[x] / b.values[y]
    if name in ("divide", "/"):
        b.add(name, x, y)
    elif np.all(np.abs(quotient - np.round(quotient)) > GAP):
        b.add("-", x, b.add(name, x, y))


@_row("scalar")
def _scalar(b: Builder, _: str) -> None:
    x, _ = b.pick()
    number = b.one_of(2, 0.5, -1.5, 3)
    name = b.one_of("+", "-", "*", "/", "**")
    if b.one_of(False, True):
        whole = name != "**" or isinstance(number, int)
        b.add(name, x if whole else b.within(x, *_POSITIVE), number)
    elif name in ("/", "**"):
        b.add(name, abs(number), b.within(x, 0.3, 2.0))
    else:
        b.add(name, number, x)


@_row("+=", "-=", "*=", "/=")
def _in_place(b: Builder, name: str) -> None:
    x, first = b.pick()
    y, _ = b.pick(stretches_to(first.shape))
    b.add(name, x, b.within(y, 0.0, LARGE, gap=0.3) if name == "/=" else y)


@_row("clip")
def _clip(b: Builder, name: str) -> None:
    if not (found := b.pick(lambda x: np.all(np.abs(np.abs(x) - 0.7) > GAP))):
        return
    x, value = found
    if b.one_of(False, True):
        b.add(name, x, **b.one_of({"min": -0.7, "max": 0.7}, {"max": 0.7}, {"min": -0.7}))
        return
    low = b.within(b.pick(lambda y: y.shape == value.shape)[0], -2.0, -0.2)
    high = b.add("+", low, 1.5)
    if all(np.all(np.abs(value - b.values[bound]) > GAP) for bound in (low, high)):
        b.add(name, x, low, high)


@_row("where above")
def _where(b: Builder, name: str) -> None:
    if found := b.pick(lambda x: np.all(np.abs(x - 0.1) > GAP)):
        y, second = b.pick(broadcasts(found[1]))
        shape = np.broadcast_shapes(found[1].shape, second.shape)
        b.add(name, found[0], y, b.pick(broadcasts(np.empty(shape)))[0], above=0.1)


# -- reductions and what runs along an axis ----------------------------------------------------------------------------


@_row("sum", "mean", "max", "min", "prod", "var", "std", "linalg.vector_norm")
def _reduction(b: Builder, name: str) -> None:
    x, value = b.pick(lambda x: x.size > 0 and (name != "std" or np.std(x) > 0.2)) or b.pick()
    axis = b.one_of(None, *range(-value.ndim, value.ndim), *itertools.combinations(range(value.ndim), 2))
    params: dict[str, Any] = {"axis": axis, "keepdims": b.one_of(False, True)}
    count = np.size(value) // max(np.sum(value, axis=axis).size, 1)
    if name != "sum" and not count:
        return
    if name in ("var", "std"):
        params["correction"] = b.one_of(0.0, 1.0) if count > 1 else 0.0
    if name in ("max", "min") and not is_separated(value):
        return
    if name == "std" and np.any(np.std(value, axis=axis) < 0.1):
        return
    if name == "linalg.vector_norm":
        params["ord"] = b.one_of(2, 1, 3, np.inf)
        if not is_separated(np.abs(value)) or np.any(np.abs(value) < GAP) or np.any(np.sum(np.abs(value), axis) < 0.2):
            return
    b.add(name, x, **params)


@_row("cumulative_sum", "cumulative_prod", "sort")
def _along(b: Builder, name: str) -> None:
    if not (found := b.pick(has_axes)):
        return
    x, value = found
    axis = b.axis_of(value)
    if name != "sort":
        b.add(name, x, axis=axis, include_initial=b.one_of(False, True))
    elif is_separated(value, axis):
        b.add(name, x, axis=axis, descending=b.one_of(False, True))


@_row("diff", "unstack", "take", "take_along_axis", "real of rfft", "imag of rfft", "abs of fft")
def _on_axis(b: Builder, name: str) -> None:
    if not (found := b.pick(has_elements)):
        return
    x, value = found
    axis = b.axis_of(value)
    length = value.shape[axis]
    if name == "diff":
        b.add(name, x, axis=axis, n=b.one_of(1, 2) if length > 2 else 1)
    elif name == "unstack":
        b.add(name, x, axis=axis, place=b.draw(st.integers(0, length - 1)))
    elif name == "take":
        b.add(name, x, b.places_along(length), axis=axis)
    elif name == "take_along_axis":
        shape = [*value.shape]
        shape[axis] = b.one_of(1, 2, 3)
        first, stride = b.one_of(0, 1, 2), b.one_of(0, 1, 3)
        indices = (first + stride * np.arange(int(np.prod(shape))).reshape(shape)) % length
        b.add(name, x, as_tuples(indices), axis=axis)
    elif name != "abs of fft" or np.all(np.abs(np.fft.fft(value, axis=axis)) > 0.2):
        b.add(name, x, axis=axis)


# -- shapes -----------------------------------------------------------------------------------------------------------


@_row("reshape", "permute_dims", "moveaxis", "flip", "roll", "expand_dims", "broadcast_to", "tile", "repeat")
def _reordering(b: Builder, name: str) -> None:
    x, value = b.pick(has_axes) or b.pick()
    shape, ndim = value.shape, value.ndim
    if name == "reshape":
        divisors = [n for n in range(1, value.size + 1) if value.size % n == 0]
        b.add(name, x, shape=b.one_of((-1,) if value.size else (0,), *((n, value.size // n) for n in divisors)))
    elif name == "expand_dims":
        b.add(name, x, axis=b.draw(st.integers(-ndim - 1, ndim)))
    elif name == "broadcast_to":
        stretched = tuple(3 if n == 1 else n for n in shape)
        b.add(name, x, shape=b.one_of((2, *shape), stretched, (1, *stretched)))
    elif name == "tile":
        b.add(name, x, repetitions=b.one_of((2,), (1, 2), (2, 1), (2, 1, 1)))
    elif not ndim:
        return
    elif name == "permute_dims":
        b.add(name, x, axes=tuple(b.draw(st.permutations(range(ndim)))))
    elif name == "moveaxis":
        b.add(name, x, source=b.axis_of(value), destination=b.axis_of(value))
    elif name == "repeat":
        axis = b.axis_of(value)
        b.add(name, x, b.one_of(2, tuple(n % 3 for n in range(shape[axis]))) if shape[axis] else 2, axis=axis)
    else:
        axis = b.one_of(None, b.axis_of(value))
        b.add(name, x, axis=axis, **({"shift": b.one_of(1, -2)} if name == "roll" else {}))


@_row("squeeze")
def _squeeze(b: Builder, name: str) -> None:
    if found := b.pick(lambda x: 1 in x.shape):
        b.add(name, found[0], axis=found[1].shape.index(1))


@_row("concat", "stack")
def _joining(b: Builder, name: str) -> None:
    x, value = b.pick(has_axes) or b.pick()
    if name == "stack":
        parts = [x, *(b.pick(lambda y: y.shape == value.shape)[0] for _ in range(2))]
        b.add(name, tuple(parts), axis=b.draw(st.integers(-value.ndim - 1, value.ndim)))
    elif not value.ndim or b.one_of(False, True):
        b.add(name, (x, b.pick()[0]), axis=None)
    else:
        axis = b.axis_of(value)
        rest = np.delete(value.shape, axis).tolist()

        def fits(y: np.ndarray) -> bool:
            return y.ndim == value.ndim and np.delete(y.shape, axis).tolist() == rest

        b.add(name, (b.pick(fits)[0], x, b.pick(fits)[0]), axis=axis)


@_row("meshgrid")
def _meshgrid(b: Builder, name: str) -> None:
    if found := b.pick(lambda x: x.ndim == 1):
        b.add(name, found[0], b.pick(lambda x: x.ndim == 1)[0], place=b.one_of(0, 1))


@_row("tril", "triu", "matrix_transpose", "linalg.trace", "linalg.diagonal", "linalg.matrix_norm")
def _matrix(b: Builder, name: str) -> None:
    if found := b.pick(lambda x: x.ndim > 1 and np.all(np.sum(np.abs(x), axis=(-2, -1)) > 0.2)):
        x, value = found
        if name in ("tril", "triu"):
            b.add(name, x, k=b.one_of(0, -1, 1))
        elif name in ("linalg.trace", "linalg.diagonal"):
            b.add(name, x, offset=b.one_of(0, -1, 1) if min(value.shape[-2:]) > 1 else 0)
        else:
            b.add(name, x)


# -- indexing ---------------------------------------------------------------------------------------------------------


def _plain_key(b: Builder, shape: tuple[int, ...], new_axes: bool) -> tuple[Any, ...]:
    """Draw integers, slices and, among them, an ellipsis and new axes."""
    items: list[Any] = []
    for n in shape:
        cuts = (slice(1, None), slice(None, -1), slice(None, None, 2), slice(None, None, -1), 0, -1)
        items.append(b.one_of(slice(None), *(cuts if n else ())))
    cut = b.draw(st.integers(0, len(items)))
    length = b.draw(st.integers(0, len(items) - cut))
    key = [*items[:cut], Ellipsis, *items[cut + length :]]
    if new_axes and b.one_of(False, True):
        key.insert(b.draw(st.integers(0, len(key))), None)
    return tuple(key)


@_row("x[key]", "x[key] = value")
def _key(b: Builder, name: str) -> None:
    x, value = b.pick(has_axes) or b.pick()
    key = _plain_key(b, value.shape, new_axes=name == "x[key]")
    if name == "x[key]":
        b.add(name, x, key=key)
        return
    part = b.pick(stretches_to(value[key].shape))
    b.add(name, x, part[0] if part and b.one_of(True, False) else 0.25, key=key)


@_row("x[integers]")
def _integers(b: Builder, _: str) -> None:
    if found := b.pick(has_elements):
        x, value = found
        rows = b.places_along(value.shape[0])
        second = value.ndim > 1 and value.shape[1] > 0 and b.one_of(False, True)
        b.add("x[key]", x, key=(rows, tuple(n % value.shape[1] for n in rows)) if second else (rows,))


@_row("x[x > above]", "x[x > above] = value", "x[x > above] = values")
def _mask(b: Builder, name: str) -> None:
    if not (found := b.pick(lambda x: x.ndim > 0 and np.all(np.abs(x - 0.1) > GAP))):
        return
    x, value = found
    count = int(np.sum(value > 0.1))
    if name == "x[x > above]":
        b.add(name, x, above=0.1)
    elif name == "x[x > above] = value":
        scalar = b.pick(lambda y: y.ndim == 0)
        b.add(name, x, scalar[0] if scalar else 0.25, above=0.1)
    elif vector := b.pick(lambda y: y.ndim == 1 and y.size >= count):
        b.add(name, x, vector[0], above=0.1)


# -- products -------------------------------------------------------------------------------------------------------


@_row("matmul", "@", "tensordot", "vecdot", "linalg.outer", "linalg.cross", "matrix and its transpose")
def _product(b: Builder, name: str) -> None:
    if not (found := b.pick(has_axes)):
        return
    x, first = found
    if name == "linalg.outer":
        if first.ndim == 1:
            b.add(name, x, b.pick(lambda y: y.ndim == 1)[0])
    elif name == "vecdot":
        y, second = b.pick(lambda y: y.ndim > 0 and y.shape[-1] == first.shape[-1] and broadcasts(first)(y))
        b.add(name, x, y, axis=b.one_of(-1, -min(first.ndim, second.ndim)) if first.shape == second.shape else -1)
    elif name == "linalg.cross":
        if threes := b.pick(lambda x: x.ndim > 0 and x.shape[-1] == 3):
            x, first = threes
            b.add(name, x, b.pick(lambda y: y.ndim > 0 and y.shape[-1] == 3 and broadcasts(first)(y))[0])
    elif name == "tensordot":
        own = tuple(b.draw(st.permutations(range(first.ndim))))[: b.one_of(1, 2)]
        y, second = b.pick(lambda y: paired(first, own, y) is not None)
        b.add(name, x, y, axes=b.one_of((own, paired(first, own, second)), 0))
    elif name == "matrix and its transpose":
        if first.ndim > 1:
            b.add(name, x)
    elif fitting := b.pick(lambda y: multiplies(first.shape, y.shape)):
        b.add(name, x, fitting[0])


@_row("vector times matrices", "matrices times vector")
def _vector(b: Builder, name: str) -> None:
    if found := b.pick(lambda x: x.ndim > 1):
        x, value = found
        kept = value.ndim - (2 if name.startswith("vector") else 1)
        vector = b.add("sum", x, axis=tuple(a for a in range(value.ndim) if a != kept))
        b.add("matmul", *((vector, x) if name.startswith("vector") else (x, vector)))


@_row("linalg.det", "linalg.inv", "linalg.solve")
def _system(b: Builder, name: str) -> None:
    if found := b.pick(lambda x: x.ndim > 1 and x.shape[-1] == x.shape[-2] and x.size and np.all(condition(x) < 20)):
        x, value = found
        right = [b.pick(lambda y: y.shape == value.shape)[0]] if name == "linalg.solve" else []
        b.add(name, x, *right)


@st.composite
def programs(draw: Any, most_steps: int = 30, without: Collection[str] = ()) -> Program:
    """Draw a program over the standard, of at least 5 steps but for what shrinks.

    Parameters
    ----------
    most_steps : int
        A row may go beyond by the steps that make its operands fit.
    without : collection of str
        Names in `ROWS` to leave out, such as ``"x[x > above]"``, whose shape depends on values.
    """
    side = st.sampled_from((3, 2, 4, 1, 3, 2, 4, 3, 2, 3, 4, 2, 3, 2, 0))
    shapes = tuple(draw(st.lists(st.lists(side, max_size=3).map(tuple), min_size=2, max_size=4)))
    seed = draw(st.integers(0, 10_000))
    builder = Builder(draw, shapes, seed)
    rows = [None, *(name for name in ROWS if name not in without)]
    # The larger of two: long programs find more in the same time.
    length = max(draw(st.integers(5, most_steps)), draw(st.integers(5, most_steps)))
    for _ in range(2 * length):
        name = draw(st.sampled_from(rows))
        if name is not None:
            ROWS[name](builder)
        if len(builder.steps) >= length:
            break
    if not builder.steps:
        builder.add("atan", "v0")
    return Program(shapes, tuple(builder.steps), seed)
