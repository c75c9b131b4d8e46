"""What an optimizer keeps beside each variable, and how variables that are packed together keep it together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from weakref import WeakKeyDictionary

from nnarray.array import array_namespace
from nnarray.backends import convert
from nnarray.variables import Variable, outside_scopes

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Slot:
    """An array that an optimizer keeps beside each variable, of the variable's dtype.

    Parameters
    ----------
    name : str
    initial : float or "variable"
        What every element is at first; "variable" starts it as a copy of the variable.
    shape : tuple of int, or callable, optional
        Its shape, or ``shape(variable_shape)``; by default the variable's. An optimizer with a slot of another shape
        sees each variable by itself.

    Examples
    --------
    >>> from nnarray.optimizers import Slot
    >>> Slot("row_means", shape=lambda shape: shape[:1]).shape_for((3, 4))
    (3,)
    """

    name: str
    initial: float | Literal["variable"] = 0.0
    shape: Shape | Callable[[Shape], Shape] | None = None

    def shape_for(self, shape: Shape) -> Shape:
        """Return the slot's shape beside a variable of the given one."""
        if self.shape is None:
            return shape
        return tuple(self.shape(shape) if callable(self.shape) else self.shape)

    def new(self, variable: Variable) -> Variable:
        """Return the slot of a variable that has none yet."""
        xp = variable.backend.xp
        if self.initial == "variable":
            with outside_scopes():
                value = _copy(variable.value)
        else:
            shape, dtype = self.shape_for(variable.shape), getattr(xp, variable.dtype)
            value = xp.full(shape, self.initial, dtype=dtype, device=variable.device)
        return Variable(value, f"{variable.path}/{self.name}", trainable=False)

    def joined(self, pack: Variable, pieces: Sequence[Any]) -> Variable:
        """Return the slot of a pack; the gaps between the pieces keep the initial value."""
        value = pack.join(pieces)
        if self.initial and self.initial != "variable":
            xp = array_namespace(value)
            taken = pack.join([xp.ones_like(piece) for piece in pieces])
            value = xp.where(taken > 0, value, xp.full_like(value, self.initial))
        return Variable(value, f"{pack.path}/{self.name}", trainable=False)


@dataclass(eq=False)
class Unit:
    """A variable, or a pack of several, that is updated at once.

    Attributes
    ----------
    variable : Variable
    slots : tuple of Variable
    born : int
        How many of the optimizer's steps are left out of its bias correction, which starts with its own first step.
    offset : Variable or None
        The same, where it is not 0, as part of the optimizer's state.
    """

    variable: Variable
    slots: tuple[Variable, ...]
    born: int
    offset: Variable | None

    def resting(self) -> Iterator[tuple[Variable, tuple[Variable, ...]]]:
        """Yield each variable with slots of its own."""
        if self.variable.members == (self.variable,):
            yield self.variable, self.slots
            return
        pieces = [self.variable.split(slot.value) for slot in self.slots]
        names = [slot.name.rpartition("/")[2] for slot in self.slots]
        for place, member in enumerate(self.variable.members):
            made = zip(names, pieces, strict=True)
            yield member, tuple(Variable(_copy(x[place]), f"{member.path}/{name}", False) for name, x in made)


@dataclass(eq=False)
class Part:
    """What one call of `update` gets and gives: a unit, or one variable of a pack of which others have no gradient.

    Attributes
    ----------
    unit : Unit
    place : int or None
        Of the variable in the unit; None is the whole.
    variable : Variable
    gradient : array
    """

    unit: Unit
    place: int | None
    variable: Variable
    gradient: Any

    @property
    def slots(self) -> tuple[Any, ...]:
        """The values of its slots."""
        held = [slot.value for slot in self.unit.slots]
        return tuple(held if self.place is None else [self.unit.variable.split(x)[self.place] for x in held])

    def checked(self, values: Sequence[Any], count: int, optimizer: str) -> tuple[Any, ...]:
        """Return what `update` gives for `count` slots, or raise ValueError if it is not one array for each."""
        if len(values) != count:
            raise ValueError(
                f"{optimizer}.update must return one array for each of its {count} slots: received {len(values)}."
            )
        return tuple(values)


