"""A model as a graph of calls on symbols."""

from __future__ import annotations

from typing import Any

from nnarray._lookup import unique
from nnarray._messages import describe, unknown_name
from nnarray._trees import flatten, unflatten
from nnarray.array import array_namespace
from nnarray.backends import backend_of
from nnarray.layers import Layer, Node, Placeholder, as_floats, shape_fits, symbols_of, with_rank


class Graph:
    """The calls that lead from some symbols to others.

    Parameters
    ----------
    inputs, outputs : Placeholder, or list, tuple or dict of them

    Attributes
    ----------
    returned : Placeholder, or list, tuple or dict of them
        The outputs as `run` returns them: as in Keras, the only one in a list stands for itself.
    nodes : list of Node
        In an order in which they can be made.
    layers : list of Layer
        Each once, those farthest from the outputs first, input layers among them.

    Raises
    ------
    TypeError
        If something else than symbols is given.
    ValueError
        If an output does not depend on the inputs alone, or an input is given twice.
    """

    def __init__(self, inputs: Any, outputs: Any) -> None:
        self.inputs, self.outputs, self.returned = inputs, outputs, alone(outputs)
        self.symbols = _symbols("inputs", inputs)
        self.results = _symbols("outputs", outputs)
        if len(set(self.symbols)) < len(self.symbols):
            raise ValueError(f"Each input is given once: received {[x.name for x in self.symbols]}.")
        self.nodes, order = _sorted(self.symbols, self.results)
        self.layers = _layers(self.symbols, self.nodes, order)

    @property
    def input_names(self) -> list[str]:
        """Name of each symbol: its key in a dict of inputs, else its own."""
        return _keys(self.inputs) or [x.name for x in self.symbols]

    @property
    def output_names(self) -> list[str]:
        """Name of each result: its key in a dict of outputs, else that of what makes it, each once."""
        names: list[str] = []
        for symbol in self.results:
            names.append(unique(symbol.name, names))
        return _keys(self.outputs) or names

    @property
    def dtype(self) -> str | None:
        """The widest floating-point dtype of symbols and results, None if there is none."""
        found = {x.dtype for x in (*self.symbols, *self.results)}
        return next((dtype for dtype in ("float64", "float32", "float16") if dtype in found), None)

    def arranged(self, inputs: Any) -> list[Any]:
        """Return the inputs of a call in the order of the symbols.

        Parameters
        ----------
        inputs : array, or list, tuple or dict of arrays
            As the symbols were given, in their order, or by their names. A last axis of length one may be missing, or
            be there beside the declared ones.

        Raises
        ------
        ValueError
            If they are too few or too many, of unknown names, or of another shape than was declared.
        """
        given, structure = flatten(inputs)
        if structure != flatten(self.inputs)[1]:
            given = self._by_name(inputs) if isinstance(inputs, dict) else given
        if len(given) != len(self.symbols):
            raise ValueError(f"The model has {len(self.symbols)} input(s), {self.input_names}: received {len(given)}.")
        given = [with_rank(array, symbol.shape) for symbol, array in zip(self.symbols, given, strict=True)]
        for symbol, array in zip(self.symbols, given, strict=True):
            shape = tuple(getattr(array, "shape", ()))
            if not shape_fits(shape, symbol.shape):
                listed = ", ".join("batch" if n is None else str(n) for n in symbol.shape)
                one = shape_fits((None, *shape), symbol.shape)
                cure = " That is one example: x[None] is a batch of it." if one else ""
                raise ValueError(
                    f"Input {symbol.name!r} takes arrays of shape ({listed}): received {describe(array)}.{cure}"
                )
        return given

    def _by_name(self, inputs: dict[str, Any]) -> list[Any]:
        names = self.input_names if set(inputs) <= set(self.input_names) else [x.name for x in self.symbols]
        for name in inputs:
            if name not in names:
                raise ValueError(unknown_name("input", name, names))
        missing = [name for name in names if name not in inputs]
        if missing:
            raise ValueError(f"The model has the inputs {names}: received none for {missing}.")
        return [inputs[name] for name in names]

    def run(self, inputs: Any) -> Any:
        """Return the outputs for arrays, or for other symbols, in the place of the inputs."""
        given = self.arranged(inputs)
        known = {symbol: as_declared(x, symbol.dtype) for symbol, x in zip(self.symbols, given, strict=True)}
        for node in self.nodes:
            node.run(known)
        return unflatten(flatten(self.returned)[1], [known[symbol] for symbol in self.results])


