"""What is done to symbols is done to arrays of any library, in the model, its copies and that of its configuration."""

from __future__ import annotations

import copy
import operator
import pickle
import warnings
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import activations, layers
from nnarray._trees import leaves_of
from nnarray.models import Model
from tests.hosts import to_host

RNG = np.random.default_rng(1)
ROW = np.array([1.0, 2.0, 3.0], dtype="float32")
LIBRARIES = ["numpy", "array_api_strict", "torch"]


def xp_of(x: Any) -> Any:
    return x.__array_namespace__()


def beside(x: Any, constant: Any) -> Any:
    """Return a constant as it stands beside a symbol, and as it must beside an Array."""
    return constant if isinstance(x, layers.Placeholder) else xp_of(x).asarray(constant)


def _op(name: str) -> Any:
    return getattr(operator, name)


FLOATS: dict[str, Any] = {
    **{
        f"{name} {how}": function
        for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow")
        for how, function in {
            "each other": lambda x, name=name: _op(name)(abs(x) + 1, abs(x) + 0.5),
            "a number": lambda x, name=name: _op(name)(abs(x) + 1, 2),
            "of a number": lambda x, name=name: _op(name)(2.5, abs(x) + 1),
            "an array": lambda x, name=name: _op(name)(abs(x) + 1, beside(x, ROW)),
            "of an array": lambda x, name=name: _op(name)(beside(x, ROW), abs(x) + 1),
            "a NumPy scalar": lambda x, name=name: _op(name)(abs(x) + 1, beside(x, np.float32(2))),
            "of a NumPy scalar": lambda x, name=name: _op(name)(beside(x, np.float32(2)), abs(x) + 1),
        }.items()
    },
    **{
        name: lambda x, name=name: _op(name)(x, 0.5) & _op(name)(x, x * x) | _op(name)(0.5, x)
        for name in ("lt", "le", "gt", "ge", "eq", "ne")
    },
    **{name: getattr(operator, name) for name in ("neg", "pos", "abs")},
    "logic": lambda x: (x > 0) & (x < 1) | ~(x > 2),
    "matmul": lambda x: x @ beside(x, np.ones((3, 2), "float32")),
    "transpose": lambda x: (x[:, :, None] * x[:, None, :]).mT,
    "column": lambda x: x[:, 0] + x[:, -1],
    "slices": lambda x: x[:, 0:2] * x[..., 1:] + x[1:, :2][:1, :],
    "new axis": lambda x: x[:, None, :] * x[:, :, xp_of(x).newaxis],
    "chosen columns": lambda x: xp_of(x).take(x, beside(x, np.array([0, 2])), axis=1),
    **{
        name: lambda x, name=name: getattr(xp_of(x), name)(x, axis=1, keepdims=True)
        for name in ("sum", "mean", "max", "min", "prod", "std", "var")
    },
    **{name: lambda x, name=name: getattr(xp_of(x), name)(x > 0, axis=-1) for name in ("any", "all")},
    **{
        name: lambda x, name=name: getattr(xp_of(x), name)(x, axis=1)
        for name in ("argmax", "cumulative_sum", "sort", "flip")
    },
    "sum in a dtype": lambda x: xp_of(x).sum(x, axis=1, dtype=xp_of(x).float64),
    "concat": lambda x: xp_of(x).concat([x, x * 2, beside(x, np.ones((1, 3), "float32")) + 0 * x], axis=1),
    "stack": lambda x: xp_of(x).stack((x, x * 2), axis=-1),
    "where": lambda x: xp_of(x).where(x > 0, x, 0.0) + xp_of(x).where(x > 1, 1.0, x),
    "where of constants": lambda x: xp_of(x).where(beside(x, np.array([True, False, True])), x, beside(x, ROW)),
    **{
        f"astype {dtype}": lambda x, dtype=dtype: xp_of(x).astype(x, getattr(xp_of(x), dtype))
        for dtype in ("float64", "int32", "bool", "uint8")
    },
    "astype its own": lambda x: xp_of(x).astype(x > 0, x.dtype),
    **{
        name: lambda x, name=name: getattr(xp_of(x), name)(abs(x))
        for name in ("exp", "log1p", "tanh", "sqrt", "floor", "isfinite")
    },
    **{
        name: lambda x, name=name: (
            getattr(xp_of(x), name)(abs(x), 2.0)
            + getattr(xp_of(x), name)(abs(x), x * x + 1)
            + getattr(xp_of(x), name)(beside(x, ROW), abs(x))
        )
        for name in ("maximum", "minimum", "hypot", "atan2", "logaddexp")
    },
    "clip": lambda x: xp_of(x).clip(x, -1, 1) + xp_of(x).clip(x, min=-1),
    "likes": lambda x: xp_of(x).zeros_like(x) + xp_of(x).ones_like(x) + xp_of(x).full_like(x, 3.0),
    "shapes": lambda x: xp_of(x).squeeze(xp_of(x).expand_dims(xp_of(x).reshape(x, (-1, 3)), axis=1), axis=1),
    "permute": lambda x: xp_of(x).permute_dims(x[:, :, None] * x[:, None, :2], (0, 2, 1)),
    "tile and roll": lambda x: xp_of(x).roll(xp_of(x).tile(x, (1, 2)), 1, axis=1),
    "unstack": lambda x: tuple(xp_of(x).unstack(x, axis=1)),
    "vecdot": lambda x: xp_of(x).vecdot(x, x) + xp_of(x).linalg.vector_norm(x, axis=1),
    "tensordot": lambda x: xp_of(x).tensordot(x, beside(x, np.ones((3, 2), "float32")), axes=1),
    "inverse": lambda x: xp_of(x).linalg.inv(x[:, :, None] * x[:, None, :] + 4 * beside(x, np.eye(3, dtype="float32"))),
    "cross": lambda x: xp_of(x).linalg.cross(x, x * x),
    "fft": lambda x: abs(xp_of(x).fft.rfft(x)),
    "constants of the namespace": lambda x: xp_of(x).minimum(x * xp_of(x).pi, xp_of(x).inf),
    "questions of dtypes": lambda x: (
        x * (2 if xp_of(x).isdtype(x.dtype, "real floating") else 3) + xp_of(x).finfo(x.dtype).eps
    ),
    "promotion": lambda x: x * beside(x, np.array([1.0, 2.0, 3.0])),
    **{
        name: getattr(activations, name) for name in ("relu", "sigmoid", "tanh", "softmax", "log_softmax", "leaky_relu")
    },
    "softmax over the first axis": lambda x: activations.softmax(x[:, :, None] * x[:, None, :], axis=1),
    "relu with a limit": lambda x: activations.relu(x, max_value=1.0),
}
INTEGERS: dict[str, Any] = {
    **{
        name: lambda x, name=name: _op(name)(x, 3) + _op(name)(2, x)
        for name in ("add", "mul", "floordiv", "mod", "and_", "or_", "xor", "lshift", "rshift")
    },
    "invert": lambda x: ~x,
    "a table's rows": lambda x: xp_of(x).take(beside(x, np.arange(12.0).reshape(6, 2)), x[:, 0], axis=0),
}


