"""Regularizers, constraints and `add_loss`: values and whole trainings by Keras, packed or not, and what users do."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import constraints, layers, models, optimizers, regularizers
from nnarray.testing import check_grads
from nnarray.variables import Variable, pack_variables
from tests.hosts import to_host, to_library
from tests.keras_penalties import CONSTRAINTS, MATRIX, NUMBERS, OPTIMIZERS, REGULARIZERS, TRAININGS, axes_of, train

KERAS = json.loads(NUMBERS.read_text())


@pytest.mark.parametrize("number", range(len(REGULARIZERS)))
def test_penalties_are_those_of_keras(number: int, place: Any) -> None:
    name, given = REGULARIZERS[number]
    regularizer = getattr(regularizers, name)(**given)
    found = regularizer(to_library(MATRIX, nna.namespace(*place)))
    np.testing.assert_allclose(float(to_host(found)), KERAS["regularizers"][number], rtol=3e-6, atol=1e-9)
    check_grads(regularizer, (nna.namespace(*place).asarray(MATRIX + 0.1),), order=2)  # Off the kink at 0.
    assert repr(type(regularizer).from_config(regularizer.get_config())) == repr(regularizer)


@pytest.mark.parametrize("number", range(len(CONSTRAINTS)))
def test_constraints_are_those_of_keras(number: int, place: Any) -> None:
    name, given = CONSTRAINTS[number]
    constraint = getattr(constraints, name)(**axes_of(given))
    found = constraint(to_library(MATRIX, nna.namespace(*place)))
    np.testing.assert_allclose(to_host(found), KERAS["constraints"][number], rtol=3e-6, atol=1e-6)
    assert repr(type(constraint).from_config(constraint.get_config())) == repr(constraint)


@pytest.mark.compiles_for_each_case
@pytest.mark.parametrize("which", range(len(OPTIMIZERS)), ids=OPTIMIZERS)
@pytest.mark.parametrize("number", range(len(TRAININGS)))
def test_trainings_are_those_of_keras(number: int, which: int, place: Any) -> None:
    with nna.use_backend(*place):
        found = train(nna, TRAININGS[number], OPTIMIZERS[which])
    expected = KERAS["trainings"][number][which]
    np.testing.assert_allclose(found["loss"], expected["loss"], rtol=2e-5)
    np.testing.assert_allclose(found["evaluated"], expected["evaluated"], rtol=2e-5)
    for ours, keras in zip(found["weights"], expected["weights"], strict=True):
        np.testing.assert_allclose(ours, keras, rtol=1e-4, atol=2e-6)


def data() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    return random.normal(size=(32, 4)).astype("float32"), random.normal(size=(32, 1)).astype("float32")


def test_plans_and_the_code_step_by_step_give_the_same() -> None:
    weights = []
    for eagerly in (False, True):
        nna.set_seed(0)
        penalties = {"kernel_regularizer": "l1", "activity_regularizer": "l2", "kernel_constraint": "max_norm"}
        first = layers.Dense(5, "tanh", **penalties)
        model = models.Sequential([first, layers.Dense(1, bias_constraint="non_neg")])
        model.compile("adam", "mse", run_eagerly=eagerly)
        model.fit(*data(), batch_size=8, epochs=3, verbose=0)
        weights.append(model.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_weights_are_as_their_constraint_says_after_every_step() -> None:
    model = models.Sequential([layers.Dense(6, kernel_constraint=constraints.UnitNorm(), bias_constraint="non_neg")])
    model.compile(optimizers.SGD(0.5), loss="mse")

    class Look(nna.callbacks.Callback):
        def on_train_batch_end(self, *_: Any) -> None:
            kernel, bias = model.get_weights()
            np.testing.assert_allclose(np.linalg.norm(kernel, axis=0), 1.0, rtol=1e-5)
            assert (bias >= 0).all()

    x, _ = data()
    model.fit(x, -np.ones((32, 6), "float32"), batch_size=8, epochs=2, callbacks=[Look()], verbose=0)


@pytest.mark.parametrize("packed", [False, True])
def test_only_the_variable_with_a_constraint_is_changed_by_it_packed_or_not(packed: bool, place: Any) -> None:
    xp = nna.namespace(*place)
    one, other = (Variable(to_library(np.asarray([1.0, -2.0]), xp), name) for name in ("one", "other"))
    one.constraint = constraints.NonNeg()
    targets = pack_variables([one, other]) if packed else [one, other]
    zeros = to_library(np.zeros(2), xp)
    optimizers.Adam().apply([target.join([zeros for _ in target.members]) for target in targets], targets)
    assert one.numpy().tolist() == [1.0, 0.0]
    assert other.numpy().tolist() == [1.0, -2.0]


def test_a_constraint_must_keep_the_shape() -> None:
    w = Variable(np.ones(3), "w")
    w.constraint = lambda x: x[:2]
    with pytest.raises(
        ValueError, match=r"The constraint of 'w' must keep its shape: received ndarray of shape \(2,\)"
    ):
        optimizers.SGD().apply([np.zeros(3)], [w])


class Noted(nna.Layer):
    """Adds the mean square of its inputs."""

    def call(self, inputs: Any) -> Any:
        xp = nna.array_namespace(inputs)
        self.add_loss(xp.mean(inputs * inputs))
        return inputs


def test_losses_are_those_of_the_last_call_also_of_layers_within() -> None:
    layer = Noted()
    model = models.Sequential([layer, layers.Dense(1, kernel_initializer="ones", kernel_regularizer="l2"), layer])
    x = np.full((4, 2), 2.0, "float32")
    for _ in range(3):
        model(x)
        assert [round(float(v), 5) for v in model.losses] == [4.0, 16.0, 0.02]
    assert len(layer.losses) == 2
    layer(x)
    assert [float(v) for v in layer.losses] == [4.0]


def test_what_is_added_trains_and_is_in_the_loss_that_is_shown() -> None:
    x, y = data()
    plain, noted = (
        models.Sequential(
            [layers.Dense(3, kernel_initializer="ones"), middle, layers.Dense(1, kernel_initializer="ones")]
        )
        for middle in (layers.Activation("linear"), Noted())
    )
    losses = []
    for model in (plain, noted):
        model.compile(optimizers.SGD(0.0), "mse")
        losses.append(model.evaluate(x, y, batch_size=32, verbose=0))
    added = float(np.mean((x @ np.ones((4, 3))) ** 2))
    np.testing.assert_allclose(losses[1] - losses[0], added, rtol=1e-5)
    noted.compile(optimizers.SGD(0.1), "mse")
    noted.fit(x, y, epochs=20, verbose=0)
    assert float(np.mean((x @ noted.get_weights()[0]) ** 2)) < 0.5 * added


def test_an_own_compute_loss_gets_them_from_its_base() -> None:
    class Own(models.Sequential):
        def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
            return 2.0 * super().compute_loss(*args, **kwargs)

    x, y = data()
    model = Own([layers.Dense(1, kernel_initializer="zeros", kernel_regularizer=lambda w: 3.0)])
    model.compile("sgd", "mse")
    np.testing.assert_allclose(model.evaluate(x, y, verbose=0), 2.0 * (np.mean(y**2) + 3.0), rtol=1e-5)


def test_frozen_weights_have_no_penalty() -> None:
    layer = layers.Dense(2, kernel_regularizer="l2")
    layer.build((None, 3))
    assert len(layer.losses) == 1
    layer.trainable = False
    assert layer.losses == []


def test_layers_are_copied_pickled_and_made_again_with_theirs() -> None:
    layer = layers.Dense(
        2, kernel_regularizer=regularizers.L1(0.3), bias_constraint="non_neg", activity_regularizer="l2"
    )
    layer(np.ones((1, 3)))
    for again in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), type(layer).from_config(layer.get_config())):
        again(np.ones((1, 3)))
        assert again.kernel.regularizer.l1 == 0.3
        assert isinstance(again.bias.constraint, constraints.NonNeg)
        assert len(again.losses) == 2


def test_what_is_wrong_is_refused() -> None:
    with pytest.raises(ValueError, match="Unknown regularizer: 'l3'. Did you mean"):
        layers.Dense(1, kernel_regularizer="l3")
    with pytest.raises(ValueError, match="Unknown constraint: 'non_ned'. Did you mean 'non_neg'"):
        layers.Dense(1, bias_constraint="non_ned")
    with pytest.raises(ValueError, match="l2 must be a number of at least 0"):
        regularizers.L2(-1.0)
    with pytest.raises(ValueError, match="max_value must not be less than min_value"):
        constraints.MinMaxNorm(2.0, 1.0)
    with pytest.raises(ValueError, match=r"OrthogonalRegularizer takes matrices: received shape \(3,\)"):
        regularizers.OrthogonalRegularizer()(np.ones(3))
    with pytest.raises(ValueError, match="add_loss takes scalars"):
        Noted().add_loss(np.ones(3))
