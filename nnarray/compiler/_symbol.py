"""What stands in for a raw array while a function is traced."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from nnarray._refusals import TracingError, unknown_value
from nnarray.array import TABLE, Array
from nnarray.compiler._graph import Value

if TYPE_CHECKING:
    from nnarray.compiler._tracing import Trace, TracingBackend


def _binary(name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    # An Array beside it is recorded on a tape, which it must see to itself.
    def plain(self: Symbol, other: Any) -> Any:
        return NotImplemented if type(other) is Array else self.backend.record(TABLE[name], (self, other), {})

    def reflected(self: Symbol, other: Any) -> Any:
        return NotImplemented if type(other) is Array else self.backend.record(TABLE[name], (other, self), {})

    return plain, reflected


def _unary(name: str) -> Callable[..., Any]:
    def plain(self: Symbol) -> Any:
        return self.backend.record(TABLE[name], (self,), {})

    return plain


#: What each is asked for by.
_ASKED = {
    **{"__bool__": "A branch, or bool(),", "__float__": "float()", "__int__": "int()", "__complex__": "complex()"},
    **{"__index__": "An index or a length", "__dlpack__": "DLPack", "__dlpack_device__": "DLPack"},
}


def _refused(name: str) -> Callable[..., Any]:
    def ask(self: Symbol, *args: Any, **kwargs: Any) -> Any:
        if self.node is not None:
            raise unknown_value(_ASKED[name])
        return getattr(self.example, name)(*args, **kwargs)

    return ask


class Symbol:
    """A raw array under trace: what is done to it is recorded. It is a constant if its `node` is None.

    Shapes and dtypes are those that the library itself found: functions run once, on `example`, while they are traced.
    """

    __slots__ = ("__weakref__", "example", "node", "trace")
    backend: ClassVar[TracingBackend]

    def __init__(self, example: Any, trace: Trace | None = None, node: Value | None = None) -> None:
        self.example = example
        self.trace = trace
        self.node = node

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes."""
        return tuple(self.example.shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.example.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.example.shape)

    @property
    def dtype(self) -> Any:
        """The library's dtype."""
        return self.example.dtype

    @property
    def device(self) -> Any:
        """The device that holds it."""
        return self.backend.device_of(self)

    @property
    def mT(self) -> Any:  # noqa: N802 -- the standard's name
        """Transpose of the last two axes."""
        return self.backend.record(TABLE["matrix_transpose"], (self,), {})

    @property
    def T(self) -> Any:  # noqa: N802 -- the standard's name
        """Transpose of a matrix."""
        return self.mT

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        return self.backend.xp

    def __copy__(self) -> Symbol:
        return self  # Values of a graph are never changed.

    def __deepcopy__(self, memo: Any) -> Symbol:
        return self

    def __repr__(self) -> str:
        shape = ",".join(map(str, self.shape))
        return f"<{'constant' if self.node is None else self.node} under jit: {self.dtype}[{shape}]>"

    def __getitem__(self, key: Any) -> Any:
        return self.backend.record(TABLE["getitem"], (self,), {"key": key})

    def __setitem__(self, key: Any, value: Any) -> None:
        raise TracingError("A raw array under jit cannot be assigned to. Assign to the Array instead.")

    def to_device(self, device: Any, /, *, stream: Any = None) -> Any:  # noqa: ARG002
        """Return the array on another device."""
        return self.backend.asarray(self, device=device)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if self.node is not None:
            raise unknown_value("A NumPy function")
        found = self.backend.traced.to_numpy(self.example)
        return found if dtype is None else found.astype(dtype)

    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]  # equality is by element
    __bool__ = _refused("__bool__")
    __float__ = _refused("__float__")
    __int__ = _refused("__int__")
    __complex__ = _refused("__complex__")
    __index__ = _refused("__index__")
    __dlpack__ = _refused("__dlpack__")
    __dlpack_device__ = _refused("__dlpack_device__")
    __add__, __radd__ = _binary("add")
    __sub__, __rsub__ = _binary("subtract")
    __mul__, __rmul__ = _binary("multiply")
    __truediv__, __rtruediv__ = _binary("divide")
    __floordiv__, __rfloordiv__ = _binary("floor_divide")
    __mod__, __rmod__ = _binary("remainder")
    __pow__, __rpow__ = _binary("pow")
    __matmul__, __rmatmul__ = _binary("matmul")
    __and__, __rand__ = _binary("bitwise_and")
    __or__, __ror__ = _binary("bitwise_or")
    __xor__, __rxor__ = _binary("bitwise_xor")
    __lshift__, __rlshift__ = _binary("bitwise_left_shift")
    __rshift__, __rrshift__ = _binary("bitwise_right_shift")
    __lt__, __le__ = _binary("less")[0], _binary("less_equal")[0]
    __gt__, __ge__ = _binary("greater")[0], _binary("greater_equal")[0]
    __eq__, __ne__ = _binary("equal")[0], _binary("not_equal")[0]
    __neg__ = _unary("negative")
    __pos__ = _unary("positive")
    __abs__ = _unary("abs")
    __invert__ = _unary("bitwise_invert")
