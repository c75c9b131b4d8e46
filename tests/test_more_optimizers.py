"""Keras' further optimizers and schedules: twenty steps and rates by Keras, packing, jit, training, refusals."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import layers, models, optimizers
from nnarray.optimizers import schedules
from nnarray.variables import Variable, pack_variables
from tests.hosts import to_host, to_library
from tests.keras_steps import (
    COMPOSITES,
    NUMBERS,
    OPTIMIZERS,
    SCHEDULES,
    STEPS,
    TAKEN,
    VALUES,
    gradient,
    scaled_gradient,
)

KERAS = json.loads(NUMBERS.read_text())


def ids(rows: Any) -> list[str]:
    return [f"{i}-{row[0]}" for i, row in enumerate(rows)]


def variables(place: Any, dtype: str = "float64") -> list[Variable]:
    xp = nna.namespace(*place)
    return [Variable(to_library(value.astype(dtype), xp), name) for name, value in VALUES.items()]


def run(optimizer: Any, targets: Any, place: Any, dtype: str = "float64", steps: int = STEPS) -> list[np.ndarray]:
    xp = nna.namespace(*place)
    for step in range(steps):
        pieces = iter([to_library(gradient(name, step).astype(dtype), xp) for name in VALUES])
        optimizer.apply([target.join([next(pieces) for _ in target.members]) for target in targets], targets)
    return [member.numpy().ravel() for target in targets for member in target.members]


@pytest.mark.compiles_for_each_case
@pytest.mark.parametrize("number", range(len(OPTIMIZERS)), ids=ids(OPTIMIZERS))
def test_twenty_steps_are_those_of_keras(number: int, place: Any) -> None:
    name, given = OPTIMIZERS[number]
    found = run(getattr(optimizers, name)(**given), variables(place), place)
    for key, ours, keras in zip(VALUES, found, KERAS["optimizers"][number], strict=True):
        # What Keras averages, it averages in float32, and so it takes the root of a matrix's side.
        rtol, atol = {"Adafactor": (2e-6, 1e-7), "Muon": (1e-7, 1e-9)}.get(name, (1e-10, 1e-12))
        np.testing.assert_allclose(ours, keras, rtol=rtol, atol=atol, err_msg=key)


@pytest.mark.parametrize("number", [i for i, found in enumerate(KERAS["averages"]) if found is not None])
@pytest.mark.parametrize("packed", [False, True])
def test_averages_are_those_of_keras_and_take_the_variables_place(number: int, packed: bool, place: Any) -> None:
    name, given = OPTIMIZERS[number]
    optimizer, targets = getattr(optimizers, name)(**given), variables(place)
    run(optimizer, pack_variables(targets) if packed else targets, place)
    before = [variable.numpy() for variable in targets]
    optimizer.finalize_variable_values(targets[:2])
    optimizer.finalize_variable_values(iter(targets[2:4]))
    for ours, keras in zip(targets[:4], KERAS["averages"][number], strict=False):
        rtol, atol = (1e-7, 1e-9) if name == "Muon" else (1e-10, 1e-12)
        np.testing.assert_allclose(ours.numpy().ravel(), keras, rtol=rtol, atol=atol)
    for variable, value in zip(targets[4:], before[4:], strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


@pytest.mark.compiles_for_each_case
@pytest.mark.parametrize("name", COMPOSITES)
@pytest.mark.parametrize("form", ["apart", "packed", "stateless", "jit"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_optimizers_around_others_step_as_those_of_keras(name: str, form: str, dtype: str, place: Any) -> None:
    optimizer, members, xp = COMPOSITES[name](optimizers), variables(place, dtype), nna.namespace(*place)
    targets = pack_variables(members) if form == "packed" else members
    optimizer.build(targets)
    stateless = nna.jit(optimizer.stateless_apply) if form == "jit" else optimizer.stateless_apply
    scales = []
    for step in range(STEPS):
        scales.append(float(getattr(optimizer, "dynamic_scale", 1.0)))
        grads = [to_library(scaled_gradient(key, step, scales[-1]).astype(dtype), xp) for key in VALUES]
        if form in ("apart", "packed"):
            pieces = iter(grads)
            optimizer.apply([target.join([next(pieces) for _ in target.members]) for target in targets], targets)
            continue
        kept = [*members, *optimizer.variables]
        state = [variable.value for variable in optimizer.variables], grads, [variable.value for variable in members]
        for variable, value in zip(kept, itertools.chain(*stateless(*state)), strict=True):
            variable.assign(value)
    assert scales == KERAS["composites"][name]["scales"]
    rtol, atol = (1e-7, 1e-9) if dtype == "float64" else (2e-3, 2e-5)
    for variable, keras in zip(members, KERAS["composites"][name]["weights"], strict=True):
        np.testing.assert_allclose(variable.numpy().ravel(), keras, rtol=rtol, atol=atol)


@pytest.mark.compiles_for_each_case
@pytest.mark.parametrize("number", range(len(OPTIMIZERS)), ids=ids(OPTIMIZERS))
def test_packed_variables_get_what_unpacked_ones_get(number: int, place: Any) -> None:
    name, given = OPTIMIZERS[number]
    make = lambda: getattr(optimizers, name)(**given)  # noqa: E731
    apart = run(make(), variables(place, "float32"), place, "float32", steps=4)
    packed = run(make(), pack_variables(variables(place, "float32")), place, "float32", steps=4)
    for one, other in zip(packed, apart, strict=True):
        # Of powers, and of a scalar by itself, the last bit depends on where an element lies.
        rtol = 2e-6 if name in ("Ftrl", "ScheduleFreeAdamW") else 0.0
        np.testing.assert_allclose(one, other, rtol=rtol, strict=True)


@pytest.mark.compiles_for_each_case
@pytest.mark.parametrize("number", range(len(OPTIMIZERS)), ids=ids(OPTIMIZERS))
def test_a_stateless_step_is_a_step_and_jit_gives_the_same(number: int, place: Any) -> None:
    name, given = OPTIMIZERS[number]
    optimizer, targets, xp = getattr(optimizers, name)(**given), variables(place), nna.namespace(*place)
    optimizer.build(targets)
    grads = [to_library(gradient(key, 0), xp) for key in VALUES]
    state = [variable.value for variable in optimizer.variables]
    weights = [variable.value for variable in targets]
    once = optimizer.stateless_apply(state, grads, weights)
    under_jit = nna.jit(lambda s, g, w: optimizer.stateless_apply(s, g, w))(state, grads, weights)
    optimizer.apply(grads, targets)
    all_kept = [*targets, *optimizer.variables]
    for one, other, kept in zip([*once[0], *once[1]], [*under_jit[0], *under_jit[1]], all_kept, strict=True):
        np.testing.assert_allclose(to_host(one), kept.numpy(), rtol=1e-13, atol=1e-14)
        np.testing.assert_allclose(to_host(getattr(other, "value", other)), kept.numpy(), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", sorted({name for name, _ in OPTIMIZERS}))
def test_each_trains_is_found_by_name_and_made_again_from_its_config(name: str) -> None:
    optimizer = optimizers.get(name.lower())
    assert type(optimizer) is getattr(optimizers, name)
    again = type(optimizer).from_config(optimizer.get_config())
    assert repr(again) == repr(optimizer)
    random = np.random.default_rng(0)
    x = random.normal(size=(64, 4)).astype("float32")
    y = x @ np.asarray([[1.0], [-2.0], [0.5], [0.0]], "float32")
    nna.set_seed(1)
    model = models.Sequential([layers.Dense(8, activation="tanh"), layers.Dense(1)])
    rate = {"Adadelta": 1.0, "Lion": 0.01}.get(name, 0.05)
    model.compile(optimizer=getattr(optimizers, name)(rate), loss="mse")
    losses = model.fit(x, y, batch_size=16, epochs=10, verbose=0).history["loss"]
    assert losses[-1] < 0.9 * losses[0]


def test_lion_takes_steps_of_one_size_and_ftrl_keeps_weights_at_zero() -> None:
    w = Variable(np.asarray([1.0, 2.0]))
    optimizers.Lion(0.1).apply([np.asarray([1e-9, -1e9])], [w])
    np.testing.assert_allclose(w.numpy(), [0.9, 2.1])
    w = Variable(np.asarray([0.0, 0.0]))
    optimizers.Ftrl(0.1, l1_regularization_strength=1.0).apply([np.asarray([0.5, 5.0])], [w])
    assert w.numpy()[0] == 0.0
    assert w.numpy()[1] != 0.0


def test_adafactor_keeps_rows_and_columns_of_matrices_only() -> None:
    optimizer = optimizers.Adafactor()
    optimizer.build([Variable(np.zeros((30, 40)), "kernel"), Variable(np.zeros(40), "bias")])
    assert sum(variable.size for variable in optimizer.variables[2:]) == 30 + 40 + 1 + 1 + 1 + 40


REFUSED = [
    ("AdamW", {"weight_decay": None}, "AdamW needs a weight_decay"),
    ("Lion", {"beta_1": 0.0}, "beta_1 must be positive"),
    ("Ftrl", {"learning_rate_power": 0.5}, "learning_rate_power must not be positive"),
    ("Adagrad", {"initial_accumulator_value": -1.0}, "initial_accumulator_value must be a number of at least 0"),
    ("Adafactor", {"clip_threshold": 0.0}, "clip_threshold must be positive"),
    ("Nadam", {"beta_2": 1.0}, "beta_2 must be at least 0 and below 1"),
    ("SGD", {"use_ema": True, "ema_momentum": 1.1}, "ema_momentum must be at least 0 and at most 1: received ema_mom"),
    ("SGD", {"ema_overwrite_frequency": 0}, "ema_overwrite_frequency must be a positive integer: received"),
    ("SGD", {"ema_overwrite_frequency": 2.5}, "ema_overwrite_frequency must be a positive integer"),
    ("SGD", {"use_ema": "yes"}, "use_ema must be True or False"),
    ("SGD", {"gradient_accumulation_steps": 1}, "gradient_accumulation_steps must be an integer of at least 2: rec"),
    ("SGD", {"gradient_accumulation_steps": -3}, "gradient_accumulation_steps must be a positive integer"),
    ("SGD", {"loss_scale_factor": 0.0}, "loss_scale_factor must be positive"),
    ("Muon", {"ns_steps": 0}, "ns_steps must be a positive integer"),
    ("Muon", {"rms_rate": -0.2}, "rms_rate must be positive"),
    ("ScheduleFreeAdamW", {"beta_1": 0.0}, "beta_1 must be positive"),
    ("ScheduleFreeAdamW", {"warmup_steps": -1}, "warmup_steps must be a whole number of at least 0"),
]


@pytest.mark.parametrize(("name", "given", "message"), REFUSED)
def test_arguments_out_of_range_are_refused(name: str, given: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        getattr(optimizers, name)(**given)


@pytest.mark.parametrize("number", range(len(SCHEDULES)), ids=ids(SCHEDULES))
def test_rates_are_those_of_keras(number: int, place: Any) -> None:
    name, given = SCHEDULES[number]
    schedule = getattr(schedules, name)(**given)
    steps = [to_library(np.asarray(step), nna.namespace(*place)) for step in TAKEN]
    found = [float(to_host(schedule(step))) for step in steps]
    np.testing.assert_allclose(found, KERAS["schedules"][number], rtol=2e-5, atol=1e-7)
    np.testing.assert_allclose([float(schedule(step)) for step in TAKEN], found, rtol=1e-6)
    again = type(schedule).from_config(schedule.get_config())
    assert repr(again) == repr(schedule)


@pytest.mark.parametrize("number", range(len(SCHEDULES)), ids=ids(SCHEDULES))
def test_a_fit_takes_the_rate_of_each_step(number: int) -> None:
    name, given = SCHEDULES[number]
    schedule = getattr(schedules, name)(**given)
    model = models.Sequential([layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
    model.compile(optimizer=optimizers.SGD(schedule), loss=lambda y, p: p)
    model.fit(np.ones((20, 1)), np.zeros((20, 1)), batch_size=1, epochs=1, verbose=0)
    expected = -sum(float(schedule(step)) for step in range(20))
    np.testing.assert_allclose(model.get_weights()[0].item(), expected, rtol=1e-5)


@pytest.mark.parametrize("t_mul", [1.1, 1.5, 2.0, 3.0])
def test_each_restart_begins_at_its_very_step(t_mul: float) -> None:
    schedule = schedules.CosineDecayRestarts(1.0, 1000, t_mul=t_mul)
    for restart in range(1, 9):
        begin = 1000 * (t_mul**restart - 1) / (t_mul - 1)
        assert float(schedule(np.ceil(begin) + 1)) > 0.999
        assert float(schedule(np.floor(begin) - 1)) < 0.001


REFUSED_SCHEDULES = [
    ("CosineDecay", (0.1, 0), "decay_steps must be positive"),
    ("PolynomialDecay", (0.1, -5), "decay_steps must be positive"),
    ("InverseTimeDecay", (0.1, 0, 0.5), "decay_steps must be positive"),
    ("CosineDecayRestarts", (0.1, 0), "first_decay_steps must be positive"),
    ("CosineDecayRestarts", (0.1, 5, 0.5), "t_mul must be at least 1: received t_mul=0.5"),
    ("PiecewiseConstantDecay", ([1, 2], [0.1]), "values must be one more than boundaries: received 1 values and 2"),
    ("PiecewiseConstantDecay", ([5, 2], [0.1, 0.2, 0.3]), r"boundaries must rise: received boundaries=\[5, 2\]"),
    ("CosineDecay", (0.1, 5, 0.0, "x", 0.3, -1), "warmup_steps must be a number of at least 0"),
]


@pytest.mark.parametrize(("name", "given", "message"), REFUSED_SCHEDULES)
def test_schedules_that_could_not_be_meant_are_refused(name: str, given: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        getattr(schedules, name)(*given)
