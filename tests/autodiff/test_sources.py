"""What functions get from the transforms: Arrays for all arrays, sources for variables, constants for the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import array_api_compat
import numpy as np
import pytest

import nnarray as nna
from nnarray.array import Array
from nnarray.variables import Variable
from tests.hosts import to_host

X, Y = np.asarray([1.0, 2.0, 3.0]), np.asarray([4.0, 8.0, 9.0])


@pytest.fixture
def space(place: Any) -> Any:
    return nna.namespace(*place)


def assigned(x: Any, y: Any) -> Any:
    r = y * 1.0
    r[0] = x[1] ** 2
    return x.__array_namespace__().sum(r * x)


TRANSFORMS: dict[str, Callable[..., Any]] = {
    "grad": lambda f, x, y: nna.grad(f)(x, y),
    "value_and_grad": lambda f, x, y: nna.value_and_grad(f)(x, y)[1],
    "by name": lambda f, x, y: nna.grad(f, argnums="x")(x=x, y=y),
    "in a tree": lambda f, x, y: nna.grad(lambda x, t: f(x, t["y"][0]))(x, {"y": [y]}),
    "jacobian": lambda f, x, y: nna.jacobian(f)(x, y),
    "hessian": lambda f, x, y: nna.hessian(f)(x, y),
    "vjp": lambda f, x, y: nna.vjp(f, x, y)[1](1.0)[0],
    "jvp": lambda f, x, y: nna.jvp(f, (x, y), (y, x))[1],
    "checkpoint": lambda f, x, y: nna.grad(lambda x: nna.checkpoint(f)(x, y))(x),
    "checkpoint alone": lambda f, x, y: nna.checkpoint(f)(x, y),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_arrays_are_arrays_whether_they_are_differentiated_or_not(name: str, space: Any) -> None:
    x, y = space.asarray(X).value, space.asarray(Y).value

    def f(x: Any, y: Any) -> Any:
        assert isinstance(x, Array)
        assert isinstance(y, Array)
        assert array_api_compat.array_namespace(x, y) is x.__array_namespace__()
        return assigned(x, y)

    found = TRANSFORMS[name](f, x, y)
    assert not isinstance(found, Array)
    under_jit = nna.jit(lambda x, y: TRANSFORMS[name](assigned, x, y))(x, y)
    np.testing.assert_allclose(to_host(found), to_host(under_jit), rtol=1e-14)
    # Sum of r x with r_0 = x_1^2: what the transform gives is the same for y as a constant of the function.
    if name in ("grad", "value_and_grad", "by name", "in a tree", "checkpoint"):
        np.testing.assert_allclose(to_host(found), [X[1] ** 2, Y[1] + 2 * X[0] * X[1], Y[2]], rtol=1e-14)


def test_what_a_function_assigns_to_stays_as_it_was_outside() -> None:
    def f(x: Any, y: Any, z: Any) -> Any:
        y[0] = x[0]
        z["z"][0] = x[1]
        return x.__array_namespace__().sum(x * y * z["z"])

    y, z = nna.namespace("numpy").asarray(Y), np.array(Y)
    nna.grad(f)(X, y, {"z": z})
    np.testing.assert_array_equal(y.value, Y)
    np.testing.assert_array_equal(z, Y)


def test_what_holds_no_numbers_is_passed_as_it_is() -> None:
    words, model = np.asarray(["a", "b"]), object()

    def f(x: Any, words: Any, model_: Any, n: int, none: None) -> Any:
        assert type(words) is np.ndarray
        assert model_ is model
        assert (n, none) == (3, None)
        return x.__array_namespace__().sum(x)

    assert nna.grad(f)(X, words, model, 3, None).tolist() == [1.0, 1.0, 1.0]


def test_numpy_scalars_stand_beside_arrays_of_any_library(space: Any) -> None:
    x = space.asarray(X).value
    for number in (np.float64(2.0), 2.0, 2):
        assert to_host(nna.grad(lambda x, c: x.__array_namespace__().sum(c * x))(x, number)).tolist() == [2.0] * 3


def test_an_auxiliary_of_other_arguments_is_raw_if_the_caller_gave_raw_arrays(space: Any) -> None:
    x, y = space.asarray(X), space.asarray(Y)
    f = nna.grad(lambda x, y: (x.__array_namespace__().sum(x * y), [y, 2.0 * y]), has_aux=True)
    assert not any(isinstance(a, Array) for a in f(x.value, y.value)[1])
    assert all(isinstance(a, Array) and a.node is None for a in f(x, y)[1])


def test_custom_vjp_gives_its_functions_arrays_and_takes_them_back(space: Any) -> None:
    seen: list[Any] = []

    def plain(x: Any, y: Any, s: Any) -> Any:
        seen.extend((x, y, s))
        return x * y * s

    f = nna.custom_vjp(plain, nondiff_argnums=2)

    def backward(s: Any, residuals: Any, g: Any) -> Any:
        x, y = residuals
        seen.extend((s, x, y, g))
        return g * y * s, g * x * s

    f.defvjp(lambda x, y, s: (plain(x, y, s), (x, y)), backward)
    x, y = space.asarray(X).value, space.asarray(Y).value
    assert not isinstance(f(x, y, y), Array)
    found = nna.grad(lambda x: x.__array_namespace__().sum(f(x, y, y)))(x)
    assert all(isinstance(a, Array) for a in seen)
    np.testing.assert_allclose(to_host(found), Y * Y)


# -- constants ---------------------------------------------------------------------------------------------------------


def test_stop_gradient_stops_that_of_trees() -> None:
    def f(w: Any) -> Any:
        held = nna.stop_gradient({"w": w, "more": [w, (3, None, "text")]})
        assert held["more"][1] == (3, None, "text")
        return w * held["w"] * held["more"][0]

    assert float(nna.grad(f)(3.0)) == 9.0
    assert float(nna.jit(nna.grad(f))(np.asarray(3.0))) == 9.0


def test_an_array_kept_from_an_earlier_derivative_is_a_constant() -> None:
    kept: list[Any] = []
    nna.grad(lambda x: kept.append(2.0 * x) or x * x)(np.asarray(3.0))
    for f in (lambda x: x * kept[0], lambda x: kept[0] * x * kept[0] / 6.0):
        found = nna.grad(f)(np.asarray(5.0))
        assert not isinstance(found, Array)
        assert found == 6.0
    found = nna.vjp(lambda x: x * x, kept[0])[1](np.asarray(1.0))[0]
    assert (float(found), found.node) == (12.0, None)


def test_an_array_of_a_derivative_around_is_none() -> None:
    @nna.grad
    def outer(a: Any) -> Any:
        inner = nna.grad(lambda x: x * a * a)(2.0)
        return inner * nna.checkpoint(lambda b: nna.grad(lambda x: x * b)(1.0))(a)

    assert float(outer(3.0)) == 27.0
    assert float(nna.grad(outer)(3.0)) == 18.0


def test_a_derivative_under_checkpoint_sees_its_own_run() -> None:
    f = nna.checkpoint(lambda x: nna.grad(lambda t: t * t * x)(3.0) * x)
    assert float(nna.grad(f)(2.0)) == 24.0
    assert float(nna.grad(nna.grad(f))(2.0)) == 12.0


@pytest.mark.parametrize("wrap", [lambda f: f, nna.jit], ids=["eager", "under jit"])
def test_what_bwd_closes_over_is_refused_as_it_is_for_fwd(wrap: Callable[..., Any]) -> None:
    def outer(a: Any) -> Any:
        f = nna.custom_vjp(lambda x: 2.0 * x)
        f.defvjp(lambda x: (2.0 * x, x), lambda x, g: (g * a * x,))
        return nna.grad(f)(3.0)

    with pytest.raises(TypeError, match="bwd of a custom_vjp uses no recorded array but its residuals"):
        wrap(nna.grad(outer))(np.asarray(2.0))
    assert float(wrap(outer)(np.asarray(2.0))) == 6.0


def test_what_bwd_closes_over_counts_where_its_own_derivative_is_taken() -> None:
    def outer(a: Any) -> Any:
        f = nna.custom_vjp(lambda x: a.value * x * x / 2.0)
        f.defvjp(lambda x: (f(x), x), lambda x, g: (g * nna.stop_gradient(a) * x,))
        return nna.grad(nna.grad(f))(3.0) * a

    assert float(nna.grad(outer)(2.0)) == 2.0


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.__array_namespace__().argmax(x),
        lambda x: x.__array_namespace__().any(x > 1.0),
        lambda x: x.__array_namespace__().count_nonzero(x),
        lambda x: bool(x[0] > 0.0),
        lambda x: np.argmax(X),
    ],
)
def test_a_position_or_a_truth_value_has_no_gradient(f: Callable[..., Any]) -> None:
    for wrap in (nna.grad, nna.value_and_grad, nna.hessian):
        with pytest.raises(TypeError, match="must return a floating-point scalar"):
            wrap(f)(X)


def test_masked_arrays_are_refused() -> None:
    x = np.ma.masked_array(X, mask=[False, True, False])
    calls: list[Callable[..., Any]] = [nna.grad(lambda x: x[0]), nna.jit(lambda x: x), nna.namespace("numpy").asarray]
    calls += [lambda x: nna.grad(lambda y, x: y[0])(X, x), lambda x: nna.namespace("numpy").asarray(X) + x]
    for call in calls:
        with pytest.raises(TypeError, match="masked array"):
            call(x)


# -- variables ---------------------------------------------------------------------------------------------------------


class Held:
    """Holds an array, as a variable does."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __nnarray_value__(self) -> Any:
        return self.value

    @contextmanager
    def __nnarray_lend__(self, array: Any) -> Iterator[None]:
        before, self.value = self.value, array
        try:
            yield
        finally:
            self.value = before


