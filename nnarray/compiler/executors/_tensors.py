"""Where PyTorch's executor keeps each value: buffers used again, windows on them, arguments, new tensors."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from nnarray.compiler._graph import Graph, Operation, Value
from nnarray.compiler._location import Location, Root, is_window, materialize_outputs
from nnarray.compiler._plan import last_uses


class Tensors:
    """Places of the values of a graph, assigned in the order of its operations.

    Parameters
    ----------
    torch : module
    graph : Graph
    windows : collection of str
        Functions whose result may be a window on their first argument.
    wanted : mapping of int to int
        For places of outputs the place of the input that each shall overwrite.
    bound : sequence
        For each input a tensor that it always is, or None.
    can_write : callable
        Whether the result of an operation can be written where it is wanted.
    """

    def __init__(
        self,
        torch: Any,
        graph: Graph,
        windows: Collection[str],
        wanted: Mapping[int, int],
        bound: Sequence[Any],
        can_write: Callable[[Operation], bool],
    ) -> None:
        self.torch = torch
        self.names: dict[str, Any] = {}
        self.notes: list[str] = []
        self.buffer_bytes = 0
        self.bound = [*bound, *[None] * (len(graph.inputs) - len(bound))]
        self._is_bound = bool(bound)
        self._graph = graph
        self._time = 0
        self._buffers = 0
        self._free: list[Root] = []
        self._owners: dict[Root, Value] = {}
        self._words: dict[Value, str] = {}
        self._known: dict[Any, tuple[str, Any]] = {}
        self._counts: dict[str, int] = {}
        self._places: dict[Value, Location] = {}
        for i, (value, tensor) in enumerate(zip(graph.inputs, self.bound, strict=True)):
            name = f"x{i}" if tensor is None else self.name(tensor, "a")
            self._places[value] = Location(Root("argument"), name, tensor)
        for value, tensor in graph.constants.items():
            tensor = tensor.detach()
            self._places[value] = Location(Root("constant"), self.name(tensor, "c"), tensor)
        self._base = self._bases(windows, can_write)
        self._last_own = last_uses(graph)
        self._last: dict[Value, int] = {}
        for value, last in self._last_own.items():
            base = self._base.get(value, value)
            self._last[base] = max(last, self._last.get(base, -1))
        self._overwritten = {output: graph.inputs[i] for output, i in wanted.items()}
        self._wanted: dict[Value, Value] = {}
        for output, x in self._overwritten.items():
            self._wanted.setdefault(graph.outputs[output], x)
        self._targets: dict[Value, tuple[Root, Any]] = {}
        self._joins: dict[Value, tuple[Root, Any]] = {}
        self._filled: set[tuple[Value, int]] = set()
        self._reserve_joins(can_write)

    # -- before the first operation -----------------------------------------------------------------------------------

    def _bases(self, windows: Collection[str], can_write: Callable[[Operation], bool]) -> dict[Value, Value]:
        """Return for each value that may be a window the value whose memory it may be in."""
        base: dict[Value, Value] = {}
        for operation in self._graph.operations:
            if operation.function.name in windows and not can_write(operation):
                source = operation.inputs[0]
                for x in operation.results:
                    base[x] = base.get(source, source)
        return base

    def _reserve_joins(self, can_write: Callable[[Operation], bool]) -> None:
        """Let what is joined end to end be computed where it belongs in the joined tensor."""
        makers = {x: operation for operation in self._graph.operations for x in operation.results}
        for operation in self._graph.operations:
            result = operation.results[0]
            joins = operation.function.name == "concat" and operation.params.get("axis", 0) == 0
            if not joins or result in self._graph.outputs or any(x.dtype != result.dtype for x in operation.inputs):
                continue
            root, whole = self._joins[result] = self._memory("kept", result)
            for n, (part, piece) in enumerate(_pieces(operation, whole)):
                made = part
                while (maker := makers.get(made)) is not None and maker.function.name == "reshape":
                    made = maker.inputs[0]
                taken = made in self._targets or made in self._joins or made in self._graph.outputs
                if maker is not None and can_write(maker) and not taken and operation.inputs.count(part) == 1:
                    self._targets[made] = root, piece.view(made.shape)
                elif part in self._graph.constants:
                    piece.copy_(self._graph.constants[part])
                    self._filled.add((result, n))

    # -- while operations go by ---------------------------------------------------------------------------------------

    def enter(self, time: int) -> None:
        """Come to an operation."""
        self._time = time

    def leave(self, operation: Operation) -> str:
        """Free what the operation used last; return the line that drops what only the replay holds."""
        seen = dict.fromkeys((*operation.inputs, *operation.results))
        dropped = [self[x] for x in seen if self._last_own[x] == self._time and self[x] == _variable(x)]
        for base in dict.fromkeys(self._base.get(x, x) for x in seen):
            root = self._places[base].root
            if root.kind == "buffer" and self._last[base] == self._time and self._owners[root] is base:
                self._free.append(root)
        return f"del {', '.join(dropped)}" if dropped else ""

    def __getitem__(self, x: Value) -> str:
        return self._places[x].name

    def name(self, held: Any, hint: str) -> str:
        """Return the name of an object in the replay, the same for the same object."""
        if id(held) not in self._known:
            count = self._counts.get(hint, 0)
            self._counts[hint] = count + 1
            name = hint if count == 0 and callable(held) else f"{hint}{count}"
            self._known[id(held)] = name, held
            self.names[name] = held
        return self._known[id(held)][0]

    def written(self, x: Any) -> str:
        """Return a Python object as it is written, or a name for it where it cannot be."""
        plain = x if type(x) is tuple else (x,)
        simple = all(type(each) in (int, bool, str, type(None)) or _is_finite(each) for each in plain)
        return repr(x) if simple else self.name(x, "p")

    def operand(self, x: Any, like: Value) -> str:
        """Return the name of an argument: of a Python number, that of a tensor beside `like` that holds it.

        A tensor is taken in less than half the time of a Python number, of which each call makes one anew.
        """
        if type(x) is Value:
            return self[x]
        key = repr(x), like.dtype, like.device
        if key not in self._known:
            made = self.torch.tensor(x, dtype=like.dtype, device=like.device)
            self._known[key] = self.name(made, "k"), made
        return self._known[key][0]

    def out(self, operation: Operation, overwrite: Sequence[Any] = ()) -> str | None:
        """Return the name of a tensor for the result, which takes the place of one of `overwrite`; None for a new one.

        A result that the caller gets is new: made by the function itself it costs no more than to be written. Over
        bound tensors it is copied at the end, out of the inference mode in which those plans run.
        """
        result = operation.results[0]
        if result in self._targets:
            root, tensor = self._targets[result]
            return self._put(result, Location(root, self.name(tensor, "b"), tensor), f"buffer {root.number}")
        if result in self._wanted:
            donated = self._wanted[result]
            free = self._last.get(donated, -1)
            if free < self._time or (free == self._time and donated in overwrite and self._alone(donated, operation)):
                place = self._places[donated]
                return self._put(result, place, f"argument {place.name}")
        if result in self._graph.outputs and not self._is_bound:
            self.new(result)
            return None
        for x in overwrite:
            if self._can_overwrite(x, operation):
                self._owners[self._places[x].root] = result
                return self._put(result, self._places[x], f"in place of {x}")
        root, tensor = self._memory("buffer", result)
        self._owners[root] = result
        return self._put(result, Location(root, self.name(tensor, "b"), tensor), f"buffer {root.number}")

    def new(self, x: Value, source: Value | None = None) -> str:
        """Return the variable of a value that each replay makes anew: a tensor, or what may be a window on `source`."""
        if source is None:
            return self._put(x, Location(Root("new"), _variable(x)), "new array")
        return self._put(x, Location(self._places[source].root, _variable(x)), f"window on {source}")

    def view(self, operation: Operation, function: Callable[..., Any]) -> bool:
        """Whether the result is a window on a tensor that exists while planning; then it is one from now on."""
        source, result = operation.inputs[0], operation.results[0]
        place = self._places[source]
        if place.array is None:
            return False
        made = function(place.array, **operation.params)
        if made.untyped_storage().data_ptr() != place.array.untyped_storage().data_ptr():
            return False
        self._put(result, Location(place.root, self.name(made, "w"), made), self.describe(source))
        return True

    def joined(self, operation: Operation) -> str | None:
        """Return the copies that a concatenation still needs, None if it has no memory reserved."""
        result = operation.results[0]
        if result not in self._joins:
            return None
        root, whole = self._joins[result]
        lines = []
        for n, (part, piece) in enumerate(_pieces(operation, whole)):
            place = self._places[part]
            there = place.root is root and place.array is not None and place.array.data_ptr() == piece.data_ptr()
            if not there and (result, n) not in self._filled:
                lines.append(f"{self.name(piece, 'w')}.copy_({place.name})")
        self._put(result, Location(root, self.name(whole, "b"), whole), f"buffer {root.number}")
        return "\n".join(lines)

    def is_window(self, operation: Operation) -> bool:
        """Whether the result of an operation lies in the memory of its argument, as it was."""
        return is_window(operation, self._places)

    def describe(self, x: Value) -> str:
        """Say where a value is."""
        place = self._places[x]
        return self._words.get(x, f"{place.root.kind} {place.name}")

    def _can_overwrite(self, x: Any, operation: Operation) -> bool:
        result = operation.results[0]
        if type(x) is not Value or x.type != result.type:
            return False
        place, base = self._places[x], self._base.get(x, x)
        aliased = any(y is not x and self._base.get(y, y) is base for y in operation.inputs)
        owned = place.root.kind == "buffer" and place.array is not None and place.array.is_contiguous()
        return owned and self._last[base] == self._time and not aliased

    def _alone(self, x: Value, operation: Operation) -> bool:
        return not any(y is not x and self._base.get(y, y) is x for y in operation.inputs)

    def _put(self, x: Value, place: Location, words: str) -> str:
        self._places[x] = place
        self._words[x] = words
        return place.name

    def _memory(self, kind: str, x: Value) -> tuple[Root, Any]:
        """Return memory for a value: the smallest that is free and holds it, or new."""
        fitting = [r for r in self._free if r.memory.device == x.device and r.memory.numel() >= x.nbytes]
        if kind == "buffer" and fitting:
            root = min(fitting, key=lambda root: root.memory.numel())
            self._free.remove(root)
        else:
            # Zeros, because the gaps between what is joined are read.
            memory = self.torch.zeros(x.nbytes, dtype=self.torch.uint8, device=x.device)
            root = Root(kind, memory, self._buffers)
            self._buffers += 1
            self.buffer_bytes += x.nbytes
        return root, root.memory[: x.nbytes].view(x.dtype).view(x.shape)

    # -- after the last operation -------------------------------------------------------------------------------------

    def results(self) -> tuple[list[str], list[str], int]:
        """Return lines that bring results where they belong, the expressions for them, and the bytes copied."""
        codes = "{0}.clone()", "{1}.copy_({0})"
        return materialize_outputs(self._graph, self._places, self._overwritten, codes, self.notes, not self._is_bound)


def _pieces(operation: Operation, whole: Any) -> list[tuple[Value, Any]]:
    """Return what is joined along the first axis, each with its piece of the joined tensor."""
    lengths = [x.shape[0] for x in operation.inputs]
    return list(zip(operation.inputs, whole.split(lengths), strict=True))


def _variable(x: Value) -> str:
    return f"v{x.number}"


def _is_finite(x: Any) -> bool:
    return type(x) is float and math.isfinite(x)
