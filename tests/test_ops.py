"""Keras' operations: numbers by Keras on every library, derivatives, compiled, on symbols, and what is refused."""

from __future__ import annotations

import inspect
import json
import pickle
import re
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import ops
from nnarray._trees import leaves_of
from nnarray.compiler import TracingError
from tests.hosts import to_host, to_library
from tests.keras_ops import ARRAYS, CASES, NUMBERS, Case

RECORDED = json.loads(NUMBERS.read_text(encoding="utf-8"))
PAGE = runpy.run_path(str(Path(__file__).parent.parent / "docs" / "ops_list.py"))
#: Keras computes these in float32, whatever their arguments.
IN_SINGLE = ("layer_normalization", "mean", "normalize", "polar", "rms_normalization")
#: Vectors of decompositions have a sign that is the library's own.
UP_TO_SIGN = ("eig", "eigh", "qr", "svd")
#: How much they return depends on values.
SHAPED_BY_VALUES = ("bincount", "nonzero", "unique")


def _title(case: Case) -> str:
    name, args, kwargs = case
    return f"{name}({', '.join([*map(str, args), *(f'{key}={value}' for key, value in kwargs.items())])})"


def _numbered(taken: Callable[[str, bool], bool]) -> list[Any]:
    """Return cases with what Keras gave for them, by their name and whether it is the first of that name."""
    found, seen = [], set()
    for case, result, dtype in zip(CASES, RECORDED["results"], RECORDED["dtypes"], strict=True):
        if taken(case[0], case[0] not in seen):
            found.append(pytest.param(case, result, dtype, id=_title(case)))
        seen.add(case[0])
    return found


class Hole:
    """Stands for an array in the arguments of a case."""

    def __init__(self, place: int) -> None:
        self.place = place


def _opened(case: Case) -> tuple[list[np.ndarray], Callable[..., Any]]:
    """Return the arrays of a case, and its call as a function of them."""
    name, args, kwargs = case
    arrays: list[np.ndarray] = []

    def hollow(value: Any) -> Any:
        if isinstance(value, str) and value.startswith("$"):
            arrays.append(ARRAYS[value[1:]])
            return Hole(len(arrays) - 1)
        return type(value)(map(hollow, value)) if isinstance(value, (list, tuple)) else value

    held, named = hollow(args), {key: hollow(value) for key, value in kwargs.items()}

    def call(*given: Any) -> Any:
        def whole(value: Any) -> Any:
            if isinstance(value, Hole):
                return given[value.place]
            return type(value)(map(whole, value)) if isinstance(value, (list, tuple)) else value

        return getattr(ops, name)(*whole(held), **{key: whole(value) for key, value in named.items()})

    return arrays, call


@pytest.fixture(autouse=True)
def _wide() -> Iterator[None]:
    nna.config.set_floatx("float64")
    yield
    nna.config.set_floatx("float32")


def _close(found: Any, expected: Any, name: str, dtype: str = "float64") -> None:
    if isinstance(expected, dict):
        expected = np.asarray(expected["real"]) + 1j * np.asarray(expected["imag"])
    found, expected = np.asarray(found), np.asarray(expected)
    if name in UP_TO_SIGN:
        found, expected = np.abs(found), np.abs(expected)
    assert found.shape == expected.shape
    # Numbers of elements are integers here, whatever Keras' library makes of them.
    assert name == "histogram" or found.dtype.kind.replace("u", "i") == expected.dtype.kind
    single = name in IN_SINGLE or dtype in ("float32", "complex64")
    np.testing.assert_allclose(found, expected, rtol=3e-6 if single else 1e-9, atol=1e-6 if single else 1e-11)


def _as_keras(case: Case, result: Any, dtype: str, place: Any) -> None:
    arrays, call = _opened(case)
    space = nna.namespace(*place)
    with nna.use_backend(*place):
        found = call(*(to_library(x, space) for x in arrays))
    if isinstance(found, (list, tuple)):
        assert len(found) == len(result)
        for each, expected in zip(found, result, strict=True):
            _close(to_host(each), expected, case[0], dtype)
    else:
        _close(to_host(found), result, case[0], dtype)


