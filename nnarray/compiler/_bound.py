"""A plan over state that lives in place: what training replays."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from nnarray._trees import flatten, unflatten
from nnarray.array import Array
from nnarray.backends import backend_of, blas_threads
from nnarray.compiler._passes import optimise
from nnarray.compiler._plan import Plan
from nnarray.compiler._tracing import trace
from nnarray.compiler.executors import executor_for


class BoundPlan:
    """A pure function of a state and of arguments, planned for these arrays.

    Where the library's executor can, the plan has `buffers`: the state is updated in place, and `replay` reads the
    arguments from the buffers. Elsewhere the plan is called with the arguments. It then uses up the arrays of the
    state that the function changes, which the library may write the new ones into: they are the caller's own, nobody
    reads them again, and the results take their place.

    Parameters
    ----------
    fun : callable
        ``fun(state, *arguments) -> (state, result)``, where a state is a list of arrays.
    state : sequence of raw arrays
        Of one library; the function's is read from these very arrays from now on.
    arguments : tuple of raw arrays and None
    executor : str

    Attributes
    ----------
    plan : Plan
        What is run, which prints.
    buffers : list of (array or None), or None
        In which the arguments are expected; None if they are to be passed.
    state : list of raw arrays
        What the next run begins with.

    Examples
    --------
    >>> import numpy as np
    >>> from nnarray.compiler import BoundPlan
    >>> total = np.zeros(2)
    >>> plan = BoundPlan(lambda state, x: ([state[0] + x], x[0]), [total], (np.ones(2),))
    >>> plan.buffers[0][...] = [3.0, 4.0]
    >>> float(plan.replay()), total
    (3.0, array([3., 4.]))
    """

    def __init__(
        self, fun: Callable[..., Any], state: Sequence[Any], arguments: Sequence[Any], executor: str = "auto"
    ) -> None:
        self.state = list(state)
        count = len(self.state)
        leaves, structure = flatten(tuple(arguments))
        backend = backend_of(self.state[0] if self.state else leaves[0])

        def run(arrays: Sequence[Array]) -> list[Any]:
            given = unflatten(structure, list(arrays[count:]))
            changed, result = fun(list(arrays[:count]), *given)
            results, self._structure = flatten(result)
            return [*changed, *results]

        graph = optimise(trace(run, [*self.state, *leaves], backend))
        chosen = executor_for(backend, executor)
        self.buffers: list[Any] | None = None
        #: Places of what the function changes in the state, if that is passed.
        self._changed = [i for i in range(count) if graph.outputs[i] is not graph.inputs[i]]
        made = [backend.xp.asarray(x, copy=True) for x in leaves] if chosen.binds else []
        if chosen.binds and all(chosen.can_bind(x) for x in (*self.state, *made)):
            self.buffers = unflatten(structure, made)
            program = chosen.compile(graph, range(count), [*self.state, *made])
        else:
            outputs = (*(graph.outputs[i] for i in self._changed), *graph.outputs[count:])
            program = chosen.compile(replace(graph, outputs=outputs), self._changed)
        self.plan: Plan = program.plan
        self._run = program.run
        self._threads = blas_threads(self.plan.largest_product, backend)
        self._lock = threading.Lock()

    def __call__(self, *arguments: Any) -> tuple[list[Any], Any]:
        """Return the state and the result of one run, where there are no buffers."""
        with self._lock, self._threads:
            outputs = self._run(*self.state, *flatten(arguments)[0])
            for i, x in zip(self._changed, outputs, strict=False):
                self.state[i] = x
            return list(self.state), unflatten(self._structure, outputs[len(self._changed) :])

    def replay(self) -> Any:
        """Return the result of one run on what is in the buffers, where there are some; the state is then the new one.

        What a step costs is the time of one replay.
        """
        with self._lock, self._threads:
            outputs = self._run()
        # To put a tree together takes as long as a small step.
        return outputs[-1] if self._structure.is_leaf() else unflatten(self._structure, outputs[len(self.state) :])
