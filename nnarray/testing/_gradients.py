"""Derivatives held against finite differences: any function, any library, any transform, to any order."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnarray._messages import describe
from nnarray.backends import backend_of
from nnarray.testing import _numbers as num
from nnarray.testing._orders import Forward, Order, Reverse, first_function
from nnarray.testing._point import Point, num_elements, random_like, unit_like
from nnarray.testing._requirements import least_accurate

#: Relative and absolute tolerance by dtype. The error of a central difference with step h = ulp^(1/3) is about
#: ulp^(2/3) for a function like exp: 4e-11, 2e-5, 1e-2 and 4e-2. The rest is room for steeper ones; half precision
#: leaves little of it.
TOLERANCES = {
    **{"float64": (1e-7, 1e-9), "complex128": (1e-7, 1e-9)},
    **{"float32": (2e-3, 2e-4), "complex64": (2e-3, 2e-4)},
    **{"float16": (5e-2, 5e-2), "bfloat16": (2e-1, 2e-1)},
}
_ELEMENTS = 10_000
_SECONDS = 20.0


class Comparison(NamedTuple):
    """Slopes along one direction: by the derivative under test, by differences, and how far apart they may be."""

    found: float
    expected: float
    allowed: float
    size: float = 0.0

    @property
    def excess(self) -> float:
        """How far apart the slopes are, in units of what is allowed."""
        return abs(self.found - self.expected) / self.allowed if self.allowed else abs(self.found - self.expected)

    def __str__(self) -> str:
        found, expected = num.show(self.found), num.show(self.expected)
        return f"gradient {found}, finite difference {expected}, allowed ±{self.allowed:.2g}"


def check_grads(
    f: Callable[..., Any],
    args: Sequence[Any],
    order: int | None = None,
    modes: Sequence[str] = ("rev",),
    eps: float | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    *,
    grad: Callable[..., Any] | None = None,
    gradient: Callable[..., Any] | None = None,
    jvp: Callable[..., Any] | None = None,
    directions: int = 2,
    seed: int = 0,
) -> None:
    """Assert that the derivatives of a function are those of central differences along random directions.

    Order 1 compares ``⟨grad(s)(args), t⟩`` with ``(s(args + eps t) - s(args - eps t)) / (2 eps)``, where s is `f`
    contracted with fixed random numbers to a scalar; order 2 does the same with ``args -> ⟨grad(s)(args), t⟩`` in
    place of s, and so on. Gradients must also have the library, shape, dtype and device of their argument and be
    finite. All arrays stay on their device.

    Parameters
    ----------
    f : callable
        Returns an array of any shape, or a nested dict, list or tuple of arrays.
    args : tuple
        Its arguments: arrays of one library, or trees of them. Floating-point arrays, real or complex, are
        differentiated; all else is passed through. With nnarray's own transforms `f` is called with Arrays,
        otherwise with the arrays as they are.
    order : int, optional
        Highest order; by default 2, and 1 with `gradient`.
    modes : sequence of {"rev", "fwd"}
        ``"rev"`` checks gradients, ``"fwd"`` derivatives along a direction by forward mode.
    eps : float, optional
        Step of the differences; by default ulp^(1/3) of the least accurate dtype among arguments and results, 6e-6
        in float64 and 5e-3 in float32, where truncation and rounding errors balance. Elements x beyond 1/eps are
        stepped by ``eps² |x|``.
    rtol, atol : float, optional
        The slopes may differ by ``atol + rtol * size`` and by what rounding and noise of `f` explain. The size is
        that of the slope or of the terms that it sums. By default, for that dtype: 1e-7 and 1e-9 in float64 and
        complex128, 2e-3 and 2e-4 in float32 and complex64, 5e-2 in float16, 2e-1 in bfloat16.
    grad : callable, optional
        The transform under test, called as ``grad(s, argnums=(0, 1, …))``: `nnarray.grad` by default;
        `torch.func.grad` and `jax.grad` have this form. For complex arguments the gradient is ``ds/dx + i ds/dy``,
        PyTorch's convention; `jax.grad` gives its conjugate.
    gradient : callable, optional
        In place of `grad`: a function of the same arguments that returns the gradient of a real scalar `f`, or a
        tuple of them, one per argument.
    jvp : callable, optional
        The transform under test in mode ``"fwd"``, called as ``jvp(f, primals, tangents)``: `nnarray.jvp` by default;
        `jax.jvp` and `torch.func.jvp` have this form.
    directions : int
        Number of random directions for each order.
    seed : int
        Of the random numbers.

    Raises
    ------
    AssertionError
        If a derivative is wrong. The message names order, mode, slopes, and the argument and index that are worst,
        found element by element: in all elements up to 10,000 of them, else in 10,000 at random; for 20 seconds.
    ValueError
        If `f` is not finite at the point or a step away from it, or an option is out of range.
    TypeError
        If nothing can be differentiated.

    Notes
    -----
    Each order costs ``2 + 2 * directions`` evaluations of what it differentiates (`f`; its gradient; …) and one
    derivative (in mode ``"fwd"`` one for each direction).

    Functions that sum in an order of their own, as on a GPU, give other values at the same point. The spread of
    repeated evaluations divided by eps is added to the tolerance, twice; where it hides the slopes themselves, the
    check says so and fails.

    Examples
    --------
    >>> import numpy as np
    >>> from nnarray.testing import check_grads
    >>> check_grads(lambda x: x * x * x, (np.asarray([1.0, 2.0]),))

    A gradient written by hand, for any library, with nothing of nnarray in it:

    >>> def loss(x):
    ...     return np.sum(np.tanh(x))
    >>> check_grads(loss, (np.asarray([0.1, 0.7]),), gradient=lambda x: 1 - np.tanh(x) ** 2)
    >>> check_grads(loss, (np.asarray([0.1, 0.7]),), gradient=lambda x: 1 - np.tanh(x))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: check_grads, order 1, mode 'rev': ...
    Worst of 2 elements: argument 0 at index (1,): gradient 0.3956..., finite difference 0.6347..., allowed ±...
    """
    order = _checked(order, modes, grad, gradient, jvp, directions)
    for mode in modes:
        rng = np.random.default_rng(seed)
        transform = jvp if mode == "fwd" else grad
        point = Point(args, recorded=transform is None and gradient is None)
        backend = backend_of(point.leaves[0])
        with backend.activate(backend.device_of(point.leaves[0])):
            level = _first_order(mode, point, first_function(f, point, rng), grad, gradient, jvp)
            while True:
                along = _check_order(level, rng, directions, eps, rtol, atol)
                if level.number == order:
                    break
                level = level.next(along)


def _checked(order: int | None, modes: Any, grad: Any, gradient: Any, jvp: Any, directions: int) -> int:
    """Return the order that is asked for, or say what does not go together."""
    if isinstance(modes, str) or not modes or not set(modes) <= {"rev", "fwd"}:
        raise ValueError(f"modes must hold 'rev', 'fwd' or both: received modes={modes!r}.")
    if not isinstance(directions, int) or directions < 1:
        raise ValueError(f"directions must be an integer of at least 1: received directions={directions!r}.")
    if order is not None and (not isinstance(order, int) or order < 1):
        raise ValueError(f"order must be an integer of at least 1: received order={order!r}.")
    if gradient is not None and (grad is not None or "fwd" in modes):
        raise ValueError("gradient is what mode 'rev' checks, and stands in place of grad: give one of them.")
    if gradient is not None and (order or 1) > 1:
        raise ValueError(
            f"gradient is a function that nothing here differentiates, so it is checked to order 1: received "
            f"order={order}. For higher orders pass a transform, such as grad=torch.func.grad; or check the gradient "
            "function itself as f, with its own gradient."
        )
    if jvp is not None and "fwd" not in modes:
        raise ValueError("jvp is used in mode 'fwd' only: add it to modes.")
    return order or (2 if gradient is None else 1)


def _first_order(mode: str, point: Point, first: Any, grad: Any, gradient: Any, jvp: Any) -> Order:
    from nnarray import autodiff

    call, cotangents, value = first
    if mode == "fwd":
        return Forward(point, 1, call, cotangents, jvp or autodiff.jvp, value)
    if gradient is None:
        return Reverse(point, 1, call, cotangents, grad or autodiff.grad, value=value)
    if len(value) > 1 or getattr(value[0], "shape", ()) != () or num.is_complex(value[0]):
        raise TypeError(
            "gradient is that of a real scalar f: received "
            f"{', '.join(map(describe, value))}. Reduce its result, for example with xp.sum."
        )

    def gradients(*leaves: Any) -> list[Any]:
        return point.gradients_in(gradient(*point.arguments(leaves)))

    return Reverse(point, 1, call, cotangents, None, gradients, value)


def _check_order(
    level: Order, rng: np.random.Generator, directions: int, eps: float | None, rtol: float | None, atol: float | None
) -> list[np.ndarray]:
    """Check one order along random directions, and return the first of them."""
    ulp, dtype = least_accurate(*level.point.leaves, *level.value)
    eps = eps or ulp ** (1 / 3)
    relative, absolute = TOLERANCES.get(dtype, (20 * ulp ** (2 / 3), 20 * ulp ** (2 / 3)))
    rtol, atol = relative if rtol is None else rtol, absolute if atol is None else atol
    rounding = 4 * ulp * level.size() / eps
    noise = 2 * level.spread() / eps
    floor = atol + rounding + noise

    def compare(direction: Sequence[np.ndarray]) -> Comparison:
        expected, steps = level.difference(direction, eps)
        found, size = (slope / (2 * eps) for slope in level.slope(steps))
        size = max(abs(found), abs(expected), size)
        return Comparison(found, expected, floor + rtol * size, size)

    tried = [[random_like(x, rng) for x in level.point.leaves] for _ in range(directions)]
    for i, direction in enumerate(tried):
        result = compare(direction)
        if noise > max(result.size / 2, atol):
            raise AssertionError(
                f"{_title(level)}: the function is too noisy to be checked. Repeated at the same point it differs by "
                f"up to {noise * eps / 2:.2g}, which a step of eps={eps:.2g} turns into ±{noise:.2g}; the slope is "
                f"{num.show(result.expected)}. Fix its random numbers, or give a larger eps."
            )
        if not result.excess <= 1:
            raise AssertionError(
                f"{_title(level)}: wrong along random direction {i + 1} of {directions}: {result} "
                f"(eps {eps:.2g}, {dtype}).\n{_worst(level, compare, rng)}"
            )
    return tried[0]


def _title(level: Order) -> str:
    return f"check_grads, order {level.number}, mode {level.mode!r}"


def _worst(level: Order, compare: Callable[..., Comparison], rng: np.random.Generator) -> str:
    """Return where derivative and difference are furthest apart, element by element."""
    leaves = level.point.leaves
    places = [(leaf, place) for leaf, x in enumerate(leaves) for place in range(num_elements(x))]
    chosen = rng.permutation(len(places))[:_ELEMENTS]
    worst, at, looked = Comparison(0.0, 0.0, 1.0), places[0], 0
    deadline = time.monotonic() + _SECONDS
    for looked, i in enumerate(chosen, start=1):
        leaf, place = places[i]
        for unit in (1.0, 1j) if num.is_complex(leaves[leaf]) else (1.0,):
            result = compare(
                [unit_like(x, place, unit) if j == leaf else np.zeros(tuple(x.shape)) for j, x in enumerate(leaves)]
            )
            if not result.excess <= worst.excess or looked == 1:
                worst, at, part = result, places[i], " in its imaginary part" if unit == 1j else ""
        if time.monotonic() > deadline:
            break
    leaf, place = at
    index = tuple(int(i) for i in np.unravel_index(place, tuple(leaves[leaf].shape)))
    scope = f"{looked} elements" if looked == len(places) else f"{looked} of {len(places)} elements, taken at random"
    alone = "" if not worst.excess <= 1 else "\nEach of them alone is within what is allowed; together they are not."
    return f"Worst of {scope}: {level.point.names[leaf]} at index {index}{part}: {worst}.{alone}"
