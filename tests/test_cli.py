"""The command line and the doctor."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import nnarray as nna
from nnarray.backends import examine, report
from nnarray.cli import main
from tests.backends.broken import INSTALLS, install

DOCS = Path(__file__).parent.parent / "docs" / "backends.md"


def run(*args: str) -> Any:
    return CliRunner().invoke(main, ["doctor", *args])


def test_the_doctor_tells_each_backend_its_version_devices_and_the_thread_pools() -> None:
    done = run("numpy", "array_api_strict")
    assert done.exit_code == 0
    assert re.search(r"^numpy \d+\.\d+\S*: works\n  cpu$", done.output, re.MULTILINE)
    assert re.search(r"^array_api_strict \d\S*: works\n  CPU_DEVICE\n  device1$", done.output, re.MULTILINE)
    pools = done.output.partition("BLAS and other thread pools\n")[2].splitlines()
    assert pools
    assert all(re.fullmatch(r"  \w+.*: \d+ thread\(s\).*", pool) for pool in pools)


def test_without_names_every_known_backend_is_examined_and_the_exit_code_is_zero(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(INSTALLS["No driver"], monkeypatch)
    done = run()
    assert done.exit_code == 0
    for name in ("numpy", "cupy", "torch", "jax", "array_api_strict"):
        assert re.search(rf"^{name}\b.*: (works|does not work)$", done.output, re.MULTILINE)


def test_a_backend_named_on_the_line_that_does_not_work_gives_exit_code_one(monkeypatch: pytest.MonkeyPatch) -> None:
    install(INSTALLS["NVRTC is missing"], monkeypatch)
    done = run("numpy", "cupy")
    assert done.exit_code == 1
    assert "numpy" in done.output
    assert "  passed: import, device, allocate\n  failed: elementwise\n  cause:  NVRTC" in done.output
    assert "  cure:   Install CuPy with CUDA's libraries: pip install 'cupy-cuda13x[ctk]'" in done.output
    assert run("numpy").exit_code == 0


def test_the_findings_as_json_are_those_of_examine(monkeypatch: pytest.MonkeyPatch) -> None:
    install(INSTALLS["cuBLAS is missing"], monkeypatch)
    done = run("--json", "cupy", "numpy")
    assert done.exit_code == 1
    found = json.loads(done.output)
    assert [(backend["name"], backend["works"]) for backend in found["backends"]] == [("cupy", False), ("numpy", True)]
    failed = found["backends"][0]["stages"][-1]
    assert (failed["name"], failed["passed"]) == ("product", False)
    assert failed["error"].startswith("ImportError: Failure finding")
    assert failed["cure"].endswith("pip install 'cupy-cuda13x[ctk]'")
    assert found["backends"][1]["devices"] == [{"name": "cpu", "memory": {}}]
    assert found["thread_pools"][0]["num_threads"] >= 1


def test_an_unknown_backend_is_refused_with_the_nearest_name() -> None:
    done = run("cupi")
    assert done.exit_code == 2
    assert "Did you mean 'cupy'?" in done.output


def test_the_doctor_looks_again_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        install(INSTALLS["No memory is left"], patch)
        assert not examine("cupy")["backends"][0]["works"]
        patch.setattr("nnarray.backends.cupy.CupyBackend.stages", lambda self: (("import", lambda: None),))
        patch.setattr("nnarray.backends.cupy.CupyBackend.devices", lambda self: ())
        assert examine("cupy")["backends"][0]["works"]


def test_the_function_prints_what_the_command_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert nna.doctor("numpy") is None
    assert capsys.readouterr().out == run("numpy").output
    with pytest.raises(ValueError, match="Did you mean 'numpy'"):
        nna.doctor("numpi")


@pytest.mark.parametrize("command", [[sys.executable, "-m", "nnarray"], ["nnarray"]], ids=["module", "script"])
def test_both_commands_are_there(command: list[str]) -> None:
    script = Path(sys.executable).parent / "nnarray"
    command = [str(script)] if command == ["nnarray"] else command
    done = subprocess.run([*command, "doctor", "numpy"], capture_output=True, text=True, check=True)
    assert "numpy" in done.stdout
    version = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
    assert nna.__version__ in version.stdout


def shown(name: str) -> str:
    """Return the doctor's text that the documentation shows under a heading."""
    found = re.search(rf"^### {re.escape(name)}\n\n```text\n(.*?)```", DOCS.read_text(), re.MULTILINE | re.DOTALL)
    assert found, f"{DOCS.name} does not show {name!r}"
    return found[1].rstrip("\n")


HEADINGS = re.findall(r"^### (.*)\n\n```text", DOCS.read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", HEADINGS)
def test_the_documentation_shows_what_the_doctor_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    install(INSTALLS[name], monkeypatch)
    text = report(examine("cupy"))
    assert shown(name) == text.split("\n\n")[1]


def test_the_documentation_shows_at_least_five_broken_installations() -> None:
    assert len(HEADINGS) >= 5
