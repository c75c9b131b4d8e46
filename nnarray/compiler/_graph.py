"""What a traced function did, as data: values, operations, and the graph of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nnarray.array import Function
from nnarray.compiler._types import wrong_type


@dataclass(frozen=True, eq=False)
class Value:
    """An array of the graph: its place in the order of making, shape, dtype and device."""

    number: int
    shape: tuple[int, ...]
    dtype: Any
    device: Any
    itemsize: int

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return self.size * self.itemsize

    @property
    def type(self) -> tuple[Any, ...]:
        """Shape, dtype and device."""
        return self.shape, self.dtype, self.device

    def __str__(self) -> str:
        return f"v{self.number}"

    def __repr__(self) -> str:
        return f"<{self}: {self.form}>"

    @property
    def form(self) -> str:
        """Dtype and shape in words."""
        name = str(self.dtype).rpartition(".")[2]
        return f"{name}[{','.join(map(str, self.shape))}]"


@dataclass(frozen=True, eq=False)
class Operation:
    """One call of a function of the table.

    Attributes
    ----------
    function : Function
        Or, where an executor has put operations together, what stands for them.
    arguments : tuple
        Values, Python scalars, None; of a variadic function, the arrays of its one sequence.
    params : mapping
        The other arguments, by name.
    results : tuple of Value
    region : int
        Grows where a `checkpoint` begins or ends; what is computed in one region is not taken for what is computed in
        another.
    """

    function: Function
    arguments: tuple[Any, ...]
    params: Mapping[str, Any]
    results: tuple[Value, ...]
    region: int = 0

    @property
    def inputs(self) -> tuple[Value, ...]:
        """The arguments that are values."""
        return tuple(x for x in self.arguments if type(x) is Value)

    def __str__(self) -> str:
        given = [str(x) for x in self.arguments]
        if self.function.variadic:
            given = [f"[{', '.join(given)}]"]
        given += [f"{name}={value!r}" for name, value in self.params.items()]
        made = ", ".join(f"{result}: {result.form}" for result in self.results)
        return f"{made} = {self.function.name}({', '.join(given)})"


@dataclass(frozen=True, eq=False)
class Graph:
    """Operations in an order in which they can run.

    Attributes
    ----------
    inputs : tuple of Value
    constants : mapping of Value to raw array
    operations : tuple of Operation
    outputs : tuple of Value
    """

    inputs: tuple[Value, ...]
    constants: Mapping[Value, Any]
    operations: tuple[Operation, ...]
    outputs: tuple[Value, ...]

    def verify(self, checked: dict[int, Operation] | None = None) -> Graph:
        """Return the graph, after checking it.

        Every value is made once, and before it is used; it has the shape and dtype that follow from what it is made
        of, as far as there is a rule for that.

        Parameters
        ----------
        checked : dict of int to Operation, optional
            Operations, by identity, whose types have been checked before; those of this graph are added. Between two
            passes few are new, and a check of all after each pass took a fifth of a plan's making.

        Raises
        ------
        ValueError
            If a value is used before it is made, made twice, or has the wrong type.
        """
        known = set(self.inputs) | set(self.constants)
        for operation in self.operations:
            for x in operation.inputs:
                if x not in known:
                    raise ValueError(f"{x!r} is used before it is made, in: {operation}.")
            for result in operation.results:
                if result in known:
                    raise ValueError(f"{result!r} is made twice, the second time in: {operation}.")
                known.add(result)
            if checked is not None and id(operation) in checked:
                continue
            if (wrong := wrong_type(operation)) is not None:
                raise ValueError(f"{wrong[0].upper()}{wrong[1:]}, in: {operation}.")
            if checked is not None:
                checked[id(operation)] = operation
        for x in self.outputs:
            if x not in known:
                raise ValueError(f"The output {x!r} is never made.")
        return self

    def __str__(self) -> str:
        lines = [f"inputs:    {_typed(self.inputs)}"]
        lines += [f"constants: {_typed(tuple(self.constants))}"] if self.constants else []
        lines += [f"  {operation}" for operation in self.operations]
        lines.append(f"outputs:   {', '.join(map(str, self.outputs))}")
        return "\n".join(lines)


def _typed(values: Sequence[Value]) -> str:
    return ", ".join(f"{x}: {x.form}" for x in values) or "none"
