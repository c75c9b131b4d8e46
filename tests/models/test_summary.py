"""The summary: every layer with its output shape, whatever kind of model it is in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import layers, models
from nnarray import random as nnrandom
from nnarray.layers import Layer


def rows(model: Any) -> list[tuple[str, ...]]:
    """Return the rows of a model's table, each as its three cells, indented as they are."""
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    title, rule, header, _, *body = lines[0].splitlines()
    assert title == f"Model: {model.name}"
    place = header.index("Output shape")
    cells = [(line[:place].rstrip(), *line[place:].rsplit("   ", 1)) for line in body[: body.index(rule)]]
    return [(name, shape.strip(), parameters.strip()) for name, shape, parameters in cells]


class Residual(Layer):
    def __init__(self, inner: Layer, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, inputs: Any) -> Any:
        return inputs + self.inner(inputs)


class Twice(models.Model):
    """Calls one layer twice and one never."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(name="twice", **kwargs)
        self.dense = layers.Dense(3, name="dense")
        self.block = Residual(layers.Dense(3, name="inner"), name="block")
        self.head = models.Sequential([layers.Dropout(0.5, name="drop"), layers.Dense(1, name="last")], name="head")
        self.unused = layers.Dense(9, name="unused")

    def call(self, inputs: Any) -> Any:
        return self.head(self.block(self.dense(self.dense(inputs))))


def test_a_stack_shows_each_layer_and_what_is_in_it() -> None:
    inner = models.Sequential([layers.Dense(4, name="a"), layers.Dense(2, name="b")], name="inner")
    model = models.Sequential([layers.Input((8, 8)), layers.Flatten(name="flat"), inner], name="net")
    assert rows(model) == [
        ("flat (Flatten)", "(None, 64)", "0"),
        ("inner (Sequential)", "(None, 2)", "270"),
        ("  a (Dense)", "(None, 4)", "260"),
        ("  b (Dense)", "(None, 2)", "10"),
    ]


def test_a_subclassed_model_shows_the_shapes_of_its_call(place: Any) -> None:
    backend, device = place
    model = Twice(backend=backend, device=device)
    expected = [
        ("dense (Dense)", "(None, 3)", "12"),
        ("block (Residual)", "(None, 3)", "12"),
        ("  inner (Dense)", "(None, 3)", "12"),
        ("head (Sequential)", "(None, 1)", "4"),
        ("  drop (Dropout)", "(None, 3)", "0"),
        ("  last (Dense)", "(None, 1)", "4"),
        ("unused (Dense)", "?", "not built"),
    ]
    assert [(name, "?") for name, _, _ in expected] == [row[:2] for row in rows(model)]
    model.predict(np.ones((2, 3)), verbose=0)
    assert rows(model) == expected


def test_a_layer_that_is_shared_is_counted_once() -> None:
    shared = layers.Dense(3, name="shared")
    model = models.Sequential([layers.Input((3,)), shared, Residual(shared, name="block")])
    assert rows(model) == [
        ("shared (Dense)", "(None, 3)", "12"),
        ("block (Residual)", "(None, 3)", "12"),
        ("  shared (Dense)", "(None, 3)", "shared"),
    ]
    assert model.count_params() == 12


def test_axes_of_any_length_and_several_outputs_are_shown_as_such() -> None:
    class Parts(Layer):
        def call(self, inputs: Any) -> Any:
            xp = nna.array_namespace(inputs)
            return {"flat": xp.reshape(inputs, (-1, 4)), "all": xp.sum(inputs), "first": inputs[..., :1]}

    class Model(models.Model):
        def __init__(self) -> None:
            super().__init__()
            self.parts = Parts(name="parts")

        def call(self, inputs: Any) -> Any:
            return self.parts(inputs)["first"]

    model = Model()
    model(np.ones((5, 2, 4), dtype="float32"))
    assert rows(model) == [("parts (Parts)", "(), (None, 2, 1), (None, 4)", "0")]


def test_a_model_whose_call_fails_still_has_a_summary() -> None:
    class Fickle(models.Model):
        fails = False

        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(1, name="dense")

        def call(self, inputs: Any) -> Any:
            if self.fails:
                raise RuntimeError("not now")
            return self.dense(inputs)

    model = Fickle()
    model(np.ones((5, 2), dtype="float32"))
    assert rows(model) == [("dense (Dense)", "(None, 1)", "3")]
    model.fails = True
    assert rows(model) == [("dense (Dense)", "?", "3")]


def test_a_summary_changes_nothing() -> None:
    class Counted(Layer):
        def build(self, input_shape: Any) -> None:
            self.count = self.add_weight((), "zeros", trainable=False, name="count")

        def call(self, inputs: Any) -> Any:
            self.count.assign(self.count.value + 1.0)
            return inputs

    nna.set_seed(4)
    model = models.Sequential([layers.Input((2,)), layers.Dropout(0.5), Counted(name="counted")])
    before = nnrandom.next_key()
    nna.set_seed(4)
    models.Sequential([layers.Input((2,)), layers.Dropout(0.5), Counted(name="counted")])
    count = model.get_weights()
    model.summary(print_fn=lambda text: None)
    assert nnrandom.next_key() == before
    np.testing.assert_array_equal(model.get_weights(), count)


@pytest.mark.parametrize("shape", [None, (None, 2)])
def test_an_empty_model_has_an_empty_table(shape: Any) -> None:
    assert rows(models.Sequential([] if shape is None else [layers.Input((2,))])) == []
