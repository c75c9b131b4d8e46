"""What belongs to a layer is found by walking its attributes, as they are now; what is kept elsewhere is refused."""

from __future__ import annotations

import collections
import contextvars
import copy
import dataclasses
import functools
import pickle
import threading
import types
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import nnarray as nna
from nnarray import layers, metrics, models, optimizers
from nnarray.layers import Dense, Layer
from nnarray.models import Model, Sequential
from tests.nets import X, Y, both_ways, of_call


class _Pair(NamedTuple):
    first: Any
    second: Any


@dataclasses.dataclass
class _Data:
    layer: Any
    number: int = 3


@dataclasses.dataclass(frozen=True)
class _Frozen:
    layer: Any


@dataclasses.dataclass
class _Slotted:
    __slots__ = ("layer",)
    layer: Any


_WALKED: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any], str]] = {
    "list": (lambda d: [d], lambda h: h[0], "held/0"),
    "tuple": (lambda d: (1, d), lambda h: h[1], "held/1"),
    "dict": (lambda d: {"key": d}, lambda h: h["key"], "held/key"),
    "dict of numbers": (lambda d: {0: d}, lambda h: h[0], "held/0"),
    "nested": (lambda d: [{"a": (d,)}], lambda h: h[0]["a"][0], "held/0/a/0"),
    "named tuple": (lambda d: _Pair(2, [d]), lambda h: h.second[0], "held/1/0"),
    "ordered dict": (lambda d: collections.OrderedDict(a=d), lambda h: h["a"], "held/a"),
    "default dict": (lambda d: collections.defaultdict(list, a=[d]), lambda h: h["a"][0], "held/a/0"),
    "dataclass": (lambda d: _Data(d), lambda h: h.layer, "held/layer"),
    "frozen dataclass": (lambda d: _Frozen(d), lambda h: h.layer, "held/layer"),
    "dataclass with slots": (lambda d: _Slotted(d), lambda h: h.layer, "held/layer"),
    "dataclasses in a list": (lambda d: [_Data([d])], lambda h: h[0].layer[0], "held/0/layer/0"),
}


@both_ways
@pytest.mark.parametrize("kind", _WALKED)
def test_layers_in_containers_are_found_and_trained(kind: str, eagerly: bool) -> None:
    wrap, get, path = _WALKED[kind]
    model = of_call(lambda m, x: get(m.held)(x), held=wrap(Dense(1)))
    model.compile("sgd", "mse", run_eagerly=eagerly)
    losses = model.fit(X, Y, epochs=2, verbose=0).history["loss"]
    assert losses[1] < losses[0]
    assert [variable.path for variable in model.trainable_variables] == [f"{path}/kernel", f"{path}/bias"]


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


@both_ways
@pytest.mark.parametrize("how", ["property", "lazy property", "cached property"])
def test_layers_behind_properties_are_found(how: str, eagerly: bool) -> None:
    class Behind(Model):
        def __init__(self) -> None:
            super().__init__()
            if how == "property":
                self._dense = Dense(1)

        @property
        def plain(self) -> Any:
            if not hasattr(self, "_dense"):
                self._dense = Dense(1)
            return self._dense

        @functools.cached_property
        def cached(self) -> Any:
            return Dense(1)

        def call(self, inputs: Any) -> Any:
            return (self.cached if how == "cached property" else self.plain)(inputs)

    model = Behind()
    model.compile("sgd", "mse", run_eagerly=eagerly)
    losses = model.fit(X, Y, epochs=2, verbose=0).history["loss"]
    assert losses[1] < losses[0]
    assert model.count_params() == 4


class _Parts(Model):
    def __init__(self) -> None:
        super().__init__()
        self.last = Dense(1, name="last")
        self.first = Dense(2, name="first")
        self.middle = [Dense(2, name="one"), Dense(2, name="two")]
        self.extra = Dense(2, name="extra")

    def call(self, inputs: Any) -> Any:
        return self.last(self.extra(self.middle[1](self.middle[0](self.first(inputs)))))


def _paths(model: Any) -> list[str]:
    return [path.removesuffix("/kernel") for path in model.structure()[1] if path.endswith("kernel")]


def test_parts_stand_in_the_order_of_assignment_with_the_paths_that_lead_to_them() -> None:
    model = _Parts()
    model.build((None, 3))
    assert _paths(model) == ["last", "first", "middle/0", "middle/1", "extra"]
    assert [layer.name for layer in model.layers] == ["last", "first", "one", "two", "extra"]


@both_ways
def test_what_is_replaced_or_deleted_is_gone_and_what_is_new_is_trained(eagerly: bool) -> None:
    model = _Parts()
    model.compile(optimizers.SGD(0.1, momentum=0.9, weight_decay=0.01), "mse", run_eagerly=eagerly)
    model.fit(X, Y, verbose=0)
    old = [model.first, model.middle[0], model.middle[1], model.extra]
    model.middle[0] = Dense(2, name="new")
    model.first = Dense(2, name="other")
    del model.middle[1]
    model.middle.append(Dense(2, name="appended"))
    model.extra = None
    model.extra = Dense(2, name="again")
    before = [layer.get_weights() for layer in old]
    model.fit(X, Y, epochs=2, verbose=0)
    assert [layer.name for layer in model.layers] == ["last", "new", "appended", "other", "again"]
    assert _paths(model) == ["last", "middle/0", "middle/1", "first", "extra"]
    text: list[str] = []
    model.summary(print_fn=text.append)
    for layer, weights in zip(old, before, strict=True):
        np.testing.assert_array_equal(layer.get_weights()[0], weights[0])
        assert layer.name not in text[0].split()
    assert not np.all(model.extra.get_weights()[1] == 0)
    loss = model.evaluate(X, Y, verbose=0)
    assert loss == pytest.approx(np.mean((model.predict(X, verbose=0) - Y) ** 2), rel=1e-5)


