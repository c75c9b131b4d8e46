"""Broken installations of CuPy, each as the stage that fails and what CuPy raises there, in CuPy's own words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from nnarray.backends import _cupy_diagnosis, get_backend
from nnarray.backends.cupy import CupyBackend


class Broken(NamedTuple):
    """What is installed, what fails, and words that cause and cure must have."""

    stage: str
    error: Exception
    cause: str
    cure: str
    wheels: tuple[str, ...] = ("cupy-cuda13x",)
    driver: tuple[int, int] | None = (13, 0)
    visible: str | None = None


def _of_library(kind: type[Exception], text: str) -> Exception:
    """Return an exception as CuPy raises it when CUDA's library cannot be loaded: one that another one caused."""
    error = kind(text)
    error.__cause__ = RuntimeError(text)
    return error


INSUFFICIENT = RuntimeError("cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime version")
NO_DEVICE = RuntimeError("cudaErrorNoDevice: no CUDA-capable device is detected")
IMPORT = ImportError(
    """
================================================================
Failed to import CuPy.

If you installed CuPy via wheels (cupy-cudaXXX or cupy-rocm-X-X), make sure that the package matches.

Original error:
  ImportError: libcudart.so.12: cannot open shared object file: No such file or directory
================================================================
"""
)
IMPORT.__cause__ = ImportError("libcudart.so.12: cannot open shared object file: No such file or directory")

