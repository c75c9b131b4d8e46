"""Optimizers: learning rate, state, names, and what they refuse."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import optimizers
from nnarray.optimizers import SGD, Adam, Optimizer, RMSprop, schedules
from nnarray.variables import Variable
from tests.hosts import to_library


def variable(place: Any = ("numpy", None), dtype: str = "float32") -> Variable:
    return Variable(to_library(np.ones(2, dtype=dtype), nna.namespace(*place)), "w")


def ones(place: Any = ("numpy", None)) -> list[Any]:
    return [to_library(np.ones(2, dtype="float32"), nna.namespace(*place))]


def test_the_learning_rate_can_be_assigned_before_and_after_building(place: Any) -> None:
    optimizer, w = SGD(0.5), variable(place)
    optimizer.learning_rate = 0.25
    assert optimizer.learning_rate == 0.25
    optimizer.apply(ones(place), [w])
    np.testing.assert_array_equal(w.numpy(), [0.75, 0.75])
    optimizer.learning_rate = 0.5
    assert float(optimizer.learning_rate) == 0.5
    assert repr(optimizer) == "SGD(0.5)"
    optimizer.apply(ones(place), [w])
    np.testing.assert_array_equal(w.numpy(), [0.25, 0.25])
    optimizer.learning_rate.assign(np.asarray(0.25))
    optimizer.apply(ones(place), [w])
    np.testing.assert_array_equal(w.numpy(), [0.0, 0.0])


@pytest.mark.parametrize("wrong", [-0.1, math.nan])
def test_a_wrong_learning_rate_is_refused_and_the_old_one_kept(wrong: float) -> None:
    with pytest.raises(ValueError, match="learning_rate must not be negative"):
        Adam(wrong)
    optimizer = Adam(0.5)
    for built in (False, True):
        if built:
            optimizer.build([variable()])
        with pytest.raises(ValueError, match="learning_rate must not be negative"):
            optimizer.learning_rate = wrong
        assert float(optimizer.learning_rate) == 0.5


@pytest.mark.parametrize("wrong", ["0.1", None, True, [0.1]])
def test_a_learning_rate_that_is_no_number_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="learning_rate must be a number: received learning_rate="):
        SGD(wrong)


def test_iterations_count_steps(place: Any) -> None:
    optimizer, w = Adam(), variable(place)
    assert optimizer.iterations == 0
    assert optimizer.variables == []
    for _ in range(3):
        optimizer.apply(ones(place), [w])
    assert int(optimizer.iterations) == 3
    assert "int" in optimizer.iterations.dtype


@pytest.mark.parametrize(
    ("make", "slots"),
    [
        (lambda: SGD(), []),
        (lambda: SGD(momentum=0.9), ["momentum"]),
        (lambda: RMSprop(), ["velocity"]),
        (lambda: RMSprop(momentum=0.5, centered=True), ["velocity", "momentum", "average"]),
        (lambda: Adam(), ["momentum", "velocity"]),
        (lambda: Adam(amsgrad=True), ["momentum", "velocity", "velocity_hat"]),
    ],
)
def test_state_is_made_where_and_as_the_variables_are(make: Any, slots: list[str], place: Any) -> None:
    optimizer, w = make(), variable(place)
    optimizer.build([w])
    held = optimizer.variables
    assert [v.path for v in held] == [f"{optimizer.name}/iterations", f"{optimizer.name}/learning_rate"] + [
        f"w/{slot}" for slot in slots
    ]
    assert all((v.backend, v.device, v.trainable) == (w.backend, w.device, False) for v in held)
    assert {(v.shape, v.dtype) for v in held[2:]} <= {((2,), "float32")}


def test_defaults_are_those_of_keras() -> None:
    assert [float(cls().learning_rate) for cls in (SGD, RMSprop, Adam)] == [0.01, 0.001, 0.001]
    assert (SGD().momentum, SGD().nesterov) == (0.0, False)
    assert (RMSprop().rho, RMSprop().momentum, RMSprop().epsilon, RMSprop().centered) == (0.9, 0.0, 1e-7, False)
    assert (Adam().beta_1, Adam().beta_2, Adam().epsilon, Adam().amsgrad) == (0.9, 0.999, 1e-7, False)


def test_apply_takes_the_variables_it_was_built_with_by_default() -> None:
    optimizer, w = SGD(0.5), variable()
    optimizer.build([w])
    optimizer.apply(ones())
    np.testing.assert_array_equal(w.numpy(), [0.5, 0.5])


def test_building_again_with_the_same_variables_keeps_the_state() -> None:
    optimizer, w = Adam(), variable()
    optimizer.apply(ones(), [w])
    held = optimizer.variables
    optimizer.build([w])
    assert all(a is b for a, b in zip(held, optimizer.variables, strict=True))


def test_weights_keep_their_dtype_and_gradients_are_left_alone(place: Any) -> None:
    for optimizer in (SGD(0.1, 0.9, True), RMSprop(centered=True), Adam(weight_decay=0.1, clipnorm=0.1)):
        w, grads = variable(place), ones(place)
        optimizer.apply(grads, [w])
        assert w.dtype == "float32"
        np.testing.assert_array_equal(nna.backends.backend_of(grads[0]).to_numpy(grads[0]), [1.0, 1.0])


def test_a_zero_gradient_leaves_weights_as_they_are_and_clipping_it_makes_no_nan() -> None:
    for limit in ({"clipnorm": 1.0}, {"global_clipnorm": 1.0}, {"clipvalue": 1.0}):
        w = variable()
        SGD(0.1, **limit).apply([np.zeros(2, dtype="float32")], [w])
        np.testing.assert_array_equal(w.numpy(), [1.0, 1.0])


def test_one_gradient_per_variable_is_needed() -> None:
    with pytest.raises(ValueError, match="received 2 gradients for 1 variables"):
        SGD().apply([*ones(), *ones()], [variable()])


def test_stateless_apply_needs_a_built_optimizer() -> None:
    with pytest.raises(ValueError, match=r"Call optimizer.build\(variables\) first"):
        SGD().stateless_apply([], ones(), ones())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Adam(clipnorm=1.0, clipvalue=0.5), "Only one of clipnorm, clipvalue and global_clipnorm"),
        (lambda: Adam(clipnorm=0.0), "clipnorm must be positive: received clipnorm=0.0"),
        (lambda: SGD(clipvalue=-1.0), "clipvalue must be positive"),
        (lambda: SGD(global_clipnorm=-1.0), "global_clipnorm must be positive"),
        (lambda: Adam(beta_1=1.0), "beta_1 must be at least 0 and below 1: received beta_1=1.0"),
        (lambda: Adam(beta_2=-0.1), "beta_2 must be at least 0 and below 1"),
        (lambda: SGD(momentum=1.5), "momentum must be at least 0 and at most 1: received momentum=1.5"),
        (lambda: SGD(clipnorm=math.nan), "clipnorm must be positive: received clipnorm=nan"),
        (lambda: Adam(weight_decay=-1), "weight_decay must be a number of at least 0: received weight_decay=-1"),
        (lambda: Adam(epsilon=-1e-7), "epsilon must be a number of at least 0"),
        (lambda: SGD(nesterov="no"), "nesterov must be True or False: received nesterov='no'"),
        (lambda: schedules.ExponentialDecay(0.1, 0, 0.9), "decay_steps must be positive: received decay_steps=0"),
        (lambda: RMSprop(rho=math.nan), "rho must be at least 0 and below 1"),
    ],
)
def test_wrong_settings_are_refused_with_what_was_received(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("identifier", "cls"),
    [
        ("adam", Adam),
        ("Adam", Adam),
        ("sgd", SGD),
        ("SGD", SGD),
        ("rmsprop", RMSprop),
        ("RMSprop", RMSprop),
        (Adam, Adam),
    ],
)
def test_optimizers_are_found_by_name_and_class(identifier: Any, cls: Any) -> None:
    assert type(optimizers.get(identifier)) is cls


def test_an_optimizer_object_is_taken_as_it_is() -> None:
    made = SGD(0.3)
    assert optimizers.get(made) is made


def test_unknown_optimizers_are_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match="Unknown optimizer: 'adma'. Did you mean 'adam'"):
        optimizers.get("adma")
    for wrong in (None, 0.1, lambda: None, nna.losses.MeanSquaredError):
        with pytest.raises(TypeError, match="Expected an? optimizer"):
            optimizers.get(wrong)


def test_own_optimizers_write_their_update_as_a_formula() -> None:
    class SignDescent(Optimizer):
        def update(self, xp: Any, weight: Any, gradient: Any, slots: Any, learning_rate: Any, step: Any) -> Any:
            return weight - learning_rate * step * xp.sign(gradient), ()

    optimizer, w = SignDescent(0.25), variable()
    for _ in range(2):
        optimizer.apply([np.asarray([3.0, -1.0], dtype="float32")], [w])
    np.testing.assert_array_equal(w.numpy(), [0.25, 1.75])
    assert optimizer.name == "sign_descent"
    with pytest.raises(NotImplementedError, match="Optimizer must define update"):
        Optimizer(0.1).apply(ones(), [variable()])
