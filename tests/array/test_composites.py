"""Functions written in others of the standard: values against the library, derivatives by differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray.array._composites import COMPOSITES
from nnarray.testing import check_grads
from tests.array.cases import COLUMN, ROW, SCALAR, X
from tests.hosts import to_host, to_library

CALLS: dict[str, list[tuple[Any, dict[str, Any]]]] = {
    "broadcast_arrays": [((X, ROW), {}), ((COLUMN, ROW, SCALAR), {})],
    "meshgrid": [((ROW, X[0, :3]), {}), ((ROW, ROW, X[0, :2]), {"indexing": "ij"}), ((ROW, ROW, X[0, :2]), {})],
    "unstack": [((X,), {}), ((X,), {"axis": -1})],
    "diff": [
        ((X,), {}),
        ((X,), {"axis": 0, "n": 2}),
        ((ROW,), {"n": 0}),
        ((X,), {"prepend": COLUMN, "append": COLUMN}),
    ],
}
ROWS = [(name, args, params) for name, calls in CALLS.items() for args, params in calls]


def test_every_composite_is_called() -> None:
    assert set(CALLS) == set(COMPOSITES) - {"broadcast_shapes"}


@pytest.mark.parametrize(("name", "args", "params"), ROWS)
def test_composites_do_as_numpy_does_and_differentiate(name: str, args: Any, params: Any, place: Any) -> None:
    space = nna.namespace(*place)

    def moved(value: Any) -> Any:
        return space.asarray(value) if isinstance(value, np.ndarray) else value

    own = {key: moved(value) for key, value in params.items()}
    found = getattr(space, name)(*map(moved, args), **own)
    expected = getattr(np, name)(*args, **params)
    several = isinstance(found, (list, tuple))
    for a, b in zip(found if several else [found], expected if several else [expected], strict=True):
        np.testing.assert_array_equal(to_host(a.value), b)
    check_grads(lambda *xs: getattr(space, name)(*xs, **own), tuple(to_library(a, space) for a in args), directions=1)


def test_shapes_broadcast_and_dtypes_cast_as_the_standard_says(place: Any) -> None:
    space = nna.namespace(*place)
    assert space.broadcast_shapes((3, 1), (4,), ()) == (3, 4)
    with pytest.raises(ValueError, match="broadcast"):
        space.broadcast_shapes((3,), (4,))
    assert space.can_cast(space.float32, space.float64)
    assert not space.can_cast(space.asarray([1.0], dtype=space.float64), space.int64)
    assert space.newaxis is None
    for name in ("diff", "unstack", "prod", "float32", "pi", "from_dlpack"):
        assert name in dir(space)
    with pytest.raises(ValueError, match="indexing must be 'xy' or 'ij'"):
        space.meshgrid(space.asarray([1.0]), indexing="yx")
    with pytest.raises(ValueError, match="n must be at least 0"):
        space.diff(space.asarray([1.0]), n=-1)
