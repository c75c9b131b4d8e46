"""Learning rates that are functions: schedules of the step, against Keras, in plans too, and functions of nothing."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray.layers import Dense, Input
from nnarray.models import Sequential
from nnarray.optimizers import SGD, Adam, Optimizer, RMSprop
from nnarray.optimizers.schedules import ExponentialDecay, LearningRateSchedule
from nnarray.utils import deserialize_keras_object, serialize_keras_object
from nnarray.variables import Variable, pack_variables
from tests.test_optimizers import run, variables


class Hyperbolic(LearningRateSchedule):
    def __init__(self, initial: float) -> None:
        self.initial = initial

    def __call__(self, step: Any) -> Any:
        xp = nna.array_namespace(step)
        return self.initial / (xp.astype(step, xp.float64) + 1)


@pytest.fixture(autouse=True)
def rates_in_float64() -> Iterator[None]:
    before = nna.config.floatx()
    nna.config.set_floatx("float64")
    yield
    nna.config.set_floatx(before)


#: The weights after the twenty steps of `tests.test_optimizers`, from Keras 3.15 on JAX, floatx float64.
KERAS: dict[str, tuple[Callable[[], Optimizer], list[float]]] = {
    "SGD schedule": (lambda: SGD(ExponentialDecay(0.1, 5, 0.5)), [
        0.897342491960418, -2.0405702674430475, 2.996723407930261,
        0.6708593554450404, -0.2640180596575615, -0.03191703621736232, 3.9463750215070617]),
    "SGD staircase": (lambda: SGD(ExponentialDecay(0.1, 3, 0.5, staircase=True), momentum=0.9, nesterov=True), [
        -0.1063558266740048, -1.9013555857531181, 2.915833376532831,
        2.3187010651816125, -0.2724636086752209, -0.4987354804867334, 3.6095363945609256]),
    "Adam schedule": (lambda: Adam(ExponentialDecay(0.1, 10, 0.9), weight_decay=0.04), [
        0.5975542002187078, -2.00167281350251, 2.705712138462689,
        1.1256965349523842, -0.24883807018454376, -0.1076925815829468, 3.412920307388891]),
    "RMSprop schedule": (lambda: RMSprop(ExponentialDecay(0.01, 4, 0.7), centered=True, clipvalue=0.5), [
        0.9569773485389196, -2.0021131253628086, 2.981765369774879,
        0.5636682057142146, -0.2510924063903153, 0.0036358567737834547, 3.952497669519552]),
    "own schedule": (lambda: SGD(Hyperbolic(0.1)), [
        0.8927405792725425, -2.0599455429662212, 2.993494632098261,
        0.6316442921758397, -0.21231246309004198, 0.002987576329344482, 3.9510363105914226]),
    "callable": (lambda: SGD(lambda: 0.05), [
        0.9500889057790106, -2.045386044527154, 3.00415888896454,
        0.4970838707399171, -0.3347723216721109, 0.006992505945777827, 3.946118380818432]),
    "Adam amsgrad clipnorm": (lambda: Adam(0.1, amsgrad=True, clipnorm=0.5, weight_decay=0.01), [
        0.5813011514924786, -1.9918756524194434, 2.739929093406901,
        1.141367703645999, -0.22068178156753296, -0.05201115288374616, 3.6534195791427218]),
    "RMSprop global_clipnorm": (
        lambda: RMSprop(0.01, momentum=0.9, centered=True, global_clipnorm=0.5, weight_decay=0.1), [
        0.6368254411372172, -2.03419399321688, 2.794758794896686,
        1.0210259812908562, -0.31866787282507786, -0.06446782536242668, 3.511524946332128]),
    "momentum of one": (lambda: SGD(0.01, momentum=1.0), [
        0.8168988526881645, -2.070655694009979, 2.9929744346430156,
        0.8586704246471323, -0.31011254136935973, -0.08437139281655125, 3.899096181741115]),
}  # fmt: skip


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", KERAS)
def test_twenty_steps_are_those_of_keras(name: str, packed: bool, place: Any) -> None:
    make, expected = KERAS[name]
    targets = pack_variables(variables(place)) if packed else variables(place)
    np.testing.assert_allclose(run(make(), targets, place), expected, rtol=1e-12)


@pytest.mark.parametrize("staircase", [False, True])
def test_the_exponential_decay_is_the_formula(staircase: bool, place: Any) -> None:
    schedule = ExponentialDecay(0.5, 4, 0.5, staircase)
    xp = nna.namespace(*place)
    for step in (0, 1, 4, 7):
        exponent = step // 4 if staircase else step / 4
        assert float(schedule(xp.asarray(step).value)) == pytest.approx(0.5 * 0.5**exponent, rel=1e-14)


def test_a_schedule_is_followed_in_plans_and_shown_for_the_next_step() -> None:
    def trained(run_eagerly: bool) -> list[np.ndarray]:
        nna.set_seed(0)
        model = Sequential([Input((3,)), Dense(4, activation="tanh"), Dense(1)])
        model.compile(SGD(ExponentialDecay(0.5, 3, 0.5), momentum=0.9), "mse", run_eagerly=run_eagerly)
        x = np.linspace(-1, 1, 48).reshape(16, 3)
        model.fit(x, x.sum(axis=1), batch_size=4, epochs=3, verbose=0)
        assert float(model.optimizer.learning_rate) == pytest.approx(0.5 * 0.5 ** (12 / 3), rel=1e-12)
        return model.get_weights()

    for one, other in zip(trained(True), trained(False), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_the_rate_of_a_schedule_cannot_be_set_to_a_number_and_a_number_can_give_way_to_a_schedule() -> None:
    optimizer = SGD(ExponentialDecay(0.5, 4, 0.5))
    assert float(optimizer.learning_rate) == 0.5
    with pytest.raises(TypeError, match=r"given by ExponentialDecay\(0.5, .*cannot be set to a number: received"):
        optimizer.learning_rate = 0.1
    other = SGD(0.1)
    other.learning_rate = ExponentialDecay(0.5, 4, 0.5)
    assert other.get_config() == optimizer.get_config()


def test_a_function_without_arguments_is_asked_before_each_step() -> None:
    rates = iter([0.5, 0.5, 0.25, 0.25, 0.125])
    optimizer, w = SGD(lambda: next(rates)), Variable(np.zeros(1), "w")
    optimizer.build([w])
    seen = []
    for _ in range(2):
        optimizer.apply([np.ones(1)], [w])
        seen.append(w.numpy().item())
    assert seen == [-0.5, -0.75]
    optimizer.refresh_learning_rate()
    own = [v.value for v in optimizer.variables]
    weights, _ = nna.jit(optimizer.stateless_apply)(own, [np.ones(1)], [w.value])
    assert weights[0].item() == -1.0


def test_a_function_of_the_step_need_be_no_schedule(place: Any) -> None:
    expected = run(SGD(Hyperbolic(0.1)), variables(place), place)
    found = run(SGD(lambda step: 0.1 / (float(step) + 1)), variables(place), place)
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_a_rate_with_axes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"A learning rate must be a scalar: received ndarray of shape \(1,\)"):
        SGD(lambda step: np.ones(1)).apply([np.ones(1)], [Variable(np.zeros(1), "w")])


@pytest.mark.parametrize("rate", [0.5, ExponentialDecay(0.5, 3, 0.5, staircase=True)])
def test_optimizers_and_schedules_are_configured(rate: Any) -> None:
    for made in (SGD(rate, momentum=0.9), Adam(rate, clipnorm=1.0, name="mine"), RMSprop(rate)):
        found = deserialize_keras_object(serialize_keras_object(made))
        assert repr(found) == repr(made)
        assert found.get_config() == made.get_config()
        assert nna.optimizers.get(serialize_keras_object(made)).get_config() == made.get_config()
        assert repr(pickle.loads(pickle.dumps(made))) == repr(made)


def test_the_config_has_the_rate_as_it_is_now_in_the_fewest_digits() -> None:
    optimizer = Adam(0.001)
    optimizer.build([Variable(np.zeros(1, dtype="float32"), "w")])
    assert repr(optimizer) == "Adam()"
    optimizer.learning_rate = 0.1
    assert repr(optimizer) == "Adam(0.1)"
    assert optimizer.get_config()["learning_rate"] == 0.1
    optimizer.clipnorm = 2.0
    assert Adam.from_config(optimizer.get_config()).clipnorm == 2.0
    assert repr(SGD(ExponentialDecay(0.1, 3, 0.5))) == ("SGD(ExponentialDecay(0.1, decay_steps=3, decay_rate=0.5))")


def test_every_argument_of_keras_that_there_is_stands_in_the_config() -> None:
    assert SGD().get_config() == {
        "learning_rate": 0.01,
        "momentum": 0.0,
        "nesterov": False,
        "weight_decay": None,
        "clipnorm": None,
        "clipvalue": None,
        "global_clipnorm": None,
        "use_ema": False,
        "ema_momentum": 0.99,
        "ema_overwrite_frequency": None,
        "loss_scale_factor": None,
        "gradient_accumulation_steps": None,
        "name": "sgd",
    }
