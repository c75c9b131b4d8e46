"""Derivatives held against finite differences: any function, any library, any transform, to any order."""

from __future__ import annotations

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
    **{"float16": (5e-2, 2e-2), "bfloat16": (1e-1, 5e-2)},
}
#: Up to so many elements a wrong one is searched for one by one; among more, it is halved down to a few.
_ELEMENTS = 1000
_FEW = 8


class Comparison(NamedTuple):
    """Slopes along one direction: by the derivative under test, by differences, and how far apart they may be.

    `size` is that of the slope or of the terms it is summed from, `bend` by how much two differences differ.
    """

    found: float
    expected: float
    allowed: float
    size: float = 0.0
    bend: float = 0.0

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
        complex128, 2e-3 and 2e-4 in float32 and complex64, 5e-2 and 2e-2 in float16, 1e-1 and 5e-2 in bfloat16; the
        default atol is multiplied by the size of `f` where that is below 1.
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
        found element by element, among more than 1,000 by halving them.
    ValueError
        If `f` is not finite at the point or a step away from it, or an option is out of range.
    TypeError
        If nothing can be differentiated.

    Notes
    -----
    Each order costs ``2 + 2 * directions`` evaluations of what it differentiates (`f`; its gradient; …) and one
    derivative (in mode ``"fwd"`` one for each direction).

    Functions that sum in an order of their own, as on a GPU, give other values at the same point. The spread of
    repeated evaluations divided by eps is added to the tolerance, twice. Where slopes differ by more, a second
    difference is taken with twice the step: what the two differ by, because `f` bends within the step or loses digits
    inside, is added too. Where noise, bends or rounding hide the slope itself, the check says so and fails. At a kink,
    as of a ReLU, a difference is no derivative, and the check fails too, with the slopes on both sides: choose points
    that are further from it than eps.

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
    _check_numbers(eps=eps, rtol=rtol, atol=atol)
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
    for name, value in (("directions", directions), ("order", 1 if order is None else order)):
        if isinstance(value, bool) or not hasattr(type(value), "__index__") or value < 1:
            raise ValueError(f"{name} must be an integer of at least 1: received {name}={value!r}.")
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
    if grad is not None and jvp is None and "fwd" in modes:
        raise ValueError("Another library's grad is used in mode 'rev' only: give its jvp for mode 'fwd' too.")
    return order or (2 if gradient is None else 1)


def _check_numbers(**options: float | None) -> None:
    for name, value in options.items():
        if value is not None and not (value > 0 if name == "eps" else value >= 0):
            raise ValueError(
                f"{name} must be {'positive' if name == 'eps' else 'at least 0'}: received {name}={value!r}."
            )


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
    eps = ulp ** (1 / 3) if eps is None else eps
    relative, absolute = TOLERANCES.get(dtype, (20 * ulp ** (2 / 3), 20 * ulp ** (2 / 3)))
    rtol = relative if rtol is None else rtol
    size_of_s = level.size()
    atol = absolute * min(size_of_s, 1.0) if atol is None else atol
    noise = 2 * level.spread() / eps
    floor = atol + 4 * ulp * size_of_s / eps + noise

    def compare(direction: Sequence[np.ndarray]) -> Comparison:
        expected, steps = level.difference(direction, eps)
        found, size = (slope / (2 * eps) for slope in level.slope(steps))
        size = max(abs(found), abs(expected), size)
        result = Comparison(found, expected, floor + rtol * size, size)
        if result.excess <= 1:
            return result
        # Only now is a second difference worth its cost: with twice the step its error is four times the first one's,
        # so that they differ by three times that; where f loses digits inside, by about as much as it loses.
        bend = abs(level.difference(direction, eps, 2.0)[0] - expected)
        return result._replace(allowed=result.allowed + bend, bend=bend)

    tried = [[random_like(x, rng) for x in level.point.leaves] for _ in range(directions)]
    for i, direction in enumerate(tried):
        result = compare(direction)
        if noise > max(result.size / 2, atol):
            raise AssertionError(
                f"{_title(level)}: the function is too noisy to be checked. Repeated at the same point it differs by "
                f"up to {noise * eps / 2:.2g}, which a step of eps={eps:.2g} turns into ±{noise:.2g}; the slope is "
                f"{num.show(result.expected)}. Fix its random numbers, or give a larger eps."
            )
        along = f"along random direction {i + 1} of {directions}: {result} (eps {eps:.2g}, {dtype})."
        # Two slopes that are both next to nothing agree, whatever hides them.
        hidden = max(abs(result.found), abs(result.expected)) > absolute
        if hidden and result.bend > result.size / 2:
            raise AssertionError(
                f"{_title(level)}: the function bends, or has a kink, within the step, so that differences tell "
                f"nothing {along} Choose another point, or a smaller eps."
            )
        if not result.excess <= 1:
            raise AssertionError(f"{_title(level)}: wrong {along}\n{_worst(level, compare, direction, eps)}")
        if hidden and floor > result.size / 2:
            raise AssertionError(
                f"{_title(level)}: in {dtype} rounding hides the slope {along} Check it in a wider dtype, or give a "
                "larger eps."
            )
    return tried[0]


