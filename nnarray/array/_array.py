"""The differentiable array: a value of some library, the namespace it came from, and its place on the tape."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from nnarray._messages import describe
from nnarray.array import elementwise, linear_algebra  # noqa: F401 -- the operators need their rows
from nnarray.array._function import TABLE, Function
from nnarray.array._indexing import has_array, set_key, take_key
from nnarray.array.manipulation import full_key
from nnarray.backends import find_backend

if TYPE_CHECKING:
    from nnarray.array._namespace import Namespace

_serials = itertools.count()


def next_serial() -> int:
    """Return a number greater than that of every node so far, and less than that of every one to come."""
    return next(_serials)


_GETITEM = TABLE["getitem"]
_SETITEM = TABLE["set_item"]
_TO_DEVICE = TABLE["to_device"]
_PLAIN = frozenset((float, int, bool, complex, type(None)))


class Node:
    """One recorded call: what was called, on which recorded arrays, and what its rules need.

    Attributes
    ----------
    serial : int
        Grows with every node, so that sorting by it sorts topologically.
    function : Function or None
        None for a source: an array that something is differentiated with respect to.
    field : {"real", "complex"}
        Which numbers the result holds.
    parents : tuple of (int, Node)
        Position among the array arguments and node of each recorded argument.
    kept : tuple
        The array arguments, raw, None where no rule asks for them.
    out : raw array, tuple of them, or None
        The result or results, if a rule asks for them.
    shapes : tuple or None
        Shapes of all arguments of a variadic function.
    """

    __slots__ = (
        "dtype",
        "field",
        "function",
        "kept",
        "namespace",
        "out",
        "params",
        "parents",
        "serial",
        "shape",
        "shapes",
    )

    def __init__(self, value: Any, namespace: Namespace, function: Function | None = None, field: str = "real") -> None:
        self.serial = next(_serials)
        self.shape = value.shape
        self.dtype = value.dtype
        self.namespace = namespace
        self.function = function
        self.field = field
        self.parents: tuple[tuple[int, Node], ...] = ()
        self.kept: tuple[Any, ...] = ()
        self.out: Any = None
        self.params: dict[str, Any] = {}
        self.shapes: tuple[Any, ...] | None = None

    @property
    def title(self) -> str:
        """What was called."""
        return self.function.name if self.function else "source"

    def __repr__(self) -> str:
        return f"<node {self.serial}: {self.title} -> {tuple(self.shape)} {self.dtype}>"


class Part(Node):
    """One of the several results of a recorded call, whose node is its parent.

    The call does not know its parts, so that no circle of references keeps the tape alive.

    Attributes
    ----------
    place : int
        Which of the results.
    count : int
        How many there are.
    """

    __slots__ = ("count", "place")

    def __init__(self, value: Any, call: Node, place: int, count: int, field: str) -> None:
        super().__init__(value, call.namespace, call.function, field)
        self.parents = ((0, call),)
        self.place = place
        self.count = count

    @property
    def title(self) -> str:
        """What was called, and which of its results this is."""
        return f"{self.parents[0][1].title}[{self.place}]"


class Block(Node):
    """The recorded call of a whole function, whose backward pass is a function too.

    Parameters
    ----------
    results : list
        Of which some are Arrays.
    title : str
        Name of the function.
    parents : sequence of Node
    pull : callable
        Takes this node, the cotangent of each result (None where nothing used it) and whether the tape is nested;
        returns the cotangent of each parent, None for zero. It must not hold what this node makes, which would be a
        circle of references.
    """

    __slots__ = ("_title", "pull")

    def __init__(self, results: Sequence[Array], title: str, parents: Sequence[Node], pull: Callable[..., Any]) -> None:
        first = next(x for x in results if isinstance(x, Array))
        super().__init__(first.value, first.namespace)
        self.parents = tuple(enumerate(parents))
        self.pull = pull
        self._title = title

    @property
    def title(self) -> str:
        """What was called."""
        return self._title

    def parts(self, results: Sequence[Any]) -> list[Any]:
        """Return the results as recorded parts of the call; what is no floating-point array is constant."""
        found = []
        for place, x in enumerate(results):
            if field := x.namespace.field_of(x.dtype) if isinstance(x, Array) else "":
                x = Array(x.value, x.namespace, Part(x.value, self, place, len(results), field))
            found.append(x)
        return found


def bind(function: Function, namespace: Namespace, args: Any, params: dict[str, Any]) -> Any:
    """Call `function` on `args` (Arrays, raw arrays of the library, scalars) and record the call if any is recorded."""
    operands = [arg if type(arg) in _PLAIN else _resolve(arg, namespace) for arg in args]
    values = [operand.value if type(operand) is Array else operand for operand in operands]
    call = namespace.implementation(function)
    out = call(values, **params) if function.variadic else call(*values, **params)
    collect = function.collect
    if collect is not None:
        out = tuple(out)
    parents = tuple(
        (position, operand.node)
        for position, operand in enumerate(operands)
        if type(operand) is Array and operand.node is not None and function.rule_of(position) is not None
    )
    node = None
    field = _field_of(out, namespace) if parents else ""
    if field:
        node = Node(out if collect is None else out[0], namespace, function, field)
        node.parents = parents
        node.params = params
        arguments, result_too = function.kept_for(tuple(position for position, _ in parents))
        if function.variadic:
            node.shapes = tuple(value.shape for value in values)
        else:
            # The raw arrays: an Array among the operands may be assigned to before the backward pass comes by.
            node.kept = tuple(x if keep else None for x, keep in zip(values, arguments, strict=True))
        if result_too:
            node.out = out
    return Array(out, namespace, node) if collect is None else collect(parts_of(out, namespace, node))


def _field_of(out: Any, namespace: Namespace) -> str:
    if type(out) is tuple:
        return next((field for x in out if (field := namespace.field_of(x.dtype))), "")
    return namespace.field_of(out.dtype)


def parts_of(results: tuple[Any, ...], namespace: Namespace, call: Node | None) -> list[Array]:
    """Return the several raw results of a call as Arrays, recorded as its parts if the call is recorded."""
    found = []
    for place, x in enumerate(results):
        field = namespace.field_of(x.dtype)
        part = Part(x, call, place, len(results), field) if call is not None and field else None
        found.append(Array(x, namespace, part))
    return found


def _resolve(arg: Any, namespace: Namespace) -> Array:
    """Return an operand that is no scalar as an Array of the namespace's library."""
    convert = getattr(arg, "__nnarray_value__", None)
    if convert is not None:
        arg = convert()
    backend = arg.namespace.backend if type(arg) is Array else find_backend(arg)
    if backend is None:
        raise TypeError(f"{namespace!r} takes arrays and scalars: received {describe(arg)}. Use its asarray first.")
    if backend is not namespace.backend:
        raise TypeError(
            f"Arrays of one library are needed: received one of {backend.name} beside one of "
            f"{namespace.backend.name}. Convert it with asarray first."
        )
    return arg if type(arg) is Array else Array(arg, namespace)


