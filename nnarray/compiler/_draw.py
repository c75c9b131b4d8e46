"""A graph as a picture: SVG, in text."""

from __future__ import annotations

from html import escape
from typing import Any

from nnarray.compiler._graph import Graph, Operation, Value

_WIDTH, _HEIGHT, _DOWN, _MARGIN, _MOST_BEND = 250, 26, 16, 20, 150
_INK, _GREY, _BLUE, _ORANGE = "#222222", "#8a8a8a", "#1f77b4", "#d9702b"


def draw(graph: Graph) -> str:
    """Return a graph as an SVG document: its operations one under the other, joined by the values that they pass on.

    Inputs are blue, what leaves the graph is orange; constants are not drawn.
    """
    boxes: list[Any] = [*graph.inputs, *graph.operations]
    row: dict[Any, int] = {each: number for number, each in enumerate(boxes)}
    maker: dict[Value, Any] = {x: operation for operation in graph.operations for x in operation.results}
    edges = [
        _edge(row[maker.get(x, x)], row[operation])
        for operation in graph.operations
        for x in dict.fromkeys(operation.inputs)
        if x not in graph.constants
    ]
    width = _WIDTH + 2 * _MARGIN + _MOST_BEND
    height = 2 * _MARGIN + len(boxes) * (_HEIGHT + _DOWN) - _DOWN
    body = "\n".join([*edges, *(_box(row[each], *_words(each, graph)) for each in boxes)])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="DejaVu Sans, Verdana, sans-serif">\n<rect width="100%" height="100%" fill="white"/>\n'
        f"{body}\n</svg>\n"
    )


def _words(each: Any, graph: Graph) -> tuple[str, str, str]:
    """Return what a box says on its left and on its right, and its colour."""
    if isinstance(each, Operation):
        given = (x for x in each.arguments if isinstance(x, (bool, int, float, complex)))
        numbers = [f"{x:g}" if isinstance(x, float) else str(x) for x in given]
        colour = _ORANGE if any(x in graph.outputs for x in each.results) else _GREY
        return " ".join([each.function.name, *numbers]), ", ".join(x.form for x in each.results), colour
    return f"input {graph.inputs.index(each)}", each.form, _BLUE


def _top(row: int) -> int:
    return _MARGIN + row * (_HEIGHT + _DOWN)


def _box(row: int, left: str, right: str, colour: str) -> str:
    y = _top(row)
    room = 34 - len(right)
    left = left if len(left) <= room else left[: room - 1] + "…"
    return (
        f'<rect x="{_MARGIN}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="5" fill="white" stroke="{colour}" '
        f'stroke-width="{1 if colour == _GREY else 2}"/>'
        f'<text x="{_MARGIN + 8}" y="{y + 17}" font-size="12" fill="{_INK}">{escape(left)}</text>'
        f'<text x="{_MARGIN + _WIDTH - 8}" y="{y + 17}" font-size="10" fill="{_GREY}" text-anchor="end">'
        f"{escape(right)}</text>"
    )


def _edge(above: int, below: int) -> str:
    """Return a line to the next box, or an arc on the right to one further down."""
    if below == above + 1:
        path = f"M{_MARGIN + _WIDTH // 2},{_top(above) + _HEIGHT} V{_top(below)}"
    else:
        x, start, end = _MARGIN + _WIDTH, _top(above) + _HEIGHT // 2, _top(below) + _HEIGHT // 2
        bend = min(18 + 12 * (below - above), _MOST_BEND)
        path = f"M{x},{start} C{x + bend},{start} {x + bend},{end} {x},{end}"
    return f'<path d="{path}" fill="none" stroke="{_GREY}"/>'
