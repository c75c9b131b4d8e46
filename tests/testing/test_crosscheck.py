"""`crosscheck` where backends agree, what it leaves as it was, and what it refuses."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import layers, models, optimizers
from nnarray.backends import select
from nnarray.layers import Layer
from nnarray.random import next_key
from nnarray.testing import crosscheck
from nnarray.testing._crosscheck import TOLERANCES
from nnarray.testing._crosscheck_run import run
from nnarray.training import Data
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
    assert names(report, "forward") == ["first", "second", "last", "loss"]
    assert names(report, "gradient") == ["loss", "last", "second", "first"]
    assert names(report, "weight gradient") == [
        f"{n}/{w}" for n in ("last", "second", "first") for w in ("kernel", "bias")
    ]
    order = [row.name for row in report.rows]
    assert order.index("second/kernel") == order.index("second", 5) + 1
    shapes = {(row.name, row.kind): row.shape for row in report.rows}
    assert shapes["second", "forward"] == (24, 5)
    assert shapes["second", "gradient"] == (24, 4)
    assert shapes["second/kernel", "weight gradient"] == (4, 5)


def found_by(model: Any, kind: str) -> dict[str, np.ndarray]:
    """Return what the model computes on NumPy, by the names of the rows."""
    computed = run(model, select("numpy"), Data(X, Y, None), training=True, with_loss=True)
    assert computed.error is None
    return {key.place.path + key.part: f.value for key, f in computed.found.items() if key.kind == kind}


@pytest.mark.parametrize("scale", [1.0, 60.0])
def test_the_gradients_are_those_that_fit_takes(scale: float) -> None:
    """Also where the outputs are 0 and 1 but for rounding, and only the logits have a slope."""
    model = network()
    model.layers[-1].set_weights([scale * weight for weight in model.layers[-1].get_weights()])
    model.compile(optimizers.SGD(1.0), "binary_crossentropy")
    taken = found_by(model, "weight gradient")
    before = model.get_weights()
    model.fit(X, Y, batch_size=len(X), verbose=0)
    names = [f"{layer.name}/{variable.name}" for layer in model.layers for variable in layer.variables]
    assert list(taken) == [names[i] for i in (4, 5, 2, 3, 0, 1)]
    for name, old, new in zip(names, before, model.get_weights(), strict=True):
        assert np.abs(taken[name]).max() > 0
        np.testing.assert_allclose(taken[name], old - new, atol=1e-6 * scale)


def test_what_is_handed_back_to_a_sigmoid_that_ends_the_model_is_the_gradient_in_its_logits() -> None:
    model = network()
    taken = found_by(model, "gradient")
    np.testing.assert_allclose(taken["loss"], (model(X) - Y[:, None]) / len(X), atol=1e-7)
    model.compile("sgd", "mse")
    probabilities = model(X)
    slope = probabilities * (1 - probabilities)
    np.testing.assert_allclose(
        found_by(model, "gradient")["loss"], 2 * (probabilities - Y[:, None]) * slope / len(X), atol=1e-7
    )


def test_what_is_handed_back_to_a_sigmoid_within_the_model_is_the_gradient_in_its_outputs() -> None:
    model = models.Sequential(
        [layers.Dense(4, "sigmoid", input_dim=3, name="hidden"), layers.Dense(1, "sigmoid", name="last")], name="net"
    )
    model.compile("sgd", "binary_crossentropy")
    last = model.layers[-1]
    expected = (model(X) - Y[:, None]) / len(X) @ last.kernel.numpy().T
    np.testing.assert_allclose(found_by(model, "gradient")["last"], expected, atol=1e-7)


def test_a_loss_of_the_models_own_is_compared_also_without_targets() -> None:
    class Coder(models.Model):
        def __init__(self) -> None:
            super().__init__(name="coder")
            self.dense = layers.Dense(3, name="dense")

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

        def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None) -> Any:
            xp = nna.array_namespace(y_pred)
            return xp.mean((y_pred - x) ** 2)

    report = crosscheck(Coder(), X, backends=PAIR)
    assert report.passed, str(report)
    assert names(report, "weight gradient") == ["dense/kernel", "dense/bias"]
    assert names(report, "forward") == ["dense", "coder", "loss"]


def test_models_of_several_inputs_and_outputs_are_compared() -> None:
    a, b = layers.Input((3,), name="a"), layers.Input((2,), name="b")
    hidden = layers.Dense(4, "tanh", name="left")(a) * layers.Dense(4, name="right")(b)
    outputs = [layers.Dense(1, "sigmoid", name="yes")(hidden), layers.Dense(2, name="size")(hidden)]
    model = models.Model([a, b], outputs, name="net")
    data = [X, X[:, :2]], [Y, X[:, 1:]]
    report = crosscheck(model, *data, backends=INSTALLED, loss=["binary_crossentropy", "mse"])
    assert report.passed, str(report)
    assert {"net[0]", "net[1]", "yes", "size", "left", "right", "loss"} <= set(names(report, "forward"))
    assert {"loss[0]", "loss[1]", "net[0]", "net[1]"} <= set(names(report, "gradient"))
    assert len(names(report, "weight gradient")) == 8
    with pytest.raises(ValueError, match="size"):
        crosscheck(model, data[0], [Y, X], backends=PAIR, loss=["binary_crossentropy", "mse"])


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
    assert seen == [(name, "call") for name in ("net", "first", "second", "last")]
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


def test_a_dtype_without_a_default_tolerance_asks_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(TOLERANCES, "float32")
    with pytest.raises(ValueError, match="no default tolerance for float32: give rtol"):
        crosscheck(network(), X, backends=PAIR)
    assert crosscheck(network(), X, backends=PAIR, rtol=1e-5)


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
