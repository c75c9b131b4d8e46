"""Curves: activations with their slopes, and what training did."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnarray import activations, autodiff
from nnarray.plotting._style import BLUE, CLASSES, GREY, ORANGE, WIDTH, new_figure, styled, write_film


def plot_activations(names: Sequence[Any] = ("sigmoid", "tanh", "relu", "leaky_relu"), reach: float = 4.0) -> Any:
    """Draw activation functions with their slopes, which are taken by `nnarray.grad`.

    Parameters
    ----------
    names : sequence of str or callable
        Elementwise activations.
    reach : float
        How far the axis goes to both sides.

    Returns
    -------
    matplotlib Figure
    """
    if not names:
        raise ValueError(f"At least one activation is needed: received names={names!r}.")
    columns = min(len(names), 4)
    rows = -(-len(names) // columns)
    z = np.linspace(-reach, reach, 401)
    with styled():
        figure = new_figure(WIDTH, 2.9 * rows + 0.3)
        panels = figure.subplots(rows, columns, sharex=True, squeeze=False)
        for ax, name in zip(panels.flat, names, strict=False):
            g = activations.get(name)
            slope = autodiff.grad(lambda z, g=g: z.__array_namespace__().sum(g(z)))(z)
            ax.axhline(0, color=GREY, linewidth=0.6)
            ax.axvline(0, color=GREY, linewidth=0.6)
            ax.plot(z, g(z), color=BLUE, linewidth=2.2, label="$g(z)$")
            ax.plot(z, slope, color=ORANGE, linewidth=1.8, linestyle="--", label="slope $g'(z)$")
            ax.set_title(getattr(g, "__name__", "g").replace("_", " "))
            ax.set_ylim(min(-0.3, 1.1 * g(z).min()), max(1.2, min(1.08 * g(z).max(), reach)))
        for ax in panels.flat[len(names) :]:
            ax.set_visible(False)
        for ax in panels[-1]:
            ax.set_xlabel("$z$")
        figure.legend(*panels.flat[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def _series(history: Any) -> tuple[np.ndarray, dict[str, list[float]]]:
    epochs = np.asarray(getattr(history, "epoch", []), dtype=int) + 1
    figures = getattr(history, "history", None)
    if not figures or not len(epochs):
        raise ValueError(f"A History of at least one epoch is needed, as fit returns it: received {history!r}.")
    return epochs, figures


def _panels(figures: dict[str, list[float]]) -> list[list[str]]:
    """Return what is drawn in each panel: a figure and its counterpart on the validation data."""
    names = [name for name in figures if not name.startswith("val_")]
    return [[name, f"val_{name}"] if f"val_{name}" in figures else [name] for name in names]


def plot_history(history: Any) -> Any:
    """Draw loss and metrics over the epochs, those on the validation data dashed.

    Parameters
    ----------
    history : History
        As `fit` returns it.

    Returns
    -------
    matplotlib Figure
    """
    epochs, figures = _series(history)
    with styled():
        figure, panels = _prepare(figures)
        _draw(panels, epochs, figures, len(epochs))
    return figure


def film_history(history: Any, path: Any, fps: float = 10) -> Path:
    """Write a GIF in which the curves of `plot_history` grow.

    Parameters
    ----------
    history : History
    path : str or Path
    fps : float
        Epochs per second.

    Returns
    -------
    Path
    """
    epochs, figures = _series(history)
    with styled():
        figure, panels = _prepare(figures)

    def draw(index: int) -> None:
        for ax in panels:
            ax.clear()
        _draw(panels, epochs, figures, index + 1)

    return write_film(figure, draw, len(epochs), path, fps)


def _prepare(figures: dict[str, list[float]]) -> tuple[Any, Any]:
    count = len(_panels(figures))
    columns = min(count, 2)
    rows = -(-count // columns)
    figure = new_figure(WIDTH if count > 1 else 6.0, 3.4 * rows)
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for ax in panels[count:]:
        ax.set_visible(False)
    return figure, panels[:count]


def _draw(panels: Any, epochs: np.ndarray, figures: dict[str, list[float]], shown: int) -> None:
    for ax, names in zip(panels, _panels(figures), strict=True):
        for name, style, colour in zip(names, ("-", "--"), CLASSES, strict=False):
            label = "validation" if name.startswith("val_") else "training"
            ax.plot(epochs[:shown], figures[name][:shown], style, color=colour, linewidth=2, label=label)
        together = np.concatenate([figures[name] for name in names])
        margin = 0.05 * (np.ptp(together) or 1.0)
        ax.set(xlabel="epoch", ylabel=names[0].replace("_", " "))
        ax.set_xlim(epochs[0] - 0.5, max(epochs[-1], epochs[0] + 1) + 0.5)
        ax.set_ylim(together.min() - margin, together.max() + margin)
        ax.grid(color="#e6e6e6", linewidth=0.8)
        ax.legend(loc="best" if shown == len(epochs) else "upper right")
