"""How the adapter calls CuPy, whose own code runs on the host: `ci/host-cuda` runs these, with two devices."""

from __future__ import annotations

import itertools
import operator
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import layers, models
from nnarray.backends import _cupy_transfer as transfer
from nnarray.backends import _registry, convert, get_backend, integer_of, probe
from nnarray.backends import cupy as adapter_module
from tests.host_cuda.counts import counted

if "NNARRAY_HOST_CUDA" not in os.environ:
    pytest.skip("needs: ci/host-cuda ci/test", allow_module_level=True)
import cupy
from cupy._util import PerformanceWarning

BACKEND = get_backend("cupy")
SECOND = cupy.cuda.Device(1)


def test_devices_have_names_and_are_found_by_name_number_and_object() -> None:
    assert [BACKEND.device_name(device) for device in BACKEND.devices()] == ["cuda:0", "cuda:1"]
    for spec in ("cuda:1", "gpu:1", 1, SECOND):
        assert BACKEND.device(spec) == SECOND
    assert BACKEND.device("cuda") == cupy.cuda.Device(0)
    for wrong in ("cuda:2", "cuda:x", -1, 2, "cpu"):
        with pytest.raises(ValueError, match=r"has no device .* Its devices: 'cuda:0', 'cuda:1'"):
            BACKEND.device(wrong)


def test_a_device_that_cannot_be_hashed_still_has_one_namespace() -> None:
    space = nna.namespace("cupy", "cuda:1")
    assert space is nna.namespace("cupy", SECOND)
    assert space is not nna.namespace("cupy")
    assert space.zeros((2,)).device == SECOND
    assert nna.namespace("cupy").zeros((2,)).device == cupy.cuda.Device(0)


def test_functions_run_where_their_arrays_are_whatever_device_is_current() -> None:
    xp = BACKEND.xp
    x = BACKEND.asarray([[1.0, 2.0]], device=SECOND)
    assert cupy.cuda.Device() != SECOND
    for made in (xp.exp(x), xp.concat([x, x]), xp.zeros_like(x), xp.linalg.matrix_transpose(x), BACKEND.asarray(x)):
        assert made.device == SECOND
    # What CuPy itself does, and we never do.
    with pytest.warns(PerformanceWarning, match="different from the current device"):
        assert (x + x).device != SECOND
    with BACKEND.activate(SECOND):
        assert (x + x).device == SECOND
    for device in (cupy.cuda.Device(0), SECOND):
        assert xp.ones((2,), device=device).device == device


def test_derivatives_are_taken_where_the_arrays_are() -> None:
    def f(x: Any) -> Any:
        xp = nna.array_namespace(x)
        return xp.sum(xp.take(x, xp.asarray(np.asarray([0, 0, 1]), device=x.device)) * x[0])

    x = BACKEND.asarray([2.0, 3.0], device=SECOND)
    gradient = nna.grad(f)(x)
    assert gradient.device == SECOND
    np.testing.assert_array_equal(gradient.get(), [11.0, 2.0])
    assert nna.grad(lambda a: nna.array_namespace(a).sum(nna.grad(f)(a)))(x).device == SECOND


def test_an_array_of_cupy_on_the_left_of_an_operator_leaves_it_to_ours() -> None:
    x = nna.namespace("cupy").asarray([1.0, 2.0])
    raw = cupy.asarray([3.0, 4.0])
    for result in (raw * x, x * raw, raw - x):
        assert isinstance(result, nna.Array)


def is_pinned(x: np.ndarray) -> bool:
    return cupy.cuda.runtime.pointerGetAttributes(x.ctypes.data).type == cupy.cuda.runtime.memoryTypeHost


