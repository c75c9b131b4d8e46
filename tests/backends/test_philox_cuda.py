"""The CUDA kernels of the generator without a GPU: the same source on the host, bit for bit."""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnarray.backends import _philox, _philox_cuda
from nnarray.backends._philox_cuda import MAX_BLOCKS, PER_BLOCK, SOURCE, THREADS, grid_for
from tests.backends.cuda_host import HostCupy, compile_on_host, run
from tests.backends.ranges import RANGES

WORD = st.integers(0, 2**64 - 1)
PAIR = st.tuples(WORD, WORD)
SHAPES = st.lists(st.integers(0, 40), max_size=3).map(tuple)


@pytest.fixture(scope="module")
def library(tmp_path_factory: Any) -> Any:
    compiler = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("needs a C++ compiler (c++, g++ or clang++) to run the kernels on the host")
    return compile_on_host(compiler, SOURCE, tmp_path_factory.mktemp("kernels"))


@pytest.fixture(scope="module")
def cupy(library: Any) -> HostCupy:
    return HostCupy(library)


@given(key=PAIR, counter=PAIR, shape=SHAPES)
def test_uniforms_have_the_bits_of_the_host(cupy: HostCupy, key: Any, counter: Any, shape: Any) -> None:
    for dtype in ("float32", "float64"):
        found = _philox_cuda.uniform(cupy, key, counter, shape, dtype)
        np.testing.assert_array_equal(found, _philox.uniform(key, counter, shape, dtype), strict=True)


@pytest.mark.parametrize(("low", "high", "dtype"), RANGES)
def test_integers_have_the_bits_of_the_host_at_the_edges_of_64_bits(
    cupy: HostCupy, low: int, high: int, dtype: str
) -> None:
    for size in (0, 1, 3, 4, 5, 1021, 1024):
        found = _philox_cuda.integers(cupy, (3, 2**64 - 1), (2**63, size), (size,), low, high, dtype)
        expected = _philox.integers((3, 2**64 - 1), (2**63, size), (size,), low, high, dtype)
        np.testing.assert_array_equal(found, expected, strict=True)


@given(key=PAIR, counter=PAIR, bounds=st.tuples(WORD, WORD), shape=SHAPES, signed=st.booleans())
def test_integers_have_the_bits_of_the_host(
    cupy: HostCupy, key: Any, counter: Any, bounds: Any, shape: Any, signed: bool
) -> None:
    shift = 2**63 if signed else 0
    low, high = min(bounds) - shift, max(bounds) - shift + 1
    arguments = (key, counter, shape, low, high, "int64" if signed else "uint64")
    np.testing.assert_array_equal(_philox_cuda.integers(cupy, *arguments), _philox.integers(*arguments), strict=True)


@given(key=PAIR, first=st.integers(-(2**63), 2**63 - 1), second=WORD, shape=SHAPES)
def test_a_counter_in_memory_gives_the_bits_of_its_number(
    cupy: HostCupy, key: Any, first: int, second: int, shape: Any
) -> None:
    held, counter = (np.asarray(first), second), (first, second)
    for dtype in ("float32", "float64"):
        found = _philox_cuda.uniform(cupy, key, held, shape, dtype)
        np.testing.assert_array_equal(found, _philox.uniform(key, counter, shape, dtype), strict=True)
    found = _philox_cuda.integers(cupy, key, held, shape, -5, 1000, "int64")
    np.testing.assert_array_equal(found, _philox.integers(key, counter, shape, -5, 1000, "int64"), strict=True)


@pytest.mark.parametrize("dtype", ["float16", "int64", "double"])
def test_uniforms_of_other_dtypes_are_refused_before_anything_is_launched(dtype: str) -> None:
    with pytest.raises(TypeError, match=f"float32 or float64: received dtype='{dtype}'"):
        _philox_cuda.uniform(None, (0, 0), (0, 0), (3,), dtype)


