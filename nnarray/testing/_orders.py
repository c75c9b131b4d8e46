"""A function to be checked, its derivative by either mode, and that derivative as the function of the next order."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnarray._messages import describe
from nnarray._trees import leaves_of
from nnarray.array import array_namespace
from nnarray.backends import backend_of
from nnarray.testing import _numbers as num
from nnarray.testing._point import Point, random_like
from nnarray.testing._requirements import assert_finite, assert_fits, refuse_not_finite


class Order:
    """What is differentiated at one order: a function of the point's leaves, contracted with fixed numbers.

    Attributes
    ----------
    point : Point
    number : int
        1 for the function itself.
    call : callable
        Takes the leaves in the form the function takes them, returns a tuple of arrays or numbers.
    cotangents : list
        One per result; the scalar to differentiate is s = Σ ⟨cotangent, result⟩.
    mode : {"rev", "fwd"}
    value : list
        The results at the point, raw; computed unless given.
    """

    mode = ""

    def __init__(
        self,
        point: Point,
        number: int,
        call: Callable[..., Any],
        cotangents: Sequence[Any],
        value: Sequence[Any] | None = None,
    ) -> None:
        self.point = point
        self.number = number
        self.call = call
        self.cotangents = list(cotangents)
        self.value = self._at(point.leaves) if value is None else [num.raw(x) for x in value]

    def _at(self, leaves: Sequence[Any]) -> list[Any]:
        return [num.raw(x) for x in self.call(*self.point.passed(leaves))]

    def difference(self, direction: Sequence[np.ndarray], eps: float, stretch: float = 1.0) -> tuple[float, list[Any]]:
        """Return the slope of s by central differences, and the steps, twice eps long, that it went after rounding."""
        ahead, behind = self.point.around(direction, eps, stretch)
        # Results are subtracted one by one, so that a sum over many of them costs no digits.
        values = self._at(ahead), self._at(behind)
        slope = num.inner(self.cotangents, num.minus(*values)) / (2 * eps * stretch)
        if not math.isfinite(slope):
            refuse_not_finite(self.number, (*values[0], *values[1]))
        return slope, num.minus(ahead, behind)

    def sides(self, direction: Sequence[np.ndarray], eps: float) -> tuple[float, float]:
        """Return the slopes of s ahead of the point and behind it, which are far apart at a kink."""
        ahead, behind = (self._at(leaves) for leaves in self.point.around(direction, eps))
        steps = num.minus(ahead, self.value), num.minus(self.value, behind)
        return num.inner(self.cotangents, steps[0]) / eps, num.inner(self.cotangents, steps[1]) / eps

    def spread(self) -> float:
        """Return by how much s differs between calls at one and the same point."""
        offsets = [0.0, self._offset()]
        if any(offsets):
            offsets += [self._offset() for _ in range(4)]
        return max(offsets) - min(offsets)

    def _offset(self) -> float:
        return num.inner(self.cotangents, num.minus(self._at(self.point.leaves), self.value))

    def size(self) -> float:
        """Return the size of the terms that s is summed from."""
        size = num.inner_and_size(self.cotangents, self.value)[1]
        if not math.isfinite(size):
            refuse_not_finite(self.number, self.value)
        return size

    def slope(self, steps: Sequence[Any]) -> tuple[float, float]:
        """Return the slope of s along steps by the derivative under test, and the size of its terms."""
        raise NotImplementedError

    def next(self, direction: Sequence[np.ndarray]) -> Order:
        """Return the order above: the derivative along a direction as a function."""
        raise NotImplementedError


class Reverse(Order):
    """Gradients: ⟨grad(s), t⟩.

    Parameters
    ----------
    grad : callable
        The transform ``grad(f, argnums=tuple)``.
    gradients : callable, optional
        Takes the leaves, returns the gradients of s: made by `grad` if None.
    """

    mode = "rev"

    def __init__(
        self,
        point: Point,
        number: int,
        call: Any,
        cotangents: Any,
        grad: Any,
        gradients: Callable[..., Any] | None = None,
        value: Any = None,
    ) -> None:
        super().__init__(point, number, call, cotangents, value)
        self._grad = grad
        scalar = _contraction(call, self.cotangents)
        self._gradients = gradients or grad(scalar, argnums=tuple(range(len(point.leaves))))
        self._found: list[Any] | None = None

    @property
    def found(self) -> list[Any]:
        """The gradients under test, raw."""
        if self._found is None:
            result = self._gradients(*self.point.passed(self.point.leaves))
            self._found = [num.raw(g) for g in result]
            if len(self._found) != len(self.point.leaves):
                held = f"{len(self._found)} for {len(self.point.leaves)}"
                raise AssertionError(f"grad must return one gradient for each of argnums: received {held}.")
            for name, g, x in zip(self.point.names, self._found, self.point.leaves, strict=True):
                assert_fits("gradient", name, g, x)
        return self._found

    def slope(self, steps: Sequence[Any]) -> tuple[float, float]:
        slope, size = num.inner_and_size(self.found, steps)
        if not math.isfinite(slope):
            assert_finite("gradient", self.point.names, self.found)
        return slope, size

    def next(self, direction: Sequence[np.ndarray]) -> Reverse:
        fixed = self.point.on_device(direction)
        return Reverse(self.point, self.number + 1, self._gradients, fixed, self._grad, value=self.found)


class Forward(Order):
    """Forward mode: the cotangents times J t.

    Parameters
    ----------
    jvp : callable
        The transform ``jvp(f, primals, tangents)``, which returns results and their tangents.
    """

    mode = "fwd"

    def __init__(self, point: Point, number: int, call: Any, cotangents: Any, jvp: Any, value: Any = None) -> None:
        super().__init__(point, number, call, cotangents, value)
        self._jvp = jvp

    def _tangents(self, leaves: Sequence[Any], direction: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(self._jvp(lambda *xs: tuple(self.call(*xs)), tuple(leaves), tuple(direction))[1])

    def slope(self, steps: Sequence[Any]) -> tuple[float, float]:
        rounded = [backend_of(x).xp.astype(t, x.dtype) for t, x in zip(steps, self.point.leaves, strict=True)]
        passed = self.point.passed
        found = [num.raw(t) for t in self._tangents(passed(self.point.leaves), passed(rounded))]
        for i, (t, x) in enumerate(zip(found, self.value, strict=True)):
            if not num.is_number(x):
                assert_fits("tangent", f"result {i}", t, x)
        slope, size = num.inner_and_size(self.cotangents, found)
        if not math.isfinite(slope):
            assert_finite("tangent", [f"result {i}" for i in range(len(found))], found)
        return slope, size

    def next(self, direction: Sequence[np.ndarray]) -> Forward:
        fixed = self.point.passed(self.point.on_device(direction))
        return Forward(self.point, self.number + 1, lambda *xs: self._tangents(xs, fixed), self.cotangents, self._jvp)


def first_function(
    f: Callable[..., Any], point: Point, rng: np.random.Generator
) -> tuple[Callable[..., Any], list[Any], list[Any]]:
    """Return `f` as a function of the point's leaves to its floating-point results, cotangents for them, and them.

    A lone real scalar has cotangent one: then the numbers in a report are those of f itself.
    """

    def results(leaves: Sequence[Any]) -> list[Any]:
        leaves_of_result = leaves_of(f(*point.arguments(leaves)))
        for leaf in leaves_of_result:
            if not (num.is_array(leaf) or num.is_number(leaf)):
                raise TypeError(
                    f"f must return an array, or a tree of arrays: received {describe(leaf)} in its result."
                )
        return leaves_of_result

    found = [num.raw(leaf) for leaf in results(point.passed(point.leaves))]
    kept = [i for i, x in enumerate(found) if num.is_floating(x) or isinstance(x, (float, complex))]
    if not kept:
        held = ", ".join(map(describe, found)) or "nothing"
        raise TypeError(f"f returns no floating-point array, so there is nothing to differentiate: received {held}.")
    chosen = [found[i] for i in kept]

    def call(*leaves: Any) -> tuple[Any, ...]:
        everything = results(leaves)
        return tuple(everything[i] for i in kept)

    if len(chosen) == 1 and not getattr(chosen[0], "shape", ()) and not num.is_complex(chosen[0]):
        return call, [1.0], chosen
    return call, [1.0 if num.is_number(x) else num.like(random_like(x, rng), x) for x in chosen], chosen


def _contraction(call: Callable[..., Any], cotangents: Sequence[Any]) -> Callable[..., Any]:
    """Return the scalar function s = Σ Re⟨cotangent, result⟩, in the functions of whatever records it."""

    def scalar(*leaves: Any) -> Any:
        terms = [_term(c, x) for c, x in zip(cotangents, call(*leaves), strict=True)]
        return sum(terms[1:], terms[0])

    return scalar


def _term(cotangent: Any, x: Any) -> Any:
    if num.is_number(x):
        return (complex(cotangent).conjugate() * x).real
    xp = array_namespace(x)
    if not num.is_complex(num.raw(x)):
        return x if num.is_number(cotangent) else xp.sum(x * cotangent)
    return xp.sum(xp.real(x * backend_of(cotangent).xp.conj(cotangent)))
