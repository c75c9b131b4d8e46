"""jit over a life of calls: whatever was called before, results are the eager function's and nobody else's memory."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

import nnarray as nna
from nnarray.compiler._jit import _MOST_PLANS
from tests.array.case import real
from tests.compiler.test_jit import BY_VALUES
from tests.hosts import to_host, to_library
from tests.programs import Program
from tests.random_programs import programs

Put = Callable[[np.ndarray], Any]


def _assigned(a: Any, b: Any) -> Any:
    x = +a
    x[..., ::2] = b[..., ::2]
    return x, a + b


def _read_late(a: Any, b: Any) -> Any:
    c = a + b
    return c, c * 2 - a, (c - b) * a


#: Functions of two matrices of one shape, of any numbers: what they return invites a plan to share memory.
POOL: dict[str, Callable[[Any, Any], tuple[Any, ...]]] = {
    "step": lambda a, b: (a - 2 * b, 3 * b),
    "swap": lambda a, b: (b, a),
    "the same thrice": lambda a, b: (a, a, a + b, a),
    "read late": _read_late,
    "assigned": _assigned,
    "windows": lambda a, b: (a[::2, ...], a.namespace.flip(b, axis=0), a.mT, b[..., ::2]),
    "joined": lambda a, b: (a.namespace.concat([a, b]), a.namespace.concat([2 * b, a]), a + 1),
    "summed": lambda a, b: (a.namespace.sum(a * b, axis=0), a.namespace.sum(a), b),
    "products": lambda a, b: (a @ b.mT, a.mT @ a, a - b),
}


def _in_one(xs: Sequence[np.ndarray], put: Put) -> list[Any]:
    whole, start, found = put(np.concatenate([x.ravel() for x in xs])), 0, []
    xp = nna.array.array_namespace(whole)
    for x in xs:
        found.append(xp.reshape(whole[start : start + x.size], x.shape))
        start += x.size
    return found


def _turned(x: np.ndarray, put: Put) -> Any:
    axes = tuple(range(x.ndim))[::-1]
    return nna.array.array_namespace(turned := put(x.transpose(axes).copy())).permute_dims(turned, axes)


def _read_only(xs: Sequence[np.ndarray], put: Put) -> list[Any]:
    found = [put(x) for x in xs]
    for x in found:
        if isinstance(x, np.ndarray):
            x.flags.writeable = False
    return found


#: How arguments may stand in memory.
LAYOUTS: dict[str, Callable[[Sequence[np.ndarray], Put], list[Any]]] = {
    "each its own": lambda xs, put: [put(x) for x in xs],
    "neighbours in one array": _in_one,
    "every other column": lambda xs, put: [put(np.repeat(x, 2, axis=-1))[..., ::2] if x.ndim else put(x) for x in xs],
    "transposed": lambda xs, put: [_turned(x, put) for x in xs],
    "read-only": _read_only,
}
#: For two arrays of one shape, which get other numbers by it.
SHARED: dict[str, Callable[[Sequence[np.ndarray], Put], list[Any]]] = {
    "one array twice": lambda xs, put: [put(xs[0])] * 2,
    "overlapping": lambda xs, put: (lambda whole: [whole[: len(xs[0]), ...], whole[min(1, len(xs[0])) :, ...]])(
        put(np.concatenate([*xs])[: len(xs[0]) + 1])
    ),
    "interleaved": lambda xs, put: (lambda whole: [whole[..., ::2], whole[..., min(1, xs[0].shape[-1]) :: 2]])(
        put(np.repeat(xs[0], 2, axis=-1))
    ),
}


#: Which of their arguments the functions of the pool may overwrite.
DONATED: tuple[tuple[int, ...], ...] = ((), (0,), (1,), (0, 1))
_POOL = st.sampled_from(DONATED)
_SIDE = st.sampled_from([3, 2, 4, 1, 0])
_DTYPE = st.sampled_from(["float64", "float32", "int64", "int32", "complex128"])


@dataclass
class Compiled:
    """A function, jitted, and the arguments that it may overwrite."""

    fun: Callable[..., Any]
    donated: tuple[int, ...]
    jitted: Any = field(init=False)

    def __post_init__(self) -> None:
        self.jitted = nna.jit(self.fun, donate_argnums=self.donated)


class Calls(RuleBasedStateMachine):
    """Functions that are called again and again, and the results that a caller keeps."""

    compiled_programs = Bundle("compiled_programs")

    def __init__(self, place: tuple[str, Any]) -> None:
        super().__init__()
        self.space = nna.namespace(*place)
        self.held: list[tuple[Any, np.ndarray]] = []
        self.pool = {donated: [Compiled(f, donated) for f in POOL.values()] for donated in DONATED}
        self.calls = 0

    @rule(target=compiled_programs, program=programs(most_steps=8, without=BY_VALUES), donated=_POOL)
    def jit_a_program(self, program: Program, donated: tuple[int, ...]) -> Compiled:
        return Compiled(program, donated)

    @rule(f=compiled_programs, layout=st.sampled_from(list(LAYOUTS)))
    def call_a_program(self, f: Any, layout: str) -> None:
        # On nearly its own inputs, of which it is known that they are in its domain.
        self.calls += 1
        given = LAYOUTS[layout]([x * (1.0 + 1e-5 * (self.calls % 7)) for x in f.fun.inputs], self.put)
        self.call(f, given)

    @rule(donated=_POOL, n=_SIDE, m=_SIDE, dtype=_DTYPE, layout=st.sampled_from([*LAYOUTS, *SHARED]))
    def call_the_pool(self, donated: tuple[int, ...], n: int, m: int, dtype: str, layout: str) -> None:
        for f in self.pool[donated]:
            self.call(f, self.arguments((n, m), dtype, layout))

    @rule(donated=_POOL, n=_SIDE, m=_SIDE, layout=st.sampled_from(list(LAYOUTS)))
    def call_the_pool_from_two_threads(self, donated: tuple[int, ...], n: int, m: int, layout: str) -> None:
        for f in self.pool[donated]:
            several = [self.arguments((n, m), "float64", layout) for _ in range(6)]
            expected = [self.eager(f, given) for given in several]
            for given, found, right in zip(several, in_two_threads(f.jitted, several), expected, strict=True):
                self.check(f, given, found, right)

    @precondition(lambda self: any(x.ndim == 2 for _, x in self.held))
    @rule(donated=_POOL, place=st.sampled_from([0, 1]), data=st.data())
    def call_the_pool_on_earlier_results(self, donated: tuple[int, ...], place: int, data: Any) -> None:
        for f in self.pool[donated]:
            matrices = [number for number, (_, x) in enumerate(self.held) if x.ndim == 2]
            number = data.draw(st.sampled_from(matrices[::-1]))
            result, before = self.held[number]
            given = self.arguments(before.shape, str(before.dtype), "each its own")
            given[place] = result
            if place in donated:
                del self.held[number]
            self.call(f, given)

    @rule(donated=_POOL, length=st.sampled_from([5, 6, 7, 8]))
    def call_the_step_with_many_shapes(self, donated: tuple[int, ...], length: int) -> None:
        for n in range(length, 100, 4):
            self.call(self.pool[donated][0], self.arguments((n, 1), "float32", "each its own"))

    @invariant()
    def results_of_earlier_calls_stay_as_they_are(self) -> None:
        for result, before in self.held:
            np.testing.assert_array_equal(to_host(result), before)

    @invariant()
    def so_many_plans_are_kept_at_most(self) -> None:
        assert all(len(f.jitted._plans) <= _MOST_PLANS for several in self.pool.values() for f in several)

    def put(self, x: np.ndarray) -> Any:
        return to_library(x, self.space)

    def arguments(self, shape: Sequence[int], dtype: str, layout: str) -> list[Any]:
        """Return two new arrays of numbers that no call has had before."""
        self.calls += 2
        values = [(8 * real(*shape, seed=self.calls + i)).astype(dtype) for i in range(2)]
        return (LAYOUTS | SHARED)[layout](values, self.put)

    def call(self, f: Compiled, given: Sequence[Any]) -> None:
        expected = self.eager(f, given)
        self.check(f, given, f.jitted(*given), expected)

    def eager(self, f: Compiled, given: Sequence[Any]) -> list[np.ndarray]:
        """Return what the function gives as it is, of copies, then the arguments as they are before the call."""
        copies = [self.space.asarray(np.array(to_host(x))) for x in given]
        return [to_host(x.value) for x in (*f.fun(*copies), *copies)]

    def check(self, f: Compiled, given: Sequence[Any], found: Sequence[Any], expected: Sequence[np.ndarray]) -> None:
        results, before = expected[: len(found)], expected[len(found) :]
        for x, y in zip(map(to_host, found), results, strict=True):
            assert (x.dtype, x.shape) == (y.dtype, y.shape)
            part = 1e-5 if y.dtype == np.float32 else 1e-9
            np.testing.assert_allclose(x, y, rtol=part, atol=part * np.max(np.abs(y), initial=0))
        for place, (x, y) in enumerate(zip(given, before, strict=True)):
            if place not in f.donated:
                np.testing.assert_array_equal(to_host(x), y)
        self.held = [*self.held, *((x, np.array(to_host(x))) for x in found)][-40:]


def in_two_threads(f: Callable[..., Any], several: Sequence[Sequence[Any]]) -> list[Any]:
    """Return the results of calls of one function, every other one from another thread, both starting at once."""
    start = threading.Barrier(2)

    def calls(first: int) -> list[Any]:
        start.wait()
        return [f(*given) for given in several[first::2]]

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # They take turns in the midst of a plan.
    try:
        with ThreadPoolExecutor(2) as threads:
            even, odd = threads.map(calls, (0, 1))
    finally:
        sys.setswitchinterval(interval)
    return [x for pair in zip(even, odd, strict=True) for x in pair]


@pytest.mark.exclude_backend("jax", reason="compiles every program; its arrays cannot be written to")
def test_any_sequence_of_calls_gives_what_the_functions_give_and_changes_nothing_else(place: Any) -> None:
    deeply = settings().max_examples >= 1000
    run_state_machine_as_test(
        lambda: Calls(place), settings=settings(max_examples=1000 if deeply else 6, stateful_step_count=20)
    )


@pytest.mark.exclude_backend("jax", reason="its arrays cannot be written to")
def test_threads_that_donate_to_one_function_at_once_get_their_own_results(place: Any) -> None:
    def f(a: Any, b: Any) -> Any:
        y = a
        for _ in range(20):
            y = y * b + 0.5
        return a + y, b - 1.0, a * 2.0

    space = nna.namespace(*place)
    several = [[to_library(real(200, 20, seed=2 * n + i), space) for i in range(2)] for n in range(200)]
    expected = [f(*(np.array(to_host(x)) for x in given)) for given in several]
    for found, arrays in zip(in_two_threads(nna.jit(f, donate_argnums=(0, 1)), several), expected, strict=True):
        for x, y in zip(found, arrays, strict=True):
            np.testing.assert_allclose(to_host(x), y, rtol=1e-9, atol=1e-9)
