"""Every function of the table, on every backend: values against the raw library, derivatives against differences."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import numpy as np
import pytest
import scipy.special

import nnarray as nna
from nnarray.array import TABLE, Array
from nnarray.testing import check_grads
from tests.array.case import Case
from tests.array.cases import CASES
from tests.array.cases_linalg import SYMMETRIC
from tests.hosts import to_host, to_library

ROWS = [pytest.param(name, case, id=f"{name}-{i}") for name, cases in CASES.items() for i, case in enumerate(cases)]
#: What a library itself refuses; its refusal is passed on.
NOT_IN_LIBRARY = {("unique_all", "torch")}
#: What the standard has as syntax only, or not at all: checked against the same operation on NumPy, or SciPy.
SYNTAX = {
    **{name: getattr(scipy.special, name.rpartition(".")[2]) for name in TABLE if name.startswith("_special.")},
    "_special.polygamma": lambda x, n: scipy.special.polygamma(n, x),
    "getitem": lambda x, key: x[key],
    "to_device": lambda x, device: x,
    "set_item": lambda x, value, key: _with(x, lambda copy: copy.__setitem__(key, value)),
    "index_add": lambda x, indices, value, axis: _with(
        x, lambda copy: np.add.at(np.moveaxis(copy, axis, 0), indices, np.moveaxis(value, axis, 0))
    ),
}


def _with(x: np.ndarray, change: Any) -> np.ndarray:
    copy = x.copy()
    change(copy)
    return copy


def _moved(x: Any, space: Any) -> Any:
    if isinstance(x, list):
        return [space.asarray(a) for a in x]
    return x if isinstance(x, int) else space.asarray(x)


def _args(name: str, case: Case, xp: Any) -> tuple[Any, ...]:
    return tuple(getattr(xp, a) if name == "astype" and isinstance(a, str) else a for a in case.args)


def test_every_row_has_cases_and_a_derivative_or_a_reason_for_none() -> None:
    assert set(CASES) == set(TABLE)
    for name, function in TABLE.items():
        assert bool(function.rules) != bool(function.constant), name


@pytest.mark.parametrize(("name", "case"), ROWS)
def test_values_are_those_of_the_raw_library(name: str, case: Case, place: Any) -> None:
    space = nna.namespace(*place)
    arrays = [_moved(x, space) for x in case.arrays]
    raw = [[a.value for a in x] if isinstance(x, list) else getattr(x, "value", x) for x in arrays]
    if (name, place[0]) in NOT_IN_LIBRARY:
        with pytest.raises(NotImplementedError):
            attrgetter(name)(space)(*arrays)
        return
    found = attrgetter(name)(space)(*arrays, *_args(name, case, space), **case.params)
    if TABLE[name].collect is not None:
        expected = attrgetter(name)(space.backend.xp)(*raw, *_args(name, case, space.backend.xp), **case.params)
        for a, b in zip(found, expected, strict=True):
            assert isinstance(a, Array)
            np.testing.assert_array_equal(to_host(a.value), to_host(b))
        return
    if name in SYNTAX:
        expected = SYNTAX[name](*(to_host(x) for x in raw), *case.args, **case.params)
    else:
        device = {"device": space.default_device} if not arrays and space.default_device is not None else {}
        expected = attrgetter(name)(space.backend.xp)(
            *raw, *_args(name, case, space.backend.xp), **case.params, **device
        )
        assert found.dtype == expected.dtype
        assert found.device == space.backend.device_of(expected)
        expected = to_host(expected)
    assert isinstance(found, Array)
    assert found.shape == expected.shape
    if name in SYNTAX:
        # Libraries' own special functions have 13 digits.
        rtol = 1e-13 if name.startswith("_special.") else 1e-14
        np.testing.assert_allclose(to_host(found.value), expected, rtol=rtol, atol=rtol)
    elif not name.startswith("empty"):
        np.testing.assert_array_equal(to_host(found.value), expected)


REAL_OR_COMPLEX = (np.float64, np.complex128)
DIFFERENTIABLE = [row for row in ROWS if TABLE[row.values[0]].rules and row.values[1].args != ("int64",)]


def _symmetric_part(xp: Any, x: Any) -> Any:
    back = xp.conj(x) if xp.isdtype(x.dtype, "complex floating") else x
    return (x + xp.matrix_transpose(back)) / 2


@pytest.mark.compiles_for_each_case
@pytest.mark.parametrize(("name", "case"), DIFFERENTIABLE)
def test_derivatives_to_order_two_are_those_of_finite_differences(name: str, case: Case, place: Any) -> None:
    space = nna.namespace(*place)
    function = TABLE[name]
    variadic = function.variadic
    given = list(case.arrays[0]) if variadic else list(case.arrays)
    names = [function.arrays[0]] * len(given) if variadic else function.arrays[: len(given)]
    differentiable = [
        i for i, n in enumerate(names) if n in function.rules and getattr(given[i], "dtype", None) in REAL_OR_COMPLEX
    ]
    if (name, place[0]) in NOT_IN_LIBRARY:
        pytest.skip("its refusal is tested above")
    if not differentiable or (name == "astype" and case.args == ("float32",)):
        assert name == "astype" or name.startswith("unique_")
        return

    def f(*chosen: Any) -> Any:
        xp = chosen[0].__array_namespace__()
        arrays = [g if isinstance(g, int) else xp.asarray(g, device=chosen[0].device) for g in given]
        for i, x in zip(differentiable, chosen, strict=True):
            arrays[i] = _symmetric_part(xp, x) if name in SYMMETRIC else x
        found = attrgetter(name)(xp)(*([arrays] if variadic else arrays), *_args(name, case, xp), **case.params)
        return (found[0], xp.abs(found[1])) if name == "linalg.eig" else found  # The phase of a vector is arbitrary.

    check_grads(f, tuple(to_library(given[i], space) for i in differentiable), order=2, rtol=2e-8, directions=1)


@pytest.mark.parametrize("name", [name for name, function in TABLE.items() if function.constant])
def test_functions_without_derivative_record_nothing(name: str) -> None:
    case = CASES[name][0]
    space = nna.namespace("numpy")
    if not case.arrays or case.arrays[0].dtype.kind != "f":
        assert TABLE[name].constant
        return

    def f(x: Any) -> Any:
        out = getattr(space, name)(x, *map(space.asarray, case.arrays[1:]), *case.args, **case.params)
        assert out.node is None
        return space.sum(x)

    np.testing.assert_array_equal(nna.grad(f)(case.arrays[0]), np.ones_like(case.arrays[0]))


def test_equal_elements_share_the_cotangent_of_their_unique_value(place: Any) -> None:
    space = nna.namespace(*place)
    x = to_library(np.asarray([[3.0, 1.0], [3.0, 2.0]]), space)

    def total(values: Any) -> Any:
        xp = values.__array_namespace__()
        weights = xp.astype(xp.astype(values, xp.int64), values.dtype)
        return xp.sum(values * weights)

    expected = [[1.5, 1.0], [1.5, 2.0]]
    np.testing.assert_array_equal(to_host(nna.grad(lambda x: total(space.unique_values(x)))(x)), expected)
    np.testing.assert_array_equal(to_host(nna.grad(lambda x: total(space.unique_counts(x).values))(x)), expected)


def test_cotangents_come_back_in_the_dtype_of_their_argument() -> None:
    x32, x64 = np.ones(3, "float32"), np.ones(3)
    g32, g64 = nna.grad(lambda a, b: (a * b)[0], argnums=(0, 1))(x32, x64)
    assert (g32.dtype, g64.dtype) == (np.float32, np.float64)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda xp, x: xp.sum(x, axes=0), "unexpected keyword argument 'axes'"),
        (lambda xp, x: xp.add(x), "missing a required argument: 'x2'"),
        (lambda xp, x: xp.add(x, "one"), "takes arrays and scalars"),
        (
            lambda xp, x: x + nna.namespace("array_api_strict").asarray(1.0),
            "arrays of one library|Arrays of one library",
        ),
        (lambda xp, x: x[[0, 1]], "indexed by integers, slices, ellipsis, None, integer arrays or a mask"),
        (lambda xp, x: np.exp(x), r"xp\.exp\(x\)"),
        (lambda xp, x: np.sum(x), r"xp\.sum\(x\)"),
        (lambda xp, x: np.multiply(x, 2.0), r"xp\.multiply\(x\)"),
        (lambda xp, x: np.add(x, x), r"xp\.add\(x\)"),
        (lambda xp, x: np.asarray(x), r"x\.value"),
    ],
)
def test_wrong_calls_name_the_rule_and_the_cure(call: Any, message: str) -> None:
    xp = nna.namespace("numpy")
    with pytest.raises(TypeError, match=message):
        call(xp, xp.asarray([1.0, 2.0]))


@pytest.mark.parametrize("number", [np.float64(3.0), np.sqrt(9.0), np.complex128(3.0)])
def test_numpy_scalars_that_are_python_numbers_stand_on_either_side_on_every_library(number: Any, place: Any) -> None:
    x = nna.namespace(*place).asarray([2.0, 5.0], dtype=nna.namespace(*place).complex128)
    for found, expected in ((x * number, [6, 15]), (number * x, [6, 15]), (x - number, [-1, 2]), (number - x, [1, -2])):
        np.testing.assert_array_equal(to_host(found.value), expected)


def test_numpy_arrays_beside_an_array_of_another_library_are_refused_on_either_side(place: Any) -> None:
    x = nna.namespace(*place).asarray([2.0, 5.0])
    if isinstance(x.value, np.ndarray):
        assert (x * np.ones(2)).value.tolist() == (np.ones(2) * x).value.tolist() == [2.0, 5.0]
        return
    for other in (np.full(2, 3.0), np.float32(3.0)):
        for call in (lambda x, y: x * y, lambda x, y: y * x, lambda x, y: x < y, lambda x, y: y - x):
            with pytest.raises(TypeError, match="Arrays of one library are needed: received .*float.* beside an Array"):
                call(x, other)
