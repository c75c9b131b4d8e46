"""Models that share layers: on two libraries, in callbacks of each other, and in threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import callbacks, layers, optimizers
from nnarray.models import Sequential
from tests.nets import RNG, X, Y, both_ways, dense


def _pair(eagerly: bool, **kwargs: Any) -> tuple[Any, Any]:
    """Return two models that share their first layer."""
    nna.set_seed(0)
    shared = layers.Dense(4, "tanh", input_dim=3)
    pair = tuple(Sequential([shared, layers.Dense(1)], backend=backend) for backend in kwargs.get("on", (None, None)))
    for model in pair:
        model.compile(optimizers.SGD(0.1), "mse", metrics=["mse"], run_eagerly=eagerly)
    return pair


_ENTRIES: dict[str, Callable[[Any], Any]] = {
    "fit": lambda model: model.fit(X, Y, verbose=0),
    "evaluate": lambda model: model.evaluate(X, Y, verbose=0),
    "predict": lambda model: model.predict(X, verbose=0),
    "call": lambda model: model(X),
    "train_on_batch": lambda model: model.train_on_batch(X, Y),
    "test_on_batch": lambda model: model.test_on_batch(X, Y),
    "predict_on_batch": lambda model: model.predict_on_batch(X),
    "output_shape": lambda model: model.output_shape,
    "summary": lambda model: model.summary(print_fn=str),
    "set_weights": lambda model: model.set_weights(model.get_weights()),
}


@both_ways
@pytest.mark.parametrize("entry", _ENTRIES)
@pytest.mark.parametrize("library", ["array_api_strict", "torch"])
def test_every_entry_brings_home_what_another_model_has_moved(entry: str, library: str, eagerly: bool) -> None:
    pytest.importorskip(library)
    first, second = _pair(eagerly, on=("numpy", library))
    for _ in range(2):
        for model, other in ((first, second), (second, first)):
            other.fit(X, Y, verbose=0)
            _ENTRIES[entry](model)
            np.testing.assert_allclose(model.predict(X, verbose=0), np.asarray(model(X)), rtol=1e-5)


@both_ways
@pytest.mark.parametrize("entry", ["evaluate", "predict", "call", "test_on_batch", "summary"])
@pytest.mark.parametrize(
    "hook", ["on_train_begin", "on_epoch_begin", "on_train_batch_end", "on_epoch_end", "on_test_end"]
)
def test_a_model_that_a_callback_uses_takes_nothing_from_the_one_that_is_trained(
    hook: str, entry: str, eagerly: bool
) -> None:
    expected, found = (_fitted(_pair(eagerly), {} if quiet else {hook: _ENTRIES[entry]}) for quiet in (True, False))
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-5)
    for a, b in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def _fitted(pair: tuple[Any, Any], hooks: dict[str, Any]) -> tuple[Any, Any]:
    model, other = pair
    used = {hook: lambda *_, use=use: use(other) for hook, use in hooks.items()}
    listening = callbacks.LambdaCallback(**used)
    history = model.fit(
        X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0, validation_data=(X, Y), callbacks=[listening]
    ).history
    assert history["val_loss"][-1] == pytest.approx(model.evaluate(X, Y, verbose=0)[0], rel=1e-5)
    return history["loss"], model.get_weights()


@pytest.mark.parametrize("library", ["numpy", "array_api_strict", "torch"])
def test_training_in_a_callback_trains_what_is_shared_on_plans_as_step_by_step(library: str) -> None:
    pytest.importorskip(library)
    found = [
        _fitted(_pair(eagerly, on=(library, library)), {"on_train_batch_end": _ENTRIES["train_on_batch"]})
        for eagerly in (True, False)
    ]
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-4)
    for a, b in zip(found[0][1], found[1][1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@both_ways
def test_what_is_being_trained_is_not_moved_away(eagerly: bool) -> None:
    model, other = _pair(eagerly)
    move = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: other.to("array_api_strict"))
    with pytest.raises(RuntimeError, match="stays on numpy while a model that has it is trained"):
        model.fit(X, Y, verbose=0, callbacks=[move])
    assert (model.backend, other.backend) == ("numpy", "numpy")
    other.to("array_api_strict")
    model.fit(X, Y, verbose=0)
    assert {variable.backend.name for variable in model.variables} == {"numpy"}


@both_ways
def test_an_evaluation_within_an_epoch_leaves_its_figures_alone(eagerly: bool) -> None:
    histories = []
    for evaluates in (False, True):
        model = dense()
        model.compile("sgd", "mse", metrics=["mse"], run_eagerly=eagerly)
        look = callbacks.LambdaCallback(on_train_batch_end=lambda *_, model=model: model.evaluate(X, Y, verbose=0))
        hooks = [look] if evaluates else []
        histories.append(model.fit(X, Y, batch_size=5, shuffle=False, verbose=0, callbacks=hooks).history)
    assert histories[0] == histories[1]


def _in_threads(works: list[Callable[[], bool]]) -> list[Any]:
    """Return what went wrong in threads that each do their work ten times."""
    wrong: list[Any] = []

    def run(work: Callable[[], bool]) -> None:
        try:
            wrong.extend("a wrong figure" for _ in range(10) if not work())
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong


@both_ways
def test_a_model_is_evaluated_and_used_in_several_threads(eagerly: bool) -> None:
    model = dense(1, "sigmoid")
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"], run_eagerly=eagerly)
    works: list[Callable[[], bool]] = []
    for _ in range(4):
        x = RNG.standard_normal((37, 3)).astype("float32")
        y = (x[:, :1] > 0).astype("float32")
        figures, p = model.evaluate(x, y, batch_size=8, verbose=0), model.predict(x, verbose=0)
        works += [
            lambda x=x, y=y, e=figures: np.allclose(model.evaluate(x, y, batch_size=8, verbose=0), e),
            lambda x=x, p=p: np.allclose(model.predict(x, batch_size=8, verbose=0), p, atol=1e-6),
        ]
    assert _in_threads(works) == []


@both_ways
def test_models_that_share_layers_are_evaluated_in_several_threads(eagerly: bool) -> None:
    works = []
    for model in _pair(eagerly) * 2:
        expected = model.evaluate(X, Y, verbose=0)
        works.append(lambda m=model, e=expected: np.allclose(m.evaluate(X, Y, batch_size=5, verbose=0), e))
    assert _in_threads(works) == []


@both_ways
def test_a_model_that_is_fitted_in_several_threads_takes_all_steps(eagerly: bool) -> None:
    model = dense()
    model.compile("sgd", "mse", run_eagerly=eagerly)
    assert _in_threads([lambda: bool(model.fit(X, Y, verbose=0).epoch == [0])] * 3) == []
    assert int(model.optimizer.iterations) == 30