def test_each_part_is_found_once_and_cycles_end() -> None:
    class Tangled(Model):
        def __init__(self) -> None:
            super().__init__()
            self.a = Dense(3)
            self.b = self.a
            self.me = self
            self.all: list[Any] = [self.a, Dense(1), self]
            self.all.append(self.all)
            self.named = {"all": self.all}

        def call(self, inputs: Any) -> Any:
            return self.all[1](self.b(self.a(inputs)))

    model = Tangled()
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    assert list(model.structure()[1]) == ["a/kernel", "a/bias", "all/1/kernel", "all/1/bias"]
    assert model.layers == [model.a, model.all[1]]


def test_a_layer_that_points_to_its_parent_is_no_endless_walk() -> None:
    class Child(Layer):
        def __init__(self, parent: Any) -> None:
            super().__init__()
            self.parent, self.dense = parent, Dense(1)

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

    class Parent(Layer):
        def __init__(self) -> None:
            super().__init__()
            self.child = Child(self)

        def call(self, inputs: Any) -> Any:
            return self.child(inputs)

    model = Sequential([Parent()])
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    assert list(model.structure()[1]) == ["layers/0/child/dense/kernel", "layers/0/child/dense/bias"]


@both_ways
def test_variables_made_in_the_constructor_in_build_and_in_containers_are_trained(eagerly: bool) -> None:
    class Mixed(Layer):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Dense(1)
            self.early = self.add_weight((3, 1), name="early")
            self.own = nna.Variable(np.ones((1,), "float32"), "own")
            self.many = [nna.Variable(np.ones((1,), "float32"), f"v{i}") for i in range(2)]

        def build(self, input_shape: Any) -> None:
            self.late = self.add_weight((1,), "ones", name="late")
            self.named = {key: self.add_weight((1,), "ones", name=key) for key in "ba"}
            self.add_weight((1,), "ones", name="nameless")

        def call(self, inputs: Any) -> Any:
            xp = nna.array_namespace(inputs)
            factor = self.own.value * self.many[0].value * self.many[1].value * self.late.value
            factor = factor * self.named["a"].value * self.named["b"].value * self.variables[-3].value
            return xp.matmul(inputs, self.early.value) * factor + self.inner(inputs)

    model = Sequential([Mixed()])
    model.compile("sgd", "mse", run_eagerly=eagerly)
    model.fit(X, Y, verbose=0)
    names = ["early", "own", "many/0", "many/1", "late", "named/b", "named/a", "nameless", "inner/kernel", "inner/bias"]
    assert list(model.structure()[1]) == [f"layers/0/{name}" for name in names]
    assert all(np.any(variable.numpy() != 1) for variable in model.variables)


def test_attributes_are_walked_when_something_changed_and_not_at_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    model = _Parts()
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    walks = [0]
    walk = Layer.members

    def counted(self: Any) -> Any:
        walks[0] += 1
        return walk(self)

    monkeypatch.setattr(Layer, "members", counted)
    model.fit(X, Y, batch_size=24, verbose=0)
    few, walks[0] = walks[0], 0
    model.fit(X, Y, batch_size=2, epochs=10, verbose=0)
    assert walks[0] < 2 * few


@both_ways
def test_locks_generators_and_the_like_are_no_hindrance(eagerly: bool) -> None:
    model = of_call(
        lambda m, x: m.dense(x), dense=Dense(1), lock=threading.Lock(), numbers=(i for i in range(3)), module=np
    )
    assert model.compute_output_shape((None, 3)) == (None, 1)
    model.compile("sgd", "mse", run_eagerly=eagerly)
    losses = model.fit(X, Y, epochs=2, verbose=0).history["loss"]
    assert losses[1] < losses[0]
    assert copy.deepcopy(model).lock is model.lock


def test_optimizers_losses_and_metrics_among_the_attributes_are_no_layers() -> None:
    model = of_call(
        lambda m, x: m.dense(x),
        dense=Dense(1),
        other=optimizers.Adam(),
        kept=[metrics.Mean("kept")],
        mse=nna.losses.get("mse"),
    )
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    assert list(model.structure()[1]) == ["dense/kernel", "dense/bias"]


@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_have_parts_of_their_own_and_train_alike(copied: Any, trained: bool) -> None:
    nna.set_seed(0)
    model = models.Sequential([_parts_layer(), Dense(1)])
    model.build((None, 3))
    model.compile("adam", "mse", metrics=["mse"])
    if trained:
        model.fit(X, Y, verbose=0)
    twin = copied(model)
    assert list(twin.structure()[1]) == list(model.structure()[1])
    assert not set(twin.variables) & set(model.variables)
    for each in (model, twin):
        each.fit(X, Y, epochs=2, verbose=0, shuffle=False)
    for a, b in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert int(model.optimizer.iterations) == int(twin.optimizer.iterations) == 2 + trained


def _parts_layer() -> Any:
    return layers.Dense(2, "tanh")
