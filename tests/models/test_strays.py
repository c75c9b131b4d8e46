"""Layers and variables that a model does not have are refused by name, however they are kept."""

from __future__ import annotations

import collections
import contextvars
import functools
import types
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray.layers import Dense, Layer
from nnarray.models import Model, Sequential
from tests.nets import X, Y, both_ways, of_call


class _Object:
    def __init__(self, layer: Any) -> None:
        self.layer = layer


class _SlotObject:
    __slots__ = ("layer",)

    def __init__(self, layer: Any) -> None:
        self.layer = layer


_ELSEWHERE: dict[str, Any] = {}


def _deep(d: Any) -> Any:
    return functools.reduce(lambda x, _: _Object(x), range(6), d)


def _globally(d: Any) -> str:
    _ELSEWHERE["layer"] = d
    return "layer"


def _context(d: Any) -> Any:
    variable = contextvars.ContextVar("layer")
    variable.set(d)
    return variable


_STRAY: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "set": (lambda d: {d}, lambda h: next(iter(h))),
    "frozen set": (lambda d: frozenset([d]), lambda h: next(iter(h))),
    "deque": (lambda d: collections.deque([d]), lambda h: h[0]),
    "user list": (lambda d: collections.UserList([d]), lambda h: h[0]),
    "user dict": (lambda d: collections.UserDict(a=d), lambda h: h["a"]),
    "mapping proxy": (lambda d: types.MappingProxyType({"a": d}), lambda h: h["a"]),
    "chain map": (lambda d: collections.ChainMap({"a": d}), lambda h: h["a"]),
    "array of objects": (lambda d: np.array([d, None], dtype=object), lambda h: h[0]),
    "array of one object": (lambda d: np.array(d, dtype=object), lambda h: h.item()),
    "namespace": (lambda d: types.SimpleNamespace(layer=d), lambda h: h.layer),
    "object": (_Object, lambda h: h.layer),
    "object with slots": (_SlotObject, lambda h: h.layer),
    "deep object": (_deep, lambda h: h.layer.layer.layer.layer.layer.layer),
    "set in a dict": (lambda d: {"a": {"b": {d}}}, lambda h: next(iter(h["a"]["b"]))),
    "closure": (lambda d: lambda x: d(x), lambda h: h),
    "closure in a list": (lambda d: [lambda x: d(x)], lambda h: h[0]),
    "default argument": (lambda d: lambda x, d=d: d(x), lambda h: h),
    "default of a keyword": (lambda d: lambda x, *, d=d: d(x), lambda h: h),
    "partial": (lambda d: functools.partial(lambda layer, x: layer(x), d), lambda h: h),
    "bound method": (lambda d: d.__call__, lambda h: h),
    "cached function": (lambda d: functools.lru_cache(lambda: d), lambda h: h()),
    "iterator": (lambda d: iter([d] * 99), next),
    "generator": (lambda d: (x for x in [d] * 99), next),
    "weak reference": (lambda d: _ELSEWHERE.update(kept=d) or weakref.ref(d), lambda h: h()),
    "class": (lambda d: type("Holder", (), {"layer": d}), lambda h: h.layer),
    "context variable": (_context, lambda h: h.get()),
    "global": (_globally, lambda h: _ELSEWHERE[h]),
}


@both_ways
@pytest.mark.parametrize("kind", _STRAY)
def test_layers_that_are_kept_elsewhere_are_refused_by_name_before_anything_is_trained(
    kind: str, eagerly: bool
) -> None:
    wrap, get = _STRAY[kind]
    dense = Dense(1, name="hidden")
    model = of_call(lambda m, x: get(m.held)(x) + m.known(x), held=wrap(dense), known=Dense(1))
    model.compile("sgd", "mse", run_eagerly=eagerly)
    with pytest.raises(TypeError, match=r"(?s)belong.*attributes, or in lists, tuples") as error:
        model.fit(X, Y, verbose=0)
    assert "Dense" in str(error.value) or "hidden" in str(error.value)
    assert "jit" not in str(error.value)
    if model.known.built:
        assert int(model.optimizer.iterations) == 0


class _OfClass(Model):
    dense = Dense(1)

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs)


class _OfClassList(Layer):
    stack = (Dense(2), Dense(1))

    def call(self, inputs: Any) -> Any:
        return self.stack[1](self.stack[0](inputs))


class _VariableOfClass(Layer):
    factor = nna.Variable(np.ones((1,), "float32"), "factor")

    def call(self, inputs: Any) -> Any:
        return inputs[:, :1] * self.factor.value


@both_ways
@pytest.mark.parametrize(
    "make", [_OfClass, lambda: Sequential([_OfClassList()]), lambda: Sequential([_VariableOfClass()])]
)
def test_layers_and_variables_of_a_class_are_refused(make: Any, eagerly: bool) -> None:
    model = make()
    model.compile("sgd", "mse", run_eagerly=eagerly)
    with pytest.raises(TypeError, match=r"in 'class _\w+\.\w+.*made in __init__ or build"):
        model.fit(X, Y, verbose=0)


@both_ways
def test_layers_that_a_call_makes_anew_are_refused(eagerly: bool) -> None:
    model = of_call(lambda m, x: Dense(1, name="made")(x))
    model.compile("sgd", "mse", run_eagerly=eagerly)
    with pytest.raises(TypeError, match=r"makes variable 'made/kernel'.*__init__ or build"):
        model.fit(X, Y, verbose=0)


@both_ways
def test_a_loss_with_a_model_of_its_own_is_refused_and_one_that_the_model_has_is_not_trained(eagerly: bool) -> None:
    teacher = Sequential([Dense(1, input_dim=3)])
    model = Sequential([Dense(1, input_dim=3)])
    model.compile("sgd", lambda t, p: (p - teacher(X)) ** 2, run_eagerly=eagerly)
    with pytest.raises(TypeError, match="does not belong to that model"):
        model.fit(X, Y, batch_size=24, verbose=0)

    class Student(Model):
        def __init__(self) -> None:
            super().__init__()
            self.teacher, self.dense = teacher, Dense(1)
            self.teacher.trainable = False

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

        def compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
            return nna.array_namespace(y_pred).mean((y_pred - self.teacher(x)) ** 2)

    student = Student()
    student.compile("sgd", run_eagerly=eagerly)
    before = teacher.get_weights()
    losses = student.fit(X, Y, epochs=3, verbose=0).history["loss"]
    assert losses[2] < losses[0]
    np.testing.assert_array_equal(before[0], teacher.get_weights()[0])
