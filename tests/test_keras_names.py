"""The page of Keras' names says what there is, and why not the rest; other spellings; configs in each module."""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

import nnarray as nna
from nnarray import activations, constraints, initializers, losses, metrics, optimizers, regularizers, utils
from nnarray.optimizers import schedules
from tests.keras_names import CHAPTERS, NUMBERS

PAGE = runpy.run_path(str(Path(__file__).parent.parent / "docs" / "keras_list.py"))
LEFT_OUT = PAGE["LEFT_OUT"]
KERAS = json.loads(NUMBERS.read_text())["chapters"]
OBJECTS = [
    (activations, activations.relu),
    (constraints, constraints.MaxNorm(3.0)),
    (initializers, initializers.HeNormal(seed=3)),
    (losses, losses.Huber(2.0)),
    (metrics, metrics.FBetaScore(beta=2.0)),
    (optimizers, optimizers.SGD(0.5, momentum=0.9)),
    (regularizers, regularizers.L1L2(0.1, 0.2)),
    (schedules, schedules.CosineDecay(0.1, 100)),
]
MODULES = pytest.mark.parametrize(("module", "x"), OBJECTS, ids=[module.__name__ for module, _ in OBJECTS])


def there(chapter: str) -> set[str]:
    return set(KERAS[chapter]) & set(PAGE["counterpart"](chapter).__all__)


def test_the_page_is_what_would_be_made_now() -> None:
    on_disk = PAGE["PAGE"].read_text(encoding="utf-8")
    assert on_disk == PAGE["page"](), f"docs/keras.md lags behind the code. Run: {PAGE['COMMAND']}"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_each_name_of_keras_is_there_or_left_out_for_a_reason(chapter: str) -> None:
    assert set(LEFT_OUT.get(chapter, ())) == set(KERAS[chapter]) - there(chapter)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_what_a_reason_names_is_there(chapter: str) -> None:
    for reason in LEFT_OUT.get(chapter, {}).values():
        for path in re.findall(r"`(?:with |isinstance\(x, )?nnarray\.([\w.]+)", reason):
            module, _, name = f"nnarray.{path}".rpartition(".")
            found = importlib.import_module(module)
            assert hasattr(found, name), reason
    for name, reason in LEFT_OUT.get(chapter, {}).items():
        assert reason != "is in `nnarray.utils`" or name in utils.__all__


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_what_is_there_is_of_keras_kind(chapter: str) -> None:
    for name in there(chapter) - {"CustomObjectScope", "custom_object_scope"}:
        x, kind = getattr(PAGE["counterpart"](chapter), name), KERAS[chapter][name]["kind"]
        assert {"class": inspect.isclass, "function": callable, "module": inspect.ismodule}[kind](x), name
        if kind == "function":
            assert not inspect.isclass(x), name


def test_other_spellings_are_the_same_objects() -> None:
    for module, own in ((initializers, "GlorotUniform"), (regularizers, "L1L2"), (constraints, "MinMaxNorm")):
        spellings = [name for name in module.__all__ if getattr(module, name) is getattr(module, own)]
        assert len(spellings) == 2
        for name in spellings:
            assert type(module.get(name)) is getattr(module, own)
    assert initializers.OrthogonalInitializer is initializers.orthogonal is initializers.Orthogonal
    assert utils.Sequence is utils.PyDataset
    assert nna.Regularizer is regularizers.Regularizer
    assert nna.backend.clear_session is utils.clear_session


def test_losses_are_functions_of_the_metrics_too() -> None:
    shared = {name for name in KERAS["metrics"] if name in KERAS["losses"] and name.islower()}
    shared -= {"get", "serialize", "deserialize"}
    assert len(shared) == 16
    for name in shared:
        assert getattr(metrics, name) is getattr(losses, name)
        assert utils.serialize_keras_object(getattr(metrics, name))["module"] == "nnarray.losses"


@MODULES
def test_what_is_serialized_is_plain_and_comes_back(module: Any, x: Any) -> None:
    described = json.loads(json.dumps(module.serialize(x)))
    assert repr(module.deserialize(described)) == repr(x)
    name = getattr(x, "__name__", type(x).__name__)
    if module is not schedules:
        assert type(module.deserialize(name)) is type(x)
    assert described == "relu" if module is activations else described["class_name"] == name


@MODULES
def test_own_objects_are_found_where_they_are_given(module: Any, x: Any) -> None:
    if module is activations:
        own: Any = functools.partial(activations.leaky_relu, negative_slope=0.3)
        assert module.deserialize("mine", {"mine": own}) is own
        return
    own = type("Mine", (type(x),), {})
    config = {"class_name": "Mine", "config": module.serialize(x)["config"]}
    assert type(module.deserialize(config, {"Mine": own})) is own
    with pytest.raises(ValueError, match="Unknown .*: 'Mine'"):
        module.deserialize(config)


@MODULES
def test_what_is_not_known_is_refused_with_the_nearest_name(module: Any, x: Any) -> None:
    name = getattr(x, "__name__", type(x).__name__)
    with pytest.raises(ValueError, match=f"Unknown .*: '{name}z'. Did you mean"):
        module.deserialize(f"{name}z")
    with pytest.raises(TypeError, match="cannot be serialised"):
        module.serialize(lambda x: x)


def test_an_activation_of_ones_own_is_described_and_not_only_named() -> None:
    @utils.register_keras_serializable("tests")
    def cube(x: Any) -> Any:
        return x**3

    try:
        described = activations.serialize(cube)
        assert described["config"] == "tests>cube"
        assert activations.deserialize(described) is cube
        assert utils.get_registered_name(cube) == "tests>cube"
        assert utils.get_registered_object("tests>cube") is cube
    finally:
        utils.get_custom_objects().pop("tests>cube")
    assert utils.get_registered_name(cube) == "cube"
    assert utils.get_registered_object("tests>cube") is None
    assert utils.get_registered_object("a", {"a": 1}, {"a": 2}) == 1
    assert utils.get_registered_object("b", None, {"b": 2}) == 2
    assert activations.serialize(None) is None


def test_configs_of_keras_are_read() -> None:
    config = {"module": "keras.losses", "class_name": "MeanSquaredError", "config": {"reduction": "sum"}}
    assert losses.deserialize(config).reduction == "sum"
    schedule = {"module": "keras.optimizers.schedules", "class_name": "ExponentialDecay", "registered_name": None}
    arguments = {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5, "staircase": True}
    found = schedules.deserialize({**schedule, "config": {**arguments, "name": "ExponentialDecay"}})
    assert found.staircase is True
