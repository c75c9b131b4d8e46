"""Configuration: every object tells the call that makes it, also the user's own, through copies and changes."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from nnarray import activations, initializers
from nnarray._config import Configured
from nnarray._lookup import snake_case
from nnarray.utils import custom_object_scope, deserialize_keras_object, serialize_keras_object


class Part(Configured):
    """A base as layers have it: with a name that it chooses, and arguments that subclasses pass on."""

    def __init__(self, *, name: str | None = None, trainable: bool = True, dtype: str | None = None) -> None:
        self.name = name or snake_case(type(self).__name__)
        self.trainable = trainable
        self.dtype = dtype or "float32"


class Drop(Part):
    def __init__(self, rate: float, noise_shape: Any = None, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.generator = object()


class Full(Part):
    def __init__(self, units: int, activation: Any = None, kernel: Any = "he_normal", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = int(units)
        self.activation = activations.get(activation)
        self.kernel = initializers.get(kernel)


class KerasWay(Part):
    """Overrides get_config as a Keras program does, and takes what the base takes."""

    def __init__(self, size: int, factor: float = 2.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = size
        self._factor = factor

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.update({"size": self.size, "factor": self._factor})
        return config


class KerasWayWithoutKwargs(Part):
    def __init__(self, size: int) -> None:
        super().__init__(name="fixed")
        self.size = size

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.update({"size": self.size})
        return config


class Handed(Drop):
    """Hands everything on."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)


