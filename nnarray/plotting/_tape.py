"""The order of forward and backward steps, drawn from a real tape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nnarray._messages import describe
from nnarray.autodiff import record
from nnarray.plotting._style import BLUE, GREY, INK, ORANGE, WIDTH, axes_or_new, draw_arrow, styled, without_frame

_MOST_STEPS = 40
_FORWARD, _BACKWARD, _HALF = 0.0, 5.6, 1.55


def plot_tape(function: Callable[..., Any], *args: Any, names: Sequence[str] | None = None, ax: Any = None) -> Any:
    """Draw what a function does to its arguments, step by step down, and what the backward pass does, step by step up.

    The shade alternates where new arguments come in: in a network, from layer to layer.

    Parameters
    ----------
    function : callable
        Array-API code that takes `args` and returns a scalar.
    *args : floating-point arrays, or nested lists of them
        All are recorded.
    names : sequence of str, optional
        A name for each array among `args`, in order; by default x1, x2, ….
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        If the result is not a scalar, the tape is empty or too long to draw, or `names` are not as many as the arrays.

    Examples
    --------
    >>> import numpy as np
    >>> from nnarray import plotting
    >>> figure = plotting.plot_tape(lambda w, x: w.__array_namespace__().sum(w * x), np.ones(3), np.ones(3))
    >>> [text.get_text() for text in figure.axes[0].texts if "→" in text.get_text()]
    ['multiply  →  3', 'sum  →  scalar']
    """
    result, nodes = record(function, *args)
    if getattr(result, "shape", None) != ():
        raise ValueError(
            f"The backward pass starts from a scalar: the function returned {describe(result)}. Reduce it, for example "
            "with xp.sum or xp.mean."
        )
    sources = [node for node in nodes if not node.parents]
    steps = [node for node in nodes if node.parents]
    names = [f"$x_{{{i + 1}}}$" for i in range(len(sources))] if names is None else list(names)
    if len(names) != len(sources):
        raise ValueError(f"One name per array is needed: received {len(names)} names for {len(sources)} arrays.")
    if not 1 <= len(steps) <= _MOST_STEPS:
        raise ValueError(
            f"A tape of 1 to {_MOST_STEPS} steps can be drawn: the function's has {len(steps)}. Draw a part of a "
            "longer one; a shorter one needs a result that depends on the arguments."
        )
    label = dict(zip(sources, names, strict=True))
    row = {node: i for i, node in enumerate(steps)}
    count = len(steps)
    with styled():
        ax = axes_or_new(ax, WIDTH, 0.36 * count + 1.5)
        _shade(ax, [any(parent in label for _, parent in node.parents) for node in steps])
        for node in steps:
            y = -row[node]
            name = node.title
            shape = "×".join(map(str, node.shape)) or "scalar"
            _box(ax, _FORWARD, y, f"{row[node] + 1}", f"{name}  →  {shape}", BLUE)
            _box(ax, _BACKWARD, y, f"{2 * count - row[node]}", f"d({name})", ORANGE)
            given = list(dict.fromkeys(label[parent] for _, parent in node.parents if parent in label))
            if given:
                _chip(ax, _FORWARD - _HALF - 0.35, y, ", ".join(given), "right", BLUE)
                _chip(ax, _BACKWARD + _HALF + 0.35, y, ", ".join("d" + name for name in given), "left", ORANGE)
            for _, parent in node.parents:
                if parent in row:
                    _arrows(ax, row[parent], row[node])
        ax.text(_FORWARD, 1.1, "forward, downwards", ha="center", color=BLUE, fontweight="bold")
        ax.text(_BACKWARD, 1.1, "backward, upwards", ha="center", color=ORANGE, fontweight="bold")
        middle, end = (_FORWARD + _BACKWARD) / 2, -(count - 1)
        draw_arrow(ax, (_FORWARD + _HALF, end), (_BACKWARD - _HALF, end))
        ax.text(middle, end + 0.18, "d$J$ = 1", ha="center", va="bottom")
        ax.set(xlim=(-3.6, _BACKWARD + 3.6), ylim=(-count + 0.3, 1.9))
        without_frame(ax, equal=False)
    return ax.figure


def _shade(ax: Any, takes_argument: Sequence[bool]) -> None:
    """Put every second group of rows on a grey ground; a group begins where arguments come in after rows without."""
    starts = [i for i, takes in enumerate(takes_argument) if takes and (i == 0 or not takes_argument[i - 1])]
    for start, end in list(zip(starts, [*starts[1:], len(takes_argument)], strict=True))[1::2]:
        ax.axhspan(0.5 - start, 0.5 - end, color="#f2f2f2", zorder=0)


def _box(ax: Any, x: float, y: float, order: str, text: str, colour: str) -> None:
    from matplotlib.patches import FancyBboxPatch

    style = "round,pad=0.02,rounding_size=0.12"
    ax.add_patch(FancyBboxPatch((x - _HALF, y - 0.33), 2 * _HALF, 0.66, boxstyle=style, fc="white", ec=colour, lw=1.4))
    ax.text(x - _HALF + 0.12, y, order, ha="left", va="center", fontsize=10, color=colour, fontweight="bold")
    ax.text(x + 0.2, y, text, ha="center", va="center", fontsize=10, color=INK)


def _chip(ax: Any, x: float, y: float, text: str, side: str, colour: str) -> None:
    ax.text(x, y, text, ha=side, va="center", fontsize=10, color=INK)
    near = x + 0.05 if side == "right" else x - 0.3
    draw_arrow(ax, (near, y), (near + 0.25, y), colour, 1.0, shrinkA=0, shrinkB=0)


def _arrows(ax: Any, above: int, below: int) -> None:
    """Draw the way from one step to the next that uses it, and the cotangent's way back."""
    near = below - above == 1
    for x, start, end, side in ((_FORWARD, above, below, 1), (_BACKWARD, below, above, -1)):
        if near:
            shift = 0.33 if end > start else -0.33
            ends = ((x, -start - shift), (x, -end + shift))
            style: dict[str, Any] = {"connectionstyle": "arc3"}
        else:
            edge = x + side * _HALF
            ends = ((edge, -start), (edge, -end))
            style = {"connectionstyle": "arc3,rad=-0.35"}
        draw_arrow(ax, *ends, GREY, 1.1, shrinkA=1, shrinkB=1, **style)
