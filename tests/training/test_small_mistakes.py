"""What is a slip of the user's is taken as Keras takes it, or refused by name before anything is changed."""

from __future__ import annotations

import decimal
import re
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import activations, callbacks, initializers, layers, losses, metrics, models, optimizers
from nnarray.layers import Dense, Dropout, Input, Layer
from nnarray.models import Model, Sequential
from tests.nets import X, Y, both_ways, dense, of_call, same


def _compiled(model: Any = None, **kwargs: Any) -> Any:
    model = dense() if model is None else model
    model.compile(**{"optimizer": "sgd", "loss": "mse", **kwargs})
    return model


# -- forgotten constructors --------------------------------------------------------------------------------------------


class _LayerAlone(Layer):
    def __init__(self) -> None:
        self.dense = Dense(1)

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs)


class _ModelAlone(Model):
    def __init__(self) -> None:
        self.dense = Dense(1)

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs)


class _OptimizerAlone(optimizers.Optimizer):
    def __init__(self) -> None:
        pass


class _LossAlone(losses.Loss):
    def __init__(self) -> None:
        pass

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return (y_true - y_pred) ** 2


class _MetricAlone(metrics.Metric):
    def __init__(self) -> None:
        self.count = self.add_variable(name="count")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.count.assign_add(1.0)

    def result(self) -> Any:
        return self.count


class _CallbackAlone(callbacks.Callback):
    def __init__(self) -> None:
        pass


@pytest.mark.parametrize(
    "use",
    [
        lambda: _LayerAlone()(X),
        lambda: Sequential([_LayerAlone()]),
        lambda: _ModelAlone()(X),
        lambda: _ModelAlone().compile("sgd", "mse"),
        lambda: _ModelAlone().fit(X, Y),
        lambda: _compiled(optimizer=_OptimizerAlone()).fit(X, Y, verbose=0),
    ],
)
def test_a_constructor_that_forgets_its_base_is_told_so(use: Any) -> None:
    with pytest.raises(AttributeError, match=r"its __init__ must call super\(\).__init__\(\)"):
        use()


def test_where_nothing_is_lacking_without_the_base_constructor_training_goes_on() -> None:
    model = _compiled(loss=_LossAlone(), metrics=[_MetricAlone()])
    history = model.fit(X, Y, batch_size=8, verbose=0, callbacks=_CallbackAlone()).history
    assert list(history) == ["loss", "__metric_alone"]
    assert history["__metric_alone"] == [3.0]


