"""Special functions: our code within 8 units of the last digit of SciPy, libraries' own against it, ends and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.special

import nnarray as nna
from nnarray import special
from nnarray.array._special_values import VALUES
from nnarray.backends import get_backend
from tests.hosts import to_host, to_library

RANDOM = np.random.default_rng(0)
TINY = 10.0 ** RANDOM.uniform(-300, 0, 300)
REAL = np.concatenate([RANDOM.normal(size=1000) * 2, RANDOM.uniform(-30, 30, 1000), TINY, -TINY])
SHARE = np.concatenate([RANDOM.uniform(0, 1, 1000), TINY])
SIZES = 10.0 ** RANDOM.uniform(-290, 290, 99)
POSITIVE = np.concatenate([RANDOM.uniform(0, 12, 999), RANDOM.uniform(0.9, 2.1, 99), SIZES])
BELOW = RANDOM.uniform(-20, 0, 1000)
#: Arguments by function, and the size of the largest term where the function has zeros.
ARGUMENTS: dict[str, tuple[np.ndarray, float]] = {
    "erf": (REAL, 0.0),
    "erfc": (REAL[REAL < 3.0], 0.0),
    "erfinv": (np.concatenate([2 * SHARE[:1000] - 1, TINY]), 0.0),
    "ndtr": (REAL[REAL > -4.0], 0.0),
    "log_ndtr": (np.concatenate([REAL, -(10.0 ** RANDOM.uniform(0, 10, 500))]), 0.0),
    "expit": (REAL, 0.0),
    "logit": (SHARE, 0.0),
    "entr": (SHARE, 0.0),
    "gammaln": (np.concatenate([POSITIVE, BELOW]), 2.0),
    "digamma": (np.concatenate([POSITIVE, BELOW]), 4.0),
}
#: The functions in arithmetic of forty digits.
TRUTH: dict[str, Any] = {
    "erf": lambda m, x: m.erf(x),
    "erfc": lambda m, x: m.erfc(x),
    "erfinv": lambda m, x: m.erfinv(x),
    "ndtr": lambda m, x: m.ncdf(x),
    "log_ndtr": lambda m, x: m.log1p(-m.ncdf(-x)) if x > 0 else m.log(m.erfc(-x / m.sqrt(2)) / 2),
    "expit": lambda m, x: 1 / (1 + m.exp(-x)),
    "logit": lambda m, x: m.log(x / (1 - x)),
    "entr": lambda m, x: -x * m.log(x),
    "gammaln": lambda m, x: m.log(abs(m.gamma(x))) if x < 1e6 else m.loggamma(x),
    "digamma": lambda m, x: m.digamma(x),
}
#: Numbers at which something happens.
ENDS = np.asarray([0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0, -3.0, 1e300, 1e-320, np.inf, -np.inf, np.nan])


def within(found: np.ndarray, expected: np.ndarray, ulps: float, term: float = 0.0) -> None:
    """Assert that two arrays agree in what is infinite or NaN, and else within units of the last digit."""
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(found[~finite], expected[~finite])
    # Below the normal numbers, digits are fewer.
    size = np.maximum(np.maximum(np.abs(expected[finite]), term), np.finfo(expected.dtype).tiny)
    off = np.abs(found[finite] - expected[finite]) / np.spacing(size)
    assert off.max(initial=0) <= ulps, (off.max(), found[finite][off.argmax()], expected[finite][off.argmax()])


@pytest.mark.parametrize("name", ARGUMENTS)
def test_our_code_is_within_8_units_of_the_truth_and_near_scipy(name: str) -> None:
    x, term = ARGUMENTS[name]
    found = VALUES[name](get_backend("numpy").xp, x)
    np.testing.assert_allclose(found, getattr(scipy.special, name)(x), rtol=3e-13, atol=3e-13 * term)
    mpmath = pytest.importorskip("mpmath")
    chosen = slice(None, None, 5)
    with mpmath.workdps(40):
        truth = [float(TRUTH[name](mpmath, mpmath.mpf(float(number)))) for number in x[chosen]]
    within(found[chosen], np.asarray(truth), 8.0, term)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 20])
def test_our_polygamma_is_within_8_units_of_the_truth_and_near_scipy(n: int) -> None:
    x = np.concatenate([RANDOM.uniform(0.05, 30, 100), 10.0 ** RANDOM.uniform(-2, 6, 30)])
    found = VALUES["polygamma"](get_backend("numpy").xp, x, n)
    np.testing.assert_allclose(found, scipy.special.polygamma(n, x), rtol=1e-13)
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(40):
        within(found, np.asarray([float(mpmath.psi(n, float(number))) for number in x]), 8.0)


def test_digits_that_scipy_loses_are_those_of_forty_digit_arithmetic() -> None:
    # By mpmath.erfc, ncdf and gamma at these very numbers.
    x = np.asarray([5.0, 10.3, 20.7, 26.2])
    tails = [1.53745979442803485e-12, 4.59476185309922619e-48, 2.20854811024888842e-188, 1.64325079243894621e-300]
    within(special.erfc(x), np.asarray(tails), 8.0)
    x = np.asarray([-5.0, -10.5, -20.75, -37.0])
    tails = [2.86651571879193912e-07, 4.31900631780923035e-26, 6.12957206694773591e-96, 5.72557122252457682e-300]
    within(special.ndtr(x), np.asarray(tails), 8.0)
    x = np.asarray([0.9999, 1.0001, 1.999, 2.001])
    logs = [5.77297915611938628e-05, -5.7713342220471268e-05, -4.22461800692107284e-04, 4.23106734800116991e-04]
    within(special.gammaln(x), np.asarray(logs), 8.0)


@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.filterwarnings("error")
def test_the_ends_of_the_range_are_those_of_scipy(name: str) -> None:
    # C and the other libraries have the logarithm of gamma infinite at minus infinity, and finite at 1e-320.
    x = ENDS[(-np.inf != ENDS) & (ENDS != 1e-320)] if name == "gammaln" else ENDS
    within(getattr(special, name)(x), getattr(scipy.special, name)(x), 8.0, ARGUMENTS[name][1])


@pytest.mark.parametrize("n", [1, 2])
def test_poles_of_polygamma_are_those_of_scipy(n: int) -> None:
    within(special.polygamma(n, ENDS), scipy.special.polygamma(n, ENDS), 8.0, term=8.0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ARGUMENTS)
def test_every_library_agrees_with_our_code(name: str, dtype: str, place: Any) -> None:
    x = ARGUMENTS[name][0][::7]
    x = x[(np.abs(x) > 1e-6) & (np.abs(x) < 20) & (np.abs(x - np.round(x)) > 1e-3)].astype(dtype)
    found = getattr(special, name)(to_library(x, nna.namespace(*place)))
    expected = getattr(scipy.special, name)(x.astype("float64"))
    assert str(to_host(found).dtype) == dtype
    rtol = 1e-12 if dtype == "float64" else 3e-5
    np.testing.assert_allclose(to_host(found), expected, rtol=rtol, atol=rtol)


def test_products_with_logarithms_are_zero_where_the_first_factor_is(place: Any) -> None:
    x, y = np.asarray([0.0, 0.0, 0.0, 2.0, 2.0]), np.asarray([0.0, np.inf, np.nan, 0.0, 3.0])
    for name in ("xlogy", "xlog1py"):
        found = getattr(special, name)(*(to_library(a, nna.namespace(*place)) for a in (x, y)))
        with np.errstate(divide="ignore"):
            np.testing.assert_allclose(to_host(found), getattr(scipy.special, name)(x, y))
    slope = nna.grad(lambda y: nna.array_namespace(y).sum(special.xlogy(0.0, y)))(
        to_library(y[:1], nna.namespace(*place))
    )
    assert to_host(slope).tolist() == [0.0]


def test_sums_of_exponentials_stay_in_range_and_take_factors(place: Any) -> None:
    a, b = np.asarray([[1000.0, 1000.0], [-1000.0, 3.0]]), np.asarray([[1.0, 2.0]])
    xp = nna.namespace(*place)
    for arguments in ({}, {"axis": 1}, {"axis": (0, 1)}, {"axis": 0, "keepdims": True}):
        for factors in (None, b):
            given = None if factors is None else to_library(factors, xp)
            found = special.logsumexp(to_library(a, xp), b=given, **arguments)
            np.testing.assert_allclose(to_host(found), scipy.special.logsumexp(a, b=factors, **arguments), rtol=1e-14)
    nothing = special.logsumexp(to_library(np.asarray([-np.inf, -np.inf]), xp))
    assert float(to_host(nothing)) == -np.inf


def test_the_logarithm_of_beta_is_scipys(place: Any) -> None:
    a, b = np.asarray([0.5, 2.0, 30.0]), np.asarray([1.5, 7.0, 0.25])
    found = special.betaln(*(to_library(x, nna.namespace(*place)) for x in (a, b)))
    np.testing.assert_allclose(to_host(found), scipy.special.betaln(a, b), rtol=1e-12)


def test_integers_variables_numbers_and_symbols_are_taken() -> None:
    assert special.erf(np.asarray([0, 1])).dtype == "float32"
    np.testing.assert_allclose(special.erf(nna.Variable(np.asarray([1.0]))), scipy.special.erf([1.0]))
    np.testing.assert_allclose(special.xlogy(2.0, np.asarray([3.0])), scipy.special.xlogy(2.0, [3.0]))
    inputs = nna.Input((2,))
    model = nna.Model(inputs, special.erf(inputs))
    np.testing.assert_allclose(
        model.predict(np.asarray([[0.5, -1.0]]), verbose=0), scipy.special.erf([[0.5, -1.0]]), 1e-6
    )


def test_what_is_no_order_and_no_array_is_refused() -> None:
    for n in (-1, 1.0, True):
        with pytest.raises(ValueError, match="n must be an integer from 0"):
            special.polygamma(n, np.asarray([1.0]))
    with pytest.raises(TypeError, match="An array of a library"):
        special.erf([1.0])
    with pytest.raises(TypeError, match="Special functions are of real numbers: received ndarray"):
        special.gammaln(np.asarray([1.0 + 2.0j]))
