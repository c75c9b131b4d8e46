"""Backends whose own code fails: they are told as such and disturb nobody."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

import nnarray as nna
from nnarray.backends import Backend, _registry, get_backend, probe
from nnarray.cli import main
from nnarray.testing.plugin import places


class Unruly(Backend):
    """Works, but for one method."""

    def __init__(self, fault: str, error: BaseException | None) -> None:
        super().__init__("unruly", "array_api_strict")

        def fail(*args: Any) -> Any:
            if error is None:
                return ()
            raise error

        setattr(self, fault, fail)


FAULTS = [
    ("device_name", ValueError("names gone"), "describe"),
    ("memory", ValueError("memory gone"), "describe"),
    ("version", AttributeError("version gone"), "describe"),
    ("stages", RuntimeError("stages gone"), "import"),
    ("stages", None, "import"),
    ("synchronize", SystemExit(5), "allocate"),
]


@pytest.mark.parametrize(("fault", "error", "stage"), FAULTS)
def test_the_doctor_tells_what_fails_and_goes_on(
    fault: str, error: BaseException | None, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(_registry._backends, "unruly", Unruly(fault, error))
    done = CliRunner().invoke(main, ["doctor", "unruly", "numpy"])
    assert done.exit_code == 1
    assert "unruly: does not work" in done.output or "unruly 2" in done.output
    assert f"  failed: {stage}\n" in done.output
    assert "numpy 2" in done.output
    found = json.loads(CliRunner().invoke(main, ["doctor", "--json", "unruly"]).output)
    assert found["backends"][0]["works"] is False


def test_a_diagnosis_that_fails_leaves_the_librarys_own_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = Unruly("diagnose", KeyError("diagnosis gone"))
    error = RuntimeError("stages gone")
    monkeypatch.setattr(backend, "stages", lambda: (("import", lambda: (_ for _ in ()).throw(error)),))
    found = probe(backend, refresh=True)
    assert found.failure.error is error
    assert found.failure.cause == "RuntimeError: stages gone."


def test_memory_in_numpys_integers_is_told_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    backend = Backend("unruly", "array_api_strict")
    monkeypatch.setattr(backend, "memory", lambda device: {"used": np.int64(3)})
    monkeypatch.setitem(_registry._backends, "unruly", backend)
    done = CliRunner().invoke(main, ["doctor", "--json", "unruly"])
    assert json.loads(done.output)["backends"][0]["devices"][0]["memory"] == {"used": 3}


def test_the_test_plugin_leaves_out_what_cannot_name_its_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    from nnarray.backends import _probe
    from nnarray.testing import plugin

    monkeypatch.setattr(_probe, "_found", {})
    monkeypatch.setitem(_registry._backends, "unruly", Unruly("device_name", ValueError("names gone")))
    monkeypatch.setattr(plugin, "known_backends", lambda: ("numpy", "unruly"))
    found = places("available")
    assert [place.backend for place in found.taken] == ["numpy"]
    assert found.left_out == {"unruly": "names gone"}


def test_a_library_whose_import_fails_is_no_unknown_one(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "brokenlib.py").write_text("import a_module_that_is_missing\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="Backend 'brokenlib' is installed and cannot be imported: No module named"):
        get_backend("brokenlib")
    for odd in (".", ".x"):
        with pytest.raises(ValueError, match="Unknown backend"):
            nna.set_backend(odd)
