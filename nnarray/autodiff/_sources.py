"""What transforms begin with: sources for what is differentiated, Arrays for all other arrays; and what they give."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any

from nnarray._messages import describe
from nnarray._trees import flatten, flatten_in_order, unflatten
from nnarray.array import TABLE, Array, Node, as_array, last_converted, namespace
from nnarray.backends import Backend, current_backend, find_backend


class SourceNode(Node):
    """The node of what a transform differentiates with respect to.

    Attributes
    ----------
    lender : object or None
        What holds the array, such as a variable: while the function runs, it reads the recorded one.
    """

    __slots__ = ("lender",)
    lender: Any


class Sources:
    """The arguments that a function is differentiated with respect to, as sources of a tape.

    A leaf may be an object that holds an array and can be lent another, such as a variable: it has
    ``__nnarray_value__()`` and ``__nnarray_lend__(array)``, a context in which it reads that array.

    Parameters
    ----------
    tree : tree of arrays

    Attributes
    ----------
    arrays : list of Array
        The leaves, each a source.
    structure : tree structure
    as_arrays : bool
        Whether any leaf was an Array.
    """

    def __init__(self, tree: Any) -> None:
        leaves, self.structure = flatten(tree)
        self._lenders = [_lender_of(leaf) for leaf in leaves]
        values = [held(leaf) for leaf in leaves]
        self.as_arrays = any(isinstance(x, Array) for x in values)
        self.arrays = [source_of(x, lender) for x, lender in zip(values, self._lenders, strict=True)]

    @property
    def nodes(self) -> list[Node]:
        """The nodes of the sources."""
        return [x.node for x in self.arrays if x.node is not None]

    def run(self, fun: Callable[[Any], Any]) -> Any:
        """Return the result of a function of the tree, whose leaves are recorded Arrays."""
        given = to_assign(self.arrays)
        with ExitStack() as stack:
            stack.enter_context(on_device(self.arrays))
            stack.enter_context(watching(self.nodes))
            for lender, x in zip(self._lenders, given, strict=True):
                if lender is not None:
                    stack.enter_context(lender.__nnarray_lend__(x))
            return fun(unflatten(self.structure, given))


def held(leaf: Any) -> Any:
    """Return the array that a leaf holds if it is an object such as a variable, else the leaf."""
    read = getattr(leaf, "__nnarray_value__", None)
    return leaf if read is None else read()


def _lender_of(leaf: Any) -> Any:
    """Return the object that shall read a source made of a leaf: itself, or what now reads the very Array it is."""
    if hasattr(leaf, "__nnarray_lend__"):
        return leaf
    node = leaf.node if isinstance(leaf, Array) else None
    lender = node.lender if isinstance(node, SourceNode) else None
    return lender if lender is not None and getattr(held(lender), "node", None) is node else None


def source_of(leaf: Any, lender: Any = None) -> Array:
    """Return a fresh Array with the value of `leaf`, at which a backward pass stops."""
    # NumPy's scalars, some of them Python floats by inheritance, have a library of their own.
    if isinstance(leaf, (float, complex)) and find_backend(leaf) is None:
        leaf = namespace(current_backend().backend.name).asarray(leaf).value
    x = None if isinstance(leaf, int) else as_array(leaf)
    field = "" if x is None else x.namespace.field_of(x.dtype)
    if x is None or not field:
        raise TypeError(
            f"Only floating-point arguments can be differentiated: received {describe(leaf)}. "
            "Convert it, for example with xp.astype(x, xp.float64), or leave it out of argnums."
        )
    # "positive" passes its cotangent on: through it an enclosing transform sees the leaf that it watches.
    tied = x.node is not None and is_watched(x.node)
    node = SourceNode(x.value, x.namespace, TABLE["positive"] if tied else None, field)
    node.lender = lender
    if tied and x.node is not None:
        node.parents = ((0, x.node),)
    return Array(x.value, x.namespace, node)


#: Of each transform whose function runs now, in whatever thread, the serial of its oldest source.
_running: set[int] = set()


@contextmanager
def watching(nodes: Sequence[Node]) -> Iterator[None]:
    """Within the block a function runs that is differentiated with respect to `nodes`."""
    oldest = min((node.serial for node in nodes), default=-1)
    if nodes:
        _running.add(oldest)
    try:
        yield
    finally:
        _running.discard(oldest)


def is_watched(node: Node) -> bool:
    """Whether a transform around may differentiate with respect to `node`; not if all are over that could."""
    return node.serial >= min(_running.copy(), default=math.inf)


def to_arrays(tree: Any, beside: Backend | None = None) -> Any:
    """Return arguments with an Array of its own for each array in them, as the function gets them; others as they are.

    NumPy's scalars that are Python's numbers by inheritance are arrays only beside those of NumPy. A tree without
    arrays is the same object; one with arrays is a new one.
    """
    leaves, structure = flatten_in_order(tree)
    made = [to_array(x, beside) for x in leaves]
    changed = any(x is not y for x, y in zip(made, leaves, strict=True))
    return unflatten(structure, made) if changed else tree


def to_array(x: Any, beside: Backend | None) -> Any:
    """Return a leaf of the arguments as the function gets it."""
    if isinstance(x, Array):
        return copy.copy(x)
    backend = find_backend(x)
    if backend is None:
        return x
    if beside is not None and isinstance(x, (int, float, complex)) and backend not in (beside, beside.traced):
        return x
    array = as_array(x)
    # Text, dates and objects are no numbers: nothing but their own library can work with them.
    return array if array.namespace.holds_numbers(array.dtype) else x


def to_assign(arrays: Sequence[Array]) -> list[Array]:
    """Return Arrays as objects of their own, to which a function may assign."""
    return [Array(x.value, x.namespace, x.node) for x in arrays]


def own_copies(derivatives: Sequence[Any], raw: bool) -> list[Any]:
    """Return derivatives as the caller may write into them: raw arrays with memory of their own, or new Arrays.

    What a rule passes on is one array, or a view of it, in several places. NumPy's scalars, in which its functions
    return what has no axes, become arrays again.
    """
    return [x.namespace.raw.asarray(x.value, copy=True) for x in derivatives] if raw else to_assign(derivatives)


def zeros_like(x: Array) -> Array:
    """Return unrecorded zeros like `x`."""
    return Array(x.namespace.raw.zeros_like(x.value), x.namespace)


def on_device(sources: Sequence[Array]) -> AbstractContextManager[Any]:
    """Return a context in which raw operators run on the device that holds what is differentiated."""
    if not sources:
        return nullcontext()
    backend = sources[0].namespace.backend
    return backend.activate(backend.device_of(sources[0].value))


def pair_of(result: Any, kind: str) -> tuple[Any, Any]:
    """Return a function's result of some kind, and its auxiliary."""
    if not (isinstance(result, tuple) and len(result) == 2):
        raise TypeError(f"has_aux=True needs a function that returns ({kind}, auxiliary): received {describe(result)}.")
    return result


def check_numbers(results: Sequence[Any], sources: Sequence[Array]) -> None:
    """Refuse Python numbers among the results of a function that made one of what it was to be differentiated by."""
    since = min((source.node.serial for source in sources if source.node is not None), default=0)
    number = next((x for x in results if isinstance(x, (int, float, complex))), None)
    if number is not None and last_converted.get() >= since:
        raise TypeError(
            f"The function returned {describe(number)}, having made a Python number of a recorded array, through which "
            "nothing is differentiated. Return the array itself, without float()."
        )
