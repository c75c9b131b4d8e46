"""Keras' further metrics that are means: results by Keras on every library, names, ties, use in training."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import layers, metrics, models
from tests.hosts import to_host, to_library
from tests.keras_losses import ARRAYS
from tests.keras_metrics import METRICS, NUMBERS

KERAS = json.loads(NUMBERS.read_text())["metrics"]
IDS = [f"{i}-{row[0]}" for i, row in enumerate(METRICS)]


@pytest.mark.parametrize("number", range(len(METRICS)), ids=IDS)
def test_results_are_those_of_keras_with_and_without_weights(number: int, place: Any) -> None:
    name, given, y, p = METRICS[number]
    xp = nna.namespace(*place)
    metric = getattr(metrics, name)(**given, dtype="float64")
    # Keras numbers names that it chooses.
    assert metric.name == KERAS[number]["name"].rstrip("_0123456789")
    targets, outputs = to_library(ARRAYS[y], xp), to_library(ARRAYS[p], xp)
    metric.update_state(targets, outputs)
    first = np.array(to_host(metric.result()))
    turned = to_library(ARRAYS[y][::-1].copy(), xp)
    metric.update_state(turned, outputs, sample_weight=to_library(ARRAYS["weights"], xp))
    for found, keras in zip((first, to_host(metric.result())), KERAS[number]["results"], strict=True):
        np.testing.assert_allclose(found, keras, rtol=3e-6, atol=1e-7)
    metric.reset_state()
    assert not to_host(metric.result()).any()


@pytest.mark.parametrize("name", sorted({row[0] for row in METRICS}))
def test_each_is_found_by_name_made_again_and_counts_in_training(name: str) -> None:
    metric = getattr(metrics, name)()
    assert type(metrics.get(name)) is type(metric)
    assert type(metrics.get(metric.name if name != "LogCoshError" else "log_cosh_error")) is type(metric)
    assert repr(type(metric).from_config(metric.get_config())) == repr(metric)
    random = np.random.default_rng(0)
    x, classes = random.random((32, 4), "float32"), random.integers(0, 3, 32)
    sparse = name.startswith("Sparse")
    model = models.Sequential([layers.Dense(3, activation="softmax")])
    loss = "sparse_categorical_crossentropy" if sparse else "categorical_crossentropy"
    model.compile(loss=loss, metrics=[metric])
    y = classes if sparse else np.eye(3, dtype="float32")[classes]
    history = model.fit(x, y, batch_size=8, epochs=2, verbose=0).history
    assert np.isfinite(history[metric.name]).all()
    alone = getattr(metrics, name)()
    alone.update_state(y, model.predict(x, verbose=0))
    found = model.evaluate(x, y, verbose=0, return_dict=True)[metric.name]
    np.testing.assert_allclose(found, float(alone.result()), rtol=1e-5)


def test_the_metric_of_cosines_is_positive_where_the_loss_is_negative() -> None:
    y, p = [[1.0, 0.0]], [[3.0, 0.0]]
    assert float(metrics.get("cosine_similarity")(y, p)) == 1.0
    assert float(nna.losses.get("cosine_similarity")(y, p)) == -1.0


def test_classes_as_probable_as_the_right_one_do_not_push_it_out() -> None:
    y, p = [[0, 0, 1, 0]], [[0.25, 0.25, 0.25, 0.25]]
    assert float(metrics.TopKCategoricalAccuracy(k=1)(y, p)) == 1.0
    assert float(metrics.TopKCategoricalAccuracy(k=1)(y, [[0.25, np.nan, np.nan, 0.25]])) == 0.0
    with pytest.raises(ValueError, match="k must be a positive integer"):
        metrics.TopKCategoricalAccuracy(k=0)


def test_labels_of_one_axis_are_not_broadcast_and_weights_go_with_the_first_axes(place: Any) -> None:
    xp = nna.namespace(*place)
    y, p = np.asarray([1.0, 0.0, 1.0, 0.0]), np.asarray([[0.9], [0.8], [0.1], [0.2]])
    metric = metrics.Precision()
    weights = to_library(np.asarray([3.0, 1.0, 5.0, 7.0]), xp)
    metric.update_state(to_library(y, xp), to_library(p, xp), sample_weight=weights)
    assert float(to_host(metric.result())) == 0.75
    with pytest.raises(ValueError, match="Targets and outputs must have the same shape"):
        metrics.Recall()(np.asarray([0, 1, 2]), np.ones((3, 4)))


REFUSED = [
    ({"thresholds": 1.5}, "thresholds must lie from 0 to 1: received thresholds=1.5"),
    ({"thresholds": []}, "thresholds must lie from 0 to 1"),
    ({"top_k": 0}, "top_k must be a positive integer"),
    ({"class_id": -1}, "class_id must be a whole number"),
]


@pytest.mark.parametrize(("given", "message"), REFUSED)
def test_arguments_out_of_range_are_refused(given: Any, message: str) -> None:
    for cls in (metrics.Precision, metrics.Recall):
        with pytest.raises(ValueError, match=message):
            cls(**given)
    with pytest.raises(ValueError, match="class_id must be the number of one of the classes along the last axis"):
        metrics.Precision(class_id=3)(np.ones((2, 3)), np.ones((2, 3)))