def cubed(w: Any) -> Any:
    return w.__array_namespace__().sum(w * w * w)


@pytest.fixture
def variable(space: Any) -> Held:
    return Held(space.asarray(X).value)


#: The function of what it is given, of what it reads itself, and of both.
READS: dict[str, Callable[[Held], Callable[..., Any]]] = {
    "given": lambda v: lambda w: cubed(w),
    "read": lambda v: lambda w: cubed(v.value),
    "both": lambda v: lambda w: w.__array_namespace__().sum(w * v.value * w),
}


@pytest.mark.raw_operators
@pytest.mark.parametrize("name", READS)
def test_derivatives_by_a_variable_are_those_by_its_value(name: str, variable: Held) -> None:
    f, before = READS[name](variable), variable.value
    direction = 0.0 * before + 1.0
    second = np.diag(6 * X)
    np.testing.assert_allclose(to_host(nna.grad(f)(variable)), 3 * X**2)
    value, gradient = nna.value_and_grad(f)(variable)
    np.testing.assert_allclose((to_host(value), to_host(gradient)[0]), (np.sum(X**3), 3.0))
    np.testing.assert_allclose(to_host(nna.vjp(f, variable)[1](1.0)[0]), 3 * X**2)
    np.testing.assert_allclose(to_host(nna.jvp(f, (variable,), (direction,))[1]), np.sum(3 * X**2))
    np.testing.assert_allclose(to_host(nna.jacobian(f)(variable)), 3 * X**2)
    np.testing.assert_allclose(to_host(nna.hessian(f)(variable)), second)
    np.testing.assert_allclose(to_host(nna.hvp(f, (variable,), (direction,))), second.sum(axis=1))
    np.testing.assert_allclose(to_host(nna.jvp(nna.grad(f), (variable,), (direction,))[1]), second.sum(axis=1))
    third = nna.grad(lambda w: nna.array_namespace(w).sum(nna.grad(lambda u: cubed(nna.grad(f)(u)))(w)))
    assert to_host(third(variable)).shape == (3,)
    assert variable.value is before
    assert not isinstance(gradient, Array)


