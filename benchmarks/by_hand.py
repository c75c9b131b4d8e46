"""One step of training in NumPy as an expert writes it: everything in place, nothing allocated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.networks import RATE, Network


def flat_views(weights: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """Return one buffer with all weights in it, and windows on it in their shapes."""
    parts = [part for pair in weights for part in pair]
    flat = np.concatenate([part.ravel() for part in parts])
    views, start = [], 0
    for part in parts:
        views.append(flat[start : start + part.size].reshape(part.shape))
        start += part.size
    return flat, list(zip(views[0::2], views[1::2], strict=True))


def step_by_hand(network: Network) -> Callable[[], Any]:
    """Return a function that takes one step: forward, loss, backward, Adam with bias correction."""
    x, y, _ = network.data()
    flat, weights = flat_views(network.weights())
    gradient, gradients = flat_views([(np.zeros_like(w), np.zeros_like(b)) for w, b in weights])
    mean, square = np.zeros_like(flat), np.zeros_like(flat)
    scratch, other = np.empty_like(flat), np.empty_like(flat)
    m, depth = np.float32(network.batch), len(weights)
    ones = np.ones(network.batch, "float32")
    z = [np.empty((network.batch, w.shape[1]), "float32") for w, _ in weights]
    a = [x, *(np.empty_like(each) for each in z[:-1])]
    masks = [np.empty(each.shape, bool) for each in z[:-1]]
    deltas = [np.empty_like(each) for each in z]
    row, column = np.empty((network.batch, 1), "float32"), np.empty_like(z[-1])
    zero, one, tiny = (np.float32(n) for n in (0.0, 1.0, 1e-7))
    keep1, keep2 = np.float32(0.1), np.float32(0.001)
    count = 0

    def forward() -> float:
        for i, (w, b) in enumerate(weights):
            np.dot(a[i], w, z[i])
            np.add(z[i], b, z[i])
            if i < depth - 1:
                np.maximum(z[i], zero, out=a[i + 1])
        logits, delta = z[-1], deltas[-1]
        if network.is_binary:
            # log(1 + exp(-|z|)) + max(z, 0) - y z, and its slope, sigmoid(z) - y
            np.abs(logits, column)
            np.negative(column, column)
            np.exp(column, column)
            np.log1p(column, column)
            np.maximum(logits, zero, out=delta)
            np.add(column, delta, column)
            np.multiply(logits, y, delta)
            np.subtract(column, delta, column)
            loss = float(column.sum() / m)
            np.negative(logits, delta)
            np.exp(delta, delta)
            np.add(delta, one, delta)
            np.divide(one, delta, delta)
        else:
            np.max(logits, axis=1, keepdims=True, out=row)
            np.subtract(logits, row, delta)
            np.multiply(delta, y, column)
            loss = -float(column.sum() / m)
            np.exp(delta, delta)
            np.sum(delta, axis=1, keepdims=True, out=row)
            np.divide(delta, row, delta)
            np.log(row, row)
            loss += float(row.sum() / m)
        np.subtract(delta, y, delta)
        np.divide(delta, m, delta)
        return loss

    def backward() -> None:
        for i in range(depth - 1, -1, -1):
            np.dot(a[i].T, deltas[i], gradients[i][0])
            np.dot(ones, deltas[i], gradients[i][1])
            if i:
                np.dot(deltas[i], weights[i][0].T, deltas[i - 1])
                np.greater(z[i - 1], zero, masks[i - 1])
                np.multiply(deltas[i - 1], masks[i - 1], deltas[i - 1])

    def step() -> float:
        nonlocal count
        loss = forward()
        backward()
        count += 1
        rate = np.float32(RATE * (1 - 0.999**count) ** 0.5 / (1 - 0.9**count))
        np.subtract(gradient, mean, scratch)
        np.multiply(scratch, keep1, scratch)
        np.add(mean, scratch, mean)
        np.multiply(gradient, gradient, scratch)
        np.subtract(scratch, square, scratch)
        np.multiply(scratch, keep2, scratch)
        np.add(square, scratch, square)
        np.sqrt(square, other)
        np.add(other, tiny, other)
        np.multiply(mean, rate, scratch)
        np.divide(scratch, other, scratch)
        np.subtract(flat, scratch, flat)
        return loss

    return step


def gemms_alone(network: Network) -> Callable[[], Any]:
    """Return a function that does the step's matrix products and nothing else."""
    x, _, _ = network.data()
    weights = [w for w, _ in network.weights()]
    a = [x, *(np.ones((network.batch, w.shape[1]), "float32") for w in weights)]
    outs = [np.empty_like(each) for each in a]
    gradients = [np.empty_like(w) for w in weights]

    def step() -> None:
        for i, w in enumerate(weights):
            np.dot(a[i], w, outs[i + 1])
        for i in range(len(weights) - 1, -1, -1):
            np.dot(a[i].T, a[i + 1], gradients[i])
            if i:
                np.dot(a[i + 1], weights[i].T, outs[i])

    return step
