"""What the host's stand-in for CUDA refuses, before it builds anything."""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

FOLDER = Path(__file__).parent / "host_cuda"


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.delitem(sys.modules, "build", raising=False)
    module = importlib.import_module("build")
    monkeypatch.delitem(sys.modules, "build")
    return module


def installed(monkeypatch: pytest.MonkeyPatch, **versions: str) -> None:
    names = {name.replace("_", "-"): version for name, version in versions.items()}
    found = [SimpleNamespace(metadata={"Name": name}) for name in names]
    monkeypatch.setattr(importlib.metadata, "distributions", lambda: found)
    monkeypatch.setattr(importlib.metadata, "version", names.__getitem__)


@pytest.mark.parametrize(
    ("versions", "says"),
    [
        ({}, "made for cupy-cuda13x; there is none. Install it: pip install cupy-cuda13x=="),
        ({"cupy_cuda12x": "14.2.0"}, "made for cupy-cuda13x; there is cupy-cuda12x."),
        ({"cupy_cuda13x": "13.9.0"}, "version 13.9.0 is installed. Install it: pip install cupy-cuda13x=="),
        ({"cupy_cuda12x": "14.2.0", "cupy_cuda13x": "14.2.0"}, "Uninstall all but one."),
    ],
)
def test_another_cupy_is_refused(build: Any, monkeypatch: pytest.MonkeyPatch, versions: Any, says: str) -> None:
    installed(monkeypatch, **versions)
    with pytest.raises(build.MissingError, match=says):
        build.check_cupy()


def test_a_machine_without_a_compiler_is_told_so(build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-compiler-of-this-name")
    with pytest.raises(build.MissingError, match=r"no compiler 'no-compiler-of-this-name'\. Install GCC"):
        build.find_compiler()


def test_a_full_disk_is_found_before_anything_is_built(
    build: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installed(monkeypatch, cupy_cuda13x=build.requirements()["cupy-cuda13x"])
    monkeypatch.setattr(build, "find_compiler", lambda: sys.executable)
    monkeypatch.setattr(build.shutil, "disk_usage", lambda folder: SimpleNamespace(free=5 << 20))
    with pytest.raises(build.MissingError, match=r"has 5 MiB left; the stand-in and its kernels need 256\."):
        build.build(tmp_path)
    assert list(tmp_path.iterdir()) == []
