"""States of optimizers in Keras' files, which are arrays in an order and have no names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnarray import optimizers
from nnarray.optimizers import LossScaleOptimizer, Optimizer
from nnarray.optimizers._state import restore_state
from nnarray.variables import Variable

#: Optimizers whose slots Keras makes for one variable after the other.
_BY_VARIABLE = ("SGD", "Adagrad", "Adadelta", "Adafactor", "Adamax", "Ftrl", "Lamb", "Lion", "Nadam")
#: Optimizers with slots that Keras makes for all variables before the next ones.
_BY_SLOT = {
    "Adam": (("momentum", "velocity"), ("velocity_hat",)),
    "AdamW": (("momentum", "velocity"), ("velocity_hat",)),
    "RMSprop": (("velocity",), ("momentum",), ("average",)),
}


def restore_keras_state(
    optimizer: Optimizer, arrays: Mapping[str, np.ndarray], variables: Mapping[str, Variable], order: Sequence[str]
) -> str | None:
    """Give an optimizer the state that a file of Keras has; return in words why it is left out, or None.

    Parameters
    ----------
    optimizer : Optimizer
        Of the model, compiled as in the file.
    arrays : mapping of str to array
        Those under ``optimizer/`` in the file.
    variables : mapping of str to Variable
        Of the model, by path.
    order : sequence of str
        Paths of those that are trained, in Keras' order.
    """
    if not arrays or not variables:
        return None
    if isinstance(optimizer, LossScaleOptimizer):
        own = _in_order(arrays, "vars/")
        state = _state(optimizer.inner_optimizer, _in_order(arrays, "inner_optimizer/vars/"), variables, order)
        if isinstance(state, str) or len(own) < 4:
            return state if isinstance(state, str) else "its loss scale is not there"
        held: dict[str, np.ndarray] = {f"0/{name}": array for name, array in state[1].items()}
        held.update(step_counter=own[2].astype(np.int64), dynamic_scale=own[3].astype(np.float32))
        restore_state(optimizer, {"inner": [state[0]], "places": {}}, held, variables)
        return None
    state = _state(optimizer, _in_order(arrays, "vars/"), variables, order)
    if isinstance(state, str):
        return state
    restore_state(optimizer, *state, variables)
    return None


def _in_order(arrays: Mapping[str, np.ndarray], prefix: str) -> list[np.ndarray]:
    places = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
    return [array for _, array in sorted((int(name), array) for name, array in places.items() if name.isdigit())]


def _state(
    optimizer: Optimizer, held: Sequence[np.ndarray], variables: Mapping[str, Variable], order: Sequence[str]
) -> tuple[dict[str, Any], dict[str, np.ndarray]] | str:
    """Return what `restore_state` takes, or why there is none."""
    groups = _groups(optimizer)
    if groups is None:
        return "its layout in the file is not known"
    is_number = optimizer._rate.schedule is None
    count, slots = 1 + is_number, {slot.name: slot for slot in optimizer._slots}
    if len(held) < count or any(array.shape for array in held[:count]):
        return "it lacks the number of steps"
    arrays = {"iterations": held[0].astype(np.int64)}
    rate = held[1] if is_number else np.asarray(0.0)
    is_double = any(variable.dtype == "float64" for variable in variables.values())
    arrays["learning_rate"] = rate.astype(np.float64 if is_double else np.float32)
    places = [(path, name) for group in groups for path in order for name in group]
    shared = "u_product" in slots
    if len(held) == count:
        order, places = (), []
    elif len(held) != count + len(places) + shared:
        return f"it has {len(held) - count} arrays for {len(order)} variables"
    for (path, name), array in zip(places, held[count:], strict=False):
        shape = slots[name].shape_for(variables[path].shape)
        if array.shape not in (shape, variables[path].shape):
            return f"an array of it has shape {array.shape}: {path!r} has {name} of shape {shape}"
        # Of matrices Keras' Adafactor has an array that it does not use.
        array = array if array.shape == shape else np.zeros(shape)
        arrays[f"slots/{path}/{name}"] = array.astype(variables[path].dtype)
    if shared:
        for path in order:
            arrays[f"slots/{path}/u_product"] = held[-1].reshape(()).astype(variables[path].dtype)
    steps = int(held[0]) // (optimizer.gradient_accumulation_steps or 1)
    return {"steps": dict.fromkeys(order, steps), "slots": list(slots)}, arrays


def _groups(optimizer: Optimizer) -> list[tuple[str, ...]] | None:
    """Return the names of slots that Keras makes for one variable after the other, group by group."""
    name = type(optimizer).__name__
    names = [slot.name for slot in optimizer._slots]
    if type(optimizer) is not getattr(optimizers, name, None):
        return None
    if optimizer.use_ema and optimizer.gradient_accumulation_steps:
        # Versions of Keras differ in which comes first.
        return None
    common = ("moving_average", "gradient_accumulator")
    if name in _BY_VARIABLE:
        groups: Sequence[tuple[str, ...]] = [tuple(x for x in names if x not in (*common, "u_product"))]
    elif name in _BY_SLOT:
        groups = _BY_SLOT[name]
    else:
        return None
    return [*((x,) for x in common if x in names), *(group for group in groups if set(group) <= set(names) and group)]
