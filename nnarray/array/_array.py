"""The differentiable array: a value of some library, the namespace it came from, and its place on the tape."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from nnarray._messages import describe
from nnarray._refusals import unknown_value
from nnarray.array import data_types, elementwise, linear_algebra  # noqa: F401 -- the operators need their rows
from nnarray.array._function import TABLE, Function
from nnarray.array._indexing import has_array, set_key, take_key
from nnarray.array._node import Node, Part, last_converted
from nnarray.array._numpy_names import UFUNC_OPERATORS, standard_name
from nnarray.array.manipulation import full_key
from nnarray.backends import find_backend, integer_of

if TYPE_CHECKING:
    from nnarray.array._namespace import Namespace
    from nnarray.array._origin import Origin

_ASTYPE = TABLE["astype"]
_GETITEM = TABLE["getitem"]
_SETITEM = TABLE["set_item"]
_TO_DEVICE = TABLE["to_device"]
_PLAIN = frozenset((float, int, bool, complex, type(None)))
_NUMBERS: tuple[Any, ...] = (int, float, complex)
#: Each holds the numbers of those before it.
_KINDS = ("bool", "unsigned integer", "signed integer", "real floating", "complex floating")


def bind(function: Function, namespace: Namespace, args: Any, params: dict[str, Any]) -> Any:
    """Call `function` on `args` (Arrays, raw arrays of the library, scalars) and record the call if any is recorded."""
    try:
        operands = [arg if type(arg) in _PLAIN else _resolve(arg, namespace) for arg in args]
    except _Elsewhere as other:
        from nnarray.array._namespace import open_namespace

        return bind(function, open_namespace(other.args[0]), args, params)
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
    if collect is not None:
        return collect(parts_of(out, namespace, node))
    made = Array(out, namespace, node)
    if function.keeps_elements and (origin := getattr(operands[0], "origin", None)) is not None:
        made.origin = origin.followed(operands[0], made)
    return made


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


class _Elsewhere(Exception):  # noqa: N818 -- no error: a call is to be recorded by another namespace
    """An operand is being traced; the call belongs to the tracing namespace."""


def _resolve(arg: Any, namespace: Namespace) -> Any:
    """Return an operand that is no plain scalar as an Array of the namespace's library."""
    if type(arg) is not Array and (convert := getattr(arg, "__nnarray_value__", None)) is not None:
        arg = convert()
    backend = arg.namespace.backend if type(arg) is Array else find_backend(arg)
    traced = namespace.backend.traced
    if isinstance(arg, _NUMBERS) and backend not in (namespace.backend, traced or namespace.backend):
        # One by inheritance, such as NumPy's float64 beside arrays of another library.
        return next(kind(arg) for kind in _NUMBERS if isinstance(arg, kind))
    if backend is None:
        raise TypeError(f"{namespace!r} takes arrays and scalars: received {describe(arg)}. Use its asarray first.")
    if backend is not namespace.backend:
        if backend.traced is namespace.backend:
            raise _Elsewhere(backend)
        if traced is backend:
            refuse_recorded(arg)
            return namespace.asarray(arg)
        raise TypeError(
            f"Arrays of one library are needed: received one of {backend.name} beside one of "
            f"{namespace.backend.name}. Convert it with asarray first."
        )
    return arg if type(arg) is Array else Array(arg, namespace)


def refuse_recorded(x: Any) -> None:
    """Refuse a recorded array from outside in a function under jit, where its derivative would be lost."""
    if getattr(x, "node", None) is not None:
        raise TypeError(
            "A function under jit uses a recorded array that is not its argument: pass it as an argument, or "
            f"nnarray.stop_gradient of it. Received {describe(x)}."
        )


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


def _operators(name: str) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    operator, reflected = _binary_operator(name)

    def in_place(self: Array, other: Any) -> Any:
        out = operator(self, other)
        return out if out is NotImplemented else _fitted(out, self)

    return operator, reflected, in_place


