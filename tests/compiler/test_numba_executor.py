"""The loops that Numba compiles give what NumPy gives, wherever the elements are."""

from __future__ import annotations

import itertools
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given

import nnarray as nna
from nnarray.compiler._fusion import fuse
from nnarray.compiler._graph import Graph, Value
from nnarray.layers import Dense, Dropout
from nnarray.models import Sequential
from nnarray.optimizers import Adam
from tests.autodiff.test_programs import assert_same, examples
from tests.compiler.test_jit import BY_VALUES
from tests.programs import Program
from tests.random_programs import programs

pytest.importorskip("numba")
pytest.importorskip("platformdirs")

CORNERS = {
    "float32": [0.0, -0.0, 1.0, -1.0, 0.5, 2.5, -2.5, 1e-30, -1e30, np.inf, -np.inf, np.nan, 3.0, 1e-45],
    "float64": [0.0, -0.0, 1.0, -1.0, 0.5, 2.5, -2.5, 1e-300, -1e300, np.inf, -np.inf, np.nan, 3.0, 5e-324],
    "int8": [0, 1, -1, 127, -128, 7],
    "int32": [0, 1, -1, 2**31 - 1, -(2**31), 7],
    "int64": [0, 1, -1, 2**63 - 1, -(2**63), 7],
    "uint8": [0, 1, 255, 128, 7],
    "uint64": [0, 1, 2**64 - 1, 2**63, 7],
    "bool": [False, True],
}
UNARY = {
    "f": (
        *("abs", "negative", "square", "reciprocal", "sqrt", "floor", "ceil", "trunc", "sign", "isnan", "isinf"),
        *("isfinite", "exp", "expm1", "log", "log1p", "log2", "log10", "sin", "cos", "tan", "sinh", "cosh", "tanh"),
        *("asin", "asinh", "acos", "acosh", "atan", "atanh"),
    ),
    "i": ("negative", "square"),
    "u": ("square",),
    "b": ("logical_not", "bitwise_invert"),
}
ORDERS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
BINARY = {
    "f": (
        *("add", "subtract", "multiply", "divide", "copysign", "logaddexp", "atan2", "hypot", "pow", "maximum"),
        *("minimum", *ORDERS),
    ),
    "i": ("add", "subtract", "multiply", "bitwise_and", "bitwise_or", "bitwise_xor", "maximum", "minimum", *ORDERS),
    "u": ("add", "subtract", "multiply", "bitwise_and", "bitwise_or", "bitwise_xor", "maximum", "minimum", *ORDERS),
    "b": ("logical_and", "logical_or", "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor", "equal", "not_equal"),
}
CASTS = ("bool", "int8", "uint8", "int32", "int64", "uint64", "float32", "float64")


def kernels(plan: Any) -> list[str]:
    """Return the kernels that a plan calls."""
    return [line for line in plan.source.splitlines() if line.startswith("def kernel")]


def replayed(f: Callable[..., Any], *args: Any) -> tuple[Any, Any]:
    """Return what a function gives by Numba's executor, twice the same, and its plan."""
    jitted = nna.jit(f, executor="numba")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # Casts of literals; loops do not warn.
        first = jitted(*args)
    second = jitted(*args)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    return second, jitted.lower(*args).plan


