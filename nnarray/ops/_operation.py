"""What makes a function of Arrays one of all that Keras' functions take: raw arrays, variables, lists, symbols."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from nnarray import config
from nnarray._messages import describe, unknown_name
from nnarray.array import Array, as_array, is_traced, namespace
from nnarray.backends import DTYPE_NAMES, Backend, backend_of, current_backend, find_backend

F = TypeVar("F", bound=Callable[..., Any])
#: Kinds of dtypes, each of which holds the numbers of those before it.
TRUTH, INTEGER, REAL, COMPLEX = range(4)
_NUMBERS: tuple[type, ...] = (bool, int, float, complex)
#: NumPy's arrays are taken wherever arrays of another library are, as Keras takes them.
_HOST = backend_of(np.zeros(()))
_DTYPES = (*DTYPE_NAMES, "float16", "bfloat16")


#: Of each type that was met, whether its objects have an array of their own, as a variable has, and are symbols.
_traits: dict[type, tuple[bool, bool]] = {}


def _traits_of(x: Any) -> tuple[bool, bool]:
    cls = type(x)
    try:
        return _traits[cls]
    except KeyError:
        found = hasattr(cls, "__nnarray_value__"), hasattr(cls, "__nnarray_apply__")
        return _traits.setdefault(cls, found)


class _Taken(NamedTuple):
    """An argument that is an array, or several."""

    name: str
    place: int
    #: ``"one"``, ``"several"`` in a list or tuple, or ``"rest"``: the positional arguments from there on.
    kind: str


class _Home:
    """The library and device that a call computes on: those of its arrays, else the current ones."""

    def __init__(self, leaves: Iterable[Any]) -> None:
        chosen, rank = None, 0
        self.is_recorded = False
        for x in leaves:
            importance = _importance(x)
            self.is_recorded = self.is_recorded or importance > 2
            if importance > rank:
                chosen, rank = x, importance
        self._chosen = chosen
        self.has_arrays = chosen is not None
        self.space = here()[0] if chosen is None else _space_of(chosen)

    @property
    def device(self) -> Any:
        """The device of the array that decides, else the current one."""
        x = self._chosen
        return here()[1] if x is None else x.device if type(x) is Array else self.space.backend.device_of(x)

    @property
    def dtype(self) -> Any:
        """The dtype of the array that decides."""
        return None if self._chosen is None else self._chosen.dtype

    def array(self, x: Any) -> Any:
        """Return an argument as an Array: None stays None."""
        if x is None or (type(x) is Array and x.namespace is self.space):
            return x
        backend = find_backend(_value(x))
        if backend is self.space.backend:
            return x if type(x) is Array else Array(x, self.space)
        if backend is not None and backend is self.space.backend.traced:
            return self.space.asarray(x)
        if backend is not None and backend is not _HOST:
            raise TypeError(
                f"Arrays of one library are needed: received one of {backend.name} beside one of "
                f"{self.space.backend.name}. Convert it with nnarray.ops.convert_to_tensor or asarray first."
            )
        if isinstance(x, (list, tuple)) and _holds_array(x):
            return self.space.stack(list(promoted(*(self.array(_own(item)) for item in x))))
        made = x if backend is not None else host_array(x)
        if backend is None and made.dtype.kind == "f" and self.dtype is not None and self.space.field_of(self.dtype):
            # Python's numbers beside arrays are as exact as those.
            return self.space.asarray(np.asarray(x), dtype=self._real_dtype(), device=self.device)
        return self.space.asarray(made, device=self.device)

    def _real_dtype(self) -> Any:
        space = self.space
        return {space.complex64: space.float32, space.complex128: space.float64}.get(self.dtype, self.dtype)

    def number(self, x: Any) -> Any:
        """Return an argument as an Array, or as it is if it is a number beside arrays."""
        if not self.has_arrays or not isinstance(x, _NUMBERS) or find_backend(x) is self.space.backend:
            return self.array(x)
        return x if type(x) in _NUMBERS else next(kind(x) for kind in _NUMBERS if isinstance(x, kind))

    def several(self, xs: Any) -> Any:
        """Return a list of Arrays for a list or tuple of arrays, or for an array with them along its first axis."""
        if isinstance(xs, (list, tuple)):
            return [self.array(_own(x)) for x in xs]
        return list(self.space.unstack(self.array(xs)))


def operation(arrays: str, numbers: bool = False, shaped_by_values: bool = False) -> Callable[[F], F]:
    """Return a decorator: a function of Arrays, which are all of one library then, takes what Keras' functions take.

    Beside arrays, NumPy's and lists become arrays of their library and device. The results are Arrays if any argument
    was one, else raw. A call with a symbol of a model among its arrays is noted down as one operation.

    Parameters
    ----------
    arrays : str
        The arguments that are arrays; ``*xs`` for one that is a list of arrays, or the positional ones from there on.
    numbers : bool
        Whether Python's numbers beside arrays stay what they are: a number has no dtype of its own.
    shaped_by_values : bool
        Whether the shape of the result depends on values, which a symbol has not.
    """

    def decorate(function: F) -> F:
        taken = _taken(function, arrays.split())

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            given = [_given(each, args, kwargs) for each in taken]
            leaves = [_own(leaf) for x in given for leaf in (x if isinstance(x, (list, tuple)) else (x,))]
            for x in leaves:
                if _traits_of(x)[1]:
                    if shaped_by_values:
                        raise TypeError(
                            f"The shape of what {function.__name__} returns depends on values, and a symbol of a model "
                            f"has none: received {x!r}. Call it in a layer of your own."
                        )
                    return x.__nnarray_apply__(call, args, kwargs)
            home = _Home(leaves if not _is_deep(leaves) else _flat(leaves))
            known: list[Any] = list(args)
            for each in taken:
                take = home.several if each.kind == "several" else home.number if numbers else home.array
                if each.kind == "rest":
                    known[each.place :] = [take(_own(x)) for x in known[each.place :]]
                elif each.place < len(known):
                    known[each.place] = take(_own(known[each.place]))
                elif each.name in kwargs:
                    kwargs[each.name] = take(_own(kwargs[each.name]))
            result = function(*known, **kwargs)
            return result if home.is_recorded else _released(result)

        call.__module__ = "nnarray.ops"
        return call  # type: ignore[return-value]

    return decorate


def _taken(function: Callable[..., Any], arrays: Sequence[str]) -> list[_Taken]:
    parameters = inspect.signature(function).parameters
    places = {name: place for place, name in enumerate(parameters)}
    found = []
    for word in arrays:
        name = word.lstrip("*")
        is_rest = parameters[name].kind is inspect.Parameter.VAR_POSITIONAL
        found.append(_Taken(name, places[name], "rest" if is_rest else "several" if name != word else "one"))
    return found


def _given(each: _Taken, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if each.kind == "rest":
        return args[each.place :]
    return args[each.place] if each.place < len(args) else kwargs.get(each.name)


def _own(x: Any) -> Any:
    """Return the array of what has one, such as a variable."""
    return x.__nnarray_value__() if _traits_of(x)[0] else x


def _value(x: Any) -> Any:
    return x.value if type(x) is Array else x


def _is_deep(leaves: Sequence[Any]) -> bool:
    return any(isinstance(x, (list, tuple)) for x in leaves)


def _flat(xs: Iterable[Any]) -> list[Any]:
    return [leaf for x in xs for leaf in (_flat(x) if isinstance(x, (list, tuple)) else [_own(x)])]


def _holds_array(x: Any) -> bool:
    return any(type(leaf) is Array or find_backend(leaf) not in (None, _HOST) for leaf in _flat([x]))


def _importance(x: Any) -> int:
    """Return 0 for what is no array; arrays that are traced count more than others, NumPy's least."""
    if type(x) is Array:
        backend = x.namespace.backend
        return 5 if backend.traced is not None else 3 + (backend is not _HOST)
    found = None if isinstance(x, _NUMBERS) else find_backend(x)
    return 0 if found is None else 1 + (found is not _HOST)


