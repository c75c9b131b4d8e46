"""JAX: the whole plan as one function that XLA compiles."""

from __future__ import annotations

import functools
from typing import Any

from nnarray.backends import get_backend
from nnarray.compiler._graph import Operation
from nnarray.compiler._plan import Plan
from nnarray.compiler.executors.generic import Generic


class Jax(Generic):
    """Executor through ``jax.jit``."""

    name = "jax"

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
