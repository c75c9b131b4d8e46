"""Objects as plain values and back, by Keras' names and in its layout; what is registered is found."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import activations, initializers, nn
from nnarray._config import Configured
from nnarray.backends import backend_of
from nnarray.utils import (
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    register_keras_serializable,
    serialize_keras_object,
)
from nnarray.variables import Variable
from tests.hosts import to_host, to_library


@pytest.fixture(autouse=True)
def nothing_registered_is_left() -> Iterator[None]:
    before = dict(get_custom_objects())
    yield
    get_custom_objects().clear()
    get_custom_objects().update(before)


class Scaled(Configured):
    def __init__(self, factor: float = 1.0, inner: Any = None) -> None:
        self.factor = factor
        self.inner = inner

    def __call__(self, x: Any) -> Any:
        return x * self.factor


def halve(x: Any) -> Any:
    return x / 2


def test_the_layout_is_that_of_keras() -> None:
    assert serialize_keras_object(initializers.HeNormal(seed=1)) == {
        "module": "nnarray.initializers",
        "class_name": "HeNormal",
        "config": {"seed": 1, "input_axes": None, "output_axes": None},
        "registered_name": None,
    }
    assert serialize_keras_object(activations.relu) == {
        "module": "nnarray.activations",
        "class_name": "function",
        "config": "relu",
        "registered_name": "relu",
    }
    register_keras_serializable("mine")(Scaled)
    found = serialize_keras_object(Scaled(2.0))
    assert (found["class_name"], found["registered_name"]) == ("Scaled", "mine>Scaled")
    assert found["config"] == {"factor": 2.0, "inner": None}


PLAIN = [None, True, 3, 2.5, "text", [1, "a"], (1, (2, 3)), {"a": [1], "b": {"c": None}}, b"\x00\xff", Ellipsis]


@pytest.mark.parametrize("value", [*PLAIN, slice(1, None, 2)])
def test_plain_values_and_their_nests_come_back(value: Any) -> None:
    written = serialize_keras_object(value)
    json.dumps(written)
    found = deserialize_keras_object(written)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
def test_arrays_come_back_with_their_dtype(dtype: str, place: Any) -> None:
    x = to_library(np.asarray([[1, 0, 1]], dtype=dtype), nna.namespace(*place))
    for given in (x, nna.namespace(*place).asarray(x), Variable(x)):
        written = serialize_keras_object({"x": given})
        json.dumps(written)
        with nna.use_backend(*place):
            found = deserialize_keras_object(written)["x"]
        assert backend_of(found).name == place[0]
        np.testing.assert_array_equal(to_host(found), to_host(x), strict=True)


def test_dtypes_and_paths_are_written_by_name(place: Any) -> None:
    xp = nna.namespace(*place)
    for dtype in (xp.float32, np.dtype("float32"), np.float32):
        assert serialize_keras_object(dtype) == "float32"
    assert serialize_keras_object(Path("a") / "b") == str(Path("a") / "b")


def test_nested_objects_and_functions_come_back() -> None:
    made = Scaled(2.0, {"parts": [initializers.HeNormal(3), activations.tanh, Scaled(1.5)], "cls": initializers.Zeros})
    written = json.loads(json.dumps(serialize_keras_object(made)))
    found = deserialize_keras_object(written, custom_objects={"Scaled": Scaled})
    assert repr(found) == repr(made)
    assert found.inner["parts"][1] is activations.tanh
    assert found.inner["cls"] is initializers.Zeros


@pytest.mark.parametrize("function", [activations.softmax, nn.squared_error, nna.losses.mean_squared_error])
def test_built_in_functions_are_found_by_name(function: Any) -> None:
    assert deserialize_keras_object(serialize_keras_object(function)) is function


def test_functions_as_keras_writes_them_are_read() -> None:
    for module in ("builtins", "keras.activations", "nnarray.activations"):
        described = {"module": module, "class_name": "function", "config": "relu", "registered_name": "function"}
        assert deserialize_keras_object(described) is activations.relu
    described = {"module": "keras.initializers", "class_name": "HeNormal", "config": {"seed": 2}}
    assert deserialize_keras_object(described).seed == 2


def test_registered_objects_are_found_under_package_and_name() -> None:
    assert register_keras_serializable(package="mine", name="half")(halve) is halve
    register_keras_serializable()(Scaled)
    assert {"mine>half": halve, "Custom>Scaled": Scaled}.items() <= get_custom_objects().items()
    assert serialize_keras_object(halve)["config"] == "mine>half"
    assert deserialize_keras_object(serialize_keras_object(halve)) is halve
    assert deserialize_keras_object("mine>half") is halve
    assert deserialize_keras_object(serialize_keras_object(Scaled(3.0, halve))).inner is halve
    assert activations.get("mine>half") is halve
    assert activations.get(serialize_keras_object(halve)) is halve


def test_registering_cures_a_lambda_and_a_closure() -> None:
    factor = 3.0

    @register_keras_serializable()
    def scale(x: Any) -> Any:
        return x * factor

    assert deserialize_keras_object(serialize_keras_object(scale)) is scale
    nameless = register_keras_serializable(name="double")(lambda x: 2 * x)
    assert deserialize_keras_object(serialize_keras_object(nameless)) is nameless


def test_a_class_without_a_config_is_not_registered() -> None:
    with pytest.raises(ValueError, match=r"needs get_config\(\): received Bare"):

        @register_keras_serializable()
        class Bare:
            pass


def test_scopes_lend_names_and_take_them_back_also_after_an_error() -> None:
    with custom_object_scope({"half": halve}):
        assert activations.get("half") is halve
        with contextlib.suppress(RuntimeError), custom_object_scope({"half": abs, "other": halve}):
            assert activations.get("half") is abs
            raise RuntimeError
        assert activations.get("half") is halve
        with pytest.raises(ValueError, match="Unknown activation: 'other'"):
            activations.get("other")
    with pytest.raises(ValueError, match="Unknown activation: 'half'"):
        activations.get("half")
    assert "half" not in get_custom_objects()


def test_what_is_not_found_is_named_with_the_cure() -> None:
    written = serialize_keras_object(Scaled())
    with pytest.raises(TypeError, match=r"Unknown class: 'Scaled'.*register_keras_serializable.*custom_objects="):
        deserialize_keras_object(written)
    with pytest.raises(TypeError, match="Unknown class: 'HeNormel'. Did you mean 'HeNormal'"):
        deserialize_keras_object({"module": "nnarray.initializers", "class_name": "HeNormel", "config": {}})
    with pytest.raises(TypeError, match="Unknown function: 'halve'"):
        deserialize_keras_object(serialize_keras_object(halve))


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "getcwd"),
        ("nnarray.utils", "set_random_seed"),
        ("nnarray._lookup", "Registry"),
        ("nnarray", "doctor"),
        ("nnarray.initializers", "np"),
    ],
)
def test_a_config_cannot_reach_beyond_public_objects(module: str, name: str) -> None:
    for kind in ({"class_name": "function", "config": name}, {"class_name": name, "config": {}}):
        with pytest.raises(TypeError, match="Unknown (function|class)"):
            deserialize_keras_object({"module": module, "registered_name": name, **kind})


def test_configs_are_left_as_they_were() -> None:
    class Taking(Scaled):
        @classmethod
        def from_config(cls, config: dict[str, Any]) -> Any:
            config.pop("inner")
            return cls(**config)

    written = serialize_keras_object(Taking(2.0))
    with custom_object_scope({"Taking": Taking}):
        assert [deserialize_keras_object(written).factor for _ in range(2)] == [2.0, 2.0]


def test_a_module_that_is_not_there_has_no_classes() -> None:
    for module in ("nnarray.src.layers", "nnarray.nowhere", "nnarray.layers.nowhere.deep"):
        with pytest.raises(TypeError, match="Unknown class: 'Dense'"):
            nna.utils.deserialize_keras_object({"module": module, "class_name": "Dense", "config": {"units": 1}})
