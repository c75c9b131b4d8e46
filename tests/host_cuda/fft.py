"""The transforms of the host's cuFFT, by NumPy. The library imports this as `host_cuda_fft`: see src/cufft.cpp."""

from __future__ import annotations

import math

import numpy as np

#: dtypes of a transform's input and output, by cuFFT's number of its type.
DTYPES = {
    0x29: (np.complex64, np.complex64),
    0x2A: (np.float32, np.complex64),
    0x2C: (np.complex64, np.float32),
    0x69: (np.complex128, np.complex128),
    0x6A: (np.float64, np.complex128),
    0x6C: (np.complex128, np.float64),
}
Layout = tuple[tuple[int, ...], int, int]


class _Memory:
    """Memory as NumPy's protocol of arrays shows it."""

    def __init__(self, address: int, dtype: type, shape: tuple[int, ...], strides: tuple[int, ...]):
        size = np.dtype(dtype).itemsize
        strides = tuple(size * stride for stride in strides)
        self.__array_interface__ = {
            "version": 3,
            "data": (address, False),
            "typestr": np.dtype(dtype).str,
            "shape": shape,
            "strides": strides,
        }


def transform(
    kind: int,
    direction: int,
    shape: tuple[int, ...],
    batch: int,
    source: int,
    source_layout: Layout,
    target: int,
    target_layout: Layout,
) -> None:
    """Transform a batch of arrays from one address to another, without a factor, as cuFFT does.

    Parameters
    ----------
    kind : int
        Number of the type: a key of `DTYPES`.
    direction : int
        -1 for a transform forward, 1 for its inverse. What is real on one side goes one way only.
    shape : tuple of int
        Sizes of one transform.
    batch : int
        Number of transforms.
    source, target : int
        Addresses. They may be the same.
    source_layout, target_layout : tuple
        Sizes of the array around each transform, and elements between neighbours and between transforms. Without
        sizes the elements lie side by side.
    """
    read, written = DTYPES[kind]
    in_place = source == target
    x = _view(source, read, shape, batch, source_layout, written, in_place)
    y = _view(target, written, shape, batch, target_layout, read, in_place)
    axes = tuple(range(1, x.ndim))
    if np.isrealobj(x):
        y[...] = np.fft.rfftn(x, axes=axes)
    elif np.isrealobj(y):
        y[...] = np.fft.irfftn(x, shape, axes, norm="forward")
    elif direction == -1:
        y[...] = np.fft.fftn(x, axes=axes)
    else:
        y[...] = np.fft.ifftn(x, axes=axes, norm="forward")


def _view(address: int, dtype: type, shape: tuple[int, ...], batch: int, layout: Layout, other: type, in_place: bool):
    """Return an array over one side of a transform, the batch first."""
    half = shape[-1] // 2 + 1
    real, complex_of_real = np.dtype(dtype).kind == "f", np.dtype(other).kind == "f"
    embed, stride, distance = layout
    if not embed:
        # Real numbers that complex ones will overwrite leave room for them.
        last = 2 * half if real and in_place else half if complex_of_real else shape[-1]
        embed, stride = (*shape[:-1], last), 1
        distance = math.prod(embed)
    strides = tuple(stride * math.prod(embed[axis + 1 :]) for axis in range(len(shape)))
    sizes = (*shape[:-1], half) if complex_of_real else shape
    return np.asarray(_Memory(address, dtype, (batch, *sizes), (distance, *strides)))
