"""Optimizers' slots belong to variables, however these are packed, left out, joined by others or moved."""

from __future__ import annotations

import copy
import gc
import pickle
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray.backends import get_backend
from nnarray.optimizers import SGD, Adam, Optimizer, RMSprop, Slot
from nnarray.variables import StatelessScope, Variable, pack_variables
from tests.hosts import to_host, to_library

NUMPY = ("numpy", None)
MAKES = {
    "SGD": lambda: SGD(0.1, 0.9),
    "Adam": lambda: Adam(0.1, amsgrad=True),
    "RMSprop": lambda: RMSprop(0.1, momentum=0.5, centered=True),
}


class Adagrad(Optimizer):
    """Adagrad, whose slot starts at 0.1, and without epsilon."""

    slots = (Slot("accumulator", initial=0.1),)

    def update(self, xp: Any, weight: Any, gradient: Any, slots: Any, learning_rate: Any, step: Any) -> Any:
        accumulator = slots[0] + gradient * gradient
        return weight - learning_rate * gradient / xp.sqrt(accumulator), (accumulator,)


class Normed(Optimizer):
    """A step as long as the variable itself, with a slot of one number: what needs each variable apart."""

    elementwise = False
    slots = (Slot("length", initial=0.5, shape=()), "momentum")

    def update(self, xp: Any, weight: Any, gradient: Any, slots: Any, learning_rate: Any, step: Any) -> Any:
        length, momentum = slots
        momentum = 0.5 * momentum + gradient
        length = 0.5 * length + 0.5 * xp.sqrt(xp.sum(weight * weight))
        return weight - learning_rate * length * momentum / step, (length, momentum)


class Rows(Optimizer):
    """A slot whose shape follows the variable's."""

    slots = (Slot("rows", shape=lambda shape: shape[:1]),)

    def update(self, xp: Any, weight: Any, gradient: Any, slots: Any, learning_rate: Any, step: Any) -> Any:
        mean = xp.mean(xp.reshape(gradient * gradient, (gradient.shape[0], -1)), axis=1)
        rows = 0.5 * slots[0] + mean
        wide = xp.reshape(rows, (rows.shape[0],) + (1,) * (gradient.ndim - 1))
        return weight - learning_rate * gradient / xp.sqrt(wide + 1e-3), (rows,)


OWN = {"Adagrad": lambda: Adagrad(0.1), "Normed": lambda: Normed(0.1), "Rows": lambda: Rows(0.1)}
SHAPES = {"a": (3,), "b": (2, 2), "c": (5,)}


def variables(place: Any = NUMPY, names: str = "abc", dtype: str = "float64") -> list[Variable]:
    xp = nna.namespace(*place)
    return [
        Variable(to_library(np.linspace(-1, 2, int(np.prod(SHAPES[n]))).reshape(SHAPES[n]).astype(dtype), xp), n)
        for n in names
    ]


def gradient(variable: Variable, step: int) -> Any:
    count = np.arange(1.0, variable.size + 1) + ord(variable.name)
    value = np.sin(count * (step + 1)).reshape(variable.shape).astype(variable.dtype)
    return variable.backend.asarray(value, device=variable.device)


def step(optimizer: Optimizer, targets: list[Variable], number: int) -> None:
    grads = [target.join([gradient(member, number) for member in target.members]) for target in targets]
    optimizer.apply(grads, targets)


def values(targets: list[Variable]) -> list[np.ndarray]:
    return [member.numpy() for target in targets for member in target.members]


def slots_of(optimizer: Optimizer, name: str) -> list[np.ndarray]:
    return [v.numpy() for v in optimizer.variables if v.path.startswith(f"{name}/")]


def assert_same(found: list[np.ndarray], expected: list[np.ndarray]) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("make", [*MAKES.values(), *OWN.values()], ids=[*MAKES, *OWN])
def test_packed_variables_get_the_bits_of_unpacked_ones_also_with_own_slots(make: Any, place: Any) -> None:
    apart, optimizer = variables(place), make()
    for number in range(3):
        step(optimizer, apart, number)
    together = variables(place)
    optimizer = make()
    packs = pack_variables(together, optimizer.group_of)
    for number in range(3):
        step(optimizer, packs, number)
    assert_same(values(together), values(apart))


