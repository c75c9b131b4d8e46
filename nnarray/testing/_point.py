"""The arguments of a check as a flat list of what can be differentiated, each with its name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnarray._messages import describe
from nnarray._trees import flatten_with_accessors, unflatten
from nnarray.array import Array, as_array
from nnarray.backends import backend_of
from nnarray.testing import _numbers as num


class Point:
    """The floating-point arrays among the arguments of a function, and the way back to all of its arguments.

    Parameters
    ----------
    args : tuple
        Arrays, or trees of them; anything but floating-point arrays is passed through.
    recorded : bool
        Whether the function is to be called with nnarray Arrays.

    Attributes
    ----------
    leaves : list of raw array
        What can be differentiated, over all arguments.
    names : list of str
        Where each leaf is, such as ``"argument 1['w']"``.
    """

    def __init__(self, args: Sequence[Any], recorded: bool) -> None:
        if not isinstance(args, (tuple, list)):
            raise TypeError(f"args is the tuple of the function's arguments, such as (x,): received {describe(args)}.")
        tree: Any = tuple(args)
        self._accessors, self._all, self._structure = flatten_with_accessors(tree)
        self._chosen = [i for i, leaf in enumerate(self._all) if num.is_floating(leaf)]
        if not self._chosen:
            raise TypeError(
                "There is nothing to differentiate: no argument is, or holds, a floating-point array. Python numbers "
                f"are constants; make them arrays with xp.asarray. Received {', '.join(map(describe, args)) or '()'}."
            )
        self.recorded = recorded or any(isinstance(self._all[i], Array) for i in self._chosen)
        self.leaves = [num.raw(self._all[i]) for i in self._chosen]
        self.names = [_name(self._accessors[i]) for i in self._chosen]
        libraries = {backend_of(leaf).name for leaf in self.leaves}
        if len(libraries) > 1:
            raise TypeError(f"The arguments must be arrays of one library: received {', '.join(sorted(libraries))}.")

    def passed(self, leaves: Sequence[Any]) -> list[Any]:
        """Return raw leaves in the form in which the function takes them."""
        return [as_array(leaf) for leaf in leaves] if self.recorded else list(leaves)

    def arguments(self, leaves: Sequence[Any]) -> tuple[Any, ...]:
        """Return all arguments of the function, with `leaves` for what can be differentiated."""
        everything = list(self._all)
        for i, leaf in zip(self._chosen, leaves, strict=True):
            everything[i] = leaf
        arguments: Any = unflatten(self._structure, everything)
        return arguments

    def gradients_in(self, result: Any) -> list[Any]:
        """Return the gradient of each leaf out of what a hand-written gradient function returned, None if missing.

        That is a tuple with one gradient for each argument, or each that holds floating-point arrays; for a lone
        one also the gradient itself.
        """
        accessors = [self._accessors[i] for i in self._chosen]
        arguments = sorted({accessor[0].entry for accessor in accessors})
        children = self._structure.children()
        count = len(children)
        held_bare = not isinstance(result, tuple) or (
            len(result) not in (1, count) and not children[arguments[0]].is_leaf()
        )
        if len(arguments) == 1 and held_bare:
            result = (result,)
        if not isinstance(result, (tuple, list)) or len(result) not in (len(arguments), count):
            held = f"{len(result)} of them" if isinstance(result, (tuple, list)) else describe(result)
            raise AssertionError(
                f"The gradient function must return a tuple with one gradient for each of {len(arguments)} arguments "
                f"that hold floating-point arrays ({', '.join(f'argument {i}' for i in arguments)}): received {held}."
            )
        places = {number: place for place, number in enumerate(arguments)} if len(result) != count else {}
        return [_at(accessor, result, places) for accessor in accessors]

    def on_device(self, direction: Sequence[np.ndarray], scale: float = 1.0) -> list[Any]:
        """Return a direction drawn on the host in the libraries, dtypes and devices of the leaves."""
        return [num.like(scale * t, x) for t, x in zip(direction, self.leaves, strict=True)]

    def around(self, direction: Sequence[np.ndarray], eps: float, stretch: float = 1.0) -> tuple[list[Any], list[Any]]:
        """Return the leaves a step of eps along a direction ahead of the point, and behind it.

        Where x is so large that a step of eps would drown in its rounding, the step is ``eps² |x|``. Either is
        stretched by a factor.
        """
        steps = self.on_device(direction, eps)
        for i, x in enumerate(self.leaves):
            # The length bounds the greatest element, by operations that the check needs anyway.
            if not eps * math.sqrt(num.inner([x], [x])) <= 1:
                large = eps * backend_of(x).xp.abs(x)
                steps[i] = steps[i] * backend_of(x).xp.where(large > 1, large, 1 + 0 * large)
        pairs = [(x, step if stretch == 1 else step * stretch) for x, step in zip(self.leaves, steps, strict=True)]
        return [x + step for x, step in pairs], [x - step for x, step in pairs]


def num_elements(x: Any) -> int:
    """Return the number of elements of an array."""
    return int(np.prod(tuple(x.shape), dtype=np.int64))


def random_like(x: Any, rng: np.random.Generator) -> np.ndarray:
    """Return random numbers of absolute value 0.5 to 1.5 in the shape of `x`, so that each weighs about the same.

    Real ones have random signs, complex ones random phases.
    """
    shape = tuple(x.shape)
    size = rng.uniform(0.5, 1.5, shape)
    turn = np.exp(2j * np.pi * rng.random(shape)) if num.is_complex(x) else rng.choice([-1.0, 1.0], shape)
    return np.asarray(size * turn)


def unit_like(x: Any, place: int, unit: complex) -> np.ndarray:
    """Return zeros in the shape of `x` with `unit` at a place, counted in its flattened form."""
    one = np.zeros(num_elements(x), dtype=complex if num.is_complex(x) else float)
    one[place] = unit
    return one.reshape(tuple(x.shape))


def _name(accessor: Any) -> str:
    """Return ``"argument 1['w']"``."""
    return f"argument {accessor[0].entry}{accessor[1:].codify('')}"


def _at(accessor: Any, result: Any, places: dict[int, int]) -> Any:
    first = accessor[0].entry
    try:
        return accessor[1:](result[places.get(first, first)])
    except (AttributeError, IndexError, KeyError, TypeError):
        return None
