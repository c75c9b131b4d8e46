"""Batches like one that was checked are looked at no further than their elements need, and no less."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray.training._ahead import drawn_ahead

X = np.linspace(-1.0, 1.0, 24, dtype="float32").reshape(8, 3)


def _model(loss: Any, units: int = 3) -> nna.Sequential:
    model = nna.Sequential([nna.layers.Input((3,)), nna.layers.Dense(units, activation="sigmoid")])
    model.compile("sgd", loss)
    return model


def _fit(model: Any, *batches: Any) -> Any:
    return model.fit(iter(batches), steps_per_epoch=len(batches), verbose=0)


@pytest.mark.parametrize("dtype", ["int64", "int8", "uint8", "uint16", "float32", "float16", "bool"])
@pytest.mark.parametrize("wrong", [3, -1, 0.5])
def test_a_later_batch_with_a_wrong_label_is_refused(dtype: str, wrong: float) -> None:
    labels = np.asarray([0, 1] * 4, dtype=dtype)
    bad = labels.astype("float64")
    bad[5] = wrong
    bad = bad.astype(dtype)
    is_wrong = not np.isin(bad.astype("float64"), [0, 1, 2]).all()
    model = _model("sparse_categorical_crossentropy")
    if not is_wrong:
        _fit(model, (X, labels), (X, bad))
        return
    with pytest.raises(ValueError, match=r"integer labels from 0 to 2: received y\[5\]") as caught:
        _fit(model, (X, labels), (X, bad))
    assert "This is batch 1" in "".join(caught.value.__notes__)


def test_limits_of_a_loss_hold_in_each_batch() -> None:
    good = np.full((8, 3), 0.5, "float32")
    bad = np.where(np.arange(24).reshape(8, 3) == 10, np.float32(1.5), good)
    for model in (_model("binary_crossentropy"), _model("crossentropy")):
        with pytest.raises(ValueError, match=r"received y\[3, 1\] = 1.5"):
            _fit(model, (X, good), (X, good), (X, bad))


def test_a_target_that_was_the_input_of_the_first_batch_is_looked_at_in_the_next() -> None:
    x = np.abs(X)
    with pytest.raises(ValueError, match="from 0 to 1: received y"):
        _fit(_model("binary_crossentropy"), (x, x), (x, 2 * x))


def test_targets_of_two_outputs_that_were_one_array_are_both_looked_at() -> None:
    inputs = nna.Input((3,))
    outputs = [nna.layers.Dense(2, activation="softmax", name=name)(inputs) for name in "ab"]
    model = nna.Model(inputs, outputs)
    model.compile("sgd", ["sparse_categorical_crossentropy"] * 2)
    y = np.asarray([0, 1] * 4)
    for bad in ([y, y + 1], [y + 1, y]):
        with pytest.raises(ValueError, match="from 0 to 1: received y"):
            _fit(model, (X, [y, y]), (X, bad))
    with pytest.raises(ValueError, match="Output 'b'.*from 0 to 1: received y"):
        _fit(model, (X, [y, y.copy()]), (X, [y, y + 1]))


def test_weights_are_looked_at_in_each_batch() -> None:
    ones = np.ones(8, "float32")
    with pytest.raises(ValueError, match=r"sample_weight\[2\] = -1"):
        _fit(_model("mse"), (X, X, ones), (X, X, np.where(np.arange(8) == 2, np.float32(-1), ones)))


def test_a_loss_that_checks_targets_in_its_own_way_sees_those_of_each_batch() -> None:
    seen = []

    class Own(nna.losses.BinaryCrossentropy):
        def check_targets(self, y: Any, output_shape: Any) -> None:
            seen.append(float(y[0, 0]))

    class Rule(nna.losses.SameShape):
        def check(self, y: Any, output_shape: Any) -> None:
            seen.append(float(y[0, 0]))

    class Ruled(nna.losses.MeanSquaredError):
        targets = Rule(0, 1)

    batches = [(X, np.full((8, 3), value, "float32")) for value in (0.25, 0.5, 0.75)]
    for loss in (Own(), Ruled()):
        seen.clear()
        _fit(_model(loss), *batches)
        assert seen[-3:] == [0.25, 0.5, 0.75]


def _numbers(drawn: list[int], stop: int) -> Iterator[int]:
    for i in range(stop):
        drawn.append(i)
        yield i


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_no_more_is_drawn_ahead_than_was_said_and_all_comes_in_order(count: int) -> None:
    drawn: list[int] = []
    for taken, item in enumerate(drawn_ahead(_numbers(drawn, 200), count), 1):
        assert item == taken - 1
        assert len(drawn) <= taken + count
    assert taken == 200


@pytest.mark.parametrize("taken", [0, 1, 5])
def test_the_thread_ends_when_no_more_is_wanted(taken: int) -> None:
    for _ in range(50):
        before = threading.active_count()
        drawn: list[int] = []
        items = drawn_ahead(_numbers(drawn, 1000), 4)
        for _ in range(taken):
            next(items)
        items.close()
        assert threading.active_count() == before
        assert len(drawn) <= taken + 5
