"""Trees of arrays as one vector and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray.array import Array
from nnarray.backends import backend_of
from nnarray.utils import ravel
from nnarray.variables import Variable
from tests.hosts import to_host, to_library


def tree(place: Any, dtype: str = "float32") -> Any:
    xp = nna.namespace(*place)
    arrays = [
        to_library(np.arange(n, dtype=dtype).reshape(shape), xp) for n, shape in ((6, (2, 3)), (1, ()), (0, (0,)))
    ]
    return {"w": arrays[0], "rest": [arrays[1], (arrays[2], None)]}


@pytest.mark.raw_operators
def test_the_vector_is_of_the_leaves_library_and_the_tree_comes_back(place: Any) -> None:
    given = tree(place)
    vector, unravel = ravel(given)
    assert type(vector) is type(given["w"])
    assert backend_of(vector).device_of(vector) == backend_of(given["w"]).device_of(given["w"])
    assert str(vector.dtype).endswith("float32")
    np.testing.assert_array_equal(np.sort(to_host(vector)), [0, 0, 1, 2, 3, 4, 5])
    found = unravel(vector * 2)
    assert type(found["rest"][1]) is tuple
    assert found["rest"][1][1] is None
    for one, other in ((found["w"], given["w"]), (found["rest"][0], given["rest"][0])):
        np.testing.assert_array_equal(to_host(one), 2 * to_host(other), strict=True)


def test_a_float64_vector_serves_float32_leaves_of_any_library(place: Any) -> None:
    given = tree(place)
    vector, unravel = ravel(given, dtype="float64")
    assert str(vector.dtype).endswith("float64")
    found = unravel(np.asarray(to_host(vector)) + 1)  # as SciPy hands it back
    assert type(found["w"]) is type(given["w"])
    np.testing.assert_array_equal(to_host(found["w"]), to_host(given["w"]) + 1, strict=True)


def test_dtypes_are_each_leafs_own(place: Any) -> None:
    xp = nna.namespace(*place)
    given = [to_library(np.ones(2, dtype=dtype), xp) for dtype in ("float32", "float64")]
    vector, unravel = ravel(given)
    assert str(vector.dtype).endswith("float64")
    assert [str(x.dtype).rpartition(".")[2] for x in unravel(vector)] == ["float32", "float64"]


def test_variables_count_as_their_arrays(place: Any) -> None:
    xp = nna.namespace(*place)
    variables = [Variable(to_library(np.ones((2, 2)), xp), "w"), Variable(to_library(np.zeros(2), xp), "b")]
    vector, unravel = ravel(variables)
    np.testing.assert_array_equal(to_host(vector), [1, 1, 1, 1, 0, 0])
    found = unravel(vector)
    assert [type(x) for x in found] == [type(vector)] * 2
    assert found[0].shape == (2, 2)


def test_gradients_pass_in_both_directions(place: Any) -> None:
    given = tree(place, "float64")
    vector, unravel = ravel(given)

    def of_vector(v: Any) -> Any:
        w = unravel(v)["w"]
        return nna.array_namespace(w).sum(w**3)

    def of_tree(leaves: Any) -> Any:
        v, _ = ravel(leaves)
        assert isinstance(v, Array)
        return nna.array_namespace(v).sum(v**3)

    expected = 3 * np.arange(6.0).reshape(2, 3) ** 2
    np.testing.assert_allclose(to_host(unravel(nna.grad(of_vector)(vector))["w"]), expected)
    np.testing.assert_allclose(to_host(nna.grad(of_tree)(given)["w"]), expected)


def test_it_works_under_jit() -> None:
    given = tree(("numpy", None))
    vector, unravel = ravel(given)
    found = nna.jit(lambda v: unravel(v * 2)["w"])(vector)
    np.testing.assert_array_equal(found, 2 * given["w"])
    np.testing.assert_array_equal(nna.jit(lambda t: ravel(t)[0])(given), vector)


def test_integers_and_complex_numbers_keep_their_kind() -> None:
    vector, unravel = ravel([np.arange(3), np.ones(1)])
    assert vector.dtype == np.float64
    assert [x.dtype.kind for x in unravel(vector)] == ["i", "f"]
    with pytest.raises(TypeError, match="Complex arrays need a complex vector: received dtype='float64'"):
        ravel([np.ones(2, dtype=complex)], dtype="float64")


def test_an_empty_tree_is_an_empty_vector() -> None:
    vector, unravel = ravel({})
    assert vector.shape == (0,)
    assert unravel(vector) == {}


@pytest.mark.parametrize("wrong", [np.zeros(6), np.zeros(8), np.zeros((7, 1)), np.zeros(())])
def test_a_vector_of_another_shape_is_refused(wrong: Any) -> None:
    _, unravel = ravel(tree(("numpy", None)))
    with pytest.raises(ValueError, match=r"The vector must have shape \(7,\): received"):
        unravel(wrong)


def test_what_is_no_array_is_refused_with_its_place() -> None:
    with pytest.raises(TypeError, match=r"Leaf tree\['b'\]\[1\] must be an array: received 3.0 \(float\)"):
        ravel({"a": np.ones(2), "b": [np.ones(1), 3.0]})


def test_arrays_of_two_libraries_are_refused() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match="must be of one library: received arrays of 'numpy' and 'torch'"):
        ravel([np.ones(2), torch.ones(2)])
