"""Averages, accumulated gradients and optimizers around others: in `fit`, under plans, as variables come and go."""

from __future__ import annotations

import copy
import pickle
import re
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import callbacks, layers, models, optimizers
from nnarray.optimizers import (
    SGD,
    Adam,
    LossScaleOptimizer,
    MultiOptimizer,
    Muon,
    Optimizer,
    OptimizerMap,
    ScheduleFreeAdamW,
)
from nnarray.variables import Variable, pack_variables

RNG = np.random.default_rng(0)
X = RNG.standard_normal((48, 4)).astype("float32")
MSE = nna.losses.MeanSquaredError()
Y = X @ np.asarray([[1.0], [-2.0], [0.5], [0.0]], "float32")


class Decaying(Optimizer):
    """An optimizer of a user's, with slots of its own, one of them of another shape."""

    slots = ("velocity", optimizers.Slot("length", initial=1.0, shape=()))

    def update(self, xp: Any, weight: Any, gradient: Any, slots: Any, learning_rate: Any, step: Any) -> Any:
        velocity, length = slots
        velocity = 0.5 * velocity + gradient / step
        length = 0.5 * length + 0.5 * xp.sqrt(xp.sum(velocity * velocity))
        return weight - learning_rate * velocity / (1.0 + length), (velocity, length)


def by_bias(variable: Variable) -> Optimizer:
    return ONE_FOR_BIASES if "bias" in variable.path else ONE_FOR_KERNELS


ONE_FOR_BIASES, ONE_FOR_KERNELS = SGD(0.01), Adam(0.02)
MAKES = {
    "averages": lambda: Adam(0.02, use_ema=True, ema_momentum=0.8),
    "overwriting": lambda: SGD(0.02, 0.9, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=4),
    "sums": lambda: Adam(0.02, gradient_accumulation_steps=3, global_clipnorm=1.0, weight_decay=0.1),
    "both": lambda: SGD(0.02, 0.9, use_ema=True, gradient_accumulation_steps=2, loss_scale_factor=16.0),
    "own": lambda: Decaying(0.1, use_ema=True, ema_momentum=0.9, gradient_accumulation_steps=2),
    "muon": lambda: Muon(0.02, exclude_layers=["head"]),
    "schedule-free": lambda: ScheduleFreeAdamW(0.02, warmup_steps=4),
    "scaled": lambda: LossScaleOptimizer(Adam(0.02, use_ema=True), dynamic_growth_steps=4),
    "multi": lambda: MultiOptimizer(OptimizerMap(Adam(0.02, use_ema=True), {"head/.*": SGD(0.01, 0.9)})),
    "scaled multi": lambda: LossScaleOptimizer(MultiOptimizer(OptimizerMap(Muon(0.02), {".*bias": Adam(0.01)})), 64.0),
}
MAKES_WITH_AVERAGES = [name for name in MAKES if name in ("averages", "overwriting", "both", "own", "scaled", "multi")]
ANY = pytest.mark.parametrize("name", MAKES)


def network(optimizer: Any, eagerly: bool = False, backend: Any = None, **kwargs: Any) -> models.Sequential:
    nna.set_seed(1)
    model = models.Sequential(
        [layers.Dense(8, activation="tanh", name="hidden"), layers.Dense(1, name="head")], backend=backend
    )
    model.compile(optimizer, "mse", run_eagerly=eagerly, **kwargs)
    return model


def trained(model: Any, epochs: int = 3, **kwargs: Any) -> dict[str, list[float]]:
    nna.set_seed(2)
    return model.fit(X, Y, batch_size=16, epochs=epochs, verbose=0, **kwargs).history


@pytest.mark.compiles_for_each_case
@ANY
def test_fit_on_plans_gives_what_it_gives_step_by_step(name: str, place: Any) -> None:
    planned, eager = network(MAKES[name](), False, place[0]), network(MAKES[name](), True, place[0])
    one, other = trained(planned), trained(eager)
    np.testing.assert_allclose(one["loss"], other["loss"], rtol=1e-5)
    assert one["loss"][-1] < one["loss"][0]
    for a, b in zip(planned.variables, eager.variables, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=1e-6)
    assert len(planned.plans) == 1


