"""PyTorch: its own functions, called directly, each writing into a buffer that was made once, by ``out=``."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from nnarray.backends import Backend
from nnarray.compiler._graph import Graph, Operation, Value
from nnarray.compiler._plan import Plan, PlanStep, Program, matched, noted_copies, owning, replay_of
from nnarray.compiler.executors._tensors import Tensors
from nnarray.compiler.executors.generic import Generic

#: What the standard's functions are called in PyTorch, of those that array_api_compat adds only promotion to.
ELEMENTWISE = {
    **{name: name for name in ("add", "subtract", "multiply", "divide", "floor_divide", "remainder", "pow")},
    **{name: name for name in ("abs", "negative", "square", "sqrt", "reciprocal", "exp", "expm1")},
    **{name: name for name in ("log", "log1p", "log2", "log10", "logaddexp", "sin", "cos", "tan", "sinh", "cosh")},
    **{name: name for name in ("tanh", "asin", "acos", "atan", "asinh", "acosh", "atanh", "atan2", "hypot")},
    **{name: name for name in ("copysign", "nextafter", "maximum", "minimum", "signbit")},
    **{name: name for name in ("greater", "greater_equal", "less", "less_equal", "not_equal")},
    **{name: name for name in ("logical_and", "logical_or", "logical_xor", "logical_not")},
    "equal": "eq",
}
#: Their second argument stays a number, of which PyTorch makes a product or a root.
_TAKES_NUMBER = ("floor_divide", "pow", "remainder")
#: What `matmul` comes to, by the number of axes; with `out` itself it would warn of some.
_PRODUCTS: dict[tuple[int, ...], str] = {(1, 1): "dot", (2, 1): "mv", (2, 2): "mm", (3, 3): "bmm"}
_REDUCTIONS = {"sum": "sum", "mean": "mean", "max": "amax", "min": "amin"}
#: Functions that may return their argument or a window on it.
WINDOWS = frozenset(
    (
        *("all", "any", "astype", "broadcast_to", "conj", "expand_dims", "getitem", "imag", "linalg.diagonal"),
        *("linalg.matrix_power", "matrix_transpose", "moveaxis", "permute_dims", "positive", "real", "reshape"),
        *("squeeze", "to_device"),
    )
)


class Torch(Generic):
    """Executor over PyTorch's functions with `out`.

    What PyTorch itself differentiates, transforms or extends is left to the plain calls: tensors that require a
    gradient, those within ``torch.func``, subclasses.
    """

    name = "torch"
    library = "torch"
    binds = True

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        import torch

        self.torch = torch
        self._plain = (torch.Tensor, torch.nn.Parameter)
        self._writable: dict[Operation, bool] = {}
        self._emitters: dict[str, Callable[..., str]] = {
            **dict.fromkeys(ELEMENTWISE, self._elementwise),
            **dict.fromkeys(_REDUCTIONS, self._reduction),
            **{"matmul": self._matmul, "where": self._where, "astype": self._astype},
            **{"concat": self._concat, "stack": self._stack},
        }

    def can_bind(self, x: Any) -> bool:
        """Whether a program can update a tensor in place."""
        return type(x) is self.torch.Tensor and not x.requires_grad and self._is_writable(x)

    def _is_writable(self, x: Any) -> bool:
        lazy = x.is_conj() or x.is_neg()
        kept = x.is_inference() and not self.torch.is_inference_mode_enabled()
        return x.layout == self.torch.strided and x.is_contiguous() and not lazy and not kept

    def compile(self, graph: Graph, donated: Sequence[int] = (), bound: Sequence[Any] = ()) -> Program:
        """Return the program of a graph.

        Parameters
        ----------
        graph : Graph
        donated : sequence of int
            Places of inputs whose tensors may be overwritten.
        bound : sequence
            For each input a tensor that it always is; none if empty. A donated one is then updated in place by the
            output of the same place.
        """
        if not bound and any(x.requires_grad for x in graph.constants.values()):
            return super().compile(graph, donated)
        # Buffers made in inference mode could not be written outside it.
        with self.torch.inference_mode(False), self.torch.no_grad():
            plan, replay = self._planned(graph, donated, bound)
        if bound:
            return Program(plan, replay)
        run = owning(replay, donated, self._obstacle, lambda x: x.new_empty(x.shape).copy_(x))
        return Program(plan, self._guarded(run, graph, donated), noted_copies(donated, self._obstacle))

    def _planned(
        self, graph: Graph, donated: Sequence[int], bound: Sequence[Any]
    ) -> tuple[Plan, Callable[..., Sequence[Any]]]:
        wanted = {i: i for i in donated} if bound else matched(graph, donated)
        tensors = Tensors(self.torch, graph, WINDOWS, wanted, bound, self._can_write)
        lines, steps = [], []
        for place, operation in enumerate(graph.operations):
            tensors.enter(place)
            code = self._step(tensors, operation)
            steps.append(
                PlanStep(operation, code, tensors.describe(operation.results[0]), tensors.is_window(operation))
            )
            lines += [*code.splitlines(), *tensors.leave(operation).splitlines()]
        tail, results, copied = tensors.results()
        if bound:
            # Without versions and views to keep track of, small tensors take an eighth less time.
            tensors.names["inference_mode"] = self.torch.inference_mode
            lines = ["with inference_mode():", *(f"    {line}" for line in lines or ["pass"])]
        arguments = ", ".join(f"x{i}" for i, tensor in enumerate(tensors.bound) if tensor is None)
        lines += [*tail, f"return ({', '.join(results)}{',' * (len(results) == 1)})"]
        source = f"def replay({arguments}):\n    " + "\n    ".join(lines) + "\n"
        unused = sorted(set(donated) - set(wanted.values()))
        notes = [f"x{i} is donated, and no result has its shape and dtype" for i in unused]
        plan = Plan(self.name, graph, tuple(steps), source, tuple(notes + tensors.notes), tensors.buffer_bytes, copied)
        return plan, self._in_order(replay_of(source, tensors.names), graph)

    def _in_order(self, replay: Callable[..., Any], graph: Graph) -> Callable[..., Any]:
        """Return `replay` that waits for its last run, which has the same buffers, if that is on another stream."""
        device = graph.outputs[0].device if graph.outputs else None
        if device is None or device.type != "cuda":
            return replay
        current = self.torch.cuda.current_stream
        last = [current(device)]

        def run(*arguments: Any) -> Any:
            stream = current(device)
            if stream != last[0]:
                stream.wait_stream(last[0])
                last[0] = stream
            return replay(*arguments)

        return run

    def _guarded(self, replay: Callable[..., Any], graph: Graph, donated: Sequence[int]) -> Callable[..., Any]:
        """Return `replay` for what it may write from, and the plain calls for the rest."""
        plain, records = self._plain, self.torch.is_grad_enabled
        # What torch.func and forward-mode differentiation wrap takes no `out`; no public function tells of them.
        wraps, forward = self.torch._C._are_functorch_transforms_active, self.torch.autograd.forward_ad

        def is_general(arguments: Sequence[Any]) -> bool:
            if wraps() or forward._current_level >= 0:
                return True
            return any(type(x) not in plain or (x.requires_grad and records()) for x in arguments)

        return self._unless(is_general, graph, donated, replay)

    def _obstacle(self, given: Sequence[Any], i: int) -> str:
        """Return why a donated tensor cannot be overwritten, or nothing."""
        if not self._is_writable(given[i]):
            return "is no tensor that can be written in one piece"
        start, stop = _span(given[i])
        spans = ((j, _span(x)) for j, x in enumerate(given) if j != i)
        return next((f"shares memory with x{j}" for j, (first, last) in spans if first < stop and start < last), "")

    # -- what can be written into a tensor that is there --------------------------------------------------------------

    def _can_write(self, operation: Operation) -> bool:
        if operation not in self._writable:
            self._writable[operation] = self._decided(operation)
        return self._writable[operation]

    def _decided(self, operation: Operation) -> bool:
        name, result = operation.function.name, operation.results[0]
        arrays = operation.inputs
        if name not in self._emitters or any(x.device != result.device for x in arrays):
            return False
        if name in ELEMENTWISE:
            return self._keeps_dtype(operation)
        if name == "astype":
            return operation.params.get("copy", True) and not arrays[0].dtype.is_complex
        if name == "where":
            condition, *others = operation.arguments
            fitting = (x.dtype == result.dtype if type(x) is Value else self._holds(result.dtype, x) for x in others)
            return type(condition) is Value and condition.dtype == self.torch.bool and all(fitting)
        if name == "matmul" and (_axes(operation) not in _PRODUCTS or len({x.shape[:-2] for x in arrays}) > 1):
            return False
        params = operation.params
        # Over no axes PyTorch would reduce over all.
        if name in _REDUCTIONS and (arrays[0].size == 0 or params.get("axis") == () or params.get("dtype") is not None):
            return False
        if name == "concat" and params.get("axis", 0) is None:
            return False
        return all(x.dtype == result.dtype for x in arrays)

    def _keeps_dtype(self, operation: Operation) -> bool:
        """Whether PyTorch's own function promotes as the standard does, which it may not for tensors without axes."""
        first = operation.inputs[0]
        if any(x.dtype != first.dtype for x in operation.inputs):
            return False
        given = []
        for x in operation.arguments:
            if type(x) is Value:
                given.append(self.torch.empty(0, dtype=x.dtype, device=x.device))
            elif self._holds(first.dtype, x):
                given.append(
                    x if _takes_number(operation) else self.torch.tensor(x, dtype=first.dtype, device=first.device)
                )
            else:
                return False
        function = getattr(self.torch, ELEMENTWISE[operation.function.name])
        try:
            made = function(*given)
            function(*given, out=made)
        except (RuntimeError, TypeError):
            return False
        return made.dtype == operation.results[0].dtype

    def _holds(self, dtype: Any, x: Any) -> bool:
        """Whether a number can be taken as one of a dtype without becoming another."""
        if dtype.is_complex or dtype == self.torch.bool:
            return False
        if dtype.is_floating_point:
            limits = self.torch.finfo(dtype)
            return type(x) in (int, float) and (not math.isfinite(x) or limits.min <= x <= limits.max)
        limits = self.torch.iinfo(dtype)
        return type(x) is int and limits.min <= x <= limits.max

    # -- code ---------------------------------------------------------------------------------------------------------

    def _step(self, tensors: Tensors, operation: Operation) -> str:
        if self._can_write(operation):
            return self._emitters[operation.function.name](tensors, operation)
        function = operation.function.on(self.backend)
        if operation.function.name not in WINDOWS:
            return _plain_call(tensors, operation, function, None)
        if tensors.view(operation, function):
            return ""
        return _window(tensors, operation) or _plain_call(tensors, operation, function, operation.inputs[0])

    def _written(
        self, tensors: Tensors, operation: Operation, function: str, given: Sequence[str], overwrite: Sequence[Any] = ()
    ) -> str:
        """Return the call of one of PyTorch's functions, which writes its result where it belongs."""
        name = tensors.name(getattr(self.torch, function), function)
        # Before the result takes the place of one of them.
        out = tensors.out(operation, overwrite)
        if out is None:
            return f"{tensors[operation.results[0]]} = {name}({', '.join(given)})"
        return f"{name}({', '.join(given)}, out={out})"

    def _elementwise(self, tensors: Tensors, operation: Operation) -> str:
        as_written = _takes_number(operation)
        given = [
            tensors.written(x) if as_written and type(x) is not Value else tensors.operand(x, operation.inputs[0])
            for x in operation.arguments
        ]
        return self._written(tensors, operation, ELEMENTWISE[operation.function.name], given, operation.inputs)

    def _reduction(self, tensors: Tensors, operation: Operation) -> str:
        x, axis = operation.inputs[0], operation.params.get("axis")
        axes = tuple(range(len(x.shape))) if axis is None else axis
        # One axis is read faster than a tuple of one.
        axes = axes[0] if type(axes) is tuple and len(axes) == 1 else axes
        given = [tensors[x], repr(axes), repr(bool(operation.params.get("keepdims", False)))]
        return self._written(tensors, operation, _REDUCTIONS[operation.function.name], given)

    def _matmul(self, tensors: Tensors, operation: Operation) -> str:
        product = _PRODUCTS[_axes(operation)]
        return self._written(tensors, operation, product, [tensors[x] for x in operation.inputs])

    def _where(self, tensors: Tensors, operation: Operation) -> str:
        given = [tensors.operand(x, operation.results[0]) for x in operation.arguments]
        return self._written(tensors, operation, "where", given, operation.inputs[1:])

    def _astype(self, tensors: Tensors, operation: Operation) -> str:
        x, result = operation.inputs[0], operation.results[0]
        out = tensors.out(operation)
        if out is None:
            return f"{tensors[result]} = {tensors[x]}.to({tensors.written(result.dtype)}, copy=True)"
        return f"{out}.copy_({tensors[x]})"

    def _concat(self, tensors: Tensors, operation: Operation) -> str:
        joined = tensors.joined(operation)
        return self._joined(tensors, operation, "cat") if joined is None else joined

    def _stack(self, tensors: Tensors, operation: Operation) -> str:
        return self._joined(tensors, operation, "stack")

    def _joined(self, tensors: Tensors, operation: Operation, function: str) -> str:
        parts = ", ".join(tensors[x] for x in operation.inputs)
        return self._written(tensors, operation, function, [f"({parts},)", repr(operation.params.get("axis", 0))])


