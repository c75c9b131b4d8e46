"""Helpers by Keras' names."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import initializers
from nnarray.backends import backend_of
from nnarray.utils import set_random_seed, to_categorical
from tests.hosts import to_host, to_library


@pytest.mark.parametrize("dtype", ["int64", "uint8", "float32", "bool"])
def test_labels_become_one_hot_vectors_in_their_own_library(dtype: str, place: Any) -> None:
    labels = np.asarray([1, 0, 1, 0], dtype=dtype)
    x = to_library(labels, nna.namespace(*place))
    found = to_categorical(x, 3)
    assert type(found) is type(x)
    assert backend_of(found).device_of(found) == backend_of(x).device_of(x)
    np.testing.assert_array_equal(to_host(found), np.eye(3, dtype=np.float32)[labels.astype(int)], strict=True)


@pytest.mark.parametrize(
    ("labels", "classes", "shape"),
    [
        ([0, 2], None, (2, 3)),
        ([[0], [2]], None, (2, 3)),
        ([[0, 1], [2, 2]], None, (2, 2, 3)),
        ([[[0], [1]]], 4, (1, 2, 4)),
        ([1], 5, (1, 5)),
        (2, None, (3,)),
        ([], None, (0, 0)),
        ([], 3, (0, 3)),
    ],
)
def test_shapes_follow_the_labels_and_a_last_axis_of_length_one_is_dropped(
    labels: Any, classes: Any, shape: Any
) -> None:
    found = to_categorical(labels, classes)
    assert found.shape == shape
    assert (found.sum(axis=-1) == 1).all()
    np.testing.assert_array_equal(found.argmax(axis=-1) if found.size else [], np.reshape(labels, shape[:-1]))


@pytest.mark.parametrize("wrong", [[0.5], [0.0, np.nan], [np.inf], ["a"], [1j], [None]])
def test_labels_that_are_no_integers_are_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="Labels must be integers: received"):
        to_categorical(wrong)


@pytest.mark.parametrize(
    ("labels", "classes", "message"),
    [([0, -1], None, "from 0 to 0: received -1 to 0"), ([0, 3], 3, "from 0 to 2: received 0 to 3")],
)
def test_labels_out_of_range_are_refused(labels: Any, classes: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        to_categorical(labels, classes)


def test_set_random_seed_makes_python_numpy_and_nnarray_repeat() -> None:
    def draw(seed: int) -> tuple[Any, ...]:
        set_random_seed(seed)
        weights = initializers.GlorotUniform()((3,)).tolist()
        return random.random(), np.random.random(), weights  # noqa: NPY002 -- the generator that it seeds

    assert draw(5) == draw(5)
    for one, other in zip(draw(5), draw(6), strict=True):
        assert one != other


@pytest.mark.parametrize("wrong", [-1, 2**32, 1.0, "0", None, True])
def test_seeds_that_numpy_cannot_take_are_refused(wrong: Any) -> None:
    state = random.getstate()
    with pytest.raises(ValueError, match="seed must be an integer of at least 0 and below 2"):
        set_random_seed(wrong)
    assert random.getstate() == state
