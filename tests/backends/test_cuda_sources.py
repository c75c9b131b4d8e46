"""Our CUDA kernels through NVIDIA's compiler, which needs no GPU."""

from __future__ import annotations

from typing import Any

import pytest

from nnarray.backends import _cupy_join, _philox_cuda

SOURCES = {
    "the generator": (_philox_cuda.SOURCE, list(_philox_cuda.PER_BLOCK)),
    "joins": (_cupy_join.SOURCE, [f"join_{size}" for size in _cupy_join.WORDS]),
}


def compile_for(nvrtc: Any, source: str, architecture: str) -> tuple[str, bytes, str]:
    """Return PTX, machine code and the compiler's messages."""

    def call(function: Any, *arguments: Any) -> Any:
        status, *results = function(*arguments)
        assert status == nvrtc.nvrtcResult.NVRTC_SUCCESS, (function.__name__, status)
        return results[0] if results else None

    program = call(nvrtc.nvrtcCreateProgram, source.encode(), b"kernels.cu", 0, [], [])
    options = [f"--gpu-architecture={architecture}".encode(), b"--std=c++14"]
    compiled, *_ = nvrtc.nvrtcCompileProgram(program, len(options), options)

    def read(what: str) -> bytes:
        memory = bytearray(call(getattr(nvrtc, f"nvrtcGet{what}Size"), program))
        text = bytes(memory)
        call(getattr(nvrtc, f"nvrtcGet{what}"), program, text)
        return text

    log = read("ProgramLog").rstrip(b"\0").decode()
    assert compiled == nvrtc.nvrtcResult.NVRTC_SUCCESS, log
    return read("PTX").decode(), read("CUBIN"), log


@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
@pytest.mark.parametrize("what", SOURCES)
def test_nvidias_compiler_makes_machine_code_of_every_kernel_and_keeps_it_in_registers(
    what: str, architecture: str
) -> None:
    nvrtc = pytest.importorskip("cuda.bindings.nvrtc", reason="needs the packages cuda-bindings and nvidia-cuda-nvrtc")
    try:
        nvrtc.nvrtcVersion()
    except RuntimeError as error:
        pytest.skip(f"needs the package nvidia-cuda-nvrtc: {error}")
    source, kernels = SOURCES[what]
    ptx, binary, log = compile_for(nvrtc, source, architecture)
    assert log == ""
    assert f".target {architecture}" in ptx
    assert ".local" not in ptx
    assert binary.startswith(b"\x7fELF")
    for name in kernels:
        assert f".entry {name}(" in ptx
        assert name.encode() in binary
    assert ptx.count(".entry") == len(kernels)
    if what == "the generator":
        assert "mul.hi.u64" in ptx
