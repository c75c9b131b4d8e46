"""The article's network by hand: forward, backward and Adam written out, held against the automatic ones.

A[0] = X, one example a row. For layer l with weights W (inputs × outputs), bias b and activation g:

    Z[l] = A[l-1] W[l] + b[l],        A[l] = g(Z[l])
    J = -(1/m) Σ (y log ŷ + (1 - y) log(1 - ŷ)),        ŷ = A[L]

    dZ[L] = Ŷ - Y                     sigmoid and cross-entropy together
    dZ[l] = dA[l] * g'(Z[l])          below
    dW[l] = (1/m) A[l-1]ᵀ dZ[l]
    db[l] = (1/m) Σ_i dZ[l](i)
    dA[l-1] = dZ[l] W[l]ᵀ

Run it:  python examples/by_hand.py
"""

from __future__ import annotations

from typing import Any

import numpy as np

import nnarray as nna
from nnarray.datasets import make_circles
from nnarray.layers import Dense
from nnarray.models import Sequential

STEPS = 10


def relu(xp: Any, Z: Any) -> Any:
    return xp.maximum(Z, xp.zeros_like(Z))


def relu_slope(xp: Any, Z: Any) -> Any:
    return xp.astype(Z > 0, Z.dtype)


def sigmoid(xp: Any, Z: Any) -> Any:
    return 1 / (1 + xp.exp(-Z))


def forward(xp: Any, weights: list[Any], X: Any) -> tuple[list[Any], list[Any]]:
    """Return every Z[l] and every A[l]."""
    Zs, As = [], [X]
    for W, b in zip(weights[0::2], weights[1::2], strict=True):
        Zs.append(xp.matmul(As[-1], W) + b)
        last = len(Zs) == len(weights) // 2
        As.append(sigmoid(xp, Zs[-1]) if last else relu(xp, Zs[-1]))
    return Zs, As


def loss(xp: Any, Y: Any, Y_hat: Any) -> Any:
    """Return J."""
    return -xp.mean(Y * xp.log(Y_hat) + (1 - Y) * xp.log(1 - Y_hat))


def backward(xp: Any, weights: list[Any], Zs: list[Any], As: list[Any], Y: Any) -> list[Any]:
    """Return dW[1], db[1], dW[2], db[2], …"""
    m = Y.shape[0]
    gradients: list[Any] = []
    dZ = As[-1] - Y
    for layer in range(len(Zs), 0, -1):
        dW = xp.matmul(As[layer - 1].T, dZ) / m
        db = xp.sum(dZ, axis=0) / m
        gradients = [dW, db, *gradients]
        if layer > 1:
            dA = xp.matmul(dZ, weights[2 * (layer - 1)].T)
            dZ = dA * relu_slope(xp, Zs[layer - 2])
    return gradients


def adam(
    xp: Any, weights: list[Any], gradients: list[Any], moments: list[Any], step: int
) -> tuple[list[Any], list[Any]]:
    """Return the weights and the moments after one step: W <- W - α m / (sqrt(v) + ε)."""
    beta_1, beta_2, epsilon = 0.9, 0.999, 1e-7
    alpha = 0.001 * (1 - beta_2**step) ** 0.5 / (1 - beta_1**step)
    new_weights, new_moments = [], []
    for w, g, (m, v) in zip(weights, gradients, moments, strict=True):
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g * g
        new_weights.append(w - alpha * m / (xp.sqrt(v) + epsilon))
        new_moments.append((m, v))
    return new_weights, new_moments


def automatic(seed: int) -> Sequential:
    """Return the article's network, in float64."""
    nna.set_seed(seed)
    model = Sequential()
    model.add(Dense(4, input_dim=2, activation="relu", dtype="float64"))
    model.add(Dense(6, activation="relu", dtype="float64"))
    model.add(Dense(6, activation="relu", dtype="float64"))
    model.add(Dense(4, activation="relu", dtype="float64"))
    model.add(Dense(1, activation="sigmoid", dtype="float64"))
    model.compile(loss="binary_crossentropy", optimizer="adam")
    return model


def differences(seed: int = 0) -> dict[str, float]:
    """Return the greatest difference between by hand and automatic in the loss, each gradient and each weight."""
    X, y = make_circles(200, noise=0.1, factor=0.2, random_state=seed)
    Y = y[:, None].astype("float64")
    xp = np
    model = automatic(seed)
    weights = model.get_weights()
    moments = [(xp.zeros_like(w), xp.zeros_like(w)) for w in weights]
    names = [f"{kind}[{layer}]" for layer in range(1, len(weights) // 2 + 1) for kind in ("W", "b")]
    found = dict.fromkeys(["J", *(f"d{name}" for name in names), *names], 0.0)

    def note(name: str, by_hand: Any, automatically: Any) -> None:
        found[name] = max(found[name], float(np.max(np.abs(by_hand - automatically))))

    def objective(weights: list[Any]) -> Any:
        Y_hat, _ = model.stateless_call(weights, [], X)
        return loss(Y_hat.__array_namespace__(), Y, Y_hat)

    for step in range(1, STEPS + 1):
        Zs, As = forward(xp, weights, X)
        gradients = backward(xp, weights, Zs, As, Y)
        for name, by_hand, automatically in zip(names, gradients, nna.grad(objective)(weights), strict=True):
            note(f"d{name}", by_hand, automatically)
        note("J", loss(xp, Y, As[-1]), model.train_on_batch(X, Y))
        weights, moments = adam(xp, weights, gradients, moments, step)
        for name, by_hand, automatically in zip(names, weights, model.get_weights(), strict=True):
            note(name, by_hand, automatically)
    return found


def main() -> None:
    print(f"Greatest difference between by hand and automatic in {STEPS} steps of Adam, float64:")
    for name, difference in differences().items():
        print(f"  {name:6} {difference:.1e}")


if __name__ == "__main__":
    main()
