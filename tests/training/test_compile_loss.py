"""Losses of models with one output or several: how they are given, matched, weighted, named and refused."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import losses
from nnarray.training._compile_loss import CompileLoss
from tests.hosts import to_library

RNG = np.random.default_rng(0)
X = RNG.normal(size=(8, 3)).astype("f")
A, B = RNG.normal(size=(8, 1)).astype("f"), RNG.normal(size=(8, 2)).astype("f")
#: Outputs of one and two units with kernels of ones.
P = X.sum(1, keepdims=True)
Q = np.repeat(P, 2, 1)
W = np.arange(8.0, dtype="f")
OUTPUTS: dict[str, Any] = {
    "one": P,
    "list of one": [P],
    "two": [P, Q],
    "tuple": (P, Q),
    "dict": {"zb": P, "ab": Q},
    "nested": {"q": [P, Q], "p": P},
}
TARGETS: dict[str, Any] = {
    "one": A,
    "list of one": A,
    "two": [A, B],
    "tuple": (A, B),
    "dict": {"zb": A, "ab": B},
    "nested": {"q": (A, B), "p": A},
}
NAMES = {"one": ["a"], "list of one": ["a"], "two": ["a", "b"], "two swapped": ["b", "a"]}
MSE = losses.MeanSquaredError
ABSOLUTE = losses.LossFunctionWrapper(lambda t, p: abs(t - p), name="mae")

#: Outputs, loss, loss_weights, sample_weight and what the history of Keras 3.15 shows after one epoch of one batch at
#: rate 0. Its losses "mae" are ABSOLUTE here.
KERAS: list[tuple[str, Any, Any, Any, dict[str, float]]] = [
    ("one", "mse", None, None, {"loss": 3.4549}),
    ("one", "mse", 2.0, None, {"loss": 6.9098}),
    ("one", "mse", [2.0], None, {"loss": 6.9098}),
    ("one", ["mse"], None, None, {"loss": 3.4549}),
    ("one", {"a": "mse"}, None, None, {"loss": 3.4549}),
    ("one", lambda t, p: (t - p) ** 2, None, W, {"loss": 14.7256}),
    ("list of one", "mse", None, None, {"loss": 3.4549}),
    ("two", "mse", None, None, {"loss": 8.4704, "a_loss": 3.4549, "b_loss": 5.0155}),
    ("two", ["mse", ABSOLUTE], [2.0, 0.5], None, {"loss": 7.8037, "a_loss": 3.4549, "b_loss": 1.7879}),
    ("two", {"a": "mse", "b": ABSOLUTE}, {"a": 2.0, "b": 0.5}, None,
     {"loss": 7.8037, "a_loss": 3.4549, "b_loss": 1.7879}),
    ("two", {"b": ABSOLUTE, "a": MSE}, [2.0, 3.0], None, {"loss": 12.2734, "a_loss": 3.4549, "b_loss": 1.7879}),
    ("two", ["mse", None], None, None, {"loss": 3.4549}),
    ("two", {"a": "mse", "b": None}, None, None, {"loss": 3.4549}),
    ("two", "mse", 2.0, None, {"loss": 16.9408, "a_loss": 3.4549, "b_loss": 5.0155}),
    ("two", "mse", None, W, {"loss": 34.0458, "a_loss": 14.7256, "b_loss": 19.3202}),
    ("two", "mse", None, [W, 2 * W], {"loss": 53.3661, "a_loss": 14.7256, "b_loss": 38.6405}),
    ("dict", "mse", None, None, {"loss": 8.4704, "ab_loss": 5.0155, "zb_loss": 3.4549}),
    ("dict", {"zb": "mse", "ab": ABSOLUTE}, None, None, {"loss": 5.2428, "zb_loss": 3.4549, "ab_loss": 1.7879}),
    ("dict", {"zb": "mse"}, None, None, {"loss": 3.4549}),
    ("dict", [ABSOLUTE, "mse"], None, None, {"loss": 5.2428, "ab_loss": 1.7879, "zb_loss": 3.4549}),
    ("nested", {"q": ["mse", ABSOLUTE], "p": "mse"}, None, None,
     {"loss": 8.6976, "p_loss": 3.4549, "q/mse_loss": 3.4549, "q/mae_loss": 1.7879}),
]  # fmt: skip


def computed(resolved: Any, y: Any, p: Any, w: Any = None) -> dict[str, float]:
    total, parts = resolved.compute(y, p, w)
    assert list(parts) == resolved.part_names
    return {"loss": float(total), **{name: float(part) for name, part in parts.items()}}


@pytest.mark.parametrize(("outputs", "loss", "loss_weights", "sample_weight", "expected"), KERAS)
def test_losses_and_their_parts_are_those_of_keras(
    outputs: str, loss: Any, loss_weights: Any, sample_weight: Any, expected: Any
) -> None:
    resolved = CompileLoss(loss, loss_weights).for_outputs(OUTPUTS[outputs], NAMES.get(outputs))
    found = computed(resolved, TARGETS[outputs], OUTPUTS[outputs], sample_weight)
    assert found == pytest.approx(expected, abs=6e-5)


def test_parts_of_outputs_without_names_go_by_their_loss_and_none_replaces_another() -> None:
    # Keras shows the last of those of one name.
    resolved = CompileLoss("mse").for_outputs([P, Q])
    assert computed(resolved, [A, B], [P, Q]) == pytest.approx(
        {"loss": 8.4704, "mse_loss": 3.4549, "mse_loss_1": 5.0155}, abs=6e-5
    )


@pytest.mark.parametrize(
    ("y", "names"),
    [([A, B], None), ((A, B), ["a", "b"]), ({"a": A, "b": B}, ["a", "b"]), ([A[:, 0], B], ["a", "b"])],
)
@pytest.mark.parametrize("w", [None, W, W.tolist(), [W, None], (None, W)])
def test_targets_and_weights_are_matched_by_order_or_by_name(y: Any, names: Any, w: Any) -> None:
    resolved = CompileLoss("mse").for_outputs([P, Q], names)
    first, second = w if isinstance(w, (list, tuple)) and len(w) == 2 else (w, w)
    expected = float(MSE()(A, P, first)) + float(MSE()(B, Q, second))
    assert float(resolved(y, [P, Q], w)) == pytest.approx(expected)
    if names is not None and isinstance(w, (list, tuple)) and len(w) == 2:
        assert float(resolved(y, [P, Q], dict(zip(names, w, strict=True)))) == pytest.approx(expected)


@pytest.mark.parametrize("y", [A, [A], {"a": A}, [A, None], [A, B], {"a": A, "b": B}])
def test_targets_of_outputs_without_a_loss_may_be_left_out(y: Any) -> None:
    resolved = CompileLoss(["mse", None]).for_outputs([P, Q], ["a", "b"])
    assert float(resolved(y, [P, Q])) == pytest.approx(3.4549, abs=6e-5)
    resolved.check_targets(y, [(None, 1), (None, 2)])


def test_outputs_in_a_dict_go_by_its_keys_in_the_order_of_the_names() -> None:
    for names, order in ((None, ["a", "b"]), (["dense", "dense_1"], ["a", "b"]), (["b", "a"], ["b", "a"])):
        resolved = CompileLoss(["mse", ABSOLUTE]).for_outputs({"a": P, "b": P}, names)
        assert resolved.part_names == [f"{name}_loss" for name in order]
        _, parts = resolved.compute({"a": A, "b": A}, {"a": P, "b": P})
        assert float(parts[resolved.part_names[0]]) == pytest.approx(3.4549, abs=6e-5)


@pytest.mark.parametrize(
    ("loss", "loss_weights", "message"),
    [
        (["mse"], None, "loss must hold one entry for each of the outputs 'a', 'b'.*received a list of 1"),
        (["mse"] * 3, None, "received a list of 3"),
        ({"a": "mse"}, None, "loss goes by the names of the outputs, 'a', 'b': received nothing for 'b'. None says"),
        ({"a": "mse", "bb": "mse"}, None, "received the unknown name 'bb'. Did you mean 'b'?"),
        ({"a": ["mse"], "b": "mse"}, None, "loss must hold one entry"),
        ([None, None], None, "a loss for one output at least"),
        ("mse", [1.0], "loss_weights must hold one entry.*received a list of 1"),
        ("mse", {"a": 1.0}, "loss_weights goes by the names.*nothing for 'b'"),
        ("mse", {"a": 1.0, "c": 2.0}, "loss_weights goes by the names.*unknown name 'c'"),
        ([MSE(reduction="none"), "mse"], None, r"one number: received MeanSquaredError\(reduction='none'\). Leave out"),
        ("mse", [1.0, "2"], "loss_weights must be a finite number: received loss_weights='2'. Did you mean"),
        ("mse", np.nan, "loss_weights must be a finite number"),
        ("msee", None, "Unknown loss: 'msee'. Did you mean 'mse'"),
        (None, None, "compile needs a loss, for example"),
    ],
)
def test_what_does_not_go_with_the_outputs_is_refused(loss: Any, loss_weights: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CompileLoss(loss, loss_weights).for_outputs([P, Q], ["a", "b"])


@pytest.mark.parametrize(
    ("y", "w", "message"),
    [
        (A, None, "y must hold one entry for each of the outputs 'a', 'b'"),
        ([A], None, "received a list of 1"),
        ({"a": A}, None, "y goes by the names of the outputs.*nothing for 'b'"),
        ([A, None], None, "y must hold the targets of output 'b': received None"),
        ([A, B], [W], "sample_weight must hold one entry"),
        ([A, B], {"a": W}, "sample_weight goes by the names.*nothing for 'b'"),
    ],
)
def test_targets_and_weights_that_do_not_go_with_the_outputs_are_refused(y: Any, w: Any, message: str) -> None:
    resolved = CompileLoss("mse").for_outputs([P, Q], ["a", "b"])
    with pytest.raises(ValueError, match=message):
        resolved(y, [P, Q], w)


def test_check_targets_says_of_which_output_they_are() -> None:
    resolved = CompileLoss(["mse", "ce"]).for_outputs([P, Q], ["a", "b"])
    labels = np.arange(8) % 2
    resolved.check_targets({"a": A, "b": labels}, [(None, 1), (None, 2)])
    with pytest.raises(ValueError, match=r"Output 'b': .* integer labels from 0 to 1: received y\[2\] = 2"):
        resolved.check_targets([A, np.arange(8)], [(None, 1), (None, 2)])
    one = CompileLoss("binary_crossentropy").for_outputs(P)
    with pytest.raises(ValueError, match=r"^binary_crossentropy takes labels from 0 to 1: received y\[0, 0\] = 2"):
        one.check_targets([[2], [0]], (None, 1))


def test_a_check_of_the_users_own_gets_numpy_arrays(place: Any) -> None:
    class Own(losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return abs(y_true - y_pred)

        def check_targets(self, y: Any, output_shape: Any) -> None:
            assert isinstance(y, np.ndarray)
            if (y > 1).any():
                raise ValueError("too large")

    y = to_library(np.asarray([[0.0], [2.0]]), nna.namespace(*place))
    with pytest.raises(ValueError, match="too large"):
        CompileLoss(Own()).for_outputs(P).check_targets(y, (None, 1))


def test_a_loss_of_the_users_sees_targets_and_weights_beside_the_outputs_and_runs_itself(place: Any) -> None:
    xp = nna.namespace(*place)

    class Whole(losses.MeanSquaredError):
        def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
            weight = 1.0 if sample_weight is None else sample_weight
            return nna.array_namespace(y_pred).sum(abs(y_true - y_pred) * weight)

    class Short(losses.Loss):
        def __call__(self, y_true: Any, y_pred: Any) -> Any:  # type: ignore[override]
            return nna.array_namespace(y_pred).max(y_pred - y_true)

    y, p, w = np.asarray([0.0, 1.0]), np.asarray([1.0, 3.0]), np.asarray([1.0, 5.0])
    for to in (lambda x: to_library(x, xp), xp.asarray):
        for y_shape in ((2,), (2, 1)):
            for p_shape in ((2,), (2, 1)):
                targets, outputs = to(y.reshape(y_shape)), to(p.reshape(p_shape))
                whole = CompileLoss(Whole()).for_outputs(outputs)
                assert float(whole(targets, outputs, to(w))) == 11.0
                assert float(whole(targets, outputs)) == 3.0
                assert float(CompileLoss(Short).for_outputs(outputs)(targets, outputs)) == 2.0


def test_a_loss_that_is_no_number_is_refused() -> None:
    class Each(losses.Loss):
        def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
            return y_pred - y_true

    with pytest.raises(ValueError, match=r"losses that are one number: Each\(\) gives shape \(8, 1\)"):
        CompileLoss(Each()).for_outputs(P)(A, P)


def test_losses_run_recorded_and_under_jit_from_logits_where_outputs_are_known(place: Any) -> None:
    xp = nna.namespace(*place)
    resolved = CompileLoss({"a": "bce", "b": "ce"}, {"a": 1.0, "b": 3.0}).for_outputs({"a": 0, "b": 0})
    y = {"a": to_library(np.asarray([0.0, 1.0]), xp), "b": to_library(np.asarray([0, 1]), xp)}

    def loss(z: Any) -> Any:
        outputs = {"a": nna.activations.sigmoid(z[:, :1]), "b": nna.activations.softmax(z)}
        return resolved.compute(y, outputs)

    z = np.asarray([[60.0, 0.0], [1.0, 0.0]])
    expected = np.mean([60.0, np.log1p(np.exp(-1.0))]), np.mean([np.log1p(np.exp(-60.0)), np.log1p(np.exp(1.0))])
    for run in (lambda f: f, nna.jit):
        total, parts = run(loss)(xp.asarray(z))
        assert float(total) == pytest.approx(expected[0] + 3 * expected[1], rel=1e-12)
        assert [float(parts[name]) for name in ("a_loss", "b_loss")] == pytest.approx(expected, rel=1e-12)
        slope = run(nna.grad(lambda z: loss(z)[0]))(to_library(z, xp))
        assert float(slope[0, 0]) == pytest.approx(0.5, rel=1e-12)


@pytest.mark.parametrize(
    ("loss", "y", "p"),
    [
        ("categorical_crossentropy", [[1.0], [1.0]], [[1.0], [1.0]]),
        ("sparse_categorical_crossentropy", [0, 0], [[1.0], [1.0]]),
    ],
)
def test_one_class_is_warned_of(loss: str, y: Any, p: Any) -> None:
    with pytest.warns(UserWarning, match=f"The {loss} of one class is 0 whatever.*one unit with sigmoid"):
        CompileLoss(loss).for_outputs("*")(np.asarray(y), np.asarray(p))


@pytest.mark.parametrize("loss", ["bce", "mse", "ce", "categorical_crossentropy"])
def test_the_softmax_of_one_output_is_warned_of(loss: str) -> None:
    p = nna.activations.softmax(nna.namespace("numpy").asarray([[1.0], [2.0]]))
    with pytest.warns(UserWarning, match="The softmax of one output is 1 whatever.*loss='binary_crossentropy'"):
        CompileLoss(loss).for_outputs(p)(np.asarray([[1.0], [0.0]]), p)
    with warnings.catch_warnings():
        CompileLoss("bce").for_outputs(p)(np.asarray([[1.0], [0.0]]), nna.activations.sigmoid(p))
