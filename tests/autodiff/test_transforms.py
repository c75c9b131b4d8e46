"""grad and value_and_grad: nesting, trees, libraries, errors, and what stays in memory."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from typing import Any

import array_api_strict as strict
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nnarray as nna
from nnarray.autodiff import record
from tests.hosts import to_host, to_library


def test_the_gradient_comes_back_as_the_library_dtype_and_device_of_the_argument(place: Any) -> None:
    space = nna.namespace(*place)
    x = space.asarray([1.0, 2.0], dtype=space.float32).value
    g = nna.grad(lambda x: x.__array_namespace__().sum(x * x))(x)
    assert type(g) is type(x)
    assert g.dtype == x.dtype
    assert space.backend.device_of(g) == space.backend.device_of(x)
    np.testing.assert_array_equal(to_host(g), [2.0, 4.0])


def test_trees_of_arguments_give_trees_of_gradients() -> None:
    params = {"w": np.asarray(2.0), "layers": [(np.asarray(3.0), np.asarray(4.0)), None]}
    value, g = nna.value_and_grad(lambda p: p["w"] * p["layers"][0][0] + p["layers"][0][1])(params)
    assert float(value) == 10.0
    assert {key: type(part) for key, part in g.items()} == {"w": np.ndarray, "layers": list}
    assert (float(g["w"]), float(g["layers"][0][0]), float(g["layers"][0][1]), g["layers"][1]) == (3.0, 2.0, 1.0, None)


def test_argnums_may_be_several_and_negative() -> None:
    f = lambda a, b, c: a * b + c  # noqa: E731
    assert nna.grad(f, argnums=1)(2.0, 3.0, 4.0) == 2.0
    assert nna.grad(f, argnums=(0, -1))(2.0, 3.0, 4.0) == (3.0, 1.0)


def test_the_auxiliary_result_is_passed_on_raw() -> None:
    x = np.asarray([1.0, 2.0])
    (value, aux), g = nna.value_and_grad(lambda x: ((x * x)[0], {"twice": 2 * x, "text": "kept"}), has_aux=True)(x)
    assert float(value) == 1.0
    assert type(aux["twice"]) is np.ndarray
    assert aux["twice"].tolist() == [2.0, 4.0]
    assert aux["text"] == "kept"
    assert g.tolist() == [2.0, 0.0]
    g, aux = nna.grad(lambda x: (x * x, 3.0), has_aux=True)(2.0)
    assert (float(g), aux) == (4.0, 3.0)


def test_nested_derivatives_do_not_confuse_perturbations() -> None:
    assert float(nna.grad(lambda x: x * nna.grad(lambda y: x + y)(x))(2.0)) == 1.0
    assert float(nna.grad(lambda x: nna.grad(lambda y: x * y * y)(x))(3.0)) == 12.0
    assert float(nna.grad(lambda x: x * nna.grad(lambda y: y * y)(nna.stop_gradient(x)))(3.0)) == 6.0


@pytest.mark.parametrize(("order", "expected"), [(1, 32.0), (2, 48.0), (3, 48.0), (4, 24.0), (5, 0.0)])
def test_orders_beyond_two_are_exact(order: int, expected: float) -> None:
    f = lambda x: x * x * x * x  # noqa: E731
    for _ in range(order):
        f = nna.grad(f)
    assert float(f(2.0)) == expected


def test_an_inner_gradient_that_ignores_the_outer_variable_is_constant_in_it() -> None:
    assert float(nna.grad(lambda x: x + nna.grad(lambda y: y * y)(5.0))(1.0)) == 1.0


def test_a_function_that_never_touches_its_argument_has_gradient_zero() -> None:
    x = np.ones((2, 3), "float32")
    for f in (lambda x: 3.0, lambda x: np.asarray(1.0), lambda x: nna.namespace("numpy").asarray(2.0)):
        g = nna.grad(f)(x)
        assert g.dtype == np.float32
        np.testing.assert_array_equal(g, np.zeros((2, 3)))


def test_a_number_may_be_made_for_a_branch_or_to_print() -> None:
    assert nna.grad(lambda x: x * x if float(x) > 0 else -x)(3.0) == 6.0
    assert nna.grad(lambda x: x * nna.grad(lambda y: y * float(x))(2.0))(3.0) == 3.0


def test_arrays_go_in_and_come_out_as_arrays_outside_of_any_transform() -> None:
    x = nna.namespace("numpy").asarray([1.0, 2.0])
    value, g = nna.value_and_grad(lambda x: (x * x)[1])(x)
    assert isinstance(value, nna.Array)
    assert isinstance(g, nna.Array)
    assert value.node is None
    assert g.node is None


def test_numpy_scalars_and_python_floats_can_be_differentiated() -> None:
    assert float(nna.grad(lambda x: x * x)(np.float64(3.0))) == 6.0
    assert float(nna.grad(lambda x: x * x)(3.0)) == 6.0


def test_ties_and_kinks_follow_the_conventions() -> None:
    xp = nna.namespace("numpy")
    a, b = np.zeros(2), np.zeros(2)
    ga, gb = nna.grad(lambda a, b: xp.sum(xp.maximum(a, b)), argnums=(0, 1))(a, b)
    assert (ga.tolist(), gb.tolist()) == ([1, 1], [0, 0])
    assert nna.grad(lambda x: xp.max(x))(np.asarray([2.0, 1.0, 2.0])).tolist() == [0.5, 0.0, 0.5]
    assert nna.grad(lambda x: xp.sum(xp.abs(x)))(np.zeros(1)).tolist() == [0.0]
    assert nna.grad(lambda x: xp.sum(x**2))(np.zeros(1)).tolist() == [0.0]
    assert nna.grad(lambda x: xp.sum(xp.logaddexp(x, xp.zeros_like(x))))(np.zeros(1)).tolist() == [0.5]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nna.grad(lambda x: x)(np.ones(2)), r"must return a scalar.*\(2,\).*xp\.sum"),
        (lambda: nna.grad(lambda x: None)(1.0), "must return a scalar"),
        (lambda: nna.grad(lambda x: x * 1j)(1.0), "real scalar"),
        (lambda: nna.grad(lambda x: x)(np.asarray(1)), r"Only floating-point.*int64.*astype"),
        (lambda: nna.grad(lambda x: x)("text"), "array API standard is needed"),
        (lambda: nna.grad(lambda x: x)(3), r"Only floating-point.*received 3 \(int\)"),
        (lambda: nna.grad(lambda x: x, argnums=1)(1.0), r"argnums=1 for 1 positional"),
        (lambda: nna.grad(lambda x, y: x * y, (0, 0))(1.0, 2.0), r"each argument once: received argnums=\(0, 0\)"),
        (lambda: nna.grad(lambda x, y: x * y, (0, -2))(1.0, 2.0), "each argument once"),
        (lambda: nna.grad(lambda x, y: x * y, (0, "x"))(1.0, 2.0), "each argument once"),
        (lambda: nna.grad(lambda x, y: x * y, True)(1.0, 2.0), r"a position, a name.*received True \(bool\)"),
        (lambda: nna.grad(lambda x, y: x * y, (1.0,))(1.0, 2.0), r"a position, a name.*received 1.0 \(float\)"),
        (lambda: nna.grad(lambda *xs, z=1.0: xs[1] * z, "z")(1.0, 2.0), "argnums='z' for none"),
        (lambda: nna.grad(lambda *xs: xs[1], "xs")(1.0, 2.0), "argnums='xs' for none"),
        (lambda: nna.grad(lambda x: float(x * x))(1.0), r"returned 1.0 \(float\), having made a Python number"),
        (lambda: nna.vjp(lambda x: [x, float(x)], 1.0), "without float"),
        (lambda: nna.grad(lambda x: x, has_aux=True)(1.0), r"returns \(scalar, auxiliary\)"),
    ],
)
def test_misuse_is_refused_by_name(call: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call()


def test_arguments_of_two_libraries_are_differentiated_each_in_its_own() -> None:
    a, b = np.ones(2), strict.ones(2)
    ga, gb = nna.grad(lambda a, b: float(b[0]) * a[0] * a[1], argnums=(0, 1))(a, b)
    assert type(ga) is np.ndarray
    assert to_host(gb).tolist() == [0.0, 0.0]


def test_a_long_chain_needs_no_recursion() -> None:
    def f(x: Any) -> Any:
        for _ in range(20_000):
            x = x + 1.0
        return x

    assert float(nna.grad(f)(0.0)) == 1.0


def test_no_tape_is_left_alive() -> None:
    kept = []

    def f(x: Any) -> Any:
        y = x * x
        kept.append(weakref.ref(y))
        return y[0]

    nna.grad(f)(np.ones(3))
    assert kept[0]() is None


def test_the_backward_pass_frees_what_it_has_used() -> None:
    x = np.ones(1_000_000)

    def f(x: Any) -> Any:
        for _ in range(10):
            x = x * x
        return x.__array_namespace__().sum(x)

    gc.collect()
    tracemalloc.start()
    nna.grad(f)(x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # Ten squares are kept; beyond them two cotangents and two products are alive at a time.
    assert peak < 14.5 * x.nbytes


def test_addition_keeps_nothing_for_the_backward_pass() -> None:
    _, nodes = record(lambda a, b: a + b * 2.0, np.ones(3), np.ones(3))
    assert [node.title for node in nodes if node.parents] == ["multiply", "add"]
    assert nodes[-1].kept == (None, None)
    assert nodes[-2].kept == (None, 2.0)


UNARY = ("exp", "sin", "tanh", "atan", "square", "negative", "log1p")
BINARY = ("add", "subtract", "multiply", "maximum", "minimum", "logaddexp", "hypot", "atan2")


@given(st.data())
def test_random_programs_have_the_gradient_that_pytorch_finds(data: Any) -> None:
    """Programs of 3 to 12 functions on two arrays; values are kept within bounds by tanh."""
    steps = data.draw(
        st.lists(
            st.tuples(st.sampled_from(UNARY + BINARY), st.integers(0, 99), st.integers(0, 99)), min_size=3, max_size=12
        )
    )
    shapes = data.draw(st.sampled_from([((3,), (3,)), ((2, 3), (3,)), ((), (2, 2)), ((2, 1), (1, 3))]))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    arrays = [rng.uniform(0.2, 1.5, shape) for shape in shapes]

    def program(xp: Any, *values: Any) -> Any:
        known = list(values)
        for name, i, j in steps:
            a, b = known[i % len(known)], known[j % len(known)]
            out = getattr(xp, name)(xp.abs(a) + 0.1) if name in UNARY else getattr(xp, name)(a, b + 0.01)
            known.append(xp.tanh(out))
        return xp.sum(known[-1] * known[-2])

    found = nna.grad(lambda *xs: program(nna.namespace("numpy"), *xs), argnums=(0, 1))(*arrays)
    torch = pytest.importorskip("torch")
    twins = [torch.asarray(a).requires_grad_() for a in arrays]
    import array_api_compat.torch as torch_namespace

    total = program(torch_namespace, *twins)
    if total.requires_grad:
        total.backward()
    for g, twin in zip(found, twins, strict=True):
        expected = np.zeros(g.shape) if twin.grad is None else twin.grad.numpy()
        np.testing.assert_allclose(g, expected, rtol=1e-9, atol=1e-12)


def test_a_derivative_within_the_function_leaves_raw_arrays_and_no_tape() -> None:
    x, w = np.ones(3), np.asarray([1.0, 2.0, 3.0])

    def loss(w: Any) -> Any:
        xp = w.__array_namespace__()
        slope = nna.grad(lambda x: xp.sum(w * x * x))(x)
        return xp.sum(slope * slope)

    value, gradient = nna.value_and_grad(loss)(w)
    assert type(gradient) is np.ndarray
    assert isinstance(value, (float, np.ndarray))
    np.testing.assert_allclose(gradient, 8 * w)
    result, vjp_fun = nna.vjp(loss, w)
    assert not isinstance(result, nna.Array)
    np.testing.assert_allclose(vjp_fun(1.0)[0], 8 * w)
    np.testing.assert_allclose(nna.jvp(loss, (w,), (w,))[1], np.sum(8 * w * w))
    np.testing.assert_allclose(nna.grad(lambda w: w.__array_namespace__().sum(nna.grad(loss)(w)))(w), np.full(3, 8.0))


def test_argnums_may_be_names_of_arguments_passed_either_way() -> None:
    def f(x: Any, y: Any, *, z: Any = 1.0) -> Any:
        return x * y * z

    assert nna.grad(f, argnums="y")(2.0, 3.0) == 2.0
    assert nna.grad(f, argnums="y")(2.0, y=3.0) == 2.0
    assert nna.grad(f, argnums=("z", 0))(2.0, 3.0, z=4.0) == (6.0, 12.0)
    assert nna.jacobian(f, argnums="z")(2.0, 3.0, z=4.0) == 6.0
    assert nna.hessian(f, argnums=("x", "y"))(2.0, 3.0)[0][1] == 1.0
    with pytest.raises(TypeError, match="argnums names arguments that are passed: received argnums='z' for x, y"):
        nna.grad(f, argnums="z")(2.0, 3.0)


@pytest.mark.raw_operators
def test_gradients_share_no_memory_with_each_other_or_with_what_was_given(place: Any) -> None:
    x, y = (to_library(np.asarray([1.0, 2.0]), nna.namespace(*place)) for _ in range(2))
    total = lambda x, y: x.__array_namespace__().sum(x + y[::-1])  # noqa: E731
    for first, second in (
        nna.grad(total, (0, 1))(x, y),
        nna.vjp(lambda x, y: x + y[::-1], x, y)[1](x),
        nna.jvp(lambda x, y: (x, x[::-1]), (x, y), (x, y))[1],
    ):
        before = to_host(second).copy()
        first *= 3.0
        np.testing.assert_array_equal(to_host(second), before)
    np.testing.assert_array_equal(to_host(x), [1.0, 2.0])


def test_gradients_that_are_differentiated_further_are_arrays_of_their_own() -> None:
    def f(x: Any) -> Any:
        first, second = nna.grad(lambda a, b: ((a + b) * x)[0], (0, 1))(x, 2.0 * x)
        first[...] = 0.0
        return second[0] + first[0]

    assert nna.grad(f)(np.asarray([3.0, 1.0])).tolist() == [1.0, 0.0]


def test_a_numpy_scalar_stays_with_numpy_whatever_the_backend() -> None:
    pytest.importorskip("torch")
    with nna.use_backend("torch"):
        for dtype in (np.float32, np.float64, np.complex128):
            g = nna.grad(lambda x: x.__array_namespace__().real(x * x) if x.dtype.kind == "c" else x * x)(dtype(3.0))
            assert (type(g), g.dtype, g) == (np.ndarray, dtype, 6.0)


def test_a_python_complex_number_can_be_differentiated() -> None:
    assert nna.grad(lambda z: z.__array_namespace__().real(z * z))(1 + 2j) == 2 - 4j