def test_trees_of_variables_have_gradients_in_their_tree(space: Any) -> None:
    kernel, bias = Held(space.asarray(X).value), Held(space.asarray(2.0).value)

    def loss(parameters: Any, x: Any) -> Any:
        return space.sum(kernel.value * x) * bias.value

    x = space.asarray(Y).value
    gradient = nna.grad(loss)({"kernel": kernel, "rest": [bias]}, x)
    np.testing.assert_allclose(to_host(gradient["kernel"]), 2.0 * Y)
    np.testing.assert_allclose(to_host(gradient["rest"][0]), np.sum(X * Y))


def test_a_variable_that_is_not_differentiated_reads_itself(variable: Held) -> None:
    def f(x: Any, w: Any) -> Any:
        assert w is variable
        return x.__array_namespace__().sum(x * w.value)

    np.testing.assert_allclose(to_host(nna.grad(f)(variable.value, variable)), X)


def test_a_variable_holds_what_it_held_after_an_error(variable: Held) -> None:
    before = variable.value
    with pytest.raises(ZeroDivisionError):
        nna.grad(lambda w: 1 / 0)(variable)
    assert variable.value is before


def test_a_custom_vjp_takes_variables_for_what_they_hold(variable: Held) -> None:
    f = nna.custom_vjp(cubed)
    f.defvjp(lambda w: (cubed(w), w), lambda w, g: (g * 5.0 * w,))
    np.testing.assert_allclose(to_host(nna.grad(lambda w: f(variable))(variable)), 5 * X)


def test_stop_gradient_of_a_variable_is_its_value(variable: Held) -> None:
    found = nna.grad(lambda w: cubed(nna.stop_gradient(variable) * w))(variable)
    np.testing.assert_allclose(to_host(found), 3 * X**5)


def test_a_variable_lent_within_a_checkpoint_is_lent_again_in_its_second_run() -> None:
    weight = Variable(np.asarray([1.0, 2.0]))

    def slope(s: Any) -> Any:
        return s * s * nna.grad(lambda w: cubed(weight.value) * s)(weight)[0]

    for wrap in (lambda f: f, nna.checkpoint, lambda f: nna.checkpoint(nna.checkpoint(f))):
        assert float(nna.grad(wrap(slope))(2.0)) == 36.0
        assert float(nna.grad(nna.grad(wrap(slope)))(2.0)) == 36.0


def test_a_variable_read_under_checkpoint_is_differentiated_to_order_two() -> None:
    weight = Variable(np.asarray([1.0, 2.0]))
    f = nna.checkpoint(lambda: cubed(weight.value))
    np.testing.assert_allclose(nna.grad(lambda w: f())(weight), [3.0, 12.0])
    np.testing.assert_allclose(nna.hessian(lambda w: f())(weight), np.diag([6.0, 12.0]))
