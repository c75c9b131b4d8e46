"""Tracing: a backend whose functions note down what is called, so that everything above runs on it unchanged."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from nnarray._messages import describe
from nnarray._refusals import TracingError, register_library, under_trace, unknown_value, user_line
from nnarray._replay import region
from nnarray.array import COMPOSITES, TABLE, Array, Function, Namespace, Raw, open_namespace, refuse_recorded
from nnarray.backends import Backend, register_array_type
from nnarray.compiler._graph import Graph, Operation, Value
from nnarray.compiler._symbol import Symbol

#: Functions that take nothing but shape, dtype and device of their argument: what they return is a constant.
_LIKE = ("empty_like", "full_like", "ones_like", "zeros_like")


@dataclass(frozen=True)
class Draw:
    """Random numbers as a function of the graph: `method` of a backend, with a counter that may be an array."""

    method: str
    variadic: bool = False
    shaped_by: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What it prints as."""
        return f"random.{self.method}"

    def on(self, backend: Backend) -> Callable[..., Any]:
        """Return the function on the raw arrays of `backend`."""
        draw = getattr(backend, self.method)

        def call(first: Any, second: Any, *, key: tuple[int, int], **params: Any) -> Any:
            return draw(key, (first, second), **params)

        return call


class Trace:
    """The operations of one run, while it lasts."""

    def __init__(self, backend: TracingBackend) -> None:
        self.backend = backend
        self.is_open = True
        self.operations: list[Operation] = []
        self._constants: dict[int, tuple[Value, Any]] = {}
        self._count = 0

    def value(self, example: Any) -> Value:
        """Return a new value of the graph that is like `example`."""
        real = self.backend.traced
        self._count += 1
        itemsize = real.itemsize(example.dtype)
        return Value(self._count - 1, tuple(example.shape), example.dtype, real.device_of(example), itemsize)

    def symbol(self, example: Any) -> Symbol:
        """Return a symbol for a new value."""
        return self.backend.symbol(example, self, self.value(example))

    def argument(self, x: Any) -> Any:
        """Return an argument as an operation has it: a value, or a scalar or None as it is."""
        if isinstance(x, Symbol):
            if x.node is not None:
                return x.node
            x = x.example
        elif x is None or isinstance(x, (bool, int, float, complex)):
            return x
        if id(x) not in self._constants:
            # The array is kept, so that its id stays its own.
            self._constants[id(x)] = self.value(x), x
        return self._constants[id(x)][0]

    def graph(self, inputs: Sequence[Symbol], outputs: Sequence[Any]) -> Graph:
        """Return what was recorded."""
        nodes = tuple(self.argument(x) for x in outputs)
        xp = self.backend.traced.xp
        return Graph(
            tuple(x.node for x in inputs if x.node is not None),
            # Copies: the function may go on to change an array that it closes over, or be given it to overwrite.
            {value: xp.asarray(array, copy=True) for value, array in self._constants.values()},
            tuple(self.operations),
            nodes,
        )


