"""Targets, outputs and weights of all shapes stand beside each other before anybody's code sees them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import layers, losses, metrics
from nnarray.models import Sequential
from tests.nets import RNG, X, Y, both_ways, dense, of_call

WEIGHTS = np.linspace(0.0, 2.0, 24, dtype="float32")


class _Squares(losses.Loss):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return (y_true - y_pred) ** 2


class _MeanSquare(losses.Loss):
    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        assert sample_weight is None or sample_weight.shape == y_pred.shape
        weight = 1.0 if sample_weight is None else sample_weight
        return nna.array_namespace(y_pred).mean(weight * (y_true - y_pred) ** 2)


class _MeanDistance(metrics.Metric):
    def __init__(self, name: str = "distance") -> None:
        super().__init__(name)
        self.total, self.count = self.add_variable(name="total"), self.add_variable(name="count")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        distances = abs(y_true - y_pred)
        self.total.assign_add(nna.array_namespace(y_pred).sum(distances))
        self.count.assign_add(float(np.prod(distances.shape)))

    def result(self) -> Any:
        return self.total / self.count


@both_ways
@pytest.mark.parametrize(
    "loss", [lambda t, p: (t - p) ** 2, _Squares(), _MeanSquare(), "mse", losses.MeanSquaredError()]
)
@pytest.mark.parametrize("y", [Y, Y[:, 0], Y.tolist(), Y[:, 0].tolist()], ids=["(n, 1)", "(n,)", "lists", "list"])
@pytest.mark.parametrize("weight", [None, WEIGHTS, WEIGHTS[:, None]], ids=["even", "(n,) weights", "(n, 1) weights"])
def test_targets_of_one_axis_stand_beside_outputs_of_two_for_all_code(
    loss: Any, y: Any, weight: Any, eagerly: bool
) -> None:
    model = dense()
    model.compile(
        "sgd",
        loss,
        metrics=[lambda t, p: abs(t - p), _MeanDistance()],
        weighted_metrics=[lambda t, p: abs(t - p)],
        run_eagerly=eagerly,
    )
    p = model.predict(X, verbose=0)
    w = np.ones((24, 1)) if weight is None else weight.reshape(24, 1)
    distance = np.mean(abs(Y - p))
    expected = [np.mean(w * (Y - p) ** 2), distance, distance, np.sum(w * abs(Y - p)) / np.sum(w)]
    np.testing.assert_allclose(
        model.evaluate(X, y, sample_weight=weight, batch_size=24, verbose=0), expected, rtol=1e-5
    )
    history = model.fit(X, y, sample_weight=weight, batch_size=24, verbose=0).history
    np.testing.assert_allclose([values[0] for values in history.values()], expected, rtol=1e-5)


@both_ways
@pytest.mark.parametrize("y", [Y, Y[:, 0]], ids=["(n, 1)", "(n,)"])
@pytest.mark.parametrize("loss", ["mse", "binary_crossentropy", lambda t, p: (t - p) ** 2])
def test_a_model_that_returns_one_number_an_example_has_the_figures_of_one_that_returns_a_column(
    loss: Any, y: Any, eagerly: bool
) -> None:
    figures = []
    for flat in (True, False):
        nna.set_seed(0)
        out = layers.Dense(1, "sigmoid")
        model = of_call(lambda m, x: m.out(x)[:, 0], out=out) if flat else Sequential([out])
        figures_of = {"metrics": ["accuracy", "mse"], "weighted_metrics": ["accuracy", "mse"]}
        model.compile("sgd", loss, **figures_of, run_eagerly=eagerly)
        model.build((None, 3))
        model.set_weights(dense(1).get_weights())
        figures += [model.evaluate(X, y, sample_weight=WEIGHTS, batch_size=size, verbose=0) for size in (1, 5, 24)]
    for found in figures[1:]:
        np.testing.assert_allclose(found, figures[0], rtol=1e-5)


@both_ways
@pytest.mark.parametrize("loss", ["mse", lambda t, p: (t - p) ** 2])
@pytest.mark.parametrize("column", [True, False])
@pytest.mark.parametrize("shape", [(), (8,), (8, 1), (8, 5), (8, 5, 1)])
def test_weights_go_with_examples_or_with_their_steps(loss: Any, column: bool, shape: Any, eagerly: bool) -> None:
    x = RNG.standard_normal((8, 5, 3)).astype("float32")
    y = x[:, :, 0]
    model = Sequential([layers.Dense(1, input_shape=(5, 3))])
    model.compile("sgd", loss, run_eagerly=eagerly)
    weight = np.linspace(0.0, 1.0, max(int(np.prod(shape)), 1)).reshape(shape) if shape else None
    p = model.predict(x, verbose=0)[..., 0]
    w = 1.0 if weight is None else np.broadcast_to(weight.reshape(8, -1), (8, 5))
    found = model.evaluate(x, y[..., None] if column else y, sample_weight=weight, verbose=0)
    assert found == pytest.approx(np.mean(w * (y - p) ** 2), rel=1e-5)


@both_ways
@pytest.mark.parametrize("labels", [(24,), (24, 1)])
@pytest.mark.parametrize("dtype", ["int64", "uint8", "float32"])
@pytest.mark.parametrize("weight", [WEIGHTS, WEIGHTS[:, None]])
def test_metrics_are_unweighted_and_weighted_metrics_are_weighted(
    labels: Any, dtype: str, weight: Any, eagerly: bool
) -> None:
    y = np.arange(24) % 3
    model = dense(3, "softmax")
    model.compile(
        "sgd",
        "sparse_categorical_crossentropy",
        metrics=["accuracy", "crossentropy"],
        weighted_metrics=["accuracy", metrics.SparseCategoricalAccuracy(name="own")],
        run_eagerly=eagerly,
    )
    p = model.predict(X, verbose=0)
    hits, entropy = p.argmax(1) == y, -np.log(p[np.arange(24), y])
    share = np.sum(hits * WEIGHTS) / np.sum(WEIGHTS)
    expected = [np.mean(entropy * WEIGHTS), hits.mean(), entropy.mean(), share, share]
    found = model.evaluate(X, y.astype(dtype).reshape(labels), sample_weight=weight, batch_size=7, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@both_ways
@pytest.mark.parametrize(
    "weight", [np.ones((24, 2)), np.ones((24, 24)), np.ones(23), np.ones((23, 1)), np.ones((24, 1, 2))]
)
def test_weights_that_go_with_nothing_are_refused_and_nothing_is_changed(weight: Any, eagerly: bool) -> None:
    model = dense()
    model.compile("adam", lambda t, p: (t - p) ** 2, run_eagerly=eagerly)
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"weight"):
        model.fit(X, Y, sample_weight=weight, verbose=0)
    np.testing.assert_array_equal(before[0], model.get_weights()[0])


@both_ways
def test_losses_of_narrow_numbers_are_computed_in_the_default_floats(eagerly: bool) -> None:
    y = np.asarray([[0], [255], [3]], "uint8")
    for dtype in ("float16", "float32"):
        model = Sequential([layers.Dense(1, kernel_initializer="zeros", input_dim=3, dtype=dtype)])
        model.compile("sgd", "mse", metrics=["mse"], run_eagerly=eagerly)
        assert model.evaluate(X[:3], y, verbose=0) == [21678.0, 21678.0]
        assert model.fit(X[:3], y, verbose=0).history == {"loss": [21678.0], "mse": [21678.0]}


def test_an_output_without_a_loss_has_none_for_its_targets() -> None:
    model = of_call(lambda m, x: [m.a(x), m.b(x)], a=layers.Dense(1), b=layers.Dense(2))
    model.compile("sgd", ["mse", None])
    assert list(model.fit(X, [Y, None], sample_weight=[WEIGHTS, None], verbose=0).history) == ["loss"]


def test_figures_of_a_model_in_float64_are_in_float64() -> None:
    x, y = X.astype("float64"), Y.astype("float64") / 3
    stack = Sequential()
    stack.compile("sgd", "mse", metrics=["mse"])
    stack.add(layers.Dense(1, dtype="float64"))
    symbol = layers.Input((3,), dtype="float64")
    graph = nna.models.Model(symbol, layers.Dense(1, dtype="float64")(symbol))
    graph.compile("sgd", "mse", metrics=[metrics.MeanSquaredError()])
    for model in (stack, graph):
        model.build((None, 3))
        p = x @ model.get_weights()[0]
        expected = np.mean((p - y) ** 2)
        found = model.fit(x, y, batch_size=24, verbose=0).history
        for values in found.values():
            assert values == [pytest.approx(expected, rel=1e-14)]
