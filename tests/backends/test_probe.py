"""The probe in stages, and CuPy's failures told apart."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray.backends import Backend, _probe, get_backend, probe
from nnarray.backends._cupy_diagnosis import diagnose, driver_version, installed_wheels
from tests.backends.broken import INSTALLS, Broken, forget, install

CUPY = importlib.util.find_spec("cupy")
real_cupy_without_a_driver = pytest.mark.skipif(
    CUPY is None or "doubles" in str(CUPY.origin) or driver_version() is not None,
    reason="needs the real CuPy on a machine without an NVIDIA driver",
)
STAGES = ["import", "device", "allocate", "elementwise", "product", "random", "transfer"]


def test_a_working_backend_passes_every_stage_in_order() -> None:
    found = probe(get_backend("numpy"))
    assert [stage.name for stage in found.stages] == STAGES
    assert found.works
    assert found.failure is None
    assert found.explain() == "Backend 'numpy' works."


def test_a_probe_runs_once_and_again_when_asked() -> None:
    runs = []

    class Counting(Backend):
        def stages(self) -> Any:
            runs.append(1)
            return super().stages()

    backend = Counting("counting", "array_api_strict")
    assert probe(backend) is probe(backend)
    assert len(runs) == 1
    assert probe(backend, refresh=True) is probe(backend)
    assert len(runs) == 2


def test_jax_is_judged_outside_the_trace_that_asks_first(monkeypatch: pytest.MonkeyPatch) -> None:
    jax = pytest.importorskip("jax")
    monkeypatch.setattr(_probe, "_found", {})
    asked = []

    @jax.jit
    def f(x: Any) -> Any:
        with nna.use_backend("jax", on_missing="raise"):
            asked.append(probe(get_backend("jax")).explain())
        return nna.grad(lambda a: nna.array_namespace(a).sum(a * a))(x)

    np.testing.assert_array_equal(f(jax.numpy.asarray([1.0, 2.0])), [2.0, 4.0])
    jax.vmap(jax.grad(lambda x: (asked.append(probe(get_backend("jax"), refresh=True).explain()), x * x)[1]))(
        jax.numpy.ones(2)
    )
    assert asked == ["Backend 'jax' works."] * 2
    assert probe(get_backend("jax")).works


@pytest.mark.parametrize("mode", ["meta device", "fake tensors", "vmap", "no grad", "inference"])
def test_torch_is_judged_outside_the_mode_that_is_on(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    from torch._subclasses.fake_tensor import FakeTensorMode

    monkeypatch.setattr(_probe, "_found", {})
    if mode == "vmap":
        found = []
        torch.func.vmap(lambda x: (found.append(probe(get_backend("torch"))), x)[1])(torch.ones(2))
    else:
        entered = {
            **{"meta device": torch.device("meta"), "fake tensors": FakeTensorMode()},
            **{"no grad": torch.no_grad(), "inference": torch.inference_mode()},
        }
        with entered[mode]:
            found = [probe(get_backend("torch"))]
    assert found[0].explain() == "Backend 'torch' works."


def test_a_library_that_computes_wrongly_fails_and_the_figures_are_named() -> None:
    class Wrong(Backend):
        def to_numpy(self, x: Any) -> np.ndarray:
            return super().to_numpy(x) + np.float32(1.0)

    found = probe(Wrong("wrong", "array_api_strict"))
    assert found.failure is not None
    assert found.failure.name == "transfer"
    assert "its x came back as [[2.0, 3.0]" in found.failure.cause


def test_a_library_that_is_not_installed_names_the_install_line() -> None:
    found = probe(Backend("missing_lib", "missing_lib.xp"))
    assert [stage.passed for stage in found.stages] == [False]
    assert isinstance(found.failure.error, ModuleNotFoundError)
    assert found.explain() == (
        "Backend 'missing_lib' does not work here (stage 'import'): missing_lib is not installed. "
        "Install it with: pip install missing-lib"
    )


@pytest.mark.parametrize("stage", STAGES)
def test_the_exception_of_whatever_stage_is_kept_and_later_stages_are_not_run(stage: str) -> None:
    error = OSError("the cable came off.")
    ran = []

    class Failing(Backend):
        def stages(self) -> Any:
            def check(name: str) -> None:
                ran.append(name)
                if name == stage:
                    raise error

            return tuple((name, lambda name=name: check(name)) for name, _ in super().stages())

    found = probe(Failing(f"failing_{stage}", "array_api_strict"))
    assert ran == STAGES[: STAGES.index(stage) + 1]
    assert found.failure.error is error
    assert found.failure.cause == "OSError: the cable came off."


@pytest.mark.parametrize("case", INSTALLS.values(), ids=INSTALLS)
def test_each_broken_installation_of_cupy_has_its_own_cause_and_cure(
    case: Broken, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(case, monkeypatch)
    found = probe(get_backend("cupy"))
    assert found.failure is not None
    assert found.failure.name == case.stage
    assert found.failure.error is case.error
    assert case.cause in found.failure.cause
    assert case.cure in found.failure.cure
    assert "cupy" not in nna.available_backends()


def test_no_two_broken_installations_are_told_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    told = []
    for case in INSTALLS.values():
        with monkeypatch.context() as patch:
            install(case, patch)
            failure = probe(get_backend("cupy")).failure
            told.append((failure.cause, failure.cure))
    assert len(set(told)) == len(INSTALLS)


@real_cupy_without_a_driver
def test_the_real_cupy_without_a_driver_fails_at_its_device_with_its_own_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    forget(monkeypatch)
    found = probe(get_backend("cupy"))
    assert [stage.name for stage in found.stages] == ["import", "device"]
    assert type(found.failure.error).__name__ == "CUDARuntimeError"
    assert "InsufficientDriver" in str(found.failure.error)
    assert found.failure.cause == "No NVIDIA driver was found."
    assert "Install NVIDIA's driver" in found.failure.cure
    assert len(installed_wheels()) == 1


@real_cupy_without_a_driver
def test_the_real_error_of_a_missing_cublas_is_recognised() -> None:
    def make_a_handle() -> None:
        from cupy_backends.cuda.libs import cublas

        cublas.create()

    with pytest.raises((ImportError, RuntimeError)) as caught:
        make_a_handle()
    cause, _ = diagnose("product", caught.value)
    # Where the library is there, it is the driver that it misses.
    assert cause.startswith("cuBLAS, CUDA's matrix products, is missing (Failure finding") or "CUBLAS_STATUS" in cause


@pytest.mark.require_backend("jax")
def test_a_first_use_within_a_trace_of_the_library_is_judged_outside_it() -> None:
    code = (
        "import jax, nnarray as nna\n"
        "def seen(x):\n"
        "    assert 'jax' in nna.available_backends()\n"
        "    return x\n"
        "jax.jit(seen)(jax.numpy.ones(2))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