# -- arguments ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Input(2), r"shape is a tuple of lengths, for example \(2,\): received shape=2\."),
        (lambda: Input("2"), r"shape is a tuple of lengths"),
        (lambda: Input((2.0,)), r"positive integers: received shape=2\.0"),
        (lambda: Input((0,)), r"positive integers: received shape=0"),
        (lambda: Dense(1, input_shape=3), r"input_shape is a tuple of lengths, for example \(3,\)"),
        (lambda: Dense(1, input_shape=2.0), r"input_shape is a tuple of lengths"),
        (lambda: Dense(1, input_dim=2.0), r"positive integers: received input_dim=2\.0"),
        (lambda: Dense(1, input_dim=0), r"positive integers: received input_dim=0"),
        (lambda: Dense(1, input_dim=True), r"positive integers: received input_dim=True"),
        (lambda: Dense(2.0), r"units must be a positive integer: received units=2\.0\. Did you mean units=2\?"),
        (lambda: Dense(1, dtype="int32"), r"computes in floating-point numbers.*'int32'"),
        (lambda: Dense(1, dtype="flaot32"), r"Did you mean 'float32'"),
        (lambda: Dropout(1.5), r"rate must be at least 0 and at most 1"),
        (lambda: Dropout("0.5"), r"Did you mean rate=0\.5\?"),
        (lambda: Dropout(0.5, noise_shape=3), r"noise_shape is a tuple of lengths"),
        (lambda: Dropout(0.5, noise_shape=(0, 3)), r"positive integers: received noise_shape=0"),
        (lambda: optimizers.SGD(clipnorm=float("nan")), r"clipnorm must be positive: received clipnorm=nan"),
        (lambda: optimizers.Adam(weight_decay=-1), r"weight_decay must be a number of at least 0"),
        (lambda: optimizers.SGD(momentum=1.5), r"momentum must be at least 0 and at most 1"),
        (lambda: optimizers.Adam(learning_rate=float("nan")), r"learning_rate"),
        (lambda: optimizers.get(5), r"Expected an optimizer"),
        (lambda: activations.get(5), r"Expected an activation"),
        (lambda: initializers.get(5), r"Expected an initializer"),
        (lambda: losses.get(5), r"Expected a loss"),
        (lambda: metrics.get("binary_crossentropie"), r"Did you mean 'binary_crossentropy'.*CategoricalCrossentropy"),
        (lambda: losses.MeanSquaredError(reduction="nope"), r"reduction must be one of"),
        (lambda: nna.namespace("nnarray.numpy"), r"Unknown backend: 'nnarray\.numpy'\. Did you mean 'numpy'\?"),
        (lambda: optimizers.SGD().apply([None], [Dense(1).add_weight((2,))]), r"has no gradient: received None"),
    ],
)
def test_arguments_are_refused_by_name(make: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def test_what_keras_takes_is_taken() -> None:
    assert Input(np.array([2])).shape == (None, 2)
    assert Input([2]).shape == (None, 2)
    assert Dense(1, dtype=np.float64).dtype == "float64"
    assert initializers.get(None) is None
    assert Dense(1, kernel_initializer=None, bias_initializer=None)(X).shape == (24, 1)
    assert Dense(1, use_bias=False).bias is None
    assert np.all(np.asarray(Dropout(1.0)(X, training=True)) == 0)
    assert Dropout(0.5, noise_shape=[None, 1])(X, training=True).shape == (24, 3)
    assert _compiled(optimizer=optimizers.SGD(0.001, momentum=1.0)).fit(X, Y, verbose=0).epoch == [0]
    assert Layer().add_weight((2,), None).shape == (2,)
    assert Dense(1, dtype="float16", input_dim=3)(X).dtype == np.float16


def test_a_mask_that_does_not_cover_the_inputs_is_refused() -> None:
    for shape in ((5, 1), (1,), (None, 1, 1), (None, 2)):
        with pytest.raises(ValueError, match="noise_shape must have the inputs' number of axes"):
            Dropout(0.5, noise_shape=shape)(X, training=True)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"verbose": "1"}, r"Did you mean 1\?"),
        ({"verbose": "Auto"}, r"Did you mean 'auto'\?"),
        ({"verbose": 3}, r"verbose must be"),
        ({"verbose": None}, r"verbose must be"),
        ({"validation_split": "0.2"}, r"Did you mean validation_split=0\.2\?"),
        ({"validation_split": [0.2]}, r"validation_split must be"),
        ({"validation_split": 1.0}, r"validation_split must be"),
        ({"validation_split": -0.1}, r"validation_split must be"),
        ({"validation_split": float("nan")}, r"validation_split must be"),
        ({"callbacks": callbacks.Callback}, r"callbacks=\[Callback\(\)\]"),
        ({"callbacks": [callbacks.History]}, r"callbacks=\[History\(\)\]"),
        ({"callbacks": [print]}, r"LambdaCallback"),
    ],
)
def test_arguments_of_fit_are_refused_and_nothing_is_changed(given: dict[str, Any], message: str) -> None:
    model = _compiled()
    before = model.get_weights()
    with pytest.raises((TypeError, ValueError), match=message):
        model.fit(X, Y, **{"verbose": 0, **given})
    assert same(before, model.get_weights())
    assert int(model.optimizer.iterations) == 0


@pytest.mark.parametrize("reduction", ["none", None])
def test_a_loss_that_is_not_one_number_is_refused(reduction: Any) -> None:
    model = _compiled(loss=losses.MeanSquaredError(reduction=reduction))
    with pytest.raises(ValueError, match=r"one number.*reduction='sum'"):
        model.fit(X, Y, verbose=0)


def test_a_stack_cannot_be_a_layer_of_its_own() -> None:
    model = dense()
    for layer in (model, Sequential([model])):
        with pytest.raises(ValueError, match="cannot be a layer of its own"):
            model.add(layer)
    assert len(model.layers) == 1


# -- data --------------------------------------------------------------------------------------------------------------


def test_one_example_is_no_batch() -> None:
    symbol = Input((3,))
    for model in (dense(), models.Model(symbol, Dense(1)(symbol))):
        with pytest.raises(ValueError, match=r"received.*shape \(3,\).*x\[None\]"):
            model.predict(X[0], verbose=0)
        with pytest.raises(ValueError, match=r"shape \(3,\)"):
            model(X[0])
        with pytest.raises(ValueError, match=r"shape \(3,\)"):
            _compiled(model).train_on_batch(X[0], Y[0])


class _Frame:
    """A table whose columns have several dtypes, as an array of objects."""

    def __init__(self, *columns: Any) -> None:
        self.columns = columns

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        made = np.empty((24, len(self.columns)), dtype=object)
        for i, column in enumerate(self.columns):
            made[:, i] = column
        return made


def test_tables_of_numbers_of_several_kinds_are_numbers() -> None:
    frame = _Frame([True, False] * 12, list(range(24)), X[:, 0].tolist())
    numbers = np.stack([np.arange(24) % 2 == 0, np.arange(24), X[:, 0]], axis=1).astype("float32")
    model = _compiled()
    np.testing.assert_allclose(model.predict(frame, verbose=0), model.predict(numbers, verbose=0), rtol=1e-6)
    assert model.fit(frame, Y, verbose=0).epoch == [0]
    for column in (list("ab") * 12, [None] * 24, [decimal.Decimal(1)] * 24):
        with pytest.raises(TypeError, match="x must hold real numbers"):
            model.fit(_Frame(column, column, column), Y, verbose=0)


