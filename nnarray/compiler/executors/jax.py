"""JAX: the whole plan as one function that XLA compiles."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from nnarray.backends import get_backend
from nnarray.compiler._graph import Graph, Operation, Value
from nnarray.compiler._plan import Plan, Program, matched, noted_copies, owning
from nnarray.compiler.executors.generic import Generic


class Jax(Generic):
    """Executor through ``jax.jit``."""

    name = "jax"
    library = "jax"

    def compile(self, graph: Graph, donated: Sequence[int] = (), bound: Sequence[Any] = ()) -> Program:
        """Return the program of a graph; XLA puts results in the place of donated arguments, which are then deleted."""
        self._regions = {x: operation.region for operation in graph.operations for x in operation.results}
        # XLA warns of what is donated and like no result.
        self._donated = sorted(matched(graph, donated).values())
        program = super().compile(graph, donated, bound)
        unused = sorted(set(donated) - set(self._donated))
        notes = tuple(f"x{i} is donated, and no result has its shape and dtype" for i in unused)
        run = owning(program.run, self._donated, _obstacle, self.backend.xp.copy)
        return Program(replace(program.plan, notes=notes), run, noted_copies(self._donated, _obstacle))

    def _argument(self, operation: Operation, x: Value, name: str, names: dict[str, Any]) -> str:
        if operation.region in (0, self._regions.get(x, 0)):
            return name
        import jax

        # XLA would take what the second run of a checkpoint computes from the first, and keep that in memory.
        names["barrier"] = jax.lax.optimization_barrier
        return f"barrier({name})"

    def _function(self, operation: Operation) -> Any:
        if not operation.function.name.startswith("random."):
            return super()._function(operation)
        import jax

        # Random bits are drawn on the host, from a counter that XLA knows only when it runs.
        result = operation.results[0]
        form = jax.ShapeDtypeStruct(result.shape, result.dtype)
        on_host = operation.function.on(get_backend("numpy"))

        def draw(first: Any, second: Any, **params: Any) -> Any:
            drawn = functools.partial(on_host, **(params | {"device": None}))
            return jax.pure_callback(drawn, form, first, second)

        return draw

    def _runner(self, replay: Any, plan: Plan) -> Any:  # noqa: ARG002
        import jax

        return jax.jit(replay, donate_argnums=self._donated)


def _obstacle(given: Sequence[Any], i: int) -> str:
    """Return why a donated array cannot give its memory away, empty if it can."""
    return "another argument is the same array" if sum(x is given[i] for x in given) > 1 else ""
