"""`crosscheck` where backends agree, what it leaves as it was, and what it refuses."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import layers, models, optimizers
from nnarray.layers import Layer
from nnarray.random import next_key
from nnarray.testing import crosscheck
from tests.testing.networks import (
    INSTALLED,
    PAIR,
    STRICT,
    Twice,
    X,
    Y,
    names,
    network,
)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("training", [False, True])
def test_all_installed_backends_agree_forward_and_backward(dtype: str, training: bool) -> None:
    nna.config.set_floatx(dtype)
    try:
        model = network(layers.Dropout(0.4))
    finally:
        nna.config.set_floatx("float32")
    report = crosscheck(model, X, Y, backends=INSTALLED, training=training)
    assert report.passed, str(report)
    assert report
    assert report.backends == tuple(f"{name}:{device}" for name, device in INSTALLED)
    assert report.tolerance == {"float32": 1e-5, "float64": 1e-12}[dtype]
    assert len({row.name for row in report.rows if row.kind == "weight gradient"}) == 6
    assert all(set(row.differences) == set(report.backends) for row in report.rows)


def test_by_default_every_available_backend_is_compared_with_numpy() -> None:
    assert crosscheck(network(), X).backends == tuple(nna.available_backends())


@pytest.mark.parametrize(
    "entry", ["array_api_strict:device1", ("array_api_strict", "device1"), ["array_api_strict", "device1"]]
)
def test_a_backend_is_named_with_its_device_in_words_or_as_a_pair(entry: Any) -> None:
    report = crosscheck(network(), X, Y, backends=["numpy", entry])
    assert report.backends == ("numpy", "array_api_strict:device1")
    assert report.passed


def test_backends_may_be_modules_and_data_of_any_library() -> None:
    strict = pytest.importorskip(STRICT)
    report = crosscheck(network(), strict.asarray(X), Y.tolist(), backends=[strict, np])
    assert report.backends == (STRICT, "numpy")
    assert report.passed


def test_rows_follow_the_computation_forward_and_then_back() -> None:
    report = crosscheck(network(), X, Y, backends=PAIR)
    assert names(report, "forward") == ["first", "second", "last (logits)", "last", "loss"]
    assert names(report, "gradient") == ["loss", "last (logits)", "second", "first"]
    assert names(report, "weight gradient") == [
        f"{n}/{w}" for n in ("last", "second", "first") for w in ("kernel", "bias")
    ]
    order = [row.name for row in report.rows]
    assert order.index("second/kernel") == order.index("second", 5) + 1
    shapes = {(row.name, row.kind): row.shape for row in report.rows}
    assert shapes["second", "forward"] == (24, 5)
    assert shapes["second", "gradient"] == (24, 4)
    assert shapes["second/kernel", "weight gradient"] == (4, 5)


def test_the_gradients_are_those_that_fit_takes() -> None:
    from nnarray.backends import select
    from nnarray.testing._crosscheck_run import run
    from nnarray.training import Data, Step

    model = network()
    model.compile(optimizers.SGD(1.0), "binary_crossentropy")
    assert model.loss is not None
    gradients = run(model, select("numpy"), Data(X, Y, None), model.loss, True).found
    before = model.get_weights()
    model.fit(X, Y, batch_size=len(X), verbose=0)
    assert isinstance(model._runner.step, Step)
    stepped = {v.path: old - new for v, old, new in zip(model.variables, before, model.get_weights(), strict=True)}
    taken = {key.place.path + key.part: f.value for key, f in gradients.items() if key.kind == "weight gradient"}
    assert set(stepped) == set(taken)
    for path, gradient in taken.items():
        np.testing.assert_allclose(gradient, stepped[path], atol=1e-6)


def test_nested_layers_have_paths_and_repeated_calls_numbers() -> None:
    report = crosscheck(Twice(), X, Y, backends=PAIR, loss="mse", training=True)
    assert report.passed, str(report)
    forward = ["dense#1", "dense#2", "block/inner", "block", "head/dropout", "head/last", "twice", "loss"]
    assert names(report, "forward") == forward
    assert names(report, "gradient") == [
        *("loss", "head/last", "head/dropout", "block/inner", "block", "dense#2", "dense#1", "twice"),
    ]
    weights = ["head/last", "block/inner", "dense"]
    assert names(report, "weight gradient") == [f"{layer}/{w}" for layer in weights for w in ("kernel", "bias")]
    assert {row.layer for row in report.rows if row.name.startswith("dense/")} == {"dense#1"}


def test_weights_of_one_name_are_told_apart() -> None:
    class Unnamed(Layer):
        def build(self, input_shape: Any) -> None:
            self.a = self.add_weight((4,), "ones")
            self.b = self.add_weight((4,), "ones")

        def call(self, inputs: Any) -> Any:
            return inputs * self.a + self.b

    report = crosscheck(network(Unnamed(name="unnamed")), X, Y, backends=PAIR)
    assert names(report, "weight gradient")[-4:-2] == ["unnamed/variable[0]", "unnamed/variable[1]"]


def test_frozen_layers_have_no_weight_gradients() -> None:
    model = network()
    model.layers[1].trainable = False
    report = crosscheck(model, X, Y, backends=PAIR)
    assert names(report, "weight gradient") == ["last/kernel", "last/bias", "first/kernel", "first/bias"]


def test_a_gradient_that_cancels_to_rounding_is_no_difference() -> None:
    class Centred(Layer):
        """Takes the mean over the batch away: the bias before it has gradient zero but for rounding."""

        def call(self, inputs: Any) -> Any:
            xp = nna.array_namespace(inputs)
            return inputs - xp.mean(inputs, axis=0, keepdims=True)

    for seed in range(5):
        x = np.random.default_rng(seed).standard_normal((200, 3))
        model = models.Sequential([layers.Dense(4, input_dim=3, name="a"), Centred(), layers.Dense(1)])
        report = crosscheck(model, x, x[:, :1], backends=INSTALLED, loss="mse")
        assert report.passed, str(report)


@pytest.mark.parametrize(
    ("compiled", "y", "reason"),
    [(True, None, "no y was given"), (False, Y, "the model is not compiled and no loss was given")],
)
def test_without_targets_or_loss_the_report_says_that_gradients_were_not_compared(
    compiled: bool, y: Any, reason: str
) -> None:
    report = crosscheck(network(compiled=compiled), X, y, backends=PAIR)
    assert names(report, "forward") == ["first", "second", "last"]
    assert len(report.rows) == 3
    assert report.summary() == [
        f"Gradients were not compared: {reason}.",
        f"{STRICT} agrees with numpy in all 3 arrays (1e-05 allowed).",
    ]
    assert len(report.plot().axes) == 1


def state(model: Any) -> list[Any]:
    optimizer = [] if model.optimizer is None else [v.numpy() for v in model.optimizer.variables]
    return [*model.get_weights(), *optimizer]


def test_the_model_its_optimizer_and_all_random_streams_are_as_before(place: Any) -> None:
    model = network(layers.Dropout(0.5))
    model.to(*place)
    model.fit(X, Y, epochs=2, verbose=0)
    twin = copy.deepcopy(model)
    nna.set_seed(8)
    before, place, counter = state(model), (model.backend, model.device), model._counter
    variables = list(model.variables)
    values = [variable._value for variable in variables]
    assert crosscheck(model, X, Y, backends=PAIR, training=True)
    assert crosscheck(model, X, backends=PAIR)
    assert (model.backend, model.device) == place
    assert model._counter == counter
    assert next_key() == (8, 0)
    assert all(v is w and v._value is value for v, w, value in zip(model.variables, variables, values, strict=True))
    for old, new in zip(before, state(model), strict=True):
        np.testing.assert_array_equal(old, new)
    for one in (model, twin):
        nna.set_seed(8)
        one.fit(X, Y, epochs=1, verbose=0)
    for old, new in zip(state(twin), state(model), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_model_that_is_not_built_stays_so_and_draws_the_weights_that_it_would_have_drawn() -> None:
    def unbuilt() -> models.Sequential:
        nna.set_seed(5)
        return models.Sequential([layers.Dense(4, "relu"), layers.Dropout(0.1), layers.Dense(1)])

    model, other = unbuilt(), unbuilt()
    report = crosscheck(model, X, Y, backends=PAIR, loss="mse")
    assert report.passed
    assert len(names(report, "weight gradient")) == 4
    assert not model.built
    assert model.variables == []
    nna.set_seed(6)
    model.build((None, 3))
    nna.set_seed(6)
    other.build((None, 3))
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_layer_called_outside_a_cross_check_is_not_observed() -> None:
    seen = []

    def observer(layer: Layer, compute: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append((layer.name, compute.__name__))
        return compute(*args, **kwargs) + 1.0

    model = network(compiled=False)
    plain = model(X)
    with layers.observing(observer):
        watched = model(X)
        model.pre_activation(X)
    assert seen[:4] == [("net", "call"), ("first", "call"), ("second", "call"), ("last", "call")]
    assert seen[4:] == [("first", "call"), ("second", "call"), ("last", "pre_activation")]
    assert np.abs(watched - plain).min() > 1
    np.testing.assert_array_equal(model(X), plain)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"model": layers.Dense(1)}, TypeError, "crosscheck takes a model: received .*Sequential"),
        ({"backends": "numpy"}, TypeError, "backends must be a list, for example .*received 'numpy'"),
        ({"backends": ["numpy"]}, ValueError, "At least two backends are needed to compare: received numpy"),
        ({"backends": []}, ValueError, "At least two backends are needed to compare: received none"),
        ({"backends": ["numpy", "numpy"]}, ValueError, "backends must differ: received 'numpy' twice"),
        ({"backends": ["numpy", "nunpy"]}, ValueError, "Unknown backend: 'nunpy'. Did you mean 'numpy'"),
        ({"backends": ["numpy", "array_api_strict:moon"]}, ValueError, "has no device 'moon'"),
        ({"backends": ["numpy", ("torch", "cpu", 1)]}, ValueError, "pair: received"),
        ({"backends": ["numpy", 3]}, TypeError, "A backend is a name or an array-API module: received 3"),
        ({"x": X[:, :2]}, ValueError, r"takes x of shape \(batch, 3\): received x of shape \(batch, 2\)"),
        ({"y": Y[:5]}, ValueError, "x and y must have the same number of examples"),
        ({"y": Y + 3}, ValueError, "binary_crossentropy takes labels from 0 to 1"),
        ({"y": None, "loss": "mse"}, ValueError, "y is missing: a loss needs targets"),
        ({"loss": "msee"}, ValueError, "Unknown loss: 'msee'. Did you mean 'mse'"),
        ({"rtol": 0}, ValueError, "rtol must be positive and finite: received rtol=0"),
        ({"model": models.Sequential()}, ValueError, "has no layers"),
    ],
)
def test_a_wrong_argument_is_refused_before_anything_is_computed(change: dict, error: Any, message: str) -> None:
    arguments: dict[str, Any] = {"model": network(), "x": X, "y": Y, "backends": PAIR, **change}
    with pytest.raises(error, match=message):
        crosscheck(**arguments)


def test_a_dtype_without_a_default_tolerance_asks_for_one() -> None:
    model = models.Sequential([layers.Dense(1, input_dim=3, dtype="float32")])
    model.dtype = "float16"
    with pytest.raises(ValueError, match="no default tolerance for float16: give rtol"):
        crosscheck(model, X, backends=PAIR)


def test_data_with_nan_are_followed_to_where_they_come_from() -> None:
    x = X.copy()
    x[0, 0] = np.nan
    report = crosscheck(network(), x, Y, backends=["numpy", STRICT])
    assert not report.passed
    assert report.first[STRICT].differences[STRICT].note == "NaN on both"


def test_a_loss_that_begins_with_the_targets_works_on_every_backend() -> None:
    def squared(y_true: Any, y_pred: Any) -> Any:
        xp = nna.array_namespace(y_pred)
        return xp.mean((y_true - y_pred) ** 2, axis=-1)

    for name, device in INSTALLED:
        model = models.Sequential([layers.Dense(1, input_dim=3)])
        model.compile(loss=squared, optimizer="sgd", backend=name, device=device)
        x, y = np.ones((4, 3)), np.ones((4, 1))
        assert model.fit(x, y, verbose=0).history["loss"][0] >= 0
