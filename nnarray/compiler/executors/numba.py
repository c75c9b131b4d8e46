"""Numba: what lies between the large matrix products as compiled loops over the buffers of NumPy's plan."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnarray.compiler._fusion import Fused, fuse
from nnarray.compiler._graph import Graph, Operation, Value
from nnarray.compiler._location import VIEWS
from nnarray.compiler._plan import PlanStep, Program
from nnarray.compiler._storage import Layout
from nnarray.compiler.executors._expressions import has_expression, is_plain
from nnarray.compiler.executors._loops import Access, Fold, Kernel
from nnarray.compiler.executors._numba import build
from nnarray.compiler.executors._threads import share
from nnarray.compiler.executors.numpy import Numpy, axes_of

#: Multiplications up to which a product is faster as a loop than as a call of BLAS.
_SMALL_PRODUCT = 8192
#: Bytes that a loop reads and writes from which on threads share it: two take 0.58 ms instead of 0.75, and of 234 MB
#: half the time; waking the second takes up to 0.1 ms.
_LARGE = 1 << 25
#: A shared loop counts in unsigned integers of 32 bits: one from a signed start takes twice as long, not vectorised.
_MOST_STEPS = 1 << 32
#: Lines of one function: LLVM takes 14 s over 60 unrolled steps in functions of 1000 lines, 9 in such of 500. The
#: article's step has 535.
_LONG = 600
#: Elements that a reduction takes in, up to which it is a loop.
_SHORT = 8192
#: The same over the last axis: NumPy adds more by pairs, which rounds less, and compares many at once.
_SHORT_ROW = {"sum": 1024, "mean": 1024, "max": 512, "min": 512}
_GREATEST = "{{s}} if ({{s}} {sign} {{x}}) | ({{s}} != {{s}}) else {{x}}"
#: By reduction: its first value, how the next element is taken in, what is made of the last value.
_REDUCTIONS = {
    "sum": (0.0, "{s} + {x}", "{s}"),
    "mean": (0.0, "{s} + {x}", "{s} / {count}"),
    "max": (-math.inf, _GREATEST.format(sign=">"), "{s}"),
    "min": (math.inf, _GREATEST.format(sign="<"), "{s}"),
}


class Numba(Numpy):
    """Executor over loops that Numba compiles, and NumPy's functions for the rest."""

    name = "numba"
    _has_numbers = False

    def compile(self, graph: Graph, donated: Sequence[int] = (), bound: Sequence[Any] = ()) -> Program:
        """Return the program of a graph, NumPy's if numbers in it are not in the machine's order of bytes."""
        values = (*graph.inputs, *graph.constants, *(x for operation in graph.operations for x in operation.results))
        if not all(x.dtype.isnative for x in values):
            return Numpy(self.backend).compile(graph, donated, bound)
        return super().compile(graph, donated, bound)

    def _prepared(self, graph: Graph) -> Graph:
        return fuse(graph, has_expression, VIEWS)

    def _can_write(self, operation: Operation) -> bool:
        return isinstance(operation.function, Fused) or super()._can_write(operation)

    def _steps(self, layout: Layout) -> tuple[list[PlanStep], list[str], str]:
        writer = _Writer(self, layout)
        for place, operation in enumerate(layout.graph.operations):
            layout.enter(place)
            writer.add(operation)
            writer.drop(layout.leave(place))
        return writer.finish()

    def step(self, layout: Layout, operation: Operation) -> str:
        """Return the step of NumPy's plan for an operation."""
        return self._step(layout, operation)