def _space_of(x: Any) -> Any:
    return as_array(x).namespace


def _released(result: Any) -> Any:
    if isinstance(result, (list, tuple)):
        return type(result)(map(_released, result))
    return result.value if type(result) is Array else result


def here() -> tuple[Any, Any]:
    """Return the namespace and device that are current where no array decides."""
    backend, device = current_backend()[:2]
    return namespace(backend.name), device


def host_array(x: Any) -> np.ndarray:
    """Return numbers as an array of NumPy, of Keras' dtypes: floatx, int32, bool.

    Raises
    ------
    TypeError
        If they are no numbers.
    """
    made = np.asarray(x)
    if made.dtype.kind not in "biufc":
        raise TypeError(f"Arrays are made of numbers, lists of numbers and arrays: received {describe(x)}.")
    if isinstance(x, (np.ndarray, np.generic)) or made.dtype.kind == "b":
        return made
    if made.dtype.kind in "iu":
        fits = made.size == 0 or (made.min() >= -(2**31) and made.max() < 2**31)
        return made.astype("int32") if fits else made
    return made.astype(default_dtype(COMPLEX if made.dtype.kind == "c" else REAL))


def default_dtype(kind: int) -> str:
    """Return the name of the dtype that numbers of a kind have by themselves."""
    wide = {"float64": "complex128"}.get(config.floatx(), "complex64")
    return ("bool", "int32", config.floatx(), wide)[kind]


#: Kinds of the dtypes that were met, by their library: dtypes of several are not compared.
_kinds: dict[tuple[Backend, Any], int] = {}


