"""Damaged and hostile files of Keras are refused, and nothing outside them is opened."""

from __future__ import annotations

import json
import random
import struct
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnarray import layers, models
from nnarray.saving import _keras_file
from tests import keras_models
from tests.keras_archives import altered, members_of, written

h5py = pytest.importorskip("h5py")

KERNEL = "layers/dense/vars/0"


def refused(path: Path, pattern: str) -> None:
    with pytest.raises(ValueError, match=pattern):
        models.load_model(path)


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "..\\evil", "C:\\evil"])
def test_members_that_are_named_as_places_outside_are_refused(name: str, tmp_path: Path) -> None:
    refused(written(tmp_path, {**members_of("adam"), name: b""}), "a place outside")


def test_members_that_are_missing_or_there_twice_are_refused(tmp_path: Path) -> None:
    for missing in ("config.json", "metadata.json", "model.weights.h5"):
        members = members_of("adam")
        del members[missing]
        refused(written(tmp_path, members), f"has no {missing}")
    path = written(tmp_path, members_of("adam"))
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("config.json", "{}")
    refused(path, "two members that are named 'config.json'")


def test_members_that_become_too_large_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bomb.keras"
    members = members_of("adam")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content + bytes(10**6) if name == "model.weights.h5" else content)
    monkeypatch.setattr(_keras_file, "_MOST_UNCHECKED", 1000)
    refused(path, r"model.weights.h5 of \d+ bytes is to become \d+, which are too many")
    monkeypatch.setattr(_keras_file, "_MOST_TEXT", 1000)
    refused(written(tmp_path, members), r"config.json of \d+ bytes is to become \d+, which are too many")


def test_a_size_that_is_not_the_true_one_is_found_out(tmp_path: Path) -> None:
    path = written(tmp_path, members_of("adam"))
    whole = bytearray(path.read_bytes())
    place = whole.rindex(b"model.weights.h5") - 46 + 24
    struct.pack_into("<I", whole, place, 10)
    path.write_bytes(whole)
    refused(path, "damaged")


def test_a_member_that_is_encrypted_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, members_of("adam"))
    whole = bytearray(path.read_bytes())
    for at in (whole.index(b"config.json") - 30 + 6, whole.rindex(b"config.json") - 46 + 8):
        whole[at] |= 1
    path.write_bytes(whole)
    refused(path, "encrypted")


@pytest.mark.parametrize(
    "text", ["[]", "nothing", "[" * 100_000, '{"a": ' * 100_000, '{"a": 1' + "0" * 5000 + "}", "\xff"]
)
def test_texts_that_are_no_config_are_refused(text: str, tmp_path: Path) -> None:
    for member in ("config.json", "metadata.json"):
        refused(written(tmp_path, {**members_of("adam"), member: text.encode("latin-1")}), "altered.keras")


def test_files_of_other_versions_and_kinds_are_refused(tmp_path: Path) -> None:
    old = json.dumps({"keras_version": "2.15.0"}).encode()
    refused(
        written(tmp_path, {**members_of("adam"), "metadata.json": old}), "written by Keras 2.15.0: load it by Keras 3"
    )
    path = tmp_path / "model.h5"
    path.write_bytes(members_of("adam")["model.weights.h5"])
    refused(path, "read from .keras files: received 'model.h5'")
    with pytest.raises(FileNotFoundError):
        models.load_model(tmp_path / "none.keras")


def test_without_h5py_it_is_told_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match=r"needs h5py.*nnarray\[keras\]"):
        models.load_model(keras_models.FOLDER / "adam.keras")


# -- arrays ------------------------------------------------------------------------------------------------------------


def _soft(stored: Any, folder: Path) -> None:
    stored[KERNEL] = h5py.SoftLink("/layers/dense_1/vars/0")


def _external_link(stored: Any, folder: Path) -> None:
    stored[KERNEL] = h5py.ExternalLink(folder / "secret.h5", "data")


def _virtual(stored: Any, folder: Path) -> None:
    layout = h5py.VirtualLayout((3, 4), "float32")
    layout[:] = h5py.VirtualSource(folder / "secret.h5", "data", (3, 4))
    stored.create_virtual_dataset(KERNEL, layout)


def _external_storage(stored: Any, folder: Path) -> None:
    stored.create_dataset(KERNEL, (3, 4), "float32", external=[(str(folder / "secret.h5"), 0, 48)])


def _objects(stored: Any, folder: Path) -> None:
    stored.create_dataset(KERNEL, (3, 4), h5py.string_dtype())


def _records(stored: Any, folder: Path) -> None:
    stored.create_dataset(KERNEL, (3, 4), np.dtype([("a", "float32")]))


def _references(stored: Any, folder: Path) -> None:
    stored.create_dataset(KERNEL, (3, 4), h5py.ref_dtype)


