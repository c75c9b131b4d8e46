"""Functions of each element by itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from nnarray.ops._operation import COMPLEX, TRUTH, cast_to, counted, floated, kind_of, operation, promoted, truth

Unary = Callable[[Any], Any]


def _unary(name: str, words: str, function: str | Unary, prepare: Unary = floated) -> Unary:
    """Return a function of one array, by its name in the standard or as a function of an Array."""

    @operation("x")
    def call(x: Any) -> Any:
        x = prepare(x)
        return getattr(x.namespace, function)(x) if isinstance(function, str) else function(x)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"Return {words}."
    return call


def _same(x: Any) -> Any:
    return x


exp = _unary("exp", "``e**x``", "exp")
exp2 = _unary("exp2", "``2**x``", lambda x: x.namespace.pow(2.0, x))
expm1 = _unary("expm1", "``e**x - 1``, exact also near 0", "expm1")
log = _unary("log", "the natural logarithm", "log")
log1p = _unary("log1p", "``log(1 + x)``, exact also near 0", "log1p")
log2 = _unary("log2", "the logarithm to the base 2", "log2")
log10 = _unary("log10", "the logarithm to the base 10", "log10")
sqrt = _unary("sqrt", "the square root", "sqrt")
rsqrt = _unary("rsqrt", "one over the square root", lambda x: 1.0 / x.namespace.sqrt(x))
cbrt = _unary(
    "cbrt",
    "the cube root, of negative numbers too",
    lambda x: x.namespace.sign(x) * x.namespace.pow(x.namespace.abs(x), 1.0 / 3.0),
)
square = _unary("square", "``x**2``", "square", counted)
reciprocal = _unary("reciprocal", "``1 / x``", lambda x: 1.0 / x)
sin = _unary("sin", "the sine", "sin")
cos = _unary("cos", "the cosine", "cos")
tan = _unary("tan", "the tangent", "tan")
arcsin = _unary("arcsin", "the angle of a sine", "asin")
arccos = _unary("arccos", "the angle of a cosine", "acos")
arctan = _unary("arctan", "the angle of a tangent", "atan")
sinh = _unary("sinh", "the hyperbolic sine", "sinh")
cosh = _unary("cosh", "the hyperbolic cosine", "cosh")
tanh = _unary("tanh", "the hyperbolic tangent", "tanh")
arcsinh = _unary("arcsinh", "the inverse of the hyperbolic sine", "asinh")
arccosh = _unary("arccosh", "the inverse of the hyperbolic cosine", "acosh")
arctanh = _unary("arctanh", "the inverse of the hyperbolic tangent", "atanh")
deg2rad = _unary("deg2rad", "degrees in radians", lambda x: x * (math.pi / 180.0))
rad2deg = _unary("rad2deg", "radians in degrees", lambda x: x * (180.0 / math.pi))
abs = _unary("abs", "the absolute value, of a complex number its length", "abs", counted)
absolute = _unary("absolute", "the absolute value, of a complex number its length", "abs", counted)
fabs = _unary("fabs", "the absolute value as a floating-point number", "abs")
negative = _unary("negative", "``-x``", "negative", counted)
sign = _unary("sign", "-1, 0 or 1 as `x` is negative, zero or positive", "sign", counted)
floor = _unary("floor", "the greatest whole number that is not above `x`", "floor")
ceil = _unary("ceil", "the least whole number that is not below `x`", "ceil")
trunc = _unary("trunc", "`x` without its fraction", "trunc", counted)
isnan = _unary("isnan", "where `x` is NaN", "isnan", counted)
isinf = _unary("isinf", "where `x` is infinite", "isinf", counted)
isfinite = _unary("isfinite", "where `x` is neither infinite nor NaN", "isfinite", counted)
isposinf = _unary("isposinf", "where `x` is plus infinity", lambda x: x == math.inf)
isneginf = _unary("isneginf", "where `x` is minus infinity", lambda x: x == -math.inf)
signbit = _unary("signbit", "where the sign of `x` is negative, of -0.0 too", "signbit")
logical_not = _unary("logical_not", "where `x` is zero", "logical_not", truth)


def _is_complex(x: Any) -> bool:
    return kind_of(x) == COMPLEX


def _real(x: Any) -> Any:
    return x.namespace.real(x) if _is_complex(x) else x


def _imag(x: Any) -> Any:
    return x.namespace.imag(x) if _is_complex(x) else x.namespace.zeros_like(x)


def _conj(x: Any) -> Any:
    return x.namespace.conj(x) if _is_complex(x) else x


def _angle(x: Any) -> Any:
    return x.namespace.atan2(_imag(x), _real(x))


def _sinc(x: Any) -> Any:
    xp, is_zero = x.namespace, x == 0.0
    turned = math.pi * xp.where(is_zero, 1.0, x)
    return xp.where(is_zero, 1.0, xp.sin(turned) / turned)


real = _unary("real", "the real part", _real, _same)
imag = _unary("imag", "the imaginary part, of real numbers 0", _imag, _same)
conj = _unary("conj", "the complex conjugate", _conj, _same)
conjugate = _unary("conjugate", "the complex conjugate", _conj, _same)
angle = _unary("angle", "the angle of a complex number", _angle)
sinc = _unary("sinc", "``sin(pi x) / (pi x)``, and 1 at 0", _sinc)
isreal = _unary("isreal", "where the imaginary part is 0", lambda x: _imag(x) == 0, counted)


def _binary(
    name: str, words: str, function: str | Callable[[Any, Any], Any], least: int = TRUTH, of_truth: str = ""
) -> Callable[[Any, Any], Any]:
    """Return a function of two arrays that broadcast; `of_truth` names that of truth values, which are no numbers."""

    @operation("x1 x2", numbers=True)
    def call(x1: Any, x2: Any) -> Any:
        if of_truth and max(kind_of(x1), kind_of(x2)) == TRUTH:
            both = [x for x in (x1, x2) if hasattr(x, "namespace")]
            return getattr(both[0].namespace, of_truth)(*promoted(x1, x2))
        x1, x2 = promoted(x1, x2, least=least)
        if isinstance(function, str):
            return getattr((x1 if hasattr(x1, "namespace") else x2).namespace, function)(x1, x2)
        return function(x1, x2)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"Return {words}; shapes broadcast."
    return call


def _space(x1: Any, x2: Any) -> Any:
    return (x1 if hasattr(x1, "namespace") else x2).namespace


def _divide_no_nan(x1: Any, x2: Any) -> Any:
    xp = _space(x1, x2)
    x2 = xp.asarray(x2, dtype=x1.dtype, device=x1.device) if isinstance(x2, float) else x2
    is_zero = x2 == 0
    return xp.where(is_zero, 0.0, x1 / xp.where(is_zero, 1.0, x2))


def _fmax(x1: Any, x2: Any, name: str = "maximum") -> Any:
    xp = _space(x1, x2)
    x1, x2 = _arrays(x1, x2)
    first, second = xp.isnan(x1), xp.isnan(x2)
    chosen = getattr(xp, name)(xp.where(first, x2, x1), xp.where(second, x1, x2))
    return xp.where(xp.logical_and(first, second), math.nan, chosen)


def _arrays(*xs: Any) -> list[Any]:
    like = next(x for x in xs if hasattr(x, "namespace"))
    return [
        x if hasattr(x, "namespace") else like.namespace.asarray(x, dtype=like.dtype, device=like.device) for x in xs
    ]


def _fmod(x1: Any, x2: Any) -> Any:
    x1, x2 = _arrays(x1, x2)
    xp = x1.namespace
    return xp.sign(x1) * xp.remainder(xp.abs(x1), xp.abs(x2))


def _heaviside(x1: Any, x2: Any) -> Any:
    x1, x2 = _arrays(x1, x2)
    xp = x1.namespace
    return xp.where(x1 == 0, x2, cast_to(x1 > 0, x2.dtype))


def _logaddexp2(x1: Any, x2: Any) -> Any:
    x1, x2 = _arrays(x1, x2)
    return x1.namespace.logaddexp(x1 * math.log(2), x2 * math.log(2)) / math.log(2)


def _gcd(x1: Any, x2: Any) -> Any:
    """Euclid's algorithm, of as many steps as two Fibonacci numbers of that width take."""
    x1, x2 = (x.namespace.abs(x) for x in _arrays(x1, x2))
    xp = x1.namespace
    x1, x2 = xp.broadcast_arrays(x1, x2)
    for _ in range(math.ceil(1.45 * xp.iinfo(x1.dtype).bits)):
        done = x2 == 0
        x1, x2 = xp.where(done, x1, x2), xp.where(done, 0, xp.remainder(x1, xp.where(done, 1, x2)))
    return x1


