"""Checks of arguments: the value, or a message with the rule, what was received and what was probably meant."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from nnarray._checks import (
    check_boolean,
    check_finite,
    check_not_negative,
    check_one_of,
    check_positive,
    check_positive_integer,
    check_share,
    check_whole,
)


@pytest.mark.parametrize(
    ("check", "value", "expected"),
    [
        (check_positive_integer, 3, 3),
        (check_positive_integer, np.int64(3), 3),
        (check_whole, 0, 0),
        (check_share, 0, 0.0),
        (check_share, np.float32(0.5), 0.5),
        (check_finite, -2, -2.0),
        (check_positive, 1e-9, 1e-9),
        (check_not_negative, 0.0, 0.0),
        (check_boolean, np.True_, True),
        (check_boolean, 0, False),
    ],
)
def test_right_values_are_returned_as_pythons_own(check: Any, value: Any, expected: Any) -> None:
    found = check("x", value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("check", "value", "message"),
    [
        (check_positive_integer, -3, "x must be a positive integer: received x=-3."),
        (check_positive_integer, 0, "x must be a positive integer: received x=0."),
        (check_positive_integer, True, "x must be a positive integer: received x=True."),
        (check_positive_integer, 3.0, r"received x=3.0. Did you mean x=3\?"),
        (check_positive_integer, "3", r"received x='3'. Did you mean x=3\?"),
        (check_positive_integer, 2.5, "received x=2.5.$"),
        (check_positive_integer, None, "received x=None.$"),
        (check_positive_integer, np.ones(2), r"received x=ndarray of shape \(2,\) and dtype float64.$"),
        (check_whole, -1, "x must be a whole number of at least 0: received x=-1."),
        (check_share, 1.0, "x must be at least 0 and below 1: received x=1.0."),
        (check_share, math.nan, "at least 0 and below 1: received x=nan."),
        (check_share, "0.2", r"received x='0.2'. Did you mean x=0.2\?"),
        (check_share, True, "received x=True."),
        (check_finite, math.inf, "x must be a finite number: received x=inf."),
        (check_finite, "fast", "x must be a finite number: received x='fast'.$"),
        (check_positive, 0.0, "x must be positive: received x=0.0."),
        (check_positive, math.nan, "x must be positive: received x=nan."),
        (check_not_negative, -0.5, "x must be a number of at least 0: received x=-0.5."),
        (check_boolean, "false", "x must be True or False: received x='false'."),
        (check_boolean, 2, "x must be True or False: received x=2."),
    ],
)
def test_wrong_values_are_refused_in_full(check: Any, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check("x", value)


def test_a_share_may_be_closed() -> None:
    assert check_share("momentum", 1, closed=True) == 1.0
    with pytest.raises(ValueError, match="momentum must be at least 0 and at most 1: received momentum=1.5"):
        check_share("momentum", 1.5, closed=True)


def test_options_are_named_with_the_nearest() -> None:
    assert check_one_of("mode", "min", ("min", "max")) == "min"
    with pytest.raises(ValueError, match=r"mode must be 'min' or 'max': received mode='mim'. Did you mean 'min'\?"):
        check_one_of("mode", "mim", ("min", "max"))
    for wrong in (None, True, np.ones(2)):
        with pytest.raises(ValueError, match="mode must be 'auto', 0 or 1: received"):
            check_one_of("mode", wrong, ("auto", 0, 1))