def _binary_operator(name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    function = TABLE[name]

    def operator(self: Array, other: Any) -> Any:
        if not self.accepts(other):
            return NotImplemented
        return bind(function, self.namespace, (self, other), {})

    def reflected(self: Array, other: Any) -> Any:
        if not self.accepts(other):
            return NotImplemented
        return bind(function, self.namespace, (other, self), {})

    return operator, reflected


def _unary_operator(name: str) -> Callable[..., Any]:
    function = TABLE[name]

    def operator(self: Array) -> Any:
        return bind(function, self.namespace, (self,), {})

    return operator


class Array:
    """An array of any library that follows the standard, which remembers how it was computed.

    Made by the functions of `nnarray.namespace` and by the transforms; it has the operators and attributes of the
    array API standard. Arrays are values: operators make new ones.

    Attributes
    ----------
    value : raw array
        The array of the underlying library.
    namespace : Namespace
        The namespace that made it, also ``x.__array_namespace__()``.
    node : Node or None
        Its place on the tape; None if nothing differentiates with respect to it.
    """

    __slots__ = ("__weakref__", "namespace", "node", "value")

    def __init__(self, value: Any, namespace: Namespace, node: Node | None = None) -> None:
        self.value = value
        self.namespace = namespace
        self.node = node

    def __repr__(self) -> str:
        tracked = ", tracked" if self.node is not None else ""
        return f"Array({self.value}, {self.namespace.backend.name}, dtype={self.dtype}{tracked})"

    def accepts(self, other: Any) -> bool:
        """Whether `other` may stand beside this array in an operator: Array, scalar, or raw array of the library."""
        cls = type(other)
        if cls is Array or cls is float or cls is int:
            return True
        return isinstance(other, (bool, complex)) or find_backend(other) is self.namespace.backend

    def __array_namespace__(self, *, api_version: str | None = None) -> Namespace:
        return self.namespace.at_version(api_version)

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes."""
        return tuple(self.value.shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.value.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        size = 1
        for length in self.value.shape:
            size *= length
        return size

    @property
    def dtype(self) -> Any:
        """The library's dtype."""
        return self.value.dtype

    @property
    def device(self) -> Any:
        """The device that holds the array."""
        return self.namespace.backend.device_of(self.value)

    @property
    def T(self) -> Array:  # noqa: N802 -- the standard's name
        """Transpose of a matrix."""
        if self.ndim != 2:
            raise ValueError(f".T needs 2 axes: received shape {self.shape}. Use .mT or permute_dims.")
        return self.mT

    @property
    def mT(self) -> Array:  # noqa: N802 -- the standard's name
        """Transpose of the last two axes."""
        return self.namespace.matrix_transpose(self)

    def __getitem__(self, key: Any) -> Array:
        if has_array(key):
            return take_key(self, key)
        return bind(_GETITEM, self.namespace, (self,), {"key": full_key(key, self.ndim)})

    def __setitem__(self, key: Any, value: Any) -> None:
        """Become an array with other elements there; arrays made from this one before keep theirs."""
        if has_array(key):
            changed = set_key(self, key, value)
        else:
            value = self.namespace.asarray(value, device=self.device)
            value = value if value.dtype == self.dtype else self.namespace.astype(value, self.dtype)
            changed = bind(_SETITEM, self.namespace, (self, value), {"key": full_key(key, self.ndim)})
        self.value, self.node = changed.value, changed.node

    def __iter__(self) -> Iterator[Array]:
        if self.ndim == 0:
            raise TypeError("An array without axes cannot be iterated over.")
        return iter(self.namespace.unstack(self))

    def __dlpack__(self, **kwargs: Any) -> Any:
        if self.node is not None:
            raise BufferError("A recorded array cannot leave its library: use x.value, or nnarray.stop_gradient(x).")
        return self.value.__dlpack__(**kwargs)

    def __dlpack_device__(self) -> tuple[Any, int]:
        return self.value.__dlpack_device__()

    def to_device(self, device: Any, /, *, stream: Any = None) -> Array:
        """Return the array on another device of its library; it stays recorded.

        Raises
        ------
        ValueError
            If a stream is given: work goes to the library's current one.
        """
        if stream is not None:
            raise ValueError(f"Work goes to the library's current stream: received stream={stream!r}.")
        device = self.namespace.backend.device(device)
        return self if device == self.device else bind(_TO_DEVICE, self.namespace, (self,), {"device": device})

    def __bool__(self) -> bool:
        return bool(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __complex__(self) -> complex:
        return complex(self.value)

    def __index__(self) -> int:
        return self.value.__index__()

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("An array without axes has no length.")
        return self.shape[0]

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Serve the operators of NumPy arrays with an Array on their right; refuse all other NumPy functions."""
        reflected = _UFUNC_OPERATORS.get(ufunc.__name__)
        if method == "__call__" and len(inputs) == 2 and reflected is not None and not kwargs:
            return getattr(self, reflected)(inputs[0])
        raise TypeError(
            f"numpy.{ufunc.__name__} cannot record what it does to an nnarray Array. "
            f"Use the function of the array's own namespace: xp = x.__array_namespace__(); "
            f"xp.{_STANDARD_NAMES.get(ufunc.__name__, ufunc.__name__)}(x)."
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise TypeError(
            f"A NumPy function was given {describe(self)}, of which it cannot record what it does. Use the functions "
            "of x.__array_namespace__(), or x.value for the raw array, without derivative."
        )

    __add__, __radd__ = _binary_operator("add")
    __sub__, __rsub__ = _binary_operator("subtract")
    __mul__, __rmul__ = _binary_operator("multiply")
    __truediv__, __rtruediv__ = _binary_operator("divide")
    __floordiv__, __rfloordiv__ = _binary_operator("floor_divide")
    __mod__, __rmod__ = _binary_operator("remainder")
    __pow__, __rpow__ = _binary_operator("pow")
    __matmul__, __rmatmul__ = _binary_operator("matmul")
    __and__, __rand__ = _binary_operator("bitwise_and")
    __or__, __ror__ = _binary_operator("bitwise_or")
    __xor__, __rxor__ = _binary_operator("bitwise_xor")
    __lshift__, __rlshift__ = _binary_operator("bitwise_left_shift")
    __rshift__, __rrshift__ = _binary_operator("bitwise_right_shift")
    __lt__, __gt__ = _binary_operator("less")[0], _binary_operator("greater")[0]
    __le__, __ge__ = _binary_operator("less_equal")[0], _binary_operator("greater_equal")[0]
    __eq__, __ne__ = _binary_operator("equal")[0], _binary_operator("not_equal")[0]
    __hash__ = None  # type: ignore[assignment]  # equality is by element
    __neg__ = _unary_operator("negative")
    __pos__ = _unary_operator("positive")
    __abs__ = _unary_operator("abs")
    __invert__ = _unary_operator("bitwise_invert")


_UFUNC_OPERATORS = {
    **{"add": "__radd__", "subtract": "__rsub__", "multiply": "__rmul__", "divide": "__rtruediv__"},
    **{"floor_divide": "__rfloordiv__", "remainder": "__rmod__", "power": "__rpow__", "matmul": "__rmatmul__"},
    **{"bitwise_and": "__rand__", "bitwise_or": "__ror__", "bitwise_xor": "__rxor__"},
    **{"left_shift": "__rlshift__", "right_shift": "__rrshift__"},
    **{"less": "__gt__", "greater": "__lt__", "less_equal": "__ge__", "greater_equal": "__le__"},
    **{"equal": "__eq__", "not_equal": "__ne__"},
}
_STANDARD_NAMES = {
    **{"power": "pow", "absolute": "abs", "arctan2": "atan2", "left_shift": "bitwise_left_shift"},
    **{"right_shift": "bitwise_right_shift", "invert": "bitwise_invert"},
    **{"arc" + rest: "a" + rest for rest in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
}
