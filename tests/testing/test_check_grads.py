"""check_grads: right derivatives pass on every library, wrong ones are found and named."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray.testing import check_grads
from tests.hosts import to_library

X = np.asarray([[0.3, -0.7, 1.1], [0.9, 0.4, -1.3]])
W = np.asarray([[0.5, -0.2], [1.2, 0.8], [-0.6, 0.1]])


def _raw(backend: Any, *arrays: Any) -> tuple[Any, ...]:
    return tuple(to_library(x, nna.namespace(*backend)) for x in arrays)


def _tanh_layer(x: Any, w: Any) -> Any:
    xp = nna.array_namespace(x)
    return xp.tanh(x @ w)


def _last_element_wrong(f: Any, argnums: Any) -> Any:
    """The transform of nnarray, but the last element of the first gradient is one per cent off."""

    def gradients(*args: Any) -> Any:
        first, *rest = nna.grad(f, argnums=argnums)(*args)
        weights = np.ones(first.shape)
        weights.flat[-1] = 1.01
        return first * first.namespace.asarray(weights, device=first.device), *rest

    return gradients


@pytest.mark.parametrize("mode", ["rev", "fwd"])
def test_right_derivatives_of_a_tree_valued_function_pass_to_order_three(mode: str, place: Any) -> None:
    x, w = _raw(place, X, W)
    seen = []

    def f(p: Any, times: int, labels: Any) -> Any:
        seen.append(type(p["x"]))
        xp = nna.array_namespace(p["x"])
        return {"a": times * _tanh_layer(p["x"], p["w"]), "b": [xp.exp(p["x"]), None], "i": xp.argmax(p["x"], axis=1)}

    check_grads(f, ({"x": x, "w": w}, 3, _raw(place, np.arange(2))[0]), order=3, modes=(mode,))
    assert set(seen) == {nna.Array}


def test_one_element_that_is_one_per_cent_off_is_found_and_named(place: Any) -> None:
    (x,) = _raw(place, X)

    def f(p: Any) -> Any:
        xp = nna.array_namespace(p["x"])
        return xp.sum(xp.sin(p["x"]))

    def gradient(p: Any) -> Any:
        xp = nna.array_namespace(p["x"])
        wrong = np.ones_like(X)
        wrong[1, 2] = 1.01
        return {"x": xp.cos(p["x"]) * _raw(place, wrong)[0]}

    with pytest.raises(AssertionError, match=r"order 1, mode 'rev'") as caught:
        check_grads(f, ({"x": x},), gradient=gradient)
    found = re.search(
        r"Worst of 6 elements: argument 0\['x'\] at index \(1, 2\): gradient (\S+), finite difference (\S+), allowed ±",
        str(caught.value),
    )
    assert found is not None
    assert float(found[1]) == pytest.approx(1.01 * np.cos(-1.3), rel=1e-8)
    assert float(found[2]) == pytest.approx(np.cos(-1.3), rel=1e-7)


def test_one_wrong_element_of_a_transform_is_found_among_several_arguments(place: Any) -> None:
    with pytest.raises(AssertionError, match=r"order 1.*\n.*argument 0 at index \(1, 2\)"):
        check_grads(_tanh_layer, _wrapped(place, X, W), grad=_last_element_wrong)


def _wrapped(backend: Any, *arrays: Any) -> tuple[Any, ...]:
    return tuple(nna.namespace(*backend).asarray(x) for x in arrays)


def test_a_factor_missing_in_second_order_only_is_found_there(place: Any) -> None:
    def grad(f: Any, argnums: Any) -> Any:
        def gradients(x: Any) -> Any:
            (g,) = nna.grad(f, argnums=argnums)(x)
            # The right value, which differentiates as if half of it were constant.
            return (0.5 * g + 0.5 * nna.stop_gradient(g),)

        return gradients

    (x,) = _wrapped(place, X)
    f = lambda x: x.__array_namespace__().exp(x)  # noqa: E731
    check_grads(f, (x,), order=1, grad=grad)
    with pytest.raises(AssertionError, match=r"order 2, mode 'rev'.*\n.*argument 0 at index"):
        check_grads(f, (x,), order=2, grad=grad)


@pytest.mark.parametrize("wrong", [False, True])
def test_complex_gradients_follow_the_convention_dx_plus_i_dy(wrong: bool, place: Any) -> None:
    z, c = _raw(place, X + 1j * X[::-1], W.T - 1j * W.T[::-1])
    xp = nna.array_namespace(z)

    def f(z: Any) -> Any:
        return xp.sum(xp.real(z * c)) + xp.sum(xp.abs(z) ** 2)

    def gradient(z: Any) -> Any:
        return (c if wrong else xp.conj(c)) + 2 * z

    if not wrong:
        check_grads(f, (z,), gradient=gradient)
        return
    with pytest.raises(AssertionError, match=r"argument 0 at index \(\d, \d\) in its imaginary part: gradient"):
        check_grads(f, (z,), gradient=gradient)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16", "complex128", "complex64"])
def test_torch_transforms_pass_in_every_dtype(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    x, w = (torch.asarray(a).to(getattr(torch, dtype)) for a in (X, W))
    x = x * (1 + 0.5j) if "complex" in dtype else x
    check_grads(lambda x, w: torch.tanh(x @ w), (x, w), order=2, grad=torch.func.grad)
    check_grads(lambda x, w: torch.tanh(x @ w), (x, w), order=2, modes=("fwd",), jvp=torch.func.jvp)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_a_wrong_factor_is_found_in_every_dtype(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    x = torch.asarray(X).to(getattr(torch, dtype))
    with pytest.raises(AssertionError, match=f"order 1.*{dtype}"):
        check_grads(lambda x: torch.sum(torch.exp(x)), (x,), gradient=lambda x: 2 * torch.exp(x))


def test_jax_transforms_pass_and_a_stopped_gradient_does_not() -> None:
    jax = pytest.importorskip("jax")
    x, w = jax.numpy.asarray(X), jax.numpy.asarray(W)
    f = lambda x, w: jax.numpy.tanh(x @ w)  # noqa: E731
    check_grads(f, (x, w), order=2, modes=("rev", "fwd"), grad=jax.grad, jvp=jax.jvp)
    for mode, transform in (("rev", {"grad": jax.grad}), ("fwd", {"jvp": jax.jvp})):
        with pytest.raises(AssertionError, match=rf"order 1, mode '{mode}'"):
            check_grads(lambda x: x * jax.lax.stop_gradient(x), (x,), modes=(mode,), **transform)


def test_a_wrong_tangent_is_found_in_forward_mode() -> None:
    def jvp(f: Any, primals: Any, tangents: Any) -> Any:
        value, (tangent,) = nna.jvp(f, primals, tangents)
        return value, (1.001 * tangent,)

    x = nna.namespace("numpy").asarray(X)
    with pytest.raises(AssertionError, match=r"mode 'fwd'.*\nWorst of 6 elements: argument 0"):
        check_grads(lambda x: x * x, (x,), modes=("fwd",), jvp=jvp)


def test_a_gradient_written_by_hand_is_checked_in_raw_numpy() -> None:
    def loss(w: Any, x: Any, labels: Any) -> Any:
        return float(np.mean((np.tanh(x @ w)[:, 0] - labels) ** 2))

    def gradient(w: Any, x: Any, labels: Any, half: float = 1.0) -> Any:
        y = np.tanh(x @ w)
        dz = np.zeros_like(y)
        dz[:, 0] = 2 * (y[:, 0] - labels) / len(x) * (1 - y[:, 0] ** 2)
        return x.T @ dz, half * dz @ w.T, None

    labels = np.asarray([1, 0])
    check_grads(loss, (W, X, labels), gradient=gradient)
    check_grads(loss, (W, X, labels), gradient=lambda *args: gradient(*args)[:2])
    with pytest.raises(AssertionError, match="argument 1 at index"):
        check_grads(loss, (W, X, labels), gradient=lambda *args: gradient(*args, half=0.5))
    with pytest.raises(ValueError, match=r"checked to order 1: received order=2.*torch\.func\.grad"):
        check_grads(loss, (W, X, labels), order=2, gradient=gradient)


@pytest.mark.parametrize(
    ("gradient", "message"),
    [
        (lambda xp, x: None, "The gradient of argument 0 is missing"),
        (lambda xp, x: 3.0, "must be an array of array_api_strict: received 3.0"),
        (lambda xp, x: np.cos(X), "must be an array of array_api_strict: received one of numpy"),
        (lambda xp, x: xp.sum(xp.cos(x)), r"must have shape \(2, 3\): received \(\)"),
        (lambda xp, x: xp.astype(xp.cos(x), xp.float32), "must have dtype .*float64: received .*float32"),
        (lambda xp, x: xp.cos(xp.asarray(x, device=xp.Device("CPU_DEVICE"))), "must have device .*device1.*received"),
        (lambda xp, x: xp.where(x > 1, xp.nan, xp.cos(x)), r"is nan at index \(0, 2\), though f is finite"),
        (lambda xp, x: (xp.cos(x), xp.cos(x)), "one gradient for each of 1 arguments.*received 2 of them"),
    ],
)
def test_what_no_gradient_can_be_is_said_in_words(gradient: Any, message: str) -> None:
    xp = pytest.importorskip("array_api_strict")
    x = xp.asarray(X, device=xp.Device("device1"))
    with pytest.raises(AssertionError, match=message):
        check_grads(lambda x: xp.sum(xp.sin(x)), (x,), gradient=lambda x: gradient(xp, x))


def test_a_gradient_missing_in_a_tree_is_named_by_its_path() -> None:
    with pytest.raises(AssertionError, match=r"argument 0\['b'\]\[0\] is missing"):
        check_grads(lambda p: np.sum(p["a"] * p["b"][0]), ({"a": X, "b": [X]},), gradient=lambda p: {"a": p["b"][0]})


def test_noise_that_explains_a_difference_is_allowed_and_a_wrong_gradient_is_not() -> None:
    rng = np.random.default_rng(0)
    noisy = lambda x: np.sum(np.sin(x)) + 1e-9 * rng.standard_normal()  # noqa: E731
    for _ in range(20):
        check_grads(noisy, (X,), gradient=np.cos)
    with pytest.raises(AssertionError, match="Worst of 6 elements"):
        check_grads(noisy, (X,), gradient=lambda x: 1.01 * np.cos(x))
    calm = lambda x: np.sum(np.sin(x))  # noqa: E731
    shifted = lambda x: np.cos(x) + 1e-5  # noqa: E731
    with pytest.raises(AssertionError, match="Worst of 6 elements"):
        check_grads(calm, (X,), gradient=shifted)


def test_a_wrong_element_is_named_also_where_others_drown_in_noise() -> None:
    rng = np.random.default_rng(0)
    weights = np.asarray([1.0, 1e-6, 1.0])
    noisy = lambda x: np.sum(weights * x) + 1e-9 * rng.standard_normal()  # noqa: E731
    with pytest.raises(AssertionError, match=r"Worst of 3 elements: argument 0 at index \(2,\)"):
        check_grads(noisy, (np.ones(3),), gradient=lambda x: weights * np.asarray([1.0, 1.0, 1.5]))


def test_noise_that_hides_the_slope_fails_by_name() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(AssertionError, match=r"too noisy to be checked.*Fix its random numbers"):
        check_grads(lambda x: np.sum(x * (rng.random(x.shape) > 0.5)), (X,), gradient=np.ones_like)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_large_and_small_arguments_are_stepped_so_that_rounding_does_not_drown_the_slope(scale: float) -> None:
    for dtype in ("float32", "float64"):
        x = (scale * X).astype(dtype)
        check_grads(lambda x: np.sum(x * x), (x,), gradient=lambda x: 2 * x)
        if scale >= 1:
            with pytest.raises(AssertionError, match="Worst of"):
                check_grads(lambda x: np.sum(x * x), (x,), gradient=lambda x: 2.2 * x)


def test_one_wrong_element_among_many_is_found_by_halving() -> None:
    def gradient(x: Any, y: Any) -> Any:
        found = np.cos(x)
        found[77, 77] *= 1.01
        return found, np.ones_like(y)

    x, y = np.random.default_rng(0).normal(size=(300, 100)), np.ones(5)
    place = r"Worst of 30005 elements, found by halving them: argument 0 at index \(77, 77\)"
    with pytest.raises(AssertionError, match=place):
        check_grads(lambda x, y: np.sum(np.sin(x)) + np.sum(y), (x, y), gradient=gradient)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1e-5, 1e-2, 1.0, 1e4])
def test_a_wrong_gradient_is_found_however_small_the_function(scale: float, dtype: str) -> None:
    x, s = X.astype(dtype), np.asarray(scale, dtype)[()]
    check_grads(lambda x: s * np.sum(np.sin(x)), (x,), gradient=lambda x: s * np.cos(x))
    for factor in (0.0, 2.0, -1.0, 1.02):
        wrong = np.asarray(factor, dtype)[()]
        with pytest.raises(AssertionError, match="wrong along random direction"):
            check_grads(lambda x: s * np.sum(np.sin(x)), (x,), gradient=lambda x, wrong=wrong: s * wrong * np.cos(x))


def test_zero_slopes_agree_though_differences_see_the_third_derivative() -> None:
    check_grads(lambda x: x**3, (np.zeros(3),))
    check_grads(lambda x: x * 0.0, (X,))


def test_at_a_kink_the_report_has_the_slopes_on_both_sides() -> None:
    x = np.asarray([0.5, 1e-4, -2.0], dtype="float32")
    with pytest.raises(AssertionError, match=r"at index \(1,\).*\n.*slopes ahead and behind are .* has a kink there"):
        check_grads(nna.activations.relu, (x,), order=1)
    check_grads(nna.activations.relu, (x.astype("float64"),), order=1)


def test_a_function_that_bends_within_the_step_is_no_wrong_gradient() -> None:
    x = np.asarray([1e-4, 2e-4])
    check_grads(lambda x: np.sum(np.sin(x / 1e-4)), (x,), gradient=lambda x: np.cos(x / 1e-4) / 1e-4)
    with pytest.raises(AssertionError, match="has a kink there, or bends within the step"):
        check_grads(lambda x: np.sum(np.sin(x / 1e-6)), (x,), gradient=lambda x: np.cos(x / 1e-6) / 1e-6)


def test_where_rounding_hides_the_slope_the_check_says_so() -> None:
    torch = pytest.importorskip("torch")
    x = torch.tensor([1.0, 2.0], dtype=torch.bfloat16)
    with pytest.raises(AssertionError, match="in bfloat16 rounding hides the slope.*wider dtype"):
        check_grads(lambda x: torch.sin(x).sum(), (x,), gradient=torch.cos)


def test_the_number_of_evaluations_is_what_is_documented() -> None:
    calls = {"f": 0, "gradient": 0}

    def f(x: Any) -> Any:
        calls["f"] += 1
        return np.sum(np.sin(x))

    def gradient(x: Any) -> Any:
        calls["gradient"] += 1
        return np.cos(x)

    check_grads(f, (X,), gradient=gradient, directions=3)
    assert calls == {"f": 2 + 2 * 3, "gradient": 1}


def test_tolerances_and_step_can_be_given() -> None:
    off = lambda x: np.cos(x) * (1 + 1e-5)  # noqa: E731
    f = lambda x: np.sum(np.sin(x))  # noqa: E731
    check_grads(f, (X,), gradient=off, rtol=1e-4)
    check_grads(f, (X,), gradient=off, atol=1e-3)
    with pytest.raises(AssertionError, match=r"eps 0\.01"):
        check_grads(f, (X,), gradient=lambda x: np.cos(x) * (1 + 1e-3), eps=1e-2)


def test_empty_arrays_and_scalars_are_arguments_like_others(place: Any) -> None:
    empty, scalar = _raw(place, np.zeros((0, 4)), np.asarray(0.7))
    check_grads(lambda x, s: x * s + s, (empty, scalar))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: check_grads(lambda x: x, X), TypeError, r"args is the tuple of the function's arguments, such as"),
        (lambda: check_grads(lambda x: x, (3.0,)), TypeError, r"nothing to differentiate.*xp\.asarray"),
        (lambda: check_grads(lambda x: x, (np.arange(3),)), TypeError, "nothing to differentiate.*int64"),
        (lambda: check_grads(lambda x: "text", (X,)), TypeError, "must return an array, or a tree of arrays"),
        (lambda: check_grads(lambda x: np.argmax(X), (X,)), TypeError, "returns no floating-point array"),
        (lambda: check_grads(lambda x: x, (X,), gradient=np.ones_like), TypeError, r"that of a real scalar.*xp\.sum"),
        (lambda: check_grads(lambda x: x / 0.0, (np.ones(2),), order=1), ValueError, r"f is not finite.*inf at index"),
        (lambda: check_grads(lambda x: x, (X,), modes="rev"), ValueError, "modes must hold"),
        (lambda: check_grads(lambda x: x, (X,), order=0), ValueError, "order must be an integer of at least 1"),
        (lambda: check_grads(lambda x: x, (X,), directions=0), ValueError, "directions must be"),
        (lambda: check_grads(lambda x: x, (X,), jvp=nna.jvp), ValueError, "in mode 'fwd' only"),
        (lambda: check_grads(lambda x: x, (X,), gradient=1, grad=nna.grad), ValueError, "give one of them"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_misuse_is_refused_by_name(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_a_step_out_of_the_domain_says_so() -> None:
    with np.errstate(invalid="ignore"), pytest.raises(ValueError, match=r"a step away from it.*nan.*smaller eps"):
        check_grads(lambda x: np.sum(np.sqrt(x)), (np.asarray([1e-9]),), gradient=lambda x: 0.5 / np.sqrt(x))


def test_arguments_of_two_libraries_are_refused() -> None:
    strict = pytest.importorskip("array_api_strict")
    with pytest.raises(TypeError, match="arrays of one library: received array_api_strict, numpy"):
        check_grads(lambda a, b: a, (X, strict.asarray(X)))
