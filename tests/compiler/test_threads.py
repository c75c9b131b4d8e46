"""Threads that share a large loop do all of it, once, and have ended when it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba")
pytest.importorskip("platformdirs")

import numba

from nnarray.compiler.executors import _threads
from tests.compiler.test_numba_executor import kernels, replayed


@pytest.fixture(autouse=True)
def three_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_shared_loops_give_what_numpy_gives(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nnarray.compiler.executors.numba._LARGE", 40_000)
    rng = np.random.default_rng(3)
    x, row = rng.standard_normal((7, 130, 20)).astype(dtype), rng.standard_normal(20).astype(dtype)

    def f(x: Any, row: Any) -> list[Any]:
        xp = x.__array_namespace__()
        turned = xp.permute_dims(x, (2, 0, 1))
        return [
            x * row + xp.maximum(x, 0.0),
            x[:, ::2, :] - xp.flip(x, axis=1)[:, ::2, :],
            xp.matrix_transpose(x) * 2.0,
            xp.max(x, axis=0),
            xp.max(x, axis=(0, 2)),
            xp.max(x, axis=-1, keepdims=True),
            xp.min(turned, axis=0),
            x[0, :1, :1] + row,
        ]

    found, plan = replayed(f, x, row)
    for got, wanted in zip(found, f(x, row), strict=True):
        np.testing.assert_array_equal(got, wanted)
    shared = [line for line in kernels(plan) if line.endswith("start, stop):")]
    assert len(shared) == 7
    assert len(kernels(plan)) > len(shared)
    assert plan.source.count("    share(kernel") == len(shared)


@pytest.mark.parametrize("extent", [1, 2, 11, 12, 13, 1000])
def test_every_step_is_done_once(extent: int) -> None:
    done = np.zeros(extent, int)

    def kernel(out: Any, start: int, stop: int) -> None:
        out[start:stop] += 1

    _threads.share(kernel, extent, done)
    np.testing.assert_array_equal(done, 1)


def test_what_fails_in_a_helper_fails_in_the_call() -> None:
    caller = threading.get_ident()

    def kernel(start: int, stop: int) -> None:
        time.sleep(0.01)
        if threading.get_ident() != caller:
            message = "no memory"
            raise MemoryError(message)

    with pytest.raises(MemoryError, match="no memory"):
        _threads.share(kernel, 1000)


def test_an_interrupted_call_ends_when_its_helpers_have_ended() -> None:
    caller, working = threading.get_ident(), set()

    def kernel(start: int, stop: int) -> None:
        if threading.get_ident() == caller:
            time.sleep(0.02)
            raise KeyboardInterrupt
        working.add(start)
        time.sleep(0.05)
        working.remove(start)

    with pytest.raises(KeyboardInterrupt):
        _threads.share(kernel, 1000)
    assert not working


FORKING = """
import multiprocessing
import threading
import time
from nnarray.compiler.executors._threads import share

def threads_at_work():
    found = set()

    def kernel(start, stop):
        time.sleep(0.02)
        found.add(threading.get_ident())

    share(kernel, 1000)
    return len(found)

print(threads_at_work())
with multiprocessing.get_context("fork").Pool(1) as pool:
    print(pool.apply_async(threads_at_work).get(timeout=60))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_has_threads_of_its_own() -> None:
    environment = os.environ | {"NUMBA_NUM_THREADS": "3"}
    run = subprocess.run([sys.executable, "-c", FORKING], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["3", "3"]