def test_a_slot_starts_at_its_initial_value_everywhere_and_gaps_make_no_nan() -> None:
    optimizer, targets = Adagrad(0.1), variables()
    (pack,) = pack_variables(targets)
    optimizer.build([pack])
    (slot,) = optimizer.variables[2:]
    np.testing.assert_array_equal(slot.numpy(), np.full(pack.shape, 0.1))
    step(optimizer, [pack], 0)
    assert np.isfinite(pack.numpy()).all()


def test_an_optimizer_that_is_not_elementwise_sees_each_variable_in_its_shape() -> None:
    optimizer = Normed(0.1)
    optimizer.build(pack_variables(variables()))
    assert [v.shape for v in optimizer.variables[2:]] == [(), (3,), (), (2, 2), (), (5,)]
    assert [float(v) for v in optimizer.variables[2::2]] == [0.5, 0.5, 0.5]


def test_packed_variables_are_updated_in_as_many_calls_as_there_are_packs() -> None:
    calls: list[Any] = []

    class Counting(SGD):
        def update(self, xp: Any, weight: Any, *others: Any) -> Any:
            calls.append(weight.shape)
            return super().update(xp, weight, *others)

    optimizer, targets = Counting(0.1, 0.9), variables()
    packs = pack_variables(targets)
    optimizer.build(packs)
    step(optimizer, packs, 0)
    step(optimizer, targets, 1)
    step(optimizer, targets[::-1], 2)
    assert calls == [packs[0].shape] * 3


@pytest.mark.parametrize("make", [*MAKES.values(), *OWN.values()], ids=[*MAKES, *OWN])
def test_plain_variables_in_any_order_are_those_of_the_packs_they_are_in(make: Any, place: Any) -> None:
    expected, optimizer = variables(place), make()
    for number in range(4):
        step(optimizer, expected, number)
    found = variables(place)
    optimizer = make()
    packs = pack_variables(found)
    optimizer.build(packs)
    for number, targets in enumerate((packs, found, found[::-1], [found[1], found[0], found[2]])):
        step(optimizer, targets, number)
    assert_same(values(found), values(expected))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("make", [*MAKES.values(), *OWN.values()], ids=[*MAKES, *OWN])
def test_a_variable_left_out_keeps_its_slots_and_goes_on_as_if_no_step_had_been(
    make: Any, packed: bool, place: Any
) -> None:
    def laid_out(optimizer: Optimizer, targets: list[Variable]) -> list[Variable]:
        return list(pack_variables(targets, optimizer.group_of)) if packed else targets

    # Each variable alone with an optimizer of its own: what it must come to, whatever the others do.
    expected = []
    for name in "abc":
        (alone,) = variables(place, name)
        optimizer = make()
        for number in (0, 1, 5, 6) if name == "b" else range(7):
            step(optimizer, [alone], number)
        expected.append(alone.numpy())

    optimizer, found = make(), variables(place)
    a, b, c = found
    for number in range(7):
        targets = [a, c] if number in (2, 3, 4) else [c, a, b] if number == 6 else found
        targets = laid_out(optimizer, targets)
        optimizer.build(targets)
        step(optimizer, targets, number)
    for one, other in zip(values(found), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)
    assert int(optimizer.iterations) == 7


def test_slots_of_a_variable_left_out_are_as_they_were() -> None:
    optimizer, (a, b, c) = Adam(0.1), variables()
    step(optimizer, [a, b, c], 0)
    before = slots_of(optimizer, "b")
    step(optimizer, [c, a], 1)
    assert_same(slots_of(optimizer, "b"), before)
    optimizer.build([a, b, c])
    assert_same(slots_of(optimizer, "b"), before)


def test_a_variable_that_joins_late_has_its_bias_corrected_from_its_own_first_step(place: Any) -> None:
    optimizer, (a, b, c) = Adam(0.1, epsilon=1e-12), variables(place)
    for number in range(5):
        step(optimizer, [a, c], number)
    start = b.numpy()
    packs = pack_variables([a, b, c], optimizer.group_of)
    assert [len(pack.members) for pack in packs] == [2, 1]
    step(optimizer, packs, 5)
    # Adam's first step is of the rate's length, whatever the gradient.
    np.testing.assert_allclose(np.abs(b.numpy() - start), 0.1, rtol=1e-5)


def test_variables_of_different_age_in_one_pack_are_updated_each_by_its_own() -> None:
    expected, found = variables(), variables()
    for targets, packed in ((expected, False), (found, True)):
        optimizer = Adam(0.1)
        step(optimizer, targets[:1], 0)
        step(optimizer, pack_variables(targets) if packed else targets, 1)
    assert_same(values(found), values(expected))


