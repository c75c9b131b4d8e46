"""Executors by name: each backend's own, those of other packages, and names that are none."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray.backends import Backend, get_backend, registered
from nnarray.compiler.executors import Executor, check_executor, executor_for
from nnarray.compiler.executors._choice import GROUP
from nnarray.compiler.executors.generic import Generic


class Counting(Generic):
    """One of another package: the general one, and notes down what it compiles."""

    name = "counting"
    library = "array_api_strict"
    compiled: list[Any] = []

    def compile(self, graph: Any, donated: Any = (), bound: Any = ()) -> Any:
        self.compiled.append(graph)
        return super().compile(graph, donated, bound)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let other packages have registered executors."""
    entries = [
        importlib.metadata.EntryPoint("counting", f"{__name__}:Counting", GROUP),
        importlib.metadata.EntryPoint("broken", "no_such_package:Executor", GROUP),
        importlib.metadata.EntryPoint("numpy", "no_such_package:Executor", GROUP),
    ]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: entries if group == GROUP else [])
    registered.cache_clear()
    Counting.compiled.clear()
    yield
    registered.cache_clear()


def test_every_backend_has_an_executor_that_exists(backend: str) -> None:
    adapter = get_backend(backend)
    executor: Executor = executor_for(adapter)
    assert executor.name == adapter.executor
    assert executor.library in (None, backend)
    assert executor_for(adapter, "generic").binds is False


def test_a_backend_that_names_an_unknown_executor_is_refused() -> None:
    adapter = Backend("strict_too", "array_api_strict")
    adapter.executor = "numpyy"
    with pytest.raises(ValueError, match=r"Unknown executor: 'numpyy'\. Did you mean 'numpy'\?"):
        executor_for(adapter)


@pytest.mark.parametrize("name", ["cupy", "", "Numpy", "nothing"])
def test_unknown_names_are_refused(name: str) -> None:
    for ask in (check_executor, lambda name: nna.jit(lambda x: x, executor=name)):
        with pytest.raises(ValueError, match=f"Unknown executor: '{name}'"):
            ask(name)


@pytest.mark.require_backend("torch")
def test_an_executor_of_another_library_is_refused() -> None:
    with pytest.raises(ValueError, match="Executor 'torch' runs arrays of torch: received arrays of numpy"):
        nna.jit(lambda x: x * 2.0, executor="torch")(np.ones(2))


def test_other_packages_add_executors(registry: None) -> None:
    strict = pytest.importorskip("array_api_strict")
    found = nna.jit(lambda x: x * 2.0, executor="counting")
    np.testing.assert_array_equal(np.asarray(found(strict.asarray([1.0, 2.0]))), [2.0, 4.0])
    assert len(Counting.compiled) == 1
    assert found.lower(strict.asarray([1.0, 2.0])).plan.executor == "counting"
    adapter = Backend("array_api_strict", "array_api_strict")
    adapter.executor = "counting"
    assert isinstance(executor_for(adapter), Counting)
    with pytest.raises(ValueError, match="Executor 'counting' runs arrays of array_api_strict"):
        nna.jit(lambda x: x * 2.0, executor="counting")(np.ones(2))
    with pytest.raises(ValueError, match="Known: .*counting"):
        check_executor("countin")


def test_one_that_cannot_be_loaded_says_so_and_disturbs_nobody(registry: None) -> None:
    assert executor_for(get_backend("numpy")).name == "numpy"
    with pytest.raises(ImportError, match=r"'broken' is registered by no_such_package .*update or uninstall"):
        executor_for(get_backend("numpy"), "broken")