@pytest.mark.compiles_for_each_case
@pytest.mark.parametrize(("case", "result", "dtype"), _numbered(lambda _, is_first: is_first))
def test_numbers_are_those_of_keras(case: Case, result: Any, dtype: str, place: Any) -> None:
    _as_keras(case, result, dtype, place)


@pytest.mark.exclude_backend("jax", reason="it compiles each function for each shape, which takes minutes")
@pytest.mark.parametrize(("case", "result", "dtype"), _numbered(lambda _, is_first: not is_first))
def test_numbers_with_other_arguments_are_those_of_keras(case: Case, result: Any, dtype: str, place: Any) -> None:
    _as_keras(case, result, dtype, place)


# -- the list -------------------------------------------------------------------------------------------------------


def test_what_is_not_there_has_a_reason_on_the_page_and_the_page_is_what_would_be_made_now() -> None:
    missing = {name for name in RECORDED["names"] if not hasattr(ops, name)}
    assert missing == set(PAGE["LEFT_OUT"])
    assert PAGE["PAGE"].read_text(encoding="utf-8") == PAGE["page"](), f"Run: {PAGE['COMMAND']}"


FUNCTIONS = [name for name in ops.__all__ if callable(getattr(ops, name))]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_is_a_function_with_the_arguments_of_keras_and_a_docstring(name: str) -> None:
    function = getattr(ops, name)
    assert function.__name__ in (name, {"hard_swish": "hard_silu", "swish": "silu"}.get(name))
    assert function.__module__ == "nnarray.ops"
    assert pickle.loads(pickle.dumps(function)) is function
    assert re.match(r"[A-Z][^\n]*[.…:]", inspect.getdoc(function) or "")
    signature = inspect.signature(function)
    bare = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    ours = [str(p) for p in bare if name != "relu" or p.name == "x"]
    theirs = [each for each in RECORDED["names"][name][1:-1].split(", ") if each != "**kwargs"]
    assert [each for each in ", ".join(ours).split(", ") if each != "**kwargs"] == theirs


# -- what they take -------------------------------------------------------------------------------------------------


def test_lists_and_numbers_are_arrays_of_the_current_library_in_keras_dtypes(place: Any) -> None:
    nna.config.set_floatx("float32")
    space = nna.namespace(*place)
    with nna.use_backend(*place):
        made = [ops.add([1, 2], [3, 4]), ops.multiply([1.0, 2.0], 2), ops.exp(0), ops.zeros(2), ops.arange(3)]
        made += [ops.logical_not([True]), ops.concatenate([[1], [2.5]])]
        assert all(type(x) is type(space.asarray([0.0]).value) for x in made if x.shape)
    names = ["int32", "float32", "float32", "float32", "int32", "bool", "float32"]
    assert [ops.dtype(x) for x in made] == names
    np.testing.assert_array_equal(to_host(made[-1]), [1.0, 2.5])


def test_numpy_and_lists_beside_another_library_become_arrays_of_it(place: Any) -> None:
    x = to_library(np.asarray([1.0, 2.0]), nna.namespace(*place))
    for found in (
        ops.add(np.asarray([1.0, 1.0]), x),
        ops.add([1.0, 1.0], x),
        ops.concatenate([np.ones(1), x[:1]]),
    ):
        assert type(found) is type(x)
        assert found.shape == (2,)
    np.testing.assert_array_equal(to_host(ops.subtract(x, np.float64(1.0))), [0.0, 1.0])
    assert ops.dtype(ops.quantile(x, [0.1])) == "float64"


def test_arrays_stay_recorded_and_variables_give_their_values(place: Any) -> None:
    space = nna.namespace(*place)
    x = space.asarray([1.0, 4.0])
    assert isinstance(ops.sqrt(x), nna.Array)
    assert isinstance(ops.add([1.0, 1.0], x), nna.Array)
    assert isinstance(ops.split(x, 2)[0], nna.Array)
    variable = nna.Variable(to_library(np.asarray([1.0, 4.0]), space))
    assert not isinstance(ops.sqrt(variable), nna.Array)
    np.testing.assert_allclose(to_host(nna.grad(lambda v: ops.sum(ops.sqrt(v)))(variable)), [0.5, 0.25])
    np.testing.assert_array_equal(ops.convert_to_numpy(variable), [1.0, 4.0])
    assert (ops.shape(variable), ops.ndim(variable), ops.size(variable), ops.dtype(variable)) == ((2,), 1, 2, "float64")


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("int32", "float32", "float32"),
        ("int64", "float32", "float32"),
        ("bool", "float32", "float32"),
        ("bool", "int32", "int32"),
        ("float32", "float64", "float64"),
        ("float32", "complex64", "complex64"),
        ("float64", "complex64", "complex128"),
        ("int32", "complex64", "complex64"),
    ],
)
def test_dtypes_are_promoted_by_keras_rules(first: str, second: str, expected: str, place: Any) -> None:
    space = nna.namespace(*place)
    x, y = (to_library(np.ones(2, dtype=name), space) for name in (first, second))
    for found in (ops.add(x, y), ops.multiply(y, x), ops.concatenate([x, y])):
        assert ops.dtype(found) == expected


