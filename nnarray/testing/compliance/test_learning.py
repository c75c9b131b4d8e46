"""Derivatives and training on the library and device under test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import layers, models
from nnarray.backends import convert, find_backend, get_backend
from nnarray.testing import assert_close, check_grads

X = np.random.default_rng(0).uniform(0.2, 1.5, (4, 3))
Y = np.random.default_rng(1).uniform(0.2, 1.5, (3, 2))


def _taken(xp: Any, x: Any) -> Any:
    rows = xp.asarray(np.asarray([2, 0, 2]), device=x.device)
    return xp.take(x, rows, axis=0)


FUNCTIONS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "arithmetic": lambda xp, x, y: (x @ y) / (1.0 + xp.square(x @ y)) - 2.0**-1,
    "elementwise": lambda xp, x, y: xp.exp(-x) * xp.log(x) + xp.tanh(x) * xp.sqrt(x),
    "reductions": lambda xp, x, y: xp.mean(x, axis=0) * xp.max(x, axis=0) + xp.sum(y, axis=1),
    "choice": lambda xp, x, y: xp.where(x > 0.8, x * x, xp.maximum(x, 0.5 * x)),
    "shapes": lambda xp, x, y: xp.concat([xp.reshape(x, (3, 4)), xp.reshape(y, (3, 2))], axis=1)[1:, ::-1],
    "taking": lambda xp, x, y: _taken(xp, x),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_to_order_two_are_those_of_finite_differences(name: str, backend: str, device: Any) -> None:
    adapter = get_backend(backend)
    if "float64" not in adapter.xp.__array_namespace_info__().dtypes(device=device):
        pytest.skip(f"{backend} has no float64 on {adapter.device_name(device)}")

    def f(x: Any, y: Any) -> Any:
        return FUNCTIONS[name](nna.array_namespace(x), x, y)

    check_grads(f, tuple(adapter.asarray(value, "float64", device) for value in (X, Y)), order=2)


def _model() -> models.Sequential:
    nna.set_seed(3)
    model = models.Sequential(
        [
            *(layers.Dense(6, input_dim=3, activation="relu"), layers.Dropout(0.2)),
            *(layers.Dense(4, activation="tanh"), layers.Dense(1, activation="sigmoid")),
        ]
    )
    model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model


def test_a_model_trains_to_the_weights_it_gets_on_numpy(backend: str, device: Any) -> None:
    rng = np.random.default_rng(2)
    x = rng.standard_normal((100, 3)).astype("float32")
    y = (x[:, 0] > x[:, 1]).astype("float32")
    reference, model = _model(), _model()
    expected = reference.fit(x, y, epochs=3, verbose=0).history
    nna.set_seed(3)
    model = _model().to(backend, get_backend(backend).device_name(device))
    found = model.fit(x, y, epochs=3, verbose=0)
    assert (found.requested_backend, found.actual_backend) == (backend, backend)
    assert all(variable.device == device for variable in model.variables)
    np.testing.assert_allclose(found.history["loss"], expected["loss"], rtol=1e-4)
    for ours, theirs in zip(model.get_weights(), reference.get_weights(), strict=True):
        assert isinstance(ours, np.ndarray)
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


def test_a_model_follows_its_data_and_predicts_in_their_library(backend: str, device: Any) -> None:
    adapter = get_backend(backend)
    x, y = (adapter.asarray(value, "float32", device) for value in (np.ones((8, 3)), np.ones((8, 1))))
    model = _model()
    model.fit(x, y, epochs=1, verbose=0)
    assert model.backend == backend
    predicted = model.predict(x, verbose=0)
    assert find_backend(predicted) is adapter
    assert adapter.device_of(predicted) == device
    home = convert(predicted, get_backend("numpy"))
    assert_close(model.to("numpy").predict(np.ones((8, 3), "float32"), verbose=0), home, rtol=1e-5)


def test_gradients_stay_on_the_device(backend: str, device: Any) -> None:
    adapter = get_backend(backend)
    x = adapter.asarray([1.0, 2.0], "float32", device)
    gradient = nna.grad(lambda a: nna.array_namespace(a).sum(a * a))(x)
    assert find_backend(gradient) is adapter
    assert adapter.device_of(gradient) == device
    np.testing.assert_array_equal(adapter.to_numpy(gradient), [2.0, 4.0])
