"""What a jitted function is given and gives, beyond plain arrays in plain places."""

from __future__ import annotations

import copy
import dataclasses
import enum
import functools
import pickle
import tracemalloc
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import nnarray as nna
from nnarray.layers import Dense
from nnarray.models import Sequential
from nnarray.testing import assert_close
from tests.hosts import to_host

X = np.arange(4.0)


def first_of(d: dict[str, Any]) -> str:
    return next(iter(d))


def space(x: Any) -> Any:
    return x.__array_namespace__()


# -- what tells calls apart -------------------------------------------------------------------------------------------


def test_the_order_of_a_dict_is_part_of_the_program() -> None:
    first = nna.jit(lambda d: d[first_of(d)] - sum(d.values()))
    one, two = np.ones(1), np.full(1, 2.0)
    for _ in range(2):
        assert first({"b": two, "a": one}).tolist() == [-1.0]
        assert first({"a": one, "b": two}).tolist() == [-2.0]
    named = nna.jit(lambda **given: given[first_of(given)] * 1.0)
    assert (named(b=two, a=one).tolist(), named(a=one, b=two).tolist()) == ([2.0], [1.0])
    turned = nna.jit(lambda d: {name: d[name] * 2.0 for name in d})
    assert list(turned({"b": two, "a": one})) == ["b", "a"]
    assert list(turned({"a": one, "b": two})) == ["a", "b"]


@dataclasses.dataclass(frozen=True)
class _Setting:
    power: object


class _Pair(NamedTuple):
    power: object


@pytest.mark.parametrize("made", [_Setting, _Pair, lambda n: frozenset([n])])
def test_statics_that_are_equal_but_not_the_same_have_plans_of_their_own(made: Callable[[Any], Any]) -> None:
    def f(x: Any, setting: Any) -> Any:
        return x * getattr(setting, "power", None) if hasattr(setting, "power") else x * next(iter(setting))

    jitted = nna.jit(f, static_argnums=1)
    assert jitted(np.arange(3), made(1)).dtype == np.int64
    assert jitted(np.arange(3), made(1.0)).dtype == np.float64


class _Tagged(float):
    tag: float

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Tagged) and (float(self), self.tag) == (float(other), other.tag)

    def __hash__(self) -> int:
        return hash((float(self), self.tag))


def test_statics_with_an_equality_of_their_own_are_told_apart_by_it() -> None:
    one, two = _Tagged(1.0), _Tagged(1.0)
    one.tag, two.tag = 2.0, 3.0
    jitted = nna.jit(lambda x, k: x * k.tag, static_argnums=1)
    assert [jitted(X, k)[1] for k in (one, two)] == [2.0, 3.0]


def test_a_static_nan_is_the_same_at_each_call() -> None:
    jitted = nna.jit(lambda x, n: x * n, static_argnums=1)
    for _ in range(3):
        jitted(X, float("nan"))
    assert "1 plans" in repr(jitted)


def test_marked_parameters_may_be_left_out_or_named() -> None:
    scaled = nna.jit(lambda x, n=3: x * n, static_argnums=1)
    assert scaled(X).tolist() == (3 * X).tolist()
    assert scaled(X, n=2).tolist() == scaled(X, 2).tolist() == (2 * X).tolist()
    assert nna.jit(lambda x, **given: x * given["n"], static_argnames="n")(X, n=2.0).tolist() == (2 * X).tolist()
    last = nna.jit(lambda *xs: xs[0] * xs[-1], static_argnums=-1)
    assert last(X, 2).tolist() == last(X, X, 2).tolist() == (2 * X).tolist()

    def shifted(x: Any, buffer: Any = None) -> Any:
        return x + 1.0 if buffer is None else buffer + x

    donated = nna.jit(shifted, donate_argnums=1)
    assert donated(X).tolist() == (X + 1).tolist()
    given = np.ones(4)
    assert donated(X, buffer=given) is given
    assert given.tolist() == (X + 1).tolist()
    numbered = nna.jit(lambda x, n: x * n, static_argnums=np.int64(1))
    assert numbered(X, 2).tolist() == (2 * X).tolist()


