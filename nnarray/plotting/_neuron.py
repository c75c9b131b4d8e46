"""One neuron, with real numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnarray import activations
from nnarray.plotting._style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    WIDTH,
    axes_or_new,
    draw_arrow,
    number,
    styled,
    to_host,
    without_frame,
)

_MOST_INPUTS, _TERMS_A_LINE = 6, 4
_LEFT, _RIGHT, _SPACING = -0.8, 10.3, 1.5
_SUM, _ACTIVATION = (4.2, 0.78), (7.5, 0.72)  # place and radius of the two large circles


def plot_neuron(inputs: Any, weights: Any, bias: Any = 0.0, activation: Any = "sigmoid", ax: Any = None) -> Any:
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

    Raises
    ------
    ValueError
        If there are not as many weights as inputs, or too many to read.

    Examples
    --------
    >>> from nnarray import plotting
    >>> figure = plotting.plot_neuron(inputs=[0.5, -1.0], weights=[2.0, 0.5], bias=0.25, activation="relu")
    >>> figure.axes[0].texts[-1].get_text()
    '$a$ = relu(0.75) = 0.75'
    """
    x, w = to_host(inputs).astype(float), to_host(weights).astype(float)
    if x.ndim != 1 or x.shape != w.shape or not 1 <= len(x) <= _MOST_INPUTS:
        raise ValueError(
            f"A neuron takes as many weights as inputs, 1 to {_MOST_INPUTS}: received inputs of shape {x.shape} and "
            f"weights of shape {w.shape}."
        )
    b = float(to_host(bias).item())
    g = activations.get(activation)
    z = float(w @ x + b)
    a = float(g(np.asarray(z)))
    name = getattr(g, "__name__", "g")
    formula = _formula(w, x, b, z)
    heights = _SPACING * ((len(x) - 1) / 2 - np.arange(len(x)))
    top, low = max(heights[0] + 0.8, 2.3), min(heights[-1] - 0.6, -0.8)
    bottom = low - 0.35 * formula.count("\n") - 1.3
    with styled():
        # As many inches to a unit as the width gives, so that texts keep their size against the circles.
        ax = axes_or_new(ax, WIDTH, (top - bottom) * WIDTH / (_RIGHT - _LEFT))
        for i, height in enumerate(heights):
            _draw_input(ax, height, f"$x_{{{i + 1}}}$\n{number(x[i])}")
            _draw_weight(ax, height, w[i], f"$w_{{{i + 1}}}$ = {number(w[i])}", np.abs(w).max())
        (middle, radius), (second, second_radius) = _SUM, _ACTIVATION
        _circle(ax, middle, 0, radius, "$\\Sigma$", size=20)
        _arrow(ax, (middle, 1.65), (middle, radius), GREY)
        ax.text(middle, 1.72, f"$b$ = {number(b)}", ha="center", va="bottom")
        for start, end, text in (
            (middle + radius, second - second_radius, f"$z$ = {number(z)}"),
            (second + second_radius, 10.2, f"$a$ = {number(a)}"),
        ):
            _arrow(ax, (start, 0), (end, 0), INK)
            ax.text((start + end) / 2 - 0.08, 0.12, text, ha="center", va="bottom")
        _circle(ax, second, 0, second_radius, f"$g$\n{name}", colour=GREEN)
        centre = (_LEFT + _RIGHT) / 2
        ax.text(centre, low - 0.3, formula, ha="center", va="top", linespacing=1.5)
        ax.text(centre, bottom + 0.2, f"$a$ = {name}({number(z)}) = {number(a)}", ha="center", va="bottom")
        ax.set(xlim=(_LEFT, _RIGHT), ylim=(bottom, top))
        without_frame(ax)
    return ax.figure


def _formula(w: np.ndarray, x: np.ndarray, b: float, z: float) -> str:
    terms = [f"({number(wi)})({number(xi)})" for wi, xi in zip(w, x, strict=True)]
    lines = [" + ".join(terms[i : i + _TERMS_A_LINE]) for i in range(0, len(terms), _TERMS_A_LINE)]
    total = "\n+ ".join(lines)
    return f"$z$ = {total} + ({number(b)}) = {number(z)}"


def _draw_input(ax: Any, height: float, text: str) -> None:
    _circle(ax, 0, height, 0.58, text)


def _draw_weight(ax: Any, height: float, weight: float, text: str, most: float) -> None:
    """Draw an arrow from an input to the sum, as thick as the weight is large, its text along it."""
    place, radius = _SUM
    angle = np.arctan2(-height, place)
    direction = np.asarray([np.cos(angle), np.sin(angle)])
    start = np.asarray([0.0, height]) + 0.58 * direction
    end = np.asarray([place, 0.0]) - radius * direction
    width = 1.0 + 2.5 * abs(weight) / (most or 1.0)
    _arrow(ax, tuple(start), tuple(end), BLUE if weight >= 0 else ORANGE, width)
    x, y = start + 0.45 * (end - start) + 0.1 * np.asarray([-direction[1], direction[0]])
    along = {"rotation": np.degrees(angle), "rotation_mode": "anchor", "transform_rotates_text": True}
    ax.text(x, y, text, ha="center", va="bottom", zorder=5, **along)


def _arrow(ax: Any, start: Any, end: Any, colour: str, width: float = 1.5) -> None:
    draw_arrow(ax, start, end, colour, width, shrinkA=0, shrinkB=1, mutation_scale=12 + 1.5 * width)


def _circle(ax: Any, x: float, y: float, radius: float, text: str, colour: str = INK, size: float = 10.5) -> None:
    from matplotlib.patches import Circle

    ax.add_patch(Circle((x, y), radius, facecolor="white", edgecolor=colour, linewidth=1.6, zorder=3))
    ax.text(x, y, text, ha="center", va="center", fontsize=size, zorder=4)