@pytest.mark.parametrize("device", [None, SECOND])
def test_results_are_read_through_a_little_pinned_memory_and_hold_none(device: Any) -> None:
    cupy.get_default_pinned_memory_pool().free_all_blocks()
    for size, pieces in ((10, 1), (2**15, 1), (2**20 + 1, 2), (5 * 2**20, 5)):
        values = np.arange(size, dtype="float32")
        x = BACKEND.asarray(cupy.asarray(values), device=device)
        even = values[: size // 2 * 2].reshape(2, -1).T
        turned = BACKEND.xp.reshape(x[: size // 2 * 2], (2, -1)).T
        for array, expected, copies in ((x, values, pieces), (turned, even, max(pieces - (size % 2), 1))):
            with counted() as counts:
                found = BACKEND.to_numpy(array)
            np.testing.assert_array_equal(found, expected)
            assert not is_pinned(found)
            assert counts.to_host == copies
            assert counts.moved["pinned"] <= 2**22


@pytest.mark.parametrize("device", [None, SECOND])
@pytest.mark.parametrize("size", [10, 2**14, 2**21 + 3])
def test_arrays_go_to_the_gpu_through_a_little_pinned_memory_and_nothing_waits(size: int, device: Any) -> None:
    cupy.get_default_pinned_memory_pool().free_all_blocks()
    values = np.arange(2.0 * size).reshape(size, 2)
    for array in (values, values.T, values[::-1], values.astype(">f8"), values.astype(np.longdouble)):
        with counted() as counts:
            found = BACKEND.asarray(array, device=device)
        assert found.dtype == "float64"
        assert found.device == (device or cupy.cuda.Device(0))
        assert counts.to_device == -(-values.nbytes // 2**22)
        assert counts.waits == 0
        assert counts.moved["pinned"] <= 2**23
        np.testing.assert_array_equal(found.get(), array)
    np.testing.assert_array_equal(BACKEND.asarray(values, "float32", device).get(), values.astype("float32"))


def test_an_array_may_be_overwritten_while_others_travel() -> None:
    arrays = [np.full((2**15 + i,), float(i)) for i in range(9)]
    found = []
    for array in arrays:
        found.append(BACKEND.asarray(array))
        array[...] = -1.0
    for i, x in enumerate(found):
        np.testing.assert_array_equal(BACKEND.to_numpy(x), np.full((2**15 + i,), float(i)))


def test_threads_move_arrays_there_and_back_at_once() -> None:
    def there_and_back(i: int) -> bool:
        values = np.random.default_rng(i).random((300_000 + i,))
        return bool(np.array_equal(BACKEND.to_numpy(BACKEND.asarray(values, device=i % 2)), values))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(there_and_back, range(16)))


def test_where_no_memory_can_be_pinned_ordinary_memory_does(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(size: int) -> Any:
        raise cupy.cuda.runtime.CUDARuntimeError(2)

    monkeypatch.setattr(cupy.cuda, "alloc_pinned_memory", refuse)
    monkeypatch.setattr(transfer, "_buffers", itertools.cycle((transfer._Buffer(), transfer._Buffer())))
    values = np.arange(2.0**20)
    np.testing.assert_array_equal(BACKEND.to_numpy(BACKEND.asarray(values)), values)


JOINED = {
    "alike": [(3, 2), (0, 2), (1, 2)],
    "vectors": [(5,), (1,), (300,)],
    "many": [(i % 4,) for i in range(700)],
    "one": [(4, 2)],
    "nothing": [(0, 2), (0, 2)],
}


@pytest.mark.parametrize("device", [None, SECOND])
@pytest.mark.parametrize("dtype", ["bool", "int16", "float32", "int64", "complex128"])
@pytest.mark.parametrize("shapes", JOINED.values(), ids=JOINED)
def test_arrays_are_joined_by_one_launch_for_hundreds_and_no_tables_travel(
    shapes: list[tuple[int, ...]], dtype: str, device: Any
) -> None:
    random = np.random.default_rng(0)
    hosts = [(random.random(shape) * 9 - 4).astype(dtype) for shape in shapes]
    arrays = [BACKEND.asarray(host, device=device) for host in hosts]
    BACKEND.xp.concat(arrays)
    with counted() as counts:
        found = BACKEND.xp.concat(arrays)
    np.testing.assert_array_equal(found.get(), np.concatenate(hosts), strict=True)
    assert found.device == (device or cupy.cuda.Device(0))
    assert counts.launches <= -(-len(arrays) // 240)
    assert counts.to_device == counts.waits == 0


def test_other_joins_are_those_of_cupy() -> None:
    hosts = [np.arange(6.0).reshape(2, 3), np.arange(4.0).reshape(2, 2), np.arange(4).reshape(2, 2)]
    arrays = [BACKEND.asarray(host) for host in hosts]
    cases: list[tuple[list[int], Any]] = [([0, 1], 1), ([1, 2], 0), ([1, 2], -2), ([0, 1, 2], None), ([1, 1], -1)]
    for which, axis in cases:
        found = BACKEND.xp.concat([arrays[i] for i in which], axis=axis)
        np.testing.assert_array_equal(found.get(), np.concatenate([hosts[i] for i in which], axis=axis), strict=True)
    turned = BACKEND.xp.concat([arrays[0].T, arrays[0].T])
    np.testing.assert_array_equal(turned.get(), np.concatenate([hosts[0].T, hosts[0].T]), strict=True)
    for axis in (0, 1, 2, -1):
        found = BACKEND.xp.stack([arrays[1], arrays[2]], axis=axis)
        np.testing.assert_array_equal(found.get(), np.stack([hosts[1], hosts[2]], axis=axis), strict=True)
    for wrong in ((arrays[:2], 0), ([arrays[0], arrays[0][0]], 0), ([], 0), ([arrays[0][0, 0]] * 2, 0)):
        with pytest.raises((ValueError, TypeError), match="concat|dimension|shape|array"):
            BACKEND.xp.concat(wrong[0], axis=wrong[1])


def test_repeated_indices_are_added_atomically_where_cuda_can() -> None:
    cases = {
        **{"float32": 1, "float64": 1, "int64": 1, "int16": 0, "uint8": 0},
        **{"complex64": 2, "complex128": 2},
    }
    for dtype, atomic in cases.items():
        values = np.ones((2, 2), dtype) * (1 + 2j if dtype.startswith("complex") else 1)
        x, indices, value = (BACKEND.asarray(a, device=SECOND) for a in (np.zeros((3, 2), dtype), [1, -2], values))
        with counted() as counts:
            found = BACKEND.index_add(x, indices, value, axis=0)
        assert sum("add" in name and "scatter" in name for _, name in counts.by_cause("launches").elements()) == atomic
        assert (found.dtype, found.device) == (dtype, SECOND)
        np.testing.assert_array_equal(found.get(), [[0, 0], values[0] + values[1], [0, 0]])
        np.testing.assert_array_equal(x.get(), 0)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "uint8", "int64", "uint64"])
@pytest.mark.parametrize("bounds", [(1, 3), (3, 1), (None, 2), (2, None), (None, None), (-(2**70), 2**70), (0, 2**63)])
def test_clip_is_that_of_numpy_in_two_launches(dtype: str, bounds: Any) -> None:
    values = np.asarray([0, 1, 2, 3, 100], dtype)
    expected = get_backend("numpy").xp.clip(values, *bounds)
    x = BACKEND.asarray(values, device=SECOND)
    with counted() as counts:
        found = BACKEND.xp.clip(x, *bounds)
    assert counts.launches <= 2
    assert counts.waits == 0
    assert (found.dtype, found.device) == (x.dtype, SECOND)
    assert found is not x
    np.testing.assert_array_equal(found.get(), expected)
    if None not in bounds and max(map(abs, bounds)) < 100:
        arrays = [BACKEND.asarray(np.asarray([b] * 5, dtype), device=SECOND) for b in bounds]
        np.testing.assert_array_equal(BACKEND.xp.clip(x, *arrays).get(), expected)


def test_clip_knows_infinity_and_passes_nan_on() -> None:
    x = BACKEND.asarray(np.asarray([-np.inf, 1.0, np.inf, np.nan], "float32"))
    np.testing.assert_array_equal(BACKEND.xp.clip(x, -2.0, 2.0).get(), [-2.0, 1.0, 2.0, np.nan])
    np.testing.assert_array_equal(BACKEND.xp.clip(x, np.nan, 2.0).get(), [np.nan] * 4)
    np.testing.assert_array_equal(BACKEND.xp.clip(x, -1e300, 1e300).get(), x.get())
    bounds = BACKEND.asarray(np.asarray([0.0, np.nan, 0.0, 0.0], "float64"))
    np.testing.assert_array_equal(BACKEND.xp.clip(x, bounds, 3.0).get(), [0.0, np.nan, 3.0, np.nan])
    np.testing.assert_array_equal(BACKEND.xp.clip(x, max=0.5).get(), [-np.inf, 0.5, 0.5, np.nan])
    gradient = nna.grad(lambda a: nna.array_namespace(a).sum(nna.array_namespace(a).clip(a, -2.0, 2.0)))(x)
    np.testing.assert_array_equal(gradient.get(), [0.0, 1.0, 0.0, 0.0])


def test_an_integer_of_cupy_is_an_index_a_length_and_a_counter() -> None:
    three = cupy.asarray(np.asarray(3))
    with pytest.raises(TypeError):
        operator.index(three)
    x = nna.namespace("cupy").asarray([0.0, 1.0, 2.0, 3.0])
    assert float(x[three]) == float(x[nna.namespace("cupy").asarray(three)]) == 3.0
    assert x[:three].shape == x[-three:].shape == nna.random.uniform((three,)).shape == (3,)
    for wrong in (cupy.asarray(np.asarray(1.5)), cupy.asarray(np.asarray([1]))):
        with pytest.raises(TypeError, match="An integer is needed"):
            integer_of(wrong)


def test_predictions_are_made_before_compile_and_with_run_eagerly() -> None:
    x = np.ones((6, 2), "float32")
    model = models.Sequential([layers.Dense(3, input_dim=2), layers.Dropout(0.5), layers.Dense(1)]).to("cupy")
    first = model.predict(x, verbose=0)
    model.compile(loss="mse", optimizer="sgd", run_eagerly=True)
    np.testing.assert_array_equal(model.predict(x, verbose=0), first)
    model.fit(x, np.ones((6, 1)), epochs=2, verbose=0)


def test_a_draw_reads_its_counter_on_the_device() -> None:
    for device in (cupy.cuda.Device(0), SECOND):
        for dtype in ("int32", "int64", "uint8"):
            counter = BACKEND.asarray(np.asarray(7, dtype), device=device)
            with counted() as counts:
                found = BACKEND.uniform((1, 2), (counter, 3), (9,), "float32", device)
                whole = BACKEND.integers((1, 2), (counter, 3), (9,), -4, 5, "int64", device)
            assert (counts.to_host, counts.waits) == (0, 0)
            reference = get_backend("numpy")
            np.testing.assert_array_equal(found.get(), reference.uniform((1, 2), (7, 3), (9,), "float32", None))
            np.testing.assert_array_equal(whole.get(), reference.integers((1, 2), (7, 3), (9,), -4, 5, "int64", None))
    elsewhere = BACKEND.uniform((1, 2), (counter, 3), (9,), "float32", cupy.cuda.Device(0))
    np.testing.assert_array_equal(elsewhere.get(), found.get())


def test_training_with_dropout_waits_for_the_losses_of_an_epoch_alone() -> None:
    model = models.Sequential([layers.Dense(3, input_dim=2), layers.Dropout(0.5), layers.Dense(1)])
    model.compile(loss="mse", optimizer="adam", backend="cupy")
    x, y = np.ones((100, 2), "float32"), np.ones((100, 1), "float32")
    model.fit(x, y, batch_size=5, epochs=1, verbose=0)
    with counted() as counts:
        model.fit(x, y, batch_size=5, epochs=2, verbose=0)
    assert counts.to_host < 20


def test_rows_are_taken_into_an_array_that_is_given() -> None:
    x = BACKEND.asarray(np.arange(12.0).reshape(6, 2), device=SECOND)
    for rows in (slice(1, 4), BACKEND.asarray(np.asarray([5, 0, 2]), device=SECOND)):
        out = BACKEND.asarray(np.zeros((3, 2)), device=SECOND)
        assert BACKEND.take_rows(x, rows, out) is out
        np.testing.assert_array_equal(out.get(), BACKEND.take_rows(x, rows).get())
        assert out.device == SECOND


def test_the_compilation_of_kernels_is_announced_once_where_few_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CUPY_CACHE_DIR", str(tmp_path / "kernels"))
    announce = adapter_module._say_that_kernels_are_compiled
    announce.cache_clear()
    for _ in range(2):
        assert probe(BACKEND, refresh=True).works
    (said,) = [record.getMessage() for record in caplog.records]
    assert "CuPy compiles each of its kernels" in said
    assert str(tmp_path / "kernels") in said
    (tmp_path / "kernels").mkdir()
    for number in range(20):
        (tmp_path / "kernels" / f"{number}.cubin").touch()
    announce.cache_clear()
    assert probe(BACKEND, refresh=True).works
    assert len(caplog.records) == 1


class OnGpu:
    """An array of another library, on a GPU."""

    def __init__(self, number: int) -> None:
        with cupy.cuda.Device(number):
            self.values = cupy.asarray([1.0, 2.0])

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, self.values.device.id

    def __dlpack__(self, **settings: Any) -> Any:
        return self.values.__dlpack__(**settings)


class OthersBackend(type(get_backend("numpy"))):
    """The adapter of its library."""

    def __init__(self) -> None:
        super().__init__()
        self.hosted = 0

    def to_numpy(self, x: Any) -> np.ndarray:
        self.hosted += 1
        return x.values.get()


def test_arrays_of_another_library_cross_by_dlpack_on_one_gpu_and_else_through_the_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number, device, through_host in ((0, None, 0), (1, SECOND, 0), (1, None, 1), (0, SECOND, 1)):
        other = OthersBackend()
        monkeypatch.setitem(_registry._by_type, OnGpu, other)
        found = convert(OnGpu(number), BACKEND, "float32", device)
        np.testing.assert_array_equal(found.get(), [1.0, 2.0])
        assert found.dtype == np.float32
        assert found.device == (device or cupy.cuda.Device(0))
        assert other.hosted == through_host


def test_synchronize_waits_for_the_current_stream_of_the_device() -> None:
    with counted() as counts:
        BACKEND.synchronize(SECOND)
        BACKEND.synchronize()
    assert counts.waits == 2
    before = BACKEND.memory(SECOND)
    kept = BACKEND.asarray(np.zeros(2**20), device=SECOND)
    after = BACKEND.memory(SECOND)
    assert after["used"] - before["used"] == kept.nbytes
    assert after["total"] == before["total"] >= after["free"] + after["held"]


def test_a_model_moves_between_devices_and_libraries_with_its_state_and_trains_on() -> None:
    x = np.random.default_rng(0).standard_normal((40, 3)).astype("float32")
    y = (x[:, 0] > 0).astype("float32")

    def model() -> models.Sequential:
        nna.set_seed(1)
        made = models.Sequential([layers.Dense(4, input_dim=3, activation="tanh"), layers.Dense(1)])
        made.compile(loss="mse", optimizer="adam")
        return made

    stays, moves = model(), model()
    nna.set_seed(2)
    for _ in range(4):
        stays.fit(x, y, epochs=1, shuffle=False, verbose=0)
    for place in (("cupy", "cuda:1"), ("numpy", None), ("cupy", "cuda:0"), ("cupy", "cuda:1")):
        assert moves.to(*place) is moves
        moves.fit(x, y, epochs=1, shuffle=False, verbose=0)
        assert (moves.backend, moves.device) == (place[0], get_backend(place[0]).device(place[1]) or "cpu")
        assert all(variable.device == moves.device for variable in moves.variables)
    for a, b in zip(stays.get_weights(), moves.get_weights(), strict=True):
        assert type(b) is np.ndarray
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    followed = model()
    followed.fit(BACKEND.asarray(x, device=SECOND), BACKEND.asarray(y, device=SECOND), verbose=0)
    assert (followed.backend, followed.device) == ("cupy", SECOND)
    assert followed.predict(x, verbose=0).shape == (40, 1)
    assert isinstance(followed.predict(x, verbose=0), np.ndarray)
    assert followed.predict(BACKEND.asarray(x), verbose=0).device == cupy.cuda.Device(0)


def test_auto_prefers_cupy_where_it_works() -> None:
    model = models.Sequential([layers.Dense(1, input_dim=2)])
    model.compile(loss="mse", optimizer="sgd", backend="auto")
    history = model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
    assert (history.requested_backend, history.actual_backend) == ("auto", "cupy")


def test_what_cannot_be_exported_by_dlpack_is_read_through_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(x: Any) -> Any:
        raise BufferError("it requires gradients")

    monkeypatch.setitem(_registry._by_type, OnGpu, OthersBackend())
    monkeypatch.setattr(BACKEND.xp, "from_dlpack", refuse)
    np.testing.assert_array_equal(convert(OnGpu(0), BACKEND).get(), [1.0, 2.0])


def test_with_one_gpu_functions_are_those_of_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    from array_api_compat import cupy as compat

    from nnarray.backends.cupy import CupyBackend

    monkeypatch.setattr(cupy.cuda.runtime, "getDeviceCount", lambda: 1)
    assert CupyBackend().xp.exp is compat.exp
    assert BACKEND.xp.exp is not compat.exp
