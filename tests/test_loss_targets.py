"""What targets the losses admit, wherever these are, and what is said of others."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import losses
from nnarray.backends import backend_of
from tests.hosts import to_host, to_library

WHOLE, FLOATS = ("bool", "uint8", "int8", "int16", "uint32", "int64"), ("float16", "float32", "float64")


def in_library(y: np.ndarray, place: Any) -> Any:
    if y.dtype == np.float16 and place[0] == "array_api_strict":
        pytest.skip("the library has no 16-bit floats")
    return to_library(y, nna.namespace(*place))


B, C, S, M = (
    losses.BinaryCrossentropy(),
    losses.CategoricalCrossentropy(),
    losses.SparseCategoricalCrossentropy(),
    losses.MeanSquaredError(),
)


@pytest.mark.compiles_for_each_case
@pytest.mark.parametrize(
    ("loss", "y", "output_shape"),
    [
        (B, [0, 1], (None, 1)),
        (B, [[0.5], [1]], (None, 1)),
        (B, [[0.5], [1]], (None,)),
        (B, [True, False], (None, 1)),
        (B, [[0, 1], [1, 1]], (None, None)),
        (C, [[0, 1], [0.5, 0.5]], (None, 2)),
        (S, [0, 2], (None, 3)),
        (S, [[0], [2.0]], (None, 3)),
        (S, [[0, 1], [2, 2]], (None, 2, 3)),
        (S, [[[0], [1]], [[2], [2]]], (None, 2, 3)),
        (S, [0, 200], (None, 201)),
        (S, [0, 7], (None, None)),
        (losses.SparseCategoricalCrossentropy(axis=1), [[0, 1], [2, 2]], (None, 3, 2)),
        (losses.SparseCategoricalCrossentropy(ignore_class=-1), [-1, 2], (None, 3)),
        (losses.SparseCategoricalCrossentropy(ignore_class=255), [255, 2], (None, 3)),
        (M, [-1e9, 3], (None, 1)),
    ],
)
@pytest.mark.parametrize("dtype", [*WHOLE, *FLOATS])
def test_check_targets_lets_fitting_targets_of_any_dtype_pass(
    loss: Any, y: Any, output_shape: Any, dtype: str, place: Any
) -> None:
    with warnings.catch_warnings(action="ignore"):
        before = np.asarray(y).astype(dtype)
    if not np.array_equal(before, np.asarray(y)):
        pytest.skip("the dtype does not hold these numbers")
    given = in_library(before, place)
    assert loss.check_targets(given, output_shape) is None
    assert loss.targets.check(given, output_shape) is None
    np.testing.assert_array_equal(to_host(given), before)


@pytest.mark.parametrize(
    ("loss", "y", "output_shape", "message"),
    [
        (B, [0, 1, -1, 2], (None, 1), r"takes labels from 0 to 1: received y\[2\] = -1"),
        (B, [[0, 1], [0, 1.5]], (None, 2), r"takes labels from 0 to 1: received y\[1, 1\] = 1.5"),
        (B, [0, 1], (None, 3), r"outputs' shape \(batch, 3\).*sparse_categorical_crossentropy"),
        (B, [[0, 1], [0, 1]], (None, 1), r"outputs' shape \(batch, 1\): received .* of shape \(2, 2\)"),
        (C, [[0, 1], [3, 0]], (None, 2), r"from 0 to 1: received y\[1, 0\] = 3"),
        (C, [0, 2], (None, 3), r"outputs' shape \(batch, 3\).*to_categorical"),
        (C, [[0], [2]], (None, 3), "to_categorical"),
        (S, [0, 3, -1], (None, 3), r"integer labels from 0 to 2: received y\[1\] = 3"),
        (S, [0, 1, -1], (None, 3), r"integer labels from 0 to 2: received y\[2\] = -1"),
        (S, [0.0, 0.5], (None, 3), r"integer labels from 0 to 2: received y\[1\] = 0.5"),
        (S, [0.0, np.nan], (None, 3), r"received y\[1\] = nan"),
        (S, [0.0, np.inf], (None, 3), r"received y\[1\] = inf"),
        (S, [[0, 1], [1, 0]], (None, 2), "One-hot labels go with loss='categorical_crossentropy'"),
        (losses.SparseCategoricalCrossentropy(ignore_class=-1), [-1, -2], (None, 3), r"y\[1\] = -2"),
        (M, [[1.0, 2.0]], (None, 3), r"outputs' shape \(batch, 3\): received .* of shape \(1, 2\)"),
    ],
)
def test_check_targets_names_the_first_wrong_position_and_the_cure(
    loss: Any, y: Any, output_shape: Any, message: str, place: Any
) -> None:
    with pytest.raises(ValueError, match=message):
        loss.targets.check(in_library(np.asarray(y), place), output_shape)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint64", "float16"])
def test_limits_that_a_narrow_dtype_cannot_hold_are_limits_all_the_same(dtype: str, place: Any) -> None:
    labels = in_library(np.asarray([3, 44], dtype=dtype), place)
    losses.LABELS.check(labels, (None, 300))
    losses.LABELS.check(labels, (None, 70000))
    losses.Labels(ignored=-1).check(labels, (None, 45))
    with pytest.raises(ValueError, match=r"from 0 to 43: received y\[1\] = 44"):
        losses.LABELS.check(labels, (None, 44))


def test_labels_too_large_for_a_signed_integer_are_shown_as_they_are() -> None:
    with pytest.raises(ValueError, match=r"received y\[0\] = 18446744073709551615"):
        losses.LABELS.check(np.asarray([2**64 - 1], dtype="uint64"), (None, 3))


def test_one_truth_value_leaves_the_device_of_targets_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    y = torch.tensor([0, 1, 2])

    def refuse(*_: Any) -> None:
        raise AssertionError("the targets are copied to the host")

    monkeypatch.setattr(type(backend_of(y)), "to_numpy", refuse)
    S.check_targets(y, (None, 3))
    B.check_targets(torch.tensor([0.0, 0.5]), (None, 1))


def test_one_class_and_one_output_are_refused_with_the_loss_that_is_meant() -> None:
    with pytest.raises(
        ValueError, match=r"from 0 to 0: received y\[1\] = 1. Two classes need two outputs with softmax"
    ):
        S.check_targets(np.asarray([0, 1]), (None, 1))
    with pytest.raises(ValueError, match=r"takes outputs of shape \(batch, …, classes\).*binary_crossentropy"):
        S.check_targets(np.asarray([0, 1]), (None,))


def test_a_subclass_with_its_own_call_admits_any_targets_unless_it_says_which() -> None:
    class Masked(losses.BinaryCrossentropy):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            xp = nna.array_namespace(y_pred)
            return xp.where(y_true < 0, 0.0, xp.square(y_true - y_pred))[:, 0]

    class Renamed(losses.BinaryCrossentropy):
        pass

    class Strict(Masked):
        targets = losses.SameShape(-1, 1, "Strict takes labels from -1 to 1")

    class Own(losses.SparseCategoricalCrossentropy):
        def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
            return 0.0

    y = np.asarray([[-1.0], [1.0]])
    assert Masked().targets == Own().targets == losses.ANY
    Masked().check_targets(y, (None, 1))
    Strict().check_targets(y, (None, 1))
    assert float(Masked()(y, np.asarray([[0.3], [0.5]]))) == 0.125
    with pytest.raises(ValueError, match=r"binary_crossentropy takes labels from 0 to 1: received y\[0, 0\] = -1.0"):
        Renamed().check_targets(y, (None, 1))
    with pytest.raises(ValueError, match=r"Strict takes labels from -1 to 1: received y\[0, 0\] = -2.0"):
        Strict().check_targets(2 * y, (None, 1))
