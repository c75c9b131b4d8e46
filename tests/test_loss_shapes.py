"""Losses: what shapes and targets they admit, what they say of others, and how they are found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import losses
from tests.hosts import to_host, to_library

ALIKE = [losses.binary_crossentropy, losses.mean_squared_error]


@pytest.mark.parametrize("function", ALIKE, ids=lambda f: f.__name__)
@pytest.mark.parametrize("examples", [1, 2, 5])
def test_a_last_axis_of_length_one_is_added_or_dropped_and_never_broadcast(
    function: Any, examples: int, place: Any
) -> None:
    xp = nna.namespace(*place)
    y, p = np.arange(examples) % 2.0, (1.0 + np.arange(examples)) / 7
    column = to_host(function(to_library(y[:, np.newaxis], xp), to_library(p[:, np.newaxis], xp)))
    assert column.shape == (examples,)
    flat_targets = function(to_library(y, xp), to_library(p[:, np.newaxis], xp))
    np.testing.assert_array_equal(to_host(flat_targets), column)
    flat_outputs = function(to_library(y[:, np.newaxis], xp), to_library(p, xp))
    np.testing.assert_allclose(to_host(flat_outputs), column.mean(), rtol=1e-15)


@pytest.mark.parametrize("function", [*ALIKE, losses.categorical_crossentropy], ids=lambda f: f.__name__)
@pytest.mark.parametrize(
    ("targets", "outputs"),
    [((4,), (4, 3)), ((3, 1), (4, 1)), ((1,), (4, 1)), ((4, 1), (4, 3)), ((4, 3), (4, 2)), ((), (4,))],
)
def test_other_shapes_are_refused_with_both_shapes(function: Any, targets: Any, outputs: Any) -> None:
    with pytest.raises(ValueError, match="same shape") as error:
        function(np.zeros(targets), np.full(outputs, 0.5))
    assert str(targets) in str(error.value)
    assert str(outputs) in str(error.value)


@pytest.mark.parametrize("targets", [(3,), (4, 3), (4, 2), (2, 2), ()])
def test_sparse_labels_of_another_shape_are_refused(targets: Any) -> None:
    with pytest.raises(ValueError, match="Integer labels must have the outputs' shape without the class axis"):
        losses.sparse_categorical_crossentropy(np.zeros(targets, dtype=int), np.full((4, 3), 0.5))


def test_sparse_labels_find_their_class_along_any_axis(place: Any) -> None:
    xp = nna.namespace(*place)
    p = np.random.default_rng(0).uniform(0.1, 1.0, (2, 3, 4))
    labels = np.asarray([[0, 1, 2, 0], [2, 2, 1, 0]])
    found = losses.sparse_categorical_crossentropy(to_library(labels, xp), to_library(p, xp), axis=1)
    chosen = np.take_along_axis(p / p.sum(1, keepdims=True), labels[:, np.newaxis], 1)[:, 0]
    np.testing.assert_allclose(to_host(found), -np.log(chosen), rtol=1e-13)


@pytest.mark.parametrize("weights", [(3,), (1,), (3, 1), (4, 2), (2, 2)])
def test_sample_weights_of_another_shape_are_refused(weights: Any) -> None:
    with pytest.raises(ValueError, match=r"Sample weights must have the shape of the values they weigh, \(4,\)"):
        losses.MeanSquaredError()(np.zeros((4, 3)), np.ones((4, 3)), np.ones(weights))


def test_sample_weights_weigh_whole_examples_or_their_parts(place: Any) -> None:
    xp = nna.namespace(*place)
    p = np.random.default_rng(1).normal(size=(2, 3, 2))
    values = (p**2).mean(-1)
    for weights in (np.asarray([1.0, 3.0]), np.asarray([[1.0], [3.0]]), np.asarray([[1.0, 2.0, 0.0], [3.0, 1.0, 1.0]])):
        matched = weights.reshape(2, -1) * np.ones((2, 3))
        zeros = to_library(np.zeros_like(p), xp)
        for reduction, expected in (
            ("sum_over_batch_size", (values * matched).sum() / 6),
            ("mean_with_sample_weight", (values * matched).sum() / matched.sum()),
        ):
            found = losses.MeanSquaredError(reduction=reduction)(zeros, to_library(p, xp), to_library(weights, xp))
            np.testing.assert_allclose(to_host(found), expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("binary_crossentropy", losses.BinaryCrossentropy),
        ("BinaryCrossentropy", losses.BinaryCrossentropy),
        ("bce", losses.BinaryCrossentropy),
        ("categorical_crossentropy", losses.CategoricalCrossentropy),
        ("sparse_categorical_crossentropy", losses.SparseCategoricalCrossentropy),
        ("mse", losses.MeanSquaredError),
        ("MSE", losses.MeanSquaredError),
    ],
)
def test_losses_are_found_by_name_class_and_object(name: str, cls: Any) -> None:
    assert type(losses.get(name)) is cls
    assert type(losses.get(cls)) is cls
    made = cls()
    assert losses.get(made) is made


def test_functions_become_losses_of_their_name_and_are_reduced() -> None:
    def absolute_error(y_true: Any, y_pred: Any) -> Any:
        xp = nna.array_namespace(y_pred)
        return xp.mean(xp.abs(y_true - y_pred), axis=-1)

    loss = losses.get(absolute_error)
    assert loss.name == "absolute_error"
    assert float(loss(np.zeros((2, 2)), np.asarray([[1.0, 3.0], [0.0, 4.0]]), np.asarray([1.0, 2.0]))) == 3.0
    assert losses.LossFunctionWrapper(lambda y, p, power: (p - y) ** power, power=3, reduction="sum")(
        np.zeros(2), np.asarray([1.0, 2.0])
    ) == pytest.approx(9.0)


def test_own_losses_define_call_and_may_have_no_form_on_logits() -> None:
    class LargestError(losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return nna.array_namespace(y_pred).max(y_pred - y_true, axis=-1)

    assert LargestError().name == "largest_error"
    assert float(LargestError()(np.zeros((2, 2)), np.asarray([[1.0, 3.0], [0.0, 4.0]]))) == 3.5
    with pytest.raises(NotImplementedError, match="LargestError has no form on logits"):
        LargestError().on_logits(np.zeros(1), np.zeros(1))
    with pytest.raises(NotImplementedError, match="must define call"):
        losses.Loss()(np.zeros(1), np.zeros(1))


def test_losses_that_take_logits_or_another_axis_have_no_activation_to_undo() -> None:
    assert losses.BinaryCrossentropy(from_logits=True).logits_activation is None
    assert losses.CategoricalCrossentropy(axis=1).logits_activation is None
    assert losses.MeanSquaredError().logits_activation is None


def test_unknown_losses_and_reductions_are_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match="Unknown loss: 'binary_crossentrpy'. Did you mean 'binary_crossentropy'"):
        losses.get("binary_crossentrpy")
    for wrong in (None, 3, nna.optimizers.SGD):
        with pytest.raises(TypeError, match="Expected a loss"):
            losses.get(wrong)
    with pytest.raises(ValueError, match="reduction must be one of .* received reduction='average'"):
        losses.MeanSquaredError(reduction="average")


B, C, S, M = (
    losses.BinaryCrossentropy(),
    losses.CategoricalCrossentropy(),
    losses.SparseCategoricalCrossentropy(),
    losses.MeanSquaredError(),
)


@pytest.mark.parametrize(
    ("loss", "y", "output_shape"),
    [
        (B, [0, 1], (None, 1)),
        (B, [[0.5], [1]], (None, 1)),
        (B, [[0.5], [1]], (None,)),
        (B, [True, False], (None, 1)),
        (C, [[0, 1], [0.5, 0.5]], (None, 2)),
        (S, [0, 2], (None, 3)),
        (S, [[0], [2.0]], (None, 3)),
        (S, [[0, 1], [2, 2]], (None, 2, 3)),
        (losses.SparseCategoricalCrossentropy(ignore_class=-1), [-1, 2], (None, 3)),
        (losses.SparseCategoricalCrossentropy(ignore_class=255), [255, 2], (None, 3)),
        (M, [-1e9, 3], (None, 1)),
    ],
)
def test_check_targets_lets_fitting_targets_pass(loss: Any, y: Any, output_shape: Any) -> None:
    before = np.asarray(y)
    given = before.copy()
    assert loss.check_targets(given, output_shape) is None
    np.testing.assert_array_equal(given, before)


@pytest.mark.parametrize(
    ("loss", "y", "output_shape", "message"),
    [
        (B, [0, 1, -1, 2], (None, 1), r"takes labels from 0 to 1: received y\[2\] = -1"),
        (B, [[0, 1], [0, 1.5]], (None, 2), r"takes labels from 0 to 1: received y\[1, 1\] = 1.5"),
        (B, [0, 1], (None, 3), r"outputs' shape \(batch, 3\).*sparse_categorical_crossentropy"),
        (B, [[0, 1], [0, 1]], (None, 1), r"outputs' shape \(batch, 1\): received ndarray of shape \(2, 2\)"),
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
        (M, [[1.0, 2.0]], (None, 3), r"outputs' shape \(batch, 3\): received ndarray of shape \(1, 2\)"),
    ],
)
def test_check_targets_names_the_first_wrong_position_and_the_cure(
    loss: Any, y: Any, output_shape: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        loss.check_targets(np.asarray(y), output_shape)
