"""Metrics of models with one output or several: how they are given, matched, weighted, named and refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import losses, metrics
from nnarray.training._compile_metrics import CompileMetrics
from tests.hosts import to_library
from tests.training.test_compile_loss import NAMES, OUTPUTS, TARGETS, W


def mae(y_true: Any, y_pred: Any) -> Any:
    return abs(y_true - y_pred)


#: Outputs, metrics, weighted_metrics and what the history of Keras 3.15 shows beside the loss with sample_weight=W.
KERAS: list[tuple[str, Any, Any, dict[str, float]]] = [
    ("one", [mae], None, {"mae": 1.5489}),
    ("one", [mae], [mae], {"mae": 1.5489, "weighted_mae": 1.8843}),
    ("one", None, [mae], {"mae": 1.8843}),
    ("one", [[mae]], None, {"mae": 1.5489}),
    ("one", {"a": [mae]}, None, {"mae": 1.5489}),
    ("list of one", [mae], [], {"mae": 1.5489}),
    ("two", [mae, "mse"], None, {"a_mae": 1.5489, "b_mse": 5.0155}),
    ("two", [[mae], ["mse", mae]], None, {"a_mae": 1.5489, "b_mse": 5.0155, "b_mae": 1.7879}),
    ("two", {"a": mae, "b": ["mse", mae]}, None, {"a_mae": 1.5489, "b_mse": 5.0155, "b_mae": 1.7879}),
    ("two", {"a": mae}, None, {"a_mae": 1.5489}),
    ("two", [[mae], []], None, {"a_mae": 1.5489}),
    ("two", [[mae], None], None, {"a_mae": 1.5489}),
    ("two", [[mae, mae], [mae]], [[mae], [mae]],
     {"a_mae": 1.5489, "a_mae_1": 1.5489, "b_mae": 1.7879, "a_weighted_mae": 1.8843, "b_weighted_mae": 1.9585}),
    ("dict", {"zb": [mae]}, None, {"zb_mae": 1.5489}),
    ("dict", [[mae], ["mse"]], None, {"ab_mae": 1.7879, "zb_mse": 3.4549}),
    ("nested", {"q": [[mae], ["mse"]], "p": [mae]}, None, {"mae": 1.5489, "mae_1": 1.5489, "mse": 5.0155}),
]  # fmt: skip


@pytest.mark.parametrize(("outputs", "given", "weighted", "expected"), KERAS)
def test_figures_and_their_names_are_those_of_keras(outputs: str, given: Any, weighted: Any, expected: Any) -> None:
    resolved = CompileMetrics(given, weighted).for_outputs(OUTPUTS[outputs], NAMES.get(outputs))
    for _ in range(2):
        resolved.update_state(TARGETS[outputs], OUTPUTS[outputs], W)
        found = {name: float(value) for name, value in resolved.result().items()}
        assert list(found) == resolved.names == list(expected)
        assert found == pytest.approx(expected, abs=6e-5)
        resolved.reset_state()
        assert set(map(float, resolved.result().values())) == {0.0}


def test_names_are_as_many_as_figures() -> None:
    # Keras 3.15 gives these names, but for "loss", by which it shows the metric in place of the loss.
    def loss(y_true: Any, y_pred: Any) -> Any:
        return abs(y_true - y_pred)

    given = [
        *(metrics.BinaryAccuracy(), metrics.BinaryAccuracy(threshold=0.1), "accuracy", "acc", "ACC"),
        *(lambda t, p: abs(t - p), lambda t, p: 2 * abs(t - p), loss, "mse", "MSE", "mean_squared_error"),
        *(losses.MeanSquaredError(), losses.mean_squared_error, metrics.MeanSquaredError),
    ]
    resolved = CompileMetrics(given, ["accuracy", "mse", "mse", loss, "bce"]).for_outputs("*")
    assert resolved.names == [
        *("binary_accuracy", "binary_accuracy_1", "accuracy", "acc", "ACC"),
        *("lambda", "lambda_1", "loss_1", "mse", "MSE", "mean_squared_error"),
        *("mean_squared_error_1", "mean_squared_error_2", "mean_squared_error_3"),
        *("weighted_accuracy", "weighted_mse", "weighted_mse_1", "weighted_loss", "bce"),
    ]
    y, p = np.asarray([[0.0], [1.0], [1.0]]), np.asarray([[0.2], [0.05], [0.9]])
    resolved.update_state(y, p, np.asarray([0.0, 1.0, 0.0]))
    found = resolved.result()
    assert len(found) == len(resolved.names) == 19
    assert [float(found[name]) for name in ("binary_accuracy", "binary_accuracy_1")] == pytest.approx([2 / 3, 1 / 3])
    assert float(found["lambda_1"]) == pytest.approx(2 * float(found["lambda"]))
    assert float(found["weighted_mse"]) == pytest.approx(0.95**2)
    parts = CompileMetrics([[loss], [loss]]).for_outputs([0, 0], ["a", "b"], ("loss", "a_loss", "b_loss"))
    assert parts.names == ["a_loss_1", "b_loss_1"]


def test_one_object_given_twice_counts_once_and_shows_twice() -> None:
    class Total(metrics.Sum):
        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
            super().update_state(y_pred)

    metric = Total()
    resolved = CompileMetrics([metric, metric]).for_outputs("*")
    resolved.update_state(np.zeros((2, 1)), np.ones((2, 1)))
    assert resolved.metrics == [metric]
    assert {name: float(x) for name, x in resolved.result().items()} == {"total": 2.0, "total_1": 2.0}
    for given, weighted, outputs in (([[metric], [metric]], None, [0, 0]), ([metric], [metric], 0)):
        with pytest.raises(ValueError, match=r"one output, weighted or not: received Total\(\) twice"):
            CompileMetrics(given, weighted).for_outputs(outputs)


@pytest.mark.parametrize(
    ("given", "outputs", "error", "message"),
    [
        ("mse", "one", TypeError, r"metrics must be a list, for example metrics=\['accuracy'\]: received 'mse'"),
        (["acuracy"], "one", ValueError, "Unknown metric: 'acuracy'. Did you mean 'accuracy'"),
        (["mean_squared_eror"], "one", ValueError, "Did you mean 'mean_squared_error'.*BinaryCrossentropy"),
        ({"b": ["mse"]}, "one", ValueError, "metrics goes by the names of the outputs, 'a': received the unknown name"),
        (["mse"], "two", ValueError, "metrics must hold one entry for each of the outputs 'a', 'b'.*a list of 1"),
        (["mse"] * 3, "two", ValueError, "a list of 3"),
        ({"aa": ["mse"]}, "two", ValueError, "unknown name 'aa'. Did you mean 'a'"),
        ({"c": ["mse"]}, "nested", ValueError, "metrics must hold one entry for each of the outputs p, q/0, q/1"),
        ([3], "one", TypeError, "Expected a metric"),
    ],
)
def test_what_does_not_go_with_the_outputs_is_refused(given: Any, outputs: str, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        CompileMetrics(given).for_outputs(OUTPUTS[outputs], NAMES.get(outputs))


@pytest.mark.parametrize("y", [A := TARGETS["one"], [A], {"a": A}, TARGETS["two"]])
def test_targets_of_outputs_without_metrics_may_be_left_out(y: Any) -> None:
    resolved = CompileMetrics([["mse"], None]).for_outputs(OUTPUTS["two"], ["a", "b"])
    resolved.update_state(y, OUTPUTS["two"])
    assert float(resolved.result()["a_mse"]) == pytest.approx(3.4549, abs=6e-5)
    with pytest.raises(ValueError, match="y must hold the targets of output 'a', which has metrics"):
        resolved.update_state([None, TARGETS["two"][1]], OUTPUTS["two"])
    nothing = CompileMetrics().for_outputs(OUTPUTS["two"])
    nothing.update_state(y, OUTPUTS["two"])
    assert (nothing.metrics, nothing.names, nothing.result()) == ([], [], {})


def test_accuracy_and_crossentropy_fit_each_output() -> None:
    given = {"a": ["accuracy", "crossentropy"], "b": ["acc", "ce"]}
    resolved = CompileMetrics(given).for_outputs({"a": 0, "b": 0})
    a, b = np.asarray([[0.2], [0.6]]), np.asarray([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    resolved.update_state({"a": np.asarray([0, 0]), "b": np.asarray([0, 1])}, {"a": a, "b": b})
    assert {name: float(x) for name, x in resolved.result().items()} == pytest.approx(
        {
            "a_accuracy": 0.5,
            "a_crossentropy": -np.log([0.8, 0.4]).mean(),
            "b_acc": 0.5,
            "b_ce": -np.log([0.7, 0.1]).mean(),
        },
        rel=1e-6,
    )


class Seen(metrics.Metric):
    """Sums of what it is given, by code that would broadcast (n,) against (n, 1)."""

    def __init__(self, name: str = "seen") -> None:
        super().__init__(name)
        self.total = self.add_variable(name="total")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        weight = 1.0 if sample_weight is None else sample_weight
        self.total.assign_add(nna.array_namespace(y_pred).sum(abs(y_true - y_pred) * weight))

    def result(self) -> dict[str, Any]:
        return {"seen": self.total.value, "twice": 2 * self.total.value}


class Plain(Seen):
    """The same, by a method that takes no weights."""

    def update_state(self, y_true: Any, y_pred: Any) -> None:  # type: ignore[override]
        super().update_state(y_true, y_pred)


@pytest.mark.parametrize("y_shape", [(3,), (3, 1)])
@pytest.mark.parametrize("p_shape", [(3,), (3, 1)])
@pytest.mark.parametrize("w_shape", [(3,), (3, 1)])
def test_a_metric_of_the_users_sees_targets_and_weights_beside_the_outputs(
    y_shape: Any, p_shape: Any, w_shape: Any, place: Any
) -> None:
    xp = nna.namespace(*place)
    y, p, w = np.zeros(y_shape), np.asarray([1.0, 2.0, 3.0]).reshape(p_shape), np.asarray([2.0, 0.0, 1.0])
    resolved = CompileMetrics([Plain()], [Seen()]).for_outputs(p)
    resolved.update_state(*(to_library(x, xp) for x in (y, p, w.reshape(w_shape))))
    found = {name: float(x) for name, x in resolved.result().items()}
    assert found == {"seen": 6.0, "twice": 12.0, "seen_1": 5.0, "twice_1": 10.0}


def test_metrics_are_counted_under_jit_through_their_variables(place: Any) -> None:
    xp = nna.namespace(*place)
    with nna.use_backend(*place):
        resolved = CompileMetrics([["accuracy"], [Seen()]], [[mae], None]).for_outputs([0, 0], ["a", "b"])
    variables = [variable for metric in resolved.metrics for variable in metric.variables]
    assert len(variables) == 5

    @nna.jit
    def count(state: Any, y: Any, p: Any, w: Any) -> Any:
        with nna.variables.StatelessScope(variables, state) as scope:
            resolved.update_state(y, p, w)
        return [scope.values[variable] for variable in variables]

    y, p = np.asarray([0.0, 1.0, 1.0]), np.asarray([[0.2], [0.4], [0.9]])
    given = ([to_library(y, xp)] * 2, [to_library(p, xp)] * 2, to_library(np.asarray([1.0, 0.0, 3.0]), xp))
    state = [variable.value for variable in variables]
    for _ in range(2):
        state = count(state, *given)
    for variable, value in zip(variables, state, strict=True):
        variable.assign(value)
    found = {name: float(x) for name, x in resolved.result().items()}
    expected = {"a_accuracy": 2 / 3, "seen": 1.8, "twice": 3.6, "a_mae": 0.125}
    assert found == pytest.approx(expected)
