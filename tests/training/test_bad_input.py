"""Bad input is refused with the rule, what came and the cure, and leaves the model as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import layers, losses, models, optimizers
from nnarray.training import NonFiniteLossError

X = np.random.default_rng(0).standard_normal((20, 2)).astype("float32")
Y = (X[:, 0] > 0).astype("float32")


def make(units: int = 1, activation: str = "sigmoid", loss: Any = "binary_crossentropy", **first: Any) -> Any:
    nna.set_seed(0)
    model = models.Sequential([layers.Dense(3, activation="relu", **first), layers.Dense(units, activation=activation)])
    model.compile("adam", loss, metrics=["accuracy"])
    return model


def _with(x: np.ndarray, position: Any, value: float) -> np.ndarray:
    x = np.array(x)
    x[position] = value
    return x


BAD = {
    "lengths": (
        X,
        Y[:-1],
        ValueError,
        r"same number of examples: received x of shape \(20, 2\) and y of shape \(19,\)",
    ),
    "features": (np.ones((20, 3)), Y, ValueError, r"takes x of shape \(batch, 2\): received x of shape \(batch, 3\)"),
    "axes": (np.ones(20), Y, ValueError, r"takes x of shape \(batch, 2\)"),
    "nan in x": (_with(X, (3, 1), np.nan), Y, ValueError, r"received x\[3, 1\] = nan.*check_finite=False"),
    "infinity in x": (_with(X, (0, 0), -np.inf), Y, ValueError, r"x\[0, 0\] = -inf"),
    "nan in y": (X, _with(Y, 7, np.nan), ValueError, r"y\[7\] = nan"),
    "empty": (np.zeros((0, 2)), np.zeros(0), ValueError, "at least one example"),
    "no axis": (np.float32(1.0), Y, ValueError, "at least one example"),
    "strings": (np.full((20, 2), "a"), Y, TypeError, "x must hold real numbers.*to_categorical"),
    "objects": (np.full((20, 2), None), Y, TypeError, "x must hold real numbers"),
    "a string": ("data.csv", Y, TypeError, "x must hold real numbers"),
    "string labels": (X, np.full(20, "cat"), TypeError, "y must hold real numbers"),
    "complex": (X.astype("complex64"), Y, TypeError, "real numbers"),
    "ragged": ([[1.0], [1.0, 2.0]], Y[:2], ValueError, "rectangular array of numbers"),
    "no y": (X, None, ValueError, "y is missing"),
    "labels": (X, _with(Y, 4, 2.0), ValueError, r"labels from 0 to 1: received y\[4\] = 2\.0"),
    "label columns": (X, np.ones((20, 2)), ValueError, r"outputs' shape \(batch, 1\)"),
}


@pytest.mark.parametrize("built", [True, False], ids=["built", "unbuilt"])
@pytest.mark.parametrize("case", BAD)
def test_bad_data_is_refused_and_the_model_is_as_it_was(case: str, built: bool) -> None:
    x, y, error, message = BAD[case]
    if not built and case in ("features", "axes"):
        pytest.skip("an unbuilt model takes any number of features")
    model = make(**({"input_dim": 2} if built else {}))
    before = [w.copy() for w in model.get_weights()]
    with pytest.raises(error, match=message):
        model.fit(x, y, verbose=0)
    assert model.built is built
    assert model.history is None
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    if not built:
        # Not even the stream of random numbers has moved: the weights are those of a model that saw nothing.
        model.build((None, 2))
        for old, new in zip(make(input_dim=2).get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)
    model.fit(X, Y, verbose=0)
    assert len(model.history.epoch) == 1


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.arange(20) % 4, r"integer labels from 0 to 2: received y\[3\] = 3"),
        (-(np.arange(20) % 2), r"from 0 to 2: received y\[1\] = -1"),
        (np.full(20, 0.5), r"from 0 to 2: received y\[0\] = 0\.5"),
        (np.eye(20, 3), "one integer label per example.*categorical_crossentropy"),
    ],
)
def test_sparse_labels_must_name_a_class(y: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(3, "softmax", "sparse_categorical_crossentropy").fit(X, y, verbose=0)


def test_one_hot_losses_refuse_integer_labels_with_the_cure() -> None:
    with pytest.raises(ValueError, match=r"sparse_categorical_crossentropy.*to_categorical"):
        make(3, "softmax", "categorical_crossentropy").fit(X, np.arange(20) % 3, verbose=0)


def test_validation_data_are_checked_before_training() -> None:
    model = make(input_dim=2)
    for data, message in (
        ((X, Y[:-1]), "same number of examples"),
        ((_with(X, (1, 0), np.nan), Y), r"x\[1, 0\]"),
        ((X,), r"\(x, y\) or \(x, y, sample_weight\)"),
        (X, "validation_data must be"),
    ):
        with pytest.raises(ValueError, match=message):
            model.fit(X, Y, validation_data=data, verbose=0)
    for share in (-0.1, 1.0, 0.999):
        with pytest.raises(ValueError, match="validation_split"):
            model.fit(X, Y, validation_split=share, verbose=0)
    assert model.history is None


def test_non_finite_data_pass_when_asked_to() -> None:
    model = make(input_dim=2)
    with np.errstate(all="ignore"), pytest.raises(NonFiniteLossError):
        model.fit(_with(X, (3, 1), np.nan), Y, verbose=0, check_finite=False)


@pytest.mark.parametrize(
    "arguments", [{"batch_size": 0}, {"batch_size": 2.5}, {"epochs": -1}, {"epochs": "3"}, {"verbose": 7}]
)
def test_numbers_out_of_range_are_refused(arguments: Any) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments))):
        make().fit(X, Y, **arguments)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: models.Sequential([layers.Dense(1)]).compile("adma", "mse"),
            "Unknown optimizer: 'adma'. Did you mean 'adam'",
        ),
        (lambda: models.Sequential([layers.Dense(1)]).compile("adam", "mean_square_error"), "mean_squared_error"),
        (
            lambda: models.Sequential([layers.Dense(1)]).compile("adam", "mse", metrics=["acuracy"]),
            "Did you mean 'accuracy'",
        ),
        (lambda: models.Sequential([layers.Dense(1)]).compile("adam", "mse", backend="numpyy"), "Did you mean 'numpy'"),
        (lambda: models.Sequential([layers.Dense(1)]).compile("adam"), "compile needs a loss"),
        (lambda: layers.Dense(1, activation="rellu"), "Did you mean 'relu'"),
        (lambda: layers.Dense(1, kernel_initializer="glorot"), "glorot_uniform|glorot_normal"),
        (lambda: layers.Dense(0), "positive integer"),
        (lambda: models.Sequential(backend="numpi"), "Did you mean 'numpy'"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest_known(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_a_failed_compile_keeps_the_compilation_before_it() -> None:
    model = make(input_dim=2)
    optimizer = model.optimizer
    with pytest.raises(ValueError, match="Unknown loss"):
        model.compile(optimizers.SGD(), "nothing")
    with pytest.raises(TypeError, match=r"loss_weights are numbers.*metrics='accuracy'"):
        model.compile(optimizers.SGD(), losses.MeanSquaredError(), "accuracy")
    assert model.optimizer is optimizer


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch"])
def test_training_before_compiling_says_what_to_do(method: str) -> None:
    with pytest.raises(RuntimeError, match=rf"{method} needs a compiled model.*model\.compile\("):
        getattr(models.Sequential([layers.Dense(1)]), method)(X, Y)


def test_an_empty_model_says_what_to_do() -> None:
    model = models.Sequential()
    model.compile("adam", "mse")
    with pytest.raises(ValueError, match="has no layers"):
        model.fit(X, Y)
    with pytest.raises(ValueError, match="has no layers"):
        model.predict(X)
