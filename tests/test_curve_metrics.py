"""Curves, F-scores, intersections, correlations, cross-entropies as metrics: by Keras, on every library, under jit."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as reference

import nnarray as nna
from nnarray import metrics
from tests.hosts import to_host, to_library
from tests.keras_metrics import BATCHES, FURTHER, LONGER, NUMBERS

KERAS = json.loads(NUMBERS.read_text())["further"]
IDS = [f"{i}-{row[0]}" for i, row in enumerate(FURTHER)]
NAMES = sorted({row[0] for row in FURTHER})
ARGUMENTS = {row[0]: row[1] for row in FURTHER}
#: The last case of each class, and of other paths through an area.
UNDER_JIT = sorted({*{row[0]: i for i, row in enumerate(FURTHER)}.values(), 0, 1, 7, 16, 22})


def batches(y: str, p: str, xp: Any) -> list[tuple[Any, ...]]:
    found = []
    for rows, weighted in BATCHES:
        given = [LONGER[y][rows], LONGER[p][rows], *([LONGER["weights"][rows]] if weighted else [])]
        found.append(tuple(to_library(x, xp) for x in given))
    return found


@pytest.mark.compiles_for_each_case
@pytest.mark.parametrize("number", range(len(FURTHER)), ids=IDS)
def test_results_after_each_batch_are_those_of_keras(number: int, place: Any) -> None:
    name, given, y, p = FURTHER[number]
    metric = getattr(metrics, name)(**given, dtype="float64")
    assert metric.name == KERAS[number]["name"].rstrip("_0123456789")
    for batch, keras in zip(batches(y, p, nna.namespace(*place)), KERAS[number]["results"], strict=True):
        metric.update_state(*batch)
        np.testing.assert_allclose(to_host(metric.result()), keras, rtol=3e-6, atol=1e-7)
    assert {variable.backend.name for variable in metric.variables} == {place[0]}
    metric.reset_state()
    assert not to_host(metric.result()).any()


@pytest.mark.compiles_for_each_case
@pytest.mark.parametrize("number", UNDER_JIT, ids=[IDS[i] for i in UNDER_JIT])
def test_the_pure_forms_under_jit_give_the_same(number: int, place: Any) -> None:
    name, given, y, p = FURTHER[number]
    metric = getattr(metrics, name)(**given, dtype="float64")
    first, second, last = batches(y, p, nna.namespace(*place))
    for batch in (first, second, last):
        metric.update_state(*batch)
    whole = np.array(to_host(metric.result()))
    metric.reset_state()
    update = nna.jit(metric.stateless_update_state)
    state = [variable.value for variable in metric.variables]
    for batch in (first, second, last):
        state = update(state, *batch)
    np.testing.assert_allclose(to_host(nna.jit(metric.stateless_result)(state)), whole, rtol=1e-9)
    assert not to_host(metric.result()).any()


@pytest.mark.parametrize("name", NAMES)
def test_each_is_found_by_name_and_made_again(name: str) -> None:
    metric = getattr(metrics, name)(**ARGUMENTS[name])
    described = {"class_name": name, "config": metric.get_config()}
    for twin in (type(metric).from_config(metric.get_config()), metrics.get(described)):
        assert repr(twin) == repr(metric)
    assert metric._direction == ("down" if "entropy" in name else "up")
    assert name in metrics.METRICS


@pytest.mark.parametrize("name", ["AUC", "BinaryIoU", "BinaryCrossentropy", "PrecisionAtRecall"])
def test_they_count_in_training(name: str) -> None:
    metric = getattr(metrics, name)(**({"recall": 0.5} if name == "PrecisionAtRecall" else {}))
    x, y = LONGER["logits"].astype("float32"), LONGER["binary_column"].astype("float32")
    model = nna.models.Sequential([nna.layers.Dense(1, activation="sigmoid")])
    model.compile(loss="mse", metrics=[metric])
    model.fit(x, y, batch_size=8, epochs=2, verbose=0)
    alone = type(metric).from_config(metric.get_config())
    alone.update_state(y, model.predict(x, verbose=0))
    found = model.evaluate(x, y, verbose=0, return_dict=True)[metric.name]
    np.testing.assert_allclose(found, float(alone.result()), rtol=1e-5)


@pytest.mark.parametrize("name", ["F1Score", "FBetaScore", "R2Score", "AUC"])
def test_those_that_learn_the_number_of_outputs_count_in_training(name: str) -> None:
    metric = getattr(metrics, name)(**({"multi_label": True} if name == "AUC" else {}))
    random = np.random.default_rng(5)
    x, y = random.normal(size=(40, 4)).astype("float32"), (random.random((40, 3)) < 0.4).astype("float32")
    model = nna.models.Sequential([nna.layers.Dense(3, activation="sigmoid")])
    model.compile(loss="binary_crossentropy", metrics=[metric])
    model.fit(x, y, batch_size=8, epochs=2, verbose=0)
    alone = type(metric).from_config(metric.get_config())
    alone.update_state(y, model.predict(x, verbose=0))
    found = model.evaluate(x, y, batch_size=7, verbose=0, return_dict=True)[metric.name]
    np.testing.assert_allclose(found, to_host(alone.result()), rtol=1e-4)


@pytest.mark.parametrize("weights", [None, np.linspace(0.1, 2.0, 500)])
def test_areas_come_near_the_exact_ones(weights: Any) -> None:
    random = np.random.default_rng(3)
    y = random.integers(0, 2, 500)
    p = np.clip(0.3 * y + 0.7 * random.random(500), 0, 1)
    roc, pr = metrics.AUC(num_thresholds=5000), metrics.AUC(num_thresholds=5000, curve="PR")
    for metric in (roc, pr):
        metric.update_state(y, p, weights)
    assert float(roc.result()) == pytest.approx(reference.roc_auc_score(y, p, sample_weight=weights), abs=1e-3)
    assert float(pr.result()) == pytest.approx(reference.average_precision_score(y, p, sample_weight=weights), abs=5e-3)
    assert float(roc.true_positives.value[0]) == pytest.approx(float((y * (1 if weights is None else weights)).sum()))


def test_scores_of_decisions_are_those_of_the_reference() -> None:
    y, p = LONGER["binary"], LONGER["shares"]
    for average in ("micro", "macro", "weighted"):
        found = float(metrics.F1Score(average=average, threshold=0.5)(y, p))
        assert found == pytest.approx(reference.f1_score(y, p > 0.5, average=average), abs=1e-6)
    for normalize in (None, "true", "pred", "all"):
        matrix = metrics.ConfusionMatrix(4, normalize=normalize)
        expected = reference.confusion_matrix(
            LONGER["labels"], LONGER["classes"], labels=range(4), normalize=normalize, sample_weight=LONGER["weights"]
        )
        found = matrix(LONGER["labels"], LONGER["classes"], LONGER["weights"])
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_confusion_matrix_takes_scores_classes_and_one_hot_labels(place: Any) -> None:
    xp = nna.namespace(*place)
    labels, scores = LONGER["labels"], LONGER["softmax"]
    expected = reference.confusion_matrix(labels, scores.argmax(-1))
    for y, p in (
        (labels, scores),
        (labels[:, None].astype(bool) * 0 + labels[:, None], scores),
        (LONGER["one_hot"].astype(bool), scores),
        (labels, scores.argmax(-1)),
        (labels, scores.argmax(-1).astype("float32")),
    ):
        matrix = metrics.ConfusionMatrix(3)
        matrix.update_state(to_library(y, xp), to_library(p, xp))
        np.testing.assert_array_equal(to_host(matrix.result()), expected)
    matrix = metrics.ConfusionMatrix(2)
    matrix.update_state(to_library(LONGER["binary_line"] > 0, xp), to_library(LONGER["shares_column"], xp))
    expected = reference.confusion_matrix(LONGER["binary_line"], LONGER["shares_column"] > 0.5)
    np.testing.assert_array_equal(to_host(matrix.result()), expected)


@pytest.mark.compiles_for_each_case
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
def test_any_dtype_of_targets_counts_alike(dtype: str, place: Any) -> None:
    xp = nna.namespace(*place)
    y, p = LONGER["binary"].astype(dtype), LONGER["shares"].astype("float32")
    for make in (metrics.AUC, metrics.F1Score, metrics.BinaryIoU, lambda: metrics.RecallAtPrecision(0.7)):
        metric, plain = make(), make()
        metric.update_state(to_library(y, xp), to_library(p, xp))
        plain.update_state(LONGER["binary"].astype("float32"), p)
        np.testing.assert_allclose(to_host(metric.result()), to_host(plain.result()), rtol=1e-6)
        assert {variable.dtype for variable in metric.variables} == {"float32"}


def test_numbers_beyond_the_range_count_as_its_ends_and_nan_as_0() -> None:
    odd, plain = metrics.AUC(), metrics.AUC()
    odd.update_state([0, 1, 1, 0], [np.nan, 7.0, -3.0, 0.5])
    plain.update_state([0, 1, 1, 0], [0.0, 1.0, 0.0, 0.5])
    for one, other in zip(odd.variables, plain.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    some = metrics.AUC(thresholds=[0.2, 0.7])
    some.update_state([0, 1], [np.nan, 0.5])
    assert (some.false_positives.numpy().tolist(), some.true_positives.numpy().tolist()) == ([1, 0, 0, 0], [1, 1, 0, 0])


def test_labels_with_a_mean_far_from_0_keep_their_variance() -> None:
    random = np.random.default_rng(5)
    y = (1e4 + random.standard_normal((4000, 2))).astype("float32")
    p = (y + 0.3 * random.standard_normal((4000, 2))).astype("float32")
    metric = metrics.R2Score()
    for i in range(0, 4000, 100):
        metric.update_state(y[i : i + 100], p[i : i + 100])
    assert {variable.dtype for variable in metric.variables} == {"float32"}
    assert float(metric.result()) == pytest.approx(reference.r2_score(y.astype(float), p.astype(float)), rel=1e-4)
    assert float(metrics.PearsonCorrelation(axis=0)(y, p)) == pytest.approx(np.corrcoef(y.T, p.T)[0, 2], abs=2e-3)


def test_targets_that_do_not_vary_give_0() -> None:
    metric = metrics.R2Score()
    for _ in range(3):
        metric.update_state(np.full((7, 2), 1234.567, "float32"), np.full((7, 2), 1234.0, "float32"))
    assert float(metric.result()) == 0.0
    assert float(metrics.PearsonCorrelation()(np.ones((2, 3)), LONGER["shares"][:2])) == 0.0


def test_the_first_batch_without_weight_tells_no_mean() -> None:
    metric = metrics.R2Score()
    y, p = LONGER["numbers"], LONGER["logits"]
    metric.update_state(y[:5], p[:5], np.zeros(5))
    assert float(metric.result()) == 0.0
    metric.update_state(y, p)
    assert float(metric.result()) == pytest.approx(reference.r2_score(y, p), rel=1e-5)


def test_examples_of_an_ignored_class_do_not_count_in_the_mean_of_the_loss() -> None:
    metric = metrics.SparseCategoricalCrossentropy(ignore_class=-1)
    y = np.asarray([0, -1, 2])
    p = LONGER["softmax"][:3]
    assert float(metric(y, p)) == pytest.approx(-(np.log(p[0, 0]) + np.log(p[2, 2])) / 2, rel=1e-5)


def test_state_that_the_first_batch_makes_is_there_before_pure_forms() -> None:
    with pytest.raises(TypeError, match="F1Score.* makes its state at the first batch"):
        metrics.F1Score().stateless_update_state([], LONGER["binary"], LONGER["shares"])
    assert [float(x().result()) for x in (metrics.F1Score, metrics.R2Score)] == [0.0, 0.0]


REFUSED_ARGUMENTS = [
    (lambda: metrics.AUC(num_thresholds=1), "num_thresholds must be at least 2"),
    (lambda: metrics.AUC(thresholds=[0.5, 1.5]), "thresholds must be at least 0 and at most 1"),
    (lambda: metrics.AUC(curve="RCO"), "curve must be 'ROC', 'PR' or 'PRGAIN'"),
    (lambda: metrics.AUC(summation_method="middle"), "summation_method must be 'interpolation'"),
    (lambda: metrics.AUC(num_labels=3), "num_labels goes with multi_label=True"),
    (lambda: metrics.AUC(multi_label=True, num_labels=3, label_weights=[1.0]), "a weight for each label: received 1"),
    (lambda: metrics.AUC(label_weights=[-1.0]), "label_weights must be a number of at least 0"),
    (lambda: metrics.PrecisionAtRecall(1.5), "recall must be at least 0 and at most 1"),
    (lambda: metrics.RecallAtPrecision(0.5, num_thresholds=0), "num_thresholds must be a positive integer"),
    (lambda: metrics.F1Score(average="mean"), "average must be None, 'micro', 'macro' or 'weighted'"),
    (lambda: metrics.F1Score(threshold=0.0), "threshold must be above 0"),
    (lambda: metrics.FBetaScore(beta=0.0), "beta must be positive"),
    (lambda: metrics.IoU(2, [2]), "target_class_ids must name classes from 0 to 1"),
    (lambda: metrics.MeanIoU(2.5), "num_classes must be a positive integer"),
    (lambda: metrics.ConfusionMatrix(2, normalize="rows"), "normalize must be None, 'true', 'pred' or 'all'"),
    (lambda: metrics.R2Score("mean"), "class_aggregation must be"),
    (lambda: metrics.R2Score(num_regressors=-1), "num_regressors must be a whole number"),
]


@pytest.mark.parametrize(("make", "message"), REFUSED_ARGUMENTS)
def test_arguments_out_of_range_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


REFUSED_BATCHES = [
    (metrics.AUC, np.ones(3), np.ones((3, 4)), "Targets and outputs must have the same shape"),
    (lambda: metrics.AUC(multi_label=True), np.ones(3), np.ones(3), r"predictions must have shape \(batch, labels\)"),
    (lambda: metrics.AUC(multi_label=True, num_labels=2), np.ones((3, 4)), np.ones((3, 4)), r"shape \(batch, 2\)"),
    (lambda: metrics.AUC(label_weights=[1, 2]), np.ones((3, 4)), np.ones((3, 4)), "received 2 weights"),
    (
        lambda: metrics.PrecisionAtRecall(0.5, class_id=4),
        np.ones((3, 4)),
        np.ones((3, 4)),
        "class_id must be the number",
    ),
    (metrics.F1Score, np.ones(3), np.ones(3), r"Give each output a column: y_pred\[:, None\]"),
    (metrics.F1Score, np.ones(3), np.ones((3, 4)), "one-hot encode them"),
    (metrics.R2Score, np.ones((3, 4, 2)), np.ones((3, 4, 2)), r"shape \(batch, outputs\)"),
    (lambda: metrics.MeanIoU(3), np.ones((3, 4)), np.ones((3, 2)), "must have the same shape"),
    (
        lambda: metrics.MeanIoU(3, sparse_y_pred=False, axis=2),
        np.ones(3),
        np.ones((3, 4)),
        "axis must be one of the axes",
    ),
    (metrics.PearsonCorrelation, np.ones((3, 1)), np.ones((3, 1)), "axis=0 correlates over each batch"),
    (lambda: metrics.ConcordanceCorrelation(axis=2), np.ones((3, 2)), np.ones((3, 2)), "axis must be one of the axes"),
]


@pytest.mark.parametrize(("make", "y", "p", "message"), REFUSED_BATCHES)
def test_batches_that_do_not_fit_are_refused(make: Any, y: Any, p: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()(y, p)


@pytest.mark.parametrize("make", [metrics.F1Score, metrics.R2Score, lambda: metrics.AUC(multi_label=True)])
def test_later_batches_have_as_many_outputs_as_the_first(make: Any) -> None:
    metric = make()
    metric.update_state(LONGER["binary"], LONGER["shares"])
    with pytest.raises(ValueError, match=r"shape \(batch, 3\)"):
        metric.update_state(LONGER["binary"][:, :2], LONGER["shares"][:, :2])
