"""A network as circles and lines."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from nnarray._messages import describe
from nnarray.models import Sequential
from nnarray.plotting._style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    WIDTH,
    axes_or_new,
    draw_arrow,
    styled,
    to_host,
    without_frame,
)

#: A wider layer is drawn with its first and last units and dots between.
MOST_UNITS = 12
#: More letters than these side by side are slanted.
_MOST_LETTERS = 110
_GAP_X = 2.6


class _Column(NamedTuple):
    """One column of units: its size, its captions from top to bottom, and the weights that lead to it."""

    size: int
    captions: list[str]
    kernel: np.ndarray | None


def _columns(model: Any) -> list[_Column]:
    shape = model.input_shape
    image = [] if len(shape) == 2 else ["×".join(map(str, shape[1:]))]
    columns = [_Column(math.prod(shape[1:]), ["input", *image], None)]
    for layer in model.layers:
        shape = layer.compute_output_shape(shape)
        size = math.prod(shape[1:])
        name = type(layer).__name__
        kernel = getattr(layer, "kernel", None)
        activation = getattr(getattr(layer, "activation", None), "__name__", None)
        if kernel is not None:
            captions = [layer.name] if activation in (None, "linear") else [layer.name, activation]
            # A line is one weight only where every unit has a weight for each unit before it.
            whole = kernel.shape == (columns[-1].size, size)
            columns.append(_Column(size, captions, to_host(kernel.value) if whole else None))
        elif size == columns[-1].size:
            detail = {"Activation": activation, "Dropout": f"dropout {getattr(layer, 'rate', 0):g}"}.get(name)
            columns[-1].captions.append(detail or layer.name)
        else:
            columns.append(_Column(size, [layer.name], None))
    return columns


def _places(size: int) -> dict[int, float]:
    """Return the height of each unit that is drawn."""
    if size <= MOST_UNITS:
        shown = list(range(size))
        heights = np.arange(size) - (size - 1) / 2
    else:
        half = MOST_UNITS // 2 - 1
        shown = [*range(half), *range(size - half, size)]
        heights = np.arange(2 * half + 2) - (2 * half + 1) / 2
        heights = np.concatenate([heights[:half], heights[half + 2 :]])
    return {unit: -float(height) for unit, height in zip(shown, heights, strict=True)}


def plot_network(model: Any, ax: Any = None) -> Any:
    """Draw a Sequential: its units as circles, its weights as lines, blue where positive and orange where negative.

    Of a wide layer the first and last units are drawn. Dropout, Activation and Flatten, which change no unit's place,
    are named below the units they act on.

    Parameters
    ----------
    model : Sequential
        Built, so that shapes and weights are known.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    TypeError
        If the model is no Sequential.
    ValueError
        If it has not been built.

    Examples
    --------
    >>> from nnarray import layers, models, plotting
    >>> model = models.Sequential([layers.Dense(3, "relu", input_dim=2), layers.Dense(1)])
    >>> len(plotting.plot_network(model).axes[0].collections)
    3
    """
    if not isinstance(model, Sequential):
        raise TypeError(f"plot_network draws a Sequential: received {describe(model)}. Print its summary() instead.")
    if not model.built:
        raise ValueError(f"Model {model.name!r} has not been built: its weights are not known. Call it on data first.")
    columns = _columns(model)
    places = [_places(column.size) for column in columns]
    tallest = max(len(place) + (column.size > MOST_UNITS) * 2 for column, place in zip(columns, places, strict=True))
    longest = max(len(caption) for column in columns for caption in column.captions)
    slant = 35 if longest * len(columns) > _MOST_LETTERS else 0
    margin = 0.075 * longest if slant else 0.4 * (max(len(column.captions) for column in columns) - 2)
    with styled():
        ax = axes_or_new(ax, WIDTH, 0.42 * (tallest + margin) + 1.9)
        for place, column in enumerate(columns):
            if column.kernel is not None:
                _draw_weights(ax, place, column.kernel, places[place - 1], places[place])
            elif place:
                draw_arrow(ax, ((place - 0.75) * _GAP_X, 0), ((place - 0.25) * _GAP_X, 0), GREY)
            _draw_units(ax, place, column, places[place], tallest, slant)
        half = tallest / 2
        ax.set(xlim=(-1.3, (len(columns) - 1) * _GAP_X + 1.3), ylim=(-half - 1.9 - margin, half + 0.4))
        without_frame(ax, equal=False)
        if any(column.kernel is not None for column in columns):
            ax.plot([], [], color=BLUE, linewidth=2.5, label="positive weight")
            ax.plot([], [], color=ORANGE, linewidth=2.5, label="negative weight")
            ax.legend(loc="upper center", bbox_to_anchor=(0.5, 1.08), ncols=2)
    return ax.figure


def _draw_weights(ax: Any, place: int, kernel: np.ndarray, before: dict[int, float], after: dict[int, float]) -> None:
    most = np.abs(kernel).max() or 1.0
    for i, low in before.items():
        for j, high in after.items():
            strength = abs(kernel[i, j]) / most
            ax.plot(
                [(place - 1) * _GAP_X, place * _GAP_X],
                [low, high],
                color=BLUE if kernel[i, j] > 0 else ORANGE,
                linewidth=0.3 + 2.2 * strength,
                alpha=0.15 + 0.75 * strength,
                zorder=1,
            )


def _draw_units(ax: Any, place: int, column: _Column, heights: dict[int, float], tallest: float, slant: int) -> None:
    x = place * _GAP_X
    ax.scatter([x] * len(heights), list(heights.values()), s=230, color="white", edgecolor=INK, linewidth=1.3, zorder=2)
    if column.size > MOST_UNITS:
        ax.text(x, 0, "⋮", ha="center", va="center", fontsize=18, color=INK)
    units = f"{column.size} unit" + "s" * (column.size != 1)
    ax.text(x, -tallest / 2 - 0.35, units, ha="center", va="top", fontsize=11, color=INK)
    turned = {"ha": "right", "rotation": slant, "rotation_mode": "anchor"} if slant else {"ha": "center"}
    captions = "\n".join(column.captions)
    ax.text(x, -tallest / 2 - 0.95, captions, va="top", fontsize=10, color=GREY, **turned)