@pytest.mark.parametrize("dtype", CORNERS)
def test_every_expression_gives_what_numpy_gives(dtype: str) -> None:
    corners = np.asarray(CORNERS[dtype], dtype)
    x, y = (part.ravel() for part in np.meshgrid(corners, corners))
    kind = corners.dtype.kind
    two = True if kind == "b" else 2

    def f(x: Any, y: Any) -> list[Any]:
        xp = x.__array_namespace__()
        made = [getattr(xp, name)(x) for name in UNARY[kind]]
        for name in BINARY[kind]:
            made += [getattr(xp, name)(x, y), getattr(xp, name)(x, two), getattr(xp, name)(two, x)]
        for number in (0.0, -0.0) if kind == "f" else ():
            made += [xp.maximum(x, number), xp.maximum(number, x), xp.minimum(x, number), xp.minimum(number, x)]
        made += [xp.where(x == y, x, two), xp.where(x == y, two, y), xp.where(x == y, x, y)]
        casts = CASTS if kind != "f" else ("bool", "float32", "float64")
        return [*made, *(xp.astype(x, getattr(xp, name)) for name in casts)]

    with np.errstate(all="ignore"):
        expected = f(nna.namespace("numpy").asarray(x), nna.namespace("numpy").asarray(y))
    found, plan = replayed(f, x, y)
    assert len(kernels(plan)) == 1
    assert not [step for step in plan.steps if step.code != "kernel0"]
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        # Loops call the C library where NumPy has approximations of its own, some units in the last place apart.
        if one.dtype.kind == "f":
            limits = np.finfo(one.dtype)
            np.testing.assert_allclose(one, other.value, rtol=4 * limits.eps, atol=limits.tiny)
            np.testing.assert_array_equal(np.signbit(one) & (one == one), np.signbit(other.value) & (one == one))
        else:
            np.testing.assert_array_equal(one, other.value)


def test_windows_of_every_kind_are_read_where_they_are() -> None:
    def f(x: Any, y: Any) -> list[Any]:
        xp = x.__array_namespace__()
        t = xp.matrix_transpose(x) * 2.0
        return [
            x + xp.matrix_transpose(x),
            t - xp.flip(x, axis=0),
            xp.broadcast_to(y, (4, 4)) * x[:, :1],
            x[::2, 1:3] + y[1:3],
            xp.permute_dims(xp.reshape(x, (2, 2, 4)), (1, 0, 2)) * y,
            xp.sum(xp.matrix_transpose(x), axis=0),
            xp.mean(xp.flip(t, axis=1), axis=1, keepdims=True),
            xp.matmul(xp.matrix_transpose(x)[1:, :], t[:, ::-1]),
            xp.squeeze(xp.expand_dims(y, axis=0) / 3.0, axis=0),
        ]

    rng = np.random.default_rng(0)
    base = rng.standard_normal((8, 8))
    x, y = base[:4, :4].copy(), base[4, :4].copy()
    expected = [np.asarray(each) for each in f(x, y)]
    frozen = x.copy()
    frozen.flags.writeable = False
    for seen in (x, base[:4, :4], np.asfortranarray(x), x[::-1, ::-1].copy()[::-1, ::-1], frozen):
        found, plan = replayed(f, seen, y)
        assert_same(found, expected, "a window")
    assert len(kernels(plan)) == 1


def test_arguments_that_are_not_aligned_or_not_native_are_read_right() -> None:
    x = np.arange(5.0)
    shifted = np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(np.float64)
    assert not shifted.flags.aligned
    found, _ = replayed(lambda x: [x * 2.0 + 1.0], shifted)
    np.testing.assert_array_equal(found[0], x * 2 + 1)
    found, plan = replayed(lambda x: [x * 2.0 + 1.0], x.astype(">f8"))
    np.testing.assert_array_equal(found[0], x * 2 + 1)
    assert plan.steps[0].code != "kernel0"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_reductions_and_products_of_every_shape(dtype: str) -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((3, 34, 5)).astype(dtype)
    x[0, 0, 0], x[1, 3, 2] = np.nan, -np.inf

    def f(x: Any) -> list[Any]:
        xp = x.__array_namespace__()
        names, axes = ("sum", "mean", "max", "min"), (None, 0, 1, 2, (0, 2), (1, 2), (0, 1))
        # Of each, one dtype keeps the axes and the other does not: every reduction takes time to compile.
        reduced = [
            getattr(xp, name)(x, axis=axis, keepdims=n % 2 == (dtype == "float32"))
            for n, (name, axis) in enumerate(itertools.product(names, axes))
        ]
        a, turned = x[2, :, :], xp.matrix_transpose(x[2, :, :])
        products = [xp.matmul(a[:m, :k], turned[:k, :n]) for m, k, n in ((7, 5, 9), (1, 1, 1), (3, 2, 20))]
        return [*reduced, *products, xp.sum(a[:1, :1]), xp.matmul(turned, a)]

    expected = [np.asarray(each) for each in f(x)]
    found, plan = replayed(f, x)
    loops = [step for step in plan.steps if step.operation.function.name in ("sum", "mean", "min", "max", "matmul")]
    assert all(step.code.startswith("kernel") for step in loops)
    for one, other in zip(found, expected, strict=True):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        np.testing.assert_allclose(one, other, rtol=200 * np.finfo(dtype).eps, atol=50 * np.finfo(dtype).eps)


