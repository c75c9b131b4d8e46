"""Points of several classes, and the regions a model gives to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nnarray.callbacks import Callback
from nnarray.plotting._style import (
    BETWEEN,
    CLASSES,
    INK,
    MARKERS,
    axes_or_new,
    check_points,
    new_figure,
    styled,
    to_host,
    write_film,
)


def plot_data(x: Any, y: Any, ax: Any = None, title: str = "") -> Any:
    """Draw points of two or more classes.

    Parameters
    ----------
    x : array, shape (n, 2)
    y : array, shape (n,) or (n, 1)
        Integer classes.
    ax : matplotlib Axes, optional
    title : str

    Returns
    -------
    matplotlib Figure
    """
    points, labels = check_points(x, y)
    with styled():
        ax = axes_or_new(ax, 6.0, 5.6)
        for place, label in enumerate(np.unique(labels)):
            chosen = points[labels == label]
            ax.scatter(
                *chosen.T,
                s=22,
                color=CLASSES[place % len(CLASSES)],
                marker=MARKERS[place % len(MARKERS)],
                edgecolor="white",
                linewidth=0.4,
                label=f"class {label}",
                zorder=2,
            )
        ax.set(xlabel="$x_1$", ylabel="$x_2$", title=title, aspect="equal")
        ax.legend(loc="upper right", frameon=True, framealpha=0.9, edgecolor="none")
    return ax.figure


class _Grid:
    """A raster over the plane around some points."""

    def __init__(self, points: np.ndarray, resolution: int) -> None:
        margin = 0.12 * np.ptp(points, axis=0).max() + 1e-9
        (left, bottom), (right, top) = points.min(axis=0) - margin, points.max(axis=0) + margin
        self.x, self.y = np.linspace(left, right, resolution), np.linspace(bottom, top, resolution)
        self.points = np.stack(np.meshgrid(self.x, self.y), axis=-1).reshape(-1, 2)

    def outputs(self, model: Any) -> np.ndarray:
        """Return the model's probability of class 1, or its most probable class, over the raster."""
        outputs = to_host(model.predict(self.points, batch_size=len(self.points), verbose=0))
        outputs = outputs[:, 0] if outputs.shape[1] == 1 else outputs.argmax(axis=1)
        return outputs.reshape(len(self.y), len(self.x))

    def draw(self, ax: Any, outputs: np.ndarray) -> Any:
        """Colour the regions; return what was coloured."""
        if outputs.dtype.kind == "f":
            ax.contour(self.x, self.y, outputs, levels=[0.5], colors=INK, linewidths=1.4, zorder=3)
            return ax.contourf(self.x, self.y, outputs, levels=np.linspace(0, 1, 21), cmap=BETWEEN, zorder=1)
        from matplotlib.colors import ListedColormap

        classes = int(outputs.max()) + 1
        colours = ListedColormap([CLASSES[i % len(CLASSES)] for i in range(classes)])
        limits = {"vmin": -0.5, "vmax": classes - 0.5}
        return ax.pcolormesh(self.x, self.y, outputs, cmap=colours, alpha=0.35, zorder=1, edgecolors="none", **limits)


def plot_boundary(model: Any, x: Any, y: Any, ax: Any = None, title: str = "", resolution: int = 150) -> Any:
    """Draw what a model makes of the plane: the probability of class 1, or with more outputs the class it gives.

    Parameters
    ----------
    model : Model
        Takes inputs of shape (n, 2) and ends in probabilities.
    x : array, shape (n, 2)
    y : array, shape (n,) or (n, 1)
        Integer classes.
    ax : matplotlib Axes, optional
    title : str
    resolution : int
        Points of the raster along each axis.

    Returns
    -------
    matplotlib Figure
    """
    points, _ = check_points(x, y)
    grid = _Grid(points, resolution)
    outputs = grid.outputs(model)
    with styled():
        ax = axes_or_new(ax, 6.6, 5.6)
        regions = grid.draw(ax, outputs)
        plot_data(x, y, ax, title)
        if outputs.dtype.kind == "f":
            bar = ax.figure.colorbar(regions, ax=ax, ticks=[0, 0.25, 0.5, 0.75, 1])
            bar.set_label("predicted probability of class 1")
    return ax.figure


class BoundaryFilm(Callback):
    """A callback that films the decision boundary while a model trains.

    Parameters
    ----------
    path : str or Path
        The GIF to write when training ends.
    x : array, shape (n, 2)
    y : array, shape (n,) or (n, 1)
    every : int
        Epochs between two frames.
    fps : float
        Frames per second.
    resolution : int
        Points of the raster along each axis.

    Examples
    --------
    >>> from nnarray import datasets, plotting
    >>> film = plotting.BoundaryFilm("boundary.gif", *datasets.make_circles())
    >>> film.frames
    []
    """

    def __init__(self, path: Any, x: Any, y: Any, every: int = 1, fps: float = 8, resolution: int = 90) -> None:
        super().__init__()
        if every < 1:
            raise ValueError(f"every, a number of epochs, must be at least 1: received every={every!r}.")
        self.path = Path(path)
        self.points, self.labels = check_points(x, y)
        self.every = every
        self.fps = fps
        self.frames: list[tuple[int, np.ndarray, dict[str, float]]] = []
        self._grid = _Grid(self.points, resolution)

    def on_train_begin(self, logs: Any = None) -> None:
        self.frames = [(0, self._grid.outputs(self.model), {})]

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if (epoch + 1) % self.every == 0:
            self.frames.append((epoch + 1, self._grid.outputs(self.model), dict(logs or {})))

    def on_train_end(self, logs: Any = None) -> None:
        with styled():
            figure = new_figure(5.4, 5.4)
            ax = figure.subplots()
        write_film(figure, lambda index: self._draw(ax, index), len(self.frames), self.path, self.fps)

    def _draw(self, ax: Any, index: int) -> None:
        epoch, outputs, logs = self.frames[index]
        ax.clear()
        self._grid.draw(ax, outputs)
        shown = [f"{name} {logs[name]:.2f}" for name in ("loss", "accuracy") if name in logs]
        plot_data(self.points, self.labels, ax, " · ".join([f"epoch {epoch}", *shown]))
