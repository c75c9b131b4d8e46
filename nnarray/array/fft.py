"""Fourier transforms, an extension of the standard.

The cotangent of a complex result is the derivative by its real part plus i times that by its imaginary part. The
adjoint of a transform is then the transform back, scaled by the same factor: `norm` says where it would be otherwise.
Of a real argument the backward pass keeps the real part.
"""

from __future__ import annotations

from typing import Any

from nnarray.array._function import Function, Rule
from nnarray.array.creation import NEW

#: The scaling of the transform back that has the factor of the transform itself.
_SAME_FACTOR = {"backward": "forward", "ortho": "ortho", "forward": "backward"}


def _resize(xp: Any, x: Any, lengths: dict[int, int]) -> Any:
    """Return `x` cut, or filled up with zeros, to the given lengths of axes."""
    for axis, length in lengths.items():
        axis %= len(x.shape)
        excess = x.shape[axis] - length
        if excess > 0:
            x = x[(*(slice(None),) * axis, slice(0, length), Ellipsis)]
        elif excess < 0:
            shape = tuple(-excess if a == axis else n for a, n in enumerate(x.shape))
            x = xp.concat([x, xp.zeros(shape, dtype=x.dtype, device=x.device)], axis=axis)
    return x


def _nothing(xp: Any, g: Any, in_shape: Any) -> Any:
    """Return the cotangent where either side has no elements: libraries differ in what they transform then."""
    return xp.zeros(in_shape, dtype=g.dtype, device=g.device)


def _twice_but_ends(xp: Any, g: Any, axis: int, length: int) -> Any:
    """Return half a spectrum with doubled elements, but for those that have no mirror image in the `length` of all.

    The transform to real numbers adds to every other element its conjugate.
    """
    half = g.shape[axis]
    shape = tuple(half if a == axis % len(g.shape) else 1 for a in range(len(g.shape)))
    index = xp.reshape(xp.arange(half, device=g.device), shape)
    single = xp.logical_or(index == 0, 2 * index == length)
    return xp.where(single, g, 2 * g)


def _one_axis(back: str) -> Rule:
    def rule(xp: Any, g: Any, in_shape: Any, n: Any, axis: int, norm: str) -> Any:
        if 0 in (*in_shape, *g.shape):
            return _nothing(xp, g, in_shape)
        length = in_shape[axis] if n is None else n
        share = getattr(xp.fft, back)(g, n=length, axis=axis, norm=_SAME_FACTOR[norm])
        return _resize(xp, share, {axis: in_shape[axis]})

    return rule


def _one_axis_to_real(back: str) -> Rule:
    def rule(xp: Any, g: Any, in_shape: Any, axis: int, norm: str) -> Any:
        if 0 in (*in_shape, *g.shape):
            return _nothing(xp, g, in_shape)
        share = getattr(xp.fft, back)(g, axis=axis, norm=_SAME_FACTOR[norm])
        return _resize(xp, _twice_but_ends(xp, share, axis, g.shape[axis]), {axis: in_shape[axis]})

    return rule


def _transformed(in_shape: Any, s: Any, axes: Any) -> tuple[int, ...]:
    """Return which axes a transform of several goes over."""
    if axes is not None:
        return tuple(axes)
    return tuple(range(-len(in_shape if s is None else s), 0))


def _several_axes(back: str) -> Rule:
    def rule(xp: Any, g: Any, in_shape: Any, s: Any, axes: Any, norm: str) -> Any:
        axes = _transformed(in_shape, s, axes)
        if not axes:
            return g
        if 0 in (*in_shape, *g.shape):
            return _nothing(xp, g, in_shape)
        # Libraries take -1 for the whole axis; half a spectrum is shorter than that.
        lengths = tuple(in_shape[a] if n == -1 else n for a, n in zip(axes, s or (-1,) * len(axes), strict=True))
        share = getattr(xp.fft, back)(g, s=lengths, axes=axes, norm=_SAME_FACTOR[norm])
        return _resize(xp, share, {a: in_shape[a] for a in axes})

    return rule


def _irfftn(xp: Any, g: Any, in_shape: Any, s: Any, axes: Any, norm: str) -> Any:
    axes = _transformed(in_shape, s, axes)
    if 0 in (*in_shape, *g.shape):
        return _nothing(xp, g, in_shape)
    share = xp.fft.rfftn(g, axes=axes, norm=_SAME_FACTOR[norm])
    return _resize(xp, _twice_but_ends(xp, share, axes[-1], g.shape[axes[-1]]), {a: in_shape[a] for a in axes})


_ONE = "x, /, *, n=None, axis=-1, norm='backward'"
_SEVERAL = "x, /, *, s=None, axes=None, norm='backward'"
for name, rule in {
    "fft": _one_axis("ifft"),
    "ifft": _one_axis("fft"),
    "rfft": _one_axis("ifft"),
    "irfft": _one_axis_to_real("rfft"),
    "hfft": _one_axis_to_real("ihfft"),
    "ihfft": _one_axis("fft"),
}.items():
    Function(f"fft.{name}", _ONE, {"x": rule})
for name, rule in {
    "fftn": _several_axes("ifftn"),
    "ifftn": _several_axes("fftn"),
    "rfftn": _several_axes("ifftn"),
    "irfftn": _irfftn,
}.items():
    Function(f"fft.{name}", _SEVERAL, {"x": rule})
Function("fft.fftshift", "x, /, *, axes=None", {"x": lambda xp, g, axes: xp.fft.ifftshift(g, axes=axes)})
Function("fft.ifftshift", "x, /, *, axes=None", {"x": lambda xp, g, axes: xp.fft.fftshift(g, axes=axes)})
for name in ("fftfreq", "rfftfreq"):
    Function(f"fft.{name}", "n, /, *, d=1.0, dtype=None, device=None", constant=NEW, arrays=())