@ANY
def test_fit_is_apply_step_by_step_on_variables_that_are_not_packed(name: str) -> None:
    model, by_hand = network(MAKES[name]()), network("sgd")
    trained(model, 2, shuffle=False)
    nna.set_seed(2)
    by_hand(X[:1])
    optimizer, weights = MAKES[name](), by_hand.trainable_variables
    for _ in range(2):
        for rows in (slice(0, 16), slice(16, 32), slice(32, 48)):

            def loss(_: Any, rows: slice = rows) -> Any:
                return optimizer.scale_loss(MSE(Y[rows], by_hand(X[rows])))

            optimizer.apply(nna.grad(loss)(weights), weights)
    optimizer.finalize_variable_values(weights)
    for a, b in zip(model.variables, by_hand.variables, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=1e-5)


def test_an_optimizer_without_them_has_the_plan_it_had() -> None:
    counts = {}
    given = {"plain": {}, "kept": {"use_ema": True}, "summed": {"gradient_accumulation_steps": 2}}
    for name, arguments in given.items():
        model = network(Adam(0.1, **arguments))
        trained(model, 1)
        counts[name] = len([step for step in model.plans["train", 16].steps if step.code])
    # As many as before there were averages and sums: whoever makes plans shorter lowers it.
    assert counts["plain"] == 42
    assert counts["plain"] < counts["kept"]
    assert counts["plain"] < counts["summed"]


@ANY
def test_a_copy_goes_on_as_the_original(name: str) -> None:
    model = network(MAKES[name]())
    trained(model, 2)
    copies = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    expected = trained(model, 2)["loss"]
    for other in copies:
        np.testing.assert_allclose(trained(other, 2)["loss"], expected, rtol=1e-6)


@pytest.mark.parametrize("name", [name for name in MAKES if name != "own"])
def test_training_goes_on_from_a_file(name: str, tmp_path: Any) -> None:
    model = network(MAKES[name]())
    trained(model, 2)
    model.save(tmp_path / "model.safetensors")
    again = models.load_model(tmp_path / "model.safetensors")
    assert repr(again.optimizer) == repr(model.optimizer)
    np.testing.assert_array_equal(trained(again, 2)["loss"], trained(model, 2)["loss"])


@ANY
def test_each_is_made_again_from_its_config(name: str) -> None:
    optimizer = MAKES[name]()
    again = type(optimizer).from_config(optimizer.get_config())
    assert repr(again) == repr(optimizer)
    assert again.get_config() == optimizer.get_config()
    if name != "own":
        assert repr(nna.utils.deserialize_keras_object(nna.utils.serialize_keras_object(optimizer))) == repr(optimizer)


