"""How the adapter calls CuPy, on the double; run by ``tests/backends/test_cupy.py`` where ``import cupy`` finds it."""

from __future__ import annotations

from typing import Any

import cupy
import cupyx
import numpy as np
import pytest

import nnarray as nna
from nnarray import layers, models
from nnarray.backends import _registry, convert, get_backend

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
    with pytest.raises(ValueError, match="current device"):
        x + x
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


def test_results_are_read_through_pinned_memory_if_neither_small_nor_huge() -> None:
    before = len(cupyx.pinned)
    for size, pinned in ((10, False), (2**15, True)):
        x = BACKEND.asarray(np.arange(size, dtype="float32"))
        np.testing.assert_array_equal(BACKEND.to_numpy(x), np.arange(size))
        assert (len(cupyx.pinned) > before) is pinned
        before = len(cupyx.pinned)


def test_repeated_indices_are_added_atomically_where_cuda_can(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    scatter = cupyx.scatter_add
    monkeypatch.setattr(cupyx, "scatter_add", lambda *args: (calls.append(1), scatter(*args)))
    for dtype, atomic in (("float32", 1), ("float64", 1), ("int64", 0)):
        x, indices, value = (BACKEND.asarray(a) for a in (np.zeros((3, 2), dtype), [1, 1], np.ones((2, 2), dtype)))
        found = BACKEND.index_add(x, indices, value, axis=0)
        np.testing.assert_array_equal(found.get(), [[0, 0], [2, 2], [0, 0]])
        assert len(calls) == atomic
        calls.clear()


class OnGpu:
    """An array of another library, on a GPU."""

    def __init__(self, number: int) -> None:
        self.values, self.number = [1.0, 2.0], number

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, self.number


def test_arrays_of_another_library_cross_by_dlpack_on_one_gpu_and_else_through_the_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Other(type(get_backend("numpy"))):
        def to_numpy(self, x: Any) -> np.ndarray:
            hosted.append(1)
            return np.asarray(x.values)

    hosted: list[int] = []
    monkeypatch.setitem(_registry._by_type, OnGpu, Other())
    for number, device, through_host in ((0, None, 0), (1, SECOND, 0), (1, None, 1), (0, SECOND, 1)):
        found = convert(OnGpu(number), BACKEND, "float32", device)
        np.testing.assert_array_equal(found.get(), [1.0, 2.0])
        assert found.dtype == np.float32
        assert found.device == (device or cupy.cuda.Device(0))
        assert len(hosted) == through_host
        hosted.clear()


def test_synchronize_waits_for_the_current_stream_of_the_device() -> None:
    cupy.cuda.waited.clear()
    BACKEND.synchronize(SECOND)
    BACKEND.synchronize()
    assert cupy.cuda.waited == [1, 0]
    assert BACKEND.memory(SECOND) == {"used": 2**20, "held": 2**21, "free": 3 * 2**30, "total": 4 * 2**30}


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
    class Other(type(get_backend("numpy"))):
        def to_numpy(self, x: Any) -> np.ndarray:
            return np.asarray(x.values)

    def refuse(x: Any) -> Any:
        raise BufferError("it requires gradients")

    monkeypatch.setitem(_registry._by_type, OnGpu, Other())
    monkeypatch.setattr(BACKEND.xp, "from_dlpack", refuse)
    np.testing.assert_array_equal(convert(OnGpu(0), BACKEND).get(), [1.0, 2.0])


def test_with_one_gpu_functions_are_those_of_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    from array_api_compat import cupy as compat

    from nnarray.backends.cupy import CupyBackend

    monkeypatch.setattr(cupy.cuda.runtime, "getDeviceCount", lambda: 1)
    assert CupyBackend().xp.exp is compat.exp
    assert BACKEND.xp.exp is not compat.exp
