"""Points against scikit-learn's, seeds, class sizes, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import datasets as sklearn_datasets

from nnarray import datasets


@pytest.mark.parametrize("n", [10, 11, (4, 7), 1])
@pytest.mark.parametrize(
    ("name", "arguments"), [("make_circles", {"factor": 0.3}), ("make_circles", {}), ("make_moons", {})]
)
def test_points_without_noise_are_scikit_learns(name: str, arguments: Any, n: Any) -> None:
    x, y = getattr(datasets, name)(n, shuffle=False, **arguments)
    expected_x, expected_y = getattr(sklearn_datasets, name)(n, shuffle=False, **arguments)
    np.testing.assert_allclose(x, expected_x, atol=1e-15)
    np.testing.assert_array_equal(y, expected_y)
    assert (x.dtype, y.dtype) == (np.float64, np.int64)


@pytest.mark.parametrize("make", [datasets.make_circles, datasets.make_moons, datasets.make_spirals])
def test_a_seed_gives_the_same_points_and_none_gives_new_ones(make: Any) -> None:
    (x, y), (again, labels) = (make(50, noise=0.1, random_state=3) for _ in range(2))
    np.testing.assert_array_equal(x, again)
    np.testing.assert_array_equal(y, labels)
    assert (make(50, noise=0.1)[0] != make(50, noise=0.1)[0]).any()
    assert (make(50, noise=0.1, random_state=4)[0] != x).any()


@pytest.mark.parametrize("make", [datasets.make_circles, datasets.make_moons, datasets.make_spirals])
def test_shuffling_reorders_and_noise_has_the_deviation_asked_for(make: Any) -> None:
    plain, labels = make(2000, shuffle=False)
    mixed, mixed_labels = make(2000, random_state=0)
    assert (mixed_labels != labels).any()
    np.testing.assert_array_equal(np.sort(mixed, axis=0), np.sort(plain, axis=0))
    noisy, _ = make(2000, shuffle=False, noise=0.3, random_state=0)
    assert np.std(noisy - plain) == pytest.approx(0.3, rel=0.05)


def test_spirals_wind_from_the_origin_to_radius_one_in_classes_of_even_size() -> None:
    x, y = datasets.make_spirals(302, n_classes=3, turns=2.0, shuffle=False)
    assert np.bincount(y).tolist() == [100, 101, 101]
    radius = np.hypot(*x.T)
    assert radius.max() < 1.0
    assert radius.min() < 0.1
    angles = np.unwrap(np.arctan2(x[y == 0, 1], x[y == 0, 0]))
    assert (angles[-1] - angles[0]) / (2 * np.pi) == pytest.approx(2.0, abs=0.2)
    assert np.bincount(datasets.make_spirals([3, 5])[1]).tolist() == [3, 5]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: datasets.make_circles(factor=1.2), "factor=1.2"),
        (lambda: datasets.make_circles(0), "n_samples=0"),
        (lambda: datasets.make_circles(-3), "n_samples=-3"),
        (lambda: datasets.make_circles("many"), "n_samples='many'"),
        (lambda: datasets.make_moons((1, 2, 3)), "2 sizes"),
        (lambda: datasets.make_moons(noise=-1), "noise=-1"),
        (lambda: datasets.make_moons(random_state=-1), "random_state=-1"),
        (lambda: datasets.make_spirals(n_classes=1), "n_classes=1"),
        (lambda: datasets.make_spirals(turns=0), "turns=0"),
    ],
)
def test_arguments_out_of_range_are_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
