"""What the standard asks of any array library, beyond the functions' values: names, signatures, operators, objects."""

from __future__ import annotations

import copy
import inspect
import itertools
import operator
import pickle
import pydoc
from typing import Any

import array_api_strict
import numpy as np
import pytest

import nnarray as nna
from nnarray.array import Array
from nnarray.backends import DTYPE_NAMES
from tests.hosts import to_host

#: What array_api_strict has beside the standard.
NOT_STANDARD = {name for name in array_api_strict.__all__ if "flags" in name.lower()} | {"Device", "__version__"}
#: Names that array_api_strict gives to defaults or parameters, which the standard writes as others.
UNSET = "Undef.UNDEF"


def _names(module: Any) -> list[str]:
    return sorted(name for name in module.__all__ if name not in NOT_STANDARD)


FUNCTIONS = [
    *(name for name in _names(array_api_strict) if callable(getattr(array_api_strict, name))),
    *(f"linalg.{name}" for name in _names(array_api_strict.linalg)),
    *(f"fft.{name}" for name in _names(array_api_strict.fft)),
]
FUNCTIONS = [name for name in FUNCTIONS if name not in DTYPE_NAMES]


def _parameters(function: Any) -> list[tuple[str, Any, str]]:
    found = []
    for p in inspect.signature(function).parameters.values():
        found.append((p.name, p.kind, "None" if UNSET in repr(p.default) else repr(p.default)))
    return found


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_the_signature_of_the_standard(name: str) -> None:
    own, standard = nna.namespace("array_api_strict"), array_api_strict
    assert _parameters(operator.attrgetter(name)(own)) == _parameters(operator.attrgetter(name)(standard))


def test_the_namespace_has_every_name_of_the_standard_and_lists_it(place: Any) -> None:
    space = nna.namespace(*place)
    for own, standard in ((space, array_api_strict), (space.linalg, array_api_strict.linalg)):
        missing = [name for name in _names(standard) if name not in DTYPE_NAMES and not hasattr(own, name)]
        assert missing == []
        assert [name for name in dir(own) if not hasattr(own, name)] == []
        public = {name for name in _names(standard) if not name.startswith("_")} - set(DTYPE_NAMES)
        assert public <= set(own.__all__)
    raw = space.backend.xp
    assert space.__array_api_version__ == getattr(raw, "__array_api_version__", "2025.12")
    assert "clip(x, /, min=None, max=None)" in pydoc.plain(pydoc.render_doc(space))


@pytest.mark.require_backend("numpy", "torch")
def test_a_librarys_own_modules_are_none_of_the_namespace(backend: str) -> None:
    space = nna.namespace(backend)
    for module in {"numpy": ("random", "ma"), "torch": ("special", "nn")}[backend]:
        assert hasattr(space.backend.xp, module)
        assert not hasattr(space, module)


def test_namespaces_extensions_and_their_functions_are_pickled_and_copied_as_what_they_are(place: Any) -> None:
    space = nna.namespace(*place)
    for thing in (space, space.linalg, space.sum, space.asarray, space.meshgrid, space.linalg.inv, space.fft.fft):
        assert copy.deepcopy(thing) == thing
        if place[1] is None:
            assert pickle.loads(pickle.dumps(thing)) == thing
    assert space.sum is space.sum


def test_positional_only_parameters_are_taken_by_position_only(place: Any) -> None:
    space = nna.namespace(*place)
    x = space.ones((2, 2))
    for call in (
        lambda: space.arange(start=3),
        lambda: space.astype(x, dtype=space.float32),
        lambda: space.sum(x=x),
        lambda: space.linalg.matrix_power(x, n=2),
        lambda: space.fft.fftfreq(n=4),
    ):
        with pytest.raises(TypeError, match="positional"):
            call()


def test_the_information_on_a_namespace_with_a_device_is_that_of_the_device() -> None:
    space = nna.namespace("array_api_strict", device="no_float64")
    info = space.__array_namespace_info__()
    assert info.default_device() == space.ones(2).device == space.default_device
    assert info.default_device() in info.devices()
    assert info.default_dtypes()["real floating"] == array_api_strict.float32
    assert "float64" not in info.dtypes(kind="real floating")
    host = info.devices()[0]
    assert "float64" in info.dtypes(device=host, kind="real floating")
    assert info.default_dtypes(device=host)["real floating"] == array_api_strict.float64
    assert info.capabilities() == array_api_strict.__array_namespace_info__().capabilities()


def test_limits_are_those_of_a_dtype_or_of_an_array(place: Any) -> None:
    space = nna.namespace(*place)
    for dtype in (space.float32, space.asarray([1.0], dtype=space.float32)):
        assert (space.finfo(dtype).bits, float(space.finfo(dtype).eps)) == (32, 2.0**-23)
    for dtype in (space.int8, space.asarray([1], dtype=space.int8)):
        assert (space.iinfo(dtype).bits, space.iinfo(dtype).max) == (8, 127)