class _Sparse:
    """A matrix that becomes an array only when it is asked to."""

    shape = (24, 3)

    def toarray(self) -> Any:
        return X

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(self, dtype=object)


def test_sparse_matrices_are_taken() -> None:
    model = _compiled()
    np.testing.assert_allclose(model.predict(_Sparse(), verbose=0), model.predict(X, verbose=0))
    assert model.fit(_Sparse(), Y, verbose=0).epoch == [0]


@pytest.mark.parametrize("library", ["numpy", "array_api_strict", "torch"])
@pytest.mark.parametrize(
    "of",
    [
        lambda x: x.astype(">f4"),
        lambda x: x.astype("g"),
        lambda x: (x * 10).astype(">i4"),
        lambda x: (abs(x) * 10).astype("u2"),
        lambda x: (x > 0).view("u1").__mul__(3).view(bool),
        lambda x: x[::-1],
        lambda x: np.asfortranarray(x),
    ],
)
def test_arrays_of_any_layout_go_onto_any_library(of: Any, library: str) -> None:
    pytest.importorskip(library)
    model = _compiled(Sequential([Dense(1, input_dim=3)], backend=library))
    x, y = of(X), of(Y)
    plain_x, plain_y = np.array(x.astype("float32")), np.array(y.astype("float32"))
    expected = model.evaluate(plain_x, plain_y, verbose=0)
    assert model.evaluate(x, y, sample_weight=np.ones(24, ">f4"), verbose=0) == pytest.approx(expected, rel=1e-5)
    assert model.predict(x, verbose=0).dtype == np.float32
    model.set_weights([np.ones((3, 1), ">f8"), np.ones(1, "g")])
    assert model.fit(x, y, verbose=0).epoch == [0]


# -- what there is and what is not -------------------------------------------------------------------------------------


def test_what_is_not_there_yet_is_no_attribute() -> None:
    for model in (Sequential([Dense(1)]), Sequential(), of_call(lambda m, x: x)):
        assert not hasattr(model, "input_shape")
        assert not hasattr(model, "output_shape")
        assert not hasattr(model, "inputs")
    assert not hasattr(Dense(1), "output")
    assert dense().input_shape == (None, 3)


def test_layers_cast_floats_to_their_dtype_and_leave_integers() -> None:
    for dtype in ("float16", "float64"):
        assert Dense(1)(X.astype(dtype)).dtype == np.float32
        assert layers.Flatten()(X.astype(dtype)).dtype == np.float32
        assert dense()(X.astype(dtype)).dtype == np.float32
    assert Dense(1, dtype="float64")(X).dtype == np.float64
    assert layers.Flatten()(np.ones((2, 3), "int64")).dtype == np.int64
    assert Dense(1)(np.ones((2, 3), "int64")).dtype == np.float32


def test_a_variable_is_an_array_for_numpy() -> None:
    layer = Dense(2)
    layer(X)
    kernel, array = layer.kernel, layer.get_weights()[0]
    np.testing.assert_array_equal(np.asarray(kernel), array)
    np.testing.assert_array_equal(np.exp(kernel), np.exp(array))
    np.testing.assert_array_equal(np.add(1.0, kernel), 1.0 + array)
    np.testing.assert_array_equal(X @ kernel, X @ array)
    np.testing.assert_array_equal(array * kernel, array * array)
    assert np.sum(kernel) == np.sum(array)
    assert np.asarray(kernel, dtype="float64").dtype == np.float64


def test_a_function_that_the_standard_lacks_is_not_advised() -> None:
    special = pytest.importorskip("scipy.special")
    x = nna.namespace("numpy").asarray([1.0, 2.0])
    with pytest.raises(TypeError, match="numpy.gammaln cannot record") as error:
        special.gammaln(x)
    assert not re.search(r"xp\.gammaln", str(error.value))
    with pytest.raises(TypeError, match=r"xp\.exp\(x\)"):
        np.exp(x)


@both_ways
@pytest.mark.parametrize(
    ("loss", "activation"),
    [("categorical_crossentropy", "softmax"), ("sparse_categorical_crossentropy", "softmax"), ("mse", "softmax")],
)
def test_one_class_learns_nothing_and_a_warning_says_so(loss: str, activation: str, eagerly: bool) -> None:
    model = _compiled(dense(1, activation), loss=loss, run_eagerly=eagerly)
    with pytest.warns(UserWarning, match="nothing is learned"):
        model.fit(X, Y * 0, verbose=0)


def test_outputs_in_a_tuple_are_trained_and_come_as_a_tuple() -> None:
    model = of_call(lambda m, x: (m.a(x), m.b(x)), a=Dense(1), b=Dense(2))
    _compiled(model, loss=["mse", "mse"])
    for y in ((Y, np.ones((24, 2))), [Y, np.ones((24, 2))]):
        assert len(model.fit(X, y, verbose=0).history) == 3
    found = model.predict(X, verbose=0)
    assert isinstance(found, tuple)
    assert [output.shape for output in found] == [(24, 1), (24, 2)]
