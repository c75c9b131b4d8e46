"""Metrics against scikit-learn and Keras, over batches, with sample weights, and as strings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

import nnarray as nna
from nnarray import losses, metrics
from nnarray.backends import backend_of
from tests.hosts import to_host, to_library

RNG = np.random.default_rng(0)
N = 37
BINARY = RNG.integers(0, 2, N)
SIGMOIDS = RNG.uniform(size=(N, 1))
CLASSES = RNG.integers(0, 4, N)
SOFTMAX = RNG.dirichlet(np.ones(4), N)
WEIGHTS = RNG.uniform(0, 3, N)

#: Name, targets, outputs, the decided classes and the true ones.
CASES = {
    "binary column": (metrics.BinaryAccuracy, BINARY[:, np.newaxis], SIGMOIDS, SIGMOIDS[:, 0] > 0.5, BINARY),
    "binary flat": (metrics.BinaryAccuracy, BINARY, SIGMOIDS, SIGMOIDS[:, 0] > 0.5, BINARY),
    "binary booleans": (metrics.BinaryAccuracy, BINARY == 1, SIGMOIDS, SIGMOIDS[:, 0] > 0.5, BINARY),
    "categorical": (metrics.CategoricalAccuracy, np.eye(4)[CLASSES], SOFTMAX, SOFTMAX.argmax(1), CLASSES),
    "sparse flat": (metrics.SparseCategoricalAccuracy, CLASSES, SOFTMAX, SOFTMAX.argmax(1), CLASSES),
    "sparse column": (
        metrics.SparseCategoricalAccuracy,
        CLASSES[:, np.newaxis].astype(float),
        SOFTMAX,
        SOFTMAX.argmax(1),
        CLASSES,
    ),
    "equality": (
        metrics.Accuracy,
        CLASSES[:, np.newaxis],
        SOFTMAX.argmax(1)[:, np.newaxis] * 1.0,
        SOFTMAX.argmax(1),
        CLASSES,
    ),
}


#: Each by its class and, but for plain equality, by the string "accuracy".
NAMED = [(case, spelled) for case in CASES for spelled in (False, True) if not (spelled and case == "equality")]


@pytest.mark.compiles_for_each_case
@pytest.mark.parametrize(("case", "spelled"), NAMED)
@pytest.mark.parametrize("weighted", [False, True])
def test_accuracies_over_batches_are_scikit_learns_over_the_whole(
    case: str, spelled: bool, weighted: bool, place: Any
) -> None:
    cls, y, p, guess, truth = CASES[case]
    metric = metrics.get("accuracy") if spelled else cls(dtype="float64")
    expected = accuracy_score(truth, guess, sample_weight=WEIGHTS if weighted else None)
    xp = nna.namespace(*place)
    for _ in range(2):
        for start, stop in ((0, 16), (16, 36), (36, 37)):
            weights = to_library(WEIGHTS[start:stop], xp) if weighted else None
            metric.update_state(to_library(y[start:stop], xp), to_library(p[start:stop], xp), weights)
        result = metric.result()
        assert backend_of(result).name == place[0]
        assert result.shape == ()
        np.testing.assert_allclose(to_host(result), expected, rtol=1e-6)
        metric.reset_state()
        assert float(metric.result()) == 0.0


X = np.arange(12.0).reshape(4, 3)
Z = 3 * np.sin(1.7 * X)
Y, P, W = (np.cos(X) > 0).astype(float), 1 / (1 + np.exp(-Z)), np.asarray([1.0, 0.5, 0.0, 2.0])
INDEX = np.asarray([0, 2, 1, 2])


@pytest.mark.parametrize(
    ("metric", "y", "p", "plain", "weighted"),
    [
        (metrics.BinaryAccuracy(), Y, P, 0.416666679084301, 0.4761904903820583),
        (metrics.BinaryAccuracy(threshold=0.8), Y, P, 0.5000000149011612, 0.6666666865348816),
        (metrics.BinaryAccuracy(), Y[:, 0], P[:, :1], 0.25, 0.14285714285714285),
        (metrics.CategoricalAccuracy(), np.eye(3)[INDEX], P, 0.25, 0.14285714285714285),
        (metrics.SparseCategoricalAccuracy(), INDEX, P, 0.25, 0.14285714285714285),
        (metrics.Accuracy(), np.arange(4)[:, np.newaxis], np.asarray([[0.0], [1.0], [1.0], [3.0]]), 0.75, 1.0),
    ],
)
def test_results_are_those_of_keras(metric: Any, y: Any, p: Any, plain: float, weighted: float) -> None:
    # Keras 3.15 on JAX, floatx float64: update_state(y, p), then reset_state() and with sample_weight=W.
    assert float(metric(y, p)) == pytest.approx(plain, rel=1e-6)
    metric.reset_state()
    assert float(metric(y, p, sample_weight=W)) == pytest.approx(weighted, rel=1e-6)


@pytest.mark.parametrize(
    ("y_shape", "p_shape", "resolved"),
    [
        ((5,), (5, 1), metrics.binary_accuracy),
        ((5, 1), (5, 1), metrics.binary_accuracy),
        ((5,), (5,), metrics.binary_accuracy),
        ((1,), (1, 1), metrics.binary_accuracy),
        ((5,), (5, 3), metrics.sparse_categorical_accuracy),
        ((5, 1), (5, 3), metrics.sparse_categorical_accuracy),
        ((5, 3), (5, 3), metrics.categorical_accuracy),
        ((5, 2), (5, 2), metrics.categorical_accuracy),
        ((5, 4), (5, 4, 3), metrics.sparse_categorical_accuracy),
        ((5, 4, 3), (5, 4, 3), metrics.categorical_accuracy),
    ],
)
@pytest.mark.parametrize("name", ["accuracy", "acc"])
def test_accuracy_as_a_string_means_what_the_shapes_call_for(
    y_shape: Any, p_shape: Any, resolved: Any, name: str
) -> None:
    rng = np.random.default_rng(1)
    y, p = rng.integers(0, 2, y_shape), rng.uniform(size=p_shape)
    metric = metrics.get(name)
    assert metric.name == name
    assert float(metric(y, p)) == pytest.approx(np.mean(resolved(y, p)))


@pytest.mark.parametrize(
    ("function", "y", "p"),
    [
        (metrics.accuracy, (3,), (3, 2)),
        (metrics.binary_accuracy, (3,), (3, 2)),
        (metrics.binary_accuracy, (1,), (3, 1)),
        (metrics.categorical_accuracy, (3,), (3, 3)),
        (metrics.sparse_categorical_accuracy, (3, 3), (3, 3)),
        (metrics.sparse_categorical_accuracy, (2, 2), (4, 3)),
    ],
)
def test_targets_of_another_shape_are_refused_not_broadcast(function: Any, y: Any, p: Any) -> None:
    with pytest.raises(ValueError, match="shape"):
        function(np.zeros(y, dtype=int), np.full(p, 0.5))


def test_plain_accuracy_compares_columns_with_flat_targets_and_does_not_truncate() -> None:
    np.testing.assert_array_equal(metrics.accuracy(np.arange(3), np.asarray([[0.0], [1.5], [2.0]])), [1, 0, 1])


def test_functions_give_one_value_per_example_in_the_library_of_the_outputs(place: Any) -> None:
    p = to_library(SOFTMAX.astype(np.float32), nna.namespace(*place))
    for function, y in (
        (metrics.categorical_accuracy, np.eye(4)[CLASSES]),
        (metrics.sparse_categorical_accuracy, CLASSES),
    ):
        found = function(y, p)
        assert backend_of(found).name == place[0]
        np.testing.assert_array_equal(to_host(found), SOFTMAX.argmax(1) == CLASSES)
        assert found.dtype == p.dtype


def test_mean_weighs_values_by_their_weights_whatever_brings_them(place: Any) -> None:
    mean = metrics.Mean(dtype="float64")
    xp = nna.namespace(*place)
    mean.update_state(to_library(np.asarray([[1.0, 3.0], [5.0, 7.0]]), xp), [1.0, 3.0])
    mean.update_state(to_library(np.asarray(10.0), xp), sample_weight=4)
    mean.update_state(to_library(np.asarray([2.0]), xp), sample_weight=np.float32(0.5))
    mean.update_state(to_library(np.asarray([2.0, 4.0]), xp), sample_weight=np.asarray([[1.0], [1.0]]))
    total = 1 * (1 + 3) + 3 * (5 + 7) + 4 * 10 + 0.5 * 2 + 2 + 4
    assert float(mean.result()) == pytest.approx(total / (2 + 6 + 4 + 0.5 + 2))
    with pytest.raises(ValueError, match="Sample weights"):
        mean.update_state(to_library(np.ones(3), xp), np.ones(2))


def test_mean_takes_numbers_and_lists_and_is_zero_before_anything_came() -> None:
    mean = metrics.Mean()
    assert mean.result() == 0.0
    mean.update_state(4.0)
    mean.update_state([1.0, 1.0])
    assert float(mean.result()) == 2.0
    mean.update_state([100.0], sample_weight=0.0)
    assert float(mean.result()) == 2.0
    assert mean.name == "mean"


def test_state_has_the_metrics_dtype_and_names() -> None:
    metric = metrics.BinaryAccuracy(name="hits", dtype="float64")
    metric([[1]], np.asarray([[0.9]], dtype=np.float32))
    assert [(v.path, v.dtype, v.trainable) for v in metric.variables] == [
        ("hits/total", "float64", False),
        ("hits/count", "float64", False),
    ]


def test_metrics_are_found_by_name_class_object_and_function() -> None:
    assert type(metrics.get("BinaryAccuracy")) is type(metrics.get("binary_accuracy")) is metrics.BinaryAccuracy
    assert type(metrics.get(metrics.CategoricalAccuracy)) is metrics.CategoricalAccuracy
    made = metrics.Mean()
    assert metrics.get(made) is made
    error = metrics.get(losses.mean_squared_error)
    assert error.name == "mean_squared_error"
    assert float(error([[0.0], [0.0]], [[2.0], [4.0]])) == 10.0
    loss = metrics.get(losses.MeanSquaredError(name="squares"))
    assert loss.name == "squares"
    assert float(loss([[0.0], [0.0]], [[2.0], [4.0]])) == 10.0


def test_unknown_metrics_are_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match="Unknown metric: 'acuracy'. Did you mean 'accuracy'"):
        metrics.get("acuracy")
    for wrong in (None, 3, np.zeros(2), losses.MeanSquaredError):
        with pytest.raises(TypeError, match="Expected a metric"):
            metrics.get(wrong)
