"""Variables: assignment, operators, the stateless scope, and packs."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray.array import Array
from nnarray.backends import get_backend
from nnarray.random import SeedGenerator, stream_from_seed
from nnarray.variables import ALIGNMENT, Pack, StatelessScope, Variable, pack_variables
from tests.hosts import to_host, to_library

A, B, C = np.arange(6.0).reshape(2, 3), np.asarray([7.0, 8.0]), np.asarray(9.0)


def variable(value: Any, place: Any, name: str = "v", dtype: str = "float64") -> Variable:
    return Variable(to_library(np.asarray(value, dtype=dtype), nna.namespace(*place)), name)


def three(place: Any, dtype: str = "float64") -> list[Variable]:
    return [variable(value, place, name, dtype) for name, value in (("a", A), ("b", B), ("c", C))]


def values(variables: Any) -> list[list[float]]:
    return [v.numpy().tolist() for v in variables]


def test_a_variable_says_what_it_holds(place: Any) -> None:
    v = variable(A, place, "layer/kernel", "float32")
    adapter = get_backend(place[0])
    assert (v.shape, v.ndim, v.size, v.dtype, v.backend, v.trainable) == ((2, 3), 2, 6, "float32", adapter, True)
    assert v.device == adapter.device_of(v.value)
    assert repr(v) == f"<Variable layer/kernel shape=(2, 3) dtype=float32 on {place[0]}>"
    assert v.members == (v,)


def test_assigning_copies_converts_and_keeps_dtype_and_place(place: Any) -> None:
    v = variable(A, place, dtype="float32")
    device = v.device
    given = np.ones((2, 3))
    for new in (
        given,
        to_library(given, nna.namespace(*place)),
        given.tolist(),
        nna.namespace("numpy").asarray(given),
    ):
        v.assign(np.zeros((2, 3)))
        v.assign(new)
        assert v.numpy().tolist() == given.tolist()
        assert (v.dtype, v.device) == ("float32", device)


@pytest.mark.parametrize("packed", [False, True])
def test_the_array_given_is_not_aliased(packed: bool, place: Any) -> None:
    v, w = variable(A, place), variable(A, place)
    if packed:
        Pack([v])
    given = np.ones((2, 3))
    v.assign(given)
    given[...] = 5.0
    w.assign(v)
    v.assign(np.zeros((2, 3)))
    assert w.numpy().tolist() == np.ones((2, 3)).tolist()
    v.numpy()[...] = 3.0
    assert not v.numpy().any()


def test_a_value_of_another_shape_is_refused_and_the_old_one_kept(place: Any) -> None:
    v = variable(B, place, "b")
    for wrong in (np.zeros(3), np.zeros((2, 1)), 0.0):
        with pytest.raises(ValueError, match=r"Variable 'b' has shape \(2,\): received"):
            v.assign(wrong)
    assert v.numpy().tolist() == B.tolist()


@pytest.mark.parametrize("op", [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow])
def test_operators_compute_with_the_value(op: Any, place: Any) -> None:
    v, w = variable(B, place), variable([2.0, 3.0], place)
    for found, expected in ((op(v, 2.0), op(B, 2.0)), (op(2.0, v), op(2.0, B)), (op(v, w), op(B, [2.0, 3.0]))):
        np.testing.assert_allclose(to_host(found), expected, rtol=1e-14)
    np.testing.assert_allclose(to_host(op(v, w.value)), op(B, [2.0, 3.0]), rtol=1e-14)


def test_other_operators_compute_with_the_value_too(place: Any) -> None:
    a, b = variable(A, place), variable(-B, place)
    np.testing.assert_array_equal(to_host(b @ a), -B @ A)
    np.testing.assert_array_equal(to_host(-b), B)
    np.testing.assert_array_equal(to_host(abs(b)), B)
    np.testing.assert_array_equal(to_host(a[0, 1:]), A[0, 1:])
    np.testing.assert_array_equal(to_host(b < -7.5), [False, True])
    assert (float(variable(2.5, place)), int(variable(2.5, place))) == (2.5, 2)


@pytest.mark.parametrize("op", [operator.add, operator.sub, operator.mul, operator.truediv])
@pytest.mark.parametrize("number", [np.float32(3.0), np.float64(3.0), np.asarray(3.0, dtype="float32"), 3])
def test_numpys_scalars_stand_on_either_side_of_a_variable(op: Any, number: Any) -> None:
    variable = Variable(np.asarray(2.0, dtype="float32"))
    assert float(op(number, variable)) == pytest.approx(op(3.0, 2.0))
    assert float(op(variable, number)) == pytest.approx(op(2.0, 3.0))


@pytest.mark.raw_operators
def test_a_scope_lends_values_and_keeps_what_is_assigned_to_itself(place: Any) -> None:
    v, other = variable(B, place), variable(B, place)
    lent = to_library(np.ones(2), nna.namespace(*place))
    with StatelessScope([v], [lent]) as scope:
        assert v.value is lent
        v.assign(lent + 1.0)
        np.testing.assert_array_equal(to_host(v.value), [2.0, 2.0])
        other.assign(np.zeros(2))
        with pytest.raises(ValueError, match="has shape"):
            v.assign(np.zeros(3))
    assert values([v, other]) == [B.tolist(), [0.0, 0.0]]
    np.testing.assert_array_equal(to_host(scope.values[v]), [2.0, 2.0])
    assert to_host(lent).tolist() == [1.0, 1.0]


def test_scopes_nest_end_with_errors_and_count_draws() -> None:
    v = variable(B, ("numpy", None))

    def fail() -> None:
        with StatelessScope([v], [np.zeros(2)]):
            assert v.value.tolist() == [0.0, 0.0]
            raise KeyError

    with StatelessScope([v], [np.ones(2)], counter=4) as outer:
        with pytest.raises(KeyError):
            fail()
        assert v.value.tolist() == [1.0, 1.0]
        seed = SeedGenerator(0)
        assert [stream_from_seed(seed) for _ in range(3)] == [(seed.key, (4, 1 + n)) for n in range(3)]
    assert v.value.tolist() == B.tolist()
    assert stream_from_seed(seed) == (seed.key, (0, 0))
    assert not outer.recorded
    array = nna.namespace("numpy").asarray(B)
    assert isinstance(array, Array)
    assert StatelessScope([v], [array]).recorded
    with pytest.raises(ValueError, match="zip"):
        StatelessScope([v], [])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_packed_piece_starts_on_256_bytes_and_gaps_are_zero(dtype: str, place: Any) -> None:
    before = three(place, dtype)
    big = variable(np.ones(ALIGNMENT), place, dtype=dtype)
    empty = variable(np.zeros((0, 3)), place, dtype=dtype)
    pack = Pack([big, empty, *before])
    size = np.dtype(dtype).itemsize
    assert ALIGNMENT == 256
    assert all(start * size % ALIGNMENT == 0 for start in pack.starts)
    assert pack.starts == [0, 256, 256, *(256 + i * ALIGNMENT // size for i in (1, 2))]
    flat = to_host(pack.value)
    assert flat.shape == pack.shape == (256 + 3 * ALIGNMENT // size,)
    assert flat.sum() == 256 + A.sum() + B.sum() + C
    assert values(before) == [A.tolist(), B.tolist(), C.tolist()]


def test_pieces_split_off_and_join_again(place: Any) -> None:
    pack = Pack(three(place))
    pieces = pack.split(pack.value)
    assert [to_host(p).tolist() for p in pieces] == [A.tolist(), B.tolist(), C.tolist()]
    np.testing.assert_array_equal(to_host(pack.join(pieces)), to_host(pack.value))
    assert pack.members == tuple(v for v in pack.members if v.pack is pack)
    single = pack.members[1]
    assert single.join(single.split(single.value)) is single.value


@pytest.mark.raw_operators
def test_pack_and_variables_show_each_others_assignments(place: Any) -> None:
    a, b, c = members = three(place)
    pack = Pack(members)
    b.assign(np.asarray([1.0, 2.0]))
    assert to_host(pack.split(pack.value)[1]).tolist() == [1.0, 2.0]
    pack.assign(pack.value * 2.0)
    assert values(members) == [(2 * A).tolist(), [2.0, 4.0], 18.0]
    doubled = pack.join([v.value * 0.0 for v in (a, b, c)])
    pack.assign(doubled)
    assert not any(v.numpy().any() for v in members)


@pytest.mark.raw_operators
def test_packed_variables_are_windows_where_the_library_has_views(place: Any) -> None:
    members = three(place)
    pack = Pack(members)
    held = pack.value
    pack.assign(held * 0.0 + 1.0)
    assert values(members) == [np.ones((2, 3)).tolist(), [1.0, 1.0], 1.0]
    if get_backend(place[0]).has_views:
        assert place[0] in ("numpy", "torch", "cupy")
        assert pack.value is held
        held[0] = 5.0
        assert float(members[0].numpy()[0, 0]) == 5.0
    else:
        assert place[0] in ("array_api_strict", "jax")
        assert (to_host(held) != to_host(pack.value)).any()


@pytest.mark.raw_operators
def test_packs_and_members_are_lent_apart_in_a_scope(place: Any) -> None:
    members = three(place)
    pack = Pack(members)
    lent = pack.value * 0.0
    with StatelessScope([pack], [lent]):
        assert pack.value is lent
        assert values(members) == [A.tolist(), B.tolist(), C.tolist()]
    np.testing.assert_array_equal(to_host(pack.split(pack.value)[0]), A)


@pytest.mark.raw_operators
def test_packing_elsewhere_retires_the_first_pack(place: Any) -> None:
    a, b, c = three(place)
    first = Pack([a, b, c])
    assert first.whole
    second = Pack([b])
    assert (first.whole, second.whole, b.pack) == (False, True, second)
    b.assign(np.asarray([1.0, 2.0]))
    assert to_host(second.split(second.value)[0]).tolist() == [1.0, 2.0]
    second.assign(second.value * 0.0)
    assert values([a, b, c]) == [A.tolist(), [0.0, 0.0], C.tolist()]


def test_a_variable_rebound_to_another_library_leaves_its_pack(place: Any) -> None:
    a, b, c = three(("numpy", None))
    pack = Pack([a, b, c])
    new = to_library(np.ones(2), nna.namespace(*place))
    b.rebind(new)
    assert (b.value is new, b.pack, pack.whole, b.backend.name) == (True, None, False, place[0])
    b.assign(np.zeros(2))
    assert values([a, b, c]) == [A.tolist(), [0.0, 0.0], C.tolist()]
    with pytest.raises(ValueError, match="has shape"):
        b.rebind(to_library(np.ones(3), nna.namespace(*place)))


def test_variables_are_packed_per_dtype_and_once(place: Any) -> None:
    a, b = three(place)[:2]
    c = variable(C, place, "c", "float32")
    packs = pack_variables([a, c, b, a])
    assert [(pack.dtype, pack.members) for pack in packs] == [("float64", (a, b)), ("float32", (c,))]
    assert pack_variables([]) == []
    assert values([a, b, c]) == [A.tolist(), B.tolist(), 9.0]
