"""Weights of files find their variables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import layers
from nnarray._trees import leaves_of
from tests import keras_files, keras_models
from tests.saved_models import Own, X, Y, compiled, same, sequential


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


@pytest.mark.parametrize("kind", ["plain", "late", "graph", "double", "mine"])
def test_weights_in_files_of_keras_are_read_by_models_of_models(kind: str) -> None:
    pytest.importorskip("h5py")
    model = keras_models.architectures(nna)[kind]
    model.load_weights(keras_models.FOLDER / f"{kind}.keras")
    recorded = json.loads(keras_models.NUMBERS.read_text(encoding="utf-8"))["outputs"][kind]
    found = model.predict(keras_models.inputs(kind), verbose=0)
    for mine, theirs in zip(leaves_of(found), leaves_of_lists(recorded), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


def leaves_of_lists(recorded: Any) -> list[Any]:
    return [recorded[key] for key in sorted(recorded)] if isinstance(recorded, dict) else [recorded]