@ANY
def test_variables_that_are_frozen_for_a_while_keep_what_is_kept_for_them(name: str) -> None:
    model = network(MAKES[name]())
    trained(model, 1)
    hidden = model.layers[0]
    before = [variable.numpy() for variable in hidden.variables]
    held = held_for(model.optimizer, "hidden", "layers/0")
    hidden.trainable = False
    trained(model, 2)
    for variable, value in zip(hidden.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    assert_same(held_for(model.optimizer, "hidden", "layers/0"), held)
    hidden.trainable = True
    losses = trained(model, 3)["loss"]
    assert losses[-1] < losses[0]


def held_for(optimizer: Any, *paths: str) -> list[np.ndarray]:
    """Return what is kept for each variable of a layer, found by saving it."""
    state: list[np.ndarray] = []
    for each in getattr(optimizer, "optimizers", [optimizer]):
        if hasattr(each, "optimizers"):
            state += held_for(each, *paths)
            continue
        kept = [pair for unit in each._table.units for pair in unit.resting()]
        kept += [(variable, slots) for variable, (slots, _) in each._table._resting.items()]
        found = [(variable.path, slots) for variable, slots in kept if variable.path.startswith(paths)]
        state += [slot.numpy() for _, slots in sorted(found, key=lambda pair: pair[0]) for slot in slots]
    return state


def assert_same(found: list[np.ndarray], expected: list[np.ndarray]) -> None:
    assert found
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_with_sums_iterations_count_updates_and_nothing_moves_in_between() -> None:
    w = Variable(np.asarray([1.0, -2.0]), "w")
    optimizer = Adam(0.5, gradient_accumulation_steps=3, weight_decay=0.1)
    kept = []
    for step in range(7):
        optimizer.apply([np.asarray([1.0, 3.0]) * (step + 1)], [w])
        kept.append((w.numpy(), *(variable.numpy() for variable in optimizer.variables[2:4])))
        assert int(optimizer.iterations) == (step + 1) // 3
    for calm in (1, 3, 4, 6):
        assert_same(list(kept[calm]), list(kept[calm - 1]) if calm != 3 else list(kept[2]))
    alone, twin = Variable(np.asarray([1.0, -2.0]), "w"), Adam(0.5, weight_decay=0.1)
    for factor in (2.0, 5.0):
        twin.apply([np.asarray([1.0, 3.0]) * factor], [alone])
    np.testing.assert_allclose(w.numpy(), alone.numpy(), rtol=1e-12)


def test_a_variable_that_comes_late_or_comes_back_has_its_own_first_update() -> None:
    a, b = (Variable(np.asarray([1.0, 2.0]), name) for name in "ab")
    optimizer, g = Adam(0.5, use_ema=True, gradient_accumulation_steps=2), np.asarray([1.0, -1.0])
    for _ in range(4):
        optimizer.apply([g], [a])
    for _ in range(2):
        optimizer.apply([g, g], [a, b])
    fresh, twin = Variable(np.asarray([1.0, 2.0]), "b"), Adam(0.5)
    twin.apply([g], [fresh])
    np.testing.assert_allclose(b.numpy(), fresh.numpy(), rtol=1e-12)
    optimizer.finalize_variable_values([b])
    np.testing.assert_allclose(b.numpy(), fresh.numpy(), rtol=1e-12)
    optimizer.apply([g], [b])
    optimizer.apply([g, g], [a, b])
    twin.apply([g], [fresh])
    np.testing.assert_allclose(b.numpy(), fresh.numpy(), rtol=1e-12)


def test_averages_are_of_what_updates_give_and_constraints_come_last() -> None:
    w = Variable(np.asarray([1.0, 1.0]), "w")
    w.constraint = nna.constraints.NonNeg()
    optimizer = SGD(1.0, use_ema=True, ema_momentum=0.5)
    optimizer.apply([np.asarray([3.0, 0.5])], [w])
    np.testing.assert_array_equal(w.numpy(), [0.0, 0.5])
    optimizer.finalize_variable_values([w])
    np.testing.assert_array_equal(w.numpy(), [-2.0, 0.5])


@pytest.mark.parametrize("name", MAKES_WITH_AVERAGES)
@pytest.mark.parametrize("stops", [False, True])
def test_a_fit_ends_with_averages_also_one_that_stops_early(name: str, stops: bool) -> None:
    model = network(MAKES[name]())
    stop = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: setattr(model, "stop_training", stops))
    swap = callbacks.SwapEMAWeights(swap_on_epoch=True)
    trained(model, 3, callbacks=[swap, stop])
    pairs = model.optimizer.averages()
    assert pairs
    for variable, average in pairs:
        np.testing.assert_array_equal(variable.numpy(), average.numpy())
    plain = network(MAKES[name]())
    trained(plain, 1 if stops else 3)
    for one, other in zip(model.variables, plain.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_an_epoch_that_is_not_run_leaves_variables_alone() -> None:
    model = network(Adam(use_ema=True))
    trained(model, 1)
    model.set_weights([np.ones_like(weight) for weight in model.get_weights()])
    model.fit(X, Y, epochs=1, initial_epoch=1, verbose=0)
    assert all((weight == 1.0).all() for weight in model.get_weights())


@pytest.mark.compiles_for_each_case
@pytest.mark.parametrize("name", MAKES_WITH_AVERAGES)
@pytest.mark.parametrize("on_epoch", [False, True])
def test_validation_is_by_averages_and_training_goes_on_by_variables(name: str, on_epoch: bool, place: Any) -> None:
    seen: list[list[np.ndarray]] = []
    ends: list[list[np.ndarray]] = []

    class Look(callbacks.Callback):
        def on_test_begin(self, logs: Any = None) -> None:
            seen.append([variable.numpy() for variable, _ in self.model.optimizer.averages()])
            seen.append([average.numpy() for _, average in self.model.optimizer.averages()])

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            ends.append([variable.numpy() for variable, _ in self.model.optimizer.averages()])

    model, plain = network(MAKES[name](), False, place[0]), network(MAKES[name](), False, place[0])
    swap = callbacks.SwapEMAWeights(on_epoch)
    found = trained(model, 3, validation_data=(X, Y), callbacks=[swap, Look()])
    expected = trained(plain, 3, validation_data=(X, Y))
    np.testing.assert_array_equal(found["loss"], expected["loss"])
    assert found["val_loss"] != expected["val_loss"]
    for variables, averages in zip(seen[::2], seen[1::2], strict=True):
        assert_same(variables, averages)
    assert all((one == other).all() for one, other in zip(ends[-1], seen[-1], strict=True)) is on_epoch
    np.testing.assert_allclose(model.evaluate(X, Y, verbose=0), found["val_loss"][-1], rtol=1e-6)
    np.testing.assert_allclose(model.evaluate(X, Y, verbose=0, callbacks=[swap]), found["val_loss"][-1], rtol=1e-6)


def test_evaluate_and_predict_by_averages_leave_the_variables() -> None:
    model = network(SGD(0.05, use_ema=True))
    for _ in range(4):
        model.train_on_batch(X, Y)
    before, swap = model.get_weights(), callbacks.SwapEMAWeights()
    own, by_averages = model.predict(X, verbose=0), model.predict(X, verbose=0, callbacks=[swap])
    loss = model.evaluate(X, Y, verbose=0, callbacks=[swap])
    np.testing.assert_allclose(loss, ((by_averages - Y) ** 2).mean(), rtol=1e-5)
    assert np.abs(own - by_averages).max() > 1e-4
    assert_same(model.get_weights(), before)


def test_a_file_written_with_averages_goes_on_with_the_variables(tmp_path: Any) -> None:
    class Save(callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                self.model.save(tmp_path / "model.safetensors")

    def swap() -> Any:
        return callbacks.SwapEMAWeights(swap_on_epoch=True)

    model = network(Adam(0.05, use_ema=True, ema_momentum=0.5))
    expected = trained(model, 4, callbacks=[swap(), Save()])["loss"]
    again = models.load_model(tmp_path / "model.safetensors")
    held = {average.numpy().tobytes() for _, average in model.optimizer.averages()}
    assert held
    found = again.fit(X, Y, batch_size=16, epochs=4, initial_epoch=2, verbose=0, callbacks=[swap()]).history["loss"]
    np.testing.assert_array_equal(found, expected[2:])


def test_swapping_needs_averages() -> None:
    model = network("adam")
    with pytest.raises(ValueError, match=r"SwapEMAWeights needs an optimizer that keeps averages: received Adam\(\)"):
        trained(model, 1, validation_data=(X, Y), callbacks=[callbacks.SwapEMAWeights()])
    with pytest.raises(ValueError, match="swap_on_epoch must be True or False"):
        callbacks.SwapEMAWeights("always")


def test_a_step_of_ones_own_scales_the_loss() -> None:
    class Own(models.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, x: Any) -> Any:
            return self.dense(x)

        def train_step(self, data: Any) -> Any:
            x, y = data
            weights = self.trainable_variables

            def loss(_: Any) -> Any:
                value = MSE(y, self(x, training=True))
                return self.optimizer.scale_loss(value), value

            (_, value), grads = nna.value_and_grad(loss, has_aux=True)(weights)
            self.optimizer.apply(grads, weights)
            return {"loss": value}

    found = []
    for optimizer in (SGD(0.1), SGD(0.1, loss_scale_factor=64.0), LossScaleOptimizer(SGD(0.1))):
        nna.set_seed(1)
        model = Own()
        model.compile(optimizer, "mse")
        found.append(trained(model, 3)["loss"])
    np.testing.assert_allclose(found[1:], [found[0]] * 2, rtol=1e-6)
    assert float(model.optimizer.dynamic_scale) == 2.0**15


# -- loss scales -------------------------------------------------------------------------------------------------------


def test_small_derivatives_that_float16_loses_train_with_a_scaled_loss() -> None:
    def run(**given: Any) -> tuple[Any, float]:
        nna.set_seed(1)
        model = models.Sequential([layers.Dense(4, dtype="mixed_float16"), layers.Dense(1, dtype="float32")])
        model.compile(SGD(1e6), lambda y, p: 1e-8 * (y - p) ** 2, **given)
        model.fit(X, Y, batch_size=16, epochs=4, verbose=0)
        return model.optimizer, float(np.abs(model.layers[0].bias.numpy()).max())

    scaled, moved = run()
    plain, stayed = run(auto_scale_loss=False)
    assert (type(scaled), type(plain)) == (LossScaleOptimizer, SGD)
    assert moved > 1e-3
    assert stayed == 0.0


def test_only_a_model_in_mixed_float16_gets_a_loss_scale_and_only_one() -> None:
    def chosen(optimizer: Any, dtype: str, **given: Any) -> Any:
        model = models.Sequential([layers.Dense(1, dtype=dtype)])
        model.compile(optimizer, "mse", **given)
        return model.optimizer

    assert type(chosen("adam", "float32")) is Adam
    assert type(chosen("adam", "mixed_bfloat16")) is Adam
    inner = Adam()
    assert chosen(inner, "mixed_float16").inner_optimizer is inner
    own = LossScaleOptimizer(Adam(), 8.0)
    assert chosen(own, "mixed_float16") is own

    class Stepping(models.Model):
        def train_step(self, data: Any) -> Any:
            raise NotImplementedError

    # It scales no loss, so its gradients must not be divided by a scale.
    stepping = Stepping(dtype="mixed_float16")
    stepping.compile("adam", "mse")
    assert type(stepping.optimizer) is Adam
    with pytest.raises(ValueError, match="auto_scale_loss must be True or False"):
        chosen("adam", "float32", auto_scale_loss="sometimes")


def test_a_loss_that_overflows_lowers_the_scale_and_warns_of_nothing(place: Any) -> None:
    if place[0] == "array_api_strict":
        pytest.skip("array_api_strict has no float16")
    nna.set_seed(1)
    model = models.Sequential([layers.Dense(4, dtype="mixed_float16"), layers.Dense(1)], backend=place[0])
    model.compile(LossScaleOptimizer(SGD(0.01), initial_scale=2.0**40), "mse")
    history = trained(model, 20)["loss"]
    assert float(model.optimizer.dynamic_scale) < 2.0**20
    assert 0 < int(model.optimizer.iterations) < 60
    assert history[-1] < history[0]
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01)
    model.optimizer.learning_rate = 0.5
    assert float(model.optimizer.inner_optimizer.learning_rate) == 0.5


def test_a_loss_scale_takes_the_place_of_a_fixed_one_and_of_a_float16_loss() -> None:
    inner = SGD(loss_scale_factor=4.0)
    optimizer = LossScaleOptimizer(inner, 2.0**15)
    assert inner.loss_scale_factor is None
    assert optimizer.scale_loss(2.0) == 2.0**16
    assert float(optimizer.scale_loss(np.asarray(16.0, "float16"))) == 2.0**19
    assert optimizer.scale_loss(np.asarray(2.0)).dtype == "float64"
    assert SGD(loss_scale_factor=4.0).scale_loss(2.0) == 8.0
    loss = np.asarray(1.0)
    assert SGD().scale_loss(loss) is loss


# -- several optimizers ------------------------------------------------------------------------------------------------


def test_each_variable_has_the_optimizer_of_its_path() -> None:
    adam, sgd, plain = Adam(), SGD(), SGD(0.5)
    by_path = OptimizerMap(plain, {"encoder/dense/kernel": adam, "encoder/.*": sgd})
    assert by_path["encoder/dense/kernel"] is adam
    assert by_path["encoder/dense/bias"] is sgd
    assert by_path["encoder"] is plain
    by_path["head"] = adam
    assert by_path["head"] is adam
    assert list(by_path) == ["encoder/dense/kernel", "encoder/.*", "head"]
    del by_path["head"]
    assert len(by_path) == 2
    by_path[".*bias"] = adam
    with pytest.raises(ValueError, match="A variable has one optimizer: 'encoder/dense/bias' matches"):
        by_path["encoder/dense/bias"]
    with pytest.raises(ValueError, match=re.escape("received '.*bias' again, which has Adam()")):
        by_path[".*bias"] = sgd
    again = OptimizerMap.from_config(by_path.get_config())
    assert repr(again) == repr(by_path)


def test_layers_are_found_by_name_and_by_attribute_at_any_depth() -> None:
    class Outer(models.Model):
        def __init__(self) -> None:
            super().__init__()
            self.first = models.Sequential([layers.Dense(3, name="dense_a"), layers.Dense(3)], name="encoder")
            self.last = layers.Dense(1, name="head")

        def call(self, x: Any) -> Any:
            return self.last(self.first(x))

    a, b, c = SGD(0.01), SGD(0.02), SGD(0.03)
    model = Outer()
    model.compile(MultiOptimizer(OptimizerMap(c, {"encoder/dense_a/.*": a, "last/kernel": b})), "mse")
    trained(model, 2)
    held = [{member.path for unit in each._table.units for member in unit.variable.members} for each in (a, b, c)]
    assert held[0] == {"first/layers/0/kernel", "first/layers/0/bias"}
    assert held[1] == {"last/kernel"}
    assert held[2] == {"first/layers/1/kernel", "first/layers/1/bias", "last/bias"}
    assert [int(each.iterations) for each in (a, b, c, model.optimizer)] == [6, 6, 6, 6]


def test_a_pack_that_several_share_is_taken_apart() -> None:
    def run(packed: bool) -> list[np.ndarray]:
        members = [Variable(np.asarray([1.0, 2.0]), name) for name in ("kernel", "bias", "kernel_2")]
        optimizer = MultiOptimizer(OptimizerMap(Adam(0.1), {"bias": SGD(0.5)}))
        targets = pack_variables(members) if packed else members
        for step in range(3):
            grads = [np.asarray([1.0, -1.0]) * (step + 1 + place) for place in range(3)]
            optimizer.apply([targets[0].join(grads)] if packed else grads, targets)
        return [member.numpy() for member in members]

    assert_same(run(True), run(False))


def test_a_function_chooses_once_for_each_variable_and_has_no_rate_of_its_own() -> None:
    asked = []

    def choose(variable: Variable) -> Optimizer:
        asked.append(variable)
        return SGD(0.5) if variable.name == "a" else Adam(0.5)

    a, b = Variable(np.ones(2), "a"), Variable(np.ones(2), "b")
    optimizer = MultiOptimizer(choose, loss_scale_factor=4.0)
    for _ in range(2):
        optimizer.apply([np.ones(2) * 4, np.ones(2) * 4], [a, b])
    assert asked == [a, b]
    np.testing.assert_allclose(a.numpy(), [0.0, 0.0])
    assert [each.loss_scale_factor for each in optimizer.optimizers] == [4.0, 4.0]
    with pytest.raises(AttributeError, match="each of its optimizers has one"):
        optimizer.learning_rate  # noqa: B018
    with pytest.raises(AttributeError, match="Set that of one of its optimizers"):
        optimizer.learning_rate = 0.1
    with pytest.raises(TypeError, match="lambda"):
        MultiOptimizer(lambda variable: SGD()).get_config()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LossScaleOptimizer("adam"), "inner_optimizer must be an Optimizer"),
        (lambda: LossScaleOptimizer(LossScaleOptimizer(SGD())), "that does not scale the loss itself"),
        (lambda: OptimizerMap("adam"), "Each variable has an Optimizer"),
        (lambda: OptimizerMap(SGD(), {"a": LossScaleOptimizer(SGD())}), "no MultiOptimizer and no LossScaleOptimizer"),
        (lambda: OptimizerMap(SGD(), {1: SGD()}), "A key must be a path or a pattern: received"),
        (lambda: MultiOptimizer({"a": SGD()}), "optimizer_map must be an OptimizerMap or a function"),
        (lambda: MultiOptimizer(lambda v: "sgd").build([Variable(np.ones(2))]), "Each variable has an Optimizer"),
        (lambda: Muon(exclude_layers="head"), "exclude_layers must be a list of patterns"),
        (lambda: LossScaleOptimizer(SGD(), clipnorm=1.0), "clipnorm"),
    ],
)
def test_what_is_no_optimizer_is_refused(make: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        make()


def test_an_optimizer_within_another_belongs_to_one_model() -> None:
    inner = Adam()
    model = network(LossScaleOptimizer(inner))
    trained(model, 1)
    with pytest.raises(ValueError, match="This Adam belongs to 'sequential.*' already"):
        trained(network(inner), 1)
    model.compile("sgd", "mse")
    trained(network(inner), 1)


def test_weight_decay_is_left_out_in_each_optimizer_within() -> None:
    for wrap in (LossScaleOptimizer, lambda each: MultiOptimizer(OptimizerMap(each))):
        a, b = Variable(np.ones(2), "kernel"), Variable(np.ones(2), "bias")
        optimizer = wrap(SGD(0.5, weight_decay=0.5))
        optimizer.exclude_from_weight_decay(var_names=["bias"])
        optimizer.apply([np.zeros(2), np.zeros(2)], [a, b])
        np.testing.assert_array_equal(a.numpy(), [0.75, 0.75])
        np.testing.assert_array_equal(b.numpy(), [1.0, 1.0])


# -- Muon --------------------------------------------------------------------------------------------------------------


def test_muon_takes_matrices_that_are_not_excluded_and_keeps_one_slot_for_them() -> None:
    model = models.Sequential([layers.Dense(8, name="hidden"), layers.Dense(4), layers.Dense(1, name="output_dense")])
    model.compile(Muon(0.01, exclude_layers=["output_.*"]), "mse")
    trained(model, 2)
    kept = {member.path: slots for unit in model.optimizer._table.units for member, slots in unit.resting()}
    sizes = {path: slots[1].size for path, slots in kept.items()}
    assert [sizes[f"layers/{i}/kernel"] for i in range(3)] == [0, 0, 4]
    assert [sizes[f"layers/{i}/bias"] for i in range(3)] == [8, 4, 1]
    # Biases and the last kernel are updated as one.
    assert len(model.optimizer._table.units) == 3


def test_muon_leaves_embeddings_to_adam_unless_told_otherwise() -> None:
    for excluded, size in ((True, 6), (False, 0)):
        w = Variable(np.ones((3, 2)), "Embeddings")
        optimizer = Muon(exclude_embeddings=excluded)
        optimizer.build([w])
        assert optimizer.variables[-1].size == size


def test_a_step_of_muon_is_nearly_orthogonal_and_of_one_size() -> None:
    w = Variable(np.zeros((20, 6)), "w")
    Muon(1.0, weight_decay=None, rms_rate=None, ns_steps=8).apply([RNG.standard_normal((20, 6))], [w])
    sizes = np.linalg.svd(w.numpy(), compute_uv=False)
    assert ((sizes > 0.6) & (sizes < 1.3)).all()
