"""What arguments must be: a check returns the value, or says the rule, what was received and what may be meant."""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnarray._messages import describe, nearest


def check_positive_integer(name: str, value: Any) -> int:
    """Return an integer of at least 1."""
    return _integer(name, value, 1, "a positive integer")


def check_whole(name: str, value: Any) -> int:
    """Return an integer of at least 0."""
    return _integer(name, value, 0, "a whole number of at least 0")


def _integer(name: str, value: Any, least: int, rule: str) -> int:
    try:
        found = least - 1 if isinstance(value, (bool, np.bool_)) else operator.index(value)
    except TypeError:
        found = least - 1
    if found < least:
        raise _wrong(name, value, rule, _meant(value, least))
    return found


def _meant(value: Any, least: int) -> Any:
    """Return the integer that a float or a text stands for, if there is one that will do."""
    try:
        number = float(value) if isinstance(value, (str, float)) else math.nan
    except ValueError:
        return None
    return int(number) if number.is_integer() and number >= least else None


def check_finite(name: str, value: Any) -> float:
    """Return a finite real number as a float."""
    return _number(name, value, True, "a finite number")


def check_positive(name: str, value: Any) -> float:
    """Return a number above 0 as a float."""
    return _number(name, value, lambda x: x > 0, "positive")


def check_not_negative(name: str, value: Any) -> float:
    """Return a number of at least 0 as a float."""
    return _number(name, value, lambda x: x >= 0, "a number of at least 0")


def check_share(name: str, value: Any, closed: bool = False) -> float:
    """Return a number of at least 0 and below 1 as a float; `closed` takes 1 as well."""
    if closed:
        return _number(name, value, lambda x: 0 <= x <= 1, "at least 0 and at most 1")
    return _number(name, value, lambda x: 0 <= x < 1, "at least 0 and below 1")


def _number(name: str, value: Any, holds: Any, rule: str) -> float:
    real = isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_))
    if not real or not math.isfinite(value) or not (holds is True or holds(value)):
        try:
            meant = float(value) if isinstance(value, str) else None
        except ValueError:
            meant = None
        raise _wrong(name, value, rule, meant)
    return float(value)


def check_boolean(name: str, value: Any) -> bool:
    """Return True or False; 0 and 1 stand for them."""
    if not isinstance(value, (bool, np.bool_)) and not (isinstance(value, numbers.Integral) and value in (0, 1)):
        raise _wrong(name, value, "True or False")
    return bool(value)


def check_one_of(name: str, value: Any, options: Sequence[Any]) -> Any:
    """Return one of `options`, as it stands there."""
    for option in options:
        if type(value) is type(option) and value == option:
            return option
    rule = f"{', '.join(map(repr, options[:-1]))} or {options[-1]!r}" if len(options) > 1 else repr(options[0])
    near = nearest(value, [x for x in options if isinstance(x, str)]) if isinstance(value, str) else ""
    raise ValueError(f"{name} must be {rule}: received {name}={value!r}.{near}")


def _wrong(name: str, value: Any, rule: str, meant: Any = None) -> ValueError:
    shown = repr(value) if isinstance(value, (int, float, str, type(None))) else describe(value)
    cure = "" if meant is None else f" Did you mean {name}={meant!r}?"
    return ValueError(f"{name} must be {rule}: received {name}={shown}.{cure}")