def _title(level: Order) -> str:
    return f"check_grads, order {level.number}, mode {level.mode!r}"


def _worst(level: Order, compare: Callable[..., Comparison], direction: Sequence[np.ndarray], eps: float) -> str:
    """Return where derivative and difference are furthest apart, element by element, or by halving if they are many."""
    leaves = level.point.leaves
    places = [(leaf, place) for leaf, x in enumerate(leaves) for place in range(num_elements(x))]
    looked = f"{len(places)} elements"
    if len(places) > _ELEMENTS:
        places = _halved(places, compare, direction)
        looked += ", found by halving them"
    tried = []
    for leaf, place in places:
        parts = {1.0: "", 1j: " in its imaginary part"} if num.is_complex(leaves[leaf]) else {1.0: ""}
        for unit, part in parts.items():
            along = [unit_like(x, place, unit) if j == leaf else np.zeros(tuple(x.shape)) for j, x in enumerate(leaves)]
            tried.append((compare(along), along, leaf, place, part))
    worst, along, leaf, place, part = max(tried, key=lambda one: np.nan_to_num(one[0].excess, nan=np.inf))
    index = tuple(int(i) for i in np.unravel_index(place, tuple(leaves[leaf].shape)))
    lines = [f"Worst of {looked}: {level.point.names[leaf]} at index {index}{part}: {worst}."]
    if worst.excess <= 1:
        lines.append("It alone is within what is allowed; the elements together are not.")
    ahead, behind = level.sides(along, eps)
    if abs(ahead - behind) > max(0.1 * abs(ahead), 0.1 * abs(behind), worst.allowed):
        lines.append(
            f"The slopes ahead and behind are {num.show(ahead)} and {num.show(behind)}: the function has a kink there, "
            "or bends within the step. Choose another point, or a smaller eps."
        )
    return "\n".join(lines)


def _halved(
    places: list[tuple[int, int]], compare: Callable[..., Comparison], direction: Sequence[np.ndarray]
) -> list[tuple[int, int]]:
    """Return a few elements in which the direction goes most wrong, by following the worse half of them."""
    while len(places) > _FEW:
        middle = len(places) // 2
        halves = places[:middle], places[middle:]
        first, second = (compare(_only(half, direction)) for half in halves)
        places = halves[0] if not first.excess <= second.excess else halves[1]
    return places


def _only(places: Sequence[tuple[int, int]], direction: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return a direction that is zero but in some elements."""
    kept = [np.zeros(t.size, dtype=t.dtype) for t in direction]
    for leaf in {leaf for leaf, _ in places}:
        chosen = [place for other, place in places if other == leaf]
        kept[leaf][chosen] = direction[leaf].reshape(-1)[chosen]
    return [values.reshape(t.shape) for values, t in zip(kept, direction, strict=True)]