# -- promotion ------------------------------------------------------------------------------------------------------


def _promoted(call: Any) -> Any:
    try:
        return call().dtype
    except Exception as error:
        return type(error)


def test_arrays_and_scalars_promote_as_in_the_library(place: Any) -> None:
    space = nna.namespace(*place)
    names = [name for name in DTYPE_NAMES if space.backend.has_dtype(name, space.default_device)]
    ones = {name: space.ones((2,), dtype=getattr(space, name)) for name in names}
    others: list[Any] = [*ones.values(), True, 2, 2.0, 2j]
    for left, right in itertools.product(ones.values(), others):
        raw = left.value, getattr(right, "value", right)
        for op, name in ((operator.add, "add"), (operator.truediv, "divide"), (operator.and_, "bitwise_and")):
            library = getattr(space.backend.xp, name)
            expected = _promoted(lambda library=library, raw=raw: library(*raw))
            assert _promoted(lambda op=op, left=left, right=right: op(left, right)) == expected
            swapped = _promoted(lambda library=library, raw=raw: library(*raw[::-1]))
            assert _promoted(lambda op=op, left=left, right=right: op(right, left)) == swapped
        assert _outcome(lambda left=left, right=right: space.result_type(left, right)) == _outcome(
            lambda raw=raw: space.backend.xp.result_type(*raw)
        )


def _outcome(call: Any) -> Any:
    try:
        return call()
    except Exception as error:
        return type(error)


# -- the array object -----------------------------------------------------------------------------------------------

IN_PLACE = {
    "float64": (
        *(operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ifloordiv, operator.imod),
        operator.ipow,
    ),
    "int64": (
        *(operator.iadd, operator.isub, operator.imul, operator.ifloordiv, operator.imod, operator.ipow),
        *(operator.iand, operator.ior, operator.ixor, operator.ilshift, operator.irshift),
    ),
    "bool": (operator.iand, operator.ior, operator.ixor),
}
ROWS = [(dtype, op) for dtype, ops in IN_PLACE.items() for op in ops]


@pytest.mark.parametrize(("dtype", "op"), ROWS, ids=[f"{op.__name__}-{dtype}" for dtype, op in ROWS])
def test_in_place_operators_do_as_in_numpy(dtype: str, op: Any, place: Any) -> None:
    space = nna.namespace(*place)
    start, other = np.asarray([[1, 2], [3, 4]]).astype(dtype), np.asarray([2, 1]).astype(dtype)
    for right in (other, other[0], True if dtype == "bool" else 2):
        own = space.asarray(right) if isinstance(right, (np.ndarray, np.generic)) else right
        x = space.asarray(start)
        found = op(x, own)
        expected = op(start.copy(), right)
        assert isinstance(found, Array)
        np.testing.assert_array_equal(to_host(found.value), expected)
        assert found.dtype == x.dtype
        np.testing.assert_array_equal(to_host(x.value), start)


def test_in_place_operators_keep_dtype_and_shape_or_refuse(place: Any) -> None:
    space = nna.namespace(*place)
    x = space.asarray([1.0, 2.0], dtype=space.float32)
    x += space.asarray([1.0, 1.0], dtype=space.float64)
    assert x.dtype == space.float32
    matrix = space.ones((2, 2))
    matrix @= space.ones((2, 2))
    assert to_host(matrix.value).tolist() == [[2.0, 2.0], [2.0, 2.0]]
    with pytest.raises(ValueError, match="keeps the shape of its array"):
        x += space.ones((3, 2), dtype=space.float32)
    with pytest.raises(ValueError, match="keeps the shape of its array"):
        matrix @= space.ones((2, 3))
    with pytest.raises(TypeError, match="keeps the dtype of its array"):
        x *= 1j
    i = space.asarray([1, 2])
    if place[0] != "array_api_strict":
        with pytest.raises(TypeError, match="keeps the dtype of its array"):
            i /= 2
        with pytest.raises(TypeError, match="keeps the dtype of its array"):
            i += 0.5
    assert to_host(i.value).tolist() == [1, 2]


def test_in_place_operators_differentiate_through_their_cast() -> None:
    space = nna.namespace("numpy")

    def f(x: Any) -> Any:
        y = space.asarray([1.0, 1.0], dtype=space.float32)
        y *= x
        assert y.dtype == space.float32
        return space.sum(y * y)

    np.testing.assert_allclose(nna.grad(f)(np.asarray([3.0, 4.0])), [6.0, 8.0])


