"""A plan: the steps that replay a graph, and what they cost, as a value that prints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nnarray.compiler._cost import bytes_moved, flops_of, largest_product, peak_of_new_arrays
from nnarray.compiler._graph import Graph, Operation, Value


@dataclass(frozen=True)
class PlanStep:
    """One line of a plan.

    Attributes
    ----------
    operation : Operation
    code : str
        What is run; empty if nothing is, because the result is a window on another array or there from the start.
    place : str
        Where the result is: a buffer, a window on one, an argument that was donated, or a new array.
    is_window : bool
        Whether the result is a window on the first argument.
    """

    operation: Operation
    code: str
    place: str
    is_window: bool = False


@dataclass(frozen=True)
class Plan:
    """Steps over buffers made once.

    Attributes
    ----------
    executor : str
    graph : Graph
    steps : tuple of PlanStep
    source : str
        The function that is run, in Python.
    notes : tuple of str
        What a reader should know, such as which donated arguments are copied.
    buffer_bytes : int
        Size of all buffers.
    copied_bytes : int
        Size of the results that are copied at the end.
    """

    executor: str
    graph: Graph
    steps: tuple[PlanStep, ...]
    source: str
    notes: tuple[str, ...] = ()
    buffer_bytes: int = 0
    copied_bytes: int = 0

    @property
    def flops(self) -> int:
        """Floating-point operations of one replay: 2 n m k for a product, one for each element of most else."""
        return sum(flops_of(step.operation) for step in self.steps if step.code)

    @property
    def bytes_moved(self) -> int:
        """Bytes that the steps of one replay read and write in memory."""
        return bytes_moved(self.steps)

    @property
    def peak_bytes(self) -> int:
        """Bytes of the buffers, and of the new arrays, results among them, where these hold most."""
        return self.buffer_bytes + peak_of_new_arrays(self.steps, self.graph.outputs, self.copied_bytes)

    @property
    def largest_product(self) -> int:
        """Multiply-adds of the largest product, m n k, which tells what threads are worth; 0 if there is none."""
        return largest_product(self.graph)

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


@dataclass(frozen=True)
class Program:
    """A plan and what runs it: ``run(arguments)`` returns the outputs.

    ``copies(arguments)`` says which donated arguments cannot be overwritten, and why.
    """

    plan: Plan
    run: Callable[..., Sequence[Any]]
    copies: Callable[[Sequence[Any]], Sequence[str]] = lambda _: ()


def noted_copies(donated: Sequence[int], obstacle: Callable[[Sequence[Any], int], str]) -> Any:
    """Return what notes for each donated argument with an obstacle that it is copied."""

    def copies(arguments: Sequence[Any]) -> list[str]:
        found = ((i, obstacle(arguments, i)) for i in donated)
        return [f"x{i} is donated, but {why}: it is copied at each call" for i, why in found if why]

    return copies


def owning(
    replay: Callable[..., Any],
    donated: Sequence[int],
    obstacle: Callable[[Sequence[Any], int], str],
    copy: Callable[[Any], Any],
) -> Callable[..., Any]:
    """Return `replay` on copies of those donated arrays that cannot be overwritten."""
    if not donated:
        return replay

    def run(*arguments: Any) -> Any:
        given = list(arguments)
        for i in donated:
            if obstacle(arguments, i):
                given[i] = copy(given[i])
        return replay(*given)

    return run


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


def replay_of(source: str, names: Mapping[str, Any]) -> Callable[..., Any]:
    """Return the function ``replay`` that `source` defines over the objects of some names."""
    scope = dict(names)
    exec(compile(source, "<plan>", "exec"), scope)
    return scope["replay"]
