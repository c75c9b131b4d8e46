"""Values of special functions in plain standard code, for libraries that have none of their own.

Polynomials are Chebyshev interpolants, computed to forty digits, in powers of a variable from -1 to 1. Where
a formula holds in part of the range only, it is given arguments from there everywhere, and `where` chooses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

VALUES: dict[str, Callable[..., Any]] = {}

#: Of ``erf(x) / x`` in ``2 x² - 1``, for x from 0 to 1.
_ERF = (
    *(0.9654687386698673, -0.1405360890227171, 0.019852496688983708, -0.0022854855611441132, 0.00021751715604160108),
    *(-1.7537169441124826e-05, 1.223382738352401e-06, -7.51156928660089e-08, 4.11580059766496e-09),
    *(-2.035228404899467e-10, 9.167606746069445e-12, -3.8078827395263415e-13, 1.454817075960679e-14),
)
#: Of ``(1 + 2 x) exp(x²) erfc(x)`` in ``(x - 3.75) / (x + 3.75)``, for all x from 0 (Shepherd, Laframboise, "Chebyshev
#: approximation of (1 + 2x) exp(x²) erfc x in 0 <= x < inf", Mathematics of Computation 36, 1981).
_ERFC = (
    *(1.2375126308378275, -0.14024059858554702, 0.00358541548546369, 0.08227673849015102, -0.10880393014170746),
    *(0.09230432116019834, -0.05869339859054762, 0.0283622774215156, -0.009746579547619623, 0.0017556258324217529),
    *(0.00029371359480570737, -0.00029015397928986765, 5.164940777546399e-05, 2.2383912036550678e-05),
    *(-1.1445049125831309e-05, -9.72849582211122e-07, 1.7534434251106334e-06, -5.826281078800777e-08),
    *(-2.6114702359900956e-07, 2.4289762925488707e-08, 4.0971223152703005e-08, -4.389284159986328e-09),
    *(-6.545560212480268e-09, 5.457157304704689e-10, 9.022149700340591e-10, -3.753158277959621e-11),
    -7.33950500852954e-11,
)
#: Of ``log Γ(x) / ((x - 1) (x - 2))`` in ``2 x - 3``, for x from 1 to 2.
_GAMMALN = (
    *(0.4831289505409809, -0.07297994795715304, 0.01572785026864124, -0.003913560937626182, 0.0010498186644489656),
    *(-0.0002945507015196472, 8.510090382507709e-05, -2.5094328668947195e-05, 7.511391134979752e-06),
    *(-2.2742474102383936e-06, 6.948461695085761e-07, -2.1386323384115519e-07, 6.622899723826762e-08),
    *(-2.0621027431854287e-08, 6.448537660005262e-09, -2.016947955623982e-09, 6.34708063084356e-10),
    *(-2.0874620693971093e-10, 6.659994986020335e-11, -1.5395748006420787e-11, 4.705387815328221e-12),
    *(-3.803618166622364e-12, 1.2510413599689193e-12),
)
#: B_2j, the Bernoulli numbers.
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330)
#: From here on, asymptotic series give every digit.
_FAR = 10


def _enter(function: Callable[..., Any]) -> Callable[..., Any]:
    VALUES[function.__name__] = function
    return function


def _polynomial(x: Any, coefficients: Sequence[float]) -> Any:
    """Return the polynomial with those coefficients, of the lowest power first."""
    total = x * coefficients[-1] + coefficients[-2]
    for coefficient in reversed(coefficients[:-2]):
        total = total * x + coefficient
    return total


# -- the error function ---------------------------------------------------------------------------------------------


def _gaussian(xp: Any, x: Any, factor: float = 1.0) -> Any:
    """``exp(-factor x²)`` for x from 0: what rounding x² would lose is multiplied in."""
    x = xp.minimum(x, 40.0)
    high = xp.floor(x * 16.0) / 16.0
    return xp.exp(-factor * high * high) * xp.exp(factor * (high - x) * (high + x))


def _scaled_tail(x: Any) -> Any:
    """``exp(x²) erfc(x)`` for x from 0."""
    return _polynomial(1.0 - 7.5 / (x + 3.75), _ERFC) / (1.0 + 2.0 * x)


def _erf_near_zero(xp: Any, x: Any) -> Any:
    """``erf(x)`` for x from -1 to 1, of others something finite or infinite."""
    size = xp.minimum(xp.abs(x), 1.0)
    return x * _polynomial(2.0 * size * size - 1.0, _ERF)


@_enter
def erf(xp: Any, x: Any) -> Any:
    size = xp.abs(x)
    far = xp.sign(x) * (1.0 - _gaussian(xp, size) * _scaled_tail(size))
    return xp.where(size < 1.0, _erf_near_zero(xp, x), far)


@_enter
def erfc(xp: Any, x: Any) -> Any:
    size = xp.abs(x)
    tail = _gaussian(xp, size) * _scaled_tail(size)
    near = 1.0 - _erf_near_zero(xp, xp.clip(x, -1.0, 1.0))
    return xp.where(x >= 0.5, tail, xp.where(x <= -1.0, 2.0 - tail, near))


@_enter
def erfinv(xp: Any, x: Any) -> Any:
    """Halley's steps from an approximation by Winitzki ("A handy approximation for the error function", 2008)."""
    size = xp.abs(x)
    inside = xp.where(size < 1.0, size, xp.zeros_like(size))
    log = xp.log1p(-inside * inside)
    half = 2.0 / (math.pi * 0.147) + 0.5 * log
    y = xp.sqrt(-log / 0.147 / (xp.sqrt(half * half - log / 0.147) + half))
    rest = 1.0 - inside
    for _ in range(3):
        gaussian = _gaussian(xp, y)
        tail = gaussian * _scaled_tail(y)
        error = xp.where(inside < 0.5, _erf_near_zero(xp, y) - inside, rest - tail)
        step = error * (math.sqrt(math.pi) / 2.0) / gaussian
        y = y - step / (1.0 + y * step)
    infinite, none = xp.full_like(size, math.inf), xp.full_like(size, math.nan)
    y = xp.where(size < 1.0, y, xp.where(size == 1.0, infinite, none))
    return xp.copysign(y, x)