@pytest.mark.parametrize("number", [True, 2, 2.5])
def test_numbers_have_no_dtype_of_their_own(number: Any, place: Any) -> None:
    nna.config.set_floatx("float32")
    for name in ("int32", "float32", "float64"):
        x = to_library(np.ones(2, dtype=name), nna.namespace(*place))
        expected = "float32" if name == "int32" and number == 2.5 else name
        assert ops.dtype(ops.add(x, number)) == ops.dtype(ops.maximum(number, x)) == expected


def test_truth_values_are_combined_as_such_and_counted_as_numbers(place: Any) -> None:
    x, y = (to_library(np.asarray(v), nna.namespace(*place)) for v in ([True, False], [True, True]))
    assert to_host(ops.multiply(x, y)).tolist() == [True, False]
    assert to_host(ops.add(x, y)).tolist() == [True, True]
    assert int(ops.sum(y)) == 2
    assert float(ops.mean(x)) == 0.5


@pytest.mark.parametrize("name", ["exp", "mean", "softmax", "layer_normalization", "gelu", "cumsum", "median", "norm"])
def test_narrow_numbers_stay_narrow(name: str) -> None:
    x = np.asarray([[0.5, 1.5, -1.0, 2.0]], dtype="float16")
    found = getattr(ops, name)(x)
    assert found.dtype == "float16"
    np.testing.assert_allclose(found, getattr(ops, name)(x.astype("float64")), rtol=2e-3, atol=1e-3)


# -- derivatives ----------------------------------------------------------------------------------------------------

#: Without derivative at those points, or at all.
_NO_DERIVATIVE = {
    *("nextafter", "floor_divide", "mod", "fmod", "round", "stop_gradient", "cholesky", "eigh", "nan_to_num"),
}


def _is_smooth(case: Case) -> bool:
    """Whether a case has a derivative at its point that a difference shows."""
    text = _title(case)
    skipped = ("$holes", "$extremes", "complete", "ord=nuc", "ord=-2", "sort($ties", "segment_max", "segment_min")
    return case[0] not in _NO_DERIVATIVE and not any(word in text for word in skipped)


@pytest.mark.parametrize("case", [pytest.param(case, id=_title(case)) for case in CASES if _is_smooth(case)])
def test_derivatives_are_those_of_finite_differences(case: Case) -> None:
    arrays, call = _opened(case)
    floating = [place for place, x in enumerate(arrays) if x.dtype == np.float64]
    if not floating or any(np.asarray(x).dtype.kind != "f" for x in leaves_of(call(*arrays))):
        return

    def of_numbers(*given: Any) -> Any:
        filled: list[Any] = list(arrays)
        for place, x in zip(floating, given, strict=True):
            filled[place] = x
        return call(*filled)

    nna.testing.check_grads(of_numbers, tuple(arrays[place] for place in floating), order=1)


@pytest.mark.parametrize("name", ["nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmax", "nanmin", "nanmedian"])
def test_what_is_nan_has_slope_zero_and_changes_no_other(name: str) -> None:
    x = np.asarray([1.0, 3.0, 2.0, -0.5])
    holed = np.asarray([np.nan, 1.0, 3.0, np.nan, 2.0, -0.5])
    found = nna.grad(getattr(ops, name))(holed)
    np.testing.assert_allclose(found[[1, 2, 4, 5]], nna.grad(getattr(ops, name.removeprefix("nan")))(x), atol=1e-14)
    np.testing.assert_array_equal(found[[0, 3]], 0.0)


