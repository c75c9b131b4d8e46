"""Models in files: what is loaded is what was saved, training goes on as if never interrupted, files stay whole."""

from __future__ import annotations

import json
import pickle
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import nnarray as nna
from nnarray import callbacks, layers, saving
from tests import keras_files

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 6)).astype(np.float32)
Y = RNG.integers(0, 3, size=40)


@nna.utils.register_keras_serializable("tests")
class Scale(layers.Layer):
    def __init__(self, factor: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight((input_shape[-1],), "ones", name="scale")

    def call(self, inputs: Any) -> Any:
        return inputs * self.scale * self.factor


@nna.utils.register_keras_serializable("tests")
class Own(nna.Model):
    """Layers in lists, a weight of its own, and one layer used twice."""

    def __init__(self, units: int = 5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.hidden = [layers.Dense(units, activation="tanh"), layers.Dropout(0.25), Scale(2.0)]
        self.twice = layers.Dense(units)
        self.head = layers.Dense(3)

    def call(self, inputs: Any, training: bool = False) -> Any:
        for layer in self.hidden:
            inputs = layer(inputs)
        return self.head(self.twice(self.twice(inputs)))


def sequential(declared: bool = True) -> Any:
    shape = {"input_shape": (6,)} if declared else {}
    return nna.Sequential(
        [layers.Dense(5, "relu", kernel_regularizer="l2", **shape), layers.Dropout(0.25), layers.Dense(3)]
    )


def of_symbols() -> Any:
    symbol = layers.Input((6,), name="features")
    hidden = layers.Dense(5, "tanh", name="hidden")(symbol)
    hidden = layers.Dropout(0.25)(hidden)
    return nna.Model(symbol, layers.Dense(3)(nna.activations.relu(hidden) + hidden * 0.5))


MODELS = {
    "sequential": sequential,
    "undeclared": lambda: sequential(declared=False),
    "symbols": of_symbols,
    "own": Own,
    "nested": lambda: nna.Sequential([layers.Input((6,)), sequential(), Scale(), layers.Dense(3)]),
}


def compiled(model: Any, optimizer: Any = None, **kwargs: Any) -> Any:
    loss = nna.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer or nna.optimizers.Adam(0.01), loss, metrics=["accuracy"], **kwargs)
    return model


def same(model: Any, other: Any) -> None:
    mine, theirs = (x.structure()[1] for x in (model, other))
    assert list(mine) == list(theirs)
    for path, variable in mine.items():
        np.testing.assert_array_equal(variable.numpy(), theirs[path].numpy())
        assert (variable.dtype, variable.trainable) == (theirs[path].dtype, theirs[path].trainable)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


# -- round trips -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MODELS)
def test_a_loaded_model_is_the_saved_one(kind: str, path: Path) -> None:
    model = compiled(MODELS[kind]())
    model.fit(X, Y, epochs=2, verbose=0)
    model.save(path)
    other = saving.load_model(path)
    assert type(other) is type(model)
    assert other.get_config() == model.get_config()
    same(model, other)
    np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))
    assert other.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    for _ in range(2):
        assert other.train_on_batch(X, Y) == model.train_on_batch(X, Y)
    same(model, other)


OPTIMIZERS = [
    "SGD",
    "RMSprop",
    "Adam",
    "AdamW",
    "Adamax",
    "Nadam",
    "Adagrad",
    "Adadelta",
    "Adafactor",
    "Ftrl",
    "Lion",
    "Lamb",
]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_goes_on(name: str, path: Path) -> None:
    model = compiled(sequential(), getattr(nna.optimizers, name)(0.01))
    model.fit(X, Y, epochs=2, verbose=0)
    model.save(path)
    other = saving.load_model(path)
    nna.utils.set_random_seed(3)
    expected = model.fit(X, Y, epochs=2, verbose=0).history
    nna.utils.set_random_seed(3)
    assert other.fit(X, Y, epochs=2, verbose=0).history == expected
    same(model, other)


