"""A package that never heard of nnarray, `einops`, on its arrays: every function differentiates, with no glue."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray.testing import assert_close, check_grads
from tests.hosts import to_library

einops = pytest.importorskip("einops.array_api")
X = np.arange(24.0).reshape(2, 3, 4) / 10 + 0.3

CALLS = {
    "rearrange": lambda x: einops.rearrange(x, "a b c -> (b a) c"),
    "split axes": lambda x: einops.rearrange(x, "a b (c d) -> c a (b d)", d=2),
    "sum": lambda x: einops.reduce(x, "a b c -> b", "sum"),
    "mean": lambda x: einops.reduce(x, "a b (c d) -> a d", "mean", d=2),
    "max": lambda x: einops.reduce(x, "a b c -> a c", "max"),
    "prod": lambda x: einops.reduce(x, "a b c -> c", "prod"),
    "repeat": lambda x: einops.repeat(x, "a b c -> a (b r) c d", r=2, d=3),
    "pack": lambda x: einops.pack([x, x[0, ...] * 2.0], "* b c")[0],
    "unpack": lambda x: einops.unpack(x, [(1,), (2,)], "a * c")[1],
}


@pytest.mark.exclude_backend("array_api_strict", reason="it refuses the lists that einops gives as shapes")
@pytest.mark.parametrize("name", CALLS)
def test_einops_computes_as_on_raw_arrays_and_differentiates(name: str, place: Any) -> None:
    space = nna.namespace(*place)
    found = CALLS[name](space.asarray(X))
    assert isinstance(found, nna.Array)
    assert_close(found, CALLS[name](X))
    check_grads(CALLS[name], (to_library(X, space),), directions=1)
