"""Special functions: a library's own where it has them, elsewhere in standard code."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from nnarray.array._function import Function, Rule
from nnarray.array._place import where_arrays_are
from nnarray.array._special_values import VALUES
from nnarray.backends import Backend


def _enter(name: str, signature: str, rules: dict[str, Rule]) -> None:
    """Enter the row of a function of arrays, which libraries spell as SciPy does."""

    def implementation(backend: Backend) -> Callable[..., Any]:
        own = backend.special(name)
        return _in_standard_code(name, backend) if own is None else own

    several = signature.startswith("x1")
    Function(f"_special.{name}", signature, rules, broadcasts=several, implementation=implementation)


def _in_standard_code(name: str, backend: Backend) -> Callable[..., Any]:
    return where_arrays_are(functools.partial(VALUES[name], backend.xp))


_enter("erf", "x, /", {"x": lambda xp, g, x: g * xp.exp(-x * x) * (2.0 / math.sqrt(math.pi))})
_enter("erfc", "x, /", {"x": lambda xp, g, x: g * xp.exp(-x * x) * (-2.0 / math.sqrt(math.pi))})
_enter("erfinv", "x, /", {"x": lambda xp, g, out: g * xp.exp(out * out) * (math.sqrt(math.pi) / 2.0)})
_enter("ndtr", "x, /", {"x": lambda xp, g, x: g * xp.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)})
_enter("log_ndtr", "x, /", {"x": lambda xp, g, x, out: g * xp.exp(-0.5 * x * x - out) / math.sqrt(2.0 * math.pi)})
_enter("expit", "x, /", {"x": lambda g, out: g * out * (1.0 - out)})
_enter("logit", "x, /", {"x": lambda g, x: g / x / (1.0 - x)})
_enter("gammaln", "x, /", {"x": lambda xp, g, x: g * xp._special.digamma(x)})
_enter("digamma", "x, /", {"x": lambda xp, g, x: g * xp._special.polygamma(x, 1)})
Function(
    "_special.polygamma",
    "x, n, /",
    {"x": lambda xp, g, x, n: g * xp._special.polygamma(x, n + 1)},
    arrays=("x",),
    # PyTorch's has nine digits below 0, JAX's is NaN there, and CuPy's takes no number for the order.
    implementation=lambda backend: _in_standard_code("polygamma", backend),
)
_enter("entr", "x, /", {"x": lambda xp, g, x: g * (-1.0 - xp.log(x))})


def _share(xp: Any, g: Any, x1: Any, over: Any) -> Any:
    """``x1 / over``, zero where x1 is, whatever stands below."""
    is_zero = x1 == 0.0
    return g * xp.where(is_zero, 0.0, x1 / xp.where(is_zero, 1.0, over))


_enter(
    "xlogy",
    "x1, x2, /",
    {"x1": lambda xp, g, x2: g * xp.log(x2), "x2": lambda xp, g, x1, x2: _share(xp, g, x1, x2)},
)
_enter(
    "xlog1py",
    "x1, x2, /",
    {"x1": lambda xp, g, x2: g * xp.log1p(x2), "x2": lambda xp, g, x1, x2: _share(xp, g, x1, 1.0 + x2)},
)
