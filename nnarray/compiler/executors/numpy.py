"""NumPy: every step writes into a buffer that was made once, by ``out=``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnarray.backends import Backend
from nnarray.compiler._graph import Graph, Operation, Value
from nnarray.compiler._location import VIEWS
from nnarray.compiler._plan import Plan, PlanStep, Program, matched, noted_copies, owning, replay_of
from nnarray.compiler._storage import Layout, holds
from nnarray.compiler.executors.generic import Generic

_UFUNCS = {
    **{name: name for name in ("add", "subtract", "multiply", "divide", "floor_divide", "remainder", "negative")},
    **{name: name for name in ("sqrt", "square", "reciprocal", "exp", "expm1", "log", "log1p", "log2", "log10")},
    **{name: name for name in ("logaddexp", "sin", "cos", "tan", "sinh", "cosh", "tanh", "copysign", "hypot")},
    **{name: name for name in ("maximum", "minimum", "isfinite", "isinf", "isnan", "signbit", "nextafter")},
    **{name: name for name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")},
    **{name: name for name in ("logical_and", "logical_or", "logical_xor", "logical_not")},
    **{"abs": "absolute", "pow": "power", "conj": "conjugate", "atan2": "arctan2"},
    **{name: name.replace("a", "arc", 1) for name in ("acos", "acosh", "asin", "asinh", "atan", "atanh")},
}
#: On numbers without axes NumPy's scalars compute the same in a fifth of the time.
_SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}
#: Passing `out` by position is an error or deprecated for these.
_OUT_BY_NAME = ("maximum", "minimum")
_REDUCTIONS = {"sum": np.add, "max": np.maximum, "min": np.minimum, "prod": np.multiply}


class Numpy(Generic):
    """Executor over NumPy's functions with `out`."""

    name = "numpy"
    library = "numpy"
    binds = True
    _has_numbers = True

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        self._emitters: dict[str, Callable[..., str | None]] = {
            **dict.fromkeys(_UFUNCS, self._ufunc),
            **dict.fromkeys(_REDUCTIONS, self._reduction),
            **{"matmul": self._matmul, "where": self._where, "astype": self._astype, "concat": self._concat},
            **{"mean": self._mean, "set_item": self._set_item, "stack": self._stack},
        }

    def can_bind(self, x: Any) -> bool:
        """Whether a program can update an array in place."""
        return type(x) is np.ndarray and x.flags.c_contiguous and x.flags.writeable

    def compile(self, graph: Graph, donated: Sequence[int] = (), bound: Sequence[Any] = ()) -> Program:
        """Return the program of a graph.

        Parameters
        ----------
        graph : Graph
        donated : sequence of int
            Places of inputs whose arrays may be overwritten.
        bound : sequence
            For each input an array that it always is; none if empty. A donated one is then updated in place by the
            output of the same place.
        """
        wanted = matched(graph, donated) if not bound else {i: i for i in donated}
        layout = Layout(self._prepared(graph), wanted, bound, self._can_write)
        steps, lines, further = self._steps(layout)
        tail, results, copied = layout.results()
        arguments = ", ".join(f"x{i}" for i, array in enumerate(layout.bound) if array is None)
        lines += [*tail, f"return ({', '.join(results)}{',' * (len(results) == 1)})"]
        source = f"def replay({arguments}):\n    " + "\n    ".join(lines) + "\n"
        unused = sorted(set(donated) - set(wanted.values()))
        notes = [f"x{i} is donated, and no result has its shape and dtype" for i in unused]
        everything = tuple(notes + layout.notes)
        plan = Plan(
            self.name, graph, tuple(steps), further + source, everything, layout.buffer_bytes, copied_bytes=copied
        )
        replay = replay_of(source, layout.names)
        if bound:
            return Program(plan, replay)
        run = self._unless(_has_others, graph, donated, owning(replay, donated, _obstacle, _copy))
        return Program(plan, run, noted_copies(donated, _obstacle))

    def _prepared(self, graph: Graph) -> Graph:
        """Return the graph as the steps follow it."""
        return graph

    def _steps(self, layout: Layout) -> tuple[list[PlanStep], list[str], str]:
        """Return the steps, the lines of the replay, and the source of what those call."""
        steps: list[PlanStep] = []
        lines: list[str] = []
        for place, operation in enumerate(layout.graph.operations):
            layout.enter(place)
            code = layout.prefixed(self._step(layout, operation))
            steps.append(PlanStep(operation, code, layout.describe(operation.results[0]), layout.is_window(operation)))
            lines += code.splitlines()
            if dead := layout.leave(place):
                lines.append(f"del {', '.join(dead)}")
        return steps, lines, ""

    def _can_write(self, operation: Operation) -> bool:
        return operation.function.name in self._emitters and len(operation.results) == 1

    def _step(self, layout: Layout, operation: Operation) -> str:
        name = operation.function.name
        if name in VIEWS:
            return layout.view(operation, operation.function.on(self.backend))
        if self._can_write(operation) and (code := self._emitters[name](layout, operation)) is not None:
            return code
        return layout.call(operation, operation.function.on(self.backend))

    # -- what can be written into a buffer; None leaves it to the plain call ------------------------------------------

    def _ufunc(self, layout: Layout, operation: Operation) -> str | None:
        if self._has_numbers and operation.function.name in _SIGNS and layout.is_lone_number(operation):
            return layout.number(operation, _SIGNS[operation.function.name])
        name = _UFUNCS[operation.function.name]
        ufunc = getattr(np, name)
        if not _keeps_dtype(ufunc, operation):
            return None
        given = ", ".join(layout.operands(operation))
        out = layout.out(operation, overwrite=operation.inputs)
        made = f"out={out}" if name in _OUT_BY_NAME else out
        return f"{layout.name(ufunc, name)}({given}, {made})"

    def _reduction(self, layout: Layout, operation: Operation) -> str | None:
        x, result = operation.inputs[0], operation.results[0]
        params = operation.params
        if params.get("dtype") is not None or x.dtype != result.dtype or x.size == 0:
            return None
        axis, keepdims = axes_of(operation)
        function = operation.function.name
        ufunc = _REDUCTIONS[function]
        given = layout[x]
        out = layout.out(operation)
        if function == "sum" and len(x.shape) == 2 and axis == (0,) and x.dtype.kind == "f":
            # A product with ones takes two thirds of the time of a reduction on small arrays.
            ones = layout.constant(np.ones((1, x.shape[0]) if keepdims else x.shape[0], x.dtype))
            return f"{layout.name(np.dot, 'dot')}({ones}, {given}, {out})"
        reduce = layout.name(ufunc.reduce, f"{ufunc.__name__}_reduce")
        return f"{reduce}({given}, {axis!r}, None, {out}, {keepdims})"

    def _mean(self, layout: Layout, operation: Operation) -> str | None:
        x, result = operation.inputs[0], operation.results[0]
        if x.dtype.kind != "f" or x.dtype.itemsize < 4 or x.size == 0:
            return None
        axis, keepdims = axes_of(operation)
        count = layout.constant(np.asarray(x.size // max(result.size, 1), result.dtype))
        out = layout.out(operation)
        add = layout.name(np.add.reduce, "add_reduce")
        divide = layout.name(np.divide, "divide")
        return f"{add}({layout[x]}, {axis!r}, None, {out}, {keepdims})\n{divide}({out}, {count}, {out})"

    def _matmul(self, layout: Layout, operation: Operation) -> str | None:
        first, second = operation.inputs
        if first.dtype != second.dtype:
            return None
        plain = len(first.shape) == len(second.shape) == 2 and 0 not in (*first.shape, *second.shape)
        out = layout.out(operation)
        function = layout.name(np.dot, "dot") if plain else layout.name(np.matmul, "matmul")
        return f"{function}({layout[first]}, {layout[second]}, {'' if plain else 'out='}{out})"

    def _where(self, layout: Layout, operation: Operation) -> str | None:
        condition, first, second = operation.arguments
        result = operation.results[0]
        fitting = (x.dtype == result.dtype if type(x) is Value else holds(result.dtype, x) for x in (first, second))
        if type(condition) is not Value or not all(fitting):
            return None
        for kept, other, turn in ((first, second, False), (second, first, True)):
            same = type(kept) is Value and kept.type == result.type and condition.shape == result.shape
            if same and result.dtype.kind == "f" and result.itemsize <= 8 and layout.is_zero(other):
                return self._masked(layout, operation, kept, turn)
        mask = layout[condition]
        others = [
            layout[x] if type(x) is Value else layout.constant(np.asarray(x, result.dtype)) for x in (first, second)
        ]
        out = layout.out(operation)
        copy = layout.name(np.copyto, "copyto")
        return f"{copy}({out}, {others[1]})\n{copy}({out}, {others[0]}, where={mask})"

    def _masked(self, layout: Layout, operation: Operation, kept: Value, turn: bool) -> str:
        """Return the bits of `kept` times 0 or 1: exact for infinities and NaN, and much faster than a masked copy."""
        condition = operation.inputs[0]
        mask, lines = layout[condition], []
        if turn:
            turned = mask if layout.is_dying(condition) else layout.scratch(condition)
            lines.append(f"{layout.name(np.logical_not, 'logical_not')}({mask}, {turned})")
            mask = turned
        elif not self._is_zero_or_one(layout, condition):
            given = layout.seen_as(mask, np.dtype("u1"))
            mask = layout.scratch(condition)
            zero = layout.constant(np.asarray(0, "u1"))
            lines.append(f"{layout.name(np.not_equal, 'not_equal')}({given}, {zero}, {mask})")
        integer = np.dtype(f"i{kept.itemsize}")
        given = layout.seen_as(layout[kept], integer)
        out = layout.seen_as(layout.out(operation, overwrite=(kept,)), integer)
        byte = layout.seen_as(mask, np.dtype("i1"))
        return "\n".join([*lines, f"{layout.name(np.multiply, 'multiply')}({given}, {byte}, {out})"])

    def _is_zero_or_one(self, layout: Layout, condition: Value) -> bool:
        """Whether truth values are bytes of 0 and 1; what comes from outside may have any other for true."""
        maker = layout.makers.get(condition)
        return maker is not None and maker.function.name in (*_UFUNCS, "fused")

    def _astype(self, layout: Layout, operation: Operation) -> str | None:
        out = layout.out(operation)
        return f"{layout.name(np.copyto, 'copyto')}({out}, {layout[operation.inputs[0]]}, 'unsafe')"

    def _concat(self, layout: Layout, operation: Operation) -> str | None:
        result = operation.results[0]
        if any(x.dtype != result.dtype for x in operation.inputs):
            return None
        if (code := layout.joined(operation)) is not None:
            return code
        axis = operation.params.get("axis", 0)
        if axis is None:
            return None
        parts = ", ".join(layout[x] for x in operation.inputs)
        out = layout.out(operation)
        return f"{layout.name(np.concatenate, 'concatenate')}(({parts},), {axis!r}, {out})"

    def _stack(self, layout: Layout, operation: Operation) -> str | None:
        result = operation.results[0]
        if any(x.dtype != result.dtype for x in operation.inputs):
            return None
        parts = ", ".join(layout[x] for x in operation.inputs)
        out = layout.out(operation)
        return f"{layout.name(np.stack, 'stack')}(({parts},), {operation.params.get('axis', 0)!r}, {out})"

    def _set_item(self, layout: Layout, operation: Operation) -> str | None:
        x, value = operation.arguments
        if type(x) is not Value or (type(value) is Value and value in (x,)):
            return None
        key = layout.name(operation.params["key"], "key")
        out = layout.out(operation, overwrite=(x,))
        given = layout[value] if type(value) is Value else layout.name(value, "scalar")
        lines = [] if out == layout[x] else [f"{layout.name(np.copyto, 'copyto')}({out}, {layout[x]})"]
        return "\n".join([*lines, f"{out}[{key}] = {given}"])


def _obstacle(given: Sequence[Any], i: int) -> str:
    """Return why a donated array cannot be overwritten, or nothing."""
    flags = given[i].flags
    if not flags.writeable:
        return "is read-only"
    if not flags.carray:
        return "does not lie in one piece of memory, in order"
    others = (j for j, x in enumerate(given) if j != i and np.may_share_memory(given[i], x))
    return next((f"shares memory with x{j}" for j in others), "")


def _copy(x: np.ndarray) -> np.ndarray:
    return np.array(x, order="C")


def _has_others(arguments: Sequence[Any]) -> bool:
    """Whether some are of a class of their own, whose functions may do more than NumPy's."""
    return any(type(x) is not np.ndarray and isinstance(x, np.ndarray) and type(x) is not np.memmap for x in arguments)


def axes_of(operation: Operation) -> tuple[tuple[int, ...], bool]:
    """Return over which axes an operation reduces, and whether it keeps them."""
    axis, ndim = operation.params.get("axis"), len(operation.inputs[0].shape)
    axes = range(ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    return tuple(a % ndim for a in axes if ndim), bool(operation.params.get("keepdims", False))


def _keeps_dtype(ufunc: Any, operation: Operation) -> bool:
    given = [np.empty(0, x.dtype) if type(x) is Value else x for x in operation.arguments]
    return ufunc(*given).dtype == operation.results[0].dtype
