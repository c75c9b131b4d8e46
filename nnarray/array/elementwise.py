"""Elementwise functions. ``d`` of a formula is written for the cotangent `g` of its result."""

from __future__ import annotations

import cmath
import math
from typing import Any

from nnarray.array._function import Function, binary, elementwise

STEPS = "piecewise constant: its derivative is zero wherever it exists"
TRUTH = "its result is a truth value or an integer"

# -- arithmetic -----------------------------------------------------------------------------------------------------

binary("add", lambda g: g, lambda g: g)
binary("subtract", lambda g: g, lambda g: -g)
binary("multiply", lambda g, x2: g * x2, lambda g, x1: g * x1)
binary("divide", lambda g, x2: g / x2, lambda g, x2, out: -g * out / x2)
binary("floor_divide", constant=STEPS)
binary("remainder", lambda g: g, lambda xp, g, x1, x2: -g * xp.floor_divide(x1, x2))
elementwise("negative", lambda g: -g)
elementwise("positive", lambda g: g)
elementwise("abs", lambda xp, g, x, out: _abs(xp, g, x, out))
elementwise("square", lambda g, x: g * 2 * x)
elementwise("sqrt", lambda g, out: g * 0.5 / out)
elementwise("reciprocal", lambda g, out: -g * out * out)


def _abs(xp: Any, g: Any, x: Any, out: Any) -> Any:
    """``x / |x|``, and 0 at 0; of a real number that is its sign."""
    return g * xp.sign(x) if x.dtype == out.dtype else x * (g / nonzero(xp, out))


def nonzero(xp: Any, size: Any, length: Any = None) -> Any:
    """Return lengths, those of no `size` as 1, to divide by: ``x / |x|`` is then 0 at 0, and its derivative there NaN.

    For a length has no second derivative at zero. One to the power NaN is one, and has the slope NaN.
    """
    is_zero = size == 0
    one = (1.0 + size) ** xp.where(is_zero, math.nan, xp.ones_like(size))
    return xp.where(is_zero, one, size if length is None else length)


def _power_base(xp: Any, g: Any, x1: Any, x2: Any) -> Any:
    """``x2 x1^(x2 - 1)``, zero where x2 is zero, also at x1 = 0."""
    if isinstance(x2, (int, float, complex)):
        return g * x2 * x1 ** (x2 - 1) if x2 != 0 else g * 0.0
    # Only there are they others: elsewhere the derivatives must see the power as it is.
    is_one = xp.logical_and(x1 == 0, x2 == 0)
    return g * xp.where(is_one, 0.0, x2) * xp.where(is_one, 1.0, x1) ** (x2 - 1.0)


def _power_exponent(xp: Any, g: Any, x1: Any, x2: Any, out: Any) -> Any:
    """``x1^x2 log x1``, whose limit at x1 = 0 is zero."""
    if isinstance(x1, (int, float, complex)):
        slope = cmath.log(x1) if x1 != 0 else 0j
        if xp.isdtype(out.dtype, "complex floating"):
            return g * out * slope
        return g * out * (slope.real if slope.imag == 0 else math.nan)
    base = xp.where(x1 == 0, 1.0, x1)
    # A negative number has a logarithm among the complex ones.
    slope = out * xp.log(base if base.dtype == out.dtype else xp.astype(base, out.dtype))
    if isinstance(x2, (int, float, complex)):
        return g * slope
    # Where log x1 is taken for 0, its derivative 1 / x1 is not: this is zero there, and has that of slope by x1.
    at_zero = xp.logical_and(x1 == 0, xp.real(x2) > 0 if xp.isdtype(x2.dtype, "complex floating") else x2 > 0)
    return g * (slope + xp.where(at_zero, out / xp.where(at_zero, x2, 1.0), 0.0))


binary("pow", _power_base, _power_exponent)

# -- exponentials and logarithms --------------------------------------------------------------------------------------

elementwise("exp", lambda g, out: g * out)
elementwise("expm1", lambda g, out: g * (out + 1))
elementwise("log", lambda g, x: g / x)
elementwise("log1p", lambda g, x: g / (x + 1))
elementwise("log2", lambda g, x: g / (x * math.log(2)))
elementwise("log10", lambda g, x: g / (x * math.log(10)))


def _logaddexp_share(xp: Any, g: Any, x: Any, other: Any, out: Any) -> Any:
    """``1 / (1 + exp(other - x))``; equal infinities share, and the exponential stays in range."""
    same = xp.logical_and(x == other, xp.isinf(out))
    zero = xp.zeros_like(out)  # Not 0.0: beside it the other may be a scalar too.
    difference = xp.where(same, zero, other) - xp.where(same, zero, x)
    return g / (1 + xp.exp(xp.minimum(difference, 0.99 * math.log(float(xp.finfo(g.dtype).max)))))


binary(
    "logaddexp",
    lambda xp, g, x1, x2, out: _logaddexp_share(xp, g, x1, x2, out),
    lambda xp, g, x1, x2, out: _logaddexp_share(xp, g, x2, x1, out),
)

# -- trigonometry -----------------------------------------------------------------------------------------------------

