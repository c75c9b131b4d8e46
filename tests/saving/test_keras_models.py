"""Models that Keras saved are the same models here: their predictions, and the training that goes on."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import layers, models
from tests import keras_files, keras_models
from tests.keras_archives import altered

pytest.importorskip("h5py")

RECORDED = json.loads(keras_models.NUMBERS.read_text(encoding="utf-8"))
NOT_READ = ("muon",)


def load(name: str, **kwargs: Any) -> Any:
    return models.load_model(keras_models.FOLDER / f"{name}.keras", **kwargs)


def described(model: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the config of a layer of a stack."""
    (found,) = (x for x in model["config"]["layers"] if x["config"]["name"] == name)
    return found


@pytest.mark.parametrize("name", RECORDED["outputs"])
def test_predictions_are_those_of_keras(name: str) -> None:
    found = load(name, custom_objects={"Own": keras_models.own(nna)}).predict(keras_models.inputs(name), verbose=0)
    expected = RECORDED["outputs"][name]
    tolerance = {"rtol": 1e-3, "atol": 1e-3} if name == "half" else {"rtol": 1e-5, "atol": 1e-6}
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            np.testing.assert_allclose(found[key], value, **tolerance)
    else:
        np.testing.assert_allclose(found, expected, **tolerance)


@pytest.mark.parametrize("name", keras_models.OPTIMIZERS)
def test_training_goes_on_by_the_numbers_of_keras(name: str) -> None:
    if name in NOT_READ:
        with pytest.warns(UserWarning, match=r"was not read: the state of the optimizer Muon"):
            load(name)
        return
    model = load(name)
    taken = len(keras_models.X) // keras_models.BATCH // (2 if name == "sums" else 1)
    model.fit(keras_models.X, keras_models.Y, batch_size=keras_models.BATCH, shuffle=False, verbose=0)
    assert int(model.optimizer.iterations) == taken * 2 + (name == "sums")
    for mine, theirs in zip(model.get_weights(), RECORDED["weights"][name], strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=2e-5, atol=2e-6)


def test_a_model_is_compiled_as_in_keras() -> None:
    model = load("amsgrad")
    assert model.optimizer.amsgrad is True
    assert (model.optimizer.clipnorm, float(model.optimizer.learning_rate)) == (0.5, np.float32(0.1))
    assert (model.loss.from_logits, model.loss.label_smoothing) == (True, 0.1)
    assert [x.name for x in model.layers if not x.trainable] == ["frozen"]
    figures = model.evaluate(keras_models.X, keras_models.Y, verbose=0, return_dict=True)
    assert list(figures) == list(RECORDED["figures"]) == ["loss", "mae", "square"]
    assert repr(load("decay").optimizer.get_config()["learning_rate"]["class_name"]) == "'ExponentialDecay'"
    with pytest.raises(RuntimeError, match="compiled"):
        load("amsgrad", compile=False).evaluate(keras_models.X, keras_models.Y)


def test_options_of_layers_are_read() -> None:
    model = load("plain")
    dense, drop = model.layers[1], model.get_layer("drop")
    assert dense.activation is nna.activations.gelu
    assert dense.kernel_initializer == nna.initializers.HeNormal(seed=3) or dense.kernel_initializer.seed == 3
    assert (type(dense.kernel_regularizer), type(dense.bias_constraint)) == (
        nna.regularizers.L2,
        nna.constraints.NonNeg,
    )
    assert (drop.rate, drop.seed) == (0.25, 4)
    assert model.input_shape == (None, 3, 1)
    assert load("double").dtype == "float64"
    assert [x.compute_dtype for x in load("half").layers][-1] == "float16"


@pytest.mark.parametrize("name", ["plain", "late", "adam"])
def test_what_is_loaded_is_saved_as_our_own(name: str, path: Path) -> None:
    model = load(name)
    model.save(path)
    again, x = models.load_model(path), keras_models.inputs(name)
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    if name == "adam":
        for each in (model, again):
            each.train_on_batch(keras_models.X, keras_models.Y)
        np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])


@pytest.mark.parametrize("name", ["deep", "nested", "functional"])
def test_files_that_are_not_compressed_are_read(name: str) -> None:
    outputs = json.loads((keras_files.FOLDER / "outputs.json").read_text(encoding="utf-8"))["outputs"]
    model = models.load_model(keras_files.FOLDER / f"{name}.keras")
    np.testing.assert_allclose(model.predict(keras_files.X, verbose=0), outputs[name], rtol=1e-5, atol=1e-6)
    assert int(model.optimizer.iterations) == 1


def test_a_model_goes_to_the_backend_that_is_asked_for() -> None:
    pytest.importorskip("array_api_strict")
    model = load("adam", backend="array_api_strict")
    model.fit(keras_models.X, keras_models.Y, batch_size=keras_models.BATCH, shuffle=False, verbose=0)
    assert model.backend == "array_api_strict"
    np.testing.assert_allclose(model.get_weights()[0], RECORDED["weights"]["adam"][0], rtol=2e-5, atol=2e-6)


