"""Losses that blow up, Ctrl-C, errors in callbacks: weights stay whole and history is kept."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import callbacks, layers, models, optimizers
from nnarray.training import NonFiniteLossError

X = np.random.default_rng(0).standard_normal((64, 2)).astype("float32")
Y = X[:, :1]


def make(backend: Any = (None, None), optimizer: Any = "sgd") -> Any:
    nna.set_seed(0)
    model = models.Sequential([layers.Dense(3, input_dim=2), layers.Dense(1)], backend=backend[0], device=backend[1])
    model.compile(optimizer, "mse")
    return model


def test_a_loss_that_blows_up_names_epoch_and_step_and_restores_the_last_good_epoch(place: Any) -> None:
    model = make(place, optimizers.SGD(0.01, momentum=0.9))
    kept: dict[int, Any] = {}

    def after(epoch: int, logs: Any) -> None:
        kept[epoch] = (model.get_weights(), [v.numpy() for v in model.optimizer.variables])
        if epoch == 1:
            model.optimizer.learning_rate = 1e30

    with np.errstate(all="ignore"), pytest.raises(NonFiniteLossError) as caught:
        model.fit(X, Y, epochs=9, batch_size=16, verbose=0, callbacks=[callbacks.LambdaCallback(on_epoch_end=after)])
    error = caught.value
    assert (error.epoch, error.step) == (3, 2)
    assert "step 2 of epoch 3" in str(error)
    assert "end of epoch 2" in str(error)
    assert "now 1e+30" in str(error)
    assert model.history.epoch == [0, 1]
    weights, state = kept[1]
    for a, b in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(state, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a, b.numpy())
    assert np.isfinite(model.fit(X, Y, verbose=0).history["loss"][0])


def test_a_batch_whose_step_ends_in_a_non_finite_loss_leaves_the_weights() -> None:
    model = make(optimizer=optimizers.SGD(1e30))
    before = model.get_weights()
    with np.errstate(all="ignore"), pytest.raises(NonFiniteLossError, match="values before the step"):
        model.train_on_batch(X, Y)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_ctrl_c_takes_effect_at_the_end_of_the_step_and_keeps_the_history() -> None:
    model = make()
    steps = []

    def begin(batch: int, logs: Any) -> None:
        if len(model.history.epoch) == 2 and batch == 1:
            os.kill(os.getpid(), signal.SIGINT)

    hook = callbacks.LambdaCallback(
        on_train_batch_begin=begin, on_train_batch_end=lambda batch, logs: steps.append(batch)
    )
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, epochs=9, batch_size=16, verbose=0, callbacks=[hook])
    assert signal.getsignal(signal.SIGINT) is handler
    assert model.history.epoch == [0, 1]
    assert steps == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]
    assert int(model.optimizer.iterations) == 10
    twin = make()
    twin.fit(X, Y, epochs=2, batch_size=16, verbose=0)
    assert any((a != b).any() for a, b in zip(twin.get_weights(), model.get_weights(), strict=True))
    model.fit(X, Y, verbose=0)
    assert model.history.epoch == [0]


def test_ctrl_c_ends_a_long_validation() -> None:
    validated: list[int] = []

    class Pressing(layers.Layer):
        def call(self, inputs: Any, training: bool = False) -> Any:
            if training:
                validated.clear()
            else:
                validated.append(inputs.shape[0])
                if validated == [16]:
                    os.kill(os.getpid(), signal.SIGINT)
            return inputs

    model = models.Sequential([layers.Dense(1, input_dim=2), Pressing()])
    model.compile("sgd", "mse", run_eagerly=True)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, batch_size=16, verbose=0, validation_data=(X, Y))
    assert validated == [16]


def test_a_second_ctrl_c_does_not_wait() -> None:
    model = make()

    def begin(batch: int, logs: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, verbose=0, callbacks=[callbacks.LambdaCallback(on_train_batch_begin=begin)])
    assert int(model.optimizer.iterations) == 0


def test_training_in_another_thread_works_without_signals() -> None:
    model = make()
    thread = threading.Thread(target=lambda: model.fit(X, Y, verbose=0))
    thread.start()
    thread.join()
    assert model.history.epoch == [0]


def test_an_error_in_a_callback_comes_through_with_the_weights_whole() -> None:
    model = make()

    def fail(epoch: int, logs: Any) -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        model.fit(X, Y, epochs=3, verbose=0, callbacks=[callbacks.LambdaCallback(on_epoch_end=fail)])
    # As in Keras, the history comes after the user's callbacks.
    assert model.history.epoch == []
    assert all(np.isfinite(w).all() for w in model.get_weights())
