"""`jit`: trace once, plan, replay."""

from __future__ import annotations

import copyreg
import functools
import sys
import threading
import types
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nnarray._messages import describe
from nnarray._trees import unflatten
from nnarray.array import Array, Note, as_array, with_origins
from nnarray.autodiff import Block, vjp
from nnarray.backends import Backend, blas_threads
from nnarray.compiler._call import CallArguments, checked_result, is_array
from nnarray.compiler._draw import draw
from nnarray.compiler._graph import Graph
from nnarray.compiler._marks import Marks
from nnarray.compiler._passes import optimise
from nnarray.compiler._plan import Plan, Program
from nnarray.compiler._split import split
from nnarray.compiler._tracing import trace
from nnarray.compiler.executors import check_executor, executor_for

_MOST_PLANS = 64


def jit(
    fun: Callable[..., Any],
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
    donate_argnums: int | Sequence[int] = (),
    executor: str = "auto",
) -> Jitted:
    """Return a function that runs `fun` once, and from then on replays what it did.

    Parameters
    ----------
    fun : callable
        Written in array-API code, without side effects; takes and returns arrays of any conforming library, Arrays, or
        trees of them.
    static_argnums, static_argnames : int or str, or sequences of them
        Arguments, by position or name, that are part of the program: for each value there is another plan. They are
        hashable. What is no array in other arguments is static too.
    donate_argnums : int or sequence of int
        Arguments whose arrays are overwritten by results of their shape and dtype, where the library can.
    executor : str
        What runs the plan; "auto" is the backend's own.

    Returns
    -------
    Jitted
        Has a plan for each combination of shapes, dtypes, devices and static values, the 64 used last.

    Raises
    ------
    ValueError
        If the executor is unknown.
    TracingError
        When called, if `fun` needs the values of its arguments: branches on one, makes one a Python number.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> @nna.jit
    ... def f(x):
    ...     xp = x.__array_namespace__()
    ...     return xp.sum(xp.exp(x) * 2.0)
    >>> float(f(np.zeros(3)))
    6.0
    >>> print(f.lower(np.zeros(3)).plan)
    step  function  inputs   output          place      bytes
    0     exp       v0       v1: float64[3]  buffer 0   24
    1     multiply  v1, 2.0  v2: float64[3]  buffer 0   24
    2     sum       v2       v3: float64[]   new array  8
    numpy: 3 steps, 9 flops, 128 bytes moved, 24 bytes of buffers
    """
    if not callable(fun):
        raise TypeError(f"jit takes a function: received {describe(fun)}.")
    return Jitted(fun, Marks(fun, static_argnums, static_argnames, donate_argnums), executor)


@dataclass(frozen=True)
class Lowered:
    """What a call of a jitted function would run: its graph and its plan, which print."""

    graph: Graph
    plan: Plan

    def __str__(self) -> str:
        return f"{self.graph}\n\n{self.plan}"

    def svg(self) -> str:
        """Return the graph drawn, as an SVG document; notebooks show it by themselves."""
        return draw(self.graph)

    _repr_svg_ = svg


class _Replay:
    """A program, of which one thread at a time uses the buffers."""

    def __init__(self, program: Program, backend: Backend) -> None:
        self.program = program
        self._backend = backend
        self._threads = blas_threads(program.plan.largest_product, backend)
        self._lock = threading.Lock()

    def run(self, arguments: Sequence[Any]) -> Sequence[Any]:
        """Return the outputs of the program."""
        device = self._backend.device_of(arguments[0])
        with self._lock, self._threads, self._backend.activate(device):
            return self.program.run(*arguments)


class _CallProgram(_Replay):
    """The program for one kind of call.

    Attributes
    ----------
    structure : tree structure
        Of the result.
    forms : list of (bool, object)
        For each leaf of the result whether it is an array, and if not, what it is; then for the logits of some.
    notes : list of Note
        Of which arrays those are the logits.
    halves : dict
        By the places of the arguments that are recorded, the halves of the derivative's graph.
    """

    def __init__(
        self, program: Program, backend: Backend, structure: Any, forms: list[tuple[bool, Any]], notes: list[Note]
    ) -> None:
        super().__init__(program, backend)
        self.structure = structure
        self.forms = forms
        self.notes = notes
        self.halves: dict[tuple[int, ...], _Halves] = {}

    def arranged(self, outputs: Sequence[Any]) -> Any:
        """Return the result with `outputs` for its arrays."""
        remaining = iter(outputs)
        leaves = [next(remaining) if is_array else x for is_array, x in self.forms]
        return unflatten(self.structure, with_origins(leaves, self.notes))


@dataclass(frozen=True)
class _Halves:
    """Forward and backward program of a derivative, and the derivative as a function that can be differentiated."""

    forward: _Replay
    backward: _Replay
    again: Jitted
    zeros: Sequence[Any]