# -- what nnarray has not ----------------------------------------------------------------------------------------------


def test_all_that_is_not_known_is_named_at_once_before_anything_is_made(tmp_path: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        hidden, frozen, out = (described(config, name) for name in ("hidden", "frozen", "out"))
        hidden["class_name"] = "Telepathy"
        frozen["config"]["kernel_initializer"]["class_name"] = "Guess"
        frozen["config"]["activation"] = "relux"
        out["config"]["quantum"] = 3
        config["compile_config"]["loss"] = {"module": None, "class_name": "function", "config": "my_loss"}

    names = (
        "'hidden' (Telepathy)",
        "'Guess'",
        "quantum=3",
        "'my_loss'",
        "custom_objects={'Telepathy': …",
        "compile=False",
    )
    path = altered(tmp_path, "adam", config=change)
    with pytest.raises(TypeError) as caught:
        models.load_model(path)
    for name in names:
        assert name in str(caught.value)
    with pytest.raises(TypeError, match="Telepathy") as caught:
        models.load_model(path, compile=False)
    assert "my_loss" not in str(caught.value)


def test_what_is_given_takes_the_place(tmp_path: Path) -> None:
    class Twice(layers.Dense):
        def call(self, inputs: Any) -> Any:
            return super().call(inputs) * 2

    @nna.utils.register_keras_serializable("tests")
    def my_loss(y_true: Any, y_pred: Any) -> Any:
        return (y_true - y_pred) ** 2

    def change(config: dict[str, Any]) -> None:
        described(config, "out").update(module="mine", class_name="Mine", registered_name="Custom>Mine")
        name = "tests>my_loss"
        config["compile_config"]["loss"] = {
            "module": "mine", "class_name": "function", "config": "my_loss", "registered_name": name,
        }  # fmt: skip

    def renamed(stored: Any) -> None:
        stored.move("layers/dense_2", "layers/mine")

    path = altered(tmp_path, "adam", config=change, weights=renamed)
    try:
        model = models.load_model(path, custom_objects={"Mine": Twice})
    finally:
        nna.utils.get_custom_objects().pop("tests>my_loss")
    expected = load("adam").predict(keras_models.X, verbose=0) * 2
    np.testing.assert_allclose(model.predict(keras_models.X, verbose=0), expected, rtol=1e-6)
    assert model.loss is my_loss


def test_code_in_a_file_is_refused(tmp_path: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        frozen = described(config, "frozen")
        code = {"class_name": "__lambda__", "config": {"value": ["4wEAAAA=", None, None]}}
        frozen.update(class_name="Lambda", config={"name": "frozen", "function": code})

    with pytest.raises(TypeError, match=r"'frozen' \(Lambda\).*has code in the file, which is never run"):
        models.load_model(altered(tmp_path, "adam", config=change))


@pytest.mark.parametrize("module", ["os", "keras.utils", "keras.callbacks", "nnarray.layers", "keras.src.saving", None])
def test_no_module_is_imported_by_the_name_in_a_file(module: str | None, tmp_path: Path) -> None:
    def change(config: dict[str, Any]) -> None:
        described(config, "out").update(module=module, class_name="LambdaCallback")

    with pytest.raises(TypeError, match="is of the class 'LambdaCallback'"):
        models.load_model(altered(tmp_path, "adam", config=change))


def test_arguments_that_change_nothing_are_left_out(tmp_path: Path) -> None:
    def change(value: Any) -> Any:
        return lambda config: described(config, "out")["config"].update(sparse=value)

    models.load_model(altered(tmp_path, "adam", config=change(False)))
    with pytest.raises(TypeError, match="the argument sparse=True"):
        models.load_model(altered(tmp_path, "adam", config=change(True)))


# -- states ------------------------------------------------------------------------------------------------------------


def test_a_state_that_does_not_fit_is_told_and_left_out(tmp_path: Path) -> None:
    def lacking(stored: Any) -> None:
        del stored["optimizer/vars/3"]

    def thawed(config: dict[str, Any]) -> None:
        described(config, "frozen")["config"]["trainable"] = True

    for changes in ({"weights": lacking}, {"config": thawed}):
        with pytest.warns(UserWarning, match=r"was not read: the state of the optimizer Adam: it has \d+ arrays for"):
            model = models.load_model(altered(tmp_path, "adam", **changes))
        assert int(model.optimizer.iterations) == 0
        model.fit(keras_models.X, keras_models.Y, verbose=0)


def test_a_model_without_a_state_or_a_loss(tmp_path: Path) -> None:
    def fresh(stored: Any) -> None:
        del stored["optimizer"]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert int(models.load_model(altered(tmp_path, "adam", weights=fresh)).optimizer.iterations) == 0

    def without(config: dict[str, Any]) -> None:
        config["compile_config"]["loss"] = None

    with pytest.warns(UserWarning, match="how it is trained, which has no loss"):
        models.load_model(altered(tmp_path, "adam", config=without))
