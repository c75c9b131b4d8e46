"""The arguments of one call of a jitted function, sorted: arrays, what is recorded, what is static."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Sequence
from enum import Enum
from types import FunctionType
from typing import TYPE_CHECKING, Any

from nnarray._messages import describe
from nnarray._trees import Structure, exactly, flatten, flatten_in_order, unflatten
from nnarray.array import Array, Node, Note, as_array, with_logits
from nnarray.backends import Backend, find_backend

if TYPE_CHECKING:
    from nnarray.compiler._jit import Jitted


class CallArguments:
    """The arguments of one call, sorted.

    Attributes
    ----------
    raw : list of raw arrays
        The arrays among the leaves of the arguments.
    nodes : list of (Node or None)
        Theirs.
    recorded : tuple of int
        Which of them are recorded.
    donated : tuple of int
        Which of them may be overwritten.
    inline : bool
        Whether the function is to run as it is: within another trace, or because it has no array to be traced with.
    key : hashable
        Equal for calls that have the same plan.
    """

    def __init__(self, jitted: Jitted, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._fun = jitted.fun
        self._statics, self._static_kwargs = jitted.marks.statics(args, kwargs)
        dynamic, named = args, kwargs
        if self._statics or self._static_kwargs:
            dynamic = tuple(None if n in self._statics else x for n, x in enumerate(args))
            named = {name: x for name, x in kwargs.items() if name not in self._static_kwargs}
        self._leaves, self._structure = flatten_in_order((dynamic, named))
        self._places: list[int] = []
        self.raw: list[Any] = []
        self.nodes: list[Node | None] = []
        self.as_arrays = self.inline = False
        forms: list[Any] = []
        found: Backend | None = None
        for place, x in enumerate(self._leaves):
            node = None
            if type(x) is Array:
                self.as_arrays, node, x = True, x.node, x.value
            backend = find_backend(x)
            if backend is None:
                forms.append(exactly(x))
                continue
            found = _same(backend, found)
            self._places.append(place)
            self.raw.append(x)
            self.nodes.append(node)
            device = backend.device_of(x)
            # By name: not every library's devices are hashable.
            forms.append((x.shape, x.dtype, device if type(device) is str else backend.device_name(device)))
        self.recorded = tuple(place for place, node in enumerate(self.nodes) if node is not None)
        self.inline = found is None or found.traced is not None
        if found is None:
            return
        self.backend = found
        self.donated = _donated(dynamic, named, *jitted.marks.donated(args)) if jitted.marks.donates else ()
        statics = exactly((*self._statics.items(), *self._static_kwargs.items()))
        self.key = found, self._structure, tuple(forms), statics, self.as_arrays
        try:
            hash(self.key)
        except TypeError as error:
            raise TypeError(
                f"What is static under jit, and what is no array, must be hashable: {error}. Pass arrays for what "
                "changes, and tuples for lists."
            ) from None

    def results(self, arrays: Sequence[Array]) -> tuple[list[Any], Structure, list[Note]]:
        """Return what the function returns for other arrays: leaves and structure.

        To a caller with Arrays the logits of results go too, behind the leaves, with a note for each.
        """
        leaves = list(self._leaves)
        for place, x in zip(self._places, arrays, strict=True):
            leaves[place] = x
        args, kwargs = unflatten(self._structure, leaves)
        if self._statics:
            args = tuple(self._statics.get(n, x) for n, x in enumerate(args))
        leaves, structure = flatten(self._fun(*args, **kwargs, **self._static_kwargs))
        results, notes = with_logits(leaves) if self.as_arrays else (leaves, [])
        return results, structure, notes

    def released(self, compiled: Any, outputs: Sequence[Any]) -> Any:
        """Return the result as Arrays if any argument was one, else raw."""
        return compiled.arranged([as_array(x) if self.as_arrays else x for x in outputs])


def is_array(x: Any) -> bool:
    """Whether something is an Array or a raw array."""
    return isinstance(x, Array) or find_backend(x) is not None


def checked_result(x: Any) -> Any:
    """Return a part of a result that is no array and is given out at each call, or raise if it may not be."""
    if isinstance(x, (type, slice, Enum)) or (isinstance(x, FunctionType) and not x.__closure__):
        return x
    try:
        hash(x)
    except TypeError:
        pass
    else:
        if not hasattr(x, "__dict__") and not isinstance(x, (Iterator, Awaitable)):
            return x
    raise TypeError(
        "A result under jit is made of arrays, numbers, strings and None, in dicts, lists, tuples or dataclasses: "
        f"received {describe(x)}. What is computed later, or kept in an object, jit cannot follow."
    )


def _donated(dynamic: tuple[Any, ...], named: dict[str, Any], places: set[int], names: set[str]) -> tuple[int, ...]:
    found: list[int] = []
    start = 0
    for key, x in (*enumerate(dynamic), *named.items()):
        count = sum(map(is_array, flatten_in_order(x)[0]))
        found += range(start, start + count) if key in places or key in names else ()
        start += count
    return tuple(found)


def _same(backend: Backend, before: Backend | None) -> Backend:
    """Return the backend of another array, which must be that of those before; under trace, constants may be raw."""
    if before is None or backend is before or backend.traced is before:
        return backend
    if before.traced is backend:
        return before
    raise TypeError(
        f"Arrays of one library are needed under jit: received arrays of {before.name} and of {backend.name}. Convert "
        "them first."
    )
