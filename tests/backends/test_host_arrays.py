"""What NumPy arrays become in other libraries: any byte order, any dtype, any strides, and no masks."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import layers, models
from nnarray.backends import convert, find_backend, get_backend, received

SWAPPED = np.dtype("f8").newbyteorder("S").byteorder


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i2", "i4", "i8", "u4", "c8", "c16"])
def test_arrays_of_the_other_byte_order_keep_their_numbers(dtype: str, backend: str, device: Any) -> None:
    library = get_backend(backend)
    values = np.arange(6).reshape(2, 3).astype(f"{SWAPPED}{dtype}")
    for x in (values, values.T, values[::-1], values[0, 1:2]):
        found = convert(x, library, device=device)
        np.testing.assert_array_equal(library.to_numpy(found), x)
        assert library.to_numpy(found).dtype.isnative


@pytest.mark.parametrize("dtype", [np.longdouble, np.clongdouble])
def test_longdouble_becomes_float64_where_a_library_has_none(dtype: Any, backend: str, device: Any) -> None:
    library = get_backend(backend)
    for x in (np.arange(3).astype(dtype), np.asarray(1.5, dtype), dtype(0.1), np.asarray([np.inf, np.nan], dtype)):
        found = library.to_numpy(convert(x, library, device=device))
        expected = np.asarray(x)
        if backend != "numpy":
            expected = expected.astype("complex128" if dtype is np.clongdouble else "float64")
        np.testing.assert_array_equal(found, expected, strict=True)


@pytest.mark.skipif(np.finfo(np.longdouble).max == np.finfo(np.float64).max, reason="longdouble is float64 here")
def test_a_longdouble_beyond_float64_is_refused_where_it_would_become_infinite(backend: str, device: Any) -> None:
    x = np.asarray([1.0, np.longdouble(1e308) * 10])
    if backend == "numpy":
        assert convert(x, get_backend(backend)) is x
        return
    with pytest.raises(ValueError, match=r"within the range of float64 .* received .* Scale it first"):
        convert(x, get_backend(backend), device=device)


def test_a_dtype_that_a_library_lacks_goes_to_a_wider_one() -> None:
    strict = get_backend("array_api_strict")
    found = convert(np.asarray([0.1, 65504.0], "float16"), strict)
    assert strict.dtype_name(found.dtype) == "float32"
    np.testing.assert_array_equal(strict.to_numpy(found), np.asarray([0.1, 65504.0], "float16"))


def test_bfloat16_is_taken_over(backend: str, device: Any) -> None:
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    library = get_backend(backend)
    found = library.to_numpy(convert(np.asarray([0.5, 3.0], bfloat16), library, device=device))
    np.testing.assert_array_equal(found.astype("float32"), np.asarray([0.5, 3.0], "float32"))


@pytest.mark.parametrize("dtype", [f"{SWAPPED}f4", f"{SWAPPED}i4", "longdouble"])
def test_a_model_trains_on_data_of_any_byte_order_and_dtype(dtype: str, backend: str, device: Any) -> None:
    def weights(x: np.ndarray) -> list[np.ndarray]:
        nna.set_seed(0)
        model = models.Sequential([layers.Dense(2, input_dim=3), layers.Dense(1)])
        model.compile(loss="mse", optimizer="sgd", backend=backend, device=device)
        model.fit(x, x[:, 0], epochs=2, batch_size=3, verbose=0)
        return model.get_weights()

    x = np.arange(12).reshape(4, 3) % 3
    for a, b in zip(weights(x.astype(dtype)), weights(x.astype("float32")), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_masked_arrays_are_refused_wherever_data_enter(backend: str, device: Any) -> None:
    masked = np.ma.array([[1.0, 2.0], [3.0, 4.0]], mask=[[0, 1], [0, 0]])
    library = get_backend(backend)
    xp = nna.namespace(backend, device)
    model = models.Sequential([layers.Dense(1, input_dim=2)])
    model.compile(loss="mse", optimizer="sgd", backend=backend, device=device)
    for enter in (
        find_backend,
        library.asarray,
        xp.asarray,
        xp.from_dlpack,
        lambda x: convert(x, library),
        lambda x: xp.ones((2, 2)) * x,
        lambda x: nna.grad(lambda a: nna.array_namespace(a).sum(a))(x),
        lambda x: nna.jit(lambda a: a * 2.0)(x),
        lambda x: model.fit(x, np.ones(2), verbose=0),
        lambda x: model.predict(x, verbose=0),
    ):
        with pytest.raises(TypeError, match=r"its mask would be lost: received .* x\.filled\(0\.0\)"):
            enter(masked)
    np.testing.assert_array_equal(library.to_numpy(library.asarray(masked.filled(0.0), "float32")), [[1, 0], [3, 4]])


def test_what_runs_backwards_crosses_by_dlpack() -> None:
    # Where it does not, the process ends: a test of its own would take the others with it.
    code = """
import numpy as np, nnarray as nna
x = np.arange(6.0).reshape(2, 3)
for name in ("torch", "jax", "array_api_strict", "numpy"):
    if name in nna.available_backends():
        xp = nna.namespace(name)
        for back in (x[::-1], x[:, ::-1], x[::-1, ::-1], x[:, ::-2], x.T[::-1], x):
            found = xp.from_dlpack(back)
            assert xp.backend.to_numpy(found.value).tolist() == back.tolist(), name
            assert xp.backend.to_numpy(xp.asarray(back).value).tolist() == back.tolist(), name
        print(name)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "numpy" in done.stdout


def test_a_copy_that_is_forbidden_is_refused() -> None:
    torch = pytest.importorskip("torch")
    x = np.arange(3.0)
    with pytest.raises(BufferError, match="runs backwards is a copy in another library"):
        received(x[::-1], get_backend("torch"), copy=False)
    shared = received(x, get_backend("torch"))
    x[0] = 7.0
    assert isinstance(shared, torch.Tensor)
    assert float(shared[0]) == 7.0
