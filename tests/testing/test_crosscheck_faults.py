"""`crosscheck` finds planted faults and exceptions where they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import layers, models
from nnarray.layers import Layer
from nnarray.testing import crosscheck
from tests.testing.networks import (
    INSTALLED,
    PAIR,
    STRICT,
    Counted,
    Odd,
    Twice,
    X,
    Y,
    found,
    network,
    refuse,
)


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
    assert all(kinds[name] for name in ("loss", "last", "second", "second/kernel"))


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
    after = ["loss", "last", "last/kernel", "last/bias", "second", "second/kernel", "second/bias"]
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