INSTALLS: dict[str, Broken] = {
    "CuPy is not installed": Broken(
        *("import", ModuleNotFoundError("No module named 'cupy'", name="cupy"), "CuPy is not installed."),
        "pip install 'nnarray[cupy13]'",
        wheels=(),
    ),
    "CuPy is not installed, and the driver is of CUDA 12": Broken(
        *("import", ModuleNotFoundError("No module named 'cupy'", name="cupy"), "CuPy is not installed."),
        *("pip install 'nnarray[cupy12]'", (), (12, 4)),
    ),
    "CuPy is not installed, and there is no driver": Broken(
        *("import", ModuleNotFoundError("No module named 'cupy'", name="cupy"), "no NVIDIA driver was found"),
        *("install its driver, then: pip install 'nnarray[cupy13]'", (), None),
    ),
    "CuPy is not installed, and the driver is too old": Broken(
        *("import", ModuleNotFoundError("No module named 'cupy'", name="cupy"), "supports CUDA 11.8 only"),
        *("Update NVIDIA's driver to 525 or newer, then: pip install 'nnarray[cupy12]'", (), (11, 8)),
    ),
    "CuPy cannot be imported": Broken(
        *("import", IMPORT, "cannot be imported: ImportError: libcudart.so.12"),
        *("pip install 'cupy-cuda12x[ctk]'", ("cupy-cuda12x",)),
    ),
    "Two CuPy distributions": Broken(
        *("allocate", RuntimeError("module 'cupy' has no attribute 'asarray'")),
        "2 CuPy distributions are installed over each other: cupy-cuda12x, cupy-cuda13x",
        "pip uninstall -y cupy-cuda12x cupy-cuda13x && pip install 'nnarray[cupy13]'",
        wheels=("cupy-cuda12x", "cupy-cuda13x"),
    ),
    "No driver": Broken(
        *("device", INSUFFICIENT, "No NVIDIA driver was found."),
        *("Install NVIDIA's driver, version 580 or newer for CUDA 13", ("cupy-cuda13x",), None),
    ),
    "The driver is of another CUDA version": Broken(
        *("device", INSUFFICIENT, "cupy-cuda13x needs a driver for CUDA 13: this one supports CUDA 12.4."),
        "pip uninstall -y cupy-cuda13x && pip install 'nnarray[cupy12]'",
        driver=(12, 4),
    ),
    "No GPU": Broken("device", NO_DEVICE, "finds no CUDA GPU", "nvidia-smi"),
    "All GPUs are hidden": Broken(
        *("device", NO_DEVICE, "CUDA_VISIBLE_DEVICES='' hides every GPU.", "Unset it"), visible=""
    ),
    "None of the GPUs named is there": Broken(
        *("device", NO_DEVICE, "Of CUDA_VISIBLE_DEVICES='7' no GPU is found.", "nvidia-smi -L"), visible="7"
    ),
    "CuPy for another CUDA version": Broken(
        *("device", NO_DEVICE, "cupy-cuda11x is installed, and nnarray is written for CuPy on CUDA 12 and 13"),
        *("pip uninstall -y cupy-cuda11x && pip install 'nnarray[cupy13]'", ("cupy-cuda11x",)),
    ),
    "CuPy for AMD": Broken(
        *("device", RuntimeError("hipErrorNoDevice: no ROCm-capable device is detected"), "cupy-rocm-7-0 is installed"),
        *("pip uninstall -y cupy-rocm-7-0 && pip install 'nnarray[cupy13]'", ("cupy-rocm-7-0",)),
    ),
    "cuSOLVER is missing": Broken(
        *("product", RuntimeError("libcusolver.so.12: cannot open shared object file"), "libcusolver, a part of CUDA,"),
        "pip install 'cupy-cuda13x[ctk]'",
    ),
    "CuPy from conda on a GPU that does not fit": Broken(
        "elementwise",
        RuntimeError("cudaErrorNoKernelImageForDevice: no kernel image is available for execution on the device"),
        *("do not fit together", "conda install -c conda-forge cupy cuda-version=12", ("cupy",)),
    ),
    "A file that is not CUDA's": Broken(
        *("elementwise", FileNotFoundError("file not found: kernel_cache"), "FileNotFoundError: file not found"),
        "If nothing else helps",
    ),
    "No memory is left": Broken(
        *("allocate", MemoryError("Out of memory allocating 512 bytes (allocated so far: 0 bytes).")),
        *("No memory is left on the GPU", "nvidia-smi lists them"),
    ),
    "No memory is left for cuBLAS": Broken(
        *("product", RuntimeError("CUBLAS_STATUS_ALLOC_FAILED"), "No memory is left on the GPU", "nvidia-smi"),
    ),
    "The GPU is taken": Broken(
        *("allocate", RuntimeError("cudaErrorDevicesUnavailable: CUDA-capable device(s) is/are busy or unavailable")),
        *("exclusive mode", "nvidia-smi"),
    ),
    "NVRTC is missing": Broken(
        "elementwise",
        RuntimeError('Failure finding "libnvrtc.so.13 or libnvrtc.so.12": No such file: libnvrtc.so.13\n'),
        *("NVRTC, CUDA's run-time compiler, is missing", "pip install 'cupy-cuda13x[ctk]'"),
    ),
    "CUDA's headers are missing": Broken(
        "elementwise",
        RuntimeError('carray.cuh(9): catastrophic error: cannot open source file "cuda_fp16.h"'),
        *("header files are missing", "pip install 'cupy-cuda13x[ctk]'"),
    ),
    "cuBLAS is missing": Broken(
        "product",
        _of_library(ImportError, 'Failure finding "libcublasLt.so.13 or libcublasLt.so.12": No such file'),
        *("cuBLAS, CUDA's matrix products, is missing", "pip install 'cupy-cuda13x[ctk]'"),
    ),
    "The GPU is too new or too old for CUDA": Broken(
        "elementwise",
        RuntimeError("cudaErrorNoKernelImageForDevice: no kernel image is available for execution on the device"),
        *("do not fit together", "pip uninstall -y cupy-cuda13x && pip install 'nnarray[cupy12]'"),
    ),
    "CuPy from conda without CUDA": Broken(
        *("product", ImportError("libcublas.so.12: cannot open shared object file"), "cuBLAS"),
        *("conda install -c conda-forge cupy cuda-version", ("cupy",)),
    ),
    "Something else": Broken(
        *("transfer", RuntimeError("its sum came back as [1.0], not [2.0]"), "its sum came back as [1.0]"),
        "If nothing else helps",
    ),
}


def install(case: Broken, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the process believe that CuPy is installed and broken as in `case`."""
    names = [name for name, _ in CupyBackend().stages()]

    def fail() -> None:
        raise case.error

    def stages(self: Any) -> tuple[tuple[str, Callable[[], Any]], ...]:
        return tuple((name, fail if name == case.stage else lambda: None) for name in names)

    monkeypatch.setattr(CupyBackend, "stages", stages)
    monkeypatch.setattr(CupyBackend, "version", lambda self: "14.2.0")
    monkeypatch.setattr(_cupy_diagnosis, "installed_wheels", lambda: list(case.wheels))
    monkeypatch.setattr(_cupy_diagnosis, "driver_version", lambda: case.driver)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if case.visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", case.visible)
    forget(monkeypatch)


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the probe of CuPy run anew and the fallback warn anew, for the rest of the test."""
    from nnarray.backends import _probe, _selection

    monkeypatch.setattr(_probe, "_found", {})
    monkeypatch.setattr(_selection, "_warned", set())
    monkeypatch.setattr(_selection, "_default", None)
    get_backend("cupy")
