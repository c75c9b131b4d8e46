"""Scopes that lend variables other values and catch what is assigned to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from nnarray.array import Array, as_array
from nnarray.random import StepDraws, drawing

if TYPE_CHECKING:
    from nnarray.variables._variable import Variable

#: Stands for a value that no scope has.
NOT_LENT: Any = object()

#: What layers added to a loss in calls outside of scopes.
_losses: WeakKeyDictionary[Any, list[Any]] = WeakKeyDictionary()

_scope: ContextVar[StatelessScope | None] = ContextVar("nnarray_stateless_scope", default=None)


_autocast: ContextVar[str | None] = ContextVar("nnarray_autocast", default=None)


@contextmanager
def autocasting(dtype: str | None) -> Iterator[None]:
    """Let floating-point variables be read in the dtype of that name within the block; None leaves theirs."""
    token = _autocast.set(dtype)
    try:
        yield
    finally:
        _autocast.reset(token)


def autocast() -> str | None:
    """Return the dtype in which variables are read."""
    return _autocast.get()


def current_scope() -> StatelessScope | None:
    """Return the innermost scope."""
    return _scope.get()


def losses_added() -> MutableMapping[Any, list[Any]]:
    """Return where layers note what they add to a loss: in the outermost scope, or for calls outside of any."""
    scope = _scope.get()
    while scope is not None and scope.around is not None:
        scope = scope.around
    return _losses if scope is None else scope.losses


def refuse_new(path: str) -> None:
    """Raise TypeError within a model's step: a variable that is made there is none that it can train or keep."""
    scope = _scope.get()
    while scope is not None:
        if scope.owner is not None:
            raise TypeError(
                f"A step of {scope.owner!r} makes variable {path!r}. Make layers and variables in __init__ or build, "
                "and keep them as attributes: a call is run again and again."
            )
        scope = scope.around


class StatelessScope:
    """Within it, variables read and write the arrays given here and leave their own alone.

    What is not lent here is looked for in the scopes around. Where a pack is lent, its members are, as pieces of it;
    what is assigned to them goes into the pack's value.

    Parameters
    ----------
    variables, values : sequences of the same length
        Which variables read what.
    counter : int or integer array, optional
        Number of the step, of which random generators draw a function in place of their own count; by default that of
        the scope around.
    phase : int
        Of what it is a step: the same number means other draws in another phase.
    owner : str, optional
        Name of the model whose step it is: then variables that are lent nowhere are refused.

    Attributes
    ----------
    values : dict of Variable to array
        What each variable holds; holds what was assigned after the block.
    owner : str or None
    around : StatelessScope or None
        The scope in which it was entered.
    recorded : bool
        Whether Arrays were lent, so that what is computed from them is recorded.
    """

    def __init__(
        self,
        variables: Iterable[Variable],
        values: Iterable[Any],
        counter: Any = None,
        phase: int = 0,
        owner: str | None = None,
    ) -> None:
        self.owner = owner
        self.values: dict[Variable, Any] = dict(zip(variables, values, strict=True))
        self.recorded = any(isinstance(value, Array) for value in self.values.values())
        self.around: StatelessScope | None = None
        #: What layers added to the loss, by layer.
        self.losses: dict[Any, list[Any]] = {}
        self._outdated: set[Variable] = set()
        self._draws = StepDraws(counter, next(iter(self.values.values()), None), phase)

    def __enter__(self) -> StatelessScope:
        self.around = _scope.get()
        self._token = _scope.set(self)
        self._drawing = drawing(self._draws)
        self._drawing.__enter__()
        return self

    def __exit__(self, kind: object, *exception: object) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._drawing.__exit__(None, None, None)
            _scope.reset(self._token)

    def _finish(self) -> None:
        for pack in list(self._outdated):
            self.read(pack)

    def read(self, variable: Variable) -> Any:
        """Return what a variable holds here or in a scope around, or `NOT_LENT`."""
        if variable in self._outdated:
            self._outdated.discard(variable)
            self.values[variable] = variable.join([self.values[member] for member in variable.members])
        if variable in self.values or self._takes_apart(variable.pack):
            return self.values[variable]
        members = variable.members
        if members != (variable,) and any(member in self.values for member in members):
            return variable.join([member.value for member in members])
        around = self._beyond(variable)
        return NOT_LENT if around is None else around.read(variable)

    def write(self, variable: Variable, value: Any) -> bool:
        """Keep a value for a variable here or in a scope around; return whether one of them lends it."""
        if variable not in self.values and any(member in self.values for member in variable.members):
            for member, piece in zip(variable.members, variable.split(value), strict=True):
                self.write(member, piece)
            return True
        if not self._takes_apart(variable.pack) and variable not in self.values:
            around = self._beyond(variable)
            return around is not None and around.write(variable, value)
        self.values[variable] = value
        if variable.pack in self.values:
            self._outdated.add(variable.pack)
        if variable.members != (variable,):
            self._outdated.discard(variable)
            for member in variable.members:
                self.values.pop(member, None)
        return True

    def _beyond(self, variable: Variable) -> StatelessScope | None:
        """Return the scope around, which may have the variable; TypeError if a model's step has nothing around it."""
        if self.around is None and self.owner is not None:
            raise TypeError(
                f"A step of {self.owner!r} uses variable {variable.path!r}, which does not belong to that model. "
                "Layers and variables belong to a model that has them as attributes, or in lists, tuples, dicts and "
                "dataclasses there, before the step."
            )
        return self.around

    def _takes_apart(self, pack: Variable | None) -> bool:
        """Lend the members of a pack that is lent here; return whether it is."""
        if pack is None or pack not in self.values:
            return False
        for member, piece in zip(pack.members, pack.split(self.values[pack]), strict=True):
            self.values.setdefault(member, piece)
        return True


