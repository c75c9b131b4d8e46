"""The article's program, the twin written in PyTorch, and the same bits on every backend."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import callbacks, config, layers, models
from nnarray.datasets import make_circles
from nnarray.layers import Dense
from nnarray.models import Sequential


def article() -> Sequential:
    model = Sequential()
    model.add(Dense(4, input_dim=2, activation="relu"))
    model.add(Dense(6, activation="relu"))
    model.add(Dense(6, activation="relu"))
    model.add(Dense(4, activation="relu"))
    model.add(Dense(1, activation="sigmoid"))
    model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model


def circles(seed: int, factor: float = 0.2) -> tuple[Any, ...]:
    x, y = make_circles(1100, noise=0.1, factor=factor, random_state=seed)
    return x[:1000], y[:1000], x[1000:], y[1000:]


def test_the_articles_program_learns_the_circles_from_nine_seeds_of_ten() -> None:
    accuracies = []
    for seed in range(10):
        nna.utils.set_random_seed(seed)
        x, y, unseen_x, unseen_y = circles(seed)
        model = article()
        model.fit(x, y, epochs=50, verbose=0)
        accuracies.append(model.evaluate(unseen_x, unseen_y, verbose=0)[1])
    assert sum(accuracy >= 0.99 for accuracy in accuracies) >= 9, accuracies


def twin_losses(weights: list[np.ndarray], x: np.ndarray, y: np.ndarray, epochs: int, batch_size: int) -> list[float]:
    """Train the article's network in PyTorch with Keras' Adam written out; return each epoch's mean loss."""
    torch = pytest.importorskip("torch")
    parameters = [torch.tensor(w, requires_grad=True) for w in weights]
    first = [torch.zeros_like(p) for p in parameters]
    second = [torch.zeros_like(p) for p in parameters]
    inputs, targets = torch.tensor(x), torch.tensor(y)
    step, losses = 0, []
    for _ in range(epochs):
        total = 0.0
        for start in range(0, len(x), batch_size):
            a, target = inputs[start : start + batch_size], targets[start : start + batch_size]
            for w, b in zip(parameters[0:8:2], parameters[1:8:2], strict=True):
                a = torch.relu(a @ w + b)
            logits = (a @ parameters[8] + parameters[9])[:, 0]
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, target)
            gradients = torch.autograd.grad(loss, parameters)
            total += float(loss.detach()) * len(target)
            step += 1
            alpha = 0.001 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
            with torch.no_grad():
                for p, g, m, v in zip(parameters, gradients, first, second, strict=True):
                    m += (g - m) * (1 - 0.9)
                    v += (g * g - v) * (1 - 0.999)
                    p -= alpha * m / (v.sqrt() + 1e-7)
        losses.append(total / len(x))
    return losses


@pytest.fixture
def float64() -> Any:
    config.set_floatx("float64")
    yield
    config.set_floatx("float32")


@pytest.mark.usefixtures("float64")
def test_twenty_epochs_lose_what_a_pytorch_twin_loses(place: Any) -> None:
    space = nna.namespace(*place)
    x, y, _, _ = circles(3)
    x, y = x[:200], y[:200].astype("float64")
    nna.set_seed(3)
    model = article()
    expected = twin_losses(model.get_weights(), x, y, epochs=20, batch_size=32)
    found = model.fit(space.asarray(x).value, space.asarray(y).value, epochs=20, shuffle=False, verbose=0)
    assert model.backend == place[0]
    assert model.device == space.backend.device_of(space.asarray(x).value)
    np.testing.assert_allclose(found.history["loss"], expected, rtol=1e-8)


def test_initial_weights_and_batches_are_the_same_bits_on_every_backend(place: Any) -> None:
    def run(name: str, device: Any) -> tuple[list[np.ndarray], list[Any]]:
        nna.set_seed(5)
        seen: list[Any] = []

        class Spy(layers.Layer):
            def call(self, inputs: Any) -> Any:
                raw = inputs.value if isinstance(inputs, nna.Array) else inputs
                seen.append(nna.backends.backend_of(raw).to_numpy(raw).copy())
                return inputs

        model = models.Sequential(
            [Spy(input_shape=(2,)), Dense(8, "relu"), Dense(2, kernel_initializer="he_normal")],
            backend=name,
            device=device,
        )
        model.compile("sgd", "mse", run_eagerly=True)  # The spy looks at values.
        weights = model.get_weights()
        seen.clear()
        x = np.random.default_rng(0).standard_normal((40, 2)).astype("float32")
        model.fit(x, x, epochs=2, batch_size=16, verbose=0)
        return weights, seen

    for found, expected in zip(run(*place), run("numpy", None), strict=True):
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_array_equal(a, b)


def test_training_is_no_different_from_a_callback_that_looks_at_it() -> None:
    x, y, _, _ = circles(0)
    weights = []
    for hooks in ([], [callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: dict(logs))]):
        nna.set_seed(0)
        model = article()
        model.fit(x, y, epochs=1, verbose=0, callbacks=hooks)
        weights.append(model.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_array_equal(a, b)
