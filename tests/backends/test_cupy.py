"""What the doctor says of an installation of CuPy that fails at one of its stages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nnarray.backends._cupy_diagnosis import driver_version

without_driver = pytest.mark.skipif(driver_version() is not None, reason="this machine has an NVIDIA driver")
DOUBLES = Path(__file__).parent.parent / "doubles"


def with_double(*arguments: str, fails: str) -> subprocess.CompletedProcess[str]:
    """Run Python where ``import cupy`` finds a broken installation."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(DOUBLES), *sys.path]), "DOUBLE_FAILS": fails}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment, check=False)


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