class SlotTable:
    """The slots of all variables that an optimizer has met: in units for those it updates, apart for those that rest.

    Slots belong to variables. A variable that is packed otherwise, left out for a while or joined by others keeps them,
    and its bias correction goes on where it stopped; they end with the variable.

    Attributes
    ----------
    targets : list of Variable
        What it is arranged for: variables, packs or both.
    units : list of Unit
    """

    def __init__(self) -> None:
        self.targets: list[Variable] = []
        self.units: list[Unit] = []
        self._resting: WeakKeyDictionary[Variable, tuple[tuple[Variable, ...], int]] = WeakKeyDictionary()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_resting": list(self._resting.items())}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({**state, "_resting": WeakKeyDictionary(state["_resting"])})

    @property
    def variables(self) -> list[Variable]:
        """The slots of each unit, those of variables at rest, and the steps that late ones did not take."""
        units = [slot for unit in self.units for slot in unit.slots]
        resting = [slot for slots, _ in self._resting.values() for slot in slots]
        return [*units, *resting, *dict.fromkeys(unit.offset for unit in self.units if unit.offset is not None)]

    @property
    def members(self) -> set[Variable]:
        """The variables that are updated."""
        return {member for unit in self.units for member in unit.variable.members}

    def is_for(self, targets: Sequence[Variable]) -> bool:
        """Whether it is arranged for these."""
        return len(targets) == len(self.targets) and all(x is y for x, y in zip(targets, self.targets, strict=True))

    def covers(self, targets: Sequence[Variable]) -> bool:
        """Whether these are, one by one and in whatever order, the variables it is arranged for."""
        return (
            set(targets) == self.members
            and len(targets) == len(self.members)
            and all(unit.variable.whole for unit in self.units)
        )

    def require(self, targets: Sequence[Variable], optimizer: str) -> None:
        """Raise ValueError if it has no slots for one of the variables."""
        unknown = [member for member in members_of(targets) if member not in self.members]
        if unknown:
            raise ValueError(
                f"Variable {unknown[0].path!r} is unknown to this {optimizer}: its state cannot be made in a stateless "
                "call or under jit. Call optimizer.build(variables) first."
            )

    def born(self, variable: Variable, now: Callable[[], int]) -> int:
        """Return how many of the steps taken, `now` in all, the bias correction of a variable leaves out."""
        for unit in self.units:
            if variable in unit.variable.members:
                return unit.born
        return now() - self._resting[variable][1] if variable in self._resting else now()

    def arrange(
        self,
        targets: Sequence[Variable],
        slots: Callable[[Variable], Sequence[Slot]],
        now: int,
        joint: Callable[[Variable], bool],
    ) -> None:
        """Lay out the `slots` of variables for `targets`, after `now` steps, of which `joint` are updated as one."""
        wanted = [x for target in targets for x in ((target,) if joint(target) else target.members)]
        before = {unit.variable: unit for unit in self.units}
        born = {x: self.born(x.members[0], lambda: now) for x in wanted}
        offsets = {unit.born: unit.offset for unit in self.units}
        for variable, unit in before.items():
            if variable not in born:
                self._resting.update((member, (held, now - unit.born)) for member, held in unit.resting())
        self.targets, self.units = list(targets), []
        for x in wanted:
            if born[x] and born[x] not in offsets:
                start = x.backend.xp.asarray(born[x], device=x.device)
                offsets[born[x]] = Variable(start, "first_step", trainable=False)
            self.units.append(before.get(x) or Unit(x, self._slots(x, slots), born[x], offsets.get(born[x])))

    def bring_home(self) -> None:
        """Move the state of each unit to where its variable has been moved."""
        for unit in self.units:
            for held in (*unit.slots, unit.offset):
                if held is not None:
                    bring_beside(unit.variable, held)

    def parts(self, gradients: dict[Variable, Any]) -> Iterator[Part]:
        """Yield what is to be updated, by gradients of variables, packed or one by one."""
        units = {unit.variable for unit in self.units}
        apart = dict(gradients)
        for target, gradient in gradients.items():
            if target not in units:
                apart.update(zip(target.members, target.split(gradient), strict=True))
        for unit in self.units:
            members = unit.variable.members
            if unit.variable in apart:
                yield Part(unit, None, unit.variable, apart[unit.variable])
            elif all(member in apart for member in members):
                yield Part(unit, None, unit.variable, unit.variable.join([apart[member] for member in members]))
            else:
                given = ((place, member) for place, member in enumerate(members) if member in apart)
                yield from (Part(unit, place, member, apart[member]) for place, member in given)

    def store(self, updated: Sequence[tuple[Part, Any, Sequence[Any]]]) -> None:
        """Assign the new weight and slots of each part."""
        pieces: dict[Unit, list[list[Any]]] = {}
        for part, weight, values in updated:
            unit, place = part.unit, part.place
            part.variable.assign(weight)
            if place is None:
                for slot, value in zip(unit.slots, values, strict=True):
                    slot.assign(value)
                continue
            held = pieces.setdefault(unit, [unit.variable.split(slot.value) for slot in unit.slots])
            for slot_pieces, value in zip(held, values, strict=True):
                slot_pieces[place] = value
        for unit, held in pieces.items():
            for slot, slot_pieces in zip(unit.slots, held, strict=True):
                slot.assign(unit.variable.join(slot_pieces))

    def held(self, variable: Variable) -> tuple[Variable, ...] | None:
        """Return the slots of a variable, or of the pack that it is updated with; None if it has none yet."""
        for unit in self.units:
            if variable in unit.variable.members:
                return unit.slots
        return self._resting[variable][0] if variable in self._resting else None

    def _slots(self, variable: Variable, slots: Callable[[Variable], Sequence[Slot]]) -> tuple[Variable, ...]:
        held = []
        for member in variable.members:
            kept, _ = self._resting.pop(member, (None, 0))
            held.append(kept or tuple(slot.new(member) for slot in slots(member)))
        if variable.members == (variable,):
            return held[0]
        for member, made in zip(variable.members, held, strict=True):
            for slot in made:
                bring_beside(member, slot)
        wanted = enumerate(slots(variable.members[0]))
        return tuple(slot.joined(variable, [made[place].value for made in held]) for place, slot in wanted)


def members_of(variables: Sequence[Variable]) -> list[Variable]:
    """Return the variables, packed ones too; one that is given twice is refused."""
    members = [member for variable in variables for member in variable.members]
    if len(set(members)) < len(members):
        twice = next(member for i, member in enumerate(members) if member in members[:i])
        raise ValueError(f"A variable is updated once in a step: received {twice.path!r} twice.")
    return members


def _copy(x: Any) -> Any:
    return array_namespace(x).asarray(x, copy=True)


def bring_beside(variable: Variable, held: Variable) -> None:
    """Move what is kept for a variable to where the variable has been moved."""
    backend, device = variable.backend, variable.device
    if held.backend is not backend or held.device != device:
        held.rebind(backend.xp.asarray(convert(held.value, backend, held.dtype, device), copy=True))
