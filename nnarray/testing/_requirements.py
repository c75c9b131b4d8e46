"""What the values, gradients and tangents of a check must be, apart from right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from nnarray._messages import describe
from nnarray.backends import backend_of
from nnarray.testing import _numbers as num


def refuse_not_finite(number: int, values: Sequence[Any]) -> None:
    """Raise if what is differentiated at an order has values that are not finite."""
    for x in values:
        if (index := num.first_not_finite(x)) is not None:
            what = "f" if number == 1 else f"The derivative of order {number - 1}"
            where = f" at index {index}" if index else ""
            raise ValueError(
                f"{what} is not finite at the point of the check, or a step away from it: its result is "
                f"{num.show(num.element(x, index))}{where}. Choose arguments inside of its domain, or a smaller eps."
            )


def assert_finite(kind: str, names: Sequence[str], found: Sequence[Any]) -> None:
    """Assert that gradients or tangents are finite."""
    for name, x in zip(names, found, strict=True):
        if (index := num.first_not_finite(x)) is not None:
            where = f" at index {index}" if index else ""
            raise AssertionError(
                f"The {kind} of {name} is {num.show(num.element(x, index))}{where}, though f is finite there."
            )


def assert_fits(kind: str, name: str, found: Any, x: Any) -> None:
    """Assert that a gradient or tangent has library, shape, dtype and device of what it belongs to."""
    of = f"The {kind} of {name}"
    if found is None:
        raise AssertionError(f"{of} is missing: the derivative under test gave None.")
    if not num.is_array(found):
        raise AssertionError(f"{of} must be an array of {backend_of(x).name}: received {describe(found)}.")
    backend, other = backend_of(x), backend_of(found)
    if other is not backend:
        raise AssertionError(f"{of} must be an array of {backend.name}: received one of {other.name}.")
    for what, has, wants in (
        ("shape", tuple(found.shape), tuple(x.shape)),
        ("dtype", found.dtype, x.dtype),
        ("device", backend.device_of(found), backend.device_of(x)),
    ):
        if has != wants:
            raise AssertionError(f"{of} must have {what} {wants}: received {has}.")


def least_accurate(*xs: Any) -> tuple[float, str]:
    """Return the distance from 1 to the next number of the least accurate dtype among arrays, and its name."""
    known = [(num.ulp(x), num.short(x.dtype)) for x in xs if not num.is_number(x)]
    return max(known, default=(math.ulp(1.0), "float64"))
