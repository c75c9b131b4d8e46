"""Models whose steps are the user's own: parts that are first made, found or left out by these steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import layers, metrics, optimizers

X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
QUIET = {"verbose": 0, "shuffle": False}


class Rivals(nna.Model):
    """Two layers, each with an optimizer of its own, and no call."""

    def __init__(self) -> None:
        super().__init__()
        self.maker, self.critic = layers.Dense(2), layers.Dense(1)

    def compile(self, maker: Any, critic: Any) -> None:
        super().compile()
        self.of_maker, self.of_critic = maker, critic

    def train_step(self, data: Any) -> Any:
        x = data[0] if isinstance(data, tuple) else data
        figures = {}
        for name, layer, optimizer, sign in (
            ("critic", self.critic, self.of_critic, 1.0),
            ("maker", self.maker, self.of_maker, -1.0),
        ):
            variables = layer.trainable_variables

            def objective(_: Any, sign: float = sign) -> Any:
                squares = self.critic(self.maker(x)) ** 2
                return sign * nna.array_namespace(squares).mean(squares)

            figures[name], gradients = nna.value_and_grad(objective)(variables)
            optimizer.apply(gradients, variables)
        return figures


def rivals() -> Any:
    nna.set_seed(0)
    model = Rivals()
    model.compile(optimizers.Adam(0.1), optimizers.SGD(0.01, momentum=0.9))
    return model


def test_a_step_may_build_layers_that_it_asks_for_weights_before_and_apply_several_optimizers(place: Any) -> None:
    expected = rivals().fit(X, epochs=3, batch_size=16, **QUIET).history
    with nna.use_backend(*place):
        model = rivals()
        found = model.fit(X, epochs=3, batch_size=16, **QUIET).history
    assert list(found) == ["critic", "maker"]
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-4)
    assert [len(each.variables) for each in (model.of_maker, model.of_critic)] == [6, 4]
    assert [int(each.iterations) for each in (model.of_maker, model.of_critic)] == [9, 9]
    assert {variable.backend.name for variable in model.of_maker.variables} == {place[0]}


def test_what_a_rehearsal_makes_is_there_once_and_nothing_of_it_is_trained() -> None:
    planned = rivals()
    first = planned.train_on_batch(X)
    eager = rivals()
    eager.critic(eager.maker(X))
    figures = eager.train_step(X)
    np.testing.assert_allclose(first, [float(value) for value in figures.values()], rtol=1e-5)
    for found, expected in zip(planned.get_weights(), eager.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_a_model_without_a_call_says_so_where_it_is_called() -> None:
    model = rivals()
    model.fit(X, **QUIET)
    for call in (lambda: model.evaluate(X, X[:, :1], verbose=0), lambda: model.predict(X, verbose=0), lambda: model(X)):
        with pytest.raises(NotImplementedError, match=r"Rivals must define call\(inputs\)"):
            call()


def test_a_step_that_fails_is_not_tried_twice() -> None:
    class Failing(Rivals):
        tries = 0

        def train_step(self, data: Any) -> Any:
            type(self).tries += 1
            raise KeyError("mine")

    model = Failing()
    model.compile(optimizers.Adam(), optimizers.SGD())
    with pytest.raises(KeyError, match="mine"):
        model.fit(X, **QUIET)
    assert Failing.tries == 1


def test_metrics_that_the_property_leaves_out_are_counted_but_not_shown(place: Any) -> None:
    class Own(nna.Sequential):
        @property
        def metrics(self) -> Any:
            return [self.shown]

        def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None) -> Any:
            loss = super().compute_loss(x, y, y_pred, sample_weight)
            self.shown.update_state(2.0 * loss)
            self.hidden.update_state(loss)
            return loss

    with nna.use_backend(*place):
        model = Own([layers.Input((3,)), layers.Dense(1)])
        model.shown, model.hidden = metrics.Mean("twice"), metrics.Mean("once")
        model.compile("sgd", "mse", metrics=["mse"])
        history = model.fit(X, X[:, :1], epochs=2, validation_data=(X, X[:, :1]), **QUIET).history
        assert list(history) == ["twice", "val_twice"]
        assert model.evaluate(X, X[:, :1], batch_size=40, verbose=0) == pytest.approx(2 * float(model.hidden.result()))


def test_figures_that_compute_metrics_adds_are_in_the_history_and_in_evaluate() -> None:
    class Own(nna.Sequential):
        def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
            figures = super().compute_metrics(x, y, y_pred, sample_weight)
            return {**figures, "root": figures["loss"] ** 0.5}

    model = Own([layers.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(X, X[:, :1], epochs=2, validation_split=0.25, **QUIET).history
    assert sorted(history) == ["loss", "root", "val_loss", "val_root"]
    np.testing.assert_allclose(np.square(history["root"]), history["loss"], rtol=1e-5)
    found = model.evaluate(X, X[:, :1], verbose=0, return_dict=True)
    assert found["root"] == pytest.approx(found["loss"] ** 0.5)
