"""Models of symbols: shared and nested parts, several inputs and outputs, arguments, orders, configurations, copies."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray.layers import Dense, Dropout, Flatten, Input, Layer
from nnarray.models import Model, Sequential
from tests.hosts import to_host
from tests.nets import both_ways

RNG = np.random.default_rng(2)
XA, XB = RNG.standard_normal((6, 2)).astype("float32"), RNG.standard_normal((6, 3)).astype("float32")


def _two() -> Model:
    nna.set_seed(0)
    a, b = Input((2,), name="a"), Input((3,), name="b")
    return Model([a, b], [Dense(1, name="p")(a), Dense(2, name="q")(b)])


# -- the forms of inputs and outputs -----------------------------------------------------------------------------------


@pytest.mark.parametrize("library", ["numpy", "array_api_strict", "torch"])
@pytest.mark.parametrize("form", [list, tuple, lambda x: {"b": x[1], "a": x[0]}])
def test_inputs_come_as_a_list_a_tuple_or_a_dict_by_name(form: Any, library: str) -> None:
    pytest.importorskip(library)
    model = _two()
    expected = [layer(x) for layer, x in zip((model.get_layer("p"), model.get_layer("q")), (XA, XB), strict=True)]
    xp = nna.namespace(library)
    given = form([xp.asarray(x).value for x in (XA, XB)])
    for found in (model.predict(given, verbose=0), model(given)):
        assert isinstance(found, list)
        for array, value in zip(found, expected, strict=True):
            np.testing.assert_allclose(to_host(array), value, rtol=1e-5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([XA], r"2 input\(s\), \['a', 'b'\]: received 1"),
        (XA, r"2 input\(s\), \['a', 'b'\]: received 1"),
        ([XA, XB, XB], r"received 3"),
        ([XB, XA], r"Input 'a' takes arrays of shape \(batch, 2\)"),
        ({"a": XA, "c": XB}, r"Unknown input: 'c'"),
        ({"a": XA}, r"received none for \['b'\]"),
        ({"a": XA, "b": XB, "c": XB}, r"Unknown input: 'c'"),
        ([XA, XB[:3]], r"same number of examples"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(given: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _two().predict(given, verbose=0)


def test_inputs_and_outputs_branch_as_the_symbols_do() -> None:
    a, b = Input((2,)), Input((3,))
    model = Model([a, {"deep": b}], {"sum": Dense(1)(a) + Dense(1)(b), "parts": [a * 2, (b,)]})
    found = model.predict([XA, {"deep": XB}], verbose=0)
    np.testing.assert_allclose(found["parts"][0], 2 * XA)
    np.testing.assert_allclose(found["parts"][1][0], XB)
    assert found["sum"].shape == (6, 1)


@both_ways
def test_losses_weights_metrics_and_targets_go_by_the_names_of_outputs(eagerly: bool) -> None:
    histories = []
    y = [XA[:, :1], XA]
    for named in (False, True):
        model = _two()
        names = (lambda x: dict(zip("pq", x, strict=True))) if named else list
        model.compile(
            "sgd",
            names(["mse", "mse"]),
            loss_weights=names([1.0, 0.5]),
            metrics=names([["mse"], ["mse"]]),
            run_eagerly=eagerly,
        )
        model.fit([XA, XB], names(y), sample_weight=names([np.ones(6), np.arange(6.0)]), verbose=0)
        held = (names([XA, XB]) if not named else {"a": XA, "b": XB}, names(y))
        histories.append(model.fit([XA, XB], names(y), verbose=0, shuffle=False, validation_data=held).history)
    assert histories[0] == histories[1]
    assert list(histories[0])[:5] == ["loss", "p_loss", "q_loss", "p_mse", "q_mse"]
    first = histories[0]
    assert first["loss"][0] == pytest.approx(first["p_loss"][0] + 0.5 * first["q_loss"][0], rel=1e-5)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda a, b: Model(a, Dense(1)(b)), ValueError, "disconnected.*input 'b'"),
        (lambda a, b: Model([a], Dense(1)(a) + Dense(1)(b)), ValueError, "disconnected.*input 'b'"),
        (lambda a, b: Model([a, a], Dense(1)(a)), ValueError, "Each input is given once"),
        (lambda a, b: Model(XA, Dense(1)(a)), TypeError, "inputs of a model are symbols"),
        (lambda a, b: Model(a, XA), TypeError, "outputs of a model are symbols"),
        (lambda a, b: Model(a, Dense(1)), TypeError, "outputs of a model are symbols"),
        (lambda a, b: Model([], []), TypeError, "inputs of a model are symbols"),
        (lambda a, b: Model(a), TypeError, "has inputs and outputs"),
        (lambda a, b: [(layer := Dense(2))(a), layer(b)], ValueError, r"takes inputs of shape \(batch, …, 2\)"),
        (lambda a, b: Model(a, a).get_layer("nothing"), ValueError, "No layer is named 'nothing'"),
        (
            lambda a, b: Model(a, Dense(1, name="x")(Dense(1, name="x")(a))).get_layer("x"),
            ValueError,
            "2 layers are named",
        ),
    ],
)
def test_graphs_that_lead_nowhere_are_refused(make: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        make(Input((2,), name="a"), Input((3,), name="b"))


def test_an_input_may_be_unused_an_output_given_twice_or_an_input_itself() -> None:
    a, b = Input((2,)), Input((3,))
    y = Dense(1)(a)
    found = Model([a, b], [y, y, a]).predict([XA, XB], verbose=0)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[2], XA)


def test_integers_are_declared_and_floats_for_them_must_be_whole() -> None:
    x = Input((2,), dtype="int32")
    model = Model(x, x * 2)
    assert model(np.ones((3, 2), "int64")).dtype == np.int64
    assert model.predict(np.full((3, 2), 4.0), verbose=0).dtype == np.int32
    with pytest.raises(ValueError, match=r"takes integers, int32: received 0\.5"):
        model.predict(np.full((3, 2), 0.5), verbose=0)


# -- layers in them ----------------------------------------------------------------------------------------------------


class _Scaled(Layer):
    def build(self, x_shape: Any, y_shape: Any) -> None:
        self.kernel = self.add_weight((x_shape[-1], y_shape[-1]))

    def call(self, x: Any, y: Any, scale: float = 1.0, training: bool = False) -> Any:
        found = nna.array_namespace(x).matmul(x, self.kernel.value) * y * scale
        return found * 2 if training else found


class _Several(Layer):
    def build(self, input_shape: Any) -> None:
        self.dense = Dense(2)

    def call(self, x: Any) -> Any:
        y = self.dense(x)
        return {"whole": y, "parts": (y * 2, y[:, :1])}


class _Joined(Layer):
    def call(self, inputs: Any) -> Any:
        return nna.array_namespace(inputs[0]).concat(list(inputs), axis=-1)


@pytest.mark.parametrize("library", ["numpy", "array_api_strict", "torch"])
def test_layers_take_several_arguments_keywords_constants_and_the_flag_of_training(library: str) -> None:
    pytest.importorskip(library)
    a, b = Input((2,)), Input((3,))
    layer = _Scaled()
    model = Model([a, b], [layer(a, b), layer(a, y=b, scale=2.0), layer(a, b, training=True), layer(a, XB[:1])])
    model.to(library)
    plain, scaled, trained, constant = (to_host(output) for output in model([XA, XB]))
    np.testing.assert_allclose(scaled, 2 * plain, rtol=1e-6)
    np.testing.assert_allclose(trained, 2 * plain, rtol=1e-6)
    np.testing.assert_allclose(constant, XA @ layer.kernel.numpy() * XB[:1], rtol=1e-5)
    np.testing.assert_allclose(to_host(model([XA, XB], training=True)[0]), 2 * plain, rtol=1e-6)


def test_layers_take_and_give_lists_and_dicts() -> None:
    a, b = Input((2,)), Input((3,))
    found = _Several()(a)
    model = Model([a, b], [_Joined()([a, b]), found["parts"][1] + 1, found["whole"]])
    joined, part, whole = model.predict([XA, XB], verbose=0)
    np.testing.assert_array_equal(joined, np.concatenate([XA, XB], axis=1))
    np.testing.assert_allclose(part, whole[:, :1] + 1, rtol=1e-6)


def test_a_layer_that_is_called_often_has_its_weights_once() -> None:
    a = Input((2,))
    dense, x = Dense(2), a
    for _ in range(4):
        x = dense(x)
    model = Model(a, x)
    assert model.count_params() == 6
    expected = XA
    for _ in range(4):
        expected = dense(expected)
    np.testing.assert_allclose(model.predict(XA, verbose=0), expected, rtol=1e-5)
    with pytest.raises(AttributeError, match="it was 4 times"):
        _ = dense.output


class _Sub(Model):
    def __init__(self, units: int = 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dense = Dense(units)

    def call(self, inputs: Any, training: bool = False) -> Any:
        return self.dense(inputs) * (2 if training else 1)


@both_ways
def test_models_of_all_kinds_are_layers_of_each_other(eagerly: bool) -> None:
    nna.set_seed(0)
    h = Input((2,))
    inner = Model(h, [Dense(3, "tanh")(h), h * 2], name="inner")
    a = Input((2,))
    first, second = inner(a)
    stack, sub = Sequential([Dense(3), Dropout(0.1), Dense(2)], name="stack"), _Sub(name="sub")
    model = Model(a, [first, stack(second), Dense(1)(sub(a))])
    model.compile("sgd", "mse", run_eagerly=eagerly)
    y = [np.ones((6, n), "float32") for n in (3, 2, 1)]
    losses = model.fit(XA, y, epochs=3, verbose=0).history["loss"]
    assert losses[2] < losses[0]
    found = model.predict(XA, verbose=0)
    np.testing.assert_allclose(found[0], inner(XA)[0], rtol=1e-5)
    np.testing.assert_allclose(found[1], stack(2 * XA), rtol=1e-4, atol=1e-6)
    again = Model(x := Input((2,)), model(x)[2] + model(x * 0)[2])
    assert again.count_params() == model.count_params()
    outer = Sequential([_Sub(2), Model(z := Input((2,)), Dense(1)(z))])
    outer.compile("sgd", "mse", run_eagerly=eagerly)
    assert outer.fit(XA, XA[:, :1], verbose=0).epoch == [0]


def test_inner_outputs_are_outputs_of_other_models() -> None:
    stack = Sequential([Input((2,)), Dense(3, name="features"), Dense(1)])
    features = Model(stack.input, stack.get_layer("features").output)
    np.testing.assert_allclose(features(XA), stack.layers[0](XA), rtol=1e-6)
    graph = _two()
    part = Model(graph.input, graph.get_layer("q").output)
    np.testing.assert_allclose(part.predict([XA, XB], verbose=0), graph.predict([XA, XB], verbose=0)[1], rtol=1e-6)


# -- order -------------------------------------------------------------------------------------------------------------


def _d(name: str, units: int = 2) -> Dense:
    return Dense(units, name=name)


def _branches() -> Model:
    a, b = Input((2,), name="ia"), Input((3,), name="ib")
    x, z = _d("x")(a), _d("y2")(_d("y")(b))
    return Model([a, b], _d("o", 1)(x * z))


def _shared() -> Model:
    a, s = Input((2,), name="ia"), _d("shared")
    o1 = _d("o1", 1)(s(s(a)))
    return Model(a, [_d("o2")(s(a)), o1])


def _uneven() -> Model:
    a = Input((2,), name="ia")
    h = _d("h")(a)
    b1, b2 = _d("b1")(h), _d("b3")(_d("b2")(h))
    return Model(a, {"p": _d("p", 1)(b2), "o": _d("o", 1)(b1)})


def _nested() -> Model:
    a, b = Input((2,), name="ia"), Input((2,), name="ib")
    inner = Sequential([_d("s1", 3), _d("s2")], name="inner")
    o, q = _d("o", 1)(inner(a)), _d("q", 1)(inner(b))
    return Model([b, a], [o, q])


def _skips() -> Model:
    a = Input((2,), name="ia")
    x, skips = a, []
    for k in range(3):
        x = _d(f"d{k}")(x)
        skips.append(x)
    for k in range(3):
        x = _d(f"u{k}")(x + skips.pop())
    return Model(a, [x, _d("side", 1)(a)])


def _named() -> Model:
    a, b, c = (Input((2,), name=name) for name in "abc")
    f = Model(inside := Input((2,), name="in"), _d("f2")(_d("f1")(inside)), name="f")
    x, y, z = f(a), _d("y")(b), _d("z")(c)
    return Model({"c": c, "a": a, "b": b}, _d("o", 1)(x.__array_namespace__().concat([x, y, z], axis=-1)))


@pytest.mark.parametrize(
    ("make", "order"),
    [
        (_branches, "ib ia y x y2 o"),
        (_shared, "ia shared o2 o1"),
        (_uneven, "ia h b2 b1 b3 o p"),
        (_nested, "ia ib inner o q"),
        (_skips, "ia d0 d1 d2 u0 u1 u2 side"),
        (_named, "a b c f y z o"),
    ],
)
def test_layers_stand_in_the_order_that_keras_gives_them(make: Any, order: str) -> None:
    model = make()
    assert [layer.name for layer in model.layers] == order.split()
    expected = [variable for layer in model.layers for variable in layer.variables]
    assert model.variables == expected


# -- configurations and copies -----------------------------------------------------------------------------------------


def _everything() -> Model:
    a, b = Input((2,), name="a"), Input((2,), name="b", dtype="float64")
    s = _d("shared", 3)
    xp = a.__array_namespace__()
    h = xp.concat([s(a), xp.astype(s(b), "float32") * np.array([1.0, 2.0, 3.0], "float32")], axis=-1)
    inner = Sequential([Dense(4, "tanh"), Dropout(0.2)], name="inner")(xp.where(h > 0, h, 0.1 * h))
    return Model({"a": a, "b": b}, [Dense(1, name="o")(inner) + 2.0, Flatten()(h[:, ::2])], name="whole")


def _stack() -> Model:
    return Sequential([Input((2,)), Dense(3, "relu", name="first"), Dense(1)], name="whole")


@nna.utils.register_keras_serializable("tests")
class _Configured(Model):
    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.stack = [Dense(units), Dense(1)]

    def call(self, inputs: Any) -> Any:
        return self.stack[1](self.stack[0](inputs))


_KINDS = {"symbols": _everything, "stack": _stack, "class": lambda: _Configured(4, name="whole")}


def _data(kind: str) -> tuple[Any, Any]:
    if kind == "symbols":
        return {"a": XA, "b": XA.astype("float64")}, [XA[:, :1], XA @ np.ones((2, 3), "float32")]
    return XA, XA[:, :1]


@pytest.mark.parametrize("kind", _KINDS)
def test_a_model_comes_back_from_its_configuration(kind: str) -> None:
    model = _KINDS[kind]()
    x, _ = _data(kind)
    expected = model.predict(x, verbose=0)
    twin = type(model).from_config(model.get_config())
    twin.predict(x, verbose=0)
    twin.set_weights(model.get_weights())
    assert twin.name == "whole"
    assert list(twin.structure()[1]) == list(model.structure()[1])
    assert [layer.name for layer in twin.layers] == [layer.name for layer in model.layers] or kind == "class"
    found = twin.predict(x, verbose=0)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


@both_ways
@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_train_as_the_model_does_and_apart_from_it(copied: Any, kind: str, fitted: bool, eagerly: bool) -> None:
    nna.set_seed(0)
    model = _KINDS[kind]()
    x, y = _data(kind)
    model.predict(x, verbose=0)
    model.compile("adam", "mse", run_eagerly=eagerly)
    if fitted:
        model.fit(x, y, verbose=0)
    twin = copied(model)
    for each in (model, twin):
        each.fit(x, y, epochs=2, verbose=0, shuffle=False)
    assert not set(model.variables) & set(twin.variables)
    for a, b in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_summary_shows_shared_and_nested_layers() -> None:
    text: list[str] = []
    _everything().summary(print_fn=text.append)
    rows = text[0].splitlines()
    assert sum("shared (Dense)" in row for row in rows) == 1
    assert "Parameters: 42" in rows[-1]