@pytest.mark.parametrize("how", ["max", "min", "prod", "sum"])
def test_segments_are_combined_row_by_row_and_differentiated(how: str, place: Any) -> None:
    random = np.random.default_rng(3)
    rows, ids = random.normal(size=(41, 3)), random.integers(0, 6, size=41)
    combine = {"max": np.max, "min": np.min, "prod": np.prod, "sum": np.sum}[how]
    expected = np.stack([combine(rows[ids == k], axis=0) for k in range(6)])
    function = getattr(ops, f"segment_{how}")
    x, segments, shifted = (to_library(v, nna.namespace(*place)) for v in (rows, ids, ids - 1))
    np.testing.assert_allclose(to_host(function(x, segments)), expected, rtol=1e-12)
    np.testing.assert_allclose(to_host(function(x, shifted, num_segments=4)), expected[1:5], rtol=1e-12)
    if place[0] == "numpy":
        nna.testing.check_grads(lambda rows: function(rows, ids, num_segments=6), (rows,), order=2)


def test_of_several_updates_for_a_place_the_last_counts_and_has_the_slope() -> None:
    x, indices, updates = np.zeros(3), np.asarray([[1], [0], [1]]), np.asarray([5.0, 6.0, 7.0])
    assert ops.scatter_update(x, indices, updates).tolist() == [6.0, 7.0, 0.0]
    slopes = nna.grad(lambda x, u: ops.sum(ops.scatter_update(x, indices, u)), argnums=(0, 1))(x, updates)
    assert [slope.tolist() for slope in slopes] == [[0.0, 0.0, 1.0], [0.0, 1.0, 1.0]]


def test_a_derivative_of_ones_own_is_used_to_any_order(place: Any) -> None:
    @ops.custom_gradient
    def square(x: Any, scale: float = 1.0) -> Any:
        return scale * x * x, lambda upstream: 3.0 * scale * x * upstream

    x = to_library(np.asarray(2.0), nna.namespace(*place))
    assert float(square(x)) == 4.0
    assert float(nna.grad(square)(x)) == 6.0
    assert float(nna.grad(nna.grad(square))(x)) == 3.0
    assert float(nna.grad(lambda x: square(x, scale=2.0))(x)) == 12.0
    assert float(nna.jit(nna.grad(square))(x)) == 6.0
    assert float(nna.grad(lambda x: x * ops.stop_gradient(x))(x)) == 2.0
    value, slope = ops.jvp(ops.exp, (x,), (x,))
    np.testing.assert_allclose([float(value), float(slope)], [np.exp(2.0), 2.0 * np.exp(2.0)])


# -- compiled -------------------------------------------------------------------------------------------------------


def _has_shape(case: Case) -> bool:
    """Whether the shape of the result of a case depends on no value."""
    return case[0] not in SHAPED_BY_VALUES and _title(case) not in ("where($truths)", "repeat($x, $repeats, axis=0)")


