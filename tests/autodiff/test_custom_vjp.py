"""custom_vjp: the user's derivative, to every order, in every transform."""

from __future__ import annotations

import functools
import gc
import math
import weakref
from typing import Any

import array_api_strict as strict
import numpy as np
import pytest

import nnarray as nna
from nnarray.testing import assert_close, check_grads
from tests.hosts import to_library

X = np.asarray([0.3, -0.7])


def _made(fun: Any, fwd: Any, bwd: Any, **kwargs: Any) -> Any:
    made = nna.custom_vjp(fun, **kwargs)
    made.defvjp(fwd, bwd)
    return made


def _sine() -> Any:
    """Return the sine, whose fwd calls the function itself, as is the habit."""

    def forward(x: Any) -> Any:
        out = sine(x)
        return out, (out, x)

    def backward(residuals: Any, g: Any) -> Any:
        out, x = residuals
        xp = g.__array_namespace__()
        # cos²(x/2) - sin²(x/2), and the result once more: 0 * sin(x) has a derivative as well.
        return (g * (2.0 * xp.cos(x / 2.0) ** 2 - 1.0 + 0.0 * out),)

    sine = _made(lambda x: x.__array_namespace__().sin(x), forward, backward)
    return sine


@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_right_derivative_gives_right_ones_of_every_order(order: int, place: Any) -> None:
    sine = _sine()
    custom, plain = (lambda x: sine(sine(x)) * x), (lambda x: (lambda s: s(s(x)) * x)(x.__array_namespace__().sin))
    for _ in range(order):
        custom, plain = nna.grad(custom), nna.grad(plain)
    x = to_library(np.asarray(0.7), nna.namespace(*place))
    assert_close(custom(x), plain(x), rtol=1e-13)


def test_a_residual_that_is_the_result_is_differentiated_by_the_users_rule() -> None:
    # out = exp(x) with derivative 2 out: that of out within bwd is 2 out again.
    f = _made(
        lambda x: x.__array_namespace__().exp(x),
        lambda x: (lambda out: (out, out))(f(x)),
        lambda out, g: (g * 2 * out,),
    )
    value = math.exp(0.5)
    derived, orders = f, []
    for _ in range(3):
        derived = nna.grad(derived)
        orders.append(float(derived(0.5)))
    np.testing.assert_allclose(orders, [2 * value, 4 * value, 8 * value], rtol=1e-14)


def test_it_works_in_every_transform_and_under_check_grads(place: Any) -> None:
    sine = _sine()
    x = to_library(X, nna.namespace(*place))
    plain = lambda x: x.__array_namespace__().sin(x)  # noqa: E731
    total = lambda f: lambda x: x.__array_namespace__().sum(f(x) * x)  # noqa: E731
    assert_close(nna.jvp(sine, (x,), (x,)), nna.jvp(plain, (x,), (x,)), rtol=1e-13)
    assert_close(nna.jacobian(sine)(x), nna.jacobian(plain)(x), rtol=1e-13)
    assert_close(nna.hessian(total(sine))(x), nna.hessian(total(plain))(x), rtol=1e-13, atol=1e-15)
    assert_close(nna.hvp(total(sine), (x,), (x,)), nna.hvp(total(plain), (x,), (x,)), rtol=1e-13)
    assert_close(nna.grad(total(nna.checkpoint(sine)))(x), nna.grad(total(plain))(x), rtol=1e-13)
    check_grads(sine, (x,), order=2)


def test_the_users_derivative_is_used_and_not_another() -> None:
    straight = _made(
        lambda x: x.__array_namespace__().round(x),
        lambda x: (x.__array_namespace__().round(x), None),
        lambda _, g: (g,),
    )
    value, g = nna.value_and_grad(lambda x: straight(x * 3.0)[0])(np.asarray([0.6, 0.0]))
    assert (float(value), g.tolist()) == (2.0, [3.0, 0.0])
    assert straight(np.asarray([0.6])).tolist() == [1.0]


def test_trees_settings_and_arguments_by_name() -> None:
    calls = []

    def f(scale: float, params: Any, x: Any, shift: Any = 1.0) -> Any:
        return {"y": params["w"] * x * scale + shift, "n": 3}

    def forward(scale: float, params: Any, x: Any, shift: Any) -> Any:
        return f(scale, params, x, shift), (params, x)

    def backward(scale: float, residuals: Any, g: Any) -> Any:
        params, x = residuals
        calls.append((scale, g["n"]))
        return {"w": g["y"] * x * scale, "unused": None}, g["y"] * params["w"] * scale, None

    custom = _made(f, forward, backward, nondiff_argnums=0)
    params = {"w": np.asarray(2.0), "unused": np.ones(2)}
    g = nna.grad(lambda p, x: custom(5.0, p, x=x)["y"], argnums=(0, 1))(params, np.asarray(3.0))
    assert (float(g[0]["w"]), g[0]["unused"].tolist(), float(g[1])) == (15.0, [0.0, 0.0], 10.0)
    assert calls == [(5.0, None)]


def test_several_results_of_which_one_is_used_have_zeros_for_the_others() -> None:
    def backward(_: Any, g: Any) -> Any:
        assert [part.shape for part in g] == [(2,), ()]
        assert g[1].value == 0
        return (g[0] + g[1],)

    f = _made(lambda x: [x, x[0]], lambda x: ([x, x[0]], None), backward)
    assert nna.grad(lambda x: f(x)[0][1])(X).tolist() == [0.0, 1.0]
    assert nna.grad(lambda x: x[0])(X).tolist() == [1.0, 0.0]