@_enter
def ndtr(xp: Any, x: Any) -> Any:
    size = xp.abs(x)
    tail = 0.5 * _gaussian(xp, size, 0.5) * _scaled_tail(size * math.sqrt(0.5))
    near = 0.5 + 0.5 * _erf_near_zero(xp, xp.clip(x * math.sqrt(0.5), -1.0, 1.0))
    return xp.where(x <= -0.5, tail, xp.where(x >= 1.0, 1.0 - tail, near))


@_enter
def log_ndtr(xp: Any, x: Any) -> Any:
    # Below the least, the square of the argument leaves the range.
    least = -math.sqrt(float(xp.finfo(x.dtype).max))
    size = xp.clip(x, least, -1.0) * -math.sqrt(0.5)
    far = xp.log(0.5 * _scaled_tail(size)) - size * size
    far = xp.where(x < least, xp.full_like(x, -math.inf), far)
    near = xp.log1p(-ndtr(xp, -xp.maximum(x, -1.0)))
    return xp.where(x < -1.0, far, near)


# -- the logistic function, and products with logarithms --------------------------------------------------------------


@_enter
def expit(xp: Any, x: Any) -> Any:
    lowest = -0.99 * math.log(float(xp.finfo(x.dtype).max))
    small = xp.exp(xp.minimum(x, 0.0))
    return xp.where(x < lowest, small, 1.0 / (1.0 + xp.exp(-xp.maximum(x, lowest))))


@_enter
def logit(xp: Any, x: Any) -> Any:
    inside = xp.where((x > 0.0) & (x < 1.0), x, xp.full_like(x, 0.5))
    from_half = xp.clip(2.0 * inside - 1.0, -0.5, 0.5)
    near = xp.log1p(from_half) - xp.log1p(-from_half)
    value = xp.where((inside > 0.25) & (inside < 0.75), near, xp.log(inside / (1.0 - inside)))
    ends = xp.where(x == 0.0, xp.full_like(x, -math.inf), xp.where(x == 1.0, xp.full_like(x, math.inf), math.nan))
    return xp.where((x > 0.0) & (x < 1.0), value, ends)


@_enter
def xlogy(xp: Any, x1: Any, x2: Any) -> Any:
    return _times_log(xp, x1, x2, xp.log, 0.0)