elementwise("sin", lambda xp, g, x: g * xp.cos(x))
elementwise("cos", lambda xp, g, x: -g * xp.sin(x))
elementwise("tan", lambda g, out: g * (1 + out * out))
# Two roots, two quotients: a product would leave the range, and of one a complex number may take the other branch.
elementwise("asin", lambda xp, g, x: g / (xp.sqrt(1 - x) * xp.sqrt(1 + x)))
elementwise("acos", lambda xp, g, x: -g / (xp.sqrt(1 - x) * xp.sqrt(1 + x)))
elementwise("atan", lambda xp, g, x: _atan(xp, g, x))
elementwise("sinh", lambda xp, g, x: g * xp.cosh(x))
elementwise("cosh", lambda xp, g, x: g * xp.sinh(x))
elementwise("tanh", lambda g, out: g * (1 - out * out))
elementwise("asinh", lambda xp, g, x: _asinh(xp, g, x))
elementwise("acosh", lambda xp, g, x: g / (xp.sqrt(x - 1) * xp.sqrt(x + 1)))
elementwise("atanh", lambda g, x: g / (1 - x) / (1 + x))


def _atan(xp: Any, g: Any, x: Any) -> Any:
    if xp.isdtype(x.dtype, "complex floating"):
        return g / (1 - 1j * x) / (1 + 1j * x)
    length = xp.hypot(x, xp.ones_like(x))
    return g / length / length


def _asinh(xp: Any, g: Any, x: Any) -> Any:
    if xp.isdtype(x.dtype, "complex floating"):
        return g / (xp.sqrt(1 - 1j * x) * xp.sqrt(1 + 1j * x))
    return g / xp.hypot(x, xp.ones_like(x))


def _atan2(xp: Any, g: Any, far: Any, other: Any) -> Any:
    """``far / r²`` in two steps: the square of the radius leaves the range long before the quotient does."""
    radius = xp.hypot(far, other)
    return g * (far / radius) / radius


binary(
    "atan2",
    lambda xp, g, x1, x2: _atan2(xp, g, x2, x1),
    lambda xp, g, x1, x2: -_atan2(xp, g, x1, x2),
)
# The sign is x1's where that of the result, which is x2's, agrees with it, the opposite elsewhere.
binary("copysign", lambda xp, g, x1, out: xp.where(xp.signbit(x1) == xp.signbit(out), g, -g))


def _hypot(xp: Any, g: Any, x: Any, out: Any) -> Any:
    """``x / out``, and 0 at 0, as of `abs` and the norms."""
    return g * (x / nonzero(xp, out))


binary("hypot", lambda xp, g, x1, out: _hypot(xp, g, x1, out), lambda xp, g, x2, out: _hypot(xp, g, x2, out))

# -- complex numbers; the gradient of a real loss is its derivative by the real part plus i times that by the other --

elementwise("conj", lambda xp, g: xp.conj(g))
elementwise("real", lambda g: g)
elementwise("imag", lambda xp, g, in_dtype: xp.astype(g, in_dtype) * 1j)


def _sign(xp: Any, g: Any, x: Any, out: Any) -> Any:
    """``(ḡ - s Re(s* ḡ)) / |x|`` for ``s = x / |x|``, across the ray from 0; zero at 0, and of real numbers."""
    if not xp.isdtype(x.dtype, "complex floating"):
        return xp.zeros_like(g)
    across = g - out * xp.astype(xp.real(xp.conj(out) * g), g.dtype)
    return xp.where(x == 0, 0.0, across / xp.astype(xp.where(x == 0, 1.0, xp.abs(x)), g.dtype))


Function("sign", "x, /", {"x": _sign}, conjugates=True)

# -- choice; at a tie the first argument takes the whole cotangent --------------------------------------------------

binary(
    "maximum",
    lambda xp, g, x1, x2: xp.where(x1 >= x2, g, 0.0),
    lambda xp, g, x1, x2: xp.where(x1 >= x2, 0.0, g),
)
binary(
    "minimum",
    lambda xp, g, x1, x2: xp.where(x1 <= x2, g, 0.0),
    lambda xp, g, x1, x2: xp.where(x1 <= x2, 0.0, g),
)


def _clip_x(xp: Any, g: Any, x: Any, min: Any, max: Any) -> Any:
    if min is not None:
        g = xp.where(x >= min, g, 0.0)
    return g if max is None else xp.where(x <= max, g, 0.0)


def _clip_min(xp: Any, g: Any, x: Any, min: Any, max: Any) -> Any:
    chosen = x < min
    return xp.where(chosen if max is None else xp.logical_and(chosen, min <= max), g, 0.0)


def _clip_max(xp: Any, g: Any, x: Any, min: Any, max: Any) -> Any:
    """Of bounds that cross, the upper one is the result everywhere."""
    chosen = x > max
    return xp.where(chosen if min is None else xp.logical_or(chosen, min > max), g, 0.0)


Function(
    "clip",
    "x, /, min=None, max=None",
    {
        "x": _clip_x,
        "min": lambda xp, g, x, min, max: _clip_min(xp, g, x, min, max),
        "max": lambda xp, g, x, min, max: _clip_max(xp, g, x, min, max),
    },
    arrays=("x", "min", "max"),
    broadcasts=True,
)
Function(
    "where",
    "condition, x1, x2, /",
    {
        "x1": lambda xp, g, condition: xp.where(condition, g, 0.0),
        "x2": lambda xp, g, condition: xp.where(condition, 0.0, g),
    },
    broadcasts=True,
)

# -- without derivative ---------------------------------------------------------------------------------------------

for name in ("ceil", "floor", "round", "trunc"):
    elementwise(name, constant=STEPS)
for name in ("isfinite", "isinf", "isnan", "signbit", "logical_not", "bitwise_invert"):
    elementwise(name, constant=TRUTH)
binary("nextafter", constant="it steps from one number to the next")
for name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"):
    binary(name, constant=TRUTH)
for name in ("logical_and", "logical_or", "logical_xor"):
    binary(name, constant=TRUTH)
for name in ("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift"):
    binary(name, constant=TRUTH)
