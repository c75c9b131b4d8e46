"""One neuron and one layer, with real numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnarray import activations
from nnarray.plotting._style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    SIGNED,
    WIDTH,
    axes_or_new,
    new_figure,
    number,
    styled,
    to_host,
    without_frame,
)

_MOST_INPUTS, _MOST_ROWS, _MOST_COLUMNS = 6, 6, 8


def plot_neuron(inputs: Any, weights: Any, bias: float = 0.0, activation: Any = "sigmoid", ax: Any = None) -> Any:
    """Draw one neuron with its numbers: z = w₁x₁ + … + wₙxₙ + b, then a = g(z).

    Parameters
    ----------
    inputs, weights : arrays, shape (n,), n at most 6
    bias : float
    activation : str or callable
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Figure
    """
    x, w = to_host(inputs).astype(float), to_host(weights).astype(float)
    if x.ndim != 1 or x.shape != w.shape or not 1 <= len(x) <= _MOST_INPUTS:
        raise ValueError(
            f"A neuron takes as many weights as inputs, 1 to {_MOST_INPUTS}: received inputs of shape {x.shape} and "
            f"weights of shape {w.shape}."
        )
    bias = float(bias)
    g = activations.get(activation)
    z = float(w @ x + bias)
    a = float(g(np.asarray(z)))
    name = getattr(g, "__name__", "g")
    heights = 1.6 * ((len(x) - 1) / 2 - np.arange(len(x)))
    with styled():
        ax = axes_or_new(ax, WIDTH, 1.1 * len(x) + 2.2)
        for i, height in enumerate(heights):
            ax.annotate(
                "", (3.42, 0.25 * height), (0.65, height), arrowprops=_arrow(BLUE if w[i] >= 0 else ORANGE, w[i], w)
            )
            _circle(ax, 0, height, 0.62, f"$x_{{{i + 1}}}$\n{number(x[i])}")
            _on_line(ax, 1.75, height * (1 - 0.75 * (1.75 - 0.65) / 2.77), f"$w_{{{i + 1}}}$ = {number(w[i])}")
        _circle(ax, 4.2, 0, 0.78, "$\\Sigma$", size=20)
        ax.annotate("", (4.2, 0.8), (4.2, 1.75), arrowprops={"arrowstyle": "-|>", "color": GREY, "linewidth": 1.5})
        ax.text(4.2, 1.82, f"$b$ = {number(bias)}", ha="center", va="bottom")
        ax.annotate("", (6.75, 0), (4.98, 0), arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 1.5})
        _on_line(ax, 5.82, 0.32, f"$z$ = {number(z)}")
        _circle(ax, 7.5, 0, 0.72, f"$g$\n{name}", colour=GREEN)
        ax.annotate("", (10.0, 0), (8.24, 0), arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 1.5})
        _on_line(ax, 9.1, 0.32, f"$a$ = {number(a)}")
        terms = " + ".join(f"({number(wi)})({number(xi)})" for wi, xi in zip(w, x, strict=True))
        low = min(heights[-1], -0.6) - 1.15
        ax.text(5, low, f"$z$ = {terms} + ({number(bias)}) = {number(z)}", ha="center", va="center")
        ax.text(5, low - 0.6, f"$a$ = {name}({number(z)}) = {number(a)}", ha="center", va="center")
        ax.set(xlim=(-0.9, 10.2), ylim=(low - 1.0, max(heights[0] + 0.8, 2.4)))
        without_frame(ax)
    return ax.figure


def _arrow(colour: str, weight: float, weights: np.ndarray) -> dict[str, Any]:
    strength = abs(weight) / (np.abs(weights).max() or 1.0)
    return {"arrowstyle": "-|>", "color": colour, "linewidth": 1.0 + 2.5 * strength, "shrinkA": 0, "shrinkB": 0}


def _circle(ax: Any, x: float, y: float, radius: float, text: str, colour: str = INK, size: float = 10.5) -> None:
    from matplotlib.patches import Circle

    ax.add_patch(Circle((x, y), radius, facecolor="white", edgecolor=colour, linewidth=1.6, zorder=3))
    ax.text(x, y, text, ha="center", va="center", fontsize=size, zorder=4)


def _on_line(ax: Any, x: float, y: float, text: str) -> None:
    ax.text(
        x, y, text, ha="center", va="center", bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5}, zorder=5
    )


def plot_layer(x: Any, layer: Any) -> Any:
    """Draw a dense layer as the matrix product it is, with its numbers: X W + b = Z, then A = g(Z).

    Parameters
    ----------
    x : array, shape (examples, features), at most 6 × 8
        One example a row.
    layer : Dense
        Built, with at most 8 units.

    Returns
    -------
    matplotlib Figure
    """
    if getattr(layer, "kernel", None) is None:
        raise ValueError(f"plot_layer draws a built dense layer: received {layer!r}. Call it on inputs first.")
    inputs, kernel = to_host(x).astype(float), layer.kernel.numpy().astype(float)
    if inputs.ndim != 2 or inputs.shape[1] != kernel.shape[0]:
        raise ValueError(
            f"Layer {layer.name!r} takes inputs of shape (examples, {kernel.shape[0]}): received {inputs.shape}."
        )
    if len(inputs) > _MOST_ROWS or max(kernel.shape) > _MOST_COLUMNS:
        raise ValueError(
            f"Matrices of at most {_MOST_ROWS} examples and {_MOST_COLUMNS} features and units can be read: received "
            f"{len(inputs)} examples and a layer of shape {kernel.shape}. Take fewer examples, or a smaller layer."
        )
    bias = layer.bias.numpy().astype(float) if layer.use_bias else np.zeros(kernel.shape[1])
    z = inputs @ kernel + bias
    a = np.asarray(layer.activation(z))
    name = getattr(layer.activation, "__name__", "g")
    upper = [("X", inputs), ("·", None), ("W", kernel), ("+", None), ("b", bias[None, :]), ("=", None), ("Z", z)]
    lower = [(f"A = {name}(Z)", a)]
    with styled():
        figure = new_figure(WIDTH, 0.36 * (max(len(inputs), len(kernel)) + len(inputs)) + 2.2)
        ax = figure.subplots()
        columns = sum(1.25 if part is None else part.shape[1] for _, part in upper)
        right = _draw_row(ax, upper, 0.0, 0.0)
        most = max(len(inputs), len(kernel))
        _draw_row(ax, lower, right - z.shape[1], most / 2 + len(inputs) / 2 + 2.9)
        ax.annotate(
            f"$g$ = {name}",
            (right - z.shape[1] / 2, most / 2 + 1.95),
            (right - z.shape[1] / 2, most / 2 + 0.55),
            ha="center",
            va="center",
            arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 1.5},
        )
        ax.text(0, most / 2 + 1.6, _shapes(inputs, kernel), va="top", color=GREY, linespacing=1.6)
        ax.set(xlim=(-0.3, columns + 0.3), ylim=(most / 2 + len(inputs) + 3.1, -most / 2 - 1.2))
        without_frame(ax, equal=False)
    return figure


def _shapes(inputs: np.ndarray, kernel: np.ndarray) -> str:
    m, n = inputs.shape
    k = kernel.shape[1]
    lines = [f"X: {m} examples × {n} features", f"W: {n} features × {k} units", "b: one for each unit"]
    return "\n".join([*lines, f"Z, A: {m} examples × {k} units"])


def _draw_row(ax: Any, parts: Sequence[tuple[str, np.ndarray | None]], left: float, centre: float) -> float:
    """Draw matrices and the signs between them side by side; return where they end."""
    for title, matrix in parts:
        if matrix is None:
            ax.text(left + 0.625, centre, title, ha="center", va="center", fontsize=16)
            left += 1.25
        else:
            _draw_matrix(ax, title, matrix, left, centre)
            left += matrix.shape[1]
    return left


def _draw_matrix(ax: Any, title: str, matrix: np.ndarray, left: float, centre: float) -> None:
    rows, columns = matrix.shape
    top = centre - rows / 2
    most = np.abs(matrix).max() or 1.0
    # Half the range keeps the colours light enough to read numbers on.
    extent = (left, left + columns, top + rows, top)
    ax.imshow(matrix, cmap=SIGNED, vmin=-2 * most, vmax=2 * most, extent=extent, aspect="auto", zorder=1)
    for i in range(rows):
        for j in range(columns):
            ax.text(left + j + 0.5, top + i + 0.5, number(matrix[i, j]), ha="center", va="center", fontsize=9.5)
    ax.text(left + columns / 2, top - 0.25, title, ha="center", va="bottom", fontsize=12, fontweight="bold")
    ax.plot(
        [left, left, left + columns, left + columns, left], [top, top + rows, top + rows, top, top], color=INK, lw=1
    )