@_enter
def xlog1py(xp: Any, x1: Any, x2: Any) -> Any:
    return _times_log(xp, x1, x2, xp.log1p, -1.0)


def _times_log(xp: Any, x: Any, y: Any, log: Callable[..., Any], lowest: float) -> Any:
    """``x log(y)``, 0 where x is, unless y is NaN; `lowest` is where the logarithm is minus infinity."""
    x, y = xp.broadcast_arrays(x, y)
    dtype = xp.result_type(x, y)
    x, y = xp.astype(x, dtype, copy=False), xp.astype(y, dtype, copy=False)
    harmless = xp.full_like(y, lowest + 1.0)
    value = log(xp.where(y > lowest, y, harmless))
    none = xp.full_like(y, math.nan)
    value = xp.where(y > lowest, value, xp.where(y == lowest, xp.full_like(y, -math.inf), none))
    is_zero = (x == 0.0) & (y == y)
    return xp.where(is_zero, xp.zeros_like(x), xp.where(is_zero, xp.ones_like(x), x) * value)


@_enter
def entr(xp: Any, x: Any) -> Any:
    inside = xp.where(x >= 0.0, x, xp.ones_like(x))
    value = 0.0 - xlogy(xp, inside, inside)
    return xp.where(x >= 0.0, value, xp.where(x < 0.0, xp.full_like(x, -math.inf), x))


# -- the gamma function and its logarithmic derivatives ---------------------------------------------------------------


@_enter
def gammaln(xp: Any, x: Any) -> Any:
    size = xp.abs(x)
    is_pole = (x <= 0.0) & (xp.floor(x) == x)
    positive = _gammaln_of_positive(xp, xp.where(size > 0.0, size, xp.ones_like(size)))
    sine = xp.where(is_pole | (x > 0.0), xp.ones_like(size), _sine(xp, size) * size)
    reflected = math.log(math.pi) - xp.log(sine) - xp.where(x < 0.0, positive, 0.0)
    value = xp.where(x > 0.0, positive, reflected)
    return xp.where(is_pole | xp.isinf(x), xp.full_like(x, math.inf), value)


def _gammaln_of_positive(xp: Any, x: Any) -> Any:
    # Near 1 and 2, where the logarithm is 0, the factors x - 1 and x - 2 are exact, and no digit is lost.
    near = xp.minimum(x, float(_FAR))
    below = near < 1.0
    steps = xp.where(below, -xp.ones_like(x), xp.maximum(xp.ceil(near) - 2.0, 0.0))
    base = near - steps
    product = xp.where(below, near, xp.ones_like(x))
    for k in range(1, _FAR - 1):
        product = xp.where(steps >= k, product * (near - k), product)
    first, second = xp.where(below, near, base - 1.0), xp.where(below, near - 1.0, base - 2.0)
    log = xp.log(product)
    close = first * second * _polynomial(2.0 * base - 3.0, _GAMMALN) + xp.where(below, -log, log)
    # Above the greatest, the logarithm leaves the range.
    largest = float(xp.finfo(x.dtype).max)
    greatest = largest / (math.log(largest) - 1.0)
    far = xp.clip(x, float(_FAR), greatest)
    inverse = 1.0 / far
    series = _in_even_powers(inverse, [b / (2 * j * (2 * j - 1)) for j, b in enumerate(_BERNOULLI, 1)]) * far
    stirling = (far - 0.5) * (xp.log(far) - 1.0) + (0.5 * math.log(2 * math.pi) - 0.5 + series)
    return xp.where(x < _FAR, close, xp.where(x > greatest, xp.full_like(x, math.inf), stirling))


def _in_even_powers(inverse: Any, coefficients: Sequence[float]) -> Any:
    """Return the sum of coefficients times even powers of a small number, from the second on."""
    square = inverse * inverse
    return square * _polynomial(square, coefficients)


def _sine(xp: Any, size: Any) -> Any:
    """``|sin(π x)|``, without what rounding π x would lose."""
    size = xp.where(xp.isinf(size), xp.full_like(size, 0.5), size)
    return xp.sin(math.pi * xp.abs(size - xp.round(size)))


