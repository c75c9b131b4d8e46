"""Tables as text."""

from __future__ import annotations

from collections.abc import Sequence


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """Return the lines of a table, ruled; the first `left` columns stand flush left, the others flush right.

    Examples
    --------
    >>> print(*table("Fruit", ("name", "count"), [("apple", "12"), ("fig", "3")]), sep="\\n")
    Fruit
    ─────────────
    name    count
    ─────────────
    apple      12
    fig         3
    ─────────────
    """
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        sides = zip(cells, widths, range(len(widths)), strict=True)
        return "   ".join(f"{cell:{'<' if i < left else '>'}{width}}" for cell, width, i in sides).rstrip()

    body = [line(row) for row in rows]
    rule = "─" * max(map(len, (line(header), *body)))
    return [title, rule, line(header), rule, *body, rule]