@pytest.mark.parametrize("case", [pytest.param(case, id=_title(case)) for case in CASES if _has_shape(case)])
def test_compiled_they_give_the_same(case: Case) -> None:
    arrays, call = _opened(case)
    if not arrays:
        return
    found, expected = nna.jit(call)(*arrays), call(*arrays)
    for each, other in zip(leaves_of(found), leaves_of(expected), strict=True):
        assert np.asarray(each).dtype == np.asarray(other).dtype
        np.testing.assert_allclose(each, other, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", SHAPED_BY_VALUES)
def test_what_is_shaped_by_values_is_refused_where_there_are_none(name: str) -> None:
    x = np.asarray([1, 0, 2], dtype="int32")
    with pytest.raises(TracingError, match="needs the value of an array"):
        nna.jit(getattr(ops, name))(x)
    with pytest.raises(TypeError, match=f"shape of what {name} returns depends on values, and a symbol"):
        getattr(ops, name)(nna.Input((3,), dtype="int32"))


def test_a_part_may_begin_where_a_traced_array_says(place: Any) -> None:
    x = to_library(np.arange(12.0).reshape(3, 4), nna.namespace(*place))
    start, before = (to_library(np.asarray(v, dtype="int32"), nna.namespace(*place)) for v in ([1, 2], [0, 1]))
    part = nna.jit(lambda x, start: ops.slice(x, start, (2, 2)))
    assert to_host(part(x, start)).tolist() == [[6.0, 7.0], [10.0, 11.0]]
    assert to_host(part(x, before)).tolist() == [[1.0, 2.0], [5.0, 6.0]]
    put = nna.jit(lambda x, start: ops.slice_update(x, start, ops.zeros_like(x[:2, :2])))
    np.testing.assert_array_equal(to_host(put(x, start)), to_host(ops.slice_update(x, (1, 2), np.zeros((2, 2)))))


# -- on symbols -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", [pytest.param(case, id=_title(case)) for case in CASES if _has_shape(case)])
def test_on_symbols_they_make_a_model_with_known_shapes(case: Case) -> None:
    arrays, call = _opened(case)
    if not arrays or not all(x.ndim for x in arrays):
        return
    symbols = [nna.Input(batch_shape=x.shape, dtype=str(x.dtype)) for x in arrays]
    made = call(*symbols)
    expected = leaves_of(call(*arrays))
    assert [x.shape for x in leaves_of(made)] == [np.asarray(x).shape for x in expected]
    model = nna.Model(symbols, made)
    found = leaves_of(model(arrays if len(arrays) > 1 else arrays[0]))
    for each, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(each, other, rtol=1e-9, atol=1e-11)


def test_a_model_of_operations_runs_on_every_library_and_learns(place: Any) -> None:
    nna.config.set_floatx("float32")
    inputs = nna.Input((4,))
    centred = ops.subtract(inputs, ops.mean(inputs, axis=1, keepdims=True))
    hidden = nna.layers.Dense(8, activation="relu")(ops.concatenate([inputs, ops.square(centred)], axis=-1))
    assert ops.shape(hidden) == (None, 8)
    outputs = nna.layers.Dense(1)(ops.layer_normalization(hidden))
    model = nna.Model(inputs, ops.squeeze(ops.multiply(outputs, 2.0), axis=-1))
    assert model.outputs[0].shape == (None,)
    x = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
    model.compile(optimizer="adam", loss="mse", backend=place[0])
    losses = model.fit(x, x[:, 0], epochs=6, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda x: ops.reshape(x, (-1, 2)), (None, 2)),
        (lambda x: ops.transpose(x), (4, 3, None)),
        (lambda x: ops.expand_dims(x, 0), (1, None, 3, 4)),
        (lambda x: ops.max(x, axis=(1, 2)), (None,)),
        (lambda x: ops.stack([x, x], axis=1), (None, 2, 3, 4)),
        (lambda x: ops.split(x, 2, axis=-1)[1], (None, 3, 2)),
        (lambda x: ops.top_k(x, 2)[1], (None, 3, 2)),
        (lambda x: ops.einsum("bij,bkj->bik", x, x), (None, 3, 3)),
        (lambda x: ops.pad(x, ((0, 0), (1, 1), (0, 2))), (None, 5, 6)),
        (lambda x: ops.one_hot(ops.cast(x, "int32"), 5), (None, 3, 4, 5)),
        (lambda x: ops.where(x > 0, x, 0.0), (None, 3, 4)),
        (lambda x: ops.take(x, [0, 2], axis=1), (None, 2, 4)),
        (lambda x: ops.add(np.ones((3, 4)), x), (None, 3, 4)),
    ],
)
def test_of_a_batch_of_unknown_length_the_shape_is_known(make: Any, shape: Any) -> None:
    assert make(nna.Input((3, 4))).shape == shape


