"""Symbols: what stands for the arrays of a model before there are any, and the calls that lead from one to another."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nnarray._trees import flatten, leaves_of, tree_map, unflatten
from nnarray.array import namespace
from nnarray.array._numpy_names import UFUNC_OPERATORS, standard_name
from nnarray.layers._applied import Applied, beside, kept, kept_array
from nnarray.layers._build import output_spec
from nnarray.layers._shapes import Shape
from nnarray.layers._spec import Spec, spec_of_results

if TYPE_CHECKING:
    from nnarray.layers._layer import Layer


def _binary(name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    function = getattr(operator, name)

    def plain(self: Placeholder, other: Any) -> Any:
        return apply(Applied(name, function), (self, other), {})

    def reflected(self: Placeholder, other: Any) -> Any:
        return apply(Applied(name, function), (other, self), {})

    return plain, reflected


def _unary(name: str) -> Callable[..., Any]:
    function = getattr(operator, name)
    return lambda self: apply(Applied(name, function), (self,), {})


class Placeholder(Spec):
    """Stands for an array in a model that is being put together; made by `Input` and by calling layers on others.

    Operators, indexing, the functions of ``x.__array_namespace__()`` and those of `nnarray.activations` work on it.

    Attributes
    ----------
    shape : tuple of int or None
        None where it is not known, as for the batch.
    dtype : str
    name : str
    node : Node or None
        The call that makes it; None for an input.
    source : Layer or None
        The input layer that declares it.
    """

    def __init__(
        self, shape: Shape, dtype: str, name: str, node: Node | None = None, source: Layer | None = None
    ) -> None:
        super().__init__(shape, dtype)
        self.name = name
        self.node = node
        self.source = source

    def __repr__(self) -> str:
        return f"<Placeholder {self.name} shape={self.shape} dtype={self.dtype}>"

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        from nnarray.layers._symbolic_namespace import SymbolicNamespace

        return SymbolicNamespace()

    def __nnarray_apply__(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Note down the call of a function of this library as one operation."""
        return apply(Applied(function.__name__, function), args, kwargs)

    def __getitem__(self, key: Any) -> Any:
        return apply(Applied("getitem", operator.getitem), (self, key), {})

    @property
    def mT(self) -> Any:  # noqa: N802 -- the standard's name
        """Transpose of the last two axes."""
        return apply(Applied("matrix_transpose"), (self,), {})

    @property
    def T(self) -> Any:  # noqa: N802 -- the standard's name
        """Transpose of a matrix."""
        return self.mT

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise TypeError(
            f"{self.name!r} stands for an array that is not there yet: it has a shape and a dtype, and no numbers. Use "
            "operators, indexing and the functions of x.__array_namespace__(); what needs numbers goes into a layer."
        )

    __bool__ = __float__ = __int__ = __index__ = __complex__ = __array__ = __iter__ = __len__ = __setitem__ = _refuse

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        reflected = UFUNC_OPERATORS.get(ufunc.__name__)
        if method == "__call__" and reflected is not None and not kwargs and len(inputs) == 2 and inputs[1] is self:
            return getattr(self, reflected)(inputs[0])
        name = standard_name(ufunc.__name__, method)
        raise TypeError(
            f"numpy.{ufunc.__name__} takes arrays: received {self!r}. Use the symbol's own functions: xp = "
            f"x.__array_namespace__(); xp.{name}(x)."
        )

    __add__, __radd__ = _binary("add")
    __sub__, __rsub__ = _binary("sub")
    __mul__, __rmul__ = _binary("mul")
    __truediv__, __rtruediv__ = _binary("truediv")
    __floordiv__, __rfloordiv__ = _binary("floordiv")
    __mod__, __rmod__ = _binary("mod")
    __pow__, __rpow__ = _binary("pow")
    __matmul__, __rmatmul__ = _binary("matmul")
    __and__, __rand__ = _binary("and_")
    __or__, __ror__ = _binary("or_")
    __xor__, __rxor__ = _binary("xor")
    __lshift__, __rlshift__ = _binary("lshift")
    __rshift__, __rrshift__ = _binary("rshift")
    __eq__, __ne__ = _binary("eq")[0], _binary("ne")[0]
    __hash__ = object.__hash__
    __lt__, __le__ = _binary("lt")[0], _binary("le")[0]
    __gt__, __ge__ = _binary("gt")[0], _binary("ge")[0]
    __neg__, __pos__, __abs__, __invert__ = _unary("neg"), _unary("pos"), _unary("abs"), _unary("invert")


class Node:
    """One call of a layer or function on symbols.

    Attributes
    ----------
    operation : Layer or Applied
    outputs : tree of Placeholder
    """

    def __init__(self, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.operation = operation
        self._leaves, self._structure = flatten((args, kwargs))
        self.outputs: Any = None

    @property
    def inputs(self) -> list[Placeholder]:
        """The symbols among the arguments."""
        return [leaf for leaf in self._leaves if isinstance(leaf, Placeholder)]

    @property
    def arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Positional and keyword arguments."""
        return unflatten(self._structure, self._leaves)

    def run(self, known: dict[Placeholder, Any]) -> None:
        """Make the call on the arrays that are known for its inputs, and add its outputs."""
        leaves = [known[leaf] if isinstance(leaf, Placeholder) else leaf for leaf in self._leaves]
        if not isinstance(self.operation, Applied):
            like = known[self.inputs[0]]
            leaves = [beside(leaf, None if isinstance(like, Placeholder) else like) for leaf in leaves]
        args, kwargs = unflatten(self._structure, leaves)
        made = leaves_of(self.operation(*args, **kwargs))
        known.update(zip(leaves_of(self.outputs), made, strict=True))


def symbols_of(tree: Any) -> list[Placeholder]:
    """Return the symbols in a tree."""
    if isinstance(tree, Placeholder):
        return [tree]
    if not isinstance(tree, (list, tuple, dict)):
        return []
    return [leaf for leaf in leaves_of(tree) if isinstance(leaf, Placeholder)]


def call_layer(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Note down a call of a built layer on symbols; return symbols for its outputs."""
    args, kwargs = tree_map(lambda leaf: leaf if isinstance(leaf, Placeholder) else kept_array(leaf), (args, kwargs))
    return _noted(layer, args, kwargs, output_spec(layer, args, kwargs))


def apply(operation: Applied, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Note down a call of a function on symbols; return symbols for its results."""
    args, kwargs = tree_map(lambda leaf: leaf if isinstance(leaf, Placeholder) else kept(leaf), (args, kwargs))
    return _noted(operation, args, kwargs, spec_of_results(operation, args, kwargs, namespace("numpy").asarray))


def _noted(operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any], spec: Any) -> Any:
    node = Node(operation, args, kwargs)

    def symbol(each: Any) -> Any:
        return Placeholder(each.shape, each.dtype, operation.name, node) if isinstance(each, Spec) else each

    node.outputs = tree_map(symbol, spec)
    return node.outputs