def test_a_schedule_and_a_rate_that_was_set_go_on(path: Path) -> None:
    decay = nna.optimizers.schedules.ExponentialDecay(0.1, 3, 0.5)
    model = compiled(sequential(), nna.optimizers.SGD(decay, momentum=0.9))
    model.fit(X, Y, verbose=0)
    model.save(path)
    assert float(saving.load_model(path).optimizer.learning_rate) == float(model.optimizer.learning_rate)
    model = compiled(sequential(), nna.optimizers.SGD(0.1))
    model.fit(X, Y, verbose=0)
    model.optimizer.learning_rate = 0.025
    model.save(path)
    assert float(saving.load_model(path).optimizer.learning_rate) == np.float32(0.025)


@pytest.mark.parametrize("kind", ["sequential", "own"])
@pytest.mark.parametrize("backend", ["numpy", "array_api_strict", "torch", "jax"])
def test_training_goes_on_bit_for_bit(kind: str, backend: str, path: Path) -> None:
    pytest.importorskip(backend)
    nna.utils.set_random_seed(1)
    model = compiled(MODELS[kind](), backend=backend)

    class Saver(callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 2:
                self.model.save(path)

    stopping = callbacks.EarlyStopping("loss", patience=50, restore_best_weights=True)
    whole = model.fit(X, Y, batch_size=7, epochs=6, validation_split=0.2, callbacks=[stopping, Saver()], verbose=0)
    nna.utils.set_random_seed(99)
    other = saving.load_model(path)
    nna.random.uniform((3,))
    again = callbacks.EarlyStopping("loss", patience=50, restore_best_weights=True)
    rest = other.fit(X, Y, batch_size=7, epochs=6, initial_epoch=3, validation_split=0.2, callbacks=[again], verbose=0)
    for name, values in whole.history.items():
        assert rest.history[name][-3:] == values[3:]
    assert (again.best, again.wait, again.best_epoch) == (stopping.best, stopping.wait, stopping.best_epoch)
    same(model, other)


def test_two_runs_of_fit_go_on_with_the_same_shuffles(path: Path) -> None:
    nna.utils.set_random_seed(1)
    model = compiled(sequential())
    model.fit(X, Y, batch_size=7, verbose=0)
    model.save(path)
    expected = [model.fit(X, Y, batch_size=7, verbose=0).history for _ in range(2)]
    other = saving.load_model(path)
    assert [other.fit(X, Y, batch_size=7, verbose=0).history for _ in range(2)] == expected
    third, fourth = saving.load_model(path), saving.load_model(path)
    for each in (third, fourth):
        nna.utils.set_random_seed(8)
        each.fit(X, Y, batch_size=7, verbose=0)
    same(third, fourth)
    assert third.history.history != expected[0]


def test_trainable_dtypes_and_metrics_are_kept(path: Path) -> None:
    model = of_symbols()
    model.get_layer("hidden").trainable = False
    model.weights[-1].trainable = False
    plain = nna.metrics.MeanSquaredError("plain")
    model.compile("sgd", "mse", metrics=[plain], weighted_metrics=["mae"], steps_per_execution=3)
    model.fit(X, X[:, :3], verbose=0)
    model.save(path)
    other = nna.models.load_model(path)
    same(model, other)
    assert other.evaluate(X, X[:, :3], verbose=0, return_dict=True) == model.evaluate(
        X, X[:, :3], verbose=0, return_dict=True
    )
    assert [x.path for x in other.trainable_variables] == [x.path for x in model.trainable_variables]
    double = nna.Sequential([layers.Dense(2, dtype="float64", input_shape=(3,))])
    double.save(path)
    assert nna.models.load_model(path).dtype == "float64"


def test_complex_weights_are_kept(path: Path) -> None:
    class Phase(layers.Layer):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.phase = nna.Variable(np.asarray([1 + 2j, 3 - 4j]))

        def call(self, inputs: Any) -> Any:
            return inputs

    model = nna.Sequential([layers.Input((2,)), Phase()])
    model.save(path)
    assert load_file(path)["weights/layers/0/phase"].shape == (2, 2)
    other = saving.load_model(path, custom_objects={"Phase": Phase})
    np.testing.assert_array_equal(other.variables[0].numpy(), [1 + 2j, 3 - 4j])


def test_models_move_between_libraries_by_files_and_pickles(path: Path) -> None:
    pytest.importorskip("torch")
    model = compiled(sequential(), backend="torch")
    model.fit(X, Y, verbose=0)
    model.save(path)
    other = saving.load_model(path, backend="numpy")
    assert {variable.backend.name for variable in other._state()} == {"numpy"}
    np.testing.assert_allclose(
        other.predict(X, verbose=0), np.asarray(model.predict(X, verbose=0)), rtol=1e-5, atol=1e-6
    )
    other.fit(X, Y, verbose=0)
    other.save(path)
    assert saving.load_model(path, backend="torch").backend == "torch"
    unpickled = pickle.loads(pickle.dumps(other))
    assert unpickled.evaluate(X, Y, verbose=0) == other.evaluate(X, Y, verbose=0)


def test_a_model_with_a_compile_of_its_own(path: Path) -> None:
    @nna.utils.register_keras_serializable("tests")
    class Pair(nna.Model):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.dense = layers.Dense(3)

        def compile(self, second: Any, **kwargs: Any) -> None:
            super().compile(**kwargs)
            self.second = second

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

    model = Pair()
    model.compile(nna.optimizers.SGD(0.5), optimizer="adam", loss="mse")
    model.fit(X, X[:, :3], verbose=0)
    model.second.apply([np.ones((6, 3), np.float32)], [model.dense.kernel])
    model.save(path)
    with pytest.warns(UserWarning, match="left out: the class compiles itself"):
        other = saving.load_model(path)
    same(model, other)
    Pair.get_compile_config = lambda self: {"second": saving.serialize_keras_object(self.second)}
    Pair.compile_from_config = lambda self, config: self.compile(
        nna.optimizers.get(config["second"]), optimizer="adam", loss="mse"
    )
    model.save(path)
    other = saving.load_model(path)
    assert int(other.second.iterations.numpy()) == 1
    assert other.train_on_batch(X, X[:, :3]) == model.train_on_batch(X, X[:, :3])


def test_architectures_as_text_and_clones() -> None:
    for kind, make in MODELS.items():
        model = make()
        if kind in ("undeclared", "own"):
            model.build((None, 6))
        other = nna.models.model_from_json(model.to_json())
        assert json.loads(other.to_json()) == json.loads(model.to_json())
        clone = nna.models.clone_model(model)
        clone.build((None, 6))
        assert [x.shape for x in clone.weights] == [x.shape for x in model.weights]
        assert any((a.numpy() != b.numpy()).any() for a, b in zip(clone.weights, model.weights, strict=True))
    wide = nna.models.clone_model(
        sequential(), lambda layer: layers.Dense(9, input_shape=(6,)) if getattr(layer, "units", 0) == 5 else layer
    )
    assert wide.layers[0].units == 9


# -- weights -----------------------------------------------------------------------------------------------------------


def test_weights_are_found_by_path(path: Path) -> None:
    model, other = Own(), Own()
    for each in (model, other):
        each.build((None, 6))
    model.save_weights(path)
    report = other.load_weights(path)
    same(model, other)
    assert (report.missing, report.unused, report.mismatched) == ([], [], [])
    compiled(model).fit(X, Y, verbose=0)
    model.save(path)
    other.load_weights(path)
    same(model, other)


def test_what_does_not_fit_is_told_and_nothing_is_changed(path: Path) -> None:
    model = sequential()
    model.save_weights(path)
    other = nna.Sequential([layers.Dense(4, input_shape=(6,)), layers.Dropout(0.1), layers.Dense(3), layers.Dense(2)])
    before = other.get_weights()
    with pytest.raises(ValueError, match=r"'layers/0/kernel' has shape \(6, 4\).*skip_mismatch"):
        other.load_weights(path)
    for mine, old in zip(other.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, old)
    report = other.load_weights(path, skip_mismatch=True)
    assert report.mismatched == ["layers/0/kernel", "layers/0/bias", "layers/2/kernel"]
    assert report.missing == ["layers/3/kernel", "layers/3/bias"]
    assert report.loaded == {"layers/2/bias": "layers/2/bias"}


def test_a_state_dict_of_torch_is_read_in_its_order_or_by_names(path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file as save_tensors

    theirs = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3))
    save_tensors(theirs.state_dict(), path)
    with torch.no_grad():
        expected = theirs(torch.asarray(X)).numpy()
    model = sequential()
    model.load_weights(path, by="order")
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-5, atol=1e-6)
    model = sequential()
    names = {
        "layers/0/kernel": "0.weight",
        "layers/0/bias": "0.bias",
        "layers/2/kernel": "2.weight",
        "layers/2/bias": "2.bias",
    }
    assert model.load_weights(path, names=names).loaded == names
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="Did you mean '0.weight'"):
        model.load_weights(path, names={"layers/0/kernel": "0.weigth"})


