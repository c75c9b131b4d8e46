"""What a plan keeps in memory is nobody else's: no other value's, not the caller's, not a closure's."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray.compiler._location import MAY_BE_WINDOWS, VIEWS
from nnarray.compiler.executors.numpy import Numpy
from tests.array.case import Case
from tests.array.test_table import ROWS, _args, _moved
from tests.hosts import to_host, to_library

SPACE = nna.namespace("numpy")


@pytest.mark.parametrize(("name", "case"), ROWS)
def test_a_function_that_may_return_its_argument_is_known_for_it(name: str, case: Case) -> None:
    if name.startswith("empty"):
        return
    arrays = [_moved(x, SPACE) for x in case.arrays]
    found = attrgetter(name)(SPACE)(*arrays, *_args(name, case, SPACE), **case.params)
    for made in found if isinstance(found, (list, tuple)) else [found]:
        for x in arrays:
            if isinstance(x, nna.Array) and np.shares_memory(made.value, x.value):
                assert name in VIEWS | MAY_BE_WINDOWS


def test_a_first_power_of_a_matrix_outlives_the_buffer_it_is_in() -> None:
    def f(x: Any) -> Any:
        xp = x.__array_namespace__()
        once = xp.linalg.matrix_power(x * 2, 1)
        return xp.exp(x) - xp.square(x) + once

    x = np.arange(9.0).reshape(3, 3)
    np.testing.assert_allclose(nna.jit(f)(x), np.exp(x) - x * x + 2 * x)


@pytest.mark.parametrize("dtype", ["float64", "int32"])
def test_a_constant_is_wherever_it_was_joined_to(dtype: str) -> None:
    ends = np.asarray([3, 4], dtype)

    def f(x: Any) -> Any:
        xp = x.__array_namespace__()
        return xp.concat([ends, x * 2, ends]), xp.concat([x * 3, ends]), xp.concat([ends[:0], x * 5, ends])

    jitted = nna.jit(f)
    for x in (np.asarray([1, 2], dtype), np.asarray([5, 6], dtype)):
        found = [part.tolist() for part in jitted(x)]
        ends_of = ends.tolist()
        assert found == [ends_of + (x * 2).tolist() + ends_of, (x * 3).tolist() + ends_of, (x * 5).tolist() + ends_of]


def test_what_a_function_closes_over_stays_as_it_was_at_the_first_call(backend: str) -> None:
    space = nna.namespace(backend)
    held = to_library(np.ones(3), space)
    jitted = nna.jit(lambda x: x * held + 2 * held)
    x = to_library(np.ones(3), space)
    before = to_host(jitted(x)).tolist()
    if backend != "jax":
        held[...] = 5.0
    assert to_host(jitted(x)).tolist() == before == [3.0] * 3


def test_an_array_that_is_closed_over_may_be_given_to_be_overwritten() -> None:
    held = np.ones(2)
    jitted = nna.jit(lambda x: 3 * x + held, donate_argnums=0)
    assert jitted(held).tolist() == [4.0, 4.0]
    assert jitted(np.ones(2)).tolist() == [4.0, 4.0]


def test_a_scalar_of_numpy_that_is_donated_is_copied() -> None:
    assert nna.jit(lambda a, b: a + b, donate_argnums=0)(np.float64(2.0), np.ones(())) == 3.0


def test_a_result_is_neither_an_argument_nor_another_result(backend: str) -> None:
    space = nna.namespace(backend)

    def f(x: Any) -> Any:
        xp = x.__array_namespace__()
        return x * 1.0, x**1, xp.sum(x, axis=0), xp.exp(x), xp.exp(x), xp.astype(x, x.dtype)

    x = to_library(np.asarray([[1.0, 2.0]]), space)
    jitted = nna.jit(f)
    expected = [to_host(each.value).tolist() for each in f(space.asarray(x))]
    for _ in range(2):
        results = jitted(x)
        for n, result in enumerate(results):
            assert to_host(result).tolist() == expected[n]
            if backend != "jax":
                result[...] = 9.0
    assert to_host(x).tolist() == [[1.0, 2.0]]


@dataclass
class Scaled:
    x: Any
    scale: Any = field(metadata={"static": True})


@pytest.mark.parametrize("first", [2, 1, 0])
def test_static_values_that_are_equal_but_not_the_same_have_plans_of_their_own(first: int) -> None:
    def plain(x: Any, scale: Any) -> Any:
        return x * (scale[0] if isinstance(scale, tuple) else scale)

    x = np.arange(3)
    others = [float(first), -float(first) if first == 0 else True, np.float32(first)]
    by_place, by_name = nna.jit(plain, static_argnums=1), nna.jit(plain, static_argnames="scale")
    leaf, whole = nna.jit(plain), nna.jit(lambda s: s.x * s.scale)
    for scale in (first, *others):
        expected = x * scale
        found = [by_place(x, scale), by_place(x, (scale,)), by_name(x, scale=scale), whole(Scaled(x, scale))]
        if not isinstance(scale, np.generic):
            found.append(leaf(x, scale))
        for each in found:
            assert each.dtype == expected.dtype
            np.testing.assert_array_equal(each, expected)
            np.testing.assert_array_equal(np.signbit(each), np.signbit(expected))


def test_integers_are_compared_with_numbers_beyond_their_range() -> None:
    x = np.asarray([-3, 0, 100], "int8")
    assert nna.jit(lambda x: (x < 300, x > -1000, x == 2**40))(x)[0].tolist() == [True] * 3
    assert nna.jit(lambda x: x > -1)(x.astype("uint8")).tolist() == [True] * 3


WINDOWS = {
    "an element by its place": lambda x: x[0],
    "an element by its places": lambda x: x.__array_namespace__().reshape(x, (3, 1))[1, 0],
    "what has been stretched to more axes": lambda x: x.__array_namespace__().broadcast_to(x[:1], (1, 1)),
    "nothing": lambda x: x.__array_namespace__().broadcast_to(x[:1], (0, 1)),
    "a sum over an axis of a number": lambda x: x.__array_namespace__().sum(x[0], axis=0),
}


@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("made", [lambda x: x * 2, lambda x: x.__array_namespace__().cumulative_sum(x)])
def test_windows_on_buffers_are_read_and_never_written(name: str, made: Any) -> None:
    window = WINDOWS[name]

    def f(x: Any) -> Any:
        y = made(x)
        part = window(y)
        return part, y + 1.0, part + 1.0, window(y * 3 + 1.0) * 2 - 1.0

    x = np.asarray([1.0, 5.0, -2.0])
    jitted = nna.jit(f)
    for scale in (1.0, 2.0):
        for found, each in zip(jitted(scale * x), f(SPACE.asarray(scale * x)), strict=True):
            assert type(found) is np.ndarray
            assert found.shape == each.shape
            np.testing.assert_array_equal(found, each.value)


def test_a_donated_array_in_another_order_is_copied_to_rows() -> None:
    x = np.asfortranarray([[1.0, 2.0], [3.0, 4.0]])
    jitted = nna.jit(lambda x: (lambda y: y.__array_namespace__().matmul(y, y))(x + 1.0), donate_argnums=0)
    np.testing.assert_array_equal(jitted(x), (lambda y: y @ y)(np.asarray([[2.0, 3.0], [4.0, 5.0]])))
    assert x.tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_laying_out_a_graph_twice_as_long_takes_twice_as_much() -> None:
    def calls(length: int) -> int:
        def f(x: Any) -> Any:
            y = x
            for _ in range(length):
                y = y.__array_namespace__().tanh(y) * x
            return y

        graph = nna.jit(f).lower(np.ones(3)).graph
        count = 0

        def note(*_: Any) -> None:
            nonlocal count
            count += 1

        sys.setprofile(note)
        try:
            Numpy(SPACE.backend).compile(graph)
        finally:
            sys.setprofile(None)
        return count

    assert calls(200) < 2.2 * calls(100)
