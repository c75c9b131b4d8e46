"""Fourier transforms of complex numbers that are given, and returned, as a pair of real and imaginary parts."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnarray._checks import check_one_of
from nnarray._messages import describe
from nnarray.ops._choice import complex_of
from nnarray.ops._math import extract_sequences
from nnarray.ops._operation import floated, operation
from nnarray.ops._shapes import pad


def _joined(x: Any) -> Any:
    if len(x) != 2 or x[0].shape != x[1].shape:
        raise ValueError(
            "Complex numbers are a pair of arrays of one shape, real and imaginary parts: received "
            f"{', '.join(map(describe, x))}."
        )
    return complex_of(*map(floated, x))


def _parted(x: Any) -> Any:
    return x.namespace.real(x), x.namespace.imag(x)


@operation("*x")
def fft(x: Any) -> Any:
    """Return the Fourier transform along the last axis.

    Parameters
    ----------
    x : pair of array
        Real and imaginary parts.

    Returns
    -------
    pair of array

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> real, imag = nna.ops.fft((np.asarray([1.0, 0.0]), np.asarray([0.0, 1.0])))
    >>> real.tolist(), imag.tolist()
    ([1.0, 1.0], [1.0, -1.0])
    """
    x = _joined(x)
    return _parted(x.namespace.fft.fft(x))


@operation("*x")
def fft2(x: Any) -> Any:
    """Return the Fourier transform along the last two axes, of a pair of parts as a pair."""
    x = _joined(x)
    return _parted(x.namespace.fft.fftn(x, axes=(-2, -1)))


@operation("*x")
def ifft2(x: Any) -> Any:
    """Return the inverse of `fft2`, of a pair of parts as a pair."""
    x = _joined(x)
    return _parted(x.namespace.fft.ifftn(x, axes=(-2, -1)))


@operation("x")
def rfft(x: Any, fft_length: int | None = None) -> Any:
    """Return the first half of the Fourier transform of real numbers along the last axis, as a pair of parts.

    Parameters
    ----------
    x : array
    fft_length : int, optional
        To which the axis is cut, or filled up with zeros.
    """
    x = floated(x)
    return _parted(x.namespace.fft.rfft(x, n=fft_length))


@operation("*x")
def irfft(x: Any, fft_length: int | None = None) -> Any:
    """Return the real numbers of which a pair of parts is the `rfft`; `fft_length` is their number, by default even."""
    x = _joined(x)
    return x.namespace.fft.irfft(x, n=fft_length)


def _window(window: Any, sequence_length: int, fft_length: int, like: Any) -> Any:
    """Return the window in the middle of `fft_length` numbers."""
    if fft_length < sequence_length:
        raise ValueError(f"fft_length is at least sequence_length={sequence_length}: received {fft_length}.")
    xp = like.namespace
    before = (fft_length - sequence_length) // 2
    if window is None:
        return xp.ones((fft_length,), dtype=like.dtype, device=like.device)
    if isinstance(window, str):
        make = {"hann": np.hanning, "hamming": np.hamming}[check_one_of("window", window, ("hann", "hamming"))]
        window = make(sequence_length + 1)[:-1]
    window = xp.asarray(window, dtype=like.dtype, device=like.device)
    if window.shape != (sequence_length,):
        raise ValueError(f"window has sequence_length={sequence_length} numbers: received {describe(window)}.")
    return pad(window, [(before, fft_length - sequence_length - before)])


@operation("x")
def stft(
    x: Any, sequence_length: int, sequence_stride: int, fft_length: int, window: Any = "hann", center: bool = True
) -> Any:
    """Return the Fourier transforms of parts of a signal, the last axis, as a pair of real and imaginary parts.

    Parameters
    ----------
    x : array
    sequence_length : int
        Of the window.
    sequence_stride : int
        From part to part.
    fft_length : int
        Of the parts, at least `sequence_length`.
    window : {"hann", "hamming"} or array, optional
    center : bool
        Whether the signal is mirrored at its ends, so that a part has its middle at the first element.
    """
    x = floated(x)
    win = _window(window, sequence_length, fft_length, x)
    if center:
        x = pad(x, [(0, 0)] * (x.ndim - 1) + [(fft_length // 2, fft_length // 2)], mode="reflect")
    return _parted(x.namespace.fft.rfft(extract_sequences(x, fft_length, sequence_stride) * win))


@operation("*x")
def istft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Any = "hann",
    center: bool = True,
) -> Any:
    """Return the signal whose `stft` is given; `length` is that of the signal, the others as there."""
    x = _joined(x)
    xp = x.namespace
    parts = xp.fft.irfft(x, n=fft_length)
    win = _window(window, sequence_length, fft_length, parts)
    count = parts.shape[-2]
    total = fft_length + sequence_stride * (count - 1)
    starts = sequence_stride * xp.arange(count, dtype=xp.int32, device=x.device)
    places = xp.reshape(xp.expand_dims(starts, axis=-1) + xp.arange(fft_length, dtype=xp.int32, device=x.device), (-1,))

    def laid_over(each: Any) -> Any:
        zeros = xp.zeros((*each.shape[:-2], total), dtype=each.dtype, device=x.device)
        return xp.index_add(zeros, places, xp.reshape(each, (*each.shape[:-2], -1)), axis=-1)

    weight = laid_over(xp.broadcast_to(win * win, (count, fft_length)))
    made = laid_over(parts * win) / xp.where(weight > 1e-10, weight, 1.0)
    made = made if window is not None else made * (fft_length / sequence_stride)
    start = fft_length // 2 if center else 0
    stop = total - start if length is None else start + length
    return made[..., start:stop]