def test_slots_end_with_their_variable() -> None:
    optimizer, targets = Adam(0.1), variables()
    step(optimizer, targets, 0)
    step(optimizer, targets[:1], 1)
    assert len(optimizer.variables) == 2 + 6
    del targets[1:]
    gc.collect()
    assert len(optimizer.variables) == 2 + 2


def test_a_subset_in_a_stateless_call_updates_what_it_is_given() -> None:
    optimizer, targets = Adam(0.1), variables()
    packs = pack_variables(targets)
    optimizer.build(packs)
    state = [*packs, *optimizer.variables]
    before = values(targets)
    expected, twin = variables(), Adam(0.1)
    step(twin, [expected[1]], 0)
    with StatelessScope(state, [v.value for v in state]) as scope:
        optimizer.apply([gradient(targets[1], 0)], [targets[1]])
    assert_same(values(targets), before)
    for variable in state:
        variable.assign(scope.values[variable])
    assert_same(values(targets), [before[0], expected[1].numpy(), before[2]])
    with (
        StatelessScope(state, [v.value for v in state]),
        pytest.raises(ValueError, match=r"Variable 'a' is unknown to this Adam.*Call optimizer.build"),
    ):
        optimizer.apply([gradient(targets[0], 0)], variables(names="a"))


def test_variables_lent_one_by_one_are_written_one_by_one() -> None:
    optimizer, targets = SGD(0.1, 0.9), variables()
    optimizer.build(pack_variables(targets))
    before = values(targets)
    lent = [*targets, *optimizer.variables]
    with StatelessScope(lent, [v.value for v in lent]) as scope:
        step(optimizer, targets, 0)
    assert_same(values(targets), before)
    step(optimizer, targets, 0)
    assert_same([to_host(scope.values[v]) for v in targets], values(targets))


def test_stateless_apply_takes_the_variables_of_a_pack_one_by_one(place: Any) -> None:
    optimizer, targets = Adam(0.1), variables(place)
    (pack,) = pack_variables(targets)
    optimizer.build([pack])
    own = [v.value for v in optimizer.variables]
    weights, state = optimizer.stateless_apply(own, [gradient(v, 0) for v in targets], [v.value for v in targets])
    flat, other = optimizer.stateless_apply(own, [pack.join([gradient(v, 0) for v in targets])], [pack.value])
    step(optimizer, targets, 0)
    assert_same([to_host(w) for w in weights], values(targets))
    assert_same([to_host(w) for w in pack.split(flat[0])], values(targets))
    for one, two, now in zip(state, other, optimizer.variables, strict=True):
        assert_same([to_host(one), to_host(two)], [now.numpy()] * 2)
    with pytest.raises(ValueError, match="takes 4 optimizer variables and 3 trainable ones: received 4 and 2"):
        optimizer.stateless_apply(own, [gradient(v, 0) for v in targets[:2]], [v.value for v in targets[:2]])


