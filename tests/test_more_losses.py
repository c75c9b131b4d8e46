"""Keras' further losses: values, slopes and reductions by Keras, on every library; exactness, refusals, training."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import layers, losses, metrics, models
from nnarray._lookup import snake_case
from nnarray.testing import check_grads
from tests.hosts import to_host, to_library
from tests.keras_losses import ARRAYS, CLASSES, FUNCTIONS, NUMBERS, REDUCTIONS, arguments_of

KERAS = json.loads(NUMBERS.read_text())
#: Means in Keras are taken in float32.
RTOL, ATOL = 3e-6, 3e-7


def named(rows: Any) -> list[Any]:
    return [pytest.param(*row, found, id=f"{i}-{row[0]}") for i, (row, found) in enumerate(rows)]


@pytest.mark.compiles_for_each_case
@pytest.mark.parametrize(("name", "y", "p", "given", "keras"), named(zip(FUNCTIONS, KERAS["functions"], strict=True)))
def test_functions_give_keras_values_and_slopes(name: str, y: str, p: str, given: Any, keras: Any, place: Any) -> None:
    xp = nna.namespace(*place)
    targets, outputs = to_library(ARRAYS[y], xp), to_library(ARRAYS[p], xp)
    function = getattr(losses, name)
    found = function(targets, outputs, **arguments_of(given))
    assert type(found) is type(outputs) or place[0] == "numpy"
    np.testing.assert_allclose(to_host(found), keras["value"], rtol=RTOL, atol=ATOL)

    def total(pred: Any) -> Any:
        return nna.array_namespace(pred).sum(function(targets, pred, **arguments_of(given)))

    slope = to_host(nna.grad(total)(outputs))
    np.testing.assert_allclose(slope, keras["slope"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(to_host(nna.grad(nna.jit(total))(outputs)), slope, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("name", "given", "y", "p", "keras"), named(zip(CLASSES, KERAS["classes"], strict=True)))
def test_classes_reduce_and_weigh_as_keras_does(name: str, given: Any, y: str, p: str, keras: Any, place: Any) -> None:
    xp = nna.namespace(*place)
    for reduction, expected in zip(REDUCTIONS, keras["values"], strict=True):
        loss = getattr(losses, name)(reduction=reduction, **arguments_of(given))
        assert loss.name == keras["name"]
        for weights, value in zip((None, ARRAYS["weights"]), expected, strict=True):
            weighed = None if weights is None else to_library(weights, xp)
            found = loss(to_library(ARRAYS[y], xp), to_library(ARRAYS[p], xp), sample_weight=weighed)
            np.testing.assert_allclose(to_host(found), value, rtol=RTOL, atol=ATOL, err_msg=reduction)


SMOOTH = ("log_cosh", "poisson", "kl_divergence", "cosine_similarity", "binary_focal_crossentropy", "tversky", "dice")


@pytest.mark.parametrize(("name", "y", "p", "given"), [row for row in FUNCTIONS if row[0] in SMOOTH])
def test_second_derivatives_are_those_of_differences(name: str, y: str, p: str, given: Any, place: Any) -> None:
    xp = nna.namespace(*place)
    targets = to_library(ARRAYS[y], xp)
    outputs = np.clip(ARRAYS[p], 0.02, 0.98) if p in ("sigmoid", "softmax") else ARRAYS[p]
    function = lambda pred: getattr(losses, name)(targets, pred, **arguments_of(given))  # noqa: E731
    check_grads(function, (xp.asarray(outputs),), order=2)


def test_small_and_large_errors_keep_their_digits_in_log_cosh() -> None:
    errors = np.asarray([[1e-9], [1e-3], [-1e-3], [4.999], [5.001], [-700.0], [1e300]])
    expected = [5e-19, 5e-7 - 1e-12 / 12, 5e-7 - 1e-12 / 12, 4.999, 5.001, 700.0, 1e300]
    expected = [x - np.log(2) + np.log1p(np.exp(-2 * x)) if 4 < x < 1e4 else x for x in expected]
    found = losses.log_cosh(np.zeros((7, 1)), errors)
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    curvature = nna.hessian(lambda p: losses.log_cosh(np.zeros(1), p)[0])(np.zeros(1))
    np.testing.assert_allclose(curvature, [[1.0]])


def test_targets_of_one_axis_are_not_broadcast() -> None:
    y, p = np.asarray([0.0, 1.0, 1.0]), np.asarray([[0.2], [0.7], [0.9]])
    for name in ("MeanAbsoluteError", "Huber", "Hinge", "Poisson", "Dice", "Tversky", "BinaryFocalCrossentropy"):
        loss = getattr(losses, name)()
        np.testing.assert_allclose(loss(y, p), loss(y[:, None], p), err_msg=name)


ALL = sorted({name for name, *_ in CLASSES})


@pytest.mark.parametrize("name", ALL)
def test_each_is_found_by_its_names_and_made_again_from_its_config(name: str) -> None:
    made = losses.get(name)
    assert type(made) is getattr(losses, name)
    assert type(losses.get(snake_case(name))) is type(made)
    again = losses.get(losses.LOSSES.get(name).get_config() and nna.utils.serialize_keras_object(made))
    assert repr(again) == repr(made)
    assert metrics.get(name) is not None


def test_short_names_are_keras() -> None:
    for short, name in {
        "mae": "MeanAbsoluteError",
        "MAPE": "MeanAbsolutePercentageError",
        "kld": "KLDivergence",
    }.items():
        assert type(losses.get(short)) is getattr(losses, name)


REFUSED = [
    (
        "MeanSquaredLogarithmicError",
        np.asarray([[-0.5]]),
        "takes targets that are not negative: received y[0, 0] = -0.5",
    ),
    ("Poisson", np.asarray([[-1.0]]), "takes counts, which are not negative"),
    ("Hinge", np.asarray([[3.0]]), "hinge takes labels -1 and 1, or 0 and 1"),
    ("KLDivergence", np.asarray([[1.5]]), "takes probabilities, from 0 to 1"),
    ("Dice", np.asarray([[2.0]]), "dice takes numbers from 0 to 1"),
    ("BinaryFocalCrossentropy", np.asarray([[2.0]]), "takes labels from 0 to 1"),
    (
        "CategoricalGeneralizedCrossEntropy",
        np.asarray([7]),
        "categorical_generalized_cross_entropy takes integer labels",
    ),
    ("Circle", np.asarray([0.5]), "circle takes integer labels"),
    ("Circle", np.asarray([[1, 2]]), "circle takes one integer label per example"),
]


@pytest.mark.parametrize(("name", "y", "message"), REFUSED)
def test_targets_that_do_not_fit_are_refused_before_training(name: str, y: Any, message: str) -> None:
    model = models.Sequential([layers.Dense(2 if name == "CategoricalGeneralizedCrossEntropy" else 1)])
    model.compile(loss=getattr(losses, name)())
    with pytest.raises(ValueError, match=message.replace("[", r"\[").replace("]", r"\]")):
        model.fit(np.ones((1, 3)), y, verbose=0)


@pytest.mark.parametrize(("name", "arguments"), [("Huber", {"delta": 0.0}), ("Huber", {"delta": -1.0})])
def test_arguments_out_of_range_are_refused(name: str, arguments: Any) -> None:
    with pytest.raises(ValueError, match="delta must be"):
        getattr(losses, name)(**arguments)
    with pytest.raises(ValueError, match="q must lie between 0 and 1: received q=1"):
        losses.CategoricalGeneralizedCrossEntropy(q=1)


def test_models_learn_by_them() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(128, 4)).astype("float32")
    number = x @ np.asarray([[1.0], [-2.0], [0.5], [0.0]])
    cases = [
        ("huber", number, None), ("log_cosh", number, None), ("mae", number, None), ("hinge", np.sign(number), None),
        ("poisson", np.floor(np.exp(number / 4)), "softplus"), ("dice", (number > 0) * 1.0, "sigmoid"),
        (losses.BinaryFocalCrossentropy(), (number > 0) * 1.0, "sigmoid"),
    ]  # fmt: skip
    for loss, y, activation in cases:
        nna.set_seed(0)
        model = models.Sequential([layers.Dense(8, activation="relu"), layers.Dense(1, activation=activation)])
        model.compile(optimizer=nna.optimizers.Adam(0.02), loss=loss)
        history = model.fit(x, y, epochs=12, verbose=0).history["loss"]
        assert history[-1] < 0.8 * history[0], loss


def test_circle_counts_examples_that_have_another_of_their_label() -> None:
    y, p = ARRAYS["alone"], ARRAYS["unit"]
    each = losses.circle(y, p, gamma=5.0)
    assert (each == 0).tolist() == [False, True, False, True]
    np.testing.assert_allclose(losses.Circle(gamma=5.0)(y, p), each.sum() / 2)
    slope = nna.grad(lambda p: nna.array_namespace(p).sum(losses.circle(y, p, gamma=5.0)))(p)
    assert np.isfinite(slope).all()


def test_circle_compares_with_what_is_given() -> None:
    y, p = ARRAYS["twins"], ARRAYS["unit"]
    given = losses.circle(y, p, ref_labels=y, ref_embeddings=p, gamma=5.0)
    np.testing.assert_allclose(given, losses.circle(y, p, gamma=5.0))
    fewer = losses.circle(y, p, ref_labels=y[:2], ref_embeddings=p[:2], remove_diagonal=False, gamma=5.0)
    assert fewer.shape == (4,)
