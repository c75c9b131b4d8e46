"""One look-up for all kinds: names, configs, instances, classes, functions, and the nearest name for a wrong one."""

from __future__ import annotations

from typing import Any

import pytest

from nnarray import activations, initializers, optimizers
from nnarray._config import Configured
from nnarray._lookup import Registry, as_it_is
from nnarray.activations import ACTIVATIONS
from nnarray.initializers import INITIALIZERS
from nnarray.optimizers import OPTIMIZERS
from nnarray.utils import custom_object_scope, serialize_keras_object


class Tool(Configured):
    def __init__(self, size: int = 1) -> None:
        self.size = size


class BigHammer(Tool):
    pass


class Wrapped(Tool):
    def __init__(self, function: Any) -> None:
        self.function = function


def bend(x: Any) -> Any:
    return x


TOOLS = Registry("tool", Tool, BigHammer, Tool, wrap=Wrapped, mallet=BigHammer, bend=bend)


@pytest.mark.parametrize(
    "identifier",
    [
        *("BigHammer", "big_hammer", "bighammer", "BIGHAMMER", "mallet", BigHammer, BigHammer()),
        {"class_name": "BigHammer", "config": {}},
        {"class_name": "big_hammer"},
        {"class_name": "mallet", "config": None, "module": None, "registered_name": None},
    ],
)
def test_names_aliases_configs_classes_and_instances_are_found(identifier: Any) -> None:
    assert type(TOOLS.get(identifier)) is BigHammer


def test_a_config_gives_the_arguments_and_an_instance_is_taken_as_it_is() -> None:
    assert TOOLS.get({"class_name": "BigHammer", "config": {"size": 4}}).size == 4
    made = Tool(2)
    assert TOOLS.get(made) is made


def test_functions_are_wrapped_by_name_and_as_they_are_or_refused() -> None:
    for identifier in (bend, "bend", {"class_name": "function", "config": "bend"}):
        assert TOOLS.get(identifier).function is bend
    assert Registry("tool", Tool, wrap=as_it_is).get(bend) is bend
    with pytest.raises(TypeError, match="Expected a tool by name, as a config or as an object: received"):
        Registry("tool", Tool).get(bend)


def test_serialised_objects_are_found() -> None:
    for made in (initializers.HeNormal(seed=3), initializers.Constant(2.0)):
        assert repr(initializers.get(serialize_keras_object(made))) == repr(made)
    found = optimizers.get(serialize_keras_object(optimizers.SGD(0.5, momentum=0.9)))
    assert repr(found) == "SGD(0.5, momentum=0.9)"
    assert activations.get(serialize_keras_object(activations.tanh)) is activations.tanh


def test_custom_objects_are_found_and_suggested_where_they_fit() -> None:
    class Pliers(Tool):
        pass

    class Plant:
        pass

    with custom_object_scope({"Pliers": Pliers, "mine>Wrench": Pliers, "Plant": Plant}):
        assert type(TOOLS.get("Pliers")) is Pliers
        assert TOOLS.get({"class_name": "Pliers", "config": {"size": 7}}).size == 7
        with pytest.raises(ValueError, match="Unknown tool: 'Plierz'. Did you mean 'Pliers'.*BigHammer, Pliers, Tool"):
            TOOLS.get("Plierz")
        with pytest.raises(ValueError, match="Unknown tool: 'Wrensh'. Did you mean 'mine>Wrench'"):
            TOOLS.get("Wrensh")
        with pytest.raises(TypeError, match="Expected a tool .* received 'Plant'"):
            TOOLS.get("Plant")


@pytest.mark.parametrize("wrong", [None, 3, 2.5, ["Tool"], Configured, object()])
def test_other_things_are_refused_by_kind(wrong: Any) -> None:
    with pytest.raises(TypeError, match="Expected a tool by name, as a config or as an object or function: received"):
        TOOLS.get(wrong)


@pytest.mark.parametrize("wrong", [{}, {"config": {}}, {"class_name": 3}])
def test_a_dict_that_is_no_config_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="A config of a tool has a class_name and a config: received"):
        TOOLS.get(wrong)


@pytest.mark.parametrize("registry", [ACTIVATIONS, INITIALIZERS, OPTIMIZERS], ids=["activations", "init", "optimizers"])
def test_a_registry_lists_what_can_be_got(registry: Registry) -> None:
    names = registry.names()
    assert len(names) == len(set(names)) > 2
    for name in names:
        assert name in registry
    # What wraps another one is known, and is made from its config only.
    assert set(names) - set(registry.spellings()) <= {"LossScaleOptimizer", "MultiOptimizer"}
    for name in registry.spellings():
        assert registry.get(name) is not None


def test_a_registry_has_every_public_class_of_its_module() -> None:
    for module, registry, base in ((initializers, INITIALIZERS, "Initializer"), (optimizers, OPTIMIZERS, "Optimizer")):
        classes = {x.__name__ for name in module.__all__ if isinstance(x := getattr(module, name), type)} - {base}
        assert classes <= {*registry.names(), "Slot", "OptimizerMap"}
    assert {*ACTIVATIONS.names(), "deserialize", "get", "serialize", "swish", "hard_swish"} == set(activations.__all__)