@pytest.mark.parametrize(("blocks", "threads"), [(1, 1), (1, 7), (3, 5), (64, 32), (2, 1024)])
@pytest.mark.parametrize("size", [1, 2, 9, 100, 2047, 4096])
def test_the_bits_do_not_depend_on_the_launch(library: Any, blocks: int, threads: int, size: int) -> None:
    key, counter = (11, 12), (13, 14)
    for name, expected, extra in (
        ("uniform_float32", _philox.uniform(key, counter, (size,), "float32"), ()),
        ("uniform_float64", _philox.uniform(key, counter, (size,), "float64"), ()),
        ("integers_int64", _philox.integers(key, counter, (size,), -5, 1000, "int64"), (2**64 - 5, 1005)),
    ):
        out = np.full(size + 8, -7, dtype=expected.dtype)
        run(library, name, range(blocks), blocks, threads, out.ctypes.data, (size, *key, *counter, *extra))
        np.testing.assert_array_equal(out[:size], expected)
        np.testing.assert_array_equal(out[size:], -7)


@pytest.mark.parametrize(
    ("name", "dtype", "per_block"), [("uniform_float64", "float64", 4), ("uniform_float32", "float32", 8)]
)
def test_places_and_counters_have_64_bits(library: Any, name: str, dtype: str, per_block: int) -> None:
    key, counter, threads, last = (1, 2), (3, 4), 4, 2**31 - 2
    index = last * threads
    out = np.zeros((threads, per_block), dtype=dtype)
    # The output lies where element 0 would have to be for the last CUDA block to write into `out`.
    address = out.ctypes.data - index * per_block * out.itemsize
    size = (index + threads) * per_block - 1
    run(library, name, range(last, last + 1), last + 1, threads, address, (size, *key, *counter))
    stream = _philox.generator(key, counter)
    stream.bit_generator.advance(index)
    expected = stream.random(out.shape, dtype=dtype)
    expected[-1, -1] = 0
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("per_block", sorted(set(PER_BLOCK.values())))
def test_a_launch_has_a_thread_for_each_philox_block_up_to_a_limit(per_block: int) -> None:
    each = THREADS * per_block
    assert [grid_for(size, per_block) for size in (1, each, each + 1, 2 * each, 2 * each + 1)] == [1, 1, 2, 2, 3]
    assert grid_for(MAX_BLOCKS * each, per_block) == MAX_BLOCKS
    assert grid_for(2**40, per_block) == MAX_BLOCKS


def test_what_needs_more_than_the_greatest_launch_is_drawn_by_looping(cupy: HostCupy, monkeypatch: Any) -> None:
    monkeypatch.setattr(_philox_cuda, "MAX_BLOCKS", 2)
    shape = (2 * THREADS * 8 * 2 + 5,)
    for dtype in ("float32", "float64"):
        cupy.launches.clear()
        found = _philox_cuda.uniform(cupy, (5, 6), (7, 8), shape, dtype)
        assert cupy.launches == [(f"uniform_{dtype}", 2, THREADS)]
        np.testing.assert_array_equal(found, _philox.uniform((5, 6), (7, 8), shape, dtype))


def test_nothing_is_launched_for_no_numbers_and_each_kernel_is_compiled_once(library: Any) -> None:
    fresh = HostCupy(library)
    for shape in ((0,), (3, 0)):
        assert _philox_cuda.uniform(fresh, (0, 0), (0, 0), shape, "float32").shape == shape
        assert _philox_cuda.integers(fresh, (0, 0), (0, 0), shape, 0, 3, "int32").dtype == np.int32
    assert fresh.launches == fresh.compiled == []
    for _ in range(3):
        _philox_cuda.uniform(fresh, (0, 0), (0, 0), (), "float32")
        _philox_cuda.uniform(fresh, (0, 0), (0, 0), (5,), "float64")
        _philox_cuda.integers(fresh, (0, 0), (0, 0), (5,), 0, 3, "int32")
    assert fresh.compiled == [SOURCE] * 3
    assert len(fresh.launches) == 9
