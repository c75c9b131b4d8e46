"""What keeps CuPy from working, in plain words, and the line that mends it."""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
import re
import sys

from nnarray.backends._base import first_line, summary

#: Oldest driver for each major version of CUDA (NVIDIA, "CUDA Compatibility", table 1).
_DRIVERS = {12: "525", 13: "580"}
_LIBRARIES = {"nvrtc": "NVRTC, CUDA's run-time compiler,", "cublas": "cuBLAS, CUDA's matrix products,"}
_ELSE = "Without a GPU, choose backend='numpy'."


def diagnose(stage: str, error: BaseException) -> tuple[str, str]:
    """Return the cause of a failed stage of the probe, and the cure."""
    wheels = installed_wheels()
    if len(wheels) > 1:
        return _several_wheels(wheels)
    wheel = wheels[0] if wheels else ""
    text = "\n".join(_messages(error))
    if wheel and not re.fullmatch(r"cupy|cupy-cuda1[23]x", wheel):
        return (
            f"{wheel} is installed, and nnarray is written for CuPy on CUDA 12 and 13 ({summary(error)}).",
            f"If there is an NVIDIA GPU: {_install('cupy-cuda13x', replacing=wheel)}",
        )
    if stage == "import":
        return _import_failed(error, wheel, text)
    if isinstance(error, MemoryError) or re.search(r"out of memory|MemoryAllocation|ALLOC_FAILED", text):
        return (
            f"No memory is left on the GPU ({first_line(error)}).",
            "End other programs on it (nvidia-smi lists them), or choose another GPU with CUDA_VISIBLE_DEVICES.",
        )
    library = re.search(r"lib(nvrtc|cublas|cu[a-z]+)[\w.-]*\.so|\b(nvrtc|cublas)\w*\.dll", text)
    if library and re.search(r"Failure finding|cannot open shared object|No such file|[Cc]ould not (find|load)", text):
        name = library[1] or library[2]
        missing = _LIBRARIES.get(name.removesuffix("Lt"), f"lib{name}, a part of CUDA,")
        return f"{missing} is missing ({first_line(error)}).", _reinstall(wheel)
    if re.search(r"(could ?n[o']t|cannot) open source file", text):
        return f"CUDA's header files are missing ({first_line(error)}).", _reinstall(wheel)
    if re.search(r"InsufficientDriver|NoDevice|no CUDA-capable|no device", text):
        return _no_device(wheel)
    if re.search(r"NoKernelImage|UnsupportedPtxVersion|InvalidPtx|gpu-architecture|SystemDriverMismatch", text):
        return (
            f"CUDA of {wheel or 'CuPy'} and the GPU with its driver do not fit together ({first_line(error)}).",
            f"Update NVIDIA's driver, or take the other CUDA version: {_other(wheel)}",
        )
    if "DevicesUnavailable" in text:
        return (
            "The GPU is held by another program in exclusive mode.",
            "End it (nvidia-smi lists it), or choose another GPU with CUDA_VISIBLE_DEVICES.",
        )
    return f"{summary(error)}.", f"If nothing else helps: {_reinstall(wheel)}"


def installed_wheels() -> list[str]:
    """Return the distributions of CuPy that are installed; they share their files, so there may be but one."""
    names = {str(dist.metadata.get("Name")) for dist in importlib.metadata.distributions()}
    return sorted(name for name in names if re.fullmatch(r"(amd-)?cupy(-cuda\d+x?|-rocm-[\d-]+)?", name))


