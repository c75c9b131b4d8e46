"""Metrics by batches, weights, dtypes and shapes as Keras weighs and compares, and losses that serve as metrics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import losses, metrics
from tests.hosts import to_library

#: Metric, targets, outputs, and what Keras 3.15 gives by weights of each shape that it takes.
ONE_AXIS = [[1, 0, 1, 1], [0.9, 0.1, 0.9, 0.1]]
W4 = [1.0, 0.0, 0.0, 1.0]
WEIGHED = [
    (metrics.Accuracy, [1, 2, 3, 4], [1, 2, 3, 0], [(None, 0.75), (W4, 0.5), (np.reshape(W4, (4, 1)), 0.5)]),
    (metrics.BinaryAccuracy, *ONE_AXIS, [(None, 0.75), (W4, 0.5), (np.reshape(W4, (4, 1)), 0.5), ([2.0], 0.75)]),
    (metrics.BinaryAccuracy, ONE_AXIS[0], np.reshape(ONE_AXIS[1], (4, 1)), [(None, 0.75), (W4, 0.5)]),
    (metrics.BinaryAccuracy, np.reshape(ONE_AXIS[0], (4, 1)), ONE_AXIS[1], [(None, 0.75), (W4, 0.5)]),
    (
        metrics.BinaryAccuracy,
        [[1, 0], [0, 1]],
        [[0.9, 0.9], [0.9, 0.9]],
        [(None, 0.5), ([1.0, 3.0], 0.5), ([[1.0, 0.0], [2.0, 3.0]], 0.6666666865348816), ([[1.0, 0.0]], 0.5)],
    ),
    (
        metrics.SparseCategoricalAccuracy,
        [[1, 0], [0, 1]],
        [[[0.1, 0.9], [0.1, 0.9]], [[0.1, 0.9], [0.1, 0.9]]],
        [(None, 0.5), ([1.0, 0.0], 0.5), ([[1.0], [0.0]], 0.5), ([[1.0, 0.0], [0.0, 1.0]], 1.0)],
    ),
    (metrics.SparseCategoricalAccuracy, [[1], [0]], [[0.1, 0.9], [0.1, 0.9]], [([1.0, 0.0], 1.0), ([[1], [0]], 1.0)]),
    (metrics.SparseCategoricalAccuracy, [[0], [1]], [[[0.9, 0.1, 0.0], [0.8, 0.15, 0.05]]], [(None, 0.5)]),
]  # fmt: skip


@pytest.mark.parametrize(("cls", "y", "p", "expected"), WEIGHED)
def test_weights_of_every_shape_that_fits_weigh_as_in_keras(
    cls: Any, y: Any, p: Any, expected: Any, place: Any
) -> None:
    xp = nna.namespace(*place)
    for weight, right in expected:
        given = None if weight is None else to_library(np.asarray(weight), xp)
        metric = cls()
        assert float(metric(to_library(y, xp), to_library(np.asarray(p), xp), given)) == pytest.approx(right)


@pytest.mark.parametrize("batch", [1, 2, 3, 8])
@pytest.mark.parametrize("weighted", [False, True])
def test_figures_of_outputs_with_one_axis_do_not_depend_on_the_size_of_batches(batch: int, weighted: bool) -> None:
    y, p = np.asarray([0, 1, 1, 0, 1, 0, 0, 1]), np.asarray([0.2, 0.4, 0.9, 0.7, 0.8, 0.1, 0.6, 0.3])
    weights = np.arange(8.0) if weighted else np.ones(8)
    expected = {
        "accuracy": np.average((p > 0.5) == y, weights=weights),
        "mse": np.average((p - y) ** 2, weights=weights),
        "bce": np.average(-np.log(np.where(y == 1, p, 1 - p)), weights=weights),
    }
    for name, right in expected.items():
        metric = metrics.get(name)
        for start in range(0, 8, batch):
            part = slice(start, start + batch)
            metric.update_state(y[part], p[part], weights[part] if weighted else None)
        assert float(metric.result()) == pytest.approx(right, rel=1e-6)


@pytest.mark.parametrize("wrong", [(2,), (2, 1), (2, 2), (4, 2), (4, 4)])
def test_weights_that_do_not_fit_are_refused(wrong: Any) -> None:
    for metric in (metrics.Accuracy(), metrics.get("mse"), metrics.get(lambda t, p: abs(t - p))):
        with pytest.raises(ValueError, match="Sample weights must have the shape of the values they weigh"):
            metric.update_state(np.zeros(4), np.ones(4), np.ones(wrong))


def test_large_integers_are_compared_as_they_are_and_narrow_ones_do_not_wrap_around() -> None:
    big = 2**24 + np.arange(4)
    assert float(metrics.Accuracy()(big, big + 1)) == 0.0
    assert float(metrics.Accuracy()(big, big)) == 1.0
    for y, p, dtype, right in ((200, 100, "u1", 10000.0), (0.0, 300.0, "f2", 90000.0)):
        squares = metrics.get(lambda t, p: (t - p) ** 2)
        assert float(squares(np.asarray([[y]], dtype), np.asarray([[p]], dtype))) == right
    assert metrics.BinaryAccuracy(dtype="float16").dtype == "float32"


def test_functions_see_targets_in_the_outputs_shape(place: Any) -> None:
    xp = nna.namespace(*place)
    seen = []

    def look(y_true: Any, y_pred: Any) -> Any:
        seen.append((tuple(y_true.shape), tuple(y_pred.shape)))
        return abs(y_true - y_pred)

    for y, p in (((3,), (3, 1)), ((3, 1), (3,)), ((3,), (3,)), ((3, 1), (3, 1))):
        found = metrics.get(look)(to_library(np.ones(y), xp), to_library(np.zeros(p), xp), [1.0, 2.0, 3.0])
        assert float(found) == 1.0
    assert seen == [((3, 1), (3, 1)), ((3,), (3,)), ((3,), (3,)), ((3, 1), (3, 1))]


def test_losses_serve_as_metrics_by_name_and_as_objects() -> None:
    y, p = np.asarray([0, 2, 1]), np.asarray([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8], [0.9, 0.05, 0.05]])
    each = -np.log(np.asarray([0.5, 0.8, 0.05]))
    for identifier in ("sparse_categorical_crossentropy", "ce", losses.SparseCategoricalCrossentropy(reduction="sum")):
        assert float(metrics.get(identifier)(y, p)) == pytest.approx(each.mean(), rel=1e-6)
    ignoring = metrics.get(losses.SparseCategoricalCrossentropy(ignore_class=2))
    assert float(ignoring(y, p)) == pytest.approx(each[[0, 2]].mean(), rel=1e-6)
    assert float(ignoring(y, p, [1.0, 5.0, 3.0])) == pytest.approx((each[0] + 3 * each[2] + each[0] + each[2]) / 6)
    assert isinstance(metrics.get("mse"), metrics.MeanSquaredError)
    assert [metrics.get(name).name for name in ("mse", "bce", "ACC")] == [
        "mean_squared_error",
        "binary_crossentropy",
        "ACC",
    ]


def test_sum_adds_what_it_is_given_times_its_weight(place: Any) -> None:
    total = metrics.Sum()
    for values, weight in (([1.0, 3.0], None), ([[1.0, 3.0], [5.0, 7.0]], [1.0, 2.0]), ([2.0], 0.5)):
        total.update_state(to_library(np.asarray(values), nna.namespace(*place)), weight)
    assert float(total.result()) == 4 + 4 + 24 + 1
    assert total.name == "sum"
