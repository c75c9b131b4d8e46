"""What cannot be saved or loaded is refused, and nothing is changed or run."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file, save_file

import nnarray as nna
from nnarray import layers, saving
from tests.saved_models import X, Y, compiled, sequential


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
