"""Where each value of a graph lives: buffers made once and used again, windows on them, arguments, new arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nnarray.compiler._graph import Graph, Operation, Value
from nnarray.compiler._location import (
    MAY_BE_WINDOWS,
    Location,
    Root,
    is_same_memory,
    is_window,
    materialize_outputs,
    window_key,
    windows_of,
)
from nnarray.compiler._plan import last_uses

_ALIGNMENT = 64


class Layout:
    """Places of the values of a graph, assigned in the order of its operations.

    Parameters
    ----------
    graph : Graph
    wanted : mapping of int to int
        For places of outputs the place of the input that each shall overwrite.
    bound : sequence
        For each input an array that it always is, or None.
    can_write : callable
        Whether the result of an operation can be written where it is wanted.

    Attributes
    ----------
    makers : dict of Value to Operation
        What makes each value.
    """

    def __init__(
        self,
        graph: Graph,
        wanted: Mapping[int, int],
        bound: Sequence[Any],
        can_write: Callable[[Operation], bool],
    ) -> None:
        self.names: dict[str, Any] = {"empty": np.empty, "copyto": np.copyto}
        self.notes: list[str] = []
        self.buffer_bytes = 0
        self._buffers = 0
        self.bound = [*bound, *[None] * (len(graph.inputs) - len(bound))]
        self.graph = graph
        self._time = 0
        self._before: list[str] = []
        self._free: list[Root] = []
        self._scratch: list[Root] = []
        self._taken: set[Root] = set()
        self._places: dict[Value, Location] = {}
        #: For each root the last operation that reads a value in it.
        self._ends: dict[Root, int] = {}
        #: For each new array the variables that hold it or a window on it.
        self._variables: dict[Root, list[str]] = {}
        self._known: dict[Any, tuple[str, Any]] = {}
        self._counts = {"empty": 1, "copyto": 1}
        for i, (value, array) in enumerate(zip(graph.inputs, self.bound, strict=True)):
            name = f"x{i}" if array is None else self.name(array, "a")
            self._places[value] = Location(Root("argument"), name, array)
        for value, array in graph.constants.items():
            self._places[value] = Location(Root("constant"), self.name(array, "c"), array)
        self._base = windows_of(graph)
        self._last: dict[Value, int] = {}
        for value, last in last_uses(graph).items():
            base = self._base.get(value, value)
            self._last[base] = max(last, self._last.get(base, -1))
        self._dying: dict[int, list[Value]] = {}
        for base, last in self._last.items():
            self._dying.setdefault(last, []).append(base)
        self.makers = {x: op for op in graph.operations for x in op.results}
        self._written = {x for x, op in self.makers.items() if can_write(op)}
        self._targets: dict[Value, tuple[Root, Any]] = {}
        self._joins: dict[Value, tuple[Root, Any]] = {}
        self._filled: set[tuple[Value, int]] = set()
        self._reserve_joins()
        self._overwritten = {output: graph.inputs[i] for output, i in wanted.items()}
        self._wanted: dict[Value, Value] = {}
        for output, x in self._overwritten.items():
            self._wanted.setdefault(graph.outputs[output], x)

    # -- before the first operation -----------------------------------------------------------------------------------

    def _reserve_joins(self) -> None:
        """Let what is joined end to end be computed where it belongs in the joined array."""
        for operation in self.graph.operations:
            result = operation.results[0]
            axis = operation.params.get("axis", 0)
            if operation.function.name != "concat" or axis != 0 or len({x.dtype for x in operation.inputs}) > 1:
                continue
            root, whole = self._memory("kept", result)
            self._joins[result] = root, whole
            start = 0
            for n, part in enumerate(operation.inputs):
                piece = whole[start : start + part.shape[0]]
                start += part.shape[0]
                made = part
                while (maker := self.makers.get(made)) is not None and maker.function.name == "reshape":
                    made = maker.inputs[0]
                fits = made in self._written and made not in self._targets and made not in self.graph.outputs
                if fits and operation.inputs.count(part) == 1 and made not in self._joins:
                    self._targets[made] = root, piece.reshape(made.shape)
                elif part in self.graph.constants:
                    piece[...] = self.graph.constants[part]
                    self._filled.add((result, n))

    # -- while operations go by ---------------------------------------------------------------------------------------

    def enter(self, time: int) -> None:
        """Come to an operation."""
        self._time = time
        self._before = []
        self._taken = set()

    def leave(self, time: int) -> list[str]:
        """Free the buffers that the operation used last; return the variables whose arrays it used last."""
        self._free += self._scratch
        self._scratch = []
        dead: list[str] = []
        for base in self._dying.get(time, ()):
            place = self._places.get(base)
            if place is None or self._ends.get(place.root, time) > time:
                continue
            if place.root.kind == "buffer" and place.root not in self._free:
                self._free.append(place.root)
            dead += self._variables.pop(place.root, ())
        return dead

    def prefixed(self, code: str) -> str:
        """Return the code of an operation behind that of the arrays it needs."""
        return "\n".join([*self._before, *([code] if code else [])])

    def __getitem__(self, x: Value) -> str:
        return self._places[x].name

    def place(self, x: Value) -> Location | None:
        """Return where a value is, if it is anywhere."""
        return self._places.get(x)

    def operands(self, operation: Operation) -> list[str]:
        """Return the arguments of an elementwise function, scalars as arrays of the dtype that they are taken in."""
        dtypes = {x.dtype for x in operation.inputs}
        if len(dtypes) != 1:
            return [self[x] if type(x) is Value else self.name(x, "s") for x in operation.arguments]
        dtype = next(iter(dtypes))
        found = []
        for x in operation.arguments:
            if type(x) is Value:
                found.append(self[x])
            else:
                # An array is taken in half the time of a Python number, of which each call makes one anew.
                weak = np.result_type(np.empty(0, dtype), x) == dtype and holds(dtype, x)
                found.append(self.constant(np.asarray(x, dtype)) if weak else self.name(x, "s"))
        return found

    def name(self, held: Any, hint: str) -> str:
        """Return the name of an object in the replay, the same for the same object."""
        if id(held) in self._known:
            return self._known[id(held)][0]
        count = self._counts.get(hint, 0)
        self._counts[hint] = count + 1
        name = hint if count == 0 and callable(held) else f"{hint}{count}"
        self._known[id(held)] = name, held
        self.names[name] = held
        return name

    def seen_as(self, name: str, dtype: np.dtype[Any]) -> str:
        """Return the name of the same memory as numbers of another dtype of that size."""
        array = self.names.get(name)
        if array is None:
            return f"{name}.view({self.name(dtype, 'dtype')})"
        key = name, dtype
        if key not in self._known:
            self._known[key] = self.name(array.view(dtype), "i"), array
        return self._known[key][0]

    def is_zero(self, x: Any) -> bool:
        """Whether an argument is zero throughout, without a sign."""
        if type(x) is Value:
            array = self.graph.constants.get(x)
            return array is not None and not np.frombuffer(array.tobytes(), np.uint8).any()
        return isinstance(x, (int, float)) and str(x) in ("0", "0.0")

    def scratch(self, like: Value) -> str:
        """Return the name of a buffer of the form of a value, for this operation alone."""
        root, array = self._memory("buffer", like)
        self._scratch.append(root)
        return self.name(array, "t")

    def constant(self, array: np.ndarray) -> str:
        """Return the name of a small constant, the same for equal ones."""
        key = array.dtype, array.shape, array.tobytes()
        name, held = self._known.get(key, ("", None))
        if held is None:
            name, held = self.name(array, "k"), array
            self._known[key] = name, held
        return name

    def is_lone_number(self, operation: Operation) -> bool:
        """Whether an operation makes a number without axes, of others of its dtype, that no place is reserved for."""
        result = operation.results[0]
        reserved = result in self._targets or result in self._wanted or result in self.graph.outputs
        floating = result.shape == () and result.dtype.kind == "f" and not reserved
        return floating and all(x.type == result.type for x in operation.inputs)

    def number(self, operation: Operation, sign: str) -> str:
        """Return the code for a number as one of NumPy's scalars."""
        result = operation.results[0]
        terms = []
        for x in operation.arguments:
            if type(x) is Value:
                is_scalar = self._places[x].root.kind == "number"
                terms.append(self[x] if is_scalar else f"{self[x]}[()]")
            else:
                terms.append(self.name(result.dtype.type(x), "s"))
        name = self._put(result, Location(Root("number"), f"v{result.number}"))
        return f"{name} = {f' {sign} '.join(terms)}"

    def can_overwrite(self, x: Any, operation: Operation, number: int = 0) -> bool:
        """Whether a result of an elementwise operation may take the place of its argument `x`."""
        result = operation.results[number]
        if type(x) is not Value or x.type != result.type or result in self._targets or result in self.graph.outputs:
            return False
        place, base = self._places[x], self._base.get(x, x)
        aliased = any(y is not x and self._base.get(y, y) is base for y in operation.inputs)
        return (
            place.root.kind == "buffer"
            and place.root not in self._taken
            and place.array is not None
            and place.array.flags.c_contiguous
            and place.array.flags.writeable
            and self._last[base] == self._time
            and not aliased
        )

    def is_dying(self, x: Value) -> bool:
        """Whether a value is in a buffer of its own that nothing reads after this operation."""
        place, base = self._places[x], self._base.get(x, x)
        return place.root.kind == "buffer" and base is x and self._last[base] == self._time

    def out(self, operation: Operation, overwrite: Sequence[Any] = (), number: int = 0) -> str:
        """Return the name of an array for a result of an operation, which takes the place of one of `overwrite`."""
        result = operation.results[number]
        if result in self._targets:
            root, array = self._targets[result]
            return self._put(result, Location(root, self.name(array, "b"), array))
        if result in self._wanted:
            donated = self._wanted[result]
            place = self._places[donated]
            free = self._last.get(donated, -1)
            if free < self._time or (free == self._time and donated in overwrite and self._alone(donated, operation)):
                return self._put(result, place)
        if result in self.graph.outputs:
            name = f"o{result.number}"
            dtype = self.name(result.dtype, "dtype")
            self._before.append(f"{name} = empty({result.shape!r}, {dtype})")
            return self._put(result, Location(Root("new"), name))
        for x in overwrite:
            if self.can_overwrite(x, operation, number):
                self._taken.add(self._places[x].root)
                return self._put(result, self._places[x])
        root, array = self._memory("buffer", result)
        return self._put(result, Location(root, self.name(array, "b"), array))

    def _alone(self, x: Value, operation: Operation) -> bool:
        return not any(y is not x and self._base.get(y, y) is x for y in operation.inputs)

    def _put(self, x: Value, place: Location) -> str:
        self._places[x] = place
        self._ends[place.root] = max(self._last[self._base.get(x, x)], self._ends.get(place.root, -1))
        if place.root.kind == "new":
            self._variables.setdefault(place.root, []).append(place.name)
        return place.name

    def _memory(self, kind: str, x: Value) -> tuple[Root, Any]:
        """Return memory for a value: the smallest that is free and holds it, or new."""
        fitting = [root for root in self._free if root.memory.nbytes >= x.nbytes]
        if kind == "buffer" and fitting:
            root = min(fitting, key=lambda root: root.memory.nbytes)
            self._free.remove(root)
        else:
            raw = np.zeros(x.nbytes + _ALIGNMENT, np.uint8)
            start = -raw.ctypes.data % _ALIGNMENT
            root = Root(kind, raw[start : start + x.nbytes], self._buffers)
            self._buffers += 1
            self.buffer_bytes += x.nbytes
        return root, root.memory[: x.nbytes].view(x.dtype).reshape(x.shape)

    def view(self, operation: Operation, function: Callable[..., Any]) -> str:
        """Give the result of an operation a window on its argument, or a copy where none can be."""
        source, result = operation.inputs[0], operation.results[0]
        place = self._places[source]
        if place.array is None:
            code = self._window(operation, place.name)
            if code is None:
                return self.call(operation, function, place.root)
            return f"{self._put(result, Location(place.root, f'v{result.number}'))} = {code}"
        is_key = operation.function.name == "getitem"
        made = function(place.array, **({"key": window_key(operation)} if is_key else operation.params))
        if made.size == 0 or np.may_share_memory(made, place.array):
            self._put(result, Location(place.root, self.name(made, "w"), made))
            return ""
        # Only a reshape copies, and what it copies stands in the order of its argument.
        copy = self.out(operation)
        target = self._places[result].array
        shaped = f"{copy}.reshape({source.shape!r})" if target is None else self.name(target.reshape(source.shape), "w")
        return f"copyto({shaped}, {place.name})"

    def _window(self, operation: Operation, source: str) -> str | None:
        """Return the expression for a window on an array that is known at replay only, None for the plain call."""
        name, params = operation.function.name, operation.params
        if name in ("expand_dims", "reshape", "squeeze"):
            return f"{source}.reshape({operation.results[0].shape!r})"
        if name == "matrix_transpose":
            return f"{source}.mT"
        if name == "permute_dims":
            return f"{source}.transpose({tuple(params['axes'])!r})"
        return f"{source}[{self.name(window_key(operation), 'key')}]" if name == "getitem" else None

    def call(self, operation: Operation, function: Callable[..., Any], root: Root | None = None) -> str:
        """Return the plain call of a function, whose results are new arrays or windows on `root`."""
        given = [self[x] if type(x) is Value else self.name(x, "s") for x in operation.arguments]
        given = [f"[{', '.join(given)}]"] if operation.function.variadic else given
        given += [f"{key}={self.name(value, 'p')}" for key, value in operation.params.items()]
        if root is None and operation.function.name in MAY_BE_WINDOWS:
            root = self._places[operation.inputs[0]].root
        for x in operation.results:
            self._put(x, Location(root or Root("new"), f"v{x.number}"))
        made = ", ".join(self[x] for x in operation.results)
        # Functions without axes to return give scalars, on which nothing can be written.
        array = "" if len(operation.results) > 1 else self.name(np.asarray, "asarray")
        return f"{made} = {array}({self.name(function, 'f')}({', '.join(given)}))"

    def joined(self, operation: Operation) -> str | None:
        """Return the copies that a concatenation still needs, None if it has no memory reserved."""
        result = operation.results[0]
        if result not in self._joins:
            return None
        root, whole = self._joins[result]
        lines, start = [], 0
        for n, part in enumerate(operation.inputs):
            piece = whole[start : start + part.shape[0]]
            start += part.shape[0]
            place = self._places[part]
            there = place.root is root and place.array is not None and is_same_memory(place.array, piece)
            if not there and (result, n) not in self._filled:
                lines.append(f"copyto({self.name(piece, 'w')}, {place.name})")
        self._put(result, Location(root, self.name(whole, "b"), whole))
        return "\n".join(lines)

    # -- after the last operation -------------------------------------------------------------------------------------

    def results(self) -> tuple[list[str], list[str], int]:
        """Return lines that bring results where they belong, the expressions for them, and the bytes copied."""
        copy = f"{self.name(np.array, 'array')}({{0}})"
        return materialize_outputs(self.graph, self._places, self._overwritten, (copy, "copyto({1}, {0})"), self.notes)

    def is_window(self, operation: Operation) -> bool:
        """Whether the result of an operation lies in the memory of its argument, as it was."""
        return is_window(operation, self._places)

    def describe(self, x: Value) -> str:
        """Say where a value is."""
        place = self._places.get(x)
        if place is None:
            return "register"
        kind = place.root.kind
        if kind in ("buffer", "kept"):
            return f"buffer {place.root.number}"
        return {"argument": f"argument {place.name}", "new": "new array"}.get(kind, kind)


def holds(dtype: np.dtype[Any], x: Any) -> bool:
    """Whether a Python number is within the range of integers; one beyond it may still be compared with them."""
    return dtype.kind not in "iu" or bool(np.iinfo(dtype).min <= x <= np.iinfo(dtype).max)
