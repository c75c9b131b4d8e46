"""Losses against PyTorch and Keras: values, reductions, sample weights, shapes, gradients from logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import losses
from nnarray.array import Array
from nnarray.backends import backend_of
from nnarray.testing import check_grads
from tests.hosts import to_host, to_library

X = np.arange(12.0).reshape(4, 3)
LOGITS = 3 * np.sin(1.7 * X)
BINARY = (np.cos(X) > 0).astype(float)
SPARSE = np.asarray([0, 2, 1, 2])
ONE_HOT = np.eye(3)[SPARSE]
WEIGHTS = np.asarray([1.0, 0.5, 0.0, 2.0])
#: With a sure mistake and a sure success among them, which only clipping keeps finite.
SIGMOIDS = 1 / (1 + np.exp(-LOGITS))
SIGMOIDS[0, 0], SIGMOIDS[1, 1] = 0.0, 1.0
SOFTMAX = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=-1, keepdims=True)
SURE = np.where(X < 3, [0.0, 0.0, 1.0], SOFTMAX)

#: From Keras 3.15 on JAX, floatx float64. What Keras averages over an axis it averages in float32: seven digits.
KERAS: list[tuple[str, Callable[..., Any], np.ndarray, np.ndarray, dict[str, Any], list[float]]] = [
    ("bce", losses.binary_crossentropy, BINARY, SIGMOIDS, {},
     [5.516483306884766, 5.421882629394531, 2.288578748703003, 0.8171952962875366]),
    ("bce smooth", losses.binary_crossentropy, BINARY, SIGMOIDS, {"label_smoothing": 0.2},
     [5.103934288024902, 5.057043552398682, 2.070861339569092, 0.8587610721588135]),
    ("bce logits", losses.binary_crossentropy, BINARY, LOGITS, {"from_logits": True},
     [0.37483423948287964, 0.6115174889564514, 2.288578748703003, 0.8171952962875366]),
    ("bce logits smooth", losses.binary_crossentropy, BINARY, LOGITS, {"from_logits": True, "label_smoothing": 0.2},
     [0.4995548129081726, 0.734536349773407, 2.070861339569092, 0.8587610721588135]),
    ("bce axis", losses.binary_crossentropy, BINARY, SIGMOIDS, {"axis": 0},
     [4.962348937988281, 4.5555315017700195, 1.0152255296707153]),
    ("mse", losses.mean_squared_error, BINARY, LOGITS, {},
     [1.8294382095336914, 3.952946662902832, 8.13292121887207, 3.9429984092712402]),
    ("cce", losses.categorical_crossentropy, ONE_HOT, SURE, {},
     [16.11809565095832, 0.3414156173133617, 4.452873019155627, 1.8290965992808903]),
    ("cce of unnormalised", losses.categorical_crossentropy, ONE_HOT, 3 * SOFTMAX, {},
     [3.0470949985465032, 0.3414156173133617, 4.452873019155627, 1.8290965992808905]),
    ("cce smooth", losses.categorical_crossentropy, ONE_HOT, SURE, {"label_smoothing": 0.1},
     [15.58082579925971, 0.5442831729569721, 4.313316883981925, 1.855762485992945]),
    ("cce logits smooth", losses.categorical_crossentropy, ONE_HOT, LOGITS,
     {"from_logits": True, "label_smoothing": 0.1},
     [2.9734826277039397, 0.5442831729569721, 4.313316883981925, 1.855762485992945]),
    ("cce axis", losses.categorical_crossentropy, ONE_HOT, SOFTMAX, {"axis": 0},
     [2.9261083546256934, 4.669051573344755, 3.4252001538152133]),
    ("scce", losses.sparse_categorical_crossentropy, SPARSE, SURE, {},
     [16.11809565095832, 0.3414156173133617, 4.452873019155627, 1.8290965992808903]),
    ("scce ignore", losses.sparse_categorical_crossentropy, SPARSE, SURE, {"ignore_class": 2},
     [16.11809565095832, 0.0, 4.452873019155627, 0.0]),
    ("scce logits", losses.sparse_categorical_crossentropy, SPARSE, LOGITS, {"from_logits": True},
     [3.0470949985465032, 0.3414156173133616, 4.452873019155627, 1.8290965992808903]),
]  # fmt: skip
AVERAGED = (losses.binary_crossentropy, losses.mean_squared_error)


@pytest.mark.parametrize(
    ("function", "y", "p", "arguments", "expected"), [k[1:] for k in KERAS], ids=[k[0] for k in KERAS]
)
def test_functions_give_keras_values_per_example(
    function: Any, y: Any, p: Any, arguments: Any, expected: Any, place: Any
) -> None:
    xp = nna.namespace(*place)
    found = function(to_library(y, xp), to_library(p, xp), **arguments)
    assert type(found) is type(to_library(p, xp))
    np.testing.assert_allclose(to_host(found), expected, rtol=2e-7 if function in AVERAGED else 1e-13)


#: Reduction to what Keras 3.15 gives with WEIGHTS: BinaryCrossentropy()(BINARY, SIGMOIDS), then
#: SparseCategoricalCrossentropy(ignore_class=2)(SPARSE, SURE) with and without them.
REDUCED = {
    "sum_over_batch_size": (2.465453803539276, 8.05904782547916, 10.285484335056974),
    "mean": (2.465453803539276, 8.05904782547916, 10.285484335056974),
    "sum": (9.861815214157104, 16.11809565095832, 20.57096867011395),
    "mean_with_sample_weight": (2.8176614897591725, 16.11809565095832, 10.285484335056974),
    "none": (
        [5.516483306884766, 2.7109413146972656, 0.0, 1.6343905925750732],
        [16.11809565095832, 0.0, 0.0, 0.0],
        [16.11809565095832, 0.0, 4.452873019155627, 0.0],
    ),
}


@pytest.mark.parametrize("reduction", REDUCED)
def test_reductions_sample_weights_and_ignored_classes_are_those_of_keras(reduction: str, place: Any) -> None:
    xp = nna.namespace(*place)
    binary = losses.BinaryCrossentropy(reduction=reduction)
    sparse = losses.SparseCategoricalCrossentropy(ignore_class=2, reduction=reduction)
    found = (
        binary(to_library(BINARY, xp), to_library(SIGMOIDS, xp), to_library(WEIGHTS, xp)),
        sparse(to_library(SPARSE, xp), to_library(SURE, xp), to_library(WEIGHTS, xp)),
        sparse(to_library(SPARSE, xp), to_library(SURE, xp)),
    )
    for value, expected in zip(found, REDUCED[reduction], strict=True):
        np.testing.assert_allclose(to_host(value), expected, rtol=2e-7)


def test_means_over_nothing_are_zero() -> None:
    sparse = losses.SparseCategoricalCrossentropy(ignore_class=2)
    assert float(sparse(np.full(4, 2), SURE)) == 0.0
    weighted = losses.MeanSquaredError(reduction="mean_with_sample_weight")
    assert float(weighted(BINARY, LOGITS, np.zeros(4))) == 0.0


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_values_and_gradients_are_those_of_pytorch(smoothing: float, place: Any) -> None:
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    z, labels = torch.tensor(LOGITS, requires_grad=True), torch.tensor(SPARSE)
    soft = torch.tensor(BINARY * (1 - smoothing) + smoothing / 2)
    ignored = {"ignore_index": 1}
    twins = [
        (losses.BinaryCrossentropy(True, smoothing), BINARY, functional.binary_cross_entropy_with_logits(z, soft)),
        (losses.CategoricalCrossentropy(True, smoothing), ONE_HOT,
         functional.cross_entropy(z, labels, label_smoothing=smoothing)),
        (losses.SparseCategoricalCrossentropy(True), SPARSE, functional.cross_entropy(z, labels)),
        (losses.SparseCategoricalCrossentropy(True, 1), SPARSE, functional.cross_entropy(z, labels, **ignored)),
        (losses.MeanSquaredError(), BINARY, functional.mse_loss(z, torch.tensor(BINARY))),
    ]  # fmt: skip
    xp = nna.namespace(*place)
    for loss, y, expected in twins:
        targets = to_library(y, xp)
        value, gradient = nna.value_and_grad(lambda p, f=loss, t=targets: f(t, p))(to_library(LOGITS, xp))
        np.testing.assert_allclose(to_host(value), expected.item(), rtol=1e-13, err_msg=loss.name)
        (slope,) = torch.autograd.grad(expected, z)
        np.testing.assert_allclose(to_host(gradient), slope.numpy(), rtol=1e-11, atol=1e-15, err_msg=loss.name)


KNOWN_LOGITS = [
    (losses.BinaryCrossentropy, {}, BINARY, nna.activations.sigmoid),
    (losses.BinaryCrossentropy, {"axis": 0}, BINARY, nna.activations.sigmoid),
    (losses.CategoricalCrossentropy, {"label_smoothing": 0.1}, ONE_HOT, nna.activations.softmax),
    (losses.SparseCategoricalCrossentropy, {"ignore_class": 1}, SPARSE, nna.activations.softmax),
]


@pytest.mark.parametrize(("cls", "arguments", "y", "activation"), KNOWN_LOGITS)
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_outputs_known_to_be_a_sigmoid_or_softmax_give_the_loss_of_their_logits(
    cls: Any, arguments: Any, y: Any, activation: Any, weights: Any, place: Any
) -> None:
    xp = nna.namespace(*place)
    if arguments.get("axis") == 0 and weights is not None:
        weights = np.asarray([1.0, 0.5, 2.0])
    # A wrong answer so sure that its probability is clipped.
    z = xp.asarray(np.where(X == 2, 200.0, LOGITS))
    found = cls(**arguments)(y, activation(z), weights)
    expected = cls(from_logits=True, **arguments)(y, z, weights)
    np.testing.assert_array_equal(to_host(found.value), to_host(expected.value))
    clipped = cls(**arguments)(y, activation(z).value, weights)
    assert abs(float(clipped) - float(found)) > 1


def test_logits_are_taken_of_nothing_but_our_own_activation_over_the_axis_of_the_loss(place: Any) -> None:
    xp = nna.namespace(*place)
    z = xp.asarray(np.asarray([[50.0], [-50.0]]))
    y = np.asarray([[0.0], [1.0]])

    def sigmoid(x: Any) -> Any:
        return nna.activations.sigmoid(x / 10)

    assert float(losses.BinaryCrossentropy()(y, nna.activations.sigmoid(z))) == 50.0
    assert float(losses.BinaryCrossentropy()(y, sigmoid(z))) == pytest.approx(np.log1p(np.exp(5.0)), rel=1e-12)
    for other in (
        losses.BinaryCrossentropy()(y, 1.0 * nna.activations.sigmoid(z)),
        losses.LossFunctionWrapper(losses.binary_crossentropy)(y, nna.activations.sigmoid(z)),
        nna.array_namespace(z).mean(losses.binary_crossentropy(y, nna.activations.sigmoid(z))),
    ):
        assert float(other) == pytest.approx(-np.log(1e-7), rel=1e-8)
    z = xp.asarray(np.asarray([[[60.0, 0.0], [0.0, 0.0]]]))
    p, one_hot = nna.activations.softmax(z, axis=1), np.asarray([[[0.0, 1.0], [1.0, 0.0]]])
    assert float(losses.CategoricalCrossentropy(axis=1, reduction="sum")(one_hot, p)) == 60.0 + np.log(2)
    assert float(losses.CategoricalCrossentropy(reduction="sum")(one_hot, p)) < 40


def test_a_subclass_is_what_it_defines(place: Any) -> None:
    class Threefold(losses.BinaryCrossentropy):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return 3.0 * nna.array_namespace(y_pred).mean(y_pred - y_true, axis=-1)

    class Shifted(losses.CategoricalCrossentropy):
        def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
            return super().__call__(y_true, y_pred, sample_weight) + 1.0

    z = nna.namespace(*place).asarray(LOGITS)
    p = nna.activations.sigmoid(z)
    assert float(Threefold()(BINARY, p)) == pytest.approx(float(np.mean(3 * (to_host(p.value) - BINARY))))
    p = nna.activations.softmax(z)
    plain = float(losses.CategoricalCrossentropy()(ONE_HOT, p))
    assert float(Shifted()(ONE_HOT, p)) == pytest.approx(plain + 1)
    assert float(Shifted().per_example(ONE_HOT, p)) == pytest.approx(plain + 1)


def test_probabilities_are_kept_1e_7_from_zero_and_one(place: Any) -> None:
    xp = nna.namespace(*place)
    y, p = to_library(np.asarray([[1.0], [0.0]]), xp), to_library(np.asarray([[0.0], [1.0]]), xp)
    np.testing.assert_allclose(to_host(losses.binary_crossentropy(y, p)), -np.log(1e-7), rtol=1e-8)
    y, p = to_library(np.asarray([[0.0, 1.0]]), xp), to_library(np.asarray([[1.0, 0.0]]), xp)
    np.testing.assert_allclose(to_host(losses.categorical_crossentropy(y, p)), -np.log(1e-7), rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradients_from_logits_are_output_minus_target_also_at_zero_and_at_saturation(dtype: str, place: Any) -> None:
    xp = nna.namespace(*place)
    values = np.asarray([0.0, -0.0, 1e-30, 1.0, 20.0, -20.0, 80.0, -80.0, 1000.0, -1000.0], dtype=dtype)
    z = np.concatenate([values, values])[:, np.newaxis]
    y = np.repeat(np.asarray([0.0, 1.0], dtype=dtype), len(values))[:, np.newaxis]
    loss = losses.BinaryCrossentropy(from_logits=True, reduction="sum")
    targets = to_library(y, xp)
    value, gradient = nna.value_and_grad(lambda z: loss(targets, z))(to_library(z, xp))
    side = np.exp(-np.abs(z.astype(float)))
    away = (z > 0) != (y == 1)
    # exp(-|z|) / (1 + exp(-|z|)) on the target's own side: nothing cancels, so the relative error stays small.
    expected = np.where(z == 0, 0.5, np.where(away, 1.0, side) / (1 + side)) * np.where(y == 1, -1.0, 1.0)
    eps = float(np.finfo(dtype).eps)
    np.testing.assert_allclose(to_host(gradient), expected, rtol=90 * eps, atol=1e-37)
    np.testing.assert_allclose(
        to_host(value), np.sum(np.where(y == 1, np.logaddexp(0, -z), np.logaddexp(0, z))), rtol=9 * eps
    )


def test_small_losses_from_logits_keep_their_digits_in_float32() -> None:
    z = np.asarray([[15.0], [-15.0]], dtype=np.float32)
    found = losses.binary_crossentropy(np.asarray([[1.0], [0.0]]), z, from_logits=True)
    np.testing.assert_allclose(found, np.log1p(np.exp(-15.0)), rtol=1e-6)


def test_derivatives_of_every_loss_are_right_up_to_order_two(place: Any) -> None:
    xp = nna.namespace(*place)
    y, labels = to_library(BINARY, xp), to_library(SPARSE, xp)
    inner = 0.25 + 0.5 * SOFTMAX
    for loss, targets, point in (
        (losses.BinaryCrossentropy(), y, inner),
        (losses.BinaryCrossentropy(from_logits=True), y, np.where(X == 4, 0.0, LOGITS)),
        (losses.CategoricalCrossentropy(), y, inner),
        (losses.SparseCategoricalCrossentropy(from_logits=True), labels, LOGITS),
        (losses.MeanSquaredError(), y, LOGITS),
    ):
        check_grads(lambda p, f=loss, t=targets: f(t, p), (to_library(point, xp),), order=2)


def test_losses_are_differentiable_in_targets_and_weights_too() -> None:
    def f(y: Any, w: Any) -> Any:
        return losses.MeanSquaredError()(y, LOGITS, w)

    slopes = nna.grad(f, argnums=(0, 1))(BINARY, WEIGHTS)
    np.testing.assert_allclose(slopes[0], 2 * (BINARY - LOGITS) * WEIGHTS[:, np.newaxis] / 12)
    np.testing.assert_allclose(slopes[1], ((BINARY - LOGITS) ** 2).mean(-1) / 4)


def test_a_loss_of_arrays_is_an_array_and_a_loss_of_raw_arrays_is_raw(place: Any) -> None:
    xp = nna.namespace(*place)
    for loss in (losses.BinaryCrossentropy(), losses.mean_squared_error):
        assert isinstance(loss(BINARY, xp.asarray(SIGMOIDS)), Array)
        assert backend_of(loss(BINARY, to_library(SIGMOIDS, xp))).name == place[0]


def test_targets_and_weights_may_be_lists_and_numpy_arrays_of_any_dtype(place: Any) -> None:
    p = to_library(SOFTMAX.astype(np.float32), nna.namespace(*place))
    expected = to_host(losses.SparseCategoricalCrossentropy()(to_library(SPARSE, nna.namespace(*place)), p, 2.0))
    for y in ([0, 2, 1, 2], SPARSE.astype(np.int8), SPARSE.astype(np.float64), SPARSE[:, np.newaxis]):
        for weight in ([2, 2, 2, 2], np.full(4, 2), np.full((4, 1), 2.0), np.float32(2), 2):
            found = losses.SparseCategoricalCrossentropy()(y, p, weight)
            np.testing.assert_array_equal(to_host(found), expected, strict=True)