def _lcm(x1: Any, x2: Any) -> Any:
    x1, x2 = _arrays(x1, x2)
    xp = x1.namespace
    divisor = _gcd(x1, x2)
    return xp.abs(x1 * (x2 // xp.where(divisor == 0, 1, divisor)))


def _ldexp(x1: Any, x2: Any) -> Any:
    return x1 * _space(x1, x2).pow(2.0, x2)


_FLOAT = 2
add = _binary("add", "``x1 + x2``", "add", of_truth="logical_or")
subtract = _binary("subtract", "``x1 - x2``", "subtract", 1)
multiply = _binary("multiply", "``x1 * x2``", "multiply", of_truth="logical_and")
divide = _binary("divide", "``x1 / x2``", "divide", _FLOAT)
true_divide = _binary("true_divide", "``x1 / x2``", "divide", _FLOAT)
divide_no_nan = _binary("divide_no_nan", "``x1 / x2``, and 0 where `x2` is 0", _divide_no_nan, _FLOAT)
floor_divide = _binary("floor_divide", "the whole number below ``x1 / x2``", "floor_divide", 1)
mod = _binary("mod", "what is left of `x1` when `x2` is taken off, with the sign of `x2`", "remainder", 1)
fmod = _binary("fmod", "what is left of `x1` when `x2` is taken off, with the sign of `x1`", _fmod, 1)
power = _binary("power", "``x1**x2``", "pow", 1)
maximum = _binary("maximum", "the greater of `x1` and `x2`", "maximum", of_truth="logical_or")
minimum = _binary("minimum", "the lesser of `x1` and `x2`", "minimum", of_truth="logical_and")
fmax = _binary("fmax", "the greater of two that are not NaN", _fmax, _FLOAT)
fmin = _binary("fmin", "the lesser of two that are not NaN", lambda x1, x2: _fmax(x1, x2, "minimum"), _FLOAT)
arctan2 = _binary("arctan2", "the angle of the point ``(x2, x1)``", "atan2", _FLOAT)
hypot = _binary("hypot", "``sqrt(x1**2 + x2**2)``", "hypot", _FLOAT)
logaddexp = _binary("logaddexp", "``log(exp(x1) + exp(x2))``", "logaddexp", _FLOAT)
logaddexp2 = _binary("logaddexp2", "``log2(2**x1 + 2**x2)``", _logaddexp2, _FLOAT)
nextafter = _binary("nextafter", "the number next to `x1` towards `x2`", "nextafter", _FLOAT)
heaviside = _binary("heaviside", "0 where `x1` is negative, `x2` where it is 0, 1 elsewhere", _heaviside, _FLOAT)
ldexp = _binary("ldexp", "``x1 * 2**x2``", _ldexp, _FLOAT)
gcd = _binary("gcd", "the greatest common divisor of integers", _gcd, 1)
lcm = _binary("lcm", "the least common multiple of integers", _lcm, 1)
equal = _binary("equal", "``x1 == x2``", "equal")
not_equal = _binary("not_equal", "``x1 != x2``", "not_equal")
less = _binary("less", "``x1 < x2``", "less", 1)
less_equal = _binary("less_equal", "``x1 <= x2``", "less_equal", 1)
greater = _binary("greater", "``x1 > x2``", "greater", 1)
greater_equal = _binary("greater_equal", "``x1 >= x2``", "greater_equal", 1)


def _logical(name: str, words: str) -> Callable[[Any, Any], Any]:
    @operation("x1 x2")
    def call(x1: Any, x2: Any) -> Any:
        return getattr(x1.namespace, name)(truth(x1), truth(x2))

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"Return where {words}: whatever is not zero is true."
    return call


logical_and = _logical("logical_and", "both are true")
logical_or = _logical("logical_or", "one of both is true")
logical_xor = _logical("logical_xor", "one of both is true, and not the other")


def _bitwise(name: str, words: str, standard: str) -> Callable[[Any, Any], Any]:
    @operation("x y", numbers=True)
    def call(x: Any, y: Any) -> Any:
        return getattr(_space(x, y), standard)(*promoted(x, y))

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"Return {words}, of integers."
    return call


bitwise_and = _bitwise("bitwise_and", "the bits that both have", "bitwise_and")
bitwise_or = _bitwise("bitwise_or", "the bits that one of both has", "bitwise_or")
bitwise_xor = _bitwise("bitwise_xor", "the bits that only one of both has", "bitwise_xor")
bitwise_left_shift = _bitwise("bitwise_left_shift", "the bits of `x` moved up by `y`", "bitwise_left_shift")
bitwise_right_shift = _bitwise("bitwise_right_shift", "the bits of `x` moved down by `y`", "bitwise_right_shift")
left_shift = _bitwise("left_shift", "the bits of `x` moved up by `y`", "bitwise_left_shift")
right_shift = _bitwise("right_shift", "the bits of `x` moved down by `y`", "bitwise_right_shift")
bitwise_invert = _unary("bitwise_invert", "the other bits", "bitwise_invert", _same)
bitwise_not = _unary("bitwise_not", "the other bits", "bitwise_invert", _same)
