"""Curves: activations with their slopes, and what training did."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nnarray import activations, autodiff
from nnarray._messages import describe
from nnarray.callbacks import History
from nnarray.plotting._style import BLUE, GREY, ORANGE, WIDTH, film_path, new_figure, styled, write_film


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


class _Curve(NamedTuple):
    """A figure's values, and the epochs, counted from 1, that had them."""

    epochs: np.ndarray
    values: np.ndarray


def _curves(history: Any, name: str) -> dict[str, _Curve]:
    """Return the curves in a History or a dict, for the function `name`."""
    figures = getattr(history, "history", history)
    if not isinstance(figures, Mapping):
        raise TypeError(
            f"{name} takes a History, as fit returns it, or a dict of lists, one value an epoch: received "
            f"{describe(history)}."
        )
    series = {key: _numbers(key, values) for key, values in figures.items()}
    count = max(map(len, series.values()), default=0)
    if not count:
        raise ValueError(f"A history of at least one epoch is needed: received {describe(history)}.")
    epochs = np.asarray(getattr(history, "epoch", range(count)), dtype=int) + 1
    if len(epochs) != count or (np.diff(epochs) <= 0).any():
        epochs = np.arange(1, count + 1)  # one run after another
    curves = {}
    for key, values in series.items():
        if len(values) < count and not isinstance(history, History):
            raise ValueError(
                f"A figure has one value for each epoch: received {len(values)} of {key!r} and {count} epochs of "
                "others. A History knows which epochs had one."
            )
        rows = history.rows_of(key) if len(values) < count else slice(None)
        curves[key] = _Curve(epochs[rows], values)
    return curves


def _numbers(name: str, values: Any) -> np.ndarray:
    try:
        return np.asarray([float(value) for value in values])
    except (TypeError, ValueError):
        raise ValueError(
            f"A figure is a list of numbers, one for each epoch: received {describe(values)} for {name!r}."
        ) from None


def _panels(curves: dict[str, _Curve]) -> list[list[str]]:
    """Return what is drawn in each panel: a figure and its counterpart on the validation data."""
    names = [name for name in curves if not name.startswith("val_") or name[4:] not in curves]
    return [[name, f"val_{name}"] if f"val_{name}" in curves else [name] for name in names]


def plot_history(history: Any) -> Any:
    """Draw loss and metrics over the epochs, those on the validation data dashed.

    Parameters
    ----------
    history : History or dict of str to list of float
        As `fit` returns it, or its `history`.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    TypeError
        If it is something else.
    ValueError
        If there is no epoch, a value is not a number, or the lists of a dict differ in length.

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
    curves = _curves(history, "plot_history")
    with styled():
        figure, panels = _prepare(curves)
        _draw(panels, curves, _epochs(curves)[-1])
        _explain(figure, panels)
    return figure


def film_history(history: Any, path: Any, fps: float = 10) -> Path:
    """Write a GIF in which the curves of `plot_history` grow.

    Parameters
    ----------
    history : History or dict of str to list of float
    path : str or Path
    fps : float
        Epochs per second.

    Returns
    -------
    Path

    Examples
    --------
    >>> import tempfile
    >>> from nnarray import plotting
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     plotting.film_history({"loss": [0.5, 0.25]}, f"{folder}/history.gif").name
    'history.gif'
    """
    curves = _curves(history, "film_history")
    epochs = _epochs(curves)
    target = film_path(path)
    with styled():
        figure, panels = _prepare(curves)
        _draw(panels, curves, epochs[-1])
        _explain(figure, panels)

    def draw(index: int) -> None:
        for ax in panels:
            ax.clear()
        _draw(panels, curves, epochs[index])

    return write_film(figure, draw, len(epochs), target, fps)


def _epochs(curves: dict[str, _Curve]) -> np.ndarray:
    return np.unique(np.concatenate([curve.epochs for curve in curves.values()]))


def _prepare(curves: dict[str, _Curve]) -> tuple[Any, Any]:
    count = len(_panels(curves))
    columns = min(count, 2)
    rows = -(-count // columns)
    figure = new_figure(WIDTH if count > 1 else 6.0, 3.4 * rows)
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for ax in panels[count:]:
        ax.set_visible(False)
    return figure, panels[:count]


def _draw(panels: Any, curves: dict[str, _Curve], last: int) -> None:
    """Draw the curves up to an epoch, in axes that hold all of them."""
    first, end = _epochs(curves)[[0, -1]]
    for ax, names in zip(panels, _panels(curves), strict=True):
        for name in names:
            epochs, values = curves[name]
            shown = np.count_nonzero(epochs <= last)
            style, colour, label = ("--", ORANGE, "validation") if name.startswith("val_") else ("-", BLUE, "training")
            mark = {"marker": "o", "markersize": 4, "markevery": [shown - 1] if shown else []}
            ax.plot(epochs[:shown], values[:shown], style, color=colour, linewidth=2, label=label, **mark)
        ax.set(xlabel="epoch", ylabel=names[0].replace("_", " "))
        ax.set_xlim(first - 0.5, max(end, first + 1) + 0.5)
        ax.xaxis.get_major_locator().set_params(integer=True)
        together = np.concatenate([curves[name].values for name in names])
        finite = together[np.isfinite(together)]
        if finite.size:
            margin = 0.05 * (np.ptp(finite) or 1.0)
            ax.set_ylim(finite.min() - margin, finite.max() + margin)
        ax.grid(color="#e6e6e6", linewidth=0.8)


def _explain(figure: Any, panels: Any) -> None:
    """Put one legend above all panels, where no curve goes."""
    curves = {line.get_label(): line for ax in panels for line in ax.lines if not line.get_label().startswith("_")}
    figure.legend(curves.values(), curves.keys(), loc="outside upper center", ncols=2)
