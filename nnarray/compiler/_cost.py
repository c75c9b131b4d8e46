"""What the steps of a plan cost: operations on numbers, bytes read and written, memory of new arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from nnarray.compiler._graph import Graph, Operation, Value
from nnarray.compiler._location import VIEWS

if TYPE_CHECKING:
    from nnarray.compiler._plan import PlanStep

#: Functions that move elements and compute nothing.
_MOVES = frozenset(
    (
        *("astype", "concat", "flip", "index_add", "repeat", "roll", "set_item", "stack", "take", "take_along_axis"),
        *("tile", "to_device", "tril", "triu", "where", "real", "imag", "linalg.diagonal", *VIEWS),
    )
)
#: Reductions: one operation for each element of the argument.
_REDUCTIONS = frozenset(
    (
        *("all", "any", "argmax", "argmin", "count_nonzero", "max", "mean", "min", "prod", "std", "sum", "var"),
        *("linalg.matrix_norm", "linalg.trace", "linalg.vector_norm"),
    )
)


def _contracted(operation: Operation) -> int:
    axes, shape = operation.params.get("axes", 2), operation.inputs[0].shape
    chosen = shape[len(shape) - axes :] if isinstance(axes, int) else [shape[n] for n in axes[0]]
    return math.prod(chosen)


def _square(factor: float) -> Callable[[Operation], float]:
    """Return the rule for factorisations of matrices (…, n, n): a number of operations times n³."""
    return lambda operation: factor * operation.inputs[0].size * operation.inputs[0].shape[-1]


def _products(power: int) -> int:
    """Return how many products a power takes, by squares."""
    return max(power.bit_length() + power.bit_count() - 2, 0)


def _solved(operation: Operation) -> float:
    return _square(2 / 3)(operation) + 2 * operation.results[0].size * operation.inputs[0].shape[-1]


def _orthogonal(operation: Operation) -> float:
    m, n = sorted(operation.inputs[0].shape[-2:], reverse=True)
    return operation.inputs[0].size / max(m * n, 1) * (4 * m * n * n - 4 / 3 * n**3)


#: Leading terms. Golub, Van Loan, "Matrix computations", 4th edition, 2013: sections 3.2, 4.2 and 5.2.
_RULES: dict[str, Callable[[Operation], float]] = {
    "matmul": lambda operation: 2 * operation.results[0].size * operation.inputs[0].shape[-1],
    "tensordot": lambda operation: 2 * operation.results[0].size * _contracted(operation),
    "vecdot": lambda operation: (
        2 * operation.results[0].size * operation.inputs[0].shape[operation.params.get("axis", -1)]
    ),
    "linalg.matrix_power": lambda operation: (
        2 * operation.inputs[0].size * operation.inputs[0].shape[-1] * _products(abs(operation.params["n"]))
    ),
    "linalg.cholesky": _square(1 / 3),
    **dict.fromkeys(("linalg.det", "linalg.slogdet"), _square(2 / 3)),
    "linalg.inv": _square(2),
    "linalg.solve": _solved,
    "linalg.qr": _orthogonal,
}


def flops_of(operation: Operation) -> int:
    """Return the floating-point operations of a call; one for each element made where there is no better rule."""
    name = operation.function.name
    if name in _RULES:
        return round(_RULES[name](operation))
    if name in _MOVES:
        return 0
    return operation.inputs[0].size if name in _REDUCTIONS else sum(x.size for x in operation.results)


def largest_product(graph: Graph) -> int:
    """Return the multiply-adds of the largest call of BLAS or LAPACK, 0 if there is none."""
    return max(map(_multiplied, graph.operations), default=0)


def _multiplied(operation: Operation) -> int:
    name, inputs = operation.function.name, operation.inputs
    if name == "tensordot":
        return operation.results[0].size * _contracted(operation)
    if name == "matmul":
        # Of a stack of matrices each is multiplied by itself.
        rows, columns = inputs[0].shape[-2:-1], inputs[-1].shape[-1:] if len(inputs[-1].shape) > 1 else ()
        return math.prod((*rows, *columns, inputs[0].shape[-1]))
    if name.startswith("linalg.") and len(inputs[0].shape) > 1:
        return math.prod(inputs[0].shape[-2:]) * min(inputs[0].shape[-2:])
    return 0


def bytes_moved(steps: Sequence[PlanStep]) -> int:
    """Return the bytes that steps read and write in memory; a window on an array moves none."""
    working = [step for step in steps if step.code and not step.is_window]
    inside = {x for step in working if step.place == "register" for x in step.operation.results}
    values = (x for step in working for x in (*step.operation.inputs, *step.operation.results))
    return sum(x.nbytes for x in values if x not in inside)


def peak_of_new_arrays(steps: Sequence[PlanStep], outputs: Sequence[Value], copied: int) -> int:
    """Return the most bytes that new arrays hold at a time: `copied` of results at the end besides those of steps."""
    base: dict[Value, Value] = {}
    last: dict[Value, int] = {}
    born: list[list[Value]] = []
    for time, step in enumerate(steps):
        operation = step.operation
        if step.is_window:
            base.update((x, base.get(operation.inputs[0], operation.inputs[0])) for x in operation.results)
        is_new = step.place == "new array" and not step.is_window
        born.append(list(operation.results) if is_new else [])
        last.update((base.get(x, x), time) for x in (*operation.inputs, *operation.results))
    last.update((base.get(x, x), len(steps)) for x in outputs)
    dying: dict[int, int] = {}
    most = held = 0
    for time, values in enumerate(born):
        held += sum(x.nbytes for x in values)
        most = max(most, held)
        for x in values:
            dying[last[x]] = dying.get(last[x], 0) + x.nbytes
        held -= dying.get(time, 0)
    return max(most, held + copied)
