"""assert_close: what agrees passes whatever its library, what does not is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray.testing import assert_close
from tests.hosts import to_library

X = np.asarray([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


def test_arrays_of_any_library_agree_with_those_of_another(place: Any) -> None:
    space = nna.namespace(*place)
    assert_close(to_library(X, space), X)
    assert_close(X, space.asarray(X))
    assert_close({"a": [space.asarray(X), 2]}, {"a": [X, 2]})
    with pytest.raises(AssertionError, match=r"\['a'\]\[0\]: 1 of 6 elements are off. Worst at index \(1, 2\): 6 inst"):
        assert_close({"a": [to_library(X, space), 2]}, {"a": [np.where(X == 6, 6.1, X), 2]})


def test_the_message_has_index_values_and_tolerance_of_the_worst() -> None:
    desired = np.where(X == 2, 2.1, np.where(X == 5, 7.0, X))
    with pytest.raises(AssertionError) as caught:
        assert_close(X, desired, rtol=0.01, atol=0.0)
    expected = "assert_close: 2 of 6 elements are off. Worst at index (1, 1): 5 instead of 7, allowed ±0.07."
    assert str(caught.value) == expected


def test_the_tolerance_is_that_of_the_less_accurate_dtype() -> None:
    assert_close(np.float32(1.0) + np.float32(5e-6), np.float64(1.0), check_dtype=False)
    with pytest.raises(AssertionError, match="allowed"):
        assert_close(np.asarray(1.0 + 5e-6), np.asarray(1.0))
    assert_close(np.asarray([1e-15, 1.0]), np.asarray([0.0, 1.0]))
    torch = pytest.importorskip("torch")
    assert_close(torch.tensor([1.0078125], dtype=torch.bfloat16), [1.0])
    with pytest.raises(AssertionError, match="instead of 1"):
        assert_close(torch.tensor([1.0625], dtype=torch.bfloat16), [1.0])


@pytest.mark.parametrize(
    ("actual", "desired", "message"),
    [
        (X, X[0], r"shape \(2, 3\) instead of \(3,\)"),
        (X, 1.0, r"shape \(2, 3\) instead of \(\)"),
        (X.astype("float32"), X, "dtype float32 instead of float64.*check_dtype=False"),
        (np.asarray([1, 2]), np.asarray([1, 3]), r"1 of 2 elements are off. Worst at index \(1,\): 2 instead of 3"),
        (np.asarray([True]), np.asarray([False]), "True instead of False"),
        (np.asarray([1 + 1j]), np.asarray([1 - 1j]), r"1\+1j instead of 1-1j"),
        (np.asarray([np.nan, 1.0]), np.asarray([1.0, 1.0]), r"index \(0,\): nan instead of 1"),
        (np.asarray([np.inf]), np.asarray([-np.inf]), "inf instead of -inf"),
        (np.asarray([1.0]), np.asarray([np.inf]), "1 instead of inf"),
        ({"a": X}, {"b": X}, "the trees differ"),
        ([X, X], [X], "the trees differ"),
        (["text"], ["other"], r"\[0\]: 'text' .* instead of 'other'"),
        (2.0, 3.0, "assert_close: 2 instead of 3"),
    ],
)
def test_what_differs_is_said_in_words(actual: Any, desired: Any, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        assert_close(actual, desired)


def test_nan_equals_nan_unless_it_is_not_to() -> None:
    x = np.asarray([np.nan, np.inf])
    assert_close(x, x)
    with pytest.raises(AssertionError, match="nan instead of nan"):
        assert_close(x, x, equal_nan=False)


def test_lists_stand_for_arrays_on_either_side() -> None:
    assert_close(X, X.tolist())
    assert_close(X.tolist(), X)
    with pytest.raises(AssertionError, match="5 instead of 4"):
        assert_close([5.0], np.asarray([4.0]))


def test_no_more_than_ten_leaves_are_listed() -> None:
    with pytest.raises(AssertionError, match="… and 2 more of the 12 leaves"):
        assert_close([1.0] * 12, [2.0] * 12)


@pytest.mark.parametrize(
    ("actual", "desired", "atol", "close"),
    [
        (np.uint8([0]), np.uint8([255]), 1, False),
        (np.uint8([254]), np.uint8([255]), 1, True),
        (np.int8([127]), np.int8([-128]), 1, False),
        (np.asarray([2**63 - 1]), np.asarray([-(2**63)]), 1, False),
        (np.uint64([0]), np.uint64([1]), 2, True),
        (np.uint64([2**53 + 1]), np.asarray([2**53]), None, False),
        (np.uint64([2**63 + 1]), np.asarray([2**63 - 1]), None, False),
        (np.uint64([2**63 + 1]), np.asarray([2**63 - 1]), 2, True),
        (np.asarray([True, False]), np.asarray([True, True]), None, False),
        (np.asarray(3), np.asarray(4), None, False),
    ],
)
def test_integers_neither_wrap_nor_lose_digits(actual: Any, desired: Any, atol: float | None, close: bool) -> None:
    if close:
        assert_close(actual, desired, atol=atol, check_dtype=False)
    else:
        with pytest.raises(AssertionError, match="instead of"):
            assert_close(actual, desired, atol=atol, check_dtype=False)


def test_relative_tolerance_of_integers_is_that_of_their_size() -> None:
    assert_close(np.int8([-127]), np.int8([-128]), rtol=0.1)
    with pytest.raises(AssertionError, match=r"-100 instead of -128, allowed ±13"):
        assert_close(np.int8([-100]), np.int8([-128]), rtol=0.1)


def test_text_is_compared_and_tolerances_are_checked() -> None:
    assert_close(np.asarray(["a", "b"]), np.asarray(["a", "b"]))
    with pytest.raises(AssertionError, match="instead of"):
        assert_close(np.asarray(["a", "b"]), np.asarray(["a", "c"]))
    with pytest.raises(ValueError, match="rtol must be at least 0: received rtol=-1"):
        assert_close(1.0, 1.0, rtol=-1)