def test_sums_round_as_little_as_numpys() -> None:
    x = np.full((1024, 16), 0.1, "float32")

    def f(x: Any) -> list[Any]:
        xp = x.__array_namespace__()
        turned = xp.matrix_transpose(x)
        return [xp.sum(x[:512, :]), xp.sum(x[:, :8]), xp.mean(turned[:8, :]), xp.sum(x[:64, :]), xp.sum(x[:100, :8])]

    found, plan = replayed(f, x)
    assert len(kernels(plan)) == 1
    np.testing.assert_allclose(found, [819.2, 819.2, 0.1, 102.4, 80.0], rtol=1e-6)


def test_a_loop_reads_all_it_needs_before_it_writes_where_that_was() -> None:
    def f(x: Any) -> list[Any]:
        xp = x.__array_namespace__()
        a = xp.matmul(x, x)
        turned = xp.matrix_transpose(a)
        b = a + turned
        c = b * a - turned
        d = xp.exp(-c * c) + a
        return [d - b, xp.sum(d)]

    x = np.random.default_rng(2).standard_normal((6, 6))
    found, _ = replayed(f, x)
    assert_same(found, [np.asarray(each) for each in f(x)], "in place")


def test_what_is_copied_is_copied_when_it_has_been_written() -> None:
    def f(x: Any) -> list[Any]:
        xp = x.__array_namespace__()
        y = x * 2.0
        turned = xp.reshape(xp.matrix_transpose(y), (-1,))
        return [y, turned * 3.0, turned]

    x = np.arange(6.0).reshape(2, 3)
    found, _ = replayed(f, x)
    assert_same(found, [np.asarray(each) for each in f(x)], "a copy of a result")


def test_long_kernels_are_cut_between_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    from nnarray.compiler.executors import numba

    monkeypatch.setattr(numba, "_LONG", 1)
    first, second = np.asarray([[0.5]]), np.asarray([[3.0]])

    def f(x: Any) -> list[Any]:
        xp = x.__array_namespace__()
        a, b = (x + first) * second, xp.matmul(xp.exp(x), xp.matrix_transpose(x))
        return [a, b * second - first, xp.sum(a, axis=0), xp.mean(b)]

    x = np.random.default_rng(4).standard_normal((3, 3))
    found, plan = replayed(f, x)
    assert_same(found, [np.asarray(each) for each in f(x)], "short kernels")
    assert len(kernels(plan)) > 3


