"""Straight-line programs over the standard: data that prints as it is written, and runs on arrays of any library.

``v0, v1, …`` are the inputs, then the results of the steps, in order. Random ones are drawn by
`tests.random_programs.programs`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np

import nnarray as nna
from nnarray.array import Array, array_namespace
from nnarray.backends import backend_of
from tests.array.case import real


@dataclass(frozen=True, init=False, repr=False)
class Step:
    """One call: a function of the standard or an entry of `OPERATIONS`, its operands, its parameters.

    An operand is the name of an earlier value, a tuple of such names, or a number.
    """

    name: str
    operands: tuple[Any, ...]
    params: dict[str, Any]

    def __init__(self, name: str, /, *operands: Any, **params: Any) -> None:
        vars(self).update(name=name, operands=operands, params=params)

    def __repr__(self) -> str:
        words = [*map(repr, (self.name, *self.operands)), *(f"{name}={value!r}" for name, value in self.params.items())]
        return f"Step({', '.join(words)})"

    @property
    def read(self) -> tuple[str, ...]:
        """Names of the values that it reads."""
        flat = (name for item in self.operands for name in (item if isinstance(item, tuple) else (item,)))
        return tuple(name for name in flat if isinstance(name, str))

    def __call__(self, values: dict[str, Any]) -> Any:
        """Return the result, given the values so far."""

        def value_of(operand: Any) -> Any:
            if isinstance(operand, tuple):
                return [value_of(item) for item in operand]
            return values[operand] if isinstance(operand, str) else operand

        operands = [value_of(operand) for operand in self.operands]
        xp = array_namespace(values["v0"])
        call = OPERATIONS.get(self.name)
        return call(xp, *operands, **self.params) if call else attrgetter(self.name)(xp)(*operands, **self.params)


@dataclass(frozen=True, repr=False)
class Program:
    """Inputs by their shapes, whose numbers come of the seed, and steps; its results are what no step reads."""

    shapes: tuple[tuple[int, ...], ...]
    steps: tuple[Step, ...]
    seed: int = 0

    def __repr__(self) -> str:
        lines = [f"        {step!r},  # v{i}" for i, step in enumerate(self.steps, len(self.shapes))]
        return "\n".join(
            ["Program(", f"    shapes={self.shapes},", "    steps=(", *lines, "    ),", f"    seed={self.seed},", ")"]
        )

    def _repr_pretty_(self, printer: Any, _: bool) -> None:
        # What hypothesis prints of a program that fails.
        printer.text(repr(self))

    @property
    def inputs(self) -> tuple[np.ndarray, ...]:
        """The inputs as NumPy arrays: numbers that all differ, away from zero."""
        return tuple(real(*shape, seed=self.seed + i) for i, shape in enumerate(self.shapes))

    def __call__(self, *inputs: Any) -> tuple[Any, ...]:
        """Return the results, from inputs of any library."""
        values = {f"v{i}": x for i, x in enumerate(inputs)}
        for step in self.steps:
            values[f"v{len(values)}"] = step(values)
        read = {name for step in self.steps for name in step.read}
        made = list(values)[len(inputs) :]
        return tuple(values[name] for name in made if name not in read)

    def loss(self, *inputs: Any) -> Any:
        """Return a weighted sum of all elements of all results."""
        return sum(_weighted_sum(inputs[0], result) for result in self(*inputs))


def _weighted_sum(like: Any, result: Any) -> Any:
    xp = array_namespace(like)
    weights = np.cos(1.0 + np.arange(math.prod(result.shape))).reshape(result.shape)
    return xp.sum(result * _array(xp, weights, like))


def _array(xp: Any, x: Any, like: Any) -> Any:
    """Return numbers as an array that stands on the device of another."""
    return xp.asarray(x, device=like.device) if isinstance(like, Array) else xp.asarray(x)


# -- what has another form than a function of the standard: syntax, and arrays that are no values of the program -----


def _key(xp: Any, x: Any, key: Any) -> Any:
    """Tuples in a key stand for arrays of integers."""
    return tuple(_array(xp, np.asarray(item), x) if isinstance(item, tuple) else item for item in key)


def _get(xp: Any, x: Any, key: Any) -> Any:
    key = _key(xp, x, key)
    # The standard has negative steps, PyTorch has not.
    return x[key] if isinstance(x, Array) else backend_of(x).get_item(x, key)


def _set(xp: Any, x: Any, value: Any, key: Any) -> Any:
    if not isinstance(x, Array):
        return backend_of(x).set_item(x, key, xp.asarray(value) if isinstance(value, float) else value)
    x = +x
    x[key] = value
    return x


def _set_mask(xp: Any, x: Any, value: Any, above: float) -> Any:
    if not isinstance(x, Array):
        return xp.where(x > above, value, x)
    x = +x
    x[x > above] = value
    return x


def _set_masked(xp: Any, x: Any, value: Any, above: float) -> Any:
    """Assign the leading elements of a vector to those above a bound."""
    if not isinstance(x, Array):
        flat = xp.reshape(x, (-1,))
        places = xp.nonzero(flat > above)[0]
        return xp.reshape(backend_of(x).set_item(flat, (places,), value[: places.shape[0]]), x.shape)
    mask = x > above
    x = +x
    x[mask] = value[: int(x.namespace.count_nonzero(mask))]
    return x


def _stop(xp: Any, x: Any) -> Any:
    if isinstance(x, Array):
        return nna.stop_gradient(x)
    if backend_of(x).name == "jax":
        import jax

        return jax.lax.stop_gradient(x)
    return x.detach() if hasattr(x, "detach") else x


def _floor_divide(xp: Any, x: Any, y: Any) -> Any:
    if not isinstance(x, Array):
        # PyTorch refuses to differentiate it.
        x, y = _stop(xp, x), _stop(xp, y)
    return xp.floor_divide(x, y)


def _in_place(change: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def call(xp: Any, x: Any, other: Any) -> Any:
        return change(x * 1.0, other)

    return call


def _indexed(name: str) -> Callable[..., Any]:
    """A function that takes integers as its second argument: one, or an array of them written as nested tuples."""

    def call(xp: Any, x: Any, indices: Any, **params: Any) -> Any:
        indices = indices if isinstance(indices, int) else _array(xp, np.asarray(indices), x)
        return getattr(xp, name)(x, indices, **params)

    return call


OPERATIONS: dict[str, Callable[..., Any]] = {
    "+": lambda xp, x, y: x + y,
    "-": lambda xp, x, y: x - y,
    "*": lambda xp, x, y: x * y,
    "/": lambda xp, x, y: x / y,
    "**": lambda xp, x, y: x**y,
    "@": lambda xp, x, y: x @ y,
    "+=": _in_place(operator.iadd),
    "-=": _in_place(operator.isub),
    "*=": _in_place(operator.imul),
    "/=": _in_place(operator.itruediv),
    "x[key]": _get,
    "x[x > above]": lambda xp, x, above: x[x > above],
    "x[key] = value": _set,
    "x[x > above] = value": _set_mask,
    "x[x > above] = values": _set_masked,
    "take": _indexed("take"),
    "take_along_axis": _indexed("take_along_axis"),
    "repeat": _indexed("repeat"),
    "where above": lambda xp, x, y, z, above: xp.where(x > above, y, z),
    "tile": lambda xp, x, repetitions: xp.tile(x, repetitions),
    "moveaxis": lambda xp, x, source, destination: xp.moveaxis(x, source, destination),
    "unstack": lambda xp, x, axis, place: xp.unstack(x, axis=axis)[place],
    "meshgrid": lambda xp, x, y, place: xp.meshgrid(x, y)[place],
    "astype": lambda xp, x: xp.astype(x, xp.float64, copy=True),
    "real of rfft": lambda xp, x, axis: xp.real(xp.fft.rfft(x, axis=axis)),
    "imag of rfft": lambda xp, x, axis: xp.imag(xp.fft.rfft(x, axis=axis)),
    "abs of fft": lambda xp, x, axis: xp.abs(xp.fft.fft(xp.astype(x, xp.complex128), axis=axis)),
    "matrix and its transpose": lambda xp, x: xp.matmul(x, xp.matrix_transpose(x)),
    "floor_divide": _floor_divide,
    "stop_gradient": _stop,
}
