"""A named array that layers, optimizers and metrics keep between calls."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np

from nnarray._messages import describe
from nnarray._refusals import refuse_state
from nnarray._replay import is_repeating, once
from nnarray.array import Array, array_namespace, as_array, namespace, where_arrays_are
from nnarray.backends import Backend, backend_of, convert, current_backend, find_backend
from nnarray.variables._scope import NOT_LENT, Lending, autocast, current_scope

if TYPE_CHECKING:
    from nnarray.variables._pack import Pack


def _binary(apply: Callable[[Any, Any], Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def plain(self: Variable, other: Any) -> Any:
        value, other = self.value, other.value if isinstance(other, Variable) else other
        # Not every library's arrays leave an operator to what stands on their right.
        return _compute(apply, as_array(value) if isinstance(other, Array) else value, other)

    return plain, lambda self, other: _compute(apply, other, self.value)


@where_arrays_are
def _compute(operation: Callable[..., Any], *operands: Any) -> Any:
    return operation(*operands)


def _in_place(sign: str) -> Callable[..., Any]:
    def refuse(self: Variable, other: Any) -> Any:
        raise TypeError(
            f"An in-place operator would put an array in the place of variable {self.path!r}: received {sign}= "
            f"{describe(other)}. Write variable.assign(variable {sign} x)."
        )

    return refuse


class Variable:
    """A named array that layers, optimizers and metrics keep between calls.

    Parameters
    ----------
    value : raw array, scalar or nested list
        The initial value; an array is the variable's own from now on, all else becomes one of the backend in force.
    name : str
    trainable : bool
        Whether training changes it by its gradient.

    Attributes
    ----------
    value : raw array or Array
        What it holds; inside a stateless call, what that call lent it.
    regularizer : callable or None
        Gives a penalty on its value, which is one of its layer's `losses`.
    constraint : callable or None
        Gives what its value is made to be after each step of an optimizer.
    holders : int
        How many steps that are running write into its array: as long as there is one, it is neither packed nor moved.
    paths : tuple of str
        What patterns may find it by: its path, or in a model that trains it, that of attributes and that of names of
        layers, such as "encoder/layers/0/kernel" and "encoder/dense/kernel".
    made_trainable : bool
        What `trainable` was at first; it decides its place in `weights`.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> w = nna.Variable(np.asarray([1.0, -2.0]), name="w")
    >>> w.assign_sub(0.25 * nna.grad(lambda w: (w * w)[0] + (w * w)[1])(w))
    >>> w.numpy()
    array([ 0.5, -1. ])
    """

    def __init__(self, value: Any, name: str = "variable", trainable: bool = True) -> None:
        if find_backend(value) is None:
            backend, device = current_backend()
            value = backend.asarray(value, device=device)
        self._value = value
        self.name = name
        self.path = name
        self._paths: tuple[str, ...] = ()
        self.trainable = trainable
        self.made_trainable = trainable
        self.regularizer: Callable[[Any], Any] | None = None
        self.constraint: Callable[[Any], Any] | None = None
        self.pack: Pack | None = None
        self.holders = 0
        self._settled = False

    def __repr__(self) -> str:
        return f"<Variable {self.path} shape={self.shape} dtype={self.dtype} on {self.backend.name}>"

    def __getstate__(self) -> dict[str, Any]:
        # A copy's value is no window on the buffer it was packed in: it leaves the pack, and is packed anew.
        return {**self.__dict__, "pack": None, "holders": 0, "_settled": False}

    @property
    def value(self) -> Any:
        value = once(self._held)
        dtype = autocast()
        if dtype is None:
            return value
        xp = array_namespace(value)
        return xp.astype(value, getattr(xp, dtype)) if xp.isdtype(value.dtype, "real floating") else value

    def _held(self) -> Any:
        scope = current_scope()
        if scope is not None and (lent := scope.read(self)) is not NOT_LENT:
            return lent
        return self._own()

    def _own(self) -> Any:
        refuse_state(f"Reading variable {self.path!r}")
        return self._value

    def __nnarray_value__(self) -> Any:
        return self.value

    def __nnarray_lend__(self, array: Array) -> AbstractContextManager[Any]:
        """Return a context in which the variable reads `array`, by which a derivative is taken."""
        return Lending(self, array)

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        value = self.value
        space = value.namespace if isinstance(value, Array) else namespace(self.backend.name)
        return space.at_version(api_version)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.numpy(), dtype=dtype)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        values = [x.value if isinstance(x, Variable) else x for x in inputs]
        if all(isinstance(x, (int, float, complex, np.generic)) or hasattr(type(x), "__array_ufunc__") for x in values):
            return getattr(ufunc, method)(*values, **kwargs)
        raise TypeError(
            f"numpy.{ufunc.__name__} takes NumPy arrays: received variable {self.path!r} on {self.backend.name}. Use "
            f"xp.{ufunc.__name__} with xp = variable.__array_namespace__()."
        )

    @property
    def paths(self) -> tuple[str, ...]:
        """What patterns may find it by."""
        return self._paths or (self.path,)

    @paths.setter
    def paths(self, paths: tuple[str, ...]) -> None:
        self._paths = paths

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
        value = value.value if isinstance(value, Variable) else value
        scope = current_scope()
        if scope is None or not scope.write(self, self._fitted(value)):
            self.assign_outside(value)

    def _fitted(self, value: Any) -> Any:
        """Return a value as a scope keeps it: an array of the variable's shape and dtype."""
        if not isinstance(value, Array):
            backend = find_backend(value)
            if backend is None or self.backend not in (backend, backend.traced):
                value = self.converted(value)
        self._check(value)
        same = value.dtype == self._value.dtype
        return value if same else array_namespace(value).astype(value, self._value.dtype)

    def assign_outside(self, value: Any) -> None:
        """Replace the value itself, whatever scopes lend."""
        refuse_state(f"Assigning to variable {self.path!r}")
        value = self.converted(value.value if isinstance(value, Array) else value)
        self._check(value)
        self._write(value)

    def converted(self, value: Any) -> Any:
        """Return a raw array of any library, or what becomes one, as an array of the variable's library and dtype.

        Raises
        ------
        ValueError
            If numbers would be lost: it is complex, or holds none.
        """
        array = value if find_backend(value) is not None else np.asarray(value)
        backend = backend_of(array)
        if backend is self.backend and array.dtype == self._value.dtype and backend.device_of(array) == self.device:
            return array
        if isinstance(array, (np.ndarray, np.generic)):
            is_real = array.dtype.kind in "biuf"
        else:
            is_real = backend.xp.isdtype(array.dtype, ("bool", "integral", "real floating"))
        if not is_real and backend.dtype_name(array.dtype) != self.dtype:
            raise ValueError(f"Variable {self.path!r} holds real numbers: received {describe(array)}.")
        return convert(array, self.backend, self.dtype, self.device)

    def assign_add(self, value: Any) -> None:
        """Add to the value."""
        self.assign(self + value)

    def assign_sub(self, value: Any) -> None:
        """Subtract from the value."""
        self.assign(self - value)

    def _check(self, value: Any) -> None:
        if tuple(value.shape) != self.shape:
            raise ValueError(f"Variable {self.path!r} has shape {self.shape}: received {describe(value)}.")

    def _write(self, value: Any) -> None:
        if self.backend.has_views and (self._settled or self.pack is not None):
            self.backend.store(self._value, value)
        else:
            self._value = self.backend.xp.asarray(value, copy=True)

    def adopt(self, value: Any) -> None:
        """Hold a new array of the same library, dtype and shape; it is copied only if others look into the present one.

        It is given away: nobody else has it.
        """
        # NumPy's functions give a scalar where an array has no axes.
        if self.pack is None and self.holders <= 1 and type(value) is type(self._value):
            self._value = value
        else:
            self._write(value)

    def rebind(self, value: Any) -> None:
        """Take over an array of the same shape, of whatever library; the variable leaves its pack."""
        self._check(value)
        self._value = value
        self.pack = None
        self._settled = False

    def settle(self) -> None:
        """Copy into memory of its own; later assignments write into that memory, where the library can."""
        if not self._settled and self.pack is None:
            self._value = self.backend.xp.asarray(self._value, copy=True)
        self._settled = True

    @property
    def members(self) -> tuple[Variable, ...]:
        """The variables it stands for: itself."""
        return (self,)

    @property
    def whole(self) -> bool:
        """Whether all it stands for lives in its array."""
        return True

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
        return _compute(operator.neg, self.value)

    def __abs__(self) -> Any:
        return _compute(operator.abs, self.value)

    def __getitem__(self, key: Any) -> Any:
        return _compute(operator.getitem, self.value, key)

    def __hash__(self) -> int:
        return id(self)

    __add__, __radd__ = _binary(operator.add)
    __sub__, __rsub__ = _binary(operator.sub)
    __mul__, __rmul__ = _binary(operator.mul)
    __truediv__, __rtruediv__ = _binary(operator.truediv)
    __floordiv__, __rfloordiv__ = _binary(operator.floordiv)
    __mod__, __rmod__ = _binary(operator.mod)
    __pow__, __rpow__ = _binary(operator.pow)
    __matmul__, __rmatmul__ = _binary(operator.matmul)
    __lt__, __gt__ = _binary(operator.lt)[0], _binary(operator.gt)[0]
    __le__, __ge__ = _binary(operator.le)[0], _binary(operator.ge)[0]
    __iadd__, __isub__, __imul__, __itruediv__ = _in_place("+"), _in_place("-"), _in_place("*"), _in_place("/")
