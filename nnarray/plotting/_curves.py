"""Curves: activations with their slopes, and what training did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nnarray import activations, autodiff
from nnarray.plotting._style import BLUE, CLASSES, GREY, ORANGE, WIDTH, film_path, new_figure, styled, write_film


def plot_activations(names: Any = ("sigmoid", "tanh", "relu", "leaky_relu"), reach: float = 4.0) -> Any:
    """Draw activation functions with their slopes, which are taken by `nnarray.grad`.

    Parameters
    ----------
    names : str, callable, or sequence of them
        Elementwise activations.
    reach : float
        How far the axis goes to both sides.

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> from nnarray import plotting
    >>> figure = plotting.plot_activations(["tanh", "relu"])
    >>> [ax.get_title() for ax in figure.axes]
    ['tanh', 'relu']
    """
    names = [names] if isinstance(names, str) or callable(names) else list(names)
    if not names:
        raise ValueError(f"At least one activation is needed: received names={names!r}.")
    rows = -(-len(names) // 4)
    columns = -(-len(names) // rows)
    z = np.linspace(-reach, reach, 401)
    with styled():
        figure = new_figure(WIDTH, 2.9 * rows + 0.3)
        panels = figure.subplots(rows, columns, squeeze=False)
        for ax, name in zip(panels.flat, names, strict=False):
            g = activations.get(name)
            slope = autodiff.grad(lambda z, g=g: z.__array_namespace__().sum(g(z)))(z)
            ax.axhline(0, color=GREY, linewidth=0.6)
            ax.axvline(0, color=GREY, linewidth=0.6)
            ax.plot(z, g(z), color=BLUE, linewidth=2.2, label="$g(z)$")
            ax.plot(z, slope, color=ORANGE, linewidth=1.8, linestyle="--", label="slope $g'(z)$")
            ax.set_title(getattr(g, "__name__", "g").replace("_", " "))
            low, high = min(g(z).min(), slope.min()), max(g(z).max(), slope.max())
            margin = 0.06 * ((high - low) or 1.0)
            ax.set(xlabel="$z$", xticks=np.linspace(-reach, reach, 5), ylim=(low - margin, high + margin))
        for ax in panels.flat[len(names) :]:
            ax.set_visible(False)
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

    Raises
    ------
    ValueError
        If the History holds no epoch.

    Examples
    --------
    >>> import numpy as np
    >>> from nnarray import layers, models, plotting
    >>> model = models.Sequential([layers.Dense(1, input_dim=2)])
    >>> model.compile("sgd", "mean_squared_error")
    >>> history = model.fit(np.ones((8, 2)), np.ones(8), epochs=3, verbose=0)
    >>> [ax.get_ylabel() for ax in plotting.plot_history(history).axes]
    ['loss']
    """
    epochs, figures = _series(history)
    with styled():
        figure, panels = _prepare(figures)
        _draw(panels, epochs, figures, len(epochs))
        _explain(figure, panels)
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
    target = film_path(path)
    with styled():
        figure, panels = _prepare(figures)
        _draw(panels, epochs, figures, len(epochs))
        _explain(figure, panels)

    def draw(index: int) -> None:
        for ax in panels:
            ax.clear()
        _draw(panels, epochs, figures, index + 1)

    return write_film(figure, draw, len(epochs), target, fps)


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
            end = {"marker": "o", "markersize": 4, "markevery": [shown - 1]}
            ax.plot(epochs[:shown], figures[name][:shown], style, color=colour, linewidth=2, label=label, **end)
        ax.set(xlabel="epoch", ylabel=names[0].replace("_", " "))
        ax.set_xlim(epochs[0] - 0.5, max(epochs[-1], epochs[0] + 1) + 0.5)
        ax.xaxis.get_major_locator().set_params(integer=True)
        together = np.concatenate([figures[name] for name in names])
        finite = together[np.isfinite(together)]
        if finite.size:
            margin = 0.05 * (np.ptp(finite) or 1.0)
            ax.set_ylim(finite.min() - margin, finite.max() + margin)
        ax.grid(color="#e6e6e6", linewidth=0.8)


def _explain(figure: Any, panels: Any) -> None:
    """Put one legend above all panels, where no curve goes."""
    curves = {line.get_label(): line for ax in panels for line in ax.lines if not line.get_label().startswith("_")}
    figure.legend(curves.values(), curves.keys(), loc="outside upper center", ncols=2)
