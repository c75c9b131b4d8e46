"""Points of several classes, and the regions a model gives to them."""

from __future__ import annotations

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
    film_path,
    new_figure,
    number,
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

    Raises
    ------
    ValueError
        If the points are not in the plane, or the classes are not whole numbers.

    Examples
    --------
    >>> from nnarray import datasets, plotting
    >>> figure = plotting.plot_data(*datasets.make_moons(100, random_state=0))
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    ['class 0', 'class 1']
    """
    points, labels = check_points(x, y)
    with styled():
        ax = axes_or_new(ax, 6.0, 5.6)
        for label in np.unique(labels):
            chosen = points[labels == label]
            ax.scatter(
                *chosen.T,
                s=22,
                color=CLASSES[label % len(CLASSES)],
                marker=MARKERS[label % len(MARKERS)],
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
        """Return the model's probabilities over the raster: of class 1, or of each class along the last axis."""
        outputs = to_host(model.predict(self.points, batch_size=len(self.points), verbose=0))
        if outputs.min() < 0 or outputs.max() > 1:
            raise ValueError(
                f"Boundaries are drawn from probabilities: received outputs from {number(outputs.min())} to "
                f"{number(outputs.max())}. End the model in sigmoid or softmax."
            )
        return outputs.reshape(len(self.y), len(self.x), -1)

    def draw(self, ax: Any, outputs: np.ndarray) -> Any:
        """Colour the regions and draw the lines between them; return what tells probabilities, if one class does."""
        if outputs.shape[-1] == 1:
            self._draw_line(ax, outputs[..., 0] - 0.5)
            levels = np.linspace(0, 1, 21)
            return ax.contourf(self.x, self.y, outputs[..., 0], levels=levels, cmap=BETWEEN, zorder=1)
        for label in range(outputs.shape[-1]):
            lead = outputs[..., label] - np.delete(outputs, label, axis=-1).max(axis=-1)
            if lead.max() > 0:
                colour = CLASSES[label % len(CLASSES)]
                ax.contourf(self.x, self.y, lead, levels=[0, 2], colors=[colour], alpha=0.35, zorder=1)
                self._draw_line(ax, lead)
        return None

    def _draw_line(self, ax: Any, lead: np.ndarray) -> None:
        """Draw where a class takes the lead, if it is in sight."""
        if lead.min() < 0 < lead.max():
            ax.contour(self.x, self.y, lead, levels=[0], colors=INK, linewidths=1.4, zorder=3)


def plot_boundary(model: Any, x: Any, y: Any, ax: Any = None, title: str = "", resolution: int = 200) -> Any:
    """Draw what a model makes of the plane: the probability of class 1, or with more outputs the class in the lead.

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

    Raises
    ------
    ValueError
        If the points are not in the plane, the classes are not whole numbers, or the outputs are not probabilities.

    Examples
    --------
    >>> from nnarray import datasets, layers, models, plotting
    >>> x, y = datasets.make_circles()
    >>> model = models.Sequential([layers.Dense(1, "sigmoid", input_dim=2)])
    >>> len(plotting.plot_boundary(model, x, y, resolution=20).axes)
    2
    """
    points, _ = check_points(x, y)
    grid = _Grid(points, resolution)
    outputs = grid.outputs(model)
    with styled():
        # "compressed" keeps the colour bar as tall as axes whose units are equal.
        ax = new_figure(6.8, 5.6, "compressed").subplots() if ax is None else ax
        regions = grid.draw(ax, outputs)
        plot_data(x, y, ax, title)
        if regions is not None:
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

    Raises
    ------
    ValueError, FileNotFoundError
        At once if the film could not be written or the points not drawn; when training begins, if the model's outputs
        are not probabilities.

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
        self.path = film_path(path)
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
