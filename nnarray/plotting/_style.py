"""What all figures share: colours that everybody can tell apart, fonts, axes, films."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nnarray._messages import missing_extra
from nnarray.array import Array
from nnarray.backends import find_backend

try:
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure as PlainFigure
    from PIL import Image
except ImportError as error:
    raise ImportError(missing_extra("matplotlib or pillow", "plot", "nnarray.plotting")) from error

BLUE, ORANGE, GREEN, PURPLE, SKY, GOLD, INK, GREY = (
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#222222", "#707070"),
)
#: Okabe and Ito's colours, told apart by the colour-blind too, each with a marker of its own.
CLASSES = (BLUE, ORANGE, GREEN, PURPLE, SKY, GOLD)
MARKERS = ("o", "^", "s", "D", "v", "P")
#: From the first class over white to the second.
BETWEEN = LinearSegmentedColormap.from_list("between", ["#7fb9de", "#ffffff", "#f3ab7c"])
#: Negative over white to positive.
SIGNED = LinearSegmentedColormap.from_list("signed", [ORANGE, "#ffffff", BLUE])

WIDTH = 8.3  # inches: 830 pixels at 100 per inch, the width of a README
_SETTINGS = {
    **{"font.size": 11, "axes.titlesize": 12, "axes.labelsize": 11, "legend.fontsize": 10, "xtick.labelsize": 10},
    **{"ytick.labelsize": 10, "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": GREY},
    **{"legend.frameon": False, "figure.dpi": 100, "savefig.dpi": 100},
}


def styled() -> Any:
    """Return a context in which figures are made in this style, whatever the user's own settings."""
    return mpl.rc_context(_SETTINGS)


class Figure(PlainFigure):
    """A figure that a notebook shows as the last value of a cell, though pyplot knows nothing of it."""

    def _repr_png_(self) -> bytes:
        with io.BytesIO() as file:
            self.savefig(file, format="png")
            return file.getvalue()


def new_figure(width: float = WIDTH, height: float = 4.0, layout: Any = "constrained") -> Any:
    """Return an empty figure that belongs to no global state."""
    figure = Figure(figsize=(width, height), layout=layout)
    FigureCanvasAgg(figure)
    return figure


def axes_or_new(ax: Any, width: float = WIDTH, height: float = 4.0) -> Any:
    """Return the axes given, or those of a new figure."""
    return new_figure(width, height).subplots() if ax is None else ax


def without_frame(ax: Any, equal: bool = True) -> None:
    """Hide ticks, labels and frame of the axes."""
    ax.set_axis_off()
    if equal:
        ax.set_aspect("equal")


def draw_arrow(ax: Any, start: Any, end: Any, colour: str = INK, width: float = 1.5, **style: Any) -> None:
    """Draw an arrow between two points; its ends keep matplotlib's distance from them unless `style` says another."""
    look = {"arrowstyle": "-|>", "color": colour, "linewidth": width, **style}
    ax.annotate("", end, start, arrowprops=look, zorder=2)


def to_host(x: Any) -> np.ndarray:
    """Return an array of any library, an Array, or a nested list as NumPy."""
    x = x.value if isinstance(x, Array) else x
    backend = find_backend(x)
    return np.asarray(x) if backend is None else backend.to_numpy(x)


def check_points(x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return points in the plane and one integer class for each.

    Raises
    ------
    ValueError
        If a shape is wrong, or a class is not a whole number.
    """
    points, labels = to_host(x), to_host(y)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise ValueError(f"Points in the plane have shape (n, 2): received x of shape {points.shape}.")
    if labels.size != len(points):
        raise ValueError(f"One class per point is needed: received {len(points)} points and y of shape {labels.shape}.")
    classes = labels.reshape(-1).astype(float)
    if not np.array_equal(classes, np.round(classes)):
        raise ValueError(f"Classes are whole numbers: received y with {classes[classes != np.round(classes)][0]}.")
    return points, classes.astype(int)


def number(value: float) -> str:
    """Return a number with two decimals, or four digits from 100 on, and a proper minus sign."""
    text = f"{round(value, 2) + 0.0:.2f}" if abs(value) < 100 else f"{value:.4g}"
    return text.replace("-", "−")


def film_path(path: Any) -> Path:
    """Return where a film goes.

    Raises
    ------
    ValueError
        If it does not end in ``.gif``.
    FileNotFoundError
        If its folder does not exist.
    """
    target = Path(path)
    if target.suffix.lower() != ".gif":
        raise ValueError(f"Films are written as .gif: received path={str(path)!r}.")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"The folder of a film must exist: received path={str(path)!r}. Make it first.")
    return target


def write_film(figure: Figure, draw: Callable[[int], Any], frames: int, path: Path, fps: float) -> Path:
    """Write a GIF of ``draw(0)``, ``draw(1)``, … and return its path; the last frame stays for two seconds."""
    pictures = []
    with styled():
        draw(frames - 1)
        figure.canvas.draw()
        figure.set_layout_engine("none")  # what was laid out for the last frame holds for all: nothing jumps
        for index in range(frames):
            draw(index)
            figure.canvas.draw()
            pictures.append(np.array(figure.canvas.buffer_rgba())[..., :3])  # type: ignore[attr-defined]
    images = _with_one_palette(pictures)
    durations = [round(1000 / fps)] * (frames - 1) + [2000]
    images[0].save(path, save_all=True, append_images=images[1:], duration=durations, loop=0)
    return path


def _with_one_palette(pictures: list[np.ndarray]) -> list[Any]:
    """Return pictures of 256 common colours: none flickers, and what stays the same is stored once.

    The last colour is white, which `quantize` would mix with its neighbours: the page would turn grey.
    """
    sample = np.concatenate([*pictures[:: len(pictures) // 8 + 1], pictures[-1]])
    palette = Image.fromarray(sample).quantize(255)
    colours = (palette.getpalette() or [])[: 3 * 255]
    colours += [255] * (3 * 256 - len(colours))
    images = []
    for picture in pictures:
        indices = np.array(Image.fromarray(picture).quantize(palette=palette, dither=Image.Dither.NONE))
        indices[(picture == 255).all(axis=-1)] = 255
        image = Image.fromarray(indices)
        image.putpalette(colours)
        images.append(image)
    return images