def test_assigned_scalars_become_numbers_of_the_arrays_dtype(place: Any) -> None:
    space = nna.namespace(*place)
    for dtype, value, expected in (("float32", 2, 2.0), ("int8", 3, 3), ("bool", True, True), ("complex64", 1.5, 1.5)):
        x = space.zeros((2,), dtype=getattr(space, dtype))
        x[0] = value
        x[space.asarray([False, True])] = value
        assert x.dtype == getattr(space, dtype)
        assert to_host(x.value).tolist() == [expected, expected]
    x = space.zeros((2,))
    for imaginary in (1j, space.asarray(1j)):
        with pytest.raises(TypeError, match="Complex numbers do not fit"):
            x[0] = imaginary
        with pytest.raises(TypeError, match="Complex numbers do not fit"):
            x[space.asarray([False, True])] = imaginary


def test_results_without_axes_are_arrays(place: Any) -> None:
    space = nna.namespace(*place)
    x = space.asarray([[1.0, 2.0], [3.0, 5.0]])
    for found in (space.sum(x), x[0, 0], x[0, ...] @ x[1, ...], x[0, 0] + 1, space.linalg.det(x), space.any(x > 1)):
        assert isinstance(found, Array)
        assert found.shape == ()
    assert f"{x[1, 0]}" == str(x[1, 0])
    assert f"{x[1, 0]:.2f}" == "3.00"
    assert f"{space.argmax(x):03d}" == "003"


def test_an_array_is_copied_with_its_place_on_the_tape_and_pickled_without(place: Any) -> None:
    space = nna.namespace(*place)
    x = space.asarray([1.0, 2.0])
    for duplicate in (copy.copy(x), copy.deepcopy(x)):
        duplicate[0] = 5.0
        assert to_host(x.value).tolist() == [1.0, 2.0]
    if place[1] is None:
        restored = pickle.loads(pickle.dumps(x))
        assert restored.namespace is space
        np.testing.assert_array_equal(to_host(restored.value), to_host(x.value))
    for duplicate_of in (copy.copy, copy.deepcopy):
        gradient = nna.grad(lambda x, f=duplicate_of: space.sum(f(x) * x))(x.value)
        np.testing.assert_array_equal(to_host(gradient), [2.0, 4.0])
    with pytest.raises(TypeError, match="recorded array cannot be pickled"):
        nna.grad(lambda x: (pickle.dumps(x), space.sum(x))[1])(x.value)


def test_dlpack_takes_what_the_standard_gives_it() -> None:
    x = nna.namespace("numpy").asarray([1.0, 2.0])
    names = ["self", "stream", "max_version", "dl_device", "copy"]
    assert list(inspect.signature(Array.__dlpack__).parameters) == names
    for wishes in ({}, {"stream": None}, {"max_version": (1, 0), "copy": True}, {"dl_device": (1, 0), "copy": None}):
        assert "dltensor" in repr(x.__dlpack__(**wishes))


# -- creation -------------------------------------------------------------------------------------------------------


def test_sequences_of_arrays_and_scalars_become_arrays_and_differentiate(place: Any) -> None:
    space = nna.namespace(*place)
    x = space.asarray([1.0, 2.0])
    rows = space.asarray([[x[0], 3.0], (4.0, x[1])])
    np.testing.assert_array_equal(to_host(rows.value), [[1.0, 3.0], [4.0, 2.0]])
    np.testing.assert_array_equal(to_host(space.asarray(space.unstack(x)).value), [1.0, 2.0])
    assert space.asarray([x, x], dtype=space.float32).dtype == space.float32
    gradient = nna.grad(lambda x: space.sum(space.asarray([x[0] * x[1], 2.0]) ** 2))(x.value)
    np.testing.assert_array_equal(to_host(gradient), [8.0, 4.0])


def test_asarray_copies_never_always_or_as_needed(place: Any) -> None:
    space = nna.namespace(*place)
    x = space.ones((2,), dtype=space.float32)
    assert space.asarray(x, copy=False) is x
    assert space.asarray(x.value, copy=False).shape == (2,)
    assert to_host(space.asarray(x, copy=True).value).tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match="copy=False"):
        space.asarray(x, dtype=space.float64, copy=False)
    # JAX's arrays cannot be written to, so that it need not copy them, nor say so.
    if place[0] != "jax":
        assert space.asarray(x, copy=True).value is not x.value
        with pytest.raises(ValueError, match=r"copy|alias"):
            space.asarray([1.0], copy=False)


def test_searching_takes_a_sorter_and_scalars(place: Any) -> None:
    space = nna.namespace(*place)
    x = space.asarray([3.0, 1.0, 2.0])
    found = space.searchsorted(x, space.asarray([1.5, 5.0]), sorter=space.argsort(x))
    assert to_host(found.value).tolist() == [1, 3]
    assert int(space.searchsorted(space.sort(x), 1.5, side="right")) == 1
