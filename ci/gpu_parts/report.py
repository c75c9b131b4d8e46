"""A pytest plugin that keeps what tests found as they end: results, verdicts on gradients, warnings of packages."""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from gpu_parts.part import write

_GRADIENT = re.compile("derivative|gradient|jacobian|hessian", re.IGNORECASE)


class Report:
    """What a run of tests has found so far, in a file.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._outcomes: Counter[str] = Counter()
        self._gradients: Counter[str] = Counter()
        self._wrong_gradients: list[str] = []
        self._failed: list[str] = []
        self._warnings: Counter[tuple[str, str, str]] = Counter()
        self._slowest: list[tuple[float, str]] = []
        self._written = 0.0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.passed:
            return
        self._outcomes[report.outcome] += 1
        if _GRADIENT.search(report.nodeid):
            self._gradients[report.outcome] += 1
            self._wrong_gradients += [report.nodeid] if report.failed else []
        if report.failed:
            self._failed.append(report.nodeid)
        self._slowest = sorted([*self._slowest, (round(report.duration, 2), report.nodeid)], reverse=True)[:5]
        if time.monotonic() - self._written > 1:
            self._write({})

    def pytest_warning_recorded(self, warning_message: Any) -> None:
        place = Path(warning_message.filename).parts
        package = place[place.index("site-packages") + 1] if "site-packages" in place else "/".join(place[-2:])
        text = (str(warning_message.message).splitlines() or [""])[0]
        self._warnings[package, warning_message.category.__name__, text] += 1

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        self._write({"exit_code": int(exitstatus), "passed": int(exitstatus) == 0})

    def _write(self, more: dict[str, Any]) -> None:
        self._written = time.monotonic()
        found = {
            "tests": dict(self._outcomes),
            "failed": self._failed,
            "gradients": {"tests": dict(self._gradients), "failed": self._wrong_gradients},
            "slowest": [f"{seconds} s {name}" for seconds, name in self._slowest],
            "warnings": [[number, *kind] for kind, number in self._warnings.most_common()],
        }
        write(self._path, found | more)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave as many tests as are asked for, from all over."""
    number = int(os.environ.get("GPU_PARTS_TESTS", 0))
    if number and len(items) > number:
        items[:] = [items[i * len(items) // number] for i in range(number)]


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Report(Path(os.environ["GPU_PARTS_REPORT"])))
