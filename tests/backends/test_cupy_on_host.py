"""The host's stand-in for CUDA does what CUDA does with CuPy, and is not taken for a GPU: `ci/host-cuda` runs these."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nnarray.backends import examine, report
from tests.host_cuda.counts import counted

if "NNARRAY_HOST_CUDA" not in os.environ:
    pytest.skip("needs: ci/host-cuda ci/test", allow_module_level=True)
import cupy

TRAINS = """
import numpy as np
from nnarray import layers, models
model = models.Sequential([layers.Dense(3, input_dim=2, activation="tanh"), layers.Dropout(0.5), layers.Dense(1)])
model.compile(loss="mse", optimizer="adam", backend="cupy")
model.fit(np.ones((8, 2)), np.ones((8, 1)), verbose=0)
print(model.history.actual_backend)
"""


def python(text: str, **settings: str | None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in (os.environ | settings).items() if value is not None}
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, env=environment, check=False)


def test_the_doctor_calls_it_a_stand_in() -> None:
    assert f"cupy {cupy.__version__} on the host's CPU in place of a GPU" in report(examine("cupy"))


def test_there_is_no_device_outside_the_command() -> None:
    done = python("import cupy; cupy.zeros(3)", NNARRAY_HOST_CUDA=None)
    assert done.returncode == 1
    assert "cudaErrorNoDevice" in done.stderr


def test_a_second_process_finds_its_kernels_compiled() -> None:
    kernels = Path(os.environ["CUPY_CACHE_DIR"])
    assert python(TRAINS).stdout.strip() == "cupy"
    compiled = {path: path.stat().st_mtime_ns for path in kernels.glob("*.cubin")}
    # Without a compiler: what is compiled again fails.
    assert python(TRAINS, PATH="/nonexistent").stdout.strip() == "cupy"
    assert {path: path.stat().st_mtime_ns for path in compiled} == compiled


def test_a_kernel_that_does_not_compile_is_named_and_kept() -> None:
    with pytest.raises(cupy.cuda.compiler.CompileException, match="Its text was kept: .*\\.cpp") as raised:
        cupy.RawKernel('extern "C" __global__ void wrong(float* x) { x[0] = nowhere; }', "wrong").compile()
    kept = Path(str(raised.value).partition("Its text was kept: ")[2].splitlines()[0])
    assert "nowhere" in kept.read_text()
    kept.unlink()


def test_threads_of_a_block_meet_and_exchange() -> None:
    reverse = cupy.RawKernel(
        """extern "C" __global__ void reverse(const int* x, int* y, int* sums) {
            extern __shared__ int room[];
            int i = threadIdx.x, n = blockDim.x, first = blockIdx.x * n;
            room[i] = x[first + i];
            __syncthreads();
            y[first + i] = room[n - 1 - i];
            int sum = x[first + i];
            for (int by = 16; by; by /= 2) sum += __shfl_down_sync(0xffffffffu, sum, by);
            if (i % 32 == 0) sums[(first + i) / 32] = sum;
        }""",
        "reverse",
    )
    x = np.arange(3 * 96, dtype=np.int32)
    y, sums = cupy.empty(x.size, np.int32), cupy.empty(9, np.int32)
    reverse((3,), (96,), (cupy.asarray(x), y, sums), shared_mem=96 * 4)
    np.testing.assert_array_equal(y.get(), x.reshape(3, 96)[:, ::-1].ravel())
    np.testing.assert_array_equal(sums.get(), x.reshape(9, 32).sum(axis=1))


def test_a_captured_graph_runs_on_what_its_memory_holds_when_it_is_launched() -> None:
    stream = cupy.cuda.Stream(non_blocking=True)
    x, y = cupy.ones(3), cupy.zeros(3)
    with stream:
        cupy.multiply(x, 2.0, out=y)
        y.fill(0)
        stream.begin_capture(mode=cupy.cuda.runtime.streamCaptureModeThreadLocal)
        cupy.multiply(x, 2.0, out=y)
        graph = stream.end_capture()
    np.testing.assert_array_equal(y.get(), [0.0, 0.0, 0.0])
    x.fill(5)
    with counted() as counts:
        graph.launch(stream)
    assert counts.launches == 1
    np.testing.assert_array_equal(y.get(), [10.0, 10.0, 10.0])


def test_an_allocation_in_a_capture_is_an_error_counted_and_spoils_it() -> None:
    stream = cupy.cuda.Stream(non_blocking=True)
    with stream, counted() as counts:
        stream.begin_capture(mode=cupy.cuda.runtime.streamCaptureModeThreadLocal)
        with pytest.raises(cupy.cuda.runtime.CUDARuntimeError, match="StreamCaptureUnsupported"):
            cupy.cuda.runtime.malloc(512)
        with pytest.raises(cupy.cuda.runtime.CUDARuntimeError, match="StreamCaptureInvalidated"):
            stream.end_capture()
    assert counts.allocations_in_capture == 1
    assert counts.allocations == 0


def test_a_stream_of_another_device_is_refused() -> None:
    with cupy.cuda.Device(1):
        stream = cupy.cuda.Stream(non_blocking=True)
    x = cupy.ones(3)
    with pytest.raises((cupy.cuda.driver.CUDADriverError, cupy.cuda.runtime.CUDARuntimeError), match="INVALID_HANDLE"):
        cupy.RawKernel('extern "C" __global__ void one(double* x) { x[0] = 1; }', "one")(
            (1,), (1,), (x,), stream=stream
        )


def test_what_is_copied_is_counted_by_its_way() -> None:
    x = np.ones(1000)
    with counted() as counts:
        there = cupy.asarray(x)
        there.copy()
        there.get()
        with cupy.cuda.Device(1):
            cupy.asarray(there)
    assert (counts.to_device, counts.on_device + counts.launches, counts.to_host) == (1, 1, 1)
    assert counts.between_devices == 1
    assert counts.moved["to_device"] == counts.moved["to_host"] == x.nbytes
    assert counts.waits >= 1


def test_generators_of_cupy_are_refused_for_their_kernels_would_do_nothing() -> None:
    for draw in (lambda: cupy.random.default_rng(0).random(3), lambda: cupy.random.Philox4x3210(1)):
        with pytest.raises(NotImplementedError, match=r"has no generators of cupy.random. Draw with nnarray.random"):
            draw()


def test_functions_that_are_not_here_are_refused_by_name(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(cupy.cuda.runtime.CUDARuntimeError, match="cudaErrorNotSupported"):
        cupy.cuda.runtime.mallocAsync(512, 0)
    assert "has no cudaMallocAsync" in capfd.readouterr().err
