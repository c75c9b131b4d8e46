"""One training step of a network in each library: forward, loss, backward, Adam.

Each is a function of a `Network` that returns a function without arguments. Run as a program, one is timed in a process
of its own and prints a line of JSON: ``python -m benchmarks.peers NAME NETWORK [--seconds 1.0]``.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.by_hand import gemms_alone, step_by_hand
from benchmarks.networks import RATE, Network
from benchmarks.timing import medians

Step = Callable[[], Any]


def _model(network: Network, optimizer: Any = None, **kwargs: Any) -> Any:
    from nnarray.layers import Dense, Input
    from nnarray.models import Sequential
    from nnarray.optimizers import Adam

    *hidden, last = network.sizes[1:]
    end = Dense(last, activation="sigmoid" if network.is_binary else "softmax")
    model = Sequential([Input((network.sizes[0],)), *(Dense(n, activation="relu") for n in hidden), end])
    loss = "binary_crossentropy" if network.is_binary else "categorical_crossentropy"
    model.compile(optimizer or Adam(RATE), loss, **kwargs)
    model.set_weights([part for pair in network.weights() for part in pair])
    return model


def nnarray_plan(network: Network, executor: str = "auto") -> Step:
    """The plan that `fit` replays, on one batch."""
    model = _model(network, executor=executor)
    x, y, _ = network.data()
    model.fit(x, y, batch_size=network.batch, verbose=0, shuffle=False)
    return model._runner.bound("train", network.batch).replay


def nnarray_fit(network: Network) -> Step:
    """`fit` over as many epochs of 32 batches as last a while; `steps_of` says how many steps that is."""
    return _fit(_model(network), network)


def _fit(model: Any, network: Network) -> Step:
    x, y, _ = network.data()
    x, y = np.tile(x, (32, 1)), np.tile(y, (32, 1))
    epochs = steps_of(network) // 32
    return lambda: model.fit(x, y, batch_size=network.batch, epochs=epochs, verbose=0)


def steps_of(network: Network) -> int:
    """Return the number of steps in one call of `fit`: 20 epochs of small networks."""
    return 32 * (20 if max(network.sizes) < 100 else 1)


def nnarray_eager(network: Network) -> Step:
    """The same step as Python code, `run_eagerly=True`."""
    model = _model(network, run_eagerly=True)
    x, y, _ = network.data()
    return lambda: model.train_on_batch(x, y)


def jax(network: Network) -> Step:
    """JAX under `jax.jit`, Adam by hand."""
    import jax
    import jax.numpy as jnp

    x, y, _ = (jnp.asarray(part) for part in network.data())
    weights = [tuple(map(jnp.asarray, pair)) for pair in network.weights()]

    def loss(weights: Any) -> Any:
        a = x
        for i, (w, b) in enumerate(weights):
            z = a @ w + b
            a = jnp.maximum(z, 0) if i < len(weights) - 1 else z
        if network.is_binary:
            return jnp.mean(jnp.maximum(a, 0) - a * y + jnp.log1p(jnp.exp(-jnp.abs(a))))
        return -jnp.mean(jnp.sum(jax.nn.log_softmax(a) * y, axis=1))

    def step(state: Any) -> Any:
        weights, mean, square, count = state
        value, gradient = jax.value_and_grad(loss)(weights)
        count = count + 1
        rate = RATE * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
        mean = jax.tree.map(lambda m, g: m + (g - m) * 0.1, mean, gradient)
        square = jax.tree.map(lambda v, g: v + (g * g - v) * 0.001, square, gradient)
        weights = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + 1e-7), weights, mean, square)
        return (weights, mean, square, count), value

    jitted = jax.jit(step, donate_argnums=0)
    zeros = lambda: jax.tree.map(jnp.zeros_like, weights)  # noqa: E731
    held = [(weights, zeros(), zeros(), jnp.float32(0.0))]

    def run() -> None:
        held[0], value = jitted(held[0])
        value.block_until_ready()

    return run


def torch(network: Network, fused: bool = False) -> Step:
    """PyTorch, eager, `torch.optim.Adam`."""
    import torch

    torch.set_num_threads(2)
    x, y, model, loss, optimizer = _torch_parts(network, fused=fused)

    def step() -> None:
        optimizer.zero_grad()
        loss(model(x), y).backward()
        optimizer.step()

    return step


def _torch_parts(network: Network, **adam: Any) -> tuple[Any, Any, Any, Any, Any]:
    """Return inputs, targets, model, loss and optimizer."""
    import torch

    x, y, _ = (torch.as_tensor(part) for part in network.data())
    sizes = network.sizes
    stack: list[Any] = []
    for i, (n, m) in enumerate(itertools.pairwise(sizes)):
        stack += [torch.nn.Linear(n, m), *([torch.nn.ReLU()] if i < len(sizes) - 2 else [])]
    model = torch.nn.Sequential(*stack)
    loss = torch.nn.BCEWithLogitsLoss() if network.is_binary else torch.nn.CrossEntropyLoss()
    return x, y, model, loss, torch.optim.Adam(model.parameters(), lr=RATE, **adam)


def torch_fused(network: Network) -> Step:
    """PyTorch with the fused Adam."""
    return torch(network, fused=True)


def torch_compile(network: Network) -> Step:
    """PyTorch with `torch.compile` of forward and loss, whose derivative is compiled with them, and of Adam."""
    import torch

    torch.set_num_threads(2)
    x, y, model, loss, optimizer = _torch_parts(network)
    forward = torch.compile(lambda: loss(model(x), y))
    update = torch.compile(optimizer.step)

    def step() -> None:
        optimizer.zero_grad()
        forward().backward()
        update()

    return step


def keras(network: Network, backend: str) -> Step:
    """Keras' `fit`, as `nnarray_fit`; in a process in which Keras has no other backend."""
    os.environ["KERAS_BACKEND"] = backend
    import keras

    if keras.backend.backend() != backend:
        raise RuntimeError(f"Keras runs on {keras.backend.backend()} in this process: received {backend!r}.")
    *hidden, last = network.sizes[1:]
    end = keras.layers.Dense(last, activation="sigmoid" if network.is_binary else "softmax")
    layers = [keras.Input((network.sizes[0],)), *(keras.layers.Dense(n, activation="relu") for n in hidden), end]
    model = keras.Sequential(layers)
    loss = "binary_crossentropy" if network.is_binary else "categorical_crossentropy"
    model.compile(keras.optimizers.Adam(RATE), loss)
    model.set_weights([part for pair in network.weights() for part in pair])
    return _fit(model, network)


