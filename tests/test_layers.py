"""Layers: Dense, Activation, Flatten and Input on every backend, names, variables, weights and the pure form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import layers
from nnarray.array import Array
from nnarray.backends import backend_of
from nnarray.layers import Activation, Dense, Flatten, Input, InputLayer, Layer
from nnarray.variables import StatelessScope, Variable
from tests.hosts import to_host, to_library

RNG = np.random.default_rng(0)
X, W, B = RNG.normal(size=(5, 3)), RNG.normal(size=(3, 2)), RNG.normal(size=2)


def dense(place: Any, **arguments: Any) -> Dense:
    """Return a Dense layer in float64 with the weights W and B."""
    layer = Dense(2, dtype="float64", **arguments)
    layer(to_library(X, nna.namespace(*place)))
    layer.set_weights([W, B][: len(layer.variables)])
    return layer


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("activation", [None, "relu", np.tanh])
@pytest.mark.parametrize("shape", [(5, 3), (1, 3), (0, 3), (2, 5, 3), (2, 1, 4, 3)])
def test_dense_is_the_matrix_product_along_the_last_axis(
    use_bias: bool, activation: Any, shape: Any, place: Any
) -> None:
    x = RNG.normal(size=shape)
    if callable(activation):  # a user's own function, in array-API code
        layer = dense(place, use_bias=use_bias, activation=lambda z: nna.array_namespace(z).tanh(z))
    else:
        layer = dense(place, use_bias=use_bias, activation=activation)
    found = layer(to_library(x, nna.namespace(*place)))
    z = x @ W + (B if use_bias else 0.0)
    expected = {None: z, "relu": np.maximum(z, 0)}.get(activation, np.tanh(z))
    assert backend_of(found).name == place[0]
    np.testing.assert_allclose(to_host(found), expected, rtol=1e-13, atol=1e-15)
    assert layer.compute_output_shape((None, *shape[1:])) == (None, *shape[1:-1], 2)


def test_dense_and_its_gradients_are_those_of_pytorch(place: Any) -> None:
    torch = pytest.importorskip("torch")
    layer = dense(place)
    xp = nna.namespace(*place)

    def objective(x: Any, kernel: Any, bias: Any) -> Any:
        outputs, _ = layer.stateless_call([kernel, bias], [], x)
        return nna.array_namespace(outputs).sum(outputs**2)

    leaves = [torch.tensor(a, requires_grad=True) for a in (X, W, B)]
    (torch.nn.functional.linear(leaves[0], leaves[1].T, leaves[2]) ** 2).sum().backward()
    found = nna.grad(objective, argnums=(0, 1, 2))(*(to_library(a, xp) for a in (X, W, B)))
    for ours, leaf in zip(found, leaves, strict=True):
        np.testing.assert_allclose(to_host(ours), leaf.grad.numpy(), rtol=1e-12)


def test_dense_applies_its_activation_to_the_affine_map(place: Any) -> None:
    x = to_library(X, nna.namespace(*place))
    y = dense(place, activation="sigmoid")(x)
    np.testing.assert_allclose(to_host(y), 1 / (1 + np.exp(-(X @ W + B))), rtol=1e-13)
    z = dense(place, activation=lambda z: z * 2.0)(x)
    np.testing.assert_allclose(to_host(z), 2 * (X @ W + B), rtol=1e-13)


def test_dense_makes_its_variables_at_the_first_call_where_the_input_lives(place: Any) -> None:
    layer = Dense(4, name="hidden")
    assert layer.variables == []
    assert not layer.built
    x = to_library(X.astype(np.float32), nna.namespace(*place))
    layer(x)
    assert layer.built
    assert [(v.path, v.shape, v.dtype) for v in layer.variables] == [
        ("hidden/kernel", (3, 4), "float32"),
        ("hidden/bias", (4,), "float32"),
    ]
    adapter = backend_of(x)
    assert all(v.backend is adapter and v.device == adapter.device_of(x) for v in layer.variables)
    layer(x)
    assert layer.count_params() == 16


@pytest.mark.parametrize(
    ("units", "received"), [(0, "0"), (-3, "-3"), (2.0, "2.0"), (True, "True"), ("4", "'4'"), (None, "None")]
)
def test_units_that_are_no_positive_integer_are_refused(units: Any, received: str) -> None:
    with pytest.raises(ValueError, match=f"units must be a positive integer: received units={received}"):
        Dense(units)


def test_dense_refuses_inputs_of_another_width_and_without_a_batch(place: Any) -> None:
    layer = dense(place)
    for shape in ((5, 2), (3,), ()):
        with pytest.raises(ValueError, match=r"takes inputs of shape \(batch, …, 3\): received"):
            layer(to_library(np.ones(shape), nna.namespace(*place)))
    for shape in ((None, None), (None,), ()):
        with pytest.raises(ValueError, match="features being known: received"):
            Dense(2).build(shape)
    with pytest.raises(ValueError, match=r"received inputs of shape \(3,\)\. One feature stands on an axis of its own"):
        Dense(2)(to_library(np.ones(3), nna.namespace(*place)))


def test_flatten_keeps_the_batch_and_joins_the_rest(place: Any) -> None:
    for shape, flat in (((5, 2, 3), (5, 6)), ((5,), (5, 1)), ((0, 2, 3), (0, 6)), ((2, 1, 2, 2), (2, 4))):
        x = np.arange(float(np.prod(shape))).reshape(shape)
        found = Flatten()(to_library(x, nna.namespace(*place)))
        np.testing.assert_array_equal(to_host(found), x.reshape(flat))
        assert Flatten().compute_output_shape((None, *shape[1:])) == (None, *flat[1:])
    assert Flatten().compute_output_shape((None, None, 3)) == (None, None)


def test_activation_layers_apply_names_and_functions(place: Any) -> None:
    x = to_library(X, nna.namespace(*place))
    np.testing.assert_array_equal(to_host(Activation("relu", dtype="float64")(x)), np.maximum(X, 0))
    np.testing.assert_array_equal(to_host(Activation(lambda z: z * 2.0, dtype="float64")(x)), X * 2)
    assert Activation("tanh").compute_output_shape((None, 7)) == (None, 7)
    with pytest.raises(ValueError, match="Did you mean 'softmax'"):
        Activation("sotfmax")


def test_input_declares_a_shape_and_passes_examples_on() -> None:
    layer = InputLayer((3,), batch_size=4, name="pixels")
    assert (layer.name, layer.batch_input_shape, layer.built) == ("pixels", (4, 3), True)
    np.testing.assert_array_equal(layer(X.astype("float32")), X.astype("float32"))
    symbol = Input((3,), batch_size=4, name="pixels")
    assert (symbol.name, symbol.shape, symbol.dtype) == ("pixels", (4, 3), "float32")
    assert Dense(2, input_dim=3).batch_input_shape == Dense(2, input_shape=(3,)).batch_input_shape == (None, 3)


def test_names_are_the_class_in_snake_case_and_numbered() -> None:
    class DeepBlock(Layer):
        pass

    assert [DeepBlock().name for _ in range(3)] == ["deep_block", "deep_block_1", "deep_block_2"]
    assert DeepBlock(name="mine").name == "mine"
    assert repr(DeepBlock(name="mine")) == "DeepBlock(name='mine')"


class Scale(Layer):
    """The layer of the docstring of `Layer`."""

    def build(self, input_shape: Any) -> None:
        self.factor = self.add_weight((input_shape[-1],), "ones", name="factor")

    def call(self, inputs: Any) -> Any:
        return inputs * self.factor


def test_a_custom_layer_multiplies_by_its_variable_raw_and_recorded(place: Any) -> None:
    x = nna.namespace(*place).asarray(np.asarray([[1.0, 2.0]], dtype=np.float32))
    layer = Scale(name="scale")
    found = layer(x)
    assert isinstance(found, Array)
    np.testing.assert_array_equal(to_host(found.value), [[1.0, 2.0]])
    layer.factor.assign(np.asarray([3.0, 5.0]))
    gradient = nna.grad(lambda f: nna.array_namespace(f).sum(layer.stateless_call([f], [], x)[0]))(layer.factor.value)
    np.testing.assert_array_equal(to_host(gradient), [1.0, 2.0])
    if place[0] != "array_api_strict":  # whose own arrays take nothing else beside them
        np.testing.assert_array_equal(to_host(layer(x.value)), [[3.0, 10.0]])
        assert layer.compute_output_shape((None, 2)) == (None, 2)


def test_a_layer_without_call_says_so() -> None:
    with pytest.raises(NotImplementedError, match=r"Layer must define call\(inputs\)"):
        Layer()(X)


def test_nested_lists_become_arrays_of_the_layers_dtype(place: Any) -> None:
    with nna.use_backend(*place) as selection:
        found = Dense(2)([[1, 2], [3, 4]])
    assert backend_of(found) is selection.backend
    assert selection.backend.dtype_name(found.dtype) == "float32"


def test_the_pure_form_reads_what_it_is_lent_and_changes_nothing(place: Any) -> None:
    class Counting(Layer):
        def build(self, input_shape: Any) -> None:
            self.dense = Dense(2, dtype="float64")
            self.seen = self.add_weight((), "zeros", dtype="float64", trainable=False, name="seen")

        def call(self, inputs: Any) -> Any:
            self.seen.assign(self.seen.value + 1.0)
            return self.dense(inputs)

    layer = Counting(dtype="float64")
    x = to_library(X, nna.namespace(*place))
    layer(x)
    layer.dense.set_weights([W, B])
    before = layer.get_weights()
    lent = [to_library(a, nna.namespace(*place)) for a in (2 * W, 3 * B, np.asarray(7.0))]
    outputs, (seen,) = layer.stateless_call(lent[:2], lent[2:], x)
    np.testing.assert_allclose(to_host(outputs), 2 * X @ W + 3 * B, rtol=1e-13)
    assert float(to_host(seen)) == 8.0
    assert float(to_host(lent[2])) == 7.0
    for held, expected in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(held, expected)
    assert [v.path.rpartition("/")[2] for v in layer.variables] == ["seen", "kernel", "bias"]


def test_the_pure_form_refuses_another_number_of_arrays_and_a_layer_without_variables() -> None:
    layer = dense(("numpy", None))
    with pytest.raises(ValueError, match="takes 2 trainable and 0 non-trainable arrays: received 1 and 0"):
        layer.stateless_call([W], [], X)
    with pytest.raises(ValueError, match="Build it first"):
        Dense(2).stateless_call([], [], X)
    with pytest.raises(ValueError, match="shorter"), StatelessScope(layer.variables, [W]):
        pass
    assert isinstance(layer.kernel, Variable)
    assert set(layers.__all__) >= {"Activation", "Dense", "Dropout", "Flatten", "Input", "Layer"}