def kind_of(x: Any) -> int:
    """Return the kind of an Array's or number's dtype."""
    if type(x) is not Array:
        return next(kind for kind, number in enumerate(_NUMBERS) if isinstance(x, number))
    backend = x.namespace.backend
    key = backend.traced or backend, x.value.dtype
    try:
        return _kinds[key]
    except KeyError:
        field = x.namespace.field_of(x.dtype)
        kind = {"real": REAL, "complex": COMPLEX}.get(field, TRUTH if x.dtype == x.namespace.bool else INTEGER)
        return _kinds.setdefault(key, kind)


def promoted(*xs: Any, least: int = TRUTH) -> list[Any]:
    """Return Arrays and numbers in the dtype that they have together by Keras' rules, at least of one kind.

    Beside floating-point numbers integers take their dtype, whatever its width; numbers have no width.
    """
    first = next(x for x in xs if type(x) is Array)
    space, dtype = first.namespace, first.value.dtype
    if kind_of(first) >= least and all(type(x) is Array and x.value.dtype == dtype for x in xs):
        return list(xs)
    kinds = [least if x is None else kind_of(x) for x in xs]
    top = max(least, *kinds)
    lowest = REAL if top == COMPLEX else top
    dtypes = [x.dtype for x, kind in zip(xs, kinds, strict=True) if type(x) is Array and kind >= lowest]
    if top == COMPLEX and dtypes and "complex" not in map(space.field_of, dtypes):
        dtypes.append(space.complex64)
    different = set(dtypes)
    if len(different) == 1:
        dtype = dtypes[0]
    else:
        dtype = space.result_type(*different) if different else getattr(space, default_dtype(top))
    return [_in(x, dtype, top) for x in xs]


def _in(x: Any, dtype: Any, kind: int) -> Any:
    if type(x) is Array:
        return cast_to(x, dtype)
    return x if x is None else _NUMBERS[kind](x)


def cast_to(x: Array, dtype: Any) -> Array:
    """Return `x` in a dtype of its library."""
    return x if x.value.dtype == dtype else x.namespace.astype(x, dtype)


def floated(x: Array) -> Array:
    """Return `x`, integers and truth values as numbers of the default floating dtype."""
    return x if x.namespace.field_of(x.dtype) else cast_to(x, getattr(x.namespace, config.floatx()))


def counted(x: Array) -> Array:
    """Return `x`, truth values as 0 and 1."""
    return cast_to(x, x.namespace.int32) if kind_of(x) == TRUTH else x


def truth(x: Array) -> Array:
    """Return whether the elements of `x` are not zero."""
    return x if kind_of(x) == TRUTH else x != 0


def index(x: Array) -> Array:
    """Return indices in Keras' dtype of them."""
    return cast_to(x, x.namespace.int32)


def dtype_named(space: Any, dtype: Any, default: Any = None) -> Any:
    """Return the dtype of a library that is given by name, as one of any library, or as a type of Python's numbers.

    Raises
    ------
    ValueError
        If there is none, or the library has it not.
    """
    if dtype is None:
        return getattr(space, default) if isinstance(default, str) else default
    name = dtype_name(dtype)
    if name not in _DTYPES:
        raise ValueError(unknown_name("dtype", name, _DTYPES))
    found = getattr(space.backend.xp, name, None)
    if found is None:
        raise ValueError(f"The library {space.backend.library_name} has no dtype {name!r}.")
    return found


def dtype_name(dtype: Any) -> str:
    """Return the name of a dtype as it was given."""
    kinds: dict[Any, int] = {bool: TRUTH, int: INTEGER, float: REAL, complex: COMPLEX}
    if isinstance(dtype, type) and dtype in kinds:
        return default_dtype(kinds[dtype])
    if isinstance(dtype, str):
        return dtype
    name = getattr(dtype, "__name__", None) or getattr(dtype, "name", None) or str(dtype)
    return str(name).rpartition(".")[2]


def axes_tuple(axis: Any) -> Any:
    """Return an axis as an integer, several as a tuple, all as None."""
    return tuple(map(int, axis)) if isinstance(axis, (list, tuple)) else axis


def axis_within(axis: int, ndim: int) -> int:
    """Return an axis counted from the first.

    Raises
    ------
    ValueError
        If there is none of that number.
    """
    if not isinstance(axis, (int, np.integer)) or isinstance(axis, bool):
        raise ValueError(f"axis must be an integer: received axis={axis!r}.")
    if not -ndim <= axis < ndim:
        span = f"from {-ndim} to {ndim - 1}" if ndim else "in an array that has axes"
        raise ValueError(f"axis must lie {span}: received axis={axis}.")
    return int(axis) % ndim


def integer(x: Any) -> Any:
    """Return an integer for one in an array whose value is known."""
    x = _own(x)
    return x if is_traced(x) or x is None else int(x)