def _check(function: Any, dtype: str, library: str) -> None:
    pytest.importorskip(library)
    raw = RNG.standard_normal((4, 3)) * 2 if dtype == "float32" else RNG.integers(1, 5, (4, 3))
    raw = raw.astype(dtype)
    symbol = layers.Input((3,), dtype=dtype)
    outputs = function(symbol)
    model = Model(symbol, outputs, backend=library)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        expected = [to_host(array.value) for array in leaves_of(function(nna.namespace(library).asarray(raw)))]
        found = {
            "called": model(raw),
            "predicted": model.predict(raw, verbose=0),
            "from its configuration": Model.from_config(model.get_config())(raw),
            "copied": copy.deepcopy(model)(raw),
            "pickled": pickle.loads(pickle.dumps(model))(raw),
        }
    for how, results in found.items():
        for array, value, spec in zip(leaves_of(results), expected, leaves_of(outputs), strict=True):
            np.testing.assert_allclose(to_host(array), value, rtol=1e-4, atol=1e-5, err_msg=how)
            assert (spec.ndim, spec.dtype) == (value.ndim, str(value.dtype))
            assert all(n in (None, m) for n, m in zip(spec.shape, value.shape, strict=True))


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("name", FLOATS)
def test_what_is_noted_down_on_symbols_is_what_arrays_give(name: str, library: str) -> None:
    _check(FLOATS[name], "float32", library)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("name", INTEGERS)
def test_what_is_noted_down_on_symbols_of_integers_is_what_arrays_give(name: str, library: str) -> None:
    _check(INTEGERS[name], "int64", library)


@pytest.mark.parametrize(
    "dtype",
    ["float64", np.float64, np.dtype("float64"), nna.namespace("numpy").float64],
    ids=lambda x: type(x).__name__,
)
def test_dtypes_may_be_named_by_anything(dtype: Any) -> None:
    symbol = layers.Input((3,))
    assert Model(symbol, xp_of(symbol).astype(symbol, dtype))(np.ones((2, 3), "float32")).dtype == np.float64


@pytest.mark.parametrize(
    "use",
    [
        lambda x: 1 if x > 0 else 2,
        list,
        len,
        float,
        int,
        np.asarray,
        np.exp,
        lambda x: np.add(x, x, out=np.ones(3)),
        lambda x: operator.setitem(x, 0, 1.0),
        lambda x: nna.grad(lambda y: y)(x),
        lambda x: nna.losses.mean_squared_error(x, x),
        lambda x: x * layers.Dense(1).add_weight((3,)),
        lambda x: Model(x, layers.Dense(1)(x)).predict(x),
    ],
)
def test_what_needs_numbers_is_refused(use: Any) -> None:
    with pytest.raises(TypeError, match=r"stands for an array|symbol|Placeholder"):
        use(layers.Input((3,), name="x"))


def test_lengths_that_are_not_known_stay_unknown() -> None:
    x = layers.Input((None, 2))
    xp = xp_of(x)
    assert (xp.exp(x) * 2).shape == (None, None, 2)
    assert xp.sum(x, axis=1).shape == (None, 2)
    assert layers.Dense(3)(x).shape == (None, None, 3)
    assert layers.Flatten()(x).shape == (None, None)
    model = Model(x, layers.Dense(3)(xp.exp(x)))
    for length in (1, 5):
        assert model.predict(np.ones((3, length, 2)), verbose=0).shape == (3, length, 3)


def test_symbols_are_keys_and_equal_to_none_but_themselves() -> None:
    x, y = layers.Input((3,)), layers.Input((3,))
    assert {x: 1, y: 2} == {x: 1, y: 2}
    assert isinstance(x == y, layers.Placeholder)
