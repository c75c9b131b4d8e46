"""The pytest plugin, on runs of its own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from nnarray.testing.plugin import places
from tests.backends.broken import INSTALLS, install

FILE = """
import pytest
import numpy as np
from nnarray.backends import backend_of, get_backend

def test_places(xp, device, backend):
    x = xp.asarray([1.0, 2.0], device=device)
    assert backend_of(x) is get_backend(backend)
    assert get_backend(backend).device_of(x) == device

def test_without_fixtures():
    pass
"""
SOFTMAX = """
from array_api_compat import array_namespace

def softmax(x):
    xp = array_namespace(x)
    e = xp.exp(x - xp.max(x, axis=-1, keepdims=True))
    return e / xp.sum(e, axis=-1, keepdims=True)
"""
MARKED = """
import pytest

@pytest.mark.require_backend("numpy")
def test_on_numpy(xp):
    pass

@pytest.mark.require_backend("cupy", "torch")
def test_elsewhere(xp):
    pass

@pytest.mark.require_backend("cupy")
def test_without_fixtures_elsewhere():
    raise AssertionError

@pytest.mark.require_backend("numpy")
def test_without_fixtures_here():
    pass

@pytest.mark.exclude_backend("numpy", reason="too slow there")
def test_not_on_numpy(backend):
    assert backend != "numpy"
"""


@pytest.fixture
def no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    install(INSTALLS["No driver"], monkeypatch)


def run(pytester: pytest.Pytester, text: str, *arguments: str) -> pytest.RunResult:
    pytester.makepyfile(text)
    return pytester.runpytest_inprocess("-p", "nnarray.testing.plugin", "-p", "no:cacheprovider", *arguments)


def test_a_test_runs_once_for_each_place_and_the_header_names_them_with_versions(pytester: pytest.Pytester) -> None:
    result = run(pytester, FILE, "-v", "--backend", "numpy,array_api_strict:device1")
    result.assert_outcomes(passed=3)
    result.stdout.re_match_lines([r"array backends: numpy \d.*, array_api_strict:device1 \d"])
    result.stdout.fnmatch_lines(["*::test_places?numpy? PASSED*", "*::test_places?array_api_strict:device1? PASSED*"])


def test_a_library_with_several_devices_is_taken_on_two() -> None:
    found = places("array_api_strict,numpy,array_api_strict:device2")
    assert [place.id for place in found.taken] == [
        *("array_api_strict:CPU_DEVICE", "array_api_strict:device1", "numpy", "array_api_strict:device2"),
    ]
    assert places("numpy, numpy").taken == places("numpy").taken


@pytest.mark.usefixtures("no_driver")
def test_available_leaves_out_what_does_not_work_and_says_why(pytester: pytest.Pytester) -> None:
    result = run(pytester, FILE)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["not tested: Backend 'cupy' does not work here (stage 'device'): No NVIDIA driver*"])
    assert "cupy" not in {place.backend for place in places("available").taken}
    assert {"numpy", "array_api_strict"} <= {place.backend for place in places("available").taken}


@pytest.mark.usefixtures("no_driver")
def test_all_shows_the_tests_of_what_does_not_work_as_skipped_with_the_reason(pytester: pytest.Pytester) -> None:
    result = run(pytester, FILE, "-rs", "--backend", "all")
    assert result.ret == 0
    assert result.parseoutcomes()["skipped"] >= 1
    result.stdout.fnmatch_lines(["SKIPPED*cupy: Backend 'cupy' does not work here*No NVIDIA driver*"])


@pytest.mark.usefixtures("no_driver")
@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("numpy,cupy", "--backend numpy,cupy: Backend 'cupy' does not work here*No NVIDIA driver was found*"),
        ("numpi", "--backend numpi: Unknown backend: 'numpi'. Did you mean 'numpy'?*"),
        ("numpy:gpu", "--backend numpy:gpu: Backend 'numpy' has no device 'gpu'. Its devices: 'cpu'*"),
        (",", "--backend ,: no backend is named*"),
    ],
)
def test_a_named_backend_that_cannot_be_used_ends_the_run(option: str, message: str, pytester: pytest.Pytester) -> None:
    result = run(pytester, FILE, "--backend", option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])


@pytest.mark.usefixtures("no_driver")
@pytest.mark.parametrize("option", ["available", "all", "numpy"])
def test_a_run_does_not_pass_by_leaving_a_required_backend_out(
    option: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NNARRAY_REQUIRE_BACKEND", "numpy,cupy")
    result = run(pytester, FILE, "--backend", option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: NNARRAY_REQUIRE_BACKEND=cupy, but: *"])
    monkeypatch.setenv("NNARRAY_REQUIRE_BACKEND", "numpy")
    assert run(pytester, FILE, "--backend", "numpy").ret == 0


def test_markers_require_and_exclude_backends(pytester: pytest.Pytester) -> None:
    result = run(pytester, MARKED, "-rs", "--strict-markers", "--backend", "numpy,array_api_strict:device1")
    result.assert_outcomes(passed=3, skipped=3)
    result.stdout.fnmatch_lines_random(
        [
            "*needs a backend that this run leaves out: cupy, torch",
            "*needs a backend that is left out: cupy",
            "*numpy: too slow there",
        ]
    )


def test_a_marker_with_an_unknown_backend_is_an_error(pytester: pytest.Pytester) -> None:
    text = "import pytest\n@pytest.mark.require_backend('cupi')\ndef test_it(xp):\n    pass\n"
    result = run(pytester, text)
    assert result.ret != 0
    result.stdout.fnmatch_lines(["*Unknown backend: 'cupi'. Did you mean 'cupy'?*"])


def test_the_plugin_is_loaded_by_the_root_conftest_as_well(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("pytest_plugins = ['nnarray.testing.plugin']")
    pytester.makepyfile(FILE)
    pytester.runpytest_subprocess("--backend", "numpy").assert_outcomes(passed=2)


def test_without_the_plugin_nothing_is_registered(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(FILE)
    result = pytester.runpytest_subprocess("--backend", "numpy")
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_the_example_of_the_documentation_passes_on_every_place(pytester: pytest.Pytester) -> None:
    text = (Path(__file__).parent.parent.parent / "docs" / "testing.md").read_text()
    example: Any = re.search(r"```python\n# test_softmax.py\n(.*?)```", text, re.DOTALL)
    assert len(example[1].strip().splitlines()) <= 10
    pytester.makepyfile(mine=SOFTMAX, test_softmax=example[1])
    result = pytester.runpytest_inprocess("-p", "nnarray.testing.plugin", "-p", "no:cacheprovider")
    assert result.ret == 0
    assert result.parseoutcomes()["passed"] == len(places("available").taken)
