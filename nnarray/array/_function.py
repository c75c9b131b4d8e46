"""A function of the array namespace: one row with its name, its signature and one VJP rule per array argument."""

from __future__ import annotations

import inspect
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from nnarray.backends import Backend

Rule = Callable[..., Any]

#: Every function, by name, those of an extension by its dotted name; each row enters itself.
TABLE: dict[str, Function] = {}


def parse_signature(text: str) -> inspect.Signature:
    """Return the signature written as in a ``def``, for example ``"x, /, *, axis=None"``."""
    return inspect.signature(eval(f"lambda {text}: None", {}))


class Function:
    """One row of the table.

    Parameters
    ----------
    name : str
        Name in the standard; of what it has as an operator only or not at all (`getitem`, `index_add`), our own.
    signature : str
        Parameters as in the standard.
    rules : mapping of str to callable
        VJP rule of each differentiable array argument. A rule names what it needs, and the tape keeps just that: `g`
        (cotangent of the result), `xp` (namespace), `out` (result), `in_shape` (of the argument), any array
        argument, any other parameter; in variadic functions `position` and `shapes` (of all arguments). Rules are
        written in the functions of the table, so they can be differentiated again.
        A function with several results has tuples in `g` and `out`; in `g`, a result that nothing used is None.
    constant : str
        Why there is no derivative, where there is none.
    arrays : sequence of str, optional
        The array arguments; by default those that are positional-only.
    variadic : bool
        Whether the one array argument is a sequence of arrays.
    broadcasts : bool
        Whether array arguments broadcast against each other (their cotangents are then summed back).
    conjugates : bool
        Whether the rules take complex conjugates themselves; those of an extension do. Otherwise a rule multiplies by
        the derivative, and the backward pass conjugates around it.
    outputs : sequence of str or type, optional
        Of a function with several results: their names in the standard's named tuple, or `tuple` or `list`.
    shaped_by : sequence of str
        Array arguments whose values decide the shape of the result.
    keeps_elements : bool
        Whether the result has the elements of the first argument in their order, up to rounding: what is known of them
        (see `Origin`) is then known of the result.
    implementation : callable, optional
        Takes a backend and returns the function on its raw arrays; by default the library's own of that name.
    of_arrays : callable, optional
        Takes a namespace and the arguments, where an Array stands for a number: the function in terms of others.
    """

    __slots__ = (
        *("arrays", "broadcasts", "collect", "conjugates", "constant", "implementation", "name", "rules", "signature"),
        *("_kept", "_slots", "keeps_elements", "leading", "of_arrays", "shaped_by", "variadic"),
    )

    def __init__(
        self,
        name: str,
        signature: str,
        rules: Mapping[str, Rule] | None = None,
        *,
        constant: str = "",
        arrays: Sequence[str] | None = None,
        variadic: bool = False,
        broadcasts: bool = False,
        conjugates: bool = False,
        outputs: Sequence[str] | type = (),
        shaped_by: Sequence[str] = (),
        keeps_elements: bool = False,
        implementation: Callable[[Backend], Callable[..., Any]] | None = None,
        of_arrays: Callable[..., Any] | None = None,
    ) -> None:
        self.name = name
        self.signature = parse_signature(signature)
        parameters = self.signature.parameters.values()
        positional_only = tuple(p.name for p in parameters if p.kind is p.POSITIONAL_ONLY)
        self.arrays = positional_only if arrays is None else tuple(arrays)
        self.leading = tuple(name for name in positional_only if name not in self.arrays)
        self.rules = dict(rules or {})
        self.constant = constant
        self.variadic = variadic
        self.broadcasts = broadcasts
        self.conjugates = conjugates or "." in name
        self.collect = _collector(name, outputs)
        self.shaped_by = tuple(shaped_by)
        self.keeps_elements = keeps_elements
        self.implementation = implementation
        self.of_arrays = of_arrays
        self._slots = {argument: _slots(rule) for argument, rule in self.rules.items()}
        self._kept: dict[tuple[int, ...], tuple[tuple[bool, ...], bool]] = {}
        if name in TABLE:
            raise ValueError(f"function {name!r} has two rows")
        TABLE[name] = self

    def __repr__(self) -> str:
        return f"<function {self.name}{self.signature}>"

    def on(self, backend: Backend) -> Callable[..., Any]:
        """Return the function on the raw arrays of `backend`."""
        if backend.traced is not None:
            return backend.recorder(self)
        if self.implementation is not None:
            return self.implementation(backend)
        library = attrgetter(self.name)(backend.xp)
        if not self.leading:
            return library

        def call(*arrays: Any, **params: Any) -> Any:
            leading = [params.pop(name) for name in self.leading if name in params]
            return library(*arrays, *leading, **params)

        return call

    def rule_of(self, position: int) -> Rule | None:
        """Return the VJP rule of the array argument at `position`, None if constant in it."""
        return self.rules.get(self.arrays[0 if self.variadic else position])

    def needs_of(self, position: int) -> tuple[str, ...]:
        """Return the names that the rule at `position` asks for, in its order."""
        return self._slots[self.arrays[0 if self.variadic else position]]

    def kept_for(self, positions: tuple[int, ...]) -> tuple[tuple[bool, ...], bool]:
        """Return which array arguments, and whether the result, the rules at `positions` ask for."""
        try:
            return self._kept[positions]
        except KeyError:
            needed = {name for position in positions for name in self.needs_of(position)}
            kept = tuple(argument in needed for argument in self.arrays), "out" in needed
            return self._kept.setdefault(positions, kept)

    def default(self, parameter: str) -> Any:
        """Return the default of a parameter."""
        return self.signature.parameters[parameter].default

    def split_arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Return the array arguments in order and the other parameters that were given, by name.

        Raises
        ------
        TypeError
            If the arguments do not fit the signature.
        """
        try:
            given = self.signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise TypeError(f"{self.name}{self.signature}: {error}") from None
        return [given.pop(name, None) for name in self.arrays], given


def _collector(name: str, outputs: Sequence[str] | type) -> Callable[..., Any] | None:
    """Return what makes one object of the several results of a function, None if it has one result."""
    if isinstance(outputs, type):
        return outputs
    title = "".join(word.capitalize() for word in name.rpartition(".")[2].split("_"))
    made: Any = namedtuple(f"{title}Result", outputs) if outputs else None
    return None if made is None else made._make


def _slots(rule: Rule) -> tuple[str, ...]:
    return rule.__code__.co_varnames[: rule.__code__.co_argcount]


def elementwise(name: str, rule: Rule | None = None, constant: str = "") -> Function:
    """Enter a function of one array, element by element."""
    return Function(name, "x, /", {"x": rule} if rule else None, constant=constant)


def binary(name: str, rule1: Rule | None = None, rule2: Rule | None = None, constant: str = "") -> Function:
    """Enter a function of two broadcasting arrays, element by element."""
    given = {"x1": rule1, "x2": rule2}
    rules = {argument: rule for argument, rule in given.items() if rule}
    return Function(name, "x1, x2, /", rules, constant=constant, broadcasts=True)
