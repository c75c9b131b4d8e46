"""Strategies: arrays of the asked-for library, device, dtype and shape, which shrink."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import find, given
from hypothesis import strategies as st

import nnarray as nna
from nnarray.backends import get_backend
from nnarray.testing import strategies
from tests.hosts import to_host


def test_arrays_are_of_the_library_device_dtype_and_shape_asked_for(place: Any) -> None:
    name, device = place
    adapter = get_backend(name)
    drawn = set()

    @given(st.data())
    def check(data: Any) -> None:
        dtype = data.draw(strategies.dtypes(name, device=device))
        shape = data.draw(strategies.shapes(min_side=0))
        x = data.draw(strategies.arrays(name, dtype, shape, device=device))
        assert nna.backends.backend_of(x) is adapter
        assert adapter.dtype_name(x.dtype) == dtype
        assert tuple(x.shape) == shape
        if device is not None:
            assert adapter.device_of(x) == adapter.device(device)
        assert np.all(np.isfinite(to_host(x)))
        drawn.add(dtype)

    check()
    assert len(drawn) > 3


def test_arrays_shrink_on_every_library(place: Any) -> None:
    name, device = place
    x = find(
        strategies.arrays(name, strategies.floating_dtypes(name), (3,), device=device), lambda x: float(x[1]) >= 1.5
    )
    assert to_host(x).tolist() in ([2.0, 2.0, 2.0], [0.0, 2.0, 0.0])


@pytest.mark.parametrize(
    ("device", "expected"),
    [("no_float64", {"float32"}), ("device1", {"float32", "float64"}), (None, {"float32", "float64"})],
)
def test_floating_dtypes_are_those_of_the_device(device: Any, expected: set[str]) -> None:
    drawn = set()

    @given(strategies.floating_dtypes("array_api_strict", device=device))
    def collect(name: str) -> None:
        drawn.add(name)

    collect()
    assert drawn == expected


@given(strategies.arrays("numpy", "float64", 5, elements={"min_value": 0.0, "max_value": 1.0}, unique=True))
def test_elements_keep_their_bounds_and_differ(x: Any) -> None:
    assert x.min() >= 0
    assert x.max() <= 1
    assert len(set(x.tolist())) == 5


@given(strategies.arrays("numpy", "int64", (2,), elements=st.integers(3, 4)))
def test_elements_may_be_a_strategy(x: Any) -> None:
    assert set(x.tolist()) <= {3, 4}


def test_half_precision_of_torch_is_drawn_too() -> None:
    torch = pytest.importorskip("torch")
    assert find(strategies.arrays("torch", torch.bfloat16, (2,)), lambda x: True).dtype == torch.bfloat16


@given(st.integers(1, 4), st.data())
def test_axes_count_from_either_end(ndim: int, data: Any) -> None:
    assert -ndim <= data.draw(strategies.axes(ndim)) < ndim


def test_every_axis_is_drawn_and_the_first_is_simplest() -> None:
    assert {find(strategies.axes(2), lambda axis, wanted=wanted: axis == wanted) for wanted in (-2, -1, 0, 1)} == {
        *(-2, -1, 0, 1)
    }
    assert find(strategies.axes(2), lambda axis: True) == 0
    with pytest.raises(ValueError, match="without axes has none"):
        strategies.axes(0)


def test_an_unknown_dtype_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"Unknown dtype of backend 'numpy': 'float23'. Did you mean 'float32'\?"):
        strategies.arrays("numpy", "float23")


def test_without_hypothesis_the_line_that_installs_it_is_named(monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    monkeypatch.delitem(sys.modules, "nnarray.testing.strategies")
    with pytest.raises(ImportError, match=r"pip install 'nnarray\[test\]'"):
        importlib.import_module("nnarray.testing.strategies")


def test_a_backend_that_does_not_work_is_an_error_and_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    from nnarray.backends import BackendUnavailableError
    from tests.backends.broken import INSTALLS, install

    install(INSTALLS["No driver"], monkeypatch)
    for ask in (lambda: strategies.arrays("cupy"), lambda: strategies.dtypes("cupy")):
        with pytest.raises(BackendUnavailableError, match="No NVIDIA driver"):
            ask()
    with pytest.raises(ValueError, match="Unknown dtype of backend 'numpy': 'sum'"):
        strategies.arrays("numpy", "sum")


def test_bfloat16_elements_are_finite_and_unique_ones_differ() -> None:
    torch = pytest.importorskip("torch")

    @given(strategies.arrays("torch", "bfloat16", (5,), unique=True))
    def check(x: Any) -> None:
        assert bool(torch.isfinite(x).all())
        assert len(set(x.tolist())) == 5

    check()
