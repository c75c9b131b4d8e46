"""Dropout: what it drops, the same on every backend, and when."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray.layers import Dropout, Layer, training_phase
from tests.hosts import to_host, to_library

ONES = np.ones((40, 50), dtype=np.float32)


def drop(layer: Dropout, place: Any, x: np.ndarray = ONES, counter: int | None = 3) -> np.ndarray:
    outputs, _ = layer.stateless_call([], [], to_library(x, nna.namespace(*place)), counter=counter, training=True)
    return to_host(outputs)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_share_asked_for_is_dropped_and_the_rest_scaled(rate: float) -> None:
    x = np.full((500, 200), 3.0)
    y = Dropout(rate, seed=1)(x, training=True)
    assert np.unique(y).tolist() == pytest.approx([0.0, 3.0 / (1 - rate)])
    # Six standard deviations of the share among 100,000.
    assert (y == 0).mean() == pytest.approx(rate, abs=6 * np.sqrt(rate * (1 - rate) / x.size))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_mask_is_the_same_on_every_backend_and_the_dtype_is_kept(dtype: str, place: Any) -> None:
    x = np.random.default_rng(0).normal(size=(7, 11)).astype(dtype)
    found = drop(Dropout(0.4, seed=9, dtype=dtype), place, x)
    assert found.dtype == x.dtype
    np.testing.assert_array_equal(found != 0, drop(Dropout(0.4, seed=9, dtype=dtype), ("numpy", None), x) != 0)
    np.testing.assert_allclose(found, np.where(found != 0, x / 0.6, 0), rtol=1e-6)


def test_the_same_counter_gives_the_same_mask_and_another_one_another(place: Any) -> None:
    layer = Dropout(0.5, seed=2)
    first = drop(layer, place, counter=7)
    np.testing.assert_array_equal(first, drop(layer, place, counter=7))
    assert 0.3 < (first != drop(layer, place, counter=8)).mean() < 0.7
    assert 0.3 < (first != drop(Dropout(0.5, seed=3), place, counter=7)).mean() < 0.7


def test_two_calls_in_one_step_draw_differently_and_both_repeat_with_the_step() -> None:
    class Twice(Layer):
        def __init__(self) -> None:
            super().__init__()
            self.dropout = Dropout(0.5, seed=0)
            self.built = True

        def call(self, inputs: Any) -> Any:
            return nna.array_namespace(inputs).stack([self.dropout(inputs), self.dropout(inputs)])

    first, _ = Twice().stateless_call([], [], ONES, training=True, counter=1)
    again, _ = Twice().stateless_call([], [], ONES, training=True, counter=1)
    assert (first[0] != first[1]).any()
    np.testing.assert_array_equal(first, again)


def test_calls_outside_a_step_draw_on_and_repeat_from_the_seed() -> None:
    def draw() -> list[np.ndarray]:
        layer = Dropout(0.5, seed=5)
        return [layer(ONES, training=True) for _ in range(2)]

    (a, b), (c, d) = draw(), draw()
    assert (a != b).any()
    np.testing.assert_array_equal([a, b], [c, d])


def test_without_a_seed_masks_follow_set_seed_and_layers_differ() -> None:
    def draw() -> list[np.ndarray]:
        nna.set_seed(1)
        return [drop(Dropout(0.5), ("numpy", None)) for _ in range(2)]

    (a, b), (c, d) = draw(), draw()
    assert (a != b).any()
    np.testing.assert_array_equal([a, b], [c, d])


def test_nothing_is_dropped_outside_training_or_at_rate_zero(place: Any) -> None:
    x = to_library(ONES, nna.namespace(*place))
    layer = Dropout(0.5)
    assert layer(x) is x
    assert layer(x, training=False) is x
    assert Dropout(0.0)(x, training=True) is x
    with training_phase(True):
        assert (to_host(layer(x)) == 0).any()
        assert layer(x, training=False) is x
    assert layer(x) is x


def test_training_reaches_nested_layers_that_do_not_name_it() -> None:
    class Inner(Layer):
        def __init__(self) -> None:
            super().__init__()
            self.dropout = Dropout(0.5, seed=0)

        def call(self, inputs: Any) -> Any:
            return self.dropout(inputs)

    class Outer(Layer):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Inner()

        def call(self, inputs: Any, training: bool = False) -> Any:
            self.told = training
            return self.inner(inputs)

    outer = Outer()
    for training in (False, True):
        outputs = outer(ONES, training=training)
        assert outer.told is training
        assert (outputs == 0).any() == training
    outer(ONES)
    assert outer.told is False


def test_training_ends_with_the_call_also_when_it_fails() -> None:
    class Failing(Layer):
        def call(self, inputs: Any) -> Any:
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        Failing()(ONES, training=True)
    assert Dropout(0.5)(ONES) is ONES


def test_a_noise_shape_drops_whole_rows_and_none_takes_the_inputs_length(place: Any) -> None:
    found = drop(Dropout(0.5, noise_shape=(None, 1), seed=0), place)
    assert found.shape == ONES.shape
    dropped = found == 0
    assert (dropped.all(axis=1) | ~dropped.any(axis=1)).all()
    assert 0 < dropped[:, 0].sum() < 40


def test_slopes_are_the_scale_where_kept_and_zero_where_dropped_also_at_infinity(place: Any) -> None:
    layer = Dropout(0.5, seed=4)
    x = to_library(np.full((4, 5), np.inf), nna.namespace(*place))

    def objective(x: Any) -> Any:
        outputs, _ = layer.stateless_call([], [], x, training=True, counter=0)
        return nna.array_namespace(outputs).sum(outputs)

    kept = drop(layer, place, np.ones((4, 5)), counter=0)
    np.testing.assert_array_equal(to_host(nna.grad(objective)(x)), kept)
    np.testing.assert_array_equal(np.isinf(drop(layer, place, np.full((4, 5), np.inf), counter=0)), kept == 2)


@pytest.mark.parametrize("rate", [-0.1, 1.5, float("nan")])
def test_rates_that_are_no_share_are_refused(rate: float) -> None:
    with pytest.raises(ValueError, match=r"rate must be .* received rate="):
        Dropout(rate)


def test_dropout_keeps_shapes_and_has_no_variables() -> None:
    layer = Dropout(0.5)
    assert layer.built
    assert layer.variables == []
    assert layer.compute_output_shape((None, 4)) == (None, 4)
