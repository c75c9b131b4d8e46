"""One network, written as symbols, as a class and as a stack: the same losses, gradients and weights everywhere."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

import nnarray as nna
from nnarray import activations, layers, optimizers
from nnarray.models import Model, Sequential

RATE, MOMENTUM, STEPS = 0.1, 0.9, 20
RNG = np.random.default_rng(7)
A, B = RNG.standard_normal((8, 2)), RNG.standard_normal((8, 3))
SUMS = A[:, :1] - B[:, 1:2]
SIGNS = (np.concatenate([A[:, 1:] + B[:, :1], B[:, 2:] - A[:, :1]], axis=1) > 0).astype("float64")
#: Kernels and biases of two hidden layers, one for each input, and of two outputs, one of numbers and one of signs.
SHAPES = [(2, 4), (4,), (3, 4), (4,), (8, 1), (1,), (8, 2), (2,)]
WEIGHTS = [0.5 * RNG.standard_normal(shape) for shape in SHAPES]
TOLERANCE = {"float64": 1e-10, "float32": 1e-4}
LIBRARIES = ["numpy", "array_api_strict", "torch", "jax"]


class Course(NamedTuple):
    """Losses before each step, gradients of the first, weights after the last."""

    losses: list[float]
    gradients: list[np.ndarray]
    weights: list[np.ndarray]


def _gradients(weights: list[np.ndarray]) -> tuple[float, list[np.ndarray]]:
    """Return the loss and its gradients, by hand."""
    w1, b1, w2, b2, w3, b3, w4, b4 = weights
    h = np.tanh(np.concatenate([A @ w1 + b1, B @ w2 + b2], axis=1))
    numbers, logits = h @ w3 + b3, h @ w4 + b4
    loss = np.mean((numbers - SUMS) ** 2) + 0.5 * np.mean(np.logaddexp(0, logits) - SIGNS * logits)
    d_numbers = 2 * (numbers - SUMS) / SUMS.size
    d_logits = 0.5 * (1 / (1 + np.exp(-logits)) - SIGNS) / SIGNS.size
    d_h = (d_numbers @ w3.T + d_logits @ w4.T) * (1 - h**2)
    hidden = [A.T @ d_h[:, :4], d_h[:, :4].sum(0), B.T @ d_h[:, 4:], d_h[:, 4:].sum(0)]
    return float(loss), [*hidden, h.T @ d_numbers, d_numbers.sum(0), h.T @ d_logits, d_logits.sum(0)]


@pytest.fixture(scope="module")
def expected() -> Course:
    weights = [weight.copy() for weight in WEIGHTS]
    losses, first, speeds = [], None, [0.0] * len(weights)
    for _ in range(STEPS):
        loss, gradients = _gradients(weights)
        first = first or gradients
        losses.append(loss)
        speeds = [MOMENTUM * v - RATE * g for v, g in zip(speeds, gradients, strict=True)]
        weights = [w + v for w, v in zip(weights, speeds, strict=True)]
    return Course(losses, first, weights)


def _of_symbols(dtype: str) -> Model:
    a, b = layers.Input((2,), name="a", dtype=dtype), layers.Input((3,), name="b", dtype=dtype)
    parts = [layers.Dense(4, "tanh", dtype=dtype)(x) for x in (a, b)]
    h = a.__array_namespace__().concat(parts, axis=-1)
    numbers = layers.Dense(1, dtype=dtype, name="numbers")(h)
    return Model([a, b], [numbers, layers.Dense(2, "sigmoid", dtype=dtype, name="signs")(h)])


class _Class(Model):
    def __init__(self, dtype: str) -> None:
        super().__init__(dtype=dtype)
        self.hidden = [layers.Dense(4, dtype=dtype), layers.Dense(4, dtype=dtype)]
        self.out = {name: layers.Dense(n, dtype=dtype) for name, n in (("numbers", 1), ("signs", 2))}

    def call(self, inputs: Any) -> Any:
        xp = nna.array_namespace(inputs[0])
        parts = [layer(x) for layer, x in zip(self.hidden, inputs, strict=True)]
        h = activations.tanh(xp.concat(parts, axis=-1))
        return self.out["numbers"](h), activations.sigmoid(self.out["signs"](h))


def _course(model: Any, library: str, eagerly: bool, dtype: str) -> Course:
    optimizer = optimizers.SGD(RATE, momentum=MOMENTUM)
    model.compile(
        optimizer, ["mse", "binary_crossentropy"], loss_weights=[1.0, 0.5], run_eagerly=eagerly, backend=library
    )
    model.build([(None, 2), (None, 3)])
    model.set_weights(WEIGHTS)
    x, y = [A.astype(dtype), B.astype(dtype)], [SUMS.astype(dtype), SIGNS.astype(dtype)]
    losses = [model.evaluate(x, y, verbose=0)[0]]
    arrays = [[nna.namespace(library).asarray(array) for array in each] for each in (x, y)]

    def objective(_: Any) -> Any:
        return model.compute_loss(None, arrays[1], model(arrays[0], training=True))

    gradients = nna.grad(objective)(model.trainable_variables)
    losses += model.fit(x, y, batch_size=8, epochs=STEPS, shuffle=False, verbose=0).history["loss"][1:]
    to_host = nna.namespace(library).backend.to_numpy
    return Course(losses, [to_host(gradient) for gradient in gradients], model.get_weights())


def _assert_same(found: Course, expected: Course, tolerance: float) -> None:
    np.testing.assert_allclose(found.losses, expected.losses, rtol=tolerance, atol=tolerance)
    for a, b in zip((*found.gradients, *found.weights), (*expected.gradients, *expected.weights), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("eagerly", [True, False], ids=["eager", "plans"])
@pytest.mark.parametrize("kind", ["symbols", "class"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_two_inputs_and_outputs_train_alike_however_and_wherever(
    library: str, dtype: str, kind: str, eagerly: bool, expected: Course
) -> None:
    pytest.importorskip(library)
    if library == "jax" and (dtype == "float32" or eagerly == (kind == "symbols")):
        pytest.skip("jax compiles each of these anew: two of eight")
    model = _of_symbols(dtype) if kind == "symbols" else _Class(dtype)
    _assert_same(_course(model, library, eagerly, dtype), expected, TOLERANCE[dtype])


def test_the_numbers_by_hand_are_those_of_a_twin_in_pytorch(expected: Course) -> None:
    torch = pytest.importorskip("torch")
    a, b, sums, signs = (torch.tensor(x) for x in (A, B, SUMS, SIGNS))
    w1, b1, w2, b2, w3, b3, w4, b4 = weights = [torch.tensor(w, requires_grad=True) for w in WEIGHTS]
    optimizer = torch.optim.SGD(weights, lr=RATE, momentum=MOMENTUM)
    losses, first = [], None
    for _ in range(STEPS):
        h = torch.tanh(torch.cat([a @ w1 + b1, b @ w2 + b2], dim=1))
        entropy = torch.nn.functional.binary_cross_entropy_with_logits(h @ w4 + b4, signs)
        loss = torch.nn.functional.mse_loss(h @ w3 + b3, sums) + 0.5 * entropy
        optimizer.zero_grad()
        loss.backward()
        first = first or [w.grad.numpy().copy() for w in weights]
        losses.append(loss.item())
        optimizer.step()
    _assert_same(Course(losses, first, [w.detach().numpy() for w in weights]), expected, 1e-12)


def _small(kind: str, dtype: str) -> Any:
    def made() -> list[Any]:
        return [layers.Dense(4, "tanh", dtype=dtype, input_dim=3), layers.Dense(1, "sigmoid", dtype=dtype)]

    if kind == "stack":
        return Sequential(made())
    if kind == "symbols":
        x = layers.Input((3,), dtype=dtype)
        first, second = made()
        return Model(x, second(first(x)))

    class Written(Model):
        def __init__(self) -> None:
            super().__init__(dtype=dtype)
            self.parts = made()

        def call(self, inputs: Any) -> Any:
            for part in self.parts:
                inputs = part(inputs)
            return inputs

    return Written()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_one_input_and_output_train_alike_as_a_stack_too(library: str, dtype: str) -> None:
    pytest.importorskip(library)
    found = []
    for kind in ("stack", "symbols", "class"):
        for eagerly in (True, False) if library != "jax" else (kind == "class",):
            nna.set_seed(0)
            model = _small(kind, dtype)
            model.build((None, 3))
            model.set_weights([WEIGHTS[2], WEIGHTS[3], WEIGHTS[4][:4], WEIGHTS[5]])
            model.compile(optimizers.Adam(0.01), "binary_crossentropy", run_eagerly=eagerly, backend=library)
            history = model.fit(B.astype(dtype), SIGNS[:, :1], batch_size=8, epochs=STEPS, shuffle=False, verbose=0)
            found.append(Course(history.history["loss"], [], model.get_weights()))
    for each in found[1:]:
        _assert_same(each, found[0], TOLERANCE[dtype])
