"""JAX: the whole plan as one function that XLA compiles."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from nnarray.backends import get_backend
from nnarray.compiler._graph import Graph, Operation, Value
from nnarray.compiler._plan import Plan, Program
from nnarray.compiler.executors.generic import Generic


class Jax(Generic):
    """Executor through ``jax.jit``."""

    name = "jax"

    def compile(self, graph: Graph, donated: Sequence[int] = ()) -> Program:
        self._regions = {x: operation.region for operation in graph.operations for x in operation.results}
        return super().compile(graph, donated)

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

        return jax.jit(replay)