@pytest.mark.parametrize("kind", ["deep", "nested", "functional"])
@pytest.mark.parametrize("ending", ["keras", "weights.h5"])
def test_weights_in_files_of_keras_are_read(kind: str, ending: str) -> None:
    pytest.importorskip("h5py")
    model = keras_files.models(nna, layers)[kind]
    report = model.load_weights(keras_files.FOLDER / f"{kind}.{ending}")
    assert (report.missing, report.unused, report.mismatched) == ([], [], [])
    recorded = json.loads((keras_files.FOLDER / "outputs.json").read_text(encoding="utf-8"))["outputs"]
    np.testing.assert_allclose(model.predict(keras_files.X, verbose=0), recorded[kind], rtol=1e-5, atol=1e-6)


# -- bad input ---------------------------------------------------------------------------------------------------------


def test_what_cannot_be_found_again_is_refused_before_anything_is_written(path: Path) -> None:
    path.write_bytes(b"before")
    model = nna.Sequential([layers.Input((6,)), layers.Activation(lambda x: x, name="mine")])
    with pytest.raises(TypeError, match="lambda.*register_keras_serializable"):
        model.save(path)
    model = nna.Sequential([layers.Input((6,)), layers.Dense(1)])
    model.compile("sgd", lambda y, p: (y - p) ** 2)
    with pytest.raises(TypeError, match="Argument 'loss' of compile.*lambda"):
        model.save(path)
    assert path.read_bytes() == b"before"
    assert [x.name for x in path.parent.iterdir()] == [path.name]


