"""A cross-check finds where backends part, and nothing where they do not; the model is as before."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from matplotlib.text import Text

import nnarray as nna
from nnarray import layers, models, optimizers
from nnarray import random as nnrandom
from nnarray.layers import Layer
from nnarray.testing import CrossCheck, crosscheck
from nnarray.testing.plugin import places

X = np.random.default_rng(0).standard_normal((24, 3)).astype("float32")
Y = (X[:, 0] > 0).astype("float32")
STRICT = "array_api_strict"
INSTALLED = [(place.backend, place.device) for place in places("available").taken]
PAIR = ["numpy", STRICT]


class Odd(Layer):
    """Does something else on one library."""

    def __init__(self, odd: Any, library: str = STRICT, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.odd = odd
        self.library = library

    def call(self, inputs: Any) -> Any:
        xp = nna.array_namespace(inputs)
        return self.odd(inputs, xp) if self.library in xp.__name__ else 2.0 * inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


def refuse(x: Any, xp: Any) -> Any:
    raise NotImplementedError("no such kernel.\nBuild it.")


class Residual(Layer):
    def __init__(self, inner: Layer, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, inputs: Any) -> Any:
        return inputs + self.inner(inputs)


class Twice(models.Model):
    def __init__(self, odd: Layer | None = None) -> None:
        super().__init__(name="twice")
        self.dense = layers.Dense(3, "tanh", name="dense")
        self.block = Residual(odd or layers.Dense(3, name="inner"), name="block")
        self.head = models.Sequential([layers.Dropout(0.5, name="dropout"), layers.Dense(1, name="last")], name="head")

    def call(self, inputs: Any) -> Any:
        return self.head(self.block(self.dense(self.dense(inputs))))


class Counted(Layer):
    """Sums its inputs, and keeps how often it was called."""

    def build(self, input_shape: Any) -> None:
        self.count = self.add_weight((), "zeros", trainable=False, name="count")

    def call(self, inputs: Any) -> Any:
        xp = nna.array_namespace(inputs)
        self.count.assign(self.count.value + (2.0 if STRICT in xp.__name__ else 1.0))
        return inputs


def network(*extra: Layer, compiled: bool = True) -> models.Sequential:
    nna.set_seed(3)
    model = models.Sequential(
        [
            layers.Dense(4, "relu", input_dim=3, name="first"),
            *extra,
            layers.Dense(5, "tanh", name="second"),
            layers.Dense(1, "sigmoid", name="last"),
        ],
        name="net",
    )
    if compiled:
        model.compile("adam", "binary_crossentropy")
    return model


def names(report: CrossCheck, kind: str) -> list[str]:
    return [row.name for row in report.rows if row.kind == kind]


def found(report: CrossCheck, backend: str = STRICT) -> tuple[str, str]:
    row = report.first[backend]
    assert row is not None
    return row.name, row.kind


# -- agreement --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("training", [False, True])
def test_all_installed_backends_agree_forward_and_backward(dtype: str, training: bool) -> None:
    nna.config.set_floatx(dtype)
    try:
        model = network(layers.Dropout(0.4))
    finally:
        nna.config.set_floatx("float32")
    report = crosscheck(model, X, Y, backends=INSTALLED, training=training)
    assert report.passed, str(report)
    assert report
    assert report.backends == tuple(f"{name}:{device}" for name, device in INSTALLED)
    assert report.tolerance == {"float32": 1e-5, "float64": 1e-12}[dtype]
    assert len({row.name for row in report.rows if row.kind == "weight gradient"}) == 6
    assert all(set(row.differences) == set(report.backends) for row in report.rows)


def test_by_default_every_available_backend_is_compared_with_numpy() -> None:
    assert crosscheck(network(), X).backends == tuple(nna.available_backends())


@pytest.mark.parametrize(
    "entry", ["array_api_strict:device1", ("array_api_strict", "device1"), ["array_api_strict", "device1"]]
)
def test_a_backend_is_named_with_its_device_in_words_or_as_a_pair(entry: Any) -> None:
    report = crosscheck(network(), X, Y, backends=["numpy", entry])
    assert report.backends == ("numpy", "array_api_strict:device1")
    assert report.passed


def test_backends_may_be_modules_and_data_of_any_library() -> None:
    strict = pytest.importorskip(STRICT)
    report = crosscheck(network(), strict.asarray(X), Y.tolist(), backends=[strict, np])
    assert report.backends == (STRICT, "numpy")
    assert report.passed


def test_rows_follow_the_computation_forward_and_then_back() -> None:
    report = crosscheck(network(), X, Y, backends=PAIR)
    assert names(report, "forward") == ["first", "second", "last (logits)", "last", "loss"]
    assert names(report, "gradient") == ["loss", "last (logits)", "second", "first"]
    assert names(report, "weight gradient") == [
        f"{n}/{w}" for n in ("last", "second", "first") for w in ("kernel", "bias")
    ]
    order = [row.name for row in report.rows]
    assert order.index("second/kernel") == order.index("second", 5) + 1
    shapes = {(row.name, row.kind): row.shape for row in report.rows}
    assert shapes["second", "forward"] == (24, 5)
    assert shapes["second", "gradient"] == (24, 4)
    assert shapes["second/kernel", "weight gradient"] == (4, 5)


def test_the_gradients_are_those_that_fit_takes() -> None:
    from nnarray.backends import select
    from nnarray.testing._crosscheck_run import run
    from nnarray.training import Data, Step

    model = network()
    model.compile(optimizers.SGD(1.0), "binary_crossentropy")
    assert model.loss is not None
    gradients = run(model, select("numpy"), Data(X, Y, None), model.loss, True).found
    before = model.get_weights()
    model.fit(X, Y, batch_size=len(X), verbose=0)
    assert isinstance(model._step, Step)
    stepped = {v.path: old - new for v, old, new in zip(model.variables, before, model.get_weights(), strict=True)}
    taken = {key.place.path + key.part: f.value for key, f in gradients.items() if key.kind == "weight gradient"}
    assert set(stepped) == set(taken)
    for path, gradient in taken.items():
        np.testing.assert_allclose(gradient, stepped[path], atol=1e-6)


def test_nested_layers_have_paths_and_repeated_calls_numbers() -> None:
    report = crosscheck(Twice(), X, Y, backends=PAIR, loss="mse", training=True)
    assert report.passed, str(report)
    forward = ["dense#1", "dense#2", "block/inner", "block", "head/dropout", "head/last", "twice", "loss"]
    assert names(report, "forward") == forward
    assert names(report, "gradient") == [
        *("loss", "head/last", "head/dropout", "block/inner", "block", "dense#2", "dense#1", "twice"),
    ]
    weights = ["head/last", "block/inner", "dense"]
    assert names(report, "weight gradient") == [f"{layer}/{w}" for layer in weights for w in ("kernel", "bias")]
    assert {row.layer for row in report.rows if row.name.startswith("dense/")} == {"dense#1"}


def test_weights_of_one_name_are_told_apart() -> None:
    class Unnamed(Layer):
        def build(self, input_shape: Any) -> None:
            self.a = self.add_weight((4,), "ones")
            self.b = self.add_weight((4,), "ones")

        def call(self, inputs: Any) -> Any:
            return inputs * self.a + self.b

    report = crosscheck(network(Unnamed(name="unnamed")), X, Y, backends=PAIR)
    assert names(report, "weight gradient")[-4:-2] == ["unnamed/variable[0]", "unnamed/variable[1]"]


def test_frozen_layers_have_no_weight_gradients() -> None:
    model = network()
    model.layers[1].trainable = False
    report = crosscheck(model, X, Y, backends=PAIR)
    assert names(report, "weight gradient") == ["last/kernel", "last/bias", "first/kernel", "first/bias"]


def test_a_gradient_that_cancels_to_rounding_is_no_difference() -> None:
    class Centred(Layer):
        """Takes the mean over the batch away: the bias before it has gradient zero but for rounding."""

        def call(self, inputs: Any) -> Any:
            xp = nna.array_namespace(inputs)
            return inputs - xp.mean(inputs, axis=0, keepdims=True)

    for seed in range(5):
        x = np.random.default_rng(seed).standard_normal((200, 3))
        model = models.Sequential([layers.Dense(4, input_dim=3, name="a"), Centred(), layers.Dense(1)])
        report = crosscheck(model, x, x[:, :1], backends=INSTALLED, loss="mse")
        assert report.passed, str(report)


# -- planted faults ---------------------------------------------------------------------------------------------------


def test_a_layer_that_computes_otherwise_on_one_backend_is_found() -> None:
    report = crosscheck(network(Odd(lambda x, xp: 2.06 * x, name="odd")), X, Y, backends=INSTALLED)
    strict = [f"{name}:{device}" for name, device in INSTALLED if name == STRICT]
    for backend in report.backends:
        assert (report.first[backend] is not None) == (backend in strict)
    assert found(report, strict[0]) == ("odd", "forward")
    row = report.first[strict[0]]
    assert row is not None
    difference = row.differences[strict[0]]
    assert difference is not None
    assert difference.relative == pytest.approx(0.03, rel=1e-3)
    assert not difference.ok
    assert not report
    assert f"{strict[0]} parts first at layer 'odd' (forward): 3.0e-02 relative, 1e-05 allowed" in str(report)


def test_a_gradient_that_is_wrong_on_one_backend_is_found_though_forward_agrees() -> None:
    half = Odd(lambda x, xp: x + nna.stop_gradient(x), name="half")
    report = crosscheck(network(half), X, Y, backends=PAIR)
    assert found(report) == ("half", "gradient")
    assert report.summary() == [
        f"{STRICT} parts first at layer 'half' (gradient): 5.0e-01 relative, 1e-05 allowed.",
    ]
    kinds = {row.name: row.differences[STRICT].ok for row in report.rows if row.kind != "forward"}  # type: ignore[union-attr]
    assert not any(kinds[name] for name in ("half", "first", "first/kernel"))
    assert all(kinds[name] for name in ("loss", "last (logits)", "second", "second/kernel"))


def test_a_fault_in_a_layer_within_a_layer_is_found_in_the_inner_one() -> None:
    inner = Odd(lambda x, xp: x + nna.stop_gradient(x), name="inner")
    report = crosscheck(Twice(inner), X, Y, backends=PAIR, loss="mse")
    assert found(report) == ("block/inner", "gradient")


def test_a_wrong_weight_gradient_is_found() -> None:
    class Bias(Layer):
        def build(self, input_shape: Any) -> None:
            self.bias = self.add_weight((4,), "zeros", name="bias")

        def call(self, inputs: Any) -> Any:
            wrong = STRICT in nna.array_namespace(inputs).__name__
            return inputs + (nna.stop_gradient(self.bias.value) if wrong else self.bias.value)

    report = crosscheck(network(Bias(name="shift")), X, Y, backends=PAIR)
    assert found(report) == ("shift/bias", "weight gradient")
    assert "parts first at weight 'shift/bias' (weight gradient): 1.0e+00 relative" in str(report)


def test_a_wrong_loss_is_found() -> None:
    def loss(y_true: Any, y_pred: Any) -> Any:
        xp = nna.array_namespace(y_pred)
        wrong = STRICT in xp.__name__
        return xp.mean(y_pred * (nna.stop_gradient(y_pred) if wrong else y_pred), axis=-1)

    report = crosscheck(network(), X, Y, backends=PAIR, loss=loss)
    assert found(report) == ("loss", "gradient")
    assert f"{STRICT} parts first at the loss (gradient)" in str(report)


def test_what_a_layer_assigns_to_its_variables_is_compared() -> None:
    assert found(crosscheck(network(Counted(name="counted")), X, Y, backends=PAIR)) == ("counted/count", "forward")


@pytest.mark.parametrize(
    ("odd", "note"),
    [
        (lambda x, xp: xp.where(x == x, 2.0 * x, xp.nan) * float("nan"), "NaN"),
        (lambda x, xp: xp.reshape(2.0 * x, (12, 2, 4)), "shape (12, 2, 4) instead of (24, 4)"),
        (lambda x, xp: xp.astype(2.0 * x, xp.float64), "float64 instead of float32"),
    ],
)
def test_nan_shape_and_dtype_count_as_parting(odd: Any, note: str) -> None:
    model = models.Sequential([layers.Dense(4, input_dim=3), Odd(odd, name="odd")])
    report = crosscheck(model, X, backends=PAIR)
    assert found(report) == ("odd", "forward")
    assert f"{STRICT} parts first at layer 'odd' (forward): {note}." in str(report)


def test_infinity_on_one_side_parts_and_on_both_does_not() -> None:
    def blown(x: Any, xp: Any) -> Any:
        return 2.0 * x / xp.zeros_like(x)

    for library, passed in (("numpy", False), ("", True)):
        model = models.Sequential([Odd(blown, library, input_dim=3)])
        with np.errstate(divide="ignore", invalid="ignore"):
            assert crosscheck(model, np.abs(X), backends=PAIR).passed == passed


def test_nan_on_both_sides_is_no_agreement() -> None:
    model = network(Odd(lambda x, xp: x * float("nan"), "", name="odd"))
    assert "NaN on both" in str(crosscheck(model, X, Y, backends=PAIR))


# -- exceptions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("y", [None, Y])
def test_what_a_backend_raises_is_told_at_its_layer_and_the_others_are_compared(y: Any) -> None:
    report = crosscheck(network(Odd(refuse, name="odd")), X, y, backends=[*PAIR, f"{STRICT}:device1"])
    for backend in report.backends[1:]:
        assert found(report, backend) == ("odd", "forward")
    assert report.rows[0].differences[STRICT].ok  # type: ignore[union-attr]
    assert report.rows[2].differences[STRICT] is None
    assert "fails first at layer 'odd' (forward): it raises NotImplementedError: no such kernel. Build it" in str(
        report
    )


def test_what_is_raised_in_the_backward_pass_is_told_at_its_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    def sign(x: Any) -> Any:
        raise ArithmeticError("no sign here")

    monkeypatch.setattr(nna.namespace(STRICT).raw, "sign", sign, raising=False)  # the rule of abs asks for it
    report = crosscheck(network(Odd(lambda x, xp: xp.abs(x), "", name="odd")), X, Y, backends=PAIR)
    assert found(report) == ("odd", "gradient")
    assert "raises ArithmeticError: no sign here" in str(report)
    compared = [row.name for row in report.rows if row.differences[STRICT] is not None and row.kind != "forward"]
    after = ["loss", "last (logits)", "last/kernel", "last/bias", "second", "second/kernel", "second/bias"]
    assert compared == [*after, "odd"]


def test_a_reference_that_raises_is_told_as_such() -> None:
    report = crosscheck(network(Odd(refuse, "numpy", name="odd")), X, Y, backends=PAIR)
    assert found(report, "numpy") == ("odd", "forward")
    assert not report.passed
    assert report.first[STRICT] is None
    assert report.summary() == [
        "numpy fails first at layer 'odd' (forward): it raises NotImplementedError: no such kernel. Build it.",
    ]


def test_a_backend_that_cannot_hold_the_weights_is_told() -> None:
    nna.config.set_floatx("float64")
    try:
        model = network()
    finally:
        nna.config.set_floatx("float32")
    report = crosscheck(model, X, Y, backends=["numpy", "array_api_strict:no_float64"])
    assert found(report, "array_api_strict:no_float64") == ("net", "forward")
    assert "raises" in str(report)


def test_layers_called_otherwise_from_call_to_call_are_told() -> None:
    class Whim(Layer):
        calls = 0

        def call(self, inputs: Any) -> Any:
            self.calls += 1
            return inputs[: self.calls, ...]

    model = models.Sequential([layers.Dense(3, input_dim=3), Whim(name="whim")])
    report = crosscheck(model, X, Y, backends=PAIR, loss=lambda y, p: p[0, :])
    assert found(report) == ("whim", "forward")
    assert "Layers must compute alike each time they are given the same: received an array of shape" in str(report)


# -- forward only -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("compiled", "y", "reason"),
    [(True, None, "no y was given"), (False, Y, "the model is not compiled and no loss was given")],
)
def test_without_targets_or_loss_the_report_says_that_gradients_were_not_compared(
    compiled: bool, y: Any, reason: str
) -> None:
    report = crosscheck(network(compiled=compiled), X, y, backends=PAIR)
    assert names(report, "forward") == ["first", "second", "last"]
    assert len(report.rows) == 3
    assert report.summary() == [
        f"Gradients were not compared: {reason}.",
        f"{STRICT} agrees with numpy in all 3 arrays (1e-05 allowed).",
    ]
    assert len(report.plot().axes) == 1


# -- the model stays --------------------------------------------------------------------------------------------------


def state(model: Any) -> list[Any]:
    optimizer = [] if model.optimizer is None else [v.numpy() for v in model.optimizer.variables]
    return [*model.get_weights(), *optimizer]


def test_the_model_its_optimizer_and_all_random_streams_are_as_before(place: Any) -> None:
    model = network(layers.Dropout(0.5))
    model.to(*place)
    model.fit(X, Y, epochs=2, verbose=0)
    twin = copy.deepcopy(model)
    nna.set_seed(8)
    before, place, counter, seed = state(model), (model.backend, model.device), model._counter, nnrandom._keys._index
    variables = list(model.variables)
    values = [variable._value for variable in variables]
    assert crosscheck(model, X, Y, backends=PAIR, training=True)
    assert crosscheck(model, X, backends=PAIR)
    assert (model.backend, model.device) == place
    assert (model._counter, nnrandom._keys._index) == (counter, seed)
    assert all(v is w and v._value is value for v, w, value in zip(model.variables, variables, values, strict=True))
    for old, new in zip(before, state(model), strict=True):
        np.testing.assert_array_equal(old, new)
    for one in (model, twin):
        nna.set_seed(8)
        one.fit(X, Y, epochs=1, verbose=0)
    for old, new in zip(state(twin), state(model), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_model_that_is_not_built_stays_so_and_draws_the_weights_that_it_would_have_drawn() -> None:
    def unbuilt() -> models.Sequential:
        nna.set_seed(5)
        return models.Sequential([layers.Dense(4, "relu"), layers.Dropout(0.1), layers.Dense(1)])

    model, other = unbuilt(), unbuilt()
    report = crosscheck(model, X, Y, backends=PAIR, loss="mse")
    assert report.passed
    assert len(names(report, "weight gradient")) == 4
    assert not model.built
    assert model.variables == []
    nna.set_seed(6)
    model.build((None, 3))
    nna.set_seed(6)
    other.build((None, 3))
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_layer_called_outside_a_cross_check_is_not_observed() -> None:
    seen = []

    def observer(layer: Layer, compute: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append((layer.name, compute.__name__))
        return compute(*args, **kwargs) + 1.0

    model = network(compiled=False)
    plain = model(X)
    with layers.observing(observer):
        watched = model(X)
        model.pre_activation(X)
    assert seen[:4] == [("net", "call"), ("first", "call"), ("second", "call"), ("last", "call")]
    assert seen[4:] == [("first", "call"), ("second", "call"), ("last", "pre_activation")]
    assert np.abs(watched - plain).min() > 1
    np.testing.assert_array_equal(model(X), plain)


# -- the report -------------------------------------------------------------------------------------------------------


def test_the_table_is_aligned_and_marks_what_parts() -> None:
    text = str(crosscheck(network(Odd(lambda x, xp: 2.06 * x, name="odd")), X, Y, backends=PAIR))
    title, rule, header, _, *lines = text.splitlines()
    assert title.startswith("net: differences from numpy")
    assert header.split() == ["Array", "Kind", "Shape", STRICT]
    body = lines[: lines.index(rule)]
    assert len(body) == 17
    column = header.index("Kind")
    assert {line[column - 1] for line in body} == {" "}
    assert {line[column:].split("  ")[0] for line in body} == {"forward", "gradient", "weight gradient"}
    assert body[1].split() == ["odd", "forward", "(24,", "4)", "3.0e-02", "✗"]
    assert body[0].split()[-1] == "0"
    assert not any("✗" in line for line in body[:1])


def test_rtol_takes_the_place_of_the_default() -> None:
    odd = Odd(lambda x, xp: 2.06 * x, name="odd")
    report = crosscheck(network(odd), X, backends=PAIR, rtol=0.1)
    assert report.passed
    assert {row.tolerance for row in report.rows} == {0.1}


def test_whole_numbers_must_be_equal() -> None:
    class Ranks(Layer):
        def call(self, inputs: Any) -> Any:
            xp = nna.array_namespace(inputs)
            most = 100_000_000 + xp.argmax(inputs, axis=-1)
            return most + (1 if STRICT in xp.__name__ else 0)

    report = crosscheck(models.Sequential([Ranks(input_dim=3, name="ranks")]), X, backends=PAIR)
    assert found(report) == ("ranks", "forward")
    assert "1.0e-08 relative, none allowed" in str(report)


# -- the plot ---------------------------------------------------------------------------------------------------------


def drawn(ax: Any) -> dict[str, Any]:
    return {line.get_label(): line for line in ax.lines}


def test_the_plot_has_a_line_per_backend_and_rings_where_one_first_parts() -> None:
    odd = Odd(lambda x, xp: x + nna.stop_gradient(x), name="half")
    report = crosscheck(network(odd), X, Y, backends=[*PAIR, f"{STRICT}:device1"], rtol=1e-4)
    figure = report.plot()
    forward, backward = figure.axes
    names = [label.get_text() for label in backward.get_xticklabels()]
    assert names == ["first", "half", "second", "last (logits)", "last", "loss"]
    for ax, count in ((forward, 6), (backward, 5)):
        lines = drawn(ax)
        assert set(lines) >= {STRICT, f"{STRICT}:device1", "allowed"}
        assert len(lines[STRICT].get_xdata()) == count
        assert set(lines["allowed"].get_ydata()) == {-4.0}
    assert "_first" not in drawn(forward)
    rings = [line for line in backward.lines if line.get_label() == "_first"]
    assert [round(float(ring.get_xdata()[0])) for ring in rings] == [names.index("half")] * 2
    assert [float(ring.get_ydata()[0]) for ring in rings] == pytest.approx([np.log10(0.5)] * 2)
    assert len(drawn(backward)[f"_{STRICT}, weights"].get_xdata()) == 6
    words = [text.get_text() for text in figure.findobj(Text)]
    assert f"{STRICT}: half" in words
    assert {"allowed", "in weights", "difference from numpy, relative"} <= set(words)


def test_the_plot_has_a_place_for_zero_and_one_for_what_cannot_be_compared() -> None:
    figure = crosscheck(network(Odd(refuse, name="odd")), X, backends=PAIR).plot()
    (ax,) = figure.axes
    ticks = dict(zip([t.get_text() for t in ax.get_yticklabels()], ax.get_yticks(), strict=True))
    low, high = ax.get_ylim()
    assert low < ticks["0"] < ticks["∞"] < high
    assert list(drawn(ax)[STRICT].get_ydata()) == [ticks["0"], ticks["∞"]]
    assert ticks["0"] < drawn(ax)["allowed"].get_ydata()[0] < ticks["∞"]


def test_the_plot_goes_into_a_figure_of_ones_own_and_holds_many_layers() -> None:
    from matplotlib.figure import Figure

    model = models.Sequential([layers.Dense(2, name=f"a_layer_of_a_rather_long_name_{i}") for i in range(70)])
    figure = Figure()
    report = crosscheck(model, X, backends=PAIR)
    assert report.plot(figure) is figure
    ticks = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert 15 < len(ticks) <= 30
    assert max(map(len, ticks)) <= 24


def test_an_empty_report_is_not_drawn() -> None:
    with pytest.raises(ValueError, match="A report with rows is needed, as crosscheck returns it"):
        nna.plotting.plot_crosscheck(CrossCheck("net", ("numpy", "torch"), (), 1e-5))


# -- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"model": layers.Dense(1)}, TypeError, "crosscheck takes a model: received .*Sequential"),
        ({"backends": "numpy"}, TypeError, "backends must be a list, for example .*received 'numpy'"),
        ({"backends": ["numpy"]}, ValueError, "At least two backends are needed to compare: received numpy"),
        ({"backends": []}, ValueError, "At least two backends are needed to compare: received none"),
        ({"backends": ["numpy", "numpy"]}, ValueError, "backends must differ: received 'numpy' twice"),
        ({"backends": ["numpy", "nunpy"]}, ValueError, "Unknown backend: 'nunpy'. Did you mean 'numpy'"),
        ({"backends": ["numpy", "array_api_strict:moon"]}, ValueError, "has no device 'moon'"),
        ({"backends": ["numpy", ("torch", "cpu", 1)]}, ValueError, "pair: received"),
        ({"backends": ["numpy", 3]}, TypeError, "A backend is a name or an array-API module: received 3"),
        ({"x": X[:, :2]}, ValueError, r"takes x of shape \(batch, 3\): received x of shape \(batch, 2\)"),
        ({"y": Y[:5]}, ValueError, "x and y must have the same number of examples"),
        ({"y": Y + 3}, ValueError, "binary_crossentropy takes labels from 0 to 1"),
        ({"y": None, "loss": "mse"}, ValueError, "y is missing: a loss needs targets"),
        ({"loss": "msee"}, ValueError, "Unknown loss: 'msee'. Did you mean 'mse'"),
        ({"rtol": 0}, ValueError, "rtol must be positive and finite: received rtol=0"),
        ({"model": models.Sequential()}, ValueError, "has no layers"),
    ],
)
def test_a_wrong_argument_is_refused_before_anything_is_computed(change: dict, error: Any, message: str) -> None:
    arguments: dict[str, Any] = {"model": network(), "x": X, "y": Y, "backends": PAIR, **change}
    with pytest.raises(error, match=message):
        crosscheck(**arguments)


def test_a_dtype_without_a_default_tolerance_asks_for_one() -> None:
    model = models.Sequential([layers.Dense(1, input_dim=3, dtype="float32")])
    model.dtype = "float16"
    with pytest.raises(ValueError, match="no default tolerance for float16: give rtol"):
        crosscheck(model, X, backends=PAIR)


def test_data_with_nan_are_followed_to_where_they_come_from() -> None:
    x = X.copy()
    x[0, 0] = np.nan
    report = crosscheck(network(), x, Y, backends=["numpy", STRICT])
    assert not report.passed
    assert report.first[STRICT].differences[STRICT].note == "NaN on both"


def test_a_loss_that_begins_with_the_targets_works_on_every_backend() -> None:
    def squared(y_true: Any, y_pred: Any) -> Any:
        xp = nna.array_namespace(y_pred)
        return xp.mean((y_true - y_pred) ** 2, axis=-1)

    for name, device in INSTALLED:
        model = models.Sequential([layers.Dense(1, input_dim=3)])
        model.compile(loss=squared, optimizer="sgd", backend=name, device=device)
        x, y = np.ones((4, 3)), np.ones((4, 1))
        assert model.fit(x, y, verbose=0).history["loss"][0] >= 0
