"""assert_namespace_kept: planted offenders are found with their line, honest code passes."""

from __future__ import annotations

import math
import sys
from typing import Any

import array_api_compat
import array_api_strict
import numpy as np
import pytest

import nnarray as nna
from nnarray.testing import assert_namespace_kept
from tests.hosts import to_library

X = np.asarray([1.0, 2.0])


def _xp(x: Any) -> Any:
    return array_api_compat.array_namespace(x)


def _softmax(x: Any, *, axis: int = -1) -> Any:
    xp = _xp(x)
    e = xp.exp(x - xp.max(x, axis=axis, keepdims=True))
    return {"p": e / xp.sum(e, axis=axis, keepdims=True), "ones": xp.ones(x.shape, device=x.device), "n": x.shape[0]}


def _swallow(x: Any) -> Any:
    try:
        factor = float(x[0])
    except TypeError:
        factor = 1.0
    return x * factor


def _branch(x: Any) -> Any:
    return x if _xp(x).any(x > 0) else -x


def test_code_that_stays_in_the_standard_passes_on_every_library(place: Any) -> None:
    x = to_library(X, nna.namespace(*place))
    assert assert_namespace_kept(_softmax, x, axis=0) is None
    assert assert_namespace_kept(lambda p, n: nna.activations.softmax(p["x"]) * n, {"x": x}, 2) is None


def test_functions_of_arrays_are_called_with_arrays() -> None:
    seen = []

    def f(x: Any) -> Any:
        seen.append(x.namespace.backend.name)
        return x * x

    assert_namespace_kept(f, nna.namespace("numpy").asarray(X))
    assert seen == ["numpy", "array_api_strict"]


@pytest.mark.parametrize(
    ("offender", "message"),
    [
        (lambda x: _xp(x).asarray(np.asarray(x) * 2, device=x.device), "raised"),
        (lambda x: np.exp(x), "raised"),
        (lambda x: x * math.exp(x[0]), r"float\(x\) copies a number to the host"),
        (lambda x: x * float(x[0]), r"float\(x\) copies a number to the host.*allow_scalars=True"),
        (lambda x: x * int(_xp(x).sum(x)), r"int\(x\) copies a number"),
        (_branch, r"bool\(x\), or a branch on an array, copies a number"),
        (_swallow, r"went on after it was refused: float\(x\)"),
        (lambda x: x * x[0].item(), "no attribute 'item'"),
        (lambda x: x + _xp(x).zeros(2), "raised ValueError: .*devices"),
        (lambda x: x + np.zeros(2), "raised"),
        (lambda x: x.mean(), "no attribute 'mean'"),
        (lambda x: np.from_dlpack(x) if isinstance(x, np.ndarray) else _xp(x).asarray(np.from_dlpack(x)), "another l"),
    ],
)
def test_the_line_that_leaves_is_named(offender: Any, message: str) -> None:
    with pytest.raises(AssertionError, match=message) as caught:
        assert_namespace_kept(offender, X)
    line = offender.__code__.co_firstlineno
    places = [f'File "{__file__}", line {line + more}, in {offender.__name__}' for more in range(4)]
    assert any(place in str(caught.value) for place in places)
    assert "xp = array_api_compat.array_namespace(x)" in str(caught.value)


def test_the_line_is_that_of_the_call_where_a_helper_leaves() -> None:
    def helper(x: Any) -> float:
        return float(x)  # the culprit

    with pytest.raises(AssertionError, match=r"in helper\n    return float\(x\)  # the culprit"):
        assert_namespace_kept(lambda x: x * helper(x[0]), X)


def test_functions_of_another_library_are_found() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(AssertionError, match=r"raised TypeError: exp\(\).*\n.*\n.*torch\.exp"):
        assert_namespace_kept(lambda x: torch.exp(x), torch.asarray(X))


@pytest.mark.parametrize(
    ("offender", "message"),
    [
        (lambda x: np.float64(3.0), "the result holds one of numpy, of type float64"),
        (lambda x: {"a": [np.zeros(2)]}, "the result holds one of numpy, of type ndarray"),
        (lambda x: _xp(x).zeros(2), "device1.*the result holds one on .*CPU_DEVICE"),
    ],
)
def test_results_of_another_library_or_device_are_found(offender: Any, message: str) -> None:
    for x in (X, array_api_strict.asarray(X, device=array_api_strict.Device("device1"))):
        with pytest.raises(AssertionError, match=message):
            assert_namespace_kept(offender, x)


def test_scalars_may_be_allowed_and_the_library_is_left_as_it_was() -> None:
    before = dict(vars(type(array_api_strict.zeros(()))))
    assert_namespace_kept(lambda x: x * float(x[0]), X, allow_scalars=True)
    with pytest.raises(AssertionError, match="copies a number"):
        assert_namespace_kept(lambda x: x * float(x[0]), X)
    assert dict(vars(type(array_api_strict.zeros(())))) == before
    assert float(array_api_strict.asarray(2.0)) == 2.0


def test_half_precision_is_checked_in_single() -> None:
    assert assert_namespace_kept(lambda x: x * 2, X.astype("float16")) is None


def test_misuse_is_refused_by_name(monkeypatch: Any) -> None:
    with pytest.raises(TypeError, match="needs an array among the arguments"):
        assert_namespace_kept(lambda x: x, 3.0)
    with pytest.raises(TypeError, match="the argument holds one of array_api_strict"):
        assert_namespace_kept(lambda a, b: a, X, array_api_strict.asarray(X))
    monkeypatch.setitem(sys.modules, "array_api_strict", None)
    with pytest.raises(ImportError, match=r"pip install 'nnarray\[test\]'"):
        assert_namespace_kept(lambda x: x, X)


def test_two_threads_leave_the_strict_library_as_it_was() -> None:
    import threading

    import array_api_strict as strict

    def check() -> None:
        for _ in range(20):
            assert_namespace_kept(lambda x: x + x, np.asarray([1.0]))

    threads = [threading.Thread(target=check) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert float(strict.asarray(1.0)) == 1.0


def test_what_has_not_run_yet_is_refused() -> None:
    def lazily(x: Any) -> Any:
        yield np.exp(x)

    with pytest.raises(TypeError, match="whose code has not run yet"):
        assert_namespace_kept(lazily, np.asarray([1.0]))
    with pytest.raises(TypeError, match="dtypes"):
        assert_namespace_kept(lambda x: x, np.asarray([1.0], dtype=np.longdouble))
