"""The adapter of CuPy on a double that has CuPy's manners: no GPU is needed, and none is claimed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nnarray.backends._cupy_diagnosis import driver_version

without_driver = pytest.mark.skipif(driver_version() is not None, reason="this machine has an NVIDIA driver")
DOUBLES = Path(__file__).parent.parent / "doubles"


def with_double(*arguments: str, fails: str = "") -> subprocess.CompletedProcess[str]:
    """Run Python where ``import cupy`` finds the double."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(DOUBLES), *sys.path]), "DOUBLE_FAILS": fails}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment, check=False)


@pytest.mark.parametrize(
    ("tests", "least"),
    [([str(DOUBLES / "check_cupy.py")], 10), (["--pyargs", "nnarray.testing.compliance"], 100)],
    ids=["adapter", "compliance"],
)
def test_the_adapter_passes_its_tests_on_both_devices_of_the_double(tests: list[str], least: int) -> None:
    done = with_double(
        *("-m", "pytest", "-q", "-p", "nnarray.testing.plugin", "-p", "no:cacheprovider", "--backend", "cupy"),
        *("-c", os.devnull, "-W", "error", *tests),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= least


@pytest.mark.parametrize(
    ("stage", "cause"),
    [
        ("import", "CuPy is installed and cannot be imported: ImportError: libcudart.so.13"),
        pytest.param("device", "No NVIDIA driver was found.", marks=without_driver),
        ("allocate", "No memory is left on the GPU (Out of memory allocating 512 bytes"),
        ("elementwise", "NVRTC, CUDA's run-time compiler, is missing"),
        ("product", "cuBLAS, CUDA's matrix products, is missing"),
        ("random", "NVRTC, CUDA's run-time compiler, is missing"),
        ("transfer", "CUDARuntimeError: cudaErrorIllegalAddress"),
    ],
)
def test_failures_at_the_boundary_are_found_at_their_stage(stage: str, cause: str) -> None:
    done = with_double("-m", "nnarray", "doctor", "cupy", fails=stage)
    assert done.returncode == 1
    assert f"  failed: {stage}\n  cause:  {cause}" in done.stdout