class Lending(StatelessScope):
    """Within it, variables read the Arrays that a derivative is taken by.

    What is assigned in the block is read there as it is, recorded, and handed to the scope around, or to the
    variables, at its end.
    """

    def __init__(self, variable: Variable, array: Any) -> None:
        super().__init__((), ())
        self._lent = variable, array
        self._assigned: dict[Variable, Any] = {}
        self.recorded = True

    def __enter__(self) -> StatelessScope:
        around = _scope.get()
        super().__enter__()
        if isinstance(around, Lending) and not around._assigned:
            # One for each variable is entered: each holds what those before it do, so that reading stays quick.
            self.values.update(around.values)
        self.values[self._lent[0]] = self._lent[1]
        return self

    def read(self, variable: Variable) -> Any:
        return self._assigned[variable] if variable in self._assigned else super().read(variable)

    def write(self, variable: Variable, value: Any) -> bool:
        self._assigned[variable] = value
        return True

    def _finish(self) -> None:
        around = self.around
        for variable, value in self._assigned.items():
            if not isinstance(around, Lending) and isinstance(value, Array):
                value = Array(value.value, value.namespace)
            if around is None or not around.write(variable, value):
                variable.assign_outside(value)


@contextmanager
def outside_scopes() -> Iterator[None]:
    """Let variables read and write their own values within the block, whatever scopes lend."""
    token = _scope.set(None)
    try:
        yield
    finally:
        _scope.reset(token)


class RehearsalScope(StatelessScope):
    """A scope that serves variables that it does not lend too, such as those made in it, and catches what they get."""

    def read(self, variable: Variable) -> Any:
        value = super().read(variable)
        return as_array(variable._own()) if value is NOT_LENT and self.recorded else value

    def write(self, variable: Variable, value: Any) -> bool:
        if not super().write(variable, value):
            self.values[variable] = value
        return True


class Building(StatelessScope):
    """A scope in which a layer is built: what variables get that are lent nowhere is theirs, also in a rehearsal."""

    def __init__(self) -> None:
        super().__init__((), ())
        around = _scope.get()
        self.recorded = around is not None and around.recorded

    def read(self, variable: Variable) -> Any:
        return NOT_LENT if self.around is None else self.around.read(variable)

    def write(self, variable: Variable, value: Any) -> bool:
        return self.around is not None and StatelessScope.write(self.around, variable, value)
