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
    assert metric.name == KERAS[number]["name"]
    targets, outputs = to_library(ARRAYS[y], xp), to_library(ARRAYS[p], xp)
    metric.update_state(targets, outputs)
    first = float(to_host(metric.result()))
    turned = to_library(ARRAYS[y][::-1].copy(), xp)
    metric.update_state(turned, outputs, sample_weight=to_library(ARRAYS["weights"], xp))
    np.testing.assert_allclose([first, float(to_host(metric.result()))], KERAS[number]["results"], rtol=3e-6, atol=1e-7)
    metric.reset_state()
    assert float(to_host(metric.result())) == 0.0


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
