"""State: a `Variable` holds a raw array; a `StatelessScope` lends it another; a `Pack` lays many in one buffer."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from nnarray._messages import describe
from nnarray._refusals import refuse_state
from nnarray._replay import is_repeating, once
from nnarray.array import Array, array_namespace
from nnarray.backends import Backend, backend_of, convert
from nnarray.random import StepDraws, drawing

__all__ = ["Pack", "StatelessScope", "Variable", "pack_variables"]


class StatelessScope:
    """Within it, variables read and write the arrays given here and leave their own alone.

    Parameters
    ----------
    variables, values : sequences of the same length
        Which variables read what.
    counter : int or integer array, optional
        Number of the step, of which random generators draw a function in place of their own count; by default that of
        the scope around.
    phase : int
        Of what it is a step: the same number means other draws in another phase.

    Attributes
    ----------
    values : dict of Variable to array
        What each variable holds; holds what was assigned after the block.
    recorded : bool
        Whether Arrays were lent, so that what is computed from them is recorded.
    """

    def __init__(
        self, variables: Iterable[Variable], values: Iterable[Any], counter: Any = None, phase: int = 0
    ) -> None:
        self.values = dict(zip(variables, values, strict=True))
        self.recorded = any(isinstance(value, Array) for value in self.values.values())
        self._draws = StepDraws(counter, next(iter(self.values.values()), None), phase)

    def __enter__(self) -> StatelessScope:
        self._token = _scope.set(self)
        self._drawing = drawing(self._draws)
        self._drawing.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._drawing.__exit__(None, None, None)
        _scope.reset(self._token)


_scope: ContextVar[StatelessScope | None] = ContextVar("nnarray_stateless_scope", default=None)


def current_scope() -> StatelessScope | None:
    """Return the innermost `StatelessScope`."""
    return _scope.get()


def _binary(apply: Callable[[Any, Any], Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def plain(self: Variable, other: Any) -> Any:
        return apply(self.value, other.value if isinstance(other, Variable) else other)

    def reflected(self: Variable, other: Any) -> Any:
        return apply(other, self.value)

    return plain, reflected


class Variable:
    """A named array that layers, optimizers and metrics keep between calls.

    Parameters
    ----------
    value : raw array
        The initial value, which the variable owns from now on.
    name : str
    trainable : bool
        Whether training changes it by its gradient.

    Attributes
    ----------
    value : raw array or Array
        What it holds; inside a stateless call, what that call lent it.
    """

    def __init__(self, value: Any, name: str = "variable", trainable: bool = True) -> None:
        self._value = value
        self.name = name
        self.path = name
        self.trainable = trainable
        self.pack: Pack | None = None
        self._settled = False

    def __repr__(self) -> str:
        return f"<Variable {self.path} shape={self.shape} dtype={self.dtype} on {self.backend.name}>"

    def __getstate__(self) -> dict[str, Any]:
        # A copy's value is no window on the buffer it was packed in: it leaves the pack, and is packed anew.
        return {**self.__dict__, "pack": None, "_settled": False}

    @property
    def value(self) -> Any:
        return once(self._held)

    def _held(self) -> Any:
        scope = _scope.get()
        if scope is not None and self in scope.values:
            return scope.values[self]
        refuse_state(f"Reading variable {self.path!r}")
        return self._value

    def __nnarray_value__(self) -> Any:
        return self.value

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes."""
        return tuple(self._value.shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self._value.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def backend(self) -> Backend:
        """The backend that holds it."""
        return backend_of(self._value)

    @property
    def dtype(self) -> str:
        """The standard's name of its dtype."""
        return self.backend.dtype_name(self._value.dtype)

    @property
    def device(self) -> Any:
        """The device that holds it."""
        return self.backend.device_of(self._value)

    def numpy(self) -> np.ndarray:
        """Return a NumPy copy of the value."""
        return np.array(self.backend.to_numpy(self._value))

    def assign(self, value: Any) -> None:
        """Replace the value by another of the same shape, of any library; a stateless call keeps it to itself.

        Raises
        ------
        ValueError
            If the shape differs.
        """
        if is_repeating():
            return
        scope = _scope.get()
        value = value.value if isinstance(value, Variable) else value
        if scope is not None and self in scope.values:
            self._check(value)
            scope.values[self] = value
            return
        refuse_state(f"Assigning to variable {self.path!r}")
        value = value.value if isinstance(value, Array) else value
        value = convert(value, self.backend, self.dtype, self.device)
        self._check(value)
        self._write(value)

    def _check(self, value: Any) -> None:
        if tuple(value.shape) != self.shape:
            raise ValueError(f"Variable {self.path!r} has shape {self.shape}: received {describe(value)}.")

    def _write(self, value: Any) -> None:
        if self.backend.has_views and (self._settled or self.pack is not None):
            self.backend.store(self._value, value)
        else:
            self._value = self.backend.xp.asarray(value, copy=True)

    def rebind(self, value: Any) -> None:
        """Take over an array of the same shape, of whatever library; the variable leaves its pack."""
        self._check(value)
        self._value = value
        self.pack = None
        self._settled = False

    def settle(self) -> None:
        """Hold an array of its own, and from now on that one: what is assigned is written into it, where it can be."""
        if not self._settled and self.pack is None and self.backend.has_views:
            self._value = self.backend.xp.asarray(self._value, copy=True)
        self._settled = True

    @property
    def members(self) -> tuple[Variable, ...]:
        """The variables it stands for: itself."""
        return (self,)

    def split(self, array: Any) -> list[Any]:
        """Return `array`, shaped like the variable, as one array per variable it stands for: itself."""
        return [array]

    def join(self, arrays: Sequence[Any]) -> Any:
        """Undo `split`."""
        return arrays[0]

    def __float__(self) -> float:
        return float(self.numpy())

    def __int__(self) -> int:
        return int(self.numpy())

    def __neg__(self) -> Any:
        return -self.value

    def __abs__(self) -> Any:
        return abs(self.value)

    def __getitem__(self, key: Any) -> Any:
        return self.value[key]

    def __hash__(self) -> int:
        return id(self)

    __array_ufunc__ = None
    __add__, __radd__ = _binary(operator.add)
    __sub__, __rsub__ = _binary(operator.sub)
    __mul__, __rmul__ = _binary(operator.mul)
    __truediv__, __rtruediv__ = _binary(operator.truediv)
    __pow__, __rpow__ = _binary(operator.pow)
    __matmul__, __rmatmul__ = _binary(operator.matmul)
    __lt__, __gt__ = _binary(operator.lt)[0], _binary(operator.gt)[0]
    __le__, __ge__ = _binary(operator.le)[0], _binary(operator.ge)[0]


#: Each packed piece starts on this many bytes, the alignment that matrix products and GPUs ask for.
ALIGNMENT = 256


class Pack(Variable):
    """Several variables of one dtype laid one behind the other in one flat buffer.

    An elementwise optimizer then takes the same dozen steps whatever the depth, and gradients leave as one array.
    Where the library has views, the packed variables are windows on the buffer; elsewhere the flat value is joined
    from them when read, and split into them when assigned.

    Parameters
    ----------
    variables : sequence of Variable
        Of one dtype, backend and device. A variable packed elsewhere leaves that pack, which is then not `whole`.
    """

    def __init__(self, variables: Sequence[Variable]) -> None:
        self._members = tuple(variables)
        first = self._members[0]
        xp = first.backend.xp
        bits = xp.finfo(first._value.dtype).bits
        step = ALIGNMENT * 8 // bits
        self.starts = []
        total = 0
        for variable in self._members:
            self.starts.append(total)
            total += -(-variable.size // step) * step
        buffer = xp.zeros((total,), dtype=first._value.dtype, device=first.device)
        super().__init__(buffer, name="packed")
        flat = self.join([variable._value for variable in self._members])
        if first.backend.has_views:
            self.backend.store(buffer, flat)
            for variable, piece in zip(self._members, self.split(buffer), strict=True):
                variable._value = piece
        for variable in self._members:
            variable.pack = self

    @property
    def members(self) -> tuple[Variable, ...]:
        """The packed variables."""
        return self._members

    @property
    def whole(self) -> bool:
        """Whether every variable still lives here; packing one elsewhere retires this pack."""
        return all(variable.pack is self for variable in self._members)

    def _held(self) -> Any:
        scope = _scope.get()
        if scope is not None and self in scope.values:
            return scope.values[self]
        refuse_state("Reading packed variables")
        return self._value if self.backend.has_views else self.join([variable._value for variable in self._members])

    def settle(self) -> None:
        """Nothing: a pack has a buffer of its own."""

    def _write(self, value: Any) -> None:
        if self.backend.has_views:
            self.backend.store(self._value, value)
            return
        for variable, piece in zip(self._members, self.split(value), strict=True):
            variable._value = piece

    def split(self, array: Any) -> list[Any]:
        """Return the piece of a flat `array` that belongs to each variable, in its shape."""
        xp = array_namespace(array)
        return [
            xp.reshape(array[start : start + variable.size], variable.shape)
            for start, variable in zip(self.starts, self._members, strict=True)
        ]

    def join(self, arrays: Sequence[Any]) -> Any:
        """Return arrays shaped like the variables as one flat array, zero in the gaps."""
        xp = array_namespace(arrays[0])
        ends = (*self.starts[1:], *self._value.shape)
        pieces = []
        for array, start, end in zip(arrays, self.starts, ends, strict=True):
            size = math.prod(array.shape)
            pieces.append(xp.reshape(array, (size,)))
            if gap := end - start - size:
                pieces.append(xp.zeros((gap,), dtype=array.dtype, device=self.device))
        return xp.concat(pieces)


def pack_variables(variables: Iterable[Variable]) -> list[Pack]:
    """Pack variables, one pack per dtype, in order of appearance; a variable given twice is packed once."""
    groups: dict[str, dict[Variable, None]] = {}
    for variable in variables:
        groups.setdefault(variable.dtype, {})[variable] = None
    return [Pack(tuple(group)) for group in groups.values()]