def test_threads_may_meet_a_function_for_the_first_time_together() -> None:
    jitted = nna.jit(lambda x: x * 1.25 - 7.125, executor="numba")
    start, found = threading.Barrier(4), []

    def run(n: int) -> None:
        start.wait()
        found.append((n, jitted(np.full(3, float(n)))))

    threads = [threading.Thread(target=run, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    for n, result in found:
        np.testing.assert_array_equal(result, n * 1.25 - 7.125)


@examples(default=4, deep=1000)
@given(program=programs(without=BY_VALUES))
def test_random_programs_give_what_they_give_eagerly_with_their_gradients(program: Program) -> None:
    inputs = program.inputs
    places = tuple(range(len(inputs)))
    plain = nna.value_and_grad(program.loss, argnums=places)
    value, gradient = plain(*inputs)
    jitted = nna.jit(plain, executor="numba")
    for _ in range(2):
        found = jitted(*inputs)
        assert_same([found[0], *found[1]], [value, *gradient], "gradient by Numba")


def test_donated_arguments_are_written_and_others_are_not() -> None:
    def f(w: Any, g: Any) -> Any:
        return w - 0.1 * g * g

    jitted = nna.jit(f, donate_argnums=0, executor="numba")
    for w in (np.ones(5), np.ones(10)[::2], np.ones((2, 5))[1]):
        g, before = np.arange(5.0), np.arange(5.0)
        np.testing.assert_allclose(jitted(w, g), 1 - 0.1 * before**2)
        np.testing.assert_array_equal(g, before)
    w = np.arange(5.0)
    assert jitted(w, np.ones(5)) is w
    np.testing.assert_allclose(jitted(w, w), (x := np.arange(5.0) - 0.1) - 0.1 * x * x)


def test_training_takes_the_steps_that_it_takes_without_compiled_loops() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((54, 5)).astype("float32"), rng.integers(0, 3, 54)
    found = []
    for executor in ("numpy", "numba"):
        nna.set_seed(5)
        model = Sequential([Dense(12, activation="relu", input_shape=(5,)), Dropout(0.2), Dense(3, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], executor=executor)
        history = model.fit(x, y, epochs=5, batch_size=32, verbose=0, validation_split=1 / 3)
        tested = model.evaluate(x[:18], y[:18], verbose=0)
        found.append((history.history, model.get_weights(), model.predict(x[:18], verbose=0), tested))
        assert set(model.plans) >= {("train", 32), ("train", 4), ("test", 18)}
        assert model.plans["train", 32].executor == executor
    (first, weights, predicted, tested), (second, others, again, retested) = found
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_allclose(first[name], second[name], rtol=1e-4)
    for a, b in zip(weights, others, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(predicted, again, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(tested, retested, rtol=1e-4)


def test_the_articles_step_is_one_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNARRAY_EXECUTOR", "numba")
    model = Sequential([Dense(4, input_dim=2, activation="relu"), Dense(6, activation="relu"), Dense(1, "sigmoid")])
    model.compile(Adam(), "binary_crossentropy", metrics=["accuracy"])
    model.fit(np.ones((32, 2)), np.ones(32), verbose=0)
    plan = model.plans["train", 32]
    assert len(kernels(plan)) == 1
    assert "register" in str(plan)
    assert {step.code for step in plan.steps if step.code} == {"kernel0"}


def test_operations_are_fused_with_views_before_or_behind() -> None:
    jitted = nna.jit(lambda x, y: (x + y) * nna.namespace("numpy").reshape(y, (2, 1)), executor="numba")
    graph = jitted.lower(np.ones((2, 1)), np.ones((2, 1))).graph
    fused = fuse(graph, lambda operation: operation.function.name in ("add", "multiply"), ("reshape",))
    assert [operation.function.name for operation in fused.operations] == ["fused"]
    (loop,) = fused.operations
    assert [each.function.name for each in loop.function.operations] == ["add", "multiply"]
    assert loop.results == graph.outputs
    assert type(fused) is Graph
    assert all(type(x) is Value for x in loop.inputs)


def test_without_numba_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'nnarray\[numba\]'"):
        nna.jit(lambda x: x, executor="numba")
    model = Sequential([Dense(1, input_dim=2)])
    with pytest.raises(ImportError, match=r"pip install 'nnarray\[numba\]'"):
        model.compile("sgd", "mse", executor="numba")


def test_arrays_of_another_library_are_refused() -> None:
    strict = pytest.importorskip("array_api_strict")
    with pytest.raises(ValueError, match="Executor 'numba' runs arrays of numpy"):
        nna.jit(lambda x: x + 1, executor="numba")(strict.asarray([1.0]))