def test_names_of_files_and_folders(path: Path) -> None:
    model = sequential()
    for name in ("model.keras", "model.h5", "model"):
        with pytest.raises(ValueError, match="model.safetensors"):
            model.save(path.with_name(name))
    with pytest.raises(FileNotFoundError, match="no folder"):
        model.save(path.parent / "none" / "model.safetensors")
    model.save(path)
    with pytest.raises(FileExistsError, match="overwrite=True"):
        model.save(path, overwrite=False)
    with pytest.raises(FileNotFoundError):
        saving.load_model(path.with_name("other.safetensors"))
    with pytest.raises(ValueError, match="not built|before it is built"):
        sequential(declared=False).save_weights(path)


def test_damaged_files_are_refused(path: Path) -> None:
    model = compiled(sequential())
    model.fit(X, Y, verbose=0)
    model.save(path)
    whole = path.read_bytes()
    rng = random.Random(0)
    for cut in (0, 4, 8, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(ValueError, match="damaged"):
            saving.load_model(path)
    errors = []
    for _ in range(200):
        start = rng.randrange(len(whole) // 2)
        path.write_bytes(whole[:start] + bytes(rng.randrange(256) for _ in range(8)) + whole[start + 8 :])
        try:
            saving.load_model(path)
        except (ValueError, TypeError) as error:
            errors.append(str(error))
    assert all(errors)


def _with_values(path: Path, change: Any) -> None:
    from safetensors import safe_open

    with safe_open(path, framework="np") as file:
        metadata = dict(file.metadata())
    values = json.loads(metadata["values"])
    about = json.loads(metadata["nnarray"])
    change(values, about)
    save_file(load_file(path), path, {**metadata, "values": json.dumps(values), "nnarray": json.dumps(about)})


def test_files_of_later_versions_and_hostile_ones_are_refused(path: Path) -> None:
    def later(values: Any, about: Any) -> None:
        about.update(format=2, version="9.0")

    def module(values: Any, about: Any) -> None:
        values["model"]["config"]["layers"][1].update(module="os", class_name="system", registered_name=None)

    def function(values: Any, about: Any) -> None:
        values["model"]["config"]["layers"][0]["config"]["activation"] = {
            "module": "builtins", "class_name": "function", "config": "exec", "registered_name": "exec",
        }  # fmt: skip

    def huge(values: Any, about: Any) -> None:
        values["model"]["config"]["layers"][0]["config"]["units"] = 10**12

    for change, pattern in (
        (later, "nnarray 9.0 in format 2"),
        (module, "Unknown class: 'system'"),
        (function, "exec"),
    ):
        sequential().save(path)
        _with_values(path, change)
        with pytest.raises((ValueError, TypeError), match=pattern):
            saving.load_model(path)
    sequential().save(path)
    _with_values(path, huge)
    with pytest.raises(ValueError, match=r"No array of the file has the shape|1000000000000"):
        saving.load_model(path)


def test_a_class_that_is_not_registered_is_named_with_the_cure(path: Path) -> None:
    class Mine(layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs

    model = nna.Sequential([layers.Input((6,)), Mine()])
    model.save(path)
    with pytest.raises(TypeError, match=r"'Mine'.*register_keras_serializable.*custom_objects"):
        saving.load_model(path)
    assert len(saving.load_model(path, custom_objects={"Mine": Mine}).layers) == 1


# -- whole files -------------------------------------------------------------------------------------------------------

_LOOP = """
import sys
import numpy as np
import nnarray as nna

model = nna.Sequential([nna.layers.Dense(64, input_shape=(64,)), nna.layers.Dense(64)])
print("ready", flush=True)
number = 0
while True:
    number += 1
    model.set_weights([np.full(x.shape, float(number), dtype="float32") for x in model.get_weights()])
    model.save(sys.argv[1])
"""


def test_a_kill_at_any_moment_leaves_a_whole_file(path: Path, request: pytest.FixtureRequest) -> None:
    rng = random.Random(1)
    kills = 200 if request.config.getoption("--deep") else 8
    for _ in range(kills):
        process = subprocess.Popen([sys.executable, "-c", _LOOP, str(path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(rng.uniform(0.02, 0.1))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        if path.exists():
            values = [x.numpy() for x in saving.load_model(path).weights]
            assert len({float(x) for value in values for x in value.ravel()}) == 1
    assert path.exists()
    sequential().save(path)
    assert [x.name for x in path.parent.iterdir()] == [path.name]


def test_files_have_the_rights_of_others_and_links_stay(path: Path) -> None:
    plain = path.with_name("plain")
    plain.touch()
    sequential().save(path)
    assert path.stat().st_mode == plain.stat().st_mode
    path.chmod(0o640)
    link = path.with_name("link.safetensors")
    link.symlink_to(path)
    sequential().save(link)
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_full_disk_leaves_the_file_as_it_was(path: Path) -> None:
    sequential().save(path)
    before = path.read_bytes()
    program = f"""
import resource
import nnarray as nna
model = nna.Sequential([nna.layers.Dense(500, input_shape=(500,))])
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    model.save({str(path)!r})
except OSError as error:
    print("refused:", error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "could not be written, and is as it was" in done.stdout
    assert path.read_bytes() == before
    assert [x.name for x in path.parent.iterdir()] == [path.name]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
