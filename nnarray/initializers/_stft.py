"""The kernel with which a convolution is a short-time Fourier transform."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnarray._checks import check_boolean, check_one_of
from nnarray._messages import describe
from nnarray.initializers._initializer import Initializer

#: Weights of ``cos(k x)``, k = 0, 1, …, x from -pi to pi. Harris, "On the use of windows for harmonic analysis with the
#: discrete Fourier transform", Proc. IEEE 66, 1978; Nuttall, IEEE Trans. ASSP 29, 1981; the flat top is SciPy's.
_COSINES: dict[str, tuple[float, ...]] = {
    "boxcar": (1.0,),
    "hann": (0.5, 0.5),
    "hamming": (0.54, 0.46),
    "blackman": (0.42, 0.5, 0.08),
    "nuttall": (0.3635819, 0.4891775, 0.1365995, 0.0106411),
    "blackmanharris": (0.35875, 0.48829, 0.14128, 0.01168),
    "flattop": (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
}


class STFT(Initializer):
    """Kernel of a convolution that gives the real or imaginary part of a short-time Fourier transform.

    The element of time t and frequency f is ``w[t] cos(2 pi t f / n) / s``, or ``-w[t] sin(2 pi t f / n) / s``, with
    ``n = 2 (bins - 1)``, the window w and its scale s. The shape is that of a kernel of one channel: ``(frame_length,
    1, bins)``.

    Parameters
    ----------
    side : {"real", "imag"}
    window : str, array of shape (frame_length,), or None
        ``"boxcar"``, ``"hann"``, ``"hamming"``, ``"blackman"``, ``"nuttall"``, ``"blackmanharris"`` or ``"flattop"``,
        which are SciPy's; the values of another one; or None for no window, and no scale.
    scaling : {"density", "spectrum", None}
        The window is divided by the root of the sum of its squares, by the sum of its absolute values, or by nothing.
    periodic : bool
        Whether the window by name is one period of a periodic function, rather than symmetric.

    Raises
    ------
    ValueError
        If an argument is none of these, if the shape is of another form, or if a window has another length.

    Examples
    --------
    >>> import nnarray as nna
    >>> kernel = nna.initializers.STFT("real", window=None)((4, 1, 3))
    >>> kernel[:, 0, 1].round(4) + 0.0
    array([ 1.,  0., -1.,  0.], dtype=float32)
    """

    def __init__(
        self, side: str = "real", window: Any = "hann", scaling: str | None = "density", periodic: bool = False
    ) -> None:
        self.side = check_one_of("side", side, ("real", "imag"))
        self.window = check_one_of("window", window, tuple(_COSINES)) if isinstance(window, str) else window
        self.scaling = check_one_of("scaling", scaling, ("density", "spectrum", None))
        self.periodic = check_boolean("periodic", periodic)

    def __call__(self, shape: Sequence[int], dtype: str = "float32") -> np.ndarray:
        if len(shape) != 3 or shape[1] != 1 or shape[2] < 2:
            raise ValueError(
                "STFT gives kernels of shape (frame_length, 1, bins), with 2 bins at least: received shape "
                f"{tuple(shape)}."
            )
        frame_length, _, bins = shape
        angles = np.outer(np.arange(frame_length), np.arange(bins)) * (math.pi / (bins - 1))
        kernel = np.cos(angles) if self.side == "real" else -np.sin(angles)
        if self.window is not None:
            kernel *= self._scaled_window(frame_length)[:, np.newaxis]
        return kernel[:, np.newaxis, :].astype(dtype)

    def _scaled_window(self, frame_length: int) -> np.ndarray:
        if isinstance(self.window, str):
            window = cosine_window(self.window, frame_length, self.periodic)
        else:
            window = np.asarray(self.window, dtype="float64")
            if window.shape != (frame_length,):
                raise ValueError(
                    f"window must have a number for each of {frame_length} points: received {describe(window)}."
                )
        if self.scaling is None:
            return window
        return window / (np.abs(window).sum() if self.scaling == "spectrum" else math.sqrt(np.square(window).sum()))


def cosine_window(name: str, length: int, periodic: bool) -> np.ndarray:
    """Return a sum of cosines over `length` points: symmetric, or the first of one period."""
    if length == 1:
        return np.ones(1)
    angles = np.linspace(-math.pi, math.pi, length + periodic)[:length]
    return sum((weight * np.cos(k * angles) for k, weight in enumerate(_COSINES[name])), np.zeros(length))