@_enter
def digamma(xp: Any, x: Any) -> Any:
    size = xp.abs(x)
    is_pole = (x <= 0.0) & (xp.floor(x) == x)
    # Below the least, the reciprocal leaves the range.
    least = 1.001 / float(xp.finfo(x.dtype).max)
    low = xp.maximum(size, least)
    y, passed = low, xp.zeros_like(low)
    for _ in range(_FAR):
        is_low = y < _FAR
        passed = xp.where(is_low, passed + 1.0 / y, passed)
        y = xp.where(is_low, y + 1.0, y)
    inverse = 1.0 / y
    series = _in_even_powers(inverse, [b / (2 * j) for j, b in enumerate(_BERNOULLI, 1)])
    positive = xp.log(y) - 0.5 * inverse - series - passed
    turned = xp.where(is_pole | (x > -least) | xp.isinf(x), xp.full_like(x, 0.25), size)
    tangent = xp.tan(math.pi * (turned - xp.round(turned)))
    value = xp.where(x > 0.0, positive, positive + 1.0 / low + math.pi / tangent)
    value = xp.where(size < least, xp.copysign(xp.full_like(x, math.inf), -x), value)
    return xp.where((is_pole & (x != 0.0)) | (x == -math.inf), xp.full_like(x, math.nan), value)


@_enter
def polygamma(xp: Any, x: Any, n: int) -> Any:
    """``(-1)^(n + 1) n! ζ(n + 1, x)`` by Euler's and Maclaurin's sum, reflected for x below 0."""
    if n == 0:
        return digamma(xp, x)
    is_pole = (x <= 0.0) & (xp.floor(x) == x)
    is_low = (x < 0.0) & xp.isfinite(x) & ~is_pole
    y = xp.where(is_low, 1.0 - x, xp.where(x > 0.0, x, xp.ones_like(x)))
    value = _polygamma_of_positive(xp, n, y)
    turned = xp.where(is_low, x, xp.full_like(x, 0.25))
    cotangent = 1.0 / xp.tan(math.pi * (turned - xp.round(turned)))
    slope = math.pi ** (n + 1) * _polynomial(cotangent, _slopes_of_cotangent(n))
    value = xp.where(is_low, (-1.0) ** n * value - slope, value)
    pole = xp.where(
        is_pole | (x == -math.inf), xp.full_like(x, (-1.0) ** (n + 1) * math.inf), xp.full_like(x, math.nan)
    )
    return xp.where((x > 0.0) | is_low, value, pole)


def _polygamma_of_positive(xp: Any, n: int, x: Any) -> Any:
    power = n + 1.0
    # Closer to zero the result is beyond the largest number.
    least = (math.gamma(power) / float(xp.finfo(x.dtype).max)) ** (1.0 / power) * (1.0 + 1e-6)
    y = xp.minimum(xp.maximum(x, least), float(xp.finfo(x.dtype).max) / 4.0)
    count = _FAR + n
    total = y**-power
    for k in range(1, count):
        sum_, lost = _exact_sum(y, float(k))
        total = total + sum_**-power * (1.0 - power * lost / sum_)
    y, lost = _exact_sum(y, float(count))
    tail = y**-n / n + 0.5 * y**-power
    factor = power
    for j, bernoulli in enumerate(_BERNOULLI, 1):
        tail = tail + bernoulli * factor / math.factorial(2 * j) * y ** -(power + 2 * j - 1)
        factor *= (power + 2 * j - 1) * (power + 2 * j)
    tail = tail * (1.0 - n * lost / y)
    value = (-1.0) ** (n + 1) * math.gamma(power) * (total + tail)
    value = xp.where(x == math.inf, xp.zeros_like(x), value)
    return xp.where(x < least, xp.full_like(x, (-1.0) ** (n + 1) * math.inf), value)


def _exact_sum(x: Any, k: float) -> tuple[Any, Any]:
    """Return ``x + k`` and what rounding it lost (Knuth, "The Art of Computer Programming", 4.2.2)."""
    total = x + k
    part = total - x
    return total, (x - (total - part)) + (k - part)


def _slopes_of_cotangent(n: int) -> list[float]:
    """Return the polynomial in ``cot(u)`` that is its n-th derivative."""
    found = np.polynomial.Polynomial([0.0, 1.0])
    for _ in range(n):
        found = -found.deriv() * np.polynomial.Polynomial([1.0, 0.0, 1.0])
    return [float(x) for x in found.coef]
