"""A third party's library and plug-in, as the documentation shows it, in an environment of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import array_api_strict
import pytest

ROOT = Path(__file__).parent.parent.parent
DOC = (ROOT / "docs" / "plugins.md").read_text()


@pytest.fixture(scope="module", params=["by its module", "by a class"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of installed packages: a conforming library that nnarray never heard of, and its plug-in."""
    site = tmp_path_factory.mktemp("site")
    source = Path(array_api_strict.__file__).parent
    for path in source.rglob("*.py"):
        if "tests" not in path.parts:
            copy = site / "otherlib" / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(path.read_text().replace("array_api_strict", "otherlib"))
    toml, python = (re.search(rf"```{kind}\n(.*?)```", DOC, re.DOTALL)[1] for kind in ("toml", "python"))
    assert len(python.strip().splitlines()) < 20
    (site / "nnarray_otherlib.py").write_text(python)
    named = re.search(r"`otherlib = \"(nnarray_otherlib:OtherlibBackend)\"`", DOC)[1]
    assert 'otherlib = "otherlib"' in toml
    register(site, "nnarray_otherlib", "otherlib", named if request.param == "by a class" else "otherlib")
    register(site, "misnamed", "misnamed", named)
    register(site, "broken", "broken", "nnarray_broken:Backend")
    register(site, "wrong", "wrong", "json:JSONDecoder")
    return site


def register(site: Path, package: str, name: str, value: str) -> None:
    """Write what pip writes of a package with one entry point."""
    info = site / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[nnarray.backends]\n{name} = {value}\n")


def run(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python where those packages are installed."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment, cwd=site, check=False
    )


def test_a_registered_library_passes_the_compliance_tests(site: Path) -> None:
    done = run(
        site,
        *("-m", "pytest", "-q", "-p", "nnarray.testing.plugin", "-p", "no:cacheprovider", "--backend", "otherlib"),
        *("-W", "error", "--pyargs", "nnarray.testing.compliance"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= 60


def test_a_plugin_is_known_by_name_namespace_and_array_and_to_the_doctor(site: Path) -> None:
    code = """
import nnarray as nna, otherlib
from nnarray.backends import backend_of, get_backend, known_backends
print([name for name in known_backends() if name in ("otherlib", "misnamed", "broken", "wrong")])
assert get_backend("otherlib") is get_backend(otherlib) is backend_of(otherlib.asarray([1.0]))
print(type(get_backend("otherlib")).__name__, float(nna.grad(lambda x: x * x)(otherlib.asarray(3.0))))
"""
    done = run(site, "-c", code)
    assert done.stdout.splitlines()[0] == "['broken', 'misnamed', 'otherlib', 'wrong']", done.stderr
    assert done.stdout.splitlines()[1] in ("OtherlibBackend 6.0", "Backend 6.0")
    assert re.search(r"otherlib .*: works", run(site, "-m", "nnarray", "doctor", "otherlib").stdout)


def test_plugins_that_cannot_be_loaded_say_so_and_disturb_nobody(site: Path) -> None:
    done = run(site, "-m", "nnarray", "doctor", "numpy", "broken", "misnamed", "wrong")
    assert done.returncode == 1, done.stderr
    assert re.search(r"^numpy .*: works", done.stdout, re.MULTILINE)
    assert (
        "nnarray_broken:Backend of broken, cannot be loaded: ModuleNotFoundError: No module named 'nnarray_broken'"
        in done.stdout
    )
    assert "json:JSONDecoder of wrong, cannot be loaded: TypeError: it must name a subclass of" in done.stdout
    assert "misnamed, cannot be loaded: ValueError: its name and that of its entry point differ" in done.stdout
    assert "uninstall broken" in done.stdout
    done = run(site, "-c", "import nnarray as nna; nna.set_backend('broken', on_missing='raise')")
    assert "BackendUnavailableError" in done.stderr
    assert "ModuleNotFoundError: No module named 'nnarray_broken'" in done.stderr
