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
    for targets in (y, y[:, np.newaxis]):
        flat_outputs = function(to_library(targets, xp), to_library(p, xp))
        np.testing.assert_array_equal(to_host(flat_outputs), column)


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


@pytest.mark.parametrize("targets", [(3,), (3, 1)])
@pytest.mark.parametrize("outputs", [(3,), (3, 1)])
@pytest.mark.parametrize("weights", [None, (3,), (3, 1), (1,)])
def test_code_of_the_users_sees_targets_in_the_outputs_shape(
    targets: Any, outputs: Any, weights: Any, place: Any
) -> None:
    xp = nna.namespace(*place)
    seen = []

    def absolute(y_true: Any, y_pred: Any) -> Any:
        seen.append(tuple(y_true.shape))
        return abs(y_true - y_pred)

    class Absolute(losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return absolute(y_true, y_pred)

    y, p = np.asarray([0.0, 1.0, 2.0]), np.asarray([1.0, 3.0, 5.0])
    w = None if weights is None else np.asarray([2.0, 1.0, 3.0])[: weights[0]].reshape(weights)
    expected = np.mean(abs(y - p) * (1.0 if w is None else w.reshape(-1)))
    for loss in (losses.get(absolute), Absolute()):
        for to in (lambda x: to_library(x, xp), xp.asarray):
            weight = None if w is None else to(w)
            found = loss(to(y.reshape(targets)), to(p.reshape(outputs)), weight)
            assert float(found) == pytest.approx(expected)
    assert set(seen) == {outputs}


@pytest.mark.parametrize("weights", [(3,), (3, 1), (4, 2), (2, 2), (4, 3), (1, 4)])
def test_sample_weights_of_another_shape_are_refused(weights: Any) -> None:
    with pytest.raises(ValueError, match=r"Sample weights must have the shape of the values they weigh, \(4,\)"):
        losses.MeanSquaredError()(np.zeros((4, 3)), np.ones((4, 3)), np.ones(weights))


def test_sample_weights_weigh_whole_examples_or_their_parts(place: Any) -> None:
    xp = nna.namespace(*place)
    p = np.random.default_rng(1).normal(size=(2, 3, 2))
    values = (p**2).mean(-1)
    for weights in (
        np.asarray([1.0, 3.0]),
        np.asarray([[1.0], [3.0]]),
        np.asarray([[[1.0]], [[3.0]]]),
        np.asarray([[1.0, 2.0, 0.0], [3.0, 1.0, 1.0]]),
        np.asarray([[1.0, 2.0, 0.0]]),
        np.asarray([2.0]),
        np.asarray(2.0),
    ):
        matched = (weights.reshape(-1, 3) if weights.size % 3 == 0 else weights.reshape(-1, 1)) * np.ones((2, 3))
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


def test_losses_of_one_axis_are_per_example_so_weights_weigh() -> None:
    # Keras 3.15 averages over the one axis before it weighs: 0.49870309233665466 with and without weights.
    y, p, w = np.asarray([0.0, 1.0, 1.0]), np.asarray([0.2, 0.7, 0.4]), np.asarray([1.0, 0.0, 2.0])
    each = -np.log(np.asarray([0.8, 0.7, 0.4]))
    assert float(losses.BinaryCrossentropy()(y, p)) == pytest.approx(0.49870309233665466, rel=1e-6)
    assert float(losses.BinaryCrossentropy()(y, p, w)) == pytest.approx(np.mean(each * w))
    assert float(losses.MeanSquaredError()(y, p, w)) == pytest.approx(np.mean((y - p) ** 2 * w))
    assert losses.binary_crossentropy(y, p, axis=0).shape == ()


def test_own_losses_define_call() -> None:
    class LargestError(losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return nna.array_namespace(y_pred).max(y_pred - y_true, axis=-1)

    assert LargestError().name == "largest_error"
    assert float(LargestError()(np.zeros((2, 2)), np.asarray([[1.0, 3.0], [0.0, 4.0]]))) == 3.5
    with pytest.raises(NotImplementedError, match="must define call"):
        losses.Loss()(np.zeros(1), np.zeros(1))


def test_a_loss_tells_the_call_that_makes_it(place: Any) -> None:
    loss = losses.CategoricalCrossentropy(label_smoothing=0.1, reduction="sum")
    assert repr(loss) == "CategoricalCrossentropy(label_smoothing=0.1, reduction='sum')"
    made = losses.CategoricalCrossentropy.from_config(loss.get_config())
    y, p = np.asarray([[0.0, 1.0]]), to_library(np.asarray([[0.3, 0.7]]), nna.namespace(*place))
    assert float(made(y, p)) == float(loss(y, p))
    assert losses.get({"class_name": "MeanSquaredError", "config": {"reduction": "sum"}}).reduction == "sum"


def test_a_loss_whose_constructor_forgets_its_base_still_works() -> None:
    class Forgetful(losses.Loss):
        def __init__(self) -> None:
            self.power = 2

        def call(self, y_true: Any, y_pred: Any) -> Any:
            return (y_true - y_pred) ** self.power

    assert Forgetful().name == "forgetful"
    assert float(Forgetful()(np.zeros(2), np.asarray([1.0, 3.0]))) == 5.0


@pytest.mark.parametrize(
    ("y", "p", "cls"),
    [
        ([0, 1], [[0.2], [0.7]], losses.BinaryCrossentropy),
        ([0, 1], [0.2, 0.7], losses.BinaryCrossentropy),
        ([0, 1], [[0.2, 0.8], [0.7, 0.3]], losses.SparseCategoricalCrossentropy),
        ([[0], [1]], [[0.2, 0.8], [0.7, 0.3]], losses.SparseCategoricalCrossentropy),
        ([[0, 1], [1, 0]], [[0.2, 0.8], [0.7, 0.3]], losses.CategoricalCrossentropy),
    ],
)
@pytest.mark.parametrize("name", ["crossentropy", "ce", "CE"])
def test_crossentropy_as_a_string_means_what_the_shapes_call_for(y: Any, p: Any, cls: Any, name: str) -> None:
    y, p = np.asarray(y), np.asarray(p)
    loss = losses.get(name)
    assert float(loss(y, p)) == float(cls()(y, p))
    np.testing.assert_array_equal(loss.per_example(y, p), cls().per_example(y, p))
    loss.check_targets(y, p.shape)
    with pytest.raises(ValueError, match="received y"):
        loss.check_targets(y + 5, p.shape)


def test_unknown_losses_and_reductions_are_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match="Unknown loss: 'binary_crossentrpy'. Did you mean 'binary_crossentropy'"):
        losses.get("binary_crossentrpy")
    for wrong in (None, 3, nna.optimizers.SGD):
        with pytest.raises(TypeError, match="Expected a loss"):
            losses.get(wrong)
    with pytest.raises(ValueError, match="reduction must be one of .* received reduction='average'"):
        losses.MeanSquaredError(reduction="average")
