"""What a cross-check found: rows, where each backend first parts, and both as a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nnarray._tables import table


@dataclass(frozen=True)
class Difference:
    """How far one backend's array lies from the reference's.

    Attributes
    ----------
    relative : float
        Largest absolute difference over the largest magnitude of the reference; infinite where the arrays cannot be
        compared.
    ok : bool
    note : str
        Why they cannot be compared: shapes, dtypes, NaN, or what was raised.
    """

    relative: float
    ok: bool
    note: str = ""


@dataclass(frozen=True)
class Row:
    """One array, on every backend.

    Attributes
    ----------
    name : str
        Of the layer, with its path in nested layers, ``#2`` for its second call and ``[1]`` for its second array; of
        a weight, ``"dense/kernel"``.
    kind : {"forward", "gradient", "weight gradient"}
        What the layer gives out, or what it hands back: the loss' gradient in its inputs, or in its weights.
    layer : str
        The layer's call, as it is named in other rows.
    shape : tuple of int or None
        On the reference; None if nothing was computed there.
    tolerance : float
    differences : mapping of str to Difference or None
        By backend; None where it raised something before it got there.
    """

    name: str
    kind: str
    layer: str
    shape: tuple[int, ...] | None
    tolerance: float
    differences: Mapping[str, Difference | None]


@dataclass(frozen=True, repr=False)
class CrossCheck:
    """Where backends part from a reference; made by `crosscheck`.

    It is true if none does, so that ``assert crosscheck(model, x)`` is a test. It prints as a table.

    Attributes
    ----------
    model : str
        Name of the model.
    backends : tuple of str
        The first is the reference.
    rows : tuple of Row
        Forward in the order of the computation, then backward in the order of the backward pass.
    tolerance : float
        Relative difference that the model's dtype allows.
    forward_only : str
        Why no gradients were compared; empty if they were.
    """

    model: str
    backends: tuple[str, ...]
    rows: tuple[Row, ...]
    tolerance: float
    forward_only: str = ""

    @property
    def first(self) -> dict[str, Row | None]:
        """The first row in which each backend parts from the reference; None if it nowhere does.

        The reference itself has a row if it raised something.
        """
        return {
            backend: next((row for row in self.rows if (d := row.differences.get(backend)) and not d.ok), None)
            for backend in self.backends
        }

    @property
    def passed(self) -> bool:
        """Whether no backend parts."""
        return not any(self.first.values())

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return "\n".join([*_table(self), *self.summary()])

    def summary(self) -> list[str]:
        """Return what was found, and what was not looked at, in a sentence each."""
        lines = [f"Gradients were not compared: {self.forward_only}."] if self.forward_only else []
        parting = {backend: row for backend, row in self.first.items() if row is not None}
        agreeing = [backend for backend in self.backends[1:] if backend not in parting]
        said = [_sentence(backend, row, row.differences[backend]) for backend, row in parting.items()]
        reference = self.backends[0]
        if agreeing and reference not in parting:
            verb = "agrees" if len(agreeing) == 1 else "agree"
            everywhere = "" if parting else f" in all {len(self.rows)} arrays ({self.tolerance:.0e} allowed)"
            said.append(f"{_listed(agreeing)} {verb} with {reference}{everywhere}")
        return [*lines, f"{'; '.join(said)}."]

    def plot(self, figure: Any = None) -> Any:
        """Draw the differences layer by layer; see `nnarray.plotting.plot_crosscheck`.

        Parameters
        ----------
        figure : matplotlib Figure or SubFigure, optional
            Where to draw; a new one by default.

        Returns
        -------
        matplotlib Figure
        """
        from nnarray import plotting

        return plotting.plot_crosscheck(self, figure)


def _sentence(backend: str, row: Row, difference: Difference | None) -> str:
    assert difference is not None
    what = "weight" if row.kind == "weight gradient" else "layer"
    where = f"{'the loss' if row.layer == 'loss' else f'{what} {row.name!r}'} ({row.kind})"
    if difference.note.startswith("raises "):
        return f"{backend} fails first at {where}: it {_shortened(difference.note)}"
    if difference.note:
        return f"{backend} parts first at {where}: {difference.note}"
    allowed = f"{row.tolerance:.0e} allowed" if row.tolerance else "none allowed"
    return f"{backend} parts first at {where}: {difference.relative:.1e} relative, {allowed}"


def _shortened(text: str) -> str:
    text = " ".join(text.split()).removesuffix(".")
    return text if len(text) <= 300 else text[:299] + "…"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _cell(difference: Difference | None) -> str:
    if difference is None:
        return "–"
    if difference.note:
        return f"{difference.note.split()[0]} ✗"
    if math.isinf(difference.relative):
        return "∞ ✗"
    return (f"{difference.relative:.1e}" if difference.relative else "0") + ("  " if difference.ok else " ✗")


def _table(report: CrossCheck) -> list[str]:
    reference, *others = report.backends
    # The reference has no differences, unless it raised something.
    columns = [b for b in report.backends if b in others or any(row.differences.get(b) for row in report.rows)]
    lines = [
        (
            row.name,
            row.kind,
            "?" if row.shape is None else str(row.shape),
            *(_cell(row.differences.get(column)) for column in columns),
        )
        for row in report.rows
    ]
    title = f"{report.model}: differences from {reference}, relative to the largest magnitude of each array"
    return table(title, ("Array", "Kind", "Shape", *columns), lines, left=3)