def _fitted(out: Array, x: Array) -> Array:
    """Return the result of an in-place operator in the dtype of `x`, whose name it takes over."""
    if out.value.dtype == x.value.dtype and out.value.shape == x.value.shape:
        return out
    if out.shape != x.shape:
        raise ValueError(
            f"An in-place operator keeps the shape of its array, {x.shape}: received one that makes it {out.shape}. "
            "Write x = x + y for x += y."
        )
    if _rank(out) > _rank(x):
        raise TypeError(
            f"An in-place operator keeps the dtype of its array, {x.dtype}: received one that makes it {out.dtype}. "
            "Write x = x + y for x += y."
        )
    return bind(_ASTYPE, x.namespace, (out,), {"dtype": x.dtype})


def _rank(x: Array) -> int:
    isdtype = x.namespace.backend.xp.isdtype
    return next(rank for rank, kind in enumerate(_KINDS) if isdtype(x.dtype, kind))


def _assignable(value: Any, x: Array) -> Array:
    """Return what is assigned to elements of `x` as an Array of its dtype and on its device."""
    xp = x.namespace
    if type(value) not in _PLAIN:
        value = xp.asarray(value, device=x.device)
        if value.dtype == x.dtype:
            return value
    # What a library does not promote it refuses here; not every one refuses to drop an imaginary part.
    if xp.field_of(xp.result_type(x.dtype, value)) == "complex" != xp.field_of(x.dtype):
        raise TypeError(f"Complex numbers do not fit into an array of dtype {x.dtype}: received {describe(value)}.")
    return xp.astype(value, x.dtype) if type(value) is Array else xp.asarray(value, dtype=x.dtype, device=x.device)


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
    origin : Origin or None
        The activation function whose result it is known to be.

    Examples
    --------
    >>> import nnarray as nna
    >>> xp = nna.namespace("numpy")
    >>> x = xp.asarray([1.0, 4.0])
    >>> xp.sqrt(x) + 1
    Array([2. 3.], numpy, dtype=float64)
    """

    __slots__ = ("__weakref__", "namespace", "node", "origin", "value")

    def __init__(self, value: Any, namespace: Namespace, node: Node | None = None) -> None:
        self.value = value
        self.namespace = namespace
        self.node = node
        self.origin: Origin | None = None

    def __repr__(self) -> str:
        tracked = ", tracked" if self.node is not None else ""
        return f"Array({self.value}, {self.namespace.backend.name}, dtype={self.dtype}{tracked})"

    def __format__(self, spec: str) -> str:
        if not spec or self.ndim:
            return format(str(self), spec)
        isdtype = self.namespace.backend.xp.isdtype
        kinds = {"bool": bool, "integral": int, "real floating": float, "complex floating": complex}
        return format(next(number for kind, number in kinds.items() if isdtype(self.dtype, kind))(self.value), spec)

    def accepts(self, other: Any) -> bool:
        """Whether `other` may stand beside this array in an operator: Array, scalar, or raw array of the library."""
        cls = type(other)
        if cls is Array or cls is float or cls is int:
            return True
        own = self.namespace.backend
        if isinstance(other, _NUMBERS):
            return True
        found = find_backend(other)
        return found is not None and (found is own or found.traced is own or own.traced is found)

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
        value = _assignable(value, self)
        if has_array(key):
            changed = set_key(self, key, value)
        else:
            changed = bind(_SETITEM, self.namespace, (self, value), {"key": full_key(key, self.ndim)})
        # Of another namespace under jit, where an array from outside is assigned what is traced.
        self.value, self.namespace, self.node, self.origin = changed.value, changed.namespace, changed.node, None

    def __iter__(self) -> Iterator[Array]:
        if self.ndim == 0:
            raise TypeError("An array without axes cannot be iterated over.")
        return iter(self.namespace.unstack(self))

    def __copy__(self) -> Array:
        return self._like(self.value)

    def __deepcopy__(self, memo: dict[int, Any]) -> Array:
        # A copy of the tape would lead to copies of what is differentiated, and the gradient would be zero.
        return self._like(copy.deepcopy(self.value, memo))

    def _like(self, value: Any) -> Array:
        made = Array(value, self.namespace, self.node)
        made.origin = self.origin
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        if self.node is not None:
            raise TypeError("A recorded array cannot be pickled: use x.value, or nnarray.stop_gradient(x).")
        return Array, (self.value, self.namespace)

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[Any, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        if self.node is not None:
            raise BufferError("A recorded array cannot leave its library: use x.value, or nnarray.stop_gradient(x).")
        wishes = {"max_version": max_version, "dl_device": dl_device, "copy": copy}
        given = {name: wish for name, wish in wishes.items() if wish is not None}
        return self.value.__dlpack__(stream=stream, **given)

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
        return float(self._number())

    def __int__(self) -> int:
        return int(self._number())

    def __complex__(self) -> complex:
        return complex(self._number())

    def _number(self) -> Any:
        if self.node is not None:
            last_converted.set(self.node.serial)
        return self.value

    def __index__(self) -> int:
        return integer_of(self.value)

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("An array without axes has no length.")
        return self.shape[0]

    def __getattr__(self, name: str) -> Any:
        message = f"{type(self).__name__!r} object has no attribute {name!r}"
        if name in TABLE:
            message += f": arrays have few methods. Call the function: xp = x.__array_namespace__(); xp.{name}(x)"
        raise AttributeError(f"{message}.", name=name, obj=self)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Serve the operators of NumPy arrays with an Array on their right; refuse all other NumPy functions."""
        reflected = UFUNC_OPERATORS.get(ufunc.__name__)
        if method == "__call__" and len(inputs) == 2 and reflected is not None and not kwargs:
            left, right = inputs
            other = right if isinstance(left, Array) else left
            if not self.accepts(other):
                raise TypeError(
                    f"Arrays of one library are needed: received {describe(other)} beside an Array of "
                    f"{self.namespace.backend.name}. Convert it with asarray first."
                )
            if not isinstance(left, Array):
                return getattr(self, reflected)(left)
        name = standard_name(ufunc.__name__, method)
        known = hasattr(self.namespace, name)
        raise TypeError(
            f"numpy.{ufunc.__name__} cannot record what it does to an nnarray Array. "
            + (f"Use the array's own function: xp = x.__array_namespace__(); xp.{name}(x)." if known else "")
            + ("" if known else "Write it in the functions of xp = x.__array_namespace__().")
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if self.namespace.backend.traced is not None:
            raise unknown_value("A NumPy function, or a Python number that this one stands for,")
        raise TypeError(
            f"A NumPy function was given {describe(self)}, of which it cannot record what it does. Use the functions "
            "of x.__array_namespace__(), or x.value for the raw array, without derivative."
        )

    __add__, __radd__, __iadd__ = _operators("add")
    __sub__, __rsub__, __isub__ = _operators("subtract")
    __mul__, __rmul__, __imul__ = _operators("multiply")
    __truediv__, __rtruediv__, __itruediv__ = _operators("divide")
    __floordiv__, __rfloordiv__, __ifloordiv__ = _operators("floor_divide")
    __mod__, __rmod__, __imod__ = _operators("remainder")
    __pow__, __rpow__, __ipow__ = _operators("pow")
    __matmul__, __rmatmul__, __imatmul__ = _operators("matmul")
    __and__, __rand__, __iand__ = _operators("bitwise_and")
    __or__, __ror__, __ior__ = _operators("bitwise_or")
    __xor__, __rxor__, __ixor__ = _operators("bitwise_xor")
    __lshift__, __rlshift__, __ilshift__ = _operators("bitwise_left_shift")
    __rshift__, __rrshift__, __irshift__ = _operators("bitwise_right_shift")
    __lt__, __gt__ = _binary_operator("less")[0], _binary_operator("greater")[0]
    __le__, __ge__ = _binary_operator("less_equal")[0], _binary_operator("greater_equal")[0]
    __eq__, __ne__ = _binary_operator("equal")[0], _binary_operator("not_equal")[0]
    __hash__ = None  # type: ignore[assignment]  # equality is by element
    __neg__ = _unary_operator("negative")
    __pos__ = _unary_operator("positive")
    __abs__ = _unary_operator("abs")
    __invert__ = _unary_operator("bitwise_invert")
