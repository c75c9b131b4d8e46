"""A plan: the steps that replay a graph, and what they cost, as a value that prints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nnarray.compiler._graph import Graph, Operation, Value


@dataclass(frozen=True)
class Step:
    """One line of a plan.

    Attributes
    ----------
    operation : Operation
    code : str
        What is run; empty if nothing is, because the result is a window on another array or there from the start.
    place : str
        Where the result is: a buffer, a window on one, an argument that was donated, or a new array.
    """

    operation: Operation
    code: str
    place: str


@dataclass(frozen=True)
class Plan:
    """Steps over buffers made once.

    Attributes
    ----------
    executor : str
    graph : Graph
    steps : tuple of Step
    source : str
        The function that is run, in Python.
    notes : tuple of str
        What a reader should know, such as which donated arguments are copied.
    buffer_bytes : int
        Size of all buffers.
    """

    executor: str
    graph: Graph
    steps: tuple[Step, ...]
    source: str
    notes: tuple[str, ...] = ()
    buffer_bytes: int = 0

    @property
    def flops(self) -> int:
        """Floating-point operations of one replay: 2 n m k for a product, one for each element of what else is made."""
        return sum(_flops(step.operation) for step in self.steps if step.code)

    @property
    def bytes_moved(self) -> int:
        """Bytes that the steps of one replay read and write in memory."""
        steps = [step for step in self.steps if step.code]
        inside = {x for step in steps if step.place == "register" for x in step.operation.results}
        values = (x for step in steps for x in (*step.operation.inputs, *step.operation.results))
        return sum(x.nbytes for x in values if x not in inside)

    @property
    def peak_bytes(self) -> int:
        """Bytes of the buffers and of the new arrays that hold results."""
        return self.buffer_bytes + sum(x.nbytes for x in self.graph.outputs)

    def __str__(self) -> str:
        rows = [("step", "function", "inputs", "output", "place", "bytes")]
        number = 0
        for step in self.steps:
            made = step.operation.results
            given = ", ".join(str(x) for x in step.operation.arguments if x is not None)
            rows.append(
                (
                    str(number) if step.code else "",
                    step.operation.function.name,
                    given if len(given) < 32 else given[:29] + "...",
                    ", ".join(f"{x}: {x.form}" for x in made),
                    step.place,
                    str(sum(x.nbytes for x in made)),
                )
            )
            number += bool(step.code)
        widths = [max(len(row[i]) for row in rows) for i in range(6)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        lines.append(
            f"{self.executor}: {number} steps, {self.flops:,} flops, {self.bytes_moved:,} bytes moved, "
            f"{self.buffer_bytes:,} bytes of buffers"
        )
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])


def _flops(operation: Operation) -> int:
    made = sum(x.size for x in operation.results)
    if operation.function.name == "matmul":
        return 2 * made * operation.inputs[0].shape[-1]
    if operation.function.name in ("sum", "mean", "max", "min", "prod", "var", "std"):
        return operation.inputs[0].size
    return made


@dataclass(frozen=True)
class Program:
    """A plan and what runs it: ``run(arguments)`` returns the outputs."""

    plan: Plan
    run: Callable[..., Sequence[Any]]


def last_uses(graph: Graph) -> dict[Value, int]:
    """Return the place of the last operation that uses each value; outputs are used after the last one."""
    last: dict[Value, int] = {}
    for place, operation in enumerate(graph.operations):
        for x in (*operation.inputs, *operation.results):
            last[x] = place
    for x in graph.outputs:
        last[x] = len(graph.operations)
    return last


def matched(graph: Graph, donated: Sequence[int]) -> dict[int, int]:
    """Return for places of outputs the donated input, of the same form, that each shall be written to."""
    found: dict[int, int] = {}
    left = list(donated)
    for place, x in enumerate(graph.outputs):
        match = next((i for i in left if graph.inputs[i].type == x.type), None)
        if match is not None:
            found[place] = match
            left.remove(match)
    return found


def compiled(source: str, names: Mapping[str, Any]) -> Callable[..., Any]:
    """Return the function ``replay`` that `source` defines over the objects of some names."""
    scope = dict(names)
    exec(compile(source, "<plan>", "exec"), scope)
    return scope["replay"]
