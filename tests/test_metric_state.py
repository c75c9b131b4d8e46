"""The state of metrics: made in any shape, found wherever it is held, moved to the arrays that are counted."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import metrics
from nnarray.backends import backend_of
from nnarray.variables import Variable
from tests.hosts import to_host, to_library


class Confusion(metrics.Metric):
    """Counts of classes by guesses: state with two axes."""

    def __init__(self, classes: int = 2, name: str = "confusion", dtype: str | None = None) -> None:
        super().__init__(name, dtype)
        self.classes = classes
        self.counts = self.add_variable((classes, classes), "ones", name="counts")
        self.batches = self.add_weight(dtype="int32", name="batches")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        xp = nna.array_namespace(y_pred)
        classes = xp.arange(self.classes, device=y_pred.device)
        truth, guess = (xp.astype(x[:, None] == classes, xp.float32) for x in (y_true, xp.argmax(y_pred, axis=1)))
        self.counts.assign_add(xp.matmul(xp.permute_dims(truth, (1, 0)), guess))
        self.batches.assign_add(1)

    def result(self) -> Any:
        xp = nna.array_namespace(self.counts.value)
        diagonal = xp.linalg.diagonal(self.counts.value)
        return xp.sum(diagonal) / xp.sum(self.counts.value)


Y, P = np.asarray([0, 1, 1]), np.asarray([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]], dtype=np.float32)


def test_state_of_any_shape_is_made_counted_and_reset_to_its_beginning(place: Any) -> None:
    with nna.use_backend(*place):
        metric = Confusion()
    assert [(v.path, v.shape, v.dtype, v.backend.name) for v in metric.variables] == [
        ("confusion/counts", (2, 2), "float32", place[0]),
        ("confusion/batches", (), "int32", place[0]),
    ]
    for _ in range(2):
        y, p = (to_library(x, nna.namespace(*place)) for x in (Y, P))
        metric.update_state(y, p)
        np.testing.assert_array_equal(metric.counts.numpy(), [[2, 1], [2, 2]])
        assert int(metric.batches) == 1
        metric.reset_state()
        np.testing.assert_array_equal(metric.counts.numpy(), np.ones((2, 2)))


def test_the_pure_forms_change_nothing_and_run_under_jit(place: Any) -> None:
    xp = nna.namespace(*place)
    y, p = (to_library(x, xp) for x in (Y, P))
    with nna.use_backend(*place):
        metric = Confusion()
    start = metric.stateless_reset_state()
    np.testing.assert_array_equal(to_host(start[0]), np.ones((2, 2)))
    update = nna.jit(lambda state, y, p: metric.stateless_update_state(state, y, p))
    state = [variable.value for variable in metric.variables]
    for _ in range(3):
        state = update(state, y, p)
        assert all(backend_of(x).name == place[0] for x in state)
    np.testing.assert_array_equal(to_host(state[0]), np.ones((2, 2)) + 3 * np.asarray([[1, 0], [1, 1]]))
    assert float(nna.jit(metric.stateless_result)(state)) == pytest.approx(8 / 13)
    eager = metric.stateless_update_state(metric.variables, y, p)
    np.testing.assert_array_equal(to_host(eager[0]), [[2, 1], [2, 2]])
    np.testing.assert_array_equal(metric.counts.numpy(), np.ones((2, 2)))
    with pytest.raises(ValueError, match="each of the 2 variables of 'confusion': received 1"):
        metric.stateless_result(state[:1])


@pytest.mark.parametrize("make", [metrics.Mean, Confusion, lambda: metrics.get("accuracy")])
def test_state_moves_to_the_arrays_that_are_counted(make: Any, place: Any) -> None:
    metric = make()
    xp = nna.namespace(*place)
    given = (P[:, 0],) if isinstance(metric, metrics.Mean) and type(metric) is metrics.Mean else (Y, P)
    metric.update_state(*given)
    metric.update_state(*(to_library(x, xp) for x in given))
    assert {v.backend.name for v in metric.variables} == {place[0]}
    assert len({str(v.device) for v in metric.variables}) == 1
    twice = float(metric.result())
    alone = make()
    alone.update_state(*given)
    alone.update_state(*given)
    assert twice == pytest.approx(float(alone.result()))
    assert all(np.all(v.numpy() == w.numpy()) for v, w in zip(metric.variables, alone.variables, strict=True))


def test_a_list_is_counted_where_the_state_is(place: Any) -> None:
    with nna.use_backend(*place):
        mean = metrics.Mean()
    mean.update_state([1.0, 3.0], sample_weight=[1.0, 3.0])
    assert mean.total.backend.name == place[0]
    assert float(mean.result()) == 2.5


def test_variables_and_metrics_held_anywhere_belong_to_a_metric() -> None:
    class Holder(metrics.Metric):
        def __init__(self) -> None:
            super().__init__()
            self.own = self.add_variable()
            self.plain = Variable(np.zeros(2), "plain", trainable=False)
            self.inner = [metrics.Mean(name="a"), {"b": metrics.Mean(name="b"), "none": None}]
            self.same = self.inner[0]
            self.itself = self

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            for metric in (self.inner[0], self.inner[1]["b"]):
                metric.update_state(y_pred)

        def result(self) -> dict[str, Any]:
            return {"a": self.inner[0].result(), "b": self.inner[1]["b"].result()}

    holder = Holder()
    paths = ["holder/variable", "plain", "a/total", "a/count", "b/total", "b/count"]
    assert [variable.path for variable in holder.variables] == paths
    holder.update_state(None, np.asarray([1.0, 2.0]))
    assert {name: float(x) for name, x in holder.result().items()} == {"a": 1.5, "b": 1.5}
    holder.reset_state()
    assert {name: float(x) for name, x in holder.result().items()} == {"a": 0.0, "b": 0.0}
    holder.later = metrics.Sum()
    assert len(holder.variables) == 7


def test_copies_and_pickles_keep_the_state_and_the_beginning() -> None:
    metric = Confusion()
    metric.update_state(Y, P)
    for twin in (copy.deepcopy(metric), pickle.loads(pickle.dumps(metric))):
        assert float(twin.result()) == float(metric.result())
        twin.reset_state()
        np.testing.assert_array_equal(twin.counts.numpy(), np.ones((2, 2)))
    assert float(metric.result()) == pytest.approx(4 / 7)


def test_a_metric_tells_the_call_that_makes_it() -> None:
    assert repr(metrics.BinaryAccuracy(threshold=0.25)) == "BinaryAccuracy(threshold=0.25)"
    assert metrics.BinaryAccuracy(threshold=0.25).get_config() == {
        "name": "binary_accuracy",
        "dtype": "float32",
        "threshold": 0.25,
    }
    assert Confusion.from_config(Confusion(3).get_config()).counts.shape == (3, 3)
    made = metrics.MeanMetricWrapper.from_config(metrics.get(nna.losses.BinaryCrossentropy()).get_config())
    assert float(made([[1.0]], [[0.5]])) == pytest.approx(np.log(2))


def test_a_metric_whose_constructor_forgets_its_base_still_works() -> None:
    class Forgetful(metrics.Metric):
        def __init__(self) -> None:
            self.total = self.add_weight(initializer=None)

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self.total.assign_add(y_pred.sum())

        def result(self) -> Any:
            return self.total.value

    assert float(Forgetful()(None, np.ones(3))) == 3.0
    assert Forgetful().name == "forgetful"


def test_an_initializer_of_another_shape_and_an_unknown_dtype_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"initializer of 'table' must give shape \(2,\): received ndarray of shape \(3"
    ):
        metrics.Metric().add_variable((2,), lambda shape, dtype: np.zeros(3, dtype), name="table")
    with pytest.raises(ValueError, match="Unknown floating-point dtype: 'float31'. Did you mean 'float3"):
        metrics.Mean(dtype="float31")


def test_own_metrics_define_update_and_result() -> None:
    class Largest(metrics.Metric):
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[float] = []

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self.seen.append(float(np.max(y_pred)))

        def result(self) -> float:
            return max(self.seen)

    metric = Largest()
    assert metric.name == "largest"
    assert metric(None, [1.0, 3.0]) == 3.0
    assert metric(None, [2.0]) == 3.0
    for call in (metrics.Metric().result, lambda: metrics.Metric().update_state(0, 0)):
        with pytest.raises(NotImplementedError, match="Metric must define"):
            call()
