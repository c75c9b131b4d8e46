"""Options and fixtures of all tests: depth of random testing, and every array library that is installed."""

from __future__ import annotations

import importlib.util
import os
from typing import Any

os.environ.setdefault("JAX_ENABLE_X64", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import hypothesis
import pytest

PLACES = (
    ("numpy", None),
    ("array_api_strict", "CPU_DEVICE"),
    ("array_api_strict", "device1"),
    ("torch", None),
    ("jax", None),
)
MISSING = sorted({name for name, _ in PLACES if importlib.util.find_spec(name) is None})
INSTALLED = [place for place in PLACES if place[0] not in MISSING]

hypothesis.settings.register_profile("default", max_examples=50, deadline=None, derandomize=True)
hypothesis.settings.register_profile(
    "deep", max_examples=5000, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
)


def place_name(place: tuple[str, str | None]) -> str:
    """Return ``"numpy"`` or ``"array_api_strict:device1"``."""
    return place[0] if place[1] is None else ":".join(place)


def pytest_addoption(parser: Any) -> None:
    parser.addoption("--deep", action="store_true", help="draw thousands of random cases instead of dozens")


def pytest_configure(config: Any) -> None:
    hypothesis.settings.load_profile("deep" if config.getoption("--deep") else "default")


def pytest_report_header() -> list[str]:
    header = [f"backends: {', '.join(map(place_name, INSTALLED))}"]
    return [*header, f"backends not installed: {', '.join(MISSING)}"] if MISSING else header


@pytest.fixture(params=INSTALLED, ids=place_name)
def backend(request: Any) -> tuple[str, str | None]:
    """Name and device of each array library that is installed."""
    return request.param