class Fixed(Full):
    """Decides an argument of its base."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(3, activation="tanh", **kwargs)


class Around(Part):
    def __init__(self, inner: Any, others: Any = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = inner
        self.others = others


class OwnNew(Drop):
    def __new__(cls, *_: Any, **__: Any) -> Any:
        return super().__new__(cls)


OWN = {cls.__name__: cls for cls in (Drop, Full, KerasWay, KerasWayWithoutKwargs, Handed, Fixed, Around, OwnNew)}
BASE = {"trainable": True, "dtype": "float32"}
MADE = [
    (lambda: Drop(0.5), "Drop(0.5)", {"rate": 0.5, "noise_shape": None, "seed": None, "name": "drop", **BASE}),
    (lambda: Drop(rate=0.5, name="d"), "Drop(0.5, name='d')", {"rate": 0.5, "name": "d"}),
    (lambda: Full(3, "relu"), "Full(3, activation='relu')", {"units": 3, "activation": "relu", "kernel": "he_normal"}),
    (lambda: Full(3, trainable=False), "Full(3, trainable=False)", {"units": 3, "trainable": False}),
    (lambda: Full(3, kernel=initializers.HeNormal(1)), "Full(3, kernel=HeNormal(seed=1))", {"units": 3}),
    (lambda: Full(3, activations.tanh), "Full(3, activation=tanh)", {"units": 3}),
    (lambda: KerasWay(4, 3.0), "KerasWay(4, factor=3.0)", {"size": 4, "factor": 3.0, **BASE}),
    (lambda: KerasWayWithoutKwargs(4), "KerasWayWithoutKwargs(4)", {"size": 4}),
    (lambda: Handed(0.5, seed=3), "Handed(0.5, seed=3)", {"rate": 0.5, "seed": 3, **BASE}),
    (lambda: Fixed(name="f"), "Fixed(name='f')", {"name": "f", **BASE}),
    (lambda: Around(Drop(0.1)), "Around(Drop(0.1))", BASE),
    (lambda: Around(Drop(0.1), [Fixed(), (1, "a")]), "Around(Drop(0.1), others=[Fixed(), (1, 'a')])", BASE),
    (lambda: OwnNew(0.5), "OwnNew(0.5)", {"rate": 0.5}),
    (lambda: initializers.Constant(2.0), "Constant(2.0)", {"value": 2.0}),
    (lambda: initializers.Zeros(), "Zeros()", {}),
    (lambda: initializers.VarianceScaling(mode="fan_out"), "VarianceScaling(mode='fan_out')", {"scale": 1.0}),
]


@pytest.mark.parametrize(("make", "text", "part"), MADE, ids=[text for _, text, _ in MADE])
def test_objects_are_made_again_from_their_config_and_print_as_their_call(make: Any, text: str, part: Any) -> None:
    made = make()
    assert repr(made) == text
    config = made.get_config()
    assert part.items() <= config.items()
    with custom_object_scope(OWN):
        again = type(made).from_config(config)
        assert repr(again) == text
        assert again.get_config() == config
        other = deserialize_keras_object(serialize_keras_object(made))
    assert type(other) is type(made)
    assert other.get_config() == config


@pytest.mark.parametrize(("make", "text", "part"), MADE, ids=[text for _, text, _ in MADE])
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_know_their_configuration(make: Any, text: str, part: Any, copied: Any) -> None:
    made = make()
    found = copied(made)
    assert found is not made
    assert (repr(found), found.get_config()) == (text, made.get_config())


def test_a_config_without_the_base_arguments_has_none_where_the_constructor_takes_none() -> None:
    assert KerasWayWithoutKwargs(4).get_config() == {"size": 4}
    assert Fixed().get_config() == {"name": "fixed", **BASE}


def test_plain_attributes_that_were_set_later_count() -> None:
    made = Drop(0.5)
    made.rate = 0.3
    made.trainable = False
    assert repr(made) == "Drop(0.3, trainable=False)"
    assert Drop.from_config(made.get_config()).rate == 0.3


def test_what_became_an_object_is_written_as_it_was_given() -> None:
    made = Full(2, "relu", initializers.HeNormal(seed=4))
    assert made.get_config()["activation"] == "relu"
    assert made.get_config()["kernel"]["config"]["seed"] == 4
    assert Full.from_config(made.get_config()).kernel.seed == 4


@pytest.mark.parametrize("value", [np.arange(4.0).reshape(2, 2), np.asarray(2.0), np.float32(0.5), [1.0, 2.0]])
def test_arrays_are_arguments_like_others(value: Any) -> None:
    made = initializers.Constant(value)
    again = initializers.Constant.from_config(made.get_config())
    np.testing.assert_array_equal(again((2, 2)), made((2, 2)))
    assert "Constant(" in repr(made)


def test_large_arrays_are_named_in_the_repr_and_not_written_out() -> None:
    assert repr(initializers.Constant(np.zeros((9, 9)))) == "Constant(<ndarray of shape (9, 9) and dtype float64>)"


@pytest.mark.parametrize("wrong", [lambda x: x, object(), {1, 2}, (1, [lambda x: x])])
def test_what_has_no_name_is_refused_when_it_is_written_and_not_before(wrong: Any) -> None:
    made = Around(wrong)
    assert repr(made).startswith("Around(")
    assert copy.copy(made).inner is wrong
    for write in (made.get_config, lambda: serialize_keras_object(made)):
        with pytest.raises(TypeError, match="Argument 'inner' of Around cannot be serialised.*register_keras_serializ"):
            write()


def test_a_function_that_holds_variables_of_another_is_refused() -> None:
    table = np.ones(3)

    def scaled(x: Any) -> Any:
        return x * table

    with pytest.raises(TypeError, match="'inner' of Around cannot be serialised: 'scaled', which uses variables of"):
        Around(scaled).get_config()


def test_an_override_may_replace_what_cannot_be_written() -> None:
    class Named(Around):
        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "inner": "a name"}

    assert serialize_keras_object(Named(lambda x: x))["config"]["inner"] == "a name"

    class Forgotten(Around):
        def get_config(self) -> dict[str, Any]:
            return super().get_config()

    with pytest.raises(TypeError, match="Argument 'inner' of Forgotten cannot be serialised"):
        serialize_keras_object(Forgotten(lambda x: x))


def test_arguments_that_have_no_name_need_a_config_of_ones_own() -> None:
    class Chain(Part):
        def __init__(self, *parts: Any, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.parts = parts

    assert repr(Chain(1, 2, name="c")) == "Chain(1, 2, name='c')"
    assert Chain(name="c").get_config() == {"name": "c", **BASE}
    with pytest.raises(TypeError, match=r"Chain was given 2 argument\(s\) by position .* Override get_config"):
        Chain(1, 2).get_config()


def test_a_wrong_call_is_pythons_own_error() -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'rate'"):
        Drop()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'rates'"):
        Drop.from_config({"rate": 1, "rates": 2})


def test_a_property_that_is_not_ready_does_not_break_the_repr() -> None:
    class Shaped(Part):
        def __init__(self, input_shape: Any = None) -> None:
            super().__init__()

        @property
        def input_shape(self) -> Any:
            raise ValueError("not built")

    assert repr(Shaped()) == "Shaped()"
    assert Shaped().get_config() == {"input_shape": None}
