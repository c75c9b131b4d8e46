"""One layer as a matrix product, with real numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnarray.plotting._style import (
    GREY,
    INK,
    SIGNED,
    WIDTH,
    axes_or_new,
    draw_arrow,
    number,
    styled,
    to_host,
    without_frame,
)

_MOST_ROWS, _MOST_COLUMNS = 6, 18
_LEAST_COLUMNS = 13  # keeps the cells of a small layer from growing
_SIGN, _ARROW, _CELL = 0.8, 2.6, 0.36  # widths in cells; height of a cell in inches


def plot_layer(x: Any, layer: Any, ax: Any = None) -> Any:
    """Draw a dense layer as the matrix product it is, with its numbers: X · W + b = Z, then A = g(Z).

    Parameters
    ----------
    x : array, shape (examples, features), at most 6 examples
        One example a row.
    layer : Dense
        Built; its features and twice its units make at most 18.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        If the layer is not built, does not fit the inputs, or is too large to read.

    Examples
    --------
    >>> from nnarray import layers, plotting
    >>> layer = layers.Dense(2, "relu", kernel_initializer="ones")
    >>> layer.build((None, 2))
    >>> figure = plotting.plot_layer([[1.0, 2.0]], layer)
    >>> [text.get_text() for text in figure.axes[0].texts][-2:]
    ['3.00', '3.00']
    """
    inputs, kernel = _check(x, layer)
    bias = to_host(layer.bias.value).astype(float) if layer.use_bias else np.zeros(kernel.shape[1])
    z = inputs @ kernel + bias
    a = to_host(layer.activation(z))
    name = getattr(layer.activation, "__name__", "g")
    tall, columns = max(len(inputs), len(kernel)), inputs.shape[1] + 2 * kernel.shape[1] + 2 * _SIGN
    below = tall + 2.4
    with styled():
        ax = axes_or_new(ax, WIDTH, _CELL * (below + len(inputs) + 3.0))
        left = (max(columns, _LEAST_COLUMNS) - columns) / 2
        note = "Rows of X, Z and A are examples; columns of W, b, Z and A are units. b is added to every row."
        ax.text(max(columns, _LEAST_COLUMNS) / 2, below + len(inputs) + 0.9, note, ha="center", va="top", color=GREY)
        ax.text(left - 0.2, below + len(inputs) / 2, "=", ha="right", va="center", fontsize=16)
        right = _draw_matrix(ax, "X", inputs, left, tall / 2)
        right = _draw_matrix(ax, "W", kernel, _draw_sign(ax, "·", right, tall / 2), tall / 2)
        _draw_matrix(ax, "b", bias[None, :], _draw_sign(ax, "+", right, tall / 2), tall / 2)
        right = _draw_matrix(ax, "Z", z, left, below + len(inputs) / 2)
        _draw_activation(ax, f"$g$ = {name}", right, below + len(inputs) / 2)
        _draw_matrix(ax, f"A = {name}(Z)", a, right + _ARROW, below + len(inputs) / 2)
        ax.set(xlim=(min(left - 0.7, -0.1), max(columns, _LEAST_COLUMNS) + 0.1), ylim=(below + len(inputs) + 1.7, -1.2))
        without_frame(ax, equal=False)
    return ax.figure


def _check(x: Any, layer: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs and kernel that fit each other and the page."""
    if getattr(layer, "kernel", None) is None:
        raise ValueError(f"plot_layer draws a built dense layer: received {layer!r}. Call it on inputs first.")
    inputs, kernel = to_host(x).astype(float), to_host(layer.kernel.value).astype(float)
    if inputs.ndim != 2 or inputs.shape[1] != kernel.shape[0]:
        raise ValueError(
            f"Layer {layer.name!r} takes inputs of shape (examples, {kernel.shape[0]}): received {inputs.shape}."
        )
    features, units = kernel.shape
    if len(inputs) > _MOST_ROWS or features + 2 * units > _MOST_COLUMNS:
        raise ValueError(
            f"Numbers can be read of at most {_MOST_ROWS} examples, where features + 2 × units make at most "
            f"{_MOST_COLUMNS}: received {len(inputs)} examples, {features} features and {units} units. Take fewer "
            "examples, or a smaller layer."
        )
    return inputs, kernel


def _draw_sign(ax: Any, sign: str, left: float, centre: float) -> float:
    ax.text(left + _SIGN / 2, centre, sign, ha="center", va="center", fontsize=16)
    return left + _SIGN


def _draw_activation(ax: Any, text: str, left: float, centre: float) -> None:
    draw_arrow(ax, (left + 0.25, centre), (left + _ARROW - 0.25, centre))
    ax.text(left + _ARROW / 2, centre - 0.2, text, ha="center", va="bottom")


def _draw_matrix(ax: Any, title: str, matrix: np.ndarray, left: float, centre: float) -> float:
    """Draw a matrix of coloured cells; return where it ends."""
    rows, columns = matrix.shape
    top, right = centre - rows / 2, left + columns
    most = np.abs(matrix).max() or 1.0
    # Half the range keeps the colours light enough to read numbers on.
    extent = (left, right, top + rows, top)
    ax.imshow(matrix, cmap=SIGNED, vmin=-2 * most, vmax=2 * most, extent=extent, aspect="auto", zorder=1)
    ax.vlines(left + np.arange(1, columns), top, top + rows, color="white", linewidth=1, zorder=2)
    ax.hlines(top + np.arange(1, rows), left, right, color="white", linewidth=1, zorder=2)
    ax.plot([left, left, right, right, left], [top, top + rows, top + rows, top, top], color=INK, linewidth=1)
    ax.text(left + columns / 2, top - 0.25, title, ha="center", va="bottom", fontsize=12, fontweight="bold")
    ax.text(left + columns / 2, top + rows + 0.12, f"{rows} × {columns}", ha="center", va="top", fontsize=9, color=GREY)
    for i in range(rows):
        for j in range(columns):
            ax.text(left + j + 0.5, top + i + 0.5, number(matrix[i, j]), ha="center", va="center", fontsize=9)
    return right
