"""The state of an optimizer as arrays by name, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nnarray.backends import convert
from nnarray.optimizers._composite import Composite
from nnarray.optimizers._optimizer import Optimizer
from nnarray.optimizers._slots import SlotTable
from nnarray.variables import Variable


def state_of(optimizer: Optimizer, names: Mapping[Variable, str]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return what an optimizer keeps, as plain values and as arrays.

    Parameters
    ----------
    optimizer : Optimizer
    names : mapping of Variable to str
        Those that it may have slots for; others are left out.
    """
    if isinstance(optimizer, Composite):
        return _state_of_all(optimizer, names)
    if optimizer._iterations is None:
        return {}, {}
    table, now = optimizer._table, int(optimizer.iterations)
    kept = [(*held, now - unit.born) for unit in table.units for held in unit.resting()]
    kept += [(variable, slots, steps) for variable, (slots, steps) in table._resting.items()]
    arrays = {"iterations": optimizer._iterations.numpy()}
    if optimizer._rate.variable is not None:
        arrays["learning_rate"] = optimizer._rate.variable.numpy()
    steps_of = {}
    for variable, slots, steps in kept:
        if variable in names:
            steps_of[names[variable]] = steps
            for slot, made in zip(optimizer._slots, slots, strict=True):
                arrays[f"slots/{names[variable]}/{slot.name}"] = made.numpy()
    return {"steps": steps_of, "slots": [slot.name for slot in optimizer._slots]}, arrays


def _state_of_all(optimizer: Composite, names: Mapping[Variable, str]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    if not optimizer.built:
        return {}, {}
    arrays, inner = {name: held.numpy() for name, held in optimizer.scalars.items()}, []
    for place, each in enumerate(optimizer.optimizers):
        values, held = state_of(each, names)
        inner.append(values)
        arrays.update((f"{place}/{name}", array) for name, array in held.items())
    places = {names[variable]: place for variable, place in optimizer.places.items() if variable in names}
    return {"inner": inner, "places": places}, arrays


def _restore_all(
    optimizer: Composite, values: Mapping[str, Any], arrays: Mapping[str, np.ndarray], variables: Mapping[str, Variable]
) -> None:
    known = [(place, variables[name]) for name, place in values.get("places", {}).items() if name in variables]
    for _, variable in sorted(known, key=lambda pair: pair[0]):
        optimizer.group_of(variable)
    inner = values.get("inner", ())
    if len(inner) != len(optimizer.optimizers):
        raise ValueError(
            f"The state of {type(optimizer).__name__} has those of {len(optimizer.optimizers)} optimizers: received "
            f"{len(inner)}."
        )
    for place, each in enumerate(optimizer.optimizers):
        start = f"{place}/"
        held = {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}
        restore_state(each, inner[place], held, variables)
    optimizer.make_scalars(next(iter(variables.values())))
    for name, scalar in optimizer.scalars.items():
        scalar.assign(arrays[name])


def check_state(optimizer: Optimizer, values: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Raise ValueError if a state is not one of such an optimizer."""
    wanted = [slot.name for slot in optimizer._slots]
    if values.get("slots") != wanted or "iterations" not in arrays:
        raise ValueError(
            f"The state of {type(optimizer).__name__} has the slots {wanted}: received {values.get('slots')}."
        )
    for name in values["steps"]:
        for slot in wanted:
            if f"slots/{name}/{slot}" not in arrays:
                raise ValueError(f"The state of {type(optimizer).__name__} lacks the slot {slot!r} of {name!r}.")


def restore_state(
    optimizer: Optimizer,
    values: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
    variables: Mapping[str, Variable],
) -> None:
    """Give an optimizer, in place of the one that it has, a state that `state_of` returned.

    Parameters
    ----------
    optimizer : Optimizer
    values, arrays : mappings
    variables : mapping of str to Variable
        By their names, beside which slots are made.
    """
    if not values:
        return
    if isinstance(optimizer, Composite):
        _restore_all(optimizer, values, arrays, variables)
        return
    check_state(optimizer, values, arrays)
    optimizer._table = SlotTable()
    beside = next(iter(variables.values()))

    def made(array: np.ndarray, place: Variable, name: str) -> Variable:
        backend = place.backend
        value = backend.xp.asarray(convert(array, backend, array.dtype.name, place.device), copy=True)
        return Variable(value, name, trainable=False)

    optimizer._iterations = made(arrays["iterations"], beside, f"{optimizer.name}/iterations")
    if "learning_rate" in arrays:
        optimizer._rate.restore(made(arrays["learning_rate"], beside, f"{optimizer.name}/learning_rate"))
    for name, steps in values["steps"].items():
        if (variable := variables.get(name)) is not None:
            slots = tuple(
                made(arrays[f"slots/{name}/{slot}"], variable, f"{variable.path}/{slot}") for slot in values["slots"]
            )
            optimizer._table._resting[variable] = slots, int(steps)