def _filled(stored: Any, folder: Path) -> None:
    stored.create_dataset(KERNEL, (10**7, 10**5), "float32", chunks=(1000, 1000))


def _twice(stored: Any, folder: Path) -> None:
    stored[KERNEL] = stored["layers/dense_1/vars/0"]


def _circle(stored: Any, folder: Path) -> None:
    stored["layers/dense/vars/around"] = stored["/"]


def _empty(stored: Any, folder: Path) -> None:
    stored[KERNEL] = h5py.Empty("float32")


def _type(stored: Any, folder: Path) -> None:
    stored[KERNEL] = np.dtype("float32")


HOSTILE = {
    _soft: "is a link",
    _external_link: "is a link",
    _virtual: "stored in another file",
    _external_storage: "stored in another file",
    _objects: "dtype",
    _records: "dtype",
    _references: "dtype",
    _filled: "which the file does not hold",
    _twice: "there twice",
    _circle: "there twice",
    _empty: "no array",
    _type: "no array",
}


@pytest.mark.parametrize("change", HOSTILE, ids=lambda f: f.__name__.strip("_"))
def test_arrays_that_are_not_in_the_file_are_refused(change: Any, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "secret.h5", "w") as secret:
        secret["data"] = np.ones((3, 4), "float32")

    def changed(stored: Any) -> None:
        del stored[KERNEL]
        change(stored, tmp_path)

    path = altered(tmp_path, "adam", weights=changed)
    refused(path, HOSTILE[change])
    model = models.Sequential([layers.Dense(4, input_shape=(3,)), layers.Dense(4), layers.Dense(2, use_bias=False)])
    with pytest.raises(ValueError, match=HOSTILE[change]):
        model.load_weights(path)


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    def bfloat16(stored: Any) -> None:
        stored[KERNEL].attrs["dtype"] = "bfloat16"

    def lacking(stored: Any) -> None:
        del stored[KERNEL]

    def more(stored: Any) -> None:
        stored["layers/dense/vars/2"] = np.ones(3, "float32")

    refused(altered(tmp_path, "adam", weights=bfloat16), "a dtype that weights cannot have")
    refused(altered(tmp_path, "adam", weights=more), "'layers/dense/vars/2' belongs to no variable")
    refused(altered(tmp_path, "adam", weights=lacking), "No array of the file has the shape|has no array")


# -- configs -----------------------------------------------------------------------------------------------------------


def test_architectures_that_are_damaged_are_refused(tmp_path: Path) -> None:
    def huge(config: Any) -> None:
        config["config"]["layers"][1]["config"]["units"] = 10**12

    refused(altered(tmp_path, "adam", config=huge), "No array of the file has the shape")

    def circle(config: Any) -> None:
        node = next(x for x in config["config"]["layers"] if x["name"] == "shared")["inbound_nodes"][0]
        node["args"][0]["config"]["keras_history"] = ["concatenate", 0, 0]

    refused(altered(tmp_path, "graph", config=circle), "cycle")

    def unknown(config: Any) -> None:
        config["config"]["output_layers"]["last"] = ["nowhere", 0, 0]

    refused(altered(tmp_path, "graph", config=unknown), "there is no 'nowhere'")

    def twins(config: Any) -> None:
        config["config"]["layers"] *= 2

    refused(altered(tmp_path, "graph", config=twins), "two layers of")

    def no_model(config: Any) -> None:
        config.update(config["config"]["layers"][1])

    refused(altered(tmp_path, "adam", config=no_model), "Dense, which is no model")


def test_operations_that_are_not_known_are_named(tmp_path: Path) -> None:
    def change(config: Any) -> None:
        for described in config["config"]["layers"]:
            if described["class_name"] == "Mean":
                described["class_name"] = "Telepathy"
            if described["class_name"] == "Concatenate":
                described["config"]["sideways"] = True

    with pytest.raises(TypeError, match=r"(?s)sideways.*the operation 'Telepathy'|the operation 'Telepathy'.*sideways"):
        models.load_model(altered(tmp_path, "graph", config=change))


@pytest.mark.parametrize("name", ["adam", "graph"])
def test_files_with_bytes_that_were_changed_are_read_or_refused(name: str, tmp_path: Path) -> None:
    rng = random.Random(0)
    members = members_of(name)
    outcomes = []
    for _ in range(150):
        member = rng.choice(["config.json", "config.json", "model.weights.h5"])
        content = bytearray(members[member])
        for _ in range(rng.randrange(1, 4)):
            content[rng.randrange(len(content))] = rng.randrange(32, 127)
        path = written(tmp_path, {**members, member: bytes(content)})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                models.load_model(path).predict(keras_models.inputs(name), verbose=0)
                outcomes.append("")
            except (ValueError, TypeError) as error:
                outcomes.append(str(error))
    assert "" in outcomes
    assert any("cannot be read" in told for told in outcomes)