class Jitted:
    """A function and the plans of its calls so far; made by `jit`."""

    def __init__(self, fun: Callable[..., Any], marks: Marks, executor: str) -> None:
        functools.update_wrapper(self, fun)
        self.fun = fun
        self.marks = marks
        self._executor = check_executor(executor)
        self._plans: OrderedDict[Hashable, _CallProgram] = OrderedDict()
        self._lock = threading.Lock()

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        # As an attribute of a class it is a method: its object is a static argument.
        return self if instance is None else types.MethodType(self, instance)

    def __reduce__(self) -> Any:
        # Under a decorator it has the name of its function, which is then no longer to be found by that name.
        found: Any = sys.modules.get(self.__module__)
        for name in getattr(self, "__qualname__", "").split("."):
            found = getattr(found, name, None)
        if found is self:
            return self.__qualname__
        return copyreg.__newobj__, (type(self),), self.__getstate__()  # type: ignore[attr-defined]

    def __getstate__(self) -> dict[str, Any]:
        # A copy makes plans and a lock of its own.
        return {name: x for name, x in self.__dict__.items() if name not in ("_plans", "_lock")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _plans=OrderedDict(), _lock=threading.Lock())

    def __repr__(self) -> str:
        return f"<jit of {getattr(self.fun, '__name__', self.fun)!s}, {len(self._plans)} plans>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the function returns."""
        call = CallArguments(self, args, kwargs)
        if call.inline:
            return self.fun(*args, **kwargs)
        compiled = self._program_for(call)
        if call.recorded:
            return self._recorded(call, compiled)
        return call.released(compiled, compiled.run(call.raw))

    def lower(self, *args: Any, **kwargs: Any) -> Lowered:
        """Return graph and plan of a call with such arguments."""
        call = CallArguments(self, args, kwargs)
        if call.inline:
            raise TypeError(
                "What is lowered has an array among its arguments, and is not within another jit: received "
                f"{describe((*args, *kwargs.values()))}."
            )
        program = self._program_for(call).program
        plan = replace(program.plan, notes=(*program.plan.notes, *program.copies(call.raw)))
        return Lowered(plan.graph, plan)

    def _program_for(self, call: CallArguments) -> _CallProgram:
        with self._lock:
            found = self._plans.get(call.key)
            if found is not None:
                self._plans.move_to_end(call.key)
                return found
        found = self._compile(call)
        with self._lock:
            self._plans[call.key] = found
            while len(self._plans) > _MOST_PLANS:
                self._plans.popitem(last=False)
        return found

    def _compile(self, call: CallArguments) -> _CallProgram:
        kept: dict[str, Any] = {}

        def run(arrays: Sequence[Array]) -> list[Any]:
            results, kept["structure"], kept["notes"] = call.results(arrays)
            kept["forms"] = [(True, None) if is_array(x) else (False, checked_result(x)) for x in results]
            return [x for x in results if is_array(x)]

        program = self._program(trace(run, call.raw, call.backend), call.backend, call.donated)
        return _CallProgram(program, call.backend, **kept)

    def _program(self, graph: Graph, backend: Backend, donated: Sequence[int] = ()) -> Program:
        return executor_for(backend, self._executor).compile(optimise(graph), donated)

    def _recorded(self, call: CallArguments, compiled: _CallProgram) -> Any:
        """Run the forward half of the derivative's graph and let the tape hold the other half."""
        halves = compiled.halves.get(call.recorded)
        if halves is None:
            halves = compiled.halves[call.recorded] = self._differentiated(call, compiled)
        raw, zeros = call.raw, halves.zeros
        outputs = halves.forward.run(raw)
        results, residuals = [as_array(x) for x in outputs[: len(zeros)]], outputs[len(zeros) :]
        parents = [node for node in call.nodes if node is not None]

        def pull(_: Block, cotangents: Sequence[Any], nested: bool) -> list[Any]:
            given = [zero if g is None else g for g, zero in zip(cotangents, zeros, strict=True)]
            if nested or any(isinstance(g, Array) and g.node is not None for g in given):
                leaves = [as_array(x) for x in raw]
                for place, node in zip(call.recorded, parents, strict=True):
                    leaves[place] = Array(leaves[place].value, leaves[place].namespace, node if nested else None)
                return halves.again(leaves, [as_array(g) for g in given])
            return list(halves.backward.run([*raw, *residuals, *(as_array(g).value for g in given)]))

        block = Block(results, getattr(self.fun, "__name__", "jit"), parents, pull)
        return compiled.arranged(block.parts(results))

    def _differentiated(self, call: CallArguments, compiled: _CallProgram) -> _Halves:
        backend, count = call.backend, len(call.raw)
        zeros = [backend.xp.zeros(x.shape, dtype=x.dtype, device=x.device) for x in compiled.program.plan.graph.outputs]

        def both(arrays: Sequence[Array], cotangents: Sequence[Any]) -> tuple[list[Any], list[Any]]:
            def of_recorded(*chosen: Array) -> list[Any]:
                everything = list(arrays)
                for place, x in zip(call.recorded, chosen, strict=True):
                    everything[place] = x
                return [x for x in call.results(everything)[0] if is_array(x)]

            results, pull = vjp(of_recorded, *(arrays[place] for place in call.recorded))
            return results, list(pull(list(cotangents)))

        def joint(arrays: Sequence[Array]) -> list[Any]:
            results, pulled = both(arrays[:count], arrays[count:])
            return [*results, *pulled]

        graph = optimise(trace(joint, [*call.raw, *zeros], backend))
        forward, backward = split(graph, count, len(zeros))
        again = jit(lambda arrays, cotangents: both(arrays, cotangents)[1], executor=self._executor)
        return _Halves(
            _Replay(self._program(forward, backend), backend),
            _Replay(self._program(backward, backend), backend),
            again,
            zeros,
        )
