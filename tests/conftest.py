"""Options and fixtures of all tests: depth of random testing; where each runs, `nnarray.testing.plugin` decides."""

from __future__ import annotations

import importlib.util
import os
import zlib
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any

os.environ.setdefault("JAX_ENABLE_X64", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("NNARRAY_CACHE_DIR", str(Path(__file__).parent.parent / ".nnarray_cache"))

import hypothesis
import pytest

from nnarray.backends import get_backend

hypothesis.settings.register_profile("default", max_examples=50, deadline=None, derandomize=True)
hypothesis.settings.register_profile(
    "deep", max_examples=5000, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
)


# Packages that some tests take their references from, by module: without one, these tests are skipped.
REFERENCES = {
    "torch": "torch==2.13.0",  # This one is a build for CPUs; others bring gigabytes of CUDA along.
    "jax": "jax",
    "autograd": "autograd",
    "cupy": "cupy-cuda13x",
    "cuda": "'cuda-bindings>=13' 'nvidia-cuda-nvrtc>=13'",
}


def pytest_addoption(parser: Any) -> None:
    parser.addoption("--deep", action="store_true", help="draw thousands of random cases, take all on JAX")


def pytest_configure(config: Any) -> None:
    hypothesis.settings.load_profile("deep" if config.getoption("--deep") else "default")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, but with --deep, three cases of four on JAX where it compiles code for each, which takes seconds."""
    if config.getoption("--deep"):
        return
    counts: Counter[str] = Counter()
    kept, left_out = [], []
    for item in items:
        callspec = getattr(item, "callspec", None)
        found = callspec.params.get("nnarray_place") if callspec is not None else None
        test, is_kept = item.nodeid.partition("[")[0], True
        if found is not None and found.backend == "jax" and item.get_closest_marker("compiles_for_each_case"):
            # By the name, not in turns, which could always leave out the same value of a parameter.
            is_kept = not counts[test] or zlib.crc32(item.nodeid.encode()) % 4 == 0
            counts[test] += 1
        (kept if is_kept else left_out).append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=left_out)


def pytest_report_header() -> list[str]:
    """Name what is left out of this run, and how it comes in."""
    missing = {name: package for name, package in REFERENCES.items() if importlib.util.find_spec(name) is None}
    lines = ["references: all are installed"]
    if missing:
        lines = [
            f"left out: tests against {', '.join(missing)}, which are not installed. "
            f"They come in by: ci/test {' '.join(missing.values())}"
        ]
    if "NNARRAY_HOST_CUDA" not in os.environ:
        lines.append("left out: tests of CuPy's adapter and of what a step asks of a GPU. Run by: ci/host-cuda ci/test")
    return lines


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Let the library's default device be the current one, wherever the arrays of the test are.

    Tests that compute with the operators of raw arrays themselves are marked ``raw_operators``.
    """
    callspec = getattr(item, "callspec", None)
    found = callspec.params.get("nnarray_place") if callspec is not None else None
    if found is None or found.missing or item.get_closest_marker("raw_operators"):
        return (yield)
    adapter = get_backend(found.backend)
    with adapter.activate(adapter.devices()[0]):
        return (yield)


@pytest.fixture(scope="session", autouse=True)
def no_settings_from_outside() -> None:
    """Forget the backend that the caller's environment asks for, once the plugin has read it: tests set their own."""
    for name in ("NNARRAY_BACKEND", "NNARRAY_REQUIRE_BACKEND"):
        os.environ.pop(name, None)


@pytest.fixture(scope="session")
def place(backend: str, device: Any) -> tuple[str, Any]:
    """Name and device of each array library that tests run on, for ``nna.namespace(*place)`` and its like."""
    return backend, device
