"""The command for machines with a GPU, on a machine that has none."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT / "ci"))

from gpu_parts import command, tests  # noqa: E402
from gpu_parts.part import LeftOut, Options, Part, read, run_apart, run_here  # noqa: E402


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tests" / "doubles")} | settings
    process = [sys.executable, str(ROOT / "ci" / "gpu"), *arguments]
    return subprocess.run(process, capture_output=True, text=True, env=environment, check=False)


@pytest.fixture
def options(tmp_path: Path) -> Options:
    return Options(tmp_path / "part.json", tmp_path / "all.json", smoke=True, stand_in=True)


def test_without_a_gpu_it_says_so_fails_and_writes_nothing(tmp_path: Path) -> None:
    done = run(str(tmp_path / "results"), DOUBLE_FAILS="device")
    assert done.returncode == 1
    assert "No CUDA GPU that CuPy can use, so nothing was tested. Backend 'cupy' does not work here" in done.stderr
    assert "cupy 14.2.0: does not work" in done.stdout
    assert not (tmp_path / "results").exists()


def test_what_is_missing_is_named_with_the_line_that_brings_it(tmp_path: Path) -> None:
    hidden = tmp_path / "sitecustomize.py"
    hidden.write_text(
        "import importlib.util\n"
        "found = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: None if name == 'optree' else found(name, *rest)\n"
    )
    for more in ((), ("--wheels", str(tmp_path))):
        done = run(str(tmp_path / "results"), *more, PYTHONPATH=str(tmp_path))
        assert done.returncode == 2
        assert "Missing on" in done.stderr
        assert "-m pip install optree" in done.stderr


def test_a_folder_and_parts_that_there_are_are_needed(tmp_path: Path) -> None:
    assert run().returncode == 2
    assert "a FOLDER for the results is needed" in run().stderr
    done = run(str(tmp_path), "--only", "artcle")
    assert done.returncode == 2
    assert "there is no part 'artcle': --list shows them" in done.stderr
    assert "NOT A GPU" in run("--help").stdout


def test_the_most_telling_parts_are_listed_first() -> None:
    names = [line.split("  ")[0] for line in run("--list").stdout.splitlines()]
    assert names[:4] == ["doctor", "article", "crosscheck", "smoke"]
    assert names.index("suite/array") < names.index("gradients") < names.index("benchmark") < names.index("others/jax")
    assert len(set(names)) == len(names)


def test_every_test_belongs_to_one_chapter() -> None:
    found = [path for targets in tests.chapters().values() for target in targets for path in ROOT.glob(target)]
    files = [file for path in found for file in (path.rglob("test_*.py") if path.is_dir() else [path])]
    assert sorted(files) == sorted(set(ROOT.glob("tests/**/test_*.py")) - {ROOT / "tests" / n for n in tests.NOT_HERE})


def steps_that_end_in(ending: Exception | None) -> Any:
    def find(_: Options) -> Iterator[dict[str, Any]]:
        yield {"first": 1}
        if ending is not None:
            raise ending
        yield {"second": 2}

    return find


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        (None, {"passed": True, "first": 1, "second": 2}),
        (LeftOut("no such tool"), {"passed": True, "first": 1, "left_out": "no such tool"}),
    ],
)
def test_findings_are_kept_one_by_one(options: Options, ending: Exception | None, expected: dict[str, Any]) -> None:
    run_here(Part("one", "", steps_that_end_in(ending)), options)
    assert read(options.into) == {**expected, "is_complete": True}


def test_a_part_that_fails_keeps_what_it_found_and_why(options: Options, capsys: pytest.CaptureFixture[str]) -> None:
    run_here(Part("one", "", steps_that_end_in(ValueError("too hot"))), options)
    found = read(options.into)
    assert (found["passed"], found["first"]) == (False, 1)
    assert found["error"][-1] == "ValueError: too hot"
    assert "too hot" in capsys.readouterr().err


def test_a_part_without_its_packages_is_left_out_with_the_line_that_brings_them(options: Options) -> None:
    run_here(Part("one", "", steps_that_end_in(None), needs=("numpy", "no-such-package")), options)
    assert read(options.into)["left_out"] == f"needs: {sys.executable} -m pip install no-such-package"


def test_a_part_ends_at_its_limit_with_all_it_started_and_keeps_what_it_found(options: Options) -> None:
    program = (
        "import pathlib, subprocess, sys, time\n"
        f"pathlib.Path({str(options.into)!r}).write_text('{{\"first\": 1}}')\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"pathlib.Path({str(options.document)!r}).write_text(str(child.pid))\n"
        "time.sleep(60)\n"
    )
    found = run_apart(Part("slow", "", steps_that_end_in(None)), options, [sys.executable, "-c", program], limit=3.0)
    assert (found["passed"], found["first"]) == (False, 1)
    assert found["error"] == ["Part 'slow' has found no more: it was ended at its limit of 3 s."]
    child = int(options.document.read_text())
    time.sleep(0.2)
    state = Path(f"/proc/{child}/stat")
    assert not state.exists() or state.read_text().split(")")[1].split()[0] == "Z"


def test_a_process_that_dies_is_a_failure(options: Options) -> None:
    found = run_apart(Part("dead", "", steps_that_end_in(None)), options, [sys.executable, "-c", "raise SystemExit(7)"])
    assert found["passed"] is False
    assert found["error"] == ["Part 'dead' has found no more: its process ended with 7."]


def test_parts_that_run_again_replace_their_own_and_the_rest_stays(
    options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(
        [{"passed": False, "seconds": 1.0}, {"passed": True, "seconds": 1.0}, {"passed": True, "seconds": 2.0}]
    )
    monkeypatch.setattr(command, "run_apart", lambda *_: next(answers))
    one, two = (Part(name, "", steps_that_end_in(None)) for name in ("one", "two"))
    assert command._run([one, two], options, {"name": "a stand-in"}) == 1
    assert command._run([one], options, {"name": "a stand-in"}) == 0
    found = read(options.document)
    assert found["NOT A GPU"] == command.STAND_IN
    assert [found["parts"][name]["seconds"] for name in ("one", "two")] == [2.0, 1.0]


def test_the_file_says_what_was_tested(tmp_path: Path) -> None:
    names = [
        command._options(tmp_path, smoke, stand_in).document.name
        for smoke in (False, True)
        for stand_in in (False, True)
    ]
    starts = ["gpu-2", "stand-in-2", "gpu-smoke-2", "stand-in-smoke-2"]
    assert [name.startswith(start) for name, start in zip(names, starts, strict=True)] == [True] * 4


def test_warnings_of_other_packages_are_counted_and_those_of_nnarray_fail(tmp_path: Path) -> None:
    (tmp_path / "nnarray_like.py").write_text(
        "import warnings\n\ndef warn():\n    warnings.warn('ours', stacklevel=1)\n"
    )
    (tmp_path / "other.py").write_text("import warnings\n\ndef warn():\n    warnings.warn('theirs', stacklevel=1)\n")
    (tmp_path / "test_warnings.py").write_text(
        "import nnarray_like, other\n"
        "def test_gradient_of_theirs():\n    other.warn()\n"
        "def test_theirs():\n    other.warn()\n"
        "def test_gradient_of_ours():\n    nnarray_like.warn()\n"
    )
    into = tmp_path / "found.json"
    environment = os.environ | {
        "PYTHONPATH": f"{ROOT / 'ci'}{os.pathsep}{tmp_path}",
        **{"GPU_PARTS_REPORT": str(into), "GPU_PARTS_TESTS": "0"},
    }
    arguments = [*tests.ARGUMENTS, "-c", os.devnull, "--rootdir", str(tmp_path), str(tmp_path)]
    subprocess.run([sys.executable, "-m", "pytest", *arguments], env=environment, check=False, capture_output=True)
    found = read(into)
    assert found["tests"] == {"passed": 2, "failed": 1}
    assert found["gradients"]["tests"] == {"passed": 1, "failed": 1}
    assert [name.rpartition("::")[2] for name in found["gradients"]["failed"]] == ["test_gradient_of_ours"]
    assert [(number, category, text) for number, _, category, text in found["warnings"]] == [
        (2, "UserWarning", "theirs")
    ]
    assert found["passed"] is False