def test_steps_under_jit_are_those_without(place: Any) -> None:
    for make in (MAKES["Adam"], OWN["Normed"]):
        optimizer, targets = make(), variables(place)
        packs = pack_variables(targets)
        optimizer.build(packs)
        state = [v.value for v in optimizer.variables], [pack.value for pack in packs]
        twin, expected = make(), variables(place)
        jitted = nna.jit(optimizer.stateless_apply)
        for number in range(3):
            grads = [pack.join([gradient(v, number) for v in pack.members]) for pack in packs]
            weights, own = jitted(state[0], grads, state[1])
            state = own, weights
            step(twin, expected, number)
        found = [to_host(x) for pack, w in zip(packs, state[1], strict=True) for x in pack.split(w)]
        for one, other in zip(found, values(expected), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


def test_state_follows_variables_that_move_to_another_library() -> None:
    pytest.importorskip("torch")
    torch = get_backend("torch")
    optimizer, targets = Adam(0.1), variables()
    step(optimizer, targets, 0)
    for variable in targets:
        variable.rebind(torch.asarray(variable.value))
    optimizer.build(targets)
    assert {v.backend.name for v in optimizer.variables} == {"torch"}
    step(optimizer, targets, 1)
    expected, twin = variables(), Adam(0.1)
    for number in range(2):
        step(twin, expected, number)
    for one, other in zip(values(targets), values(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-14)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_goes_on_with_the_copied_variables(copied: Any) -> None:
    optimizer, targets = Adam(0.1), variables()
    step(optimizer, targets, 0)
    step(optimizer, targets[:2], 1)
    optimizer.claim(optimizer)
    other, others = copied((optimizer, targets))
    for number in (2, 3):
        step(optimizer, targets, number)
    assert len(other.variables) == len(optimizer.variables) - 1
    for number in (2, 3):
        step(other, others, number)
    assert_same(values(others), values(targets))
    other.claim(other)


def test_a_variable_given_twice_is_refused() -> None:
    (a,) = variables(names="a")
    for targets in ([a, a], [*pack_variables([a]), a]):
        with pytest.raises(ValueError, match="A variable is updated once in a step: received 'a' twice"):
            SGD().build(targets)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (None, "Variable 'b' has no gradient: received None. Leave it out, or let the loss depend on it."),
        (np.ones(2), r"The gradient of variable 'b' must have its shape \(2, 2\): received ndarray of shape \(2,\)"),
    ],
)
def test_a_missing_or_misshapen_gradient_is_refused_by_name_and_nothing_is_changed(wrong: Any, message: str) -> None:
    optimizer, targets = Adam(0.1), variables()
    step(optimizer, targets, 0)
    before = [*values(targets), *values(optimizer.variables)]
    with pytest.raises(ValueError, match=message):
        optimizer.apply([gradient(targets[0], 1), wrong, gradient(targets[2], 1)], targets)
    assert_same([*values(targets), *values(optimizer.variables)], before)


def test_gradients_of_another_library_or_dtype_are_taken(place: Any) -> None:
    found, expected = variables(place, dtype="float32"), variables(place, dtype="float32")
    step(Adam(0.1), expected, 0)
    Adam(0.1).apply([to_host(gradient(v, 0)).astype("float64") for v in found], found)
    for one, other in zip(values(found), values(expected), strict=True):
        np.testing.assert_array_equal(one, other, strict=True)


def test_an_update_with_the_wrong_number_of_slots_is_refused() -> None:
    class Forgetful(SGD):
        def update(self, xp: Any, weight: Any, *others: Any) -> Any:
            return weight, ()

    targets = variables()
    with pytest.raises(ValueError, match="Forgetful.update must return one array for each of its 1 slots: received 0"):
        step(Forgetful(0.1, 0.9), targets, 0)
    assert_same(values(targets), values(variables()))


def test_pairs_of_gradient_and_variable_are_applied_as_in_keras() -> None:
    found, expected = variables(), variables()
    optimizer = Adam(0.1)
    assert int(optimizer.apply_gradients(zip([gradient(v, 0) for v in found], found, strict=True))) == 1
    step(Adam(0.1), expected, 0)
    assert_same(values(found), values(expected))


@pytest.mark.raw_operators
def test_variables_can_be_excluded_from_weight_decay(place: Any) -> None:
    for packed in (False, True):
        optimizer, targets = SGD(0.1, weight_decay=0.5), variables(place)
        optimizer.exclude_from_weight_decay(var_list=targets[:1], var_names=["^c$"])
        before = values(targets)
        laid_out = pack_variables(targets, optimizer.group_of) if packed else targets
        optimizer.apply([target.join([v.value * 0 for v in target.members]) for target in laid_out], laid_out)
        for now, was, factor in zip(values(targets), before, (1.0, 0.95, 1.0), strict=True):
            np.testing.assert_allclose(now, was * factor, rtol=1e-14)
    with pytest.raises(ValueError, match="must be called before the optimizer is built"):
        optimizer.exclude_from_weight_decay(var_names=["bias"])


class Owner:
    def __init__(self, name: str, optimizer: Any) -> None:
        self.name = name
        self.optimizer = optimizer


def test_one_optimizer_belongs_to_one_model_while_that_keeps_it() -> None:
    optimizer = SGD(0.1)
    first, second = Owner("first", optimizer), Owner("second", optimizer)
    optimizer.claim(first)
    optimizer.claim(first)
    with pytest.raises(ValueError, match="This SGD belongs to 'first' already: received it for 'second'. Make one for"):
        optimizer.claim(second)
    first.optimizer = None
    optimizer.claim(second)
    del second
    gc.collect()
    optimizer.claim(first)