def test_marks_are_of_parameters_and_not_of_others_that_have_their_name() -> None:
    kept = np.zeros(4)
    jitted = nna.jit(lambda x, /, **named: (x * 2.0, named["x"] + 1.0), donate_argnums=0)
    jitted(np.ones(4), x=kept)
    assert not kept.any()

    def wrapping(inner: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(inner)
        def outer(extra: Any, *args: Any) -> Any:
            return inner(*args) * extra

        return outer

    assert nna.jit(wrapping(lambda x: x), static_argnums=0)(2.0, X).tolist() == (2 * X).tolist()
    assert nna.jit(wrapping(lambda x: x), static_argnums=1)(X, 2.0).tolist() == (2 * X).tolist()
    logged = functools.wraps(scaled_by)(lambda *args, **named: scaled_by(*args, **named))
    assert nna.jit(logged, static_argnames="n")(X, 3).tolist() == (3 * X).tolist()
    assert nna.jit(scaled_by, static_argnums=(n for n in [1]))(X, 3).tolist() == (3 * X).tolist()
    with pytest.raises(TypeError, match="of which the function has 0"):
        nna.jit(lambda: 1, static_argnums=0)


def scaled_by(x: Any, n: int) -> Any:
    return x * [0, 1, 2, 3][n]


@pytest.mark.parametrize(
    "make",
    [
        lambda: nna.jit(3),  # type: ignore[arg-type]
        lambda: nna.jit(lambda x: x, donate_argnums="x"),  # type: ignore[arg-type]
        lambda: nna.jit(lambda x: x, static_argnums=True),
        lambda: nna.jit(lambda x: x, static_argnums=1.0),  # type: ignore[arg-type]
        lambda: nna.jit(lambda x: x).lower(3),
    ],
)
def test_misuse_is_refused_with_what_was_received(make: Callable[[], Any]) -> None:
    with pytest.raises(TypeError, match="received"):
        make()


# -- arrays that are not plain ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("library", "dtype"), [("torch", "bfloat16"), ("torch", "float16"), ("jax.numpy", "bfloat16")])
def test_half_precision_is_computed_in_half_precision(library: str, dtype: str) -> None:
    module: Any = pytest.importorskip(library)
    x = module.ones(4, dtype=getattr(module, dtype))
    doubled = nna.jit(lambda x: x * 2.0)(x)
    gradient = nna.jit(nna.grad(lambda x: space(x).sum(x * x)))(x)
    for found in (doubled, gradient):
        assert str(found.dtype) == str(x.dtype)
        assert [float(each) for each in found] == [2.0] * 4


@pytest.mark.parametrize("executor", ["numpy", "numba", "generic"])
def test_masked_arrays_are_refused_beside_plain_ones_too(executor: str) -> None:
    if executor == "numba":
        pytest.importorskip("numba")
    masked = np.ma.array([1.0, 2.0, 3.0], mask=[False, True, False])
    jitted = nna.jit(lambda x: space(x).sum(x * 2.0), executor=executor)
    assert float(jitted(masked.filled(0.0))) == 8.0
    for _ in range(2):
        with pytest.raises(TypeError, match="its mask would be lost"):
            jitted(masked)


def test_a_number_beyond_the_dtype_is_chosen_as_it_is_eagerly_or_refused_in_the_same_words() -> None:
    def f(x: Any) -> Any:
        return space(x).where(x != 0, x, -1)

    def outcome(call: Callable[[Any], Any], x: Any) -> Any:
        try:
            return [int(each) for each in call(x)]
        except OverflowError as error:  # NumPy 2.5 and later refuse it.
            return str(error)

    x = np.asarray([0, 1, 2], np.uint8)
    assert outcome(nna.jit(f), x) == outcome(f, nna.namespace("numpy").asarray(x))


@pytest.mark.parametrize("number", [complex(0, np.inf), complex(np.nan, 1), float("-inf"), 1e300])
def test_numbers_of_every_kind_stand_in_a_generic_plan(number: Any) -> None:
    x = np.ones(2) * (1 + 0j)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(nna.jit(lambda x: x * number, executor="generic")(x), x * number)


def test_indices_may_be_arrays_that_are_arguments(backend: str) -> None:
    numpy = np.arange(24.0).reshape(2, 3, 4)
    library = nna.namespace(backend)
    x, i, k = (library.asarray(each).value for each in (numpy, np.asarray([0, 1, -1]), np.asarray(1)))

    def f(x: Any, i: Any, k: Any) -> list[Any]:
        return [x[i, ...], x[:, i, 0], x[i, i], x[k, ...], x[k, 1], x[0, k]]

    n, m = np.asarray([0, 1, -1]), 1
    expected = [numpy[n], numpy[:, n, 0], numpy[n, n], numpy[m], numpy[m, 1], numpy[0, m]]
    for found, wanted in zip(nna.jit(f)(x, i, k), expected, strict=True):
        assert tuple(found.shape) == wanted.shape
        np.testing.assert_array_equal(to_host(found), wanted)


def test_known_indices_without_axes_are_plain_ones_under_jit_too() -> None:
    def f(x: Any) -> Any:
        xp = space(x)
        y = x * 1.0
        y[xp.asarray(1), ...] = 7.0
        for n in xp.unstack(xp.arange(2)):
            y[n, 0, 0] = -1.0
        return xp.sum(y) + xp.sum(x[xp.asarray(1), :, xp.asarray(2)])

    x = np.arange(24.0).reshape(2, 3, 4)
    expected = float(f(nna.namespace("numpy").asarray(x)))
    assert float(nna.jit(f)(x)) == expected
    assert_close(nna.jit(nna.grad(f))(x), nna.grad(f)(x))

    def assigned(x: Any, n: Any) -> Any:
        y = x * 1.0
        y[n, ...] = 0.0
        return y

    with pytest.raises(nna.TracingError, match="An index needs the value"):
        nna.jit(assigned)(x, np.asarray(1))


def test_an_index_beyond_its_axis_is_an_error_at_replay_too() -> None:
    jitted = nna.jit(lambda x, i: x[i, i])
    x = np.arange(12.0).reshape(3, 4)
    assert jitted(x, np.asarray([0, 2])).tolist() == [0.0, 10.0]
    for wrong in ([0, 3], [-4, 0]):
        with pytest.raises(IndexError):
            jitted(x, np.asarray(wrong))


# -- results ----------------------------------------------------------------------------------------------------------


class _Colour(enum.Enum):
    RED = 1


def test_results_may_hold_numbers_and_names() -> None:
    given = {"a": 1, "b": (None, "c", 2.5), "d": np.dtype("float32"), "e": _Colour.RED}
    given |= {"f": slice(1, 2), "g": np.float32, "h": space, "i": range(3)}
    jitted = nna.jit(lambda x: (x * 2.0, given, np.mean([1.0, 2.0])))
    for _ in range(2):
        array, others, number = jitted(X)
        assert array.tolist() == (2 * X).tolist()
        assert (others, float(number)) == (given, 1.5)


class _Box:
    def __init__(self, held: Any) -> None:
        self.held = held


@pytest.mark.parametrize(
    "f", [lambda x: (y for y in (x, x)), lambda x: _Box(x * 2.0), lambda x: (x, {1, 2}), lambda x: lambda: x]
)
def test_results_that_jit_cannot_follow_are_refused(f: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match="A result under jit is made of arrays"):
        nna.jit(f)(X)


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_generic_results_are_the_callers_own(library: str) -> None:
    pytest.importorskip(library)
    x = nna.namespace(library).asarray(np.arange(6.0).reshape(2, 3)).value
    jitted = nna.jit(lambda x: [x, x[1:, :], space(x).matrix_transpose(x), (y := x * 2.0), y.mT], executor="generic")
    results = jitted(x)
    kept = [to_host(each).copy() for each in results]
    for n, result in enumerate(results):
        result[...] = -1.0
        for other, before in zip(results[n + 1 :], kept[n + 1 :], strict=True):
            np.testing.assert_array_equal(to_host(other), before)
    np.testing.assert_array_equal(to_host(x), np.arange(6.0).reshape(2, 3))


# -- memory, notes, copies --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("executor", ["numpy", "numba", "generic"])
def test_arrays_without_a_buffer_are_dropped_after_their_last_use(executor: str) -> None:
    if executor == "numba":
        pytest.importorskip("numba")

    def f(x: Any) -> Any:
        for n in range(8):
            x = space(x).roll(space(x).reshape(x, (10, -1)), n + 1)
        return space(x).sum(x * 2.0)

    x = np.ones(10**5)
    jitted = nna.jit(f, executor=executor)
    assert float(jitted(x)) == 2e5
    tracemalloc.start()
    jitted(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    told = jitted.lower(x).plan.peak_bytes
    assert 0.9 * told < peak + jitted.lower(x).plan.buffer_bytes < 3.1 * x.nbytes


def test_products_and_factorisations_count_what_they_take() -> None:
    def flops(f: Callable[..., Any], *args: Any) -> int:
        return nna.jit(f).lower(*args).plan.flops

    a, b = np.eye(10, dtype="float32"), np.ones((10, 5), "float32")
    assert flops(lambda a, b: a @ b, a, b) == 2 * 10 * 10 * 5
    assert flops(lambda a, b: space(a).tensordot(a, b, axes=1), a, b) == 2 * 10 * 10 * 5
    assert flops(lambda a: space(a).vecdot(a, a), a) == 2 * 10 * 10
    wide, tall = np.ones((3, 1, 5)), np.ones((1, 4, 5))
    assert flops(lambda a, b: space(a).vecdot(a, b), wide, tall) == 2 * 3 * 4 * 5
    assert flops(lambda a: space(a).linalg.matrix_power(a, 5), a) == 3 * 2 * 10**3
    assert flops(lambda a: space(a).linalg.inv(a), a) == 2 * 10**3
    assert flops(lambda a, b: space(a).linalg.solve(a, b), a, b) == round(2 / 3 * 1000 + 2 * 10 * 10 * 5)
    assert flops(lambda a: space(a).argmax(a), a) == 100
    assert flops(lambda a: space(a).concat([a, a]), a) == 0


def test_results_that_are_copied_and_reshapes_that_copy_count() -> None:
    x = np.ones((10, 10))
    for executor in ("numpy", "generic"):
        for f, arrays in ((lambda a: a, 1), (lambda a: (a, a[:, :5]), 1.5), (lambda a: ((y := a * 2.0), y), 2)):
            assert nna.jit(f, executor=executor).lower(x).plan.peak_bytes == arrays * x.nbytes
    turned = nna.jit(lambda a: space(a).reshape(space(a).matrix_transpose(a * 2.0), (-1,)) + 1.0).lower(x)
    assert turned.plan.bytes_moved == 6 * x.nbytes


def test_what_keeps_donated_arguments_from_being_overwritten_is_noted() -> None:
    frozen = np.arange(4.0)
    frozen.flags.writeable = False
    jitted = nna.jit(lambda a, b: a * 2.0 + b, donate_argnums=0)

    def notes(a: Any, b: Any) -> str:
        return "; ".join(jitted.lower(a, b).plan.notes)

    assert notes(np.ones(4), X) == ""
    assert "x0 is donated, but is read-only" in notes(frozen, X)
    assert "one piece of memory" in notes(np.arange(8.0)[::2], X)
    assert "shares memory with x1" in notes(X, X)
    assert jitted(X, X).tolist() == (3 * X).tolist()
    generic = nna.jit(lambda a: a * 2.0, donate_argnums=0, executor="generic").lower(X)
    assert "not overwritten by executor 'generic'" in generic.plan.notes[0]


def test_training_keeps_the_plans_used_last() -> None:
    model = Sequential([Dense(1, input_dim=2)])
    model.compile("sgd", "mse")
    for n in range(1, 70):
        model.train_on_batch(np.ones((n, 2)), np.ones(n))
    assert len(model.plans) == 64
    assert ("train", 69) in model.plans
    assert ("train", 1) not in model.plans


@nna.jit
def decorated(x: Any) -> Any:
    return x + 1.0


def test_decorated_functions_are_pickled_by_name_and_others_copied() -> None:
    assert pickle.loads(pickle.dumps(decorated)) is decorated
    twin = copy.deepcopy(nna.jit(lambda x: x + 2.0))
    assert twin(X).tolist() == (X + 2).tolist()


def test_arrays_may_be_copied_while_they_are_traced() -> None:
    jitted = nna.jit(lambda x: copy.deepcopy(x) * 2.0 + copy.copy(x))
    assert jitted(X).tolist() == (3 * X).tolist()


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "f",
    [
        lambda x, n: space(x).reshape(x, (n, -1)),
        lambda x, n: space(x).zeros((n,)),
        lambda x, n: space(x).arange(n),
        lambda x, n: space(x).roll(x, n),
        lambda x, n: space(x).repeat(x, n),
        lambda x, n: x[: int(n)],
        lambda x, n: np.asarray(x),
        lambda x, n: np.from_dlpack(x),
        lambda x, n: x if n else -x,
        lambda x, n: x * float(n),
    ],
)
def test_values_that_are_asked_for_are_refused_with_the_users_line(f: Callable[..., Any]) -> None:
    with pytest.raises(nna.TracingError, match=r"At test_jit_edges\.py, line \d+: lambda x, n: ") as caught:
        nna.jit(f)(X, np.asarray(2))
    assert "__" not in str(caught.value).partition("At test_jit_edges")[0]
