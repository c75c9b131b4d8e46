"""Where backends part, layer by layer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from nnarray.plotting._style import CLASSES, GREY, INK, MARKERS, WIDTH, new_figure, styled

_MOST_NAMES = 30


def plot_crosscheck(report: Any, figure: Any = None) -> Any:
    """Draw how far each backend lies from the reference in every layer, forward and on the way back.

    Exact agreement lies on a line of its own at the bottom; what cannot be compared (NaN, another shape, an error), on
    one at the top, at ∞. Gradients in weights are hollow. Where a backend first parts, it is ringed and named.

    Parameters
    ----------
    report : CrossCheck
        As `nnarray.testing.crosscheck` returns it.
    figure : matplotlib Figure or SubFigure, optional
        Where to draw; a new one by default.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        If the report has no rows.

    Examples
    --------
    >>> import numpy as np
    >>> from nnarray import layers, models, plotting, testing
    >>> model = models.Sequential([layers.Dense(3, "relu", input_dim=2), layers.Dense(1)])
    >>> report = testing.crosscheck(model, np.ones((4, 2)), backends=["numpy", "array_api_strict"])
    >>> [ax.get_title("left") for ax in plotting.plot_crosscheck(report).axes]
    ['forward: what each layer gives out']
    """
    if not getattr(report, "rows", None):
        raise ValueError(f"A report with rows is needed, as crosscheck returns it: received {report!r}.")
    panels = [["forward"], ["gradient", "weight gradient"]]
    titles = ["forward: what each layer gives out", "backward: the gradient each layer hands back"]
    if not any(row.kind in panels[1] for row in report.rows):
        panels, titles = panels[:1], titles[:1]
    layers = list(dict.fromkeys(row.layer for kinds in panels for row in _forward_order(report.rows, kinds)))
    with styled():
        if figure is None:
            figure = new_figure(min(max(WIDTH, 0.32 * len(layers)), 2 * WIDTH), 0.9 + 2.7 * len(panels))
        scale = _Scale(report)
        axes = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
        for ax, kinds, title in zip(axes, panels, titles, strict=True):
            _draw(ax, report, kinds, layers, scale)
            ax.set_title(title, loc="left")
        _name_layers(axes[-1], layers)
        figure.supylabel(f"difference from {report.backends[0]}, relative", fontsize=11)
        _explain(figure, axes)
    return figure


def _forward_order(rows: Any, kinds: Any) -> list[Any]:
    chosen = [row for row in rows if row.kind in kinds]
    return chosen if "forward" in kinds else chosen[::-1]


class _Scale:
    """A logarithmic axis with a place for zero below it and one for infinity above."""

    def __init__(self, report: Any) -> None:
        found = [d.relative for row in report.rows for d in row.differences.values() if d is not None]
        finite = np.asarray([*(r for r in found if 0 < r < math.inf), report.tolerance])
        self.low = math.floor(math.log10(finite.min()))
        self.high = math.ceil(math.log10(finite.max() * 1.2))
        self.infinite = any(math.isinf(relative) for relative in found)

    def __call__(self, relative: float) -> float:
        if relative == 0:
            return float(self.low - 1)
        return self.high + 1.0 if math.isinf(relative) else math.log10(relative)

    def apply(self, ax: Any) -> None:
        step = max(1, math.ceil((self.high - self.low) / 6))
        decades = list(range(self.high, self.low - 1, -step))
        ticks = {self.low - 1: "0", **{n: f"$10^{{{n}}}$" for n in decades}}
        if self.infinite:
            ticks[self.high + 1] = "∞"
        ax.yaxis.set_major_locator(FixedLocator(list(ticks)))
        ax.yaxis.set_major_formatter(FixedFormatter(list(ticks.values())))
        ax.yaxis.set_minor_locator(NullLocator())
        top = self.high + self.infinite
        ax.set_ylim(self.low - 1.5, top + 0.2 * (top - self.low + 1))  # above the highest point stands its name
        ax.axhspan(self.low - 1.5, self.low - 0.5, color="#f4f4f4", zorder=0)


def _draw(ax: Any, report: Any, kinds: Any, layers: list[str], scale: _Scale) -> None:
    ax.grid(axis="y", color="#e6e6e6", linewidth=0.8)
    scale.apply(ax)
    ax.axhline(scale(report.tolerance), color=INK, linewidth=1.2, linestyle="--", label="allowed")
    rows = _forward_order(report.rows, kinds)
    backends = [b for b in report.backends if any(row.differences.get(b) for row in report.rows)]
    parted = []
    for number, backend in enumerate(backends):
        style = {"color": CLASSES[number % len(CLASSES)], "marker": MARKERS[number % len(MARKERS)], "markersize": 6}
        aside = 0.12 * (number - (len(backends) - 1) / 2)
        points = [
            (layers.index(row.layer) + aside, scale(row.differences[backend].relative), row)
            for row in rows
            if row.differences.get(backend)
        ]
        through = [(x, y) for x, y, row in points if row.kind != "weight gradient"]
        ax.plot(*zip(*(through or [(np.nan, np.nan)]), strict=True), label=backend, linewidth=1.5, **style)
        weights = [(x, y) for x, y, row in points if row.kind == "weight gradient"]
        if weights:
            style["markerfacecolor"] = "white"
            ax.plot(*zip(*weights, strict=True), label=f"_{backend}, weights", linewidth=0, zorder=3, **style)
        parted += [(x, y, f"{backend}: {row.name}") for x, y, row in points if row is report.first[backend]]
    for index, (x, y, text) in enumerate(parted):
        ax.plot([x], [y], "o", markersize=16, fillstyle="none", color=INK, markeredgewidth=1.4, label="_first")
        below = sum(abs(other[1] - y) < 0.5 for other in parted[:index])
        place = x / max(len(layers) - 1, 1)
        ha = "left" if place < 0.2 else "right" if place > 0.8 else "center"
        offset = (-8 * (ha == "left") + 8 * (ha == "right"), 12 + 13 * below)
        ax.annotate(text, (x, y), xytext=offset, textcoords="offset points", ha=ha, fontsize=10, color=INK)


def _name_layers(ax: Any, layers: list[str]) -> None:
    every = -(-len(layers) // _MOST_NAMES)
    shown = range(0, len(layers), every)
    ax.set_xlim(-0.5, len(layers) - 0.5)
    names = [layers[i] if len(layers[i]) <= 24 else "…" + layers[i][-23:] for i in shown]
    crowded = max(map(len, names)) * len(names) > 110
    ax.set_xticks(list(shown), names, rotation=40 if crowded else 0, ha="right" if crowded else "center")
    if crowded:
        for label in ax.get_xticklabels():
            label.set_rotation_mode("anchor")
    ax.tick_params(axis="x", color=GREY)


def _explain(figure: Any, axes: Any) -> None:
    lines = {line.get_label(): line for ax in axes for line in ax.lines if not line.get_label().startswith("_")}
    handles = dict(sorted(lines.items(), key=lambda item: item[0] == "allowed"))
    if any(line.get_label().endswith(", weights") for ax in axes for line in ax.lines):
        handles["in weights"] = Line2D([], [], linewidth=0, marker="o", color=GREY, markerfacecolor="white")
    figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=min(len(handles), 6))
