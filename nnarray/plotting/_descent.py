"""Gradient descent on a surface of two variables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnarray import autodiff
from nnarray.plotting._style import INK, ORANGE, WIDTH, film_path, new_figure, styled, to_host, write_film


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
        from matplotlib.colors import PowerNorm

        left, right, bottom, top = _around(path) if extent is None else extent
        u, v = np.linspace(left, right, 81), np.linspace(bottom, top, 81)
        heights = np.asarray([[float(function(np.asarray([a, b]))) for a in u] for b in v])
        lowest, span = heights.min(), np.ptp(heights) or 1.0
        # Quadratic steps: as many levels near the bottom, where descent spends its time, as on the slopes.
        levels = lowest + span * np.linspace(0, 1, 25) ** 2
        colours = {"cmap": "viridis", "norm": PowerNorm(0.5, lowest, lowest + span)}
        self.path = path
        # Placed by hand: a layout engine takes the margins of axes in space for empty.
        self.figure = new_figure(WIDTH, 4.1, layout=None)
        self._above = self.figure.add_axes((0.08, 0.13, 0.40, 0.79))
        self._above.contourf(u, v, heights, levels=levels, **colours)
        self._above.contour(u, v, heights, levels=levels, colors="white", linewidths=0.5, alpha=0.6)
        self._above.set(xlabel="$w_1$", ylabel="$w_2$", aspect="equal", xlim=(left, right), ylim=(bottom, top))
        self._side = self.figure.add_axes((0.53, 0.02, 0.43, 0.96), projection="3d", computed_zorder=False)
        self._side.plot_surface(*np.meshgrid(u, v), heights, alpha=0.85, linewidth=0, zorder=1, **colours)
        self._side.set(xlabel="$w_1$", ylabel="$w_2$", zlabel="$J$")
        self._side.view_init(elev=38, azim=-60)
        self._side.set_box_aspect((1, 1, 0.75), zoom=0.92)
        self._side.locator_params(nbins=5)
        look: dict[str, Any] = {"color": ORANGE, "markeredgecolor": "white", "markeredgewidth": 0.5, "zorder": 5}
        self._paths = [self._plot(ax, "-o", markersize=4, linewidth=1.8, **look) for ax in (self._above, self._side)]
        start: dict[str, Any] = {"marker": "s", "color": INK, "markeredgecolor": "white", "markersize": 8, "zorder": 6}
        for ax, point in ((self._above, path[0, :2]), (self._side, path[0])):
            ax.plot(*point[:, None], linestyle="none", label="start", **start)
        now = {**look, "markersize": 9, "markeredgewidth": 1.2, "zorder": 7}
        self._points = [self._plot(ax, "o", label="current point", **now) for ax in (self._above, self._side)]
        self._above.legend(loc="upper right", frameon=True, framealpha=0.9, edgecolor="none")

    @staticmethod
    def _plot(ax: Any, style: str, **look: Any) -> Any:
        empty: list[list[float]] = [[]] * (3 if ax.name == "3d" else 2)
        return ax.plot(*empty, style, **look)[0]

    def show(self, steps: int) -> None:
        """Draw the path up to a step."""
        so_far = self.path[: steps + 1]
        for (above, side), part in ((self._paths, so_far), (self._points, so_far[-1:])):
            above.set_data(part[:, 0], part[:, 1])
            side.set_data_3d(part[:, 0], part[:, 1], part[:, 2])
        reached = f"{so_far[-1, 2]:.3g}".replace("-", "−")
        self._above.set_title(f"after {steps} step{'s' * (steps != 1)}: $J$ = {reached}")


def _around(path: np.ndarray) -> tuple[float, float, float, float]:
    """Return a square with the path in its middle half."""
    lowest, highest = path[:, :2].min(axis=0), path[:, :2].max(axis=0)
    half = 0.75 * (max(highest - lowest) or 1.0)
    (left, bottom), (right, top) = (lowest + highest) / 2 - half, (lowest + highest) / 2 + half
    return left, right, bottom, top


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

    Raises
    ------
    ValueError
        If `start` is not a point of the plane, or the descent leaves the finite numbers.

    Examples
    --------
    >>> from nnarray import plotting
    >>> figure = plotting.plot_descent(lambda w: w[0] ** 2 + 2 * w[1] ** 2, start=(1.0, 1.0), steps=10)
    >>> figure.axes[0].get_title()
    'after 10 steps: $J$ = 0.0116'
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

    Examples
    --------
    >>> import tempfile
    >>> from nnarray import plotting
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     plotting.film_descent(lambda x: (x * x)[0] + (x * x)[1], (1.0, 2.0), f"{folder}/descent.gif", steps=2).name
    'descent.gif'
    """
    target = film_path(path)
    walk = descend(function, start, learning_rate, steps)
    with styled():
        scene = _Scene(function, walk, extent)
    return write_film(scene.figure, scene.show, steps + 1, target, fps)