class _TracedFunctions(Raw):
    """The functions of a library on symbols: those of the table, and what the library says of its dtypes."""

    def __getattr__(self, name: str) -> Any:
        path = f"{self._extension}.{name}" if self._extension else name
        if path not in TABLE and path in COMPOSITES:
            return functools.partial(COMPOSITES[path], self)
        return super().__getattr__(name)

    def asarray(self, obj: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Any:
        """Return `obj` as a symbol."""
        del copy  # Values of a graph are never changed.
        return self._backend.asarray(obj, dtype, device)


class TracingBackend(Backend):
    """Stands in for a library: its functions record themselves.

    Parameters
    ----------
    traced : Backend
        Of the library.
    """

    def __init__(self, traced: Backend) -> None:
        super().__init__(traced.name, traced.module)
        self.traced: Backend = traced
        self.executor = traced.executor
        self.symbol: Any = type("Symbol", (Symbol,), {"__slots__": (), "backend": self})
        for library in (traced.name, traced.xp.__name__):
            register_library(library)
        self._real: dict[Any, Callable[..., Any]] = {}
        register_array_type(self.symbol, self)
        self.space: Namespace = open_namespace(self)

    def __repr__(self) -> str:
        return f"<nnarray backend {self.name!r} under jit>"

    @functools.cached_property
    def xp(self) -> Any:
        """The library's functions, on symbols."""
        return _TracedFunctions(self, library=self.traced.xp)

    def recorder(self, function: Function) -> Callable[..., Any]:
        """Return a function of the table that records its calls."""

        def call(*args: Any, **kwargs: Any) -> Any:
            if len(args) == len(function.arrays):
                arrays: Any = args
                params = kwargs
            else:
                arrays, params = function.split_arguments(args, kwargs)
            return self.record(function, arrays, params)

        return call

    def record(self, function: Any, arguments: Sequence[Any], params: dict[str, Any]) -> Any:
        """Run a function on the examples and note the call down, unless all its arguments are constants."""
        given = tuple(map(_raw, arguments[0] if function.variadic else arguments))
        trace = None if function.name in _LIKE else self._trace_of(given)
        for name in () if trace is None else function.shaped_by:
            if getattr(given[function.arrays.index(name)], "node", None) is not None:
                raise unknown_value(f"The shape of what {function.name} returns")
        examples = [x.example if isinstance(x, Symbol) else x for x in given]
        if function not in self._real:
            self._real[function] = function.on(self.traced)
        call = self._real[function]
        made = call(examples, **params) if function.variadic else call(*examples, **params)
        several = type(made) is not type(examples) and isinstance(made, (tuple, list))
        results = list(made) if several else [made]
        if trace is None:
            symbols = [self.symbol(x) for x in results]
        else:
            symbols = [trace.symbol(x) for x in results]
            values = tuple(x.node for x in symbols)
            inputs = tuple(trace.argument(x) for x in given)
            trace.operations.append(Operation(function, inputs, dict(params), values, region()))
        return tuple(symbols) if several else symbols[0]

    def _trace_of(self, given: Sequence[Any]) -> Trace | None:
        found = None
        for x in given:
            if isinstance(x, Symbol) and x.trace is not None:
                if not x.trace.is_open or (found is not None and x.trace is not found):
                    raise TracingError(
                        f"An array of a run under jit that is over was used at {user_line()}\nReturn it from the "
                        "function instead of keeping it in a list or a variable outside."
                    )
                found = x.trace
        return found

    # -- what a library says of itself ------------------------------------------------------------------------------

    def devices(self) -> tuple[Any, ...]:
        return self.traced.devices()

    def device(self, spec: Any) -> Any:
        return self.traced.device(spec)

    def device_name(self, device: Any) -> str:
        return self.traced.device_name(device)

    def device_of(self, x: Any) -> Any:
        return self.traced.device_of(x.example if isinstance(x, Symbol) else x)

    def activate(self, device: Any) -> AbstractContextManager[Any]:
        return self.traced.activate(device)

    def has_dtype(self, name: str, device: Any = None) -> bool:
        return self.traced.has_dtype(name, device)

    def index_dtype(self, device: Any) -> str:
        return self.traced.index_dtype(device)

    def dtype_name(self, dtype: Any) -> str:
        return self.traced.dtype_name(dtype)

    # -- arrays -----------------------------------------------------------------------------------------------------

    def asarray(self, obj: Any, dtype: Any = None, device: Any = None) -> Any:
        if not isinstance(obj, Symbol):
            return self.symbol(self.traced.asarray(obj, dtype, device))
        dtype = getattr(self.traced.xp, dtype) if isinstance(dtype, str) else dtype
        if device is not None and (device := self.device(device)) != self.device_of(obj):
            obj = self.record(TABLE["to_device"], (obj,), {"device": device})
        return obj if dtype in (None, obj.dtype) else self.record(TABLE["astype"], (obj,), {"dtype": dtype})

    def to_numpy(self, x: Any) -> Any:
        if x.node is not None:
            raise unknown_value("A NumPy array")
        return self.traced.to_numpy(x.example)

    def store(self, target: Any, value: Any) -> None:  # noqa: ARG002 -- refused whatever they are
        raise TracingError("Under jit no array is overwritten: return the new one.")

    def get_item(self, x: Any, key: Any) -> Any:
        return self.record(TABLE["getitem"], (x,), {"key": key})

    def set_item(self, x: Any, key: Any, value: Any) -> Any:
        return self.record(TABLE["set_item"], (x, value), {"key": key})

    def index_add(self, x: Any, indices: Any, value: Any, axis: int) -> Any:
        return self.record(TABLE["index_add"], (x, indices, value), {"axis": axis})

    def uniform(self, key: tuple[int, int], counter: Any, shape: Any, dtype: str, device: Any) -> Any:
        params = {"key": key, "shape": tuple(shape), "dtype": dtype, "device": device}
        return self.record(Draw("uniform"), self._counter(counter), params)

    def integers(
        self, key: tuple[int, int], counter: Any, shape: Any, low: int, high: int, dtype: str, device: Any
    ) -> Any:
        params = {"key": key, "shape": tuple(shape), "low": low, "high": high, "dtype": dtype, "device": device}
        return self.record(Draw("integers"), self._counter(counter), params)

    def draw(
        self, key: tuple[int, int], counter: Any, sample: Callable[..., Any], shape: Any, dtype: str, device: Any
    ) -> Any:
        params = {"key": key, "sample": sample, "shape": tuple(shape), "dtype": dtype, "device": device}
        return self.record(Draw("draw"), self._counter(counter), params)

    def _counter(self, counter: Any) -> tuple[Any, ...]:
        return tuple(map(_raw, counter))


def _raw(x: Any) -> Any:
    """Return an Array that is not recorded as the symbol it holds: raw functions record on no tape."""
    return x.value if isinstance(x, Array) and x.node is None else x


_tracing: dict[Backend, TracingBackend] = {}
_lock = threading.Lock()


def tracing_backend(backend: Backend) -> TracingBackend:
    """Return the backend that records the calls of another, always the same."""
    with _lock:
        if backend not in _tracing:
            _tracing[backend] = TracingBackend(backend)
        return _tracing[backend]


def trace(fun: Callable[[list[Array]], Sequence[Any]], arguments: Sequence[Any], backend: Backend) -> Graph:
    """Return the graph of a function of raw arrays, all of one library.

    Parameters
    ----------
    fun : callable
        Takes a list of Arrays and returns a list of Arrays and raw arrays.
    arguments : sequence of raw arrays
        On which it runs once.
    """
    tracing = tracing_backend(backend)
    for x in arguments:
        if not tracing.space.holds_numbers(x.dtype):
            raise TypeError(
                f"Arrays under jit hold numbers or truth values: received {describe(x)}. Make numbers of what "
                "it holds, or let the function close over it."
            )
    run = Trace(tracing)
    inputs = [run.symbol(x) for x in arguments]
    try:
        with under_trace():
            outputs = fun([Array(x, tracing.space) for x in inputs])
        for x in outputs:
            if isinstance(x, Array) and x.namespace.backend is not tracing:
                refuse_recorded(x)
        raw = (x.value if isinstance(x, Array) else x for x in outputs)
        # A scalar of NumPy's is a Python number, too.
        return run.graph(inputs, [x if isinstance(x, Symbol) else backend.asarray(x) for x in raw]).verify()
    finally:
        run.is_open = False