def _takes_number(operation: Operation) -> bool:
    return operation.function.name in _TAKES_NUMBER and type(operation.arguments[0]) is Value


def _axes(operation: Operation) -> tuple[int, ...]:
    """Return the number of axes of each input."""
    return tuple(len(x.shape) for x in operation.inputs)


def _plain_call(tensors: Tensors, operation: Operation, function: Any, source: Value | None) -> str:
    """Return the library's own call, whose results are new tensors or windows on `source`."""
    given = [tensors[x] if type(x) is Value else tensors.written(x) for x in operation.arguments]
    given = [f"[{', '.join(given)}]"] if operation.function.variadic else given
    given += [f"{key}={tensors.written(value)}" for key, value in operation.params.items()]
    made = ", ".join(tensors.new(x, source) for x in operation.results)
    return f"{made} = {tensors.name(function, operation.function.name.replace('.', '_'))}({', '.join(given)})"


def _window(tensors: Tensors, operation: Operation) -> str | None:
    """Return the code of a window on a tensor that is known at replay only, None for the plain call."""
    source, result = operation.inputs[0], operation.results[0]
    name, params = operation.function.name, operation.params
    made = None
    if name in ("expand_dims", "reshape", "squeeze") and params.get("copy") is None:
        made = f"{tensors[source]}.reshape({result.shape!r})"
    elif name == "broadcast_to":
        made = f"{tensors[source]}.expand({result.shape!r})"
    elif name == "matrix_transpose":
        made = f"{tensors[source]}.mT"
    elif name == "permute_dims":
        made = f"{tensors[source]}.permute({tuple(params['axes'])!r})"
    return made and f"{tensors.new(result, source)} = {made}"


def _span(x: Any) -> tuple[int, int]:
    """Return the first address of a tensor and one behind its last."""
    start = x.data_ptr()
    if x.numel() == 0:
        # PyTorch refuses to write what it reads, even if that is nothing.
        return start, start + 1
    reach = sum((length - 1) * stride for length, stride in zip(x.shape, x.stride(), strict=True))
    return start, start + (reach + 1) * x.element_size()