def test_code_that_knows_no_arrays_of_ours_can_be_wrapped() -> None:
    special = pytest.importorskip("scipy.special")
    erf = _made(
        lambda x: special.erf(x.value),
        lambda x: (special.erf(x.value), x),
        lambda x, g: (g * x.__array_namespace__().exp(-x * x) * (2.0 / math.sqrt(math.pi)),),
    )
    check_grads(lambda x: erf(x), (X,), order=2)


def test_complex_cotangents_are_those_of_the_convention() -> None:
    z = np.asarray(1.0 + 2.0j)
    square = _made(lambda z: z * z, lambda z: (z * z, z), lambda z, g: (g * 2.0 * z.__array_namespace__().conj(z),))
    f = lambda square: lambda z: z.__array_namespace__().real(square(z))  # noqa: E731
    assert_close(nna.grad(f(square))(z), nna.grad(f(lambda z: z * z))(z))
    real = _made(lambda x: x * 1j, lambda x: (x * 1j, None), lambda _, g: (g * -1j,))
    assert nna.grad(lambda x: x.__array_namespace__().imag(real(x)))(2.0) == 1.0


def test_float32_stays_float32_and_no_tape_is_left() -> None:
    kept = []

    def forward(x: Any) -> Any:
        y = x * x
        kept.append(weakref.ref(y))
        return y, x

    f = _made(lambda x: x * x, forward, lambda x, g: (g * 2.0 * x,))
    gc.disable()
    try:
        assert nna.grad(lambda x: f(x)[0])(X.astype("float32")).dtype == np.float32
        nna.hessian(lambda x: f(x)[0])(X)
        assert all(reference() is None for reference in kept)
    finally:
        gc.enable()


def test_as_a_decorator_it_keeps_name_and_doc() -> None:
    @functools.partial(nna.custom_vjp, nondiff_argnums=(1,))
    def power(x: Any, n: int) -> Any:
        """A power."""
        return x**n

    power.defvjp(lambda x, n: (x**n, x), lambda n, x, g: (g * n * x ** (n - 1),))
    assert (power.__name__, power.__doc__, repr(power)) == ("power", "A power.", "<custom_vjp of power>")
    assert float(nna.grad(lambda x: power(x, 3))(2.0)) == 12.0
    assert float(nna.grad(nna.grad(lambda x: power(x, n=3)))(2.0)) == 12.0


def _bad(bwd: Any = lambda r, g: (g,), fwd: Any = lambda x: (x, None), **kwargs: Any) -> Any:
    return lambda x: _made(lambda x: x, fwd, bwd, **kwargs)(x)[0]


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (_bad(fwd=lambda x: x), r"returns a pair \(result, residuals\)"),
        (_bad(lambda r, g: g), "returns a tuple with a cotangent or None for each argument, 1: received Array"),
        (_bad(lambda r, g: (g, g)), "for each argument, 1"),
        (
            _bad(lambda r, g: (g[0],)),
            r"shape of its argument, \(2,\), and its library, numpy: received Array of shape \(\)",
        ),
        (_bad(lambda r, g: (strict.ones(2),)), r"and its library, numpy: received Array of shape \(2,\)"),
        (_bad(lambda r, g: ({"a": g},)), "and its library, numpy: received {'a'.*dict"),
        (_bad(nondiff_argnums=0), "nondiff_argnums: received Array.*stop_gradient"),
        (_bad(nondiff_argnums=1), r"counts 1 arguments from 0: received \(1,\)"),
        (lambda x: _made(lambda a: a, lambda a: (a * x, None), lambda r, g: (g,))(x)[0], "no recorded array but its"),
    ],
)
def test_misuse_is_refused_by_name(f: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        nna.grad(f)(X)


def test_a_tree_that_does_not_fit_and_a_missing_derivative_are_refused() -> None:
    f = _made(lambda p: p["a"], lambda p: (p["a"], None), lambda r, g: ([g],))
    with pytest.raises(TypeError, match="cotangent of argument 0 must have its tree"):
        nna.grad(lambda x: f({"a": x})[0])(X)
    with pytest.raises(RuntimeError, match=r"has no derivative yet. Call its defvjp\(fwd, bwd\)"):
        nna.custom_vjp(lambda x: x)(X)
    named = _made(lambda x, *, k: x, lambda x: (x, None), lambda r, g: (g,))
    with pytest.raises(TypeError, match="received k, which it takes by name only"):
        named(X, k=1)


def test_a_rule_may_assign_to_its_cotangent_and_to_its_residuals() -> None:
    def backward(x: Any, g: Any) -> Any:
        g[0] = 0.0
        x[...] = 2.0 * x
        return (g * x,)

    f = _made(lambda x: x * x, lambda x: (x * x, x), backward)
    expected = np.diag([1.0, 1.0 + 2.0 * X[1]])
    for mode in ("forward", "reverse"):
        assert_close(nna.jacobian(lambda x: f(x) + x, mode=mode)(X), expected)
    assert_close(nna.jvp(lambda x: f(x) + x, (X,), (X,))[1], expected @ X)
    _, pull = nna.vjp(f, X)
    assert_close(pull(X), pull(X))


def test_a_constant_result_that_is_a_residual_too_may_be_assigned_to() -> None:
    def forward(x: Any) -> Any:
        mask = x > 0
        return (x, mask), mask

    def backward(mask: Any, g: Any) -> Any:
        return (g[0].__array_namespace__().where(mask, g[0], 0.0),)

    f = _made(lambda x: (x, x > 0), forward, backward)

    def total(x: Any) -> Any:
        y, mask = f(x)
        mask[...] = False
        return x.__array_namespace__().sum(y)

    assert nna.grad(total)(X).tolist() == [1.0, 0.0]