# -- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: ops.sum(x, axis=2), "axis must lie from -2 to 1: received axis=2"),
        (lambda x: ops.softmax(x, axis=5), None),
        (lambda x: ops.concatenate([x, x], axis=-3), "axis must lie from -2 to 1: received axis=-3"),
        (lambda x: ops.argmax(x, axis="last"), "axis must be an integer: received axis='last'"),
        (lambda x: ops.transpose(x, (0, 2)), "axis must lie from -2 to 1: received axis=2"),
        (lambda x: ops.squeeze(x, axis=0), r"Only axes of length one are squeezed: received axis 0 of shape \(2, 3\)"),
        (lambda x: ops.cast(x, "flaot32"), "Unknown dtype: 'flaot32'. Did you mean 'float32'?"),
        (lambda x: ops.zeros((2,), dtype="int23"), "Unknown dtype: 'int23'. Did you mean 'int"),
        (
            lambda x: ops.quantile(x, 0.5, method="lineal"),
            "method must be .*: received method='lineal'. Did you mean 'linear'",
        ),
        (lambda x: ops.pad(x, 1, mode="refelct"), "Did you mean 'reflect'"),
        (lambda x: ops.pad(x, ((1, 1),) * 3), "pad_width is one whole number, a pair .*for each of 2 axes"),
        (lambda x: ops.split(x, 2, axis=1), "split divides an axis of length 3 into equal parts: received 2"),
        (
            lambda x: ops.einsum("ijk->i", x),
            r"has a letter for each axis: received 'ijk' for an array of shape \(2, 3\)",
        ),
        (lambda x: ops.einsum("ij,jk->ik", x), "takes 2 arrays: received 1"),
        (lambda x: ops.rearrange(x, "a (b c) -> a b c", b=2), "do not make one of length 3"),
        (lambda x: ops.binary_crossentropy(x, x[0]), "target and output must have the same shape"),
        (lambda x: ops.sparse_categorical_crossentropy([1, 2, 0], x), "without the axis of classes"),
        (lambda x: ops.segment_sum(x, [0, 1, 1]), "segment_ids is a vector with an integer for each row of data"),
        (lambda x: ops.det(x), "The matrices must be square"),
        (lambda x: ops.slice(x, (1, 1), (2, 2)), "The part must lie within the array"),
        (
            lambda x: ops.scatter_update(x, [[0, 0]], [1.0], reduction="multiply"),
            "reduction must be None, .*Did you mean",
        ),
        (lambda x: ops.fft((x, x[0])), "Complex numbers are a pair of arrays of one shape"),
        (lambda x: ops.where(x > 0, x), "where takes both x1 and x2, or neither"),
        (lambda x: ops.bincount([1, 2], sparse=True), "There are no sparse arrays here"),
    ],
)
def test_bad_arguments_are_refused_with_the_rule_and_what_is_meant(call: Any, message: str | None) -> None:
    with pytest.raises((ValueError, IndexError), match=message):
        call(np.ones((2, 3)))


def test_what_is_no_array_is_refused() -> None:
    with pytest.raises(TypeError, match="Arrays are made of numbers, lists of numbers and arrays: received 'abc'"):
        ops.exp("abc")
    with pytest.raises(TypeError, match="Indices are integers: received an array of dtype float64"):
        ops.take(np.ones(3), np.ones(1), axis=0)


def test_arrays_of_two_libraries_are_refused() -> None:
    torch, strict = pytest.importorskip("torch"), pytest.importorskip("array_api_strict")
    with pytest.raises(TypeError, match="Arrays of one library are needed"):
        ops.add(torch.ones(2), strict.ones(2))


# -- settings -------------------------------------------------------------------------------------------------------


def test_epsilon_is_what_losses_and_normalizations_use() -> None:
    assert nna.config.epsilon() == nna.backend.epsilon() == 1e-7
    nna.backend.set_epsilon(0.01)
    try:
        np.testing.assert_allclose(ops.binary_crossentropy([1.0], [0.0]), -np.log(0.01))
        loss = nna.losses.BinaryCrossentropy()(np.asarray([[1.0]]), np.asarray([[0.0]]))
        np.testing.assert_allclose(float(loss), -np.log(0.01))
        np.testing.assert_allclose(ops.rms_normalization(np.asarray([0.1])), [0.1 / np.sqrt(0.02)])
    finally:
        nna.backend.set_epsilon(1e-7)
    with pytest.raises(ValueError, match="epsilon must be positive"):
        nna.config.set_epsilon(0.0)


def test_the_module_of_keras_settings_names_backend_and_dtypes() -> None:
    assert nna.backend.backend() == nna.config.backend() == "numpy"
    with nna.use_backend("array_api_strict"):
        assert nna.backend.backend() == "array_api_strict"
    nna.backend.clear_session()
    assert nna.backend.floatx() == "float64"
    assert [nna.backend.standardize_dtype(x) for x in (float, int, bool, np.float32)] == [
        *("float64", "int32", "bool", "float32"),
    ]
    with pytest.raises(ValueError, match="Did you mean 'float32'"):
        nna.backend.standardize_dtype("float23")
