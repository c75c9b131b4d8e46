"""Gradient descent on a surface of two variables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnarray import autodiff
from nnarray.plotting._style import INK, ORANGE, WIDTH, new_figure, number, styled, to_host, write_film


def descend(function: Callable[[Any], Any], start: Sequence[float], learning_rate: float, steps: int) -> np.ndarray:
    """Return the points that gradient descent visits, shape (steps + 1, 2), and the values there as a third column."""
    point = to_host(start).astype(float)
    if point.shape != (2,):
        raise ValueError(f"start must be a point of two coordinates: received start={start!r}.")
    if steps < 1:
        raise ValueError(f"steps must be at least 1: received steps={steps!r}.")
    slope = autodiff.value_and_grad(function)
    path = []
    for _ in range(steps + 1):
        value, gradient = slope(point)
        path.append((*point, float(value)))
        point = point - learning_rate * gradient
    found = np.asarray(path)
    if not np.isfinite(found).all():
        raise ValueError(
            f"Descent left the finite numbers: learning_rate={learning_rate!r} is too large for this surface. Lower it."
        )
    return found


class _Scene:
    """A surface seen from above and from the side, with a path on it."""

    def __init__(self, function: Callable[[Any], Any], path: np.ndarray, extent: Any) -> None:
        if extent is None:
            middle = (path[:, :2].min(axis=0) + path[:, :2].max(axis=0)) / 2
            half = 0.75 * max(np.ptp(path[:, :2], axis=0).max(), 1e-6)
            extent = (middle[0] - half, middle[0] + half, middle[1] - half, middle[1] + half)
        left, right, bottom, top = extent
        u, v = np.linspace(left, right, 61), np.linspace(bottom, top, 61)
        heights = np.asarray([[float(function(np.asarray([a, b]))) for a in u] for b in v])
        self.path = path
        self.figure = new_figure(WIDTH, 4.3)
        grid = self.figure.add_gridspec(1, 2, width_ratios=(1, 1.15))
        self._above = self.figure.add_subplot(grid[0])
        self._side = self.figure.add_subplot(grid[1], projection="3d", computed_zorder=False)
        self._above.contourf(u, v, heights, levels=24, cmap="viridis", alpha=0.85)
        self._above.contour(u, v, heights, levels=24, colors="white", linewidths=0.4)
        self._above.set(xlabel="$w_1$", ylabel="$w_2$", aspect="equal", xlim=extent[:2], ylim=extent[2:])
        self._side.plot_surface(*np.meshgrid(u, v), heights, cmap="viridis", alpha=0.75, linewidth=0, zorder=1)
        self._side.set(xlabel="$w_1$", ylabel="$w_2$", zlabel="$J$")
        self._side.view_init(elev=42, azim=-125)
        self._side.set_box_aspect(None, zoom=0.85)
        self._side.locator_params(nbins=5)
        self._lines = [
            self._above.plot([], [], "-o", color=ORANGE, markersize=4, linewidth=1.8, markeredgecolor="white", mew=0.5)[
                0
            ],
            self._side.plot([], [], [], "-o", color=ORANGE, markersize=3.5, linewidth=1.8, zorder=5)[0],
        ]
        self._above.plot(*path[0, :2], marker="s", color=INK, markersize=7, linestyle="none", label="start")
        self._above.legend(loc="upper right", frameon=True, framealpha=0.9, edgecolor="none")

    def show(self, steps: int) -> None:
        """Draw the path up to a step."""
        part = self.path[: steps + 1]
        self._lines[0].set_data(part[:, 0], part[:, 1])
        self._lines[1].set_data_3d(part[:, 0], part[:, 1], part[:, 2])
        self._above.set_title(f"after {steps} steps: $J$ = {number(part[-1, 2])}")


def plot_descent(
    function: Callable[[Any], Any],
    start: Sequence[float],
    learning_rate: float = 0.1,
    steps: int = 30,
    extent: tuple[float, float, float, float] | None = None,
) -> Any:
    """Draw gradient descent walking down a surface, from above and from the side.

    Parameters
    ----------
    function : callable
        Array-API code that takes an array of shape (2,) and returns a scalar; differentiated by `nnarray.grad`.
    start : pair of float
    learning_rate : float
    steps : int
    extent : tuple ``(left, right, bottom, top)``, optional
        Part of the plane to show; by default around the path.

    Returns
    -------
    matplotlib Figure
    """
    path = descend(function, start, learning_rate, steps)
    with styled():
        scene = _Scene(function, path, extent)
        scene.show(steps)
    return scene.figure


def film_descent(
    function: Callable[[Any], Any],
    start: Sequence[float],
    path: Any,
    learning_rate: float = 0.1,
    steps: int = 30,
    extent: tuple[float, float, float, float] | None = None,
    fps: float = 6,
) -> Path:
    """Write a GIF of `plot_descent`, step by step.

    Parameters
    ----------
    function, start, learning_rate, steps, extent : as for `plot_descent`
    path : str or Path
    fps : float
        Steps per second.

    Returns
    -------
    Path
    """
    walk = descend(function, start, learning_rate, steps)
    with styled():
        scene = _Scene(function, walk, extent)
    return write_film(scene.figure, scene.show, steps + 1, path, fps)