class _Writer:
    """Kernels, and the lines that call them and NumPy.

    Parameters
    ----------
    executor : Numba
    layout : Layout
    """

    def __init__(self, executor: Numba, layout: Layout) -> None:
        self._executor = executor
        self._layout = layout
        self._steps: list[PlanStep] = []
        self._lines: list[str] = []
        self._kernels: list[Kernel] = []
        self._is_open = False
        self._dead: list[str] = []
        # For 25 ms after a product BLAS' threads look out for the next one: loops are no faster on more threads then.
        self._may_share = all(x.function.name != "matmul" or _is_small_product(x) for x in layout.graph.operations)
        self._literals: dict[Any, tuple[str, Any]] = {}
        self._made: set[str] = set()
        #: For what exists at replay only: the name of the array it is in, and arrays that stand in for it and for that.
        self._windows: dict[Value, tuple[str, np.ndarray, np.ndarray]] = {}

    def add(self, operation: Operation) -> None:
        """Add an operation to the open kernel, or as lines of Python."""
        if self._is_open and len(self._kernels[-1].lines) > _LONG:
            self._close()
        if self._add_loop(operation):
            inner = operation.function.operations if isinstance(operation.function, Fused) else (operation,)
            self._lines += self._layout.prefixed("").splitlines()
            kernel = self._kernels[-1]
            self._steps += [PlanStep(each, kernel.name, self._layout.describe(each.results[0])) for each in inner]
            if kernel.is_shared:
                self._close()
            return
        code = self._layout.prefixed(self._executor.step(self._layout, operation))
        place = self._layout.describe(operation.results[0])
        self._steps.append(PlanStep(operation, code, place, self._layout.is_window(operation)))
        if not self._note_window(operation) and code:
            self._close()
        self._lines += code.splitlines()

    def drop(self, variables: list[str]) -> None:
        """Delete variables, when the open kernel has been called, which may be given them."""
        self._dead += variables
        if not self._is_open and self._dead:
            self._lines.append(f"del {', '.join(self._dead)}")
            self._dead = []

    def finish(self) -> tuple[list[PlanStep], list[str], str]:
        """Return the steps, the lines of the replay, and the source of the kernels."""
        self._close()
        if not self._kernels:
            return self._steps, self._lines, ""
        literals = (f"{name} = np.{number.dtype.name}({_exact(number)})\n" for name, number in self._literals.values())
        source = "".join(literals) + "\n\n" + "\n\n".join(kernel.source() for kernel in self._kernels)
        module = build(source)
        for kernel in self._kernels:
            self._layout.names[kernel.name] = getattr(module, kernel.name)
        self._layout.names["kernels"] = module
        return self._steps, self._lines, source + "\n\n"

    def _close(self) -> None:
        """Call the open kernel."""
        if self._is_open:
            kernel = self._kernels[-1]
            table = self._layout.name(np.asarray(kernel.addresses, np.int64), "table")
            given = ", ".join([table, *(self._given(name) for name in kernel.parameters)])
            shared = f"{self._layout.name(share, 'share')}({kernel.name}, {kernel.extent}, {given})"
            self._lines.append(shared if kernel.is_shared else f"{kernel.name}({given})")
        self._is_open = False
        self.drop([])

    def _given(self, name: str) -> str:
        """Return an argument as a kernel reads it; what the plan has made is so already."""
        return name if name in self._made else f"{self._layout.name(_plain, 'plain')}({name})"

    def _kernel(self, operation: Operation) -> Kernel:
        """Return the kernel that an operation goes into: one that threads share is alone."""
        moved = sum(x.nbytes for x in (*operation.inputs, *operation.results))
        is_shared = self._may_share and moved >= _LARGE and operation.results[0].size < _MOST_STEPS
        if is_shared:
            self._close()
        if not self._is_open:
            self._kernels.append(Kernel(len(self._kernels), is_shared))
            self._is_open = True
        return self._kernels[-1]

    # -- loops --------------------------------------------------------------------------------------------------------

    def _add_loop(self, operation: Operation) -> bool:
        """Add an operation to the open kernel, if it is one of its kind."""
        name = operation.function.name
        if isinstance(operation.function, Fused):
            self._fused(operation, operation.function)
        elif name == "matmul" and _is_small_product(operation):
            self._product(operation)
        elif name in _REDUCTIONS and _is_short(operation):
            self._reduction(operation)
        else:
            return False
        return True

    def _fused(self, operation: Operation, fused: Fused) -> None:
        kernel, shape = self._kernel(operation), fused.operations[0].results[0].shape
        constants = self._layout.graph.constants
        numbers = [x for x in operation.inputs if x in constants and x.size == 1]
        for x in numbers:
            kernel.lines.append(f"v{x.number} = {self._literal(constants[x].reshape(())[()])}")
        reads = {x: self._access(x, shape) for x in operation.inputs if x not in numbers}
        for number in range(len(operation.results)):
            self._layout.out(operation, operation.inputs, number)
        writes = {x: self._access(x, shape, is_written=True) for x in operation.results}
        kernel.fused(fused.operations, reads, writes, self._literal)

    def _product(self, operation: Operation) -> None:
        first, second = operation.inputs
        result = operation.results[0]
        kernel = self._kernel(operation)
        self._layout.out(operation)
        kernel.product(
            (first.shape[0], first.shape[1], second.shape[1]),
            self._access(first, first.shape),
            self._access(second, second.shape),
            self._access(result, result.shape, is_written=True),
            self._literal(result.dtype.type(0)),
        )

    def _reduction(self, operation: Operation) -> None:
        x, result = operation.inputs[0], operation.results[0]
        axes, _ = axes_of(operation)
        start, step, end = _REDUCTIONS[operation.function.name]
        count = self._literal(x.dtype.type(x.size // result.size))
        kernel = self._kernel(operation)
        self._layout.out(operation)
        into = self._access(result, result.shape, is_written=True)
        if len(result.shape) != len(x.shape):
            strides = iter(into.strides)
            into = into.over(tuple(0 if n in axes else next(strides) for n in range(len(x.shape))))
        source = self._access(x, x.shape)
        zero = self._literal(x.dtype.type(start))
        kernel.reduction(x.shape, axes, source, into, Fold(zero, step, end.replace("{count}", count)))

    def _access(self, x: Value, shape: tuple[int, ...], is_written: bool = False) -> Access:
        place = self._layout.place(x)
        assert place is not None
        if place.array is not None:
            return self._kernels[-1].known(place.array, shape)
        if is_written and place.root.kind == "new":
            self._made.add(place.name)
        name, window, whole = self._stand_ins(x, place.name)
        return self._kernels[-1].argument(name, window, whole, shape, is_written)

    def _note_window(self, operation: Operation) -> bool:
        """Return whether an operation reads nothing; keep of what it is a window that replay only knows of."""
        if operation.function.name not in VIEWS:
            return False
        source, result = operation.inputs[0], operation.results[0]
        place, made = self._layout.place(source), self._layout.place(result)
        assert place is not None
        assert made is not None
        if made.root is not place.root:
            return False
        if place.array is not None:
            return True
        name, window, whole = self._stand_ins(source, place.name)
        seen = np.asarray(operation.function.on(self._executor.backend)(window, **operation.params))
        # What cannot be a window is a copy, and what it copies may be written by the open kernel.
        is_window = seen.size == 0 or np.may_share_memory(seen, whole)
        if is_window:
            self._windows[result] = name, seen, whole
        return is_window

    def _stand_ins(self, x: Value, name: str) -> tuple[str, np.ndarray, np.ndarray]:
        """Return the name of the array that a value is in, and what stands in for the value and for that array."""
        if x not in self._windows:
            whole = np.empty(x.shape, x.dtype)
            self._windows[x] = name, whole, whole
        return self._windows[x]

    def _literal(self, number: Any) -> str:
        """Return the name of a number, a constant of the module."""
        key = number.dtype, number.tobytes()
        return self._literals.setdefault(key, (f"k{len(self._literals)}", number))[0]


def _is_small_product(operation: Operation) -> bool:
    first, second = operation.inputs
    is_float = first.dtype == second.dtype and first.dtype.kind == "f" and is_plain(first.dtype)
    if not is_float or len(first.shape) != 2 or len(second.shape) != 2:
        return False
    return 0 < math.prod(first.shape) * second.shape[1] <= _SMALL_PRODUCT


def _is_short(operation: Operation) -> bool:
    x, result = operation.inputs[0], operation.results[0]
    is_float = x.dtype == result.dtype and x.dtype.kind == "f" and is_plain(x.dtype)
    if not is_float or not x.size or operation.params.get("dtype") is not None:
        return False
    is_by_row = len(x.shape) - 1 in axes_of(operation)[0]
    return x.size // result.size <= (_SHORT_ROW[operation.function.name] if is_by_row else _SHORT)


def _plain(x: np.ndarray) -> np.ndarray:
    """Return an argument as a kernel reads it: its elements one after the other."""
    flags = x.flags
    return np.asarray(x) if flags.c_contiguous and flags.aligned else np.array(x, order="C")


def _exact(number: Any) -> str:
    """Return the code for a number."""
    plain = number.item()
    return repr(plain) if not isinstance(plain, float) or math.isfinite(plain) else f"float('{plain}')"