def alone(tree: Any) -> Any:
    """Return the item of a list or tuple of one, anything else as it is."""
    return tree[0] if isinstance(tree, (list, tuple)) and len(tree) == 1 else tree


def _keys(tree: Any) -> list[str]:
    """Return the keys of a dict of symbols in the order in which it is flattened."""
    return sorted(tree) if isinstance(tree, dict) and len(symbols_of(tree)) == len(tree) else []


def as_declared(x: Any, dtype: str) -> Any:
    """Return an array in the floating-point dtype that is declared for it; where integers are, floats become such."""
    if isinstance(x, Placeholder):
        return x
    if "float" in dtype:
        return as_floats(x, dtype)
    xp = array_namespace(x)
    return xp.astype(x, getattr(xp, dtype)) if xp.isdtype(x.dtype, "real floating") else x


def check_whole(x: Any, symbol: Placeholder) -> None:
    """Raise ValueError if integers are declared for an array, and it holds others."""
    backend = backend_of(x)
    if "int" in symbol.dtype and backend.xp.isdtype(x.dtype, "real floating"):
        fractions = backend.to_numpy(x) % 1 != 0
        if fractions.any():
            found = backend.to_numpy(x)[fractions][0]
            raise ValueError(f"Input {symbol.name!r} takes integers, {symbol.dtype}: received {found}.")


def _symbols(what: str, tree: Any) -> list[Placeholder]:
    found, leaves = symbols_of(tree), flatten(tree)[0]
    wrong = [leaf for leaf in leaves if not isinstance(leaf, Placeholder)]
    if wrong or not found:
        received = describe(wrong[0] if wrong else tree)
        raise TypeError(
            f"The {what} of a model are symbols, made by Input and by calling layers on them: received {received}."
        )
    return found


def _sorted(inputs: list[Placeholder], outputs: list[Placeholder]) -> tuple[list[Node], dict[Any, int]]:
    """Return the nodes behind the outputs, each after what it needs, and the order in which operations are met."""
    known = set(inputs)
    done: dict[Node, None] = {}
    order: dict[Any, int] = {}
    stack: list[tuple[Placeholder, bool]] = [(symbol, False) for symbol in reversed(outputs)]
    while stack:
        symbol, is_left = stack.pop()
        node = symbol.node
        if is_left:
            assert node is not None
            done[node] = None
            continue
        operation = symbol.source if node is None else node.operation
        if operation is not None:
            order.setdefault(operation, len(order))
        if symbol in known or node in done:
            continue
        if node is None:
            raise ValueError(
                f"Graph disconnected: the outputs need the input {symbol.name!r}, which is not among the model's "
                f"inputs, {[x.name for x in inputs]}."
            )
        stack.append((symbol, True))
        stack += [(x, False) for x in reversed(node.inputs)]
    return list(done), order


def _layers(inputs: list[Placeholder], nodes: list[Node], order: dict[Any, int]) -> list[Layer]:
    """Return the layers by their distance from the outputs, then in the order in which they are met from there."""
    depth: dict[Any, int] = {}
    of_node: dict[Any, int] = {}
    declared = set(inputs)
    for node in reversed(nodes):
        here = max(of_node.get(node, 0), depth.get(node.operation, 0))
        depth[node.operation] = here
        for symbol in node.inputs:
            behind: Any = symbol.source if symbol in declared else symbol.node
            if behind is not None:
                of_node[behind] = max(here + 1, of_node.get(behind, 0))
    for symbol in inputs:
        if symbol.source is not None:
            depth[symbol.source] = of_node.get(symbol.source, 0)
    found = [operation for operation in depth if isinstance(operation, Layer)]
    return sorted(found, key=lambda layer: (-depth[layer], order.get(layer, -1)))