def sklearn(network: Network) -> Step:
    """scikit-learn's `MLPClassifier.partial_fit`."""
    from sklearn.neural_network import MLPClassifier

    x, _, classes = network.data()
    model = MLPClassifier(network.sizes[1:-1], batch_size=network.batch, learning_rate_init=RATE)
    known = np.arange(max(network.sizes[-1], 2))
    model.partial_fit(x, classes, classes=known)
    return lambda: model.partial_fit(x, classes)


def autograd(network: Network) -> Step:
    """HIPS autograd, Adam in NumPy."""
    import autograd
    import autograd.numpy as anp

    x, y, _ = network.data()
    weights = network.weights()

    def loss(weights: Any) -> Any:
        a = x
        for i, (w, b) in enumerate(weights):
            z = anp.dot(a, w) + b
            a = anp.maximum(z, 0) if i < len(weights) - 1 else z
        if network.is_binary:
            return anp.mean(anp.logaddexp(a, 0) - a * y)
        top = anp.max(a, axis=1, keepdims=True)
        return anp.mean(anp.log(anp.sum(anp.exp(a - top), axis=1)) - anp.sum((a - top) * y, axis=1))

    slope = autograd.value_and_grad(loss)
    state = [[(np.zeros_like(part), np.zeros_like(part)) for part in pair] for pair in weights]
    count = 0

    def step() -> None:
        nonlocal count
        _, gradients = slope(weights)
        count += 1
        rate = RATE * (1 - 0.999**count) ** 0.5 / (1 - 0.9**count)
        for pair, slopes, held in zip(weights, gradients, state, strict=True):
            for w, g, (m, v) in zip(pair, slopes, held, strict=True):
                m += (g - m) * 0.1
                v += (g * g - v) * 0.001
                w -= rate * m / (np.sqrt(v) + 1e-7)

    return step


PEERS: dict[str, Callable[[Network], Step]] = {
    **{"gemms alone": gemms_alone, "by hand": step_by_hand, "nnarray": nnarray_plan, "nnarray fit": nnarray_fit},
    **{"nnarray eager": nnarray_eager, "jax": jax, "torch": torch, "torch fused": torch_fused, "sklearn": sklearn},
    **{"autograd": autograd, "torch compile": torch_compile},
    "nnarray numba": functools.partial(nnarray_plan, executor="numba"),
    **{f"keras {name}": functools.partial(keras, backend=name) for name in ("jax", "torch")},
}
#: Those of which a call is many steps.
FITS = ("nnarray fit", "keras jax", "keras torch")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the median seconds of a step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("network")
    parser.add_argument("--repeats", type=int, default=11)
    parser.add_argument("--seconds", type=float, default=0.1)
    options = parser.parse_args(arguments)
    step = PEERS[options.peer](Network(options.network))
    step()
    (median,) = medians([step], options.repeats, options.seconds)
    print(json.dumps(median / (steps_of(Network(options.network)) if options.peer in FITS else 1)))


if __name__ == "__main__":
    main()
