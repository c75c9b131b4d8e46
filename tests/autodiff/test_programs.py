"""Random programs: their derivatives by nnarray against those of PyTorch and JAX, of differences, of each other."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

import nnarray as nna
from nnarray.array import TABLE
from nnarray.autodiff import record
from nnarray.testing import check_grads
from tests.hosts import to_host, to_library
from tests.programs import Program, Step
from tests.random_programs import programs

RTOL = 1e-9


def examples(default: int, deep: int) -> Any:
    """Return settings for so many programs, by default and with ``--deep``."""
    deeply = settings().max_examples >= 1000
    return settings(
        max_examples=deep if deeply else default, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )


def direction(program: Program) -> tuple[np.ndarray, ...]:
    """Return fixed numbers in the shapes of the inputs."""
    return tuple(np.sin(3.0 + np.arange(x.size)).reshape(x.shape) for x in program.inputs)


def assert_same(found: Any, expected: Any, what: str) -> None:
    """Assert that arrays agree to a part of the largest finite number among them."""
    found, expected = [to_host(x) for x in found], [to_host(x) for x in expected]
    size = max((np.max(np.abs(x[np.isfinite(x)]), initial=1.0) for x in expected), default=1.0)
    for i, (x, y) in enumerate(zip(found, expected, strict=True)):
        np.testing.assert_allclose(x, y, rtol=0, atol=RTOL * size, err_msg=f"{what}, number {i}")


def derivatives(program: Program, arrays: Any, along: Any) -> tuple[Any, Any, Any]:
    """Return value and gradient of the loss, and its second derivative along a direction, by nnarray."""
    places = tuple(range(len(arrays)))
    value, gradient = nna.value_and_grad(program.loss, argnums=places)(*arrays)
    return value, gradient, nna.hvp(program.loss, arrays, along)


@examples(default=300, deep=10_000)
@given(program=programs())
def test_derivatives_to_order_two_are_those_of_torch(program: Program) -> None:
    torch = pytest.importorskip("torch")
    inputs, along = program.inputs, direction(program)
    value, gradient, curved = derivatives(program, inputs, along)

    leaves = [torch.tensor(x, requires_grad=True) for x in inputs]
    loss = program.loss(*leaves)
    np.testing.assert_allclose(value, loss.item(), rtol=RTOL, atol=RTOL)
    if not loss.requires_grad:
        assert not any(np.any(x) for x in (*gradient, *curved))
        return
    first = torch.autograd.grad(loss, leaves, create_graph=True, materialize_grads=True)
    assert_same(gradient, first, "gradient")
    slope = sum(torch.sum(g * torch.tensor(t)) for g, t in zip(first, along, strict=True))
    if slope.requires_grad:
        second = torch.autograd.grad(slope, leaves, materialize_grads=True)
        assert_same(curved, second, "second derivative")
    else:
        assert not any(np.any(x) for x in curved)


@examples(default=3, deep=60)
@given(program=programs(most_steps=12))
def test_derivatives_to_order_two_are_those_of_jax(program: Program) -> None:
    jax = pytest.importorskip("jax")
    inputs, along = program.inputs, direction(program)
    value, gradient, curved = derivatives(program, inputs, along)
    places = tuple(range(len(inputs)))
    arrays = tuple(jax.numpy.asarray(x) for x in inputs)
    first, second = jax.jvp(jax.grad(program.loss, argnums=places), arrays, tuple(map(jax.numpy.asarray, along)))
    np.testing.assert_allclose(value, program.loss(*arrays), rtol=RTOL, atol=RTOL)
    assert_same(gradient, first, "gradient")
    assert_same(curved, second, "second derivative")


@pytest.mark.exclude_backend("jax", reason="compiles every shape of every step: see the test of a few programs")
@examples(default=40, deep=2000)
@given(program=programs())
def test_derivatives_are_the_same_on_every_library(program: Program, place: Any) -> None:
    check_on(program, place)


@pytest.mark.require_backend("jax")
@examples(default=2, deep=40)
@given(program=programs(most_steps=12))
def test_derivatives_of_a_few_programs_are_the_same_on_jax(program: Program, place: Any) -> None:
    check_on(program, place)


def check_on(program: Program, place: Any) -> None:
    space = nna.namespace(*place)
    expected = derivatives(program, program.inputs, direction(program))
    arrays, along = ([to_library(x, space) for x in given] for given in (program.inputs, direction(program)))
    value, gradient, curved = derivatives(program, arrays, along)
    assert space.backend.device_of(value) == space.backend.device_of(arrays[0])
    assert_same([value], [expected[0]], "value")
    assert_same(gradient, expected[1], "gradient")
    assert_same(curved, expected[2], "second derivative")


@examples(default=100, deep=5000)
@given(program=programs())
def test_products_with_the_jacobian_from_either_side_agree(program: Program) -> None:
    inputs, along = program.inputs, direction(program)
    results, tangents = nna.jvp(program, inputs, along)
    cotangents = tuple(np.asarray(np.cos(2.0 + np.arange(x.size)).reshape(x.shape)) for x in results)
    pulled = nna.vjp(program, *inputs)[1](cotangents)
    terms = [[np.sum(a * b) for a, b in zip(*pair, strict=True)] for pair in ((cotangents, tangents), (pulled, along))]
    size = max(1.0, *(float(np.sum(np.abs(x))) for x in (*tangents, *pulled)))
    assert sum(terms[0]) == pytest.approx(sum(terms[1]), abs=RTOL * size)


@examples(default=60, deep=2000)
@given(program=programs(without=["stop_gradient"]))
def test_derivatives_to_order_two_are_those_of_differences(program: Program) -> None:
    check_grads(program.loss, program.inputs, order=2, rtol=1e-5, directions=1)


@examples(default=40, deep=2000)
@given(program=programs())
def test_second_derivatives_are_the_same_by_every_transform(program: Program) -> None:
    inputs, along = program.inputs, direction(program)
    places = tuple(range(len(inputs)))

    def slope(*arrays: Any) -> Any:
        gradient = nna.grad(program.loss, argnums=places)(*arrays)
        return sum(nna.namespace("numpy").sum(g * t) for g, t in zip(gradient, along, strict=True))

    expected = nna.hvp(program.loss, inputs, along)
    assert_same(nna.grad(slope, argnums=places)(*inputs), expected, "gradient of gradient")
    forward = nna.grad(lambda *arrays: nna.jvp(program.loss, arrays, along)[1], argnums=places)
    assert_same(forward(*inputs), expected, "gradient of jvp")


@pytest.mark.exclude_backend("jax", reason="compiles every shape of every step: see the test of a few programs")
@examples(default=20, deep=1000)
@given(program=programs())
def test_derivatives_have_the_dtype_of_their_argument(program: Program, place: Any) -> None:
    space = nna.namespace(*place)

    def mixed(arrays: Any) -> list[Any]:
        return [to_library(x if i % 2 else x.astype("float32"), space) for i, x in enumerate(arrays)]

    arrays = mixed(program.inputs)
    _, gradient, curved = derivatives(program, arrays, mixed(direction(program)))
    for found in (gradient, curved):
        assert [x.dtype for x in found] == [x.dtype for x in arrays]


def test_the_programs_call_nearly_every_function_that_has_a_derivative() -> None:
    called: Counter[str] = Counter()

    @settings(max_examples=200, phases=[Phase.generate], database=None, derandomize=True)
    @given(program=programs())
    def count(program: Program) -> None:
        _, nodes = record(program, *program.inputs)
        called.update({node.function.name for node in nodes if node.function})

    count()
    wanted = {name for name, function in TABLE.items() if function.rules and "." not in name}
    # What NumPy has no use for, the functions of complex numbers, and what serves the rules of others.
    rare = {"to_device", "conj", "index_add", "unique_all", "unique_counts", "unique_inverse", "unique_values"}
    assert len(wanted - rare - set(called)) <= 3, wanted - rare - set(called)


def test_a_program_prints_as_it_is_written() -> None:
    @settings(max_examples=20, phases=[Phase.generate], database=None, derandomize=True)
    @given(program=programs())
    def check(program: Program) -> None:
        assert eval(repr(program), {"Program": Program, "Step": Step, "inf": np.inf}) == program

    check()
