"""Any conforming library: the calls of the graph one after the other, each value dropped after its last use."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from nnarray.backends import Backend
from nnarray.compiler._graph import Graph, Operation, Value
from nnarray.compiler._location import VIEWS, windows_of
from nnarray.compiler._plan import Plan, PlanStep, Program, last_uses, replay_of


class Generic:
    """Executor over the library's own functions.

    Parameters
    ----------
    backend : Backend

    It is the base of all others; see `Executor` for what they have in common.
    """

    name = "generic"
    library: str | None = None
    binds = False

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    def can_bind(self, x: Any) -> bool:  # noqa: ARG002
        """Whether a program can update an array in place: none can."""
        return False

    def compile(self, graph: Graph, donated: Sequence[int] = (), bound: Sequence[Any] = ()) -> Program:  # noqa: ARG002
        """Return the program of a graph; a donated argument is dropped after its last use."""
        # Numbers stand in the source as they print.
        names: dict[str, Any] = {"inf": math.inf, "nan": math.nan}
        base = windows_of(graph)
        known = {value: f"x{place}" for place, value in enumerate(graph.inputs)}
        for value, array in graph.constants.items():
            known[value] = f"c{value.number}"
            names[known[value]] = array
        last = last_uses(graph)
        dying: dict[int, list[Value]] = {}
        for value, place in last.items():
            dying.setdefault(place, []).append(value)
        free = {value for place, value in enumerate(graph.inputs) if place in donated}
        lines, steps = [], []
        for place, operation in enumerate(graph.operations):
            for value in operation.results:
                known[value] = f"v{value.number}"
            line = f"{', '.join(known[x] for x in operation.results)} = {self._call(operation, known, names)}"
            lines.append(line)
            free.update(operation.results)
            dead = [known[x] for x in dying.get(place, ()) if x in free]
            if dead:
                lines.append(f"del {', '.join(dead)}")
            steps.append(PlanStep(operation, line, "new array", operation.function.name in VIEWS))
        held = {*graph.constants, *graph.inputs}
        results, copied = [], 0
        for x in graph.outputs:
            root = base.get(x, x)
            is_held = root is not x or root in held
            results.append(self._result(x, is_held, known, names))
            copied += x.nbytes if is_held else 0
            held.add(root)
        arguments = ", ".join(f"x{place}" for place in range(len(graph.inputs)))
        lines.append(f"return ({', '.join(results)}{',' * (len(results) == 1)})")
        source = f"def replay({arguments}):\n    " + "\n    ".join(lines) + "\n"
        notes = (f"donated arguments are not overwritten by executor {self.name!r}",) if donated else ()
        plan = Plan(self.name, graph, tuple(steps), source, notes, copied_bytes=copied)
        return Program(plan, self._runner(replay_of(source, names), plan))

    def _runner(self, replay: Any, plan: Plan) -> Any:  # noqa: ARG002 -- for executors that compile further
        return replay

    def _unless(
        self, is_general: Callable[[Sequence[Any]], bool], graph: Graph, donated: Sequence[int], run: Callable[..., Any]
    ) -> Callable[..., Any]:
        """Return `run`, but for arguments that only the library's own functions treat right."""
        general: list[Program] = []

        def chosen(*arguments: Any) -> Any:
            if not is_general(arguments):
                return run(*arguments)
            if not general:
                general.append(Generic.compile(self, graph, donated))
            return general[0].run(*arguments)

        return chosen

    def _call(self, operation: Operation, known: dict[Value, str], names: dict[str, Any]) -> str:
        function = self._function(operation)
        name = operation.function.name.replace(".", "_") + f"_{len(names)}"
        names[name] = function
        given = [
            self._argument(operation, x, known[x], names) if type(x) is Value else _number(x, names)
            for x in operation.arguments
        ]
        if operation.function.variadic:
            given = [f"[{', '.join(given)}]"]
        for key, value in operation.params.items():
            held = f"p{len(names)}"
            names[held] = value
            given.append(f"{key}={held}")
        return f"{name}({', '.join(given)})"

    def _argument(self, operation: Operation, x: Value, name: str, names: dict[str, Any]) -> str:  # noqa: ARG002
        """Return how an operation reads a value of that name."""
        return name

    def _function(self, operation: Operation) -> Any:
        """Return what is called for an operation."""
        return operation.function.on(self.backend)

    def _result(self, x: Value, is_held: bool, known: dict[Value, str], names: dict[str, Any]) -> str:
        """Return an output: no array that the caller has, a later replay reads, or another output is a window on."""
        if not is_held:
            return known[x]
        names["copy_of"] = lambda array: self.backend.xp.asarray(array, copy=True)
        return f"copy_of({known[x]})"


def _number(x: Any, names: dict[str, Any]) -> str:
    """Return the code for a scalar; the parts of complex ones do not always print as code."""
    if not isinstance(x, complex):
        return repr(x)
    name = f"s{len(names)}"
    names[name] = x
    return name