def driver_version() -> tuple[int, int] | None:
    """Return the version of CUDA that the driver supports, None without a driver."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return None
    version = ctypes.c_int(0)
    driver.cuDriverGetVersion(ctypes.byref(version))
    return divmod(version.value // 10, 100) if version.value else None


def _several_wheels(wheels: list[str]) -> tuple[str, str]:
    driver = driver_version()
    kept = f"cupy-cuda{min(max(driver[0], 12), 13) if driver else 13}x"
    return (
        f"{len(wheels)} CuPy distributions are installed over each other: {', '.join(wheels)}.",
        f"Keep one: pip uninstall -y {' '.join(wheels)} && {_install(kept)}",
    )


def _import_failed(error: BaseException, wheel: str, text: str) -> tuple[str, str]:
    if isinstance(error, ModuleNotFoundError) and error.name == "cupy":
        driver = driver_version()
        if driver is None:
            return (
                "CuPy is not installed, and no NVIDIA driver was found.",
                f"With an NVIDIA GPU, install its driver, then: {_install('cupy-cuda13x')} "
                f"(CUDA 12: {_install('cupy-cuda12x')}). {_ELSE}",
            )
        major = min(driver[0], 13)
        if major < 12:
            return (
                f"CuPy is not installed, and the driver supports CUDA {driver[0]}.{driver[1]} only.",
                f"Update NVIDIA's driver to {_DRIVERS[12]} or newer, then: {_install('cupy-cuda12x')}",
            )
        return "CuPy is not installed.", f"Install it for your driver: {_install(f'cupy-cuda{major}x')}"
    root = text.splitlines()[-1] if text else type(error).__name__
    return f"CuPy is installed and cannot be imported: {root.strip()}.", _reinstall(wheel)


def _no_device(wheel: str) -> tuple[str, str]:
    driver, wanted = driver_version(), _cuda_of(wheel)
    if driver is None:
        return (
            "No NVIDIA driver was found.",
            f"Install NVIDIA's driver, version {_DRIVERS[wanted]} or newer for CUDA {wanted} "
            f"(in a container: start it with --gpus all). {_ELSE}",
        )
    if driver[0] < wanted:
        return (
            f"{wheel or 'CuPy'} needs a driver for CUDA {wanted}: this one supports CUDA {driver[0]}.{driver[1]}.",
            f"Update NVIDIA's driver to {_DRIVERS[wanted]} or newer, or match it: "
            f"{_install(f'cupy-cuda{max(driver[0], 12)}x', replacing=wheel)}",
        )
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and (not visible.strip() or visible.strip().startswith("-")):
        return (
            f"CUDA_VISIBLE_DEVICES={visible!r} hides every GPU.",
            "Unset it, or set it to the numbers of the GPUs to use (0 is the first), before Python starts.",
        )
    if visible is not None:
        return (
            f"Of CUDA_VISIBLE_DEVICES={visible!r} no GPU is found.",
            "Unset it, or set it to numbers that nvidia-smi -L lists, before Python starts.",
        )
    return "There is a driver, but it finds no CUDA GPU.", f"Look at what nvidia-smi says. {_ELSE}"


def _cuda_of(wheel: str) -> int:
    """Return the major version of CUDA that a wheel is made for: by its name, else by what the loaded one says."""
    named, loaded = re.search(r"cuda(\d\d)", wheel), sys.modules.get("cupy")
    if named is not None:
        return min(max(int(named[1]), 12), 13)
    return 13 if loaded is None else min(max(loaded.cuda.runtime.runtimeGetVersion() // 1000, 12), 13)


def _other(wheel: str) -> str:
    """Return the line that brings CuPy for the CUDA version that the wheel in hand is not for."""
    if wheel == "cupy":
        return f"conda install -c conda-forge cupy cuda-version={12 if _cuda_of(wheel) == 13 else 13}"
    return _install("cupy-cuda12x" if wheel.startswith("cupy-cuda13") else "cupy-cuda13x", replacing=wheel)


def _install(wheel: str, replacing: str = "") -> str:
    extra = {"cupy-cuda12x": "nnarray[cupy12]", "cupy-cuda13x": "nnarray[cupy13]"}[wheel]
    removal = f"pip uninstall -y {replacing} && " if replacing and replacing != wheel else ""
    return f"{removal}pip install '{extra}'"


def _reinstall(wheel: str) -> str:
    """Return the line that brings the wheel in hand with CUDA's libraries and headers."""
    if wheel == "cupy":
        return "Install CUDA's libraries too: conda install -c conda-forge cupy cuda-version"
    return f"Install CuPy with CUDA's libraries: pip install '{wheel or 'cupy-cuda13x'}[ctk]'"


def _messages(error: BaseException | None) -> list[str]:
    """Return the messages of an exception and of those that led to it, the first cause last."""
    found: dict[int, str] = {}
    while error is not None and id(error) not in found:
        found[id(error)] = f"{type(error).__name__}: {error}"
        error = error.__cause__ or error.__context__
    return list(found.values())
