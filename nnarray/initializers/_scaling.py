"""Initial values whose size depends on the numbers of inputs and outputs of a layer."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nnarray._checks import check_one_of, check_positive
from nnarray.backends import generator
from nnarray.initializers._initializer import Initializer
from nnarray.random import Seed, standard_truncated_normal, stream_from_seed

Axes = Sequence[int] | None

#: Standard deviation of a unit normal truncated at two standard deviations.
_TRUNCATED_STD = 0.87962566103423978


class VarianceScaling(Initializer):
    """Random values whose variance is ``scale / n``, n from the numbers of inputs and outputs.

    Parameters
    ----------
    scale : float
        Positive.
    mode : {"fan_in", "fan_out", "fan_avg"}
        Whether n counts inputs, outputs, or their mean.
    distribution : {"truncated_normal", "untruncated_normal", "uniform", "normal"}
        A truncated normal, which is meant by "normal", redraws what lies beyond two standard deviations.
    seed : int or SeedGenerator, optional
        An integer gives the same values at every call, a `nnarray.random.SeedGenerator` the next ones; None draws
        from the process's stream (`nnarray.set_seed`).
    input_axes, output_axes : sequence of int, optional
        Axes of a kernel that count inputs and outputs; by default the last but one and the last, and those before,
        which are a receptive field, in both.

    Examples
    --------
    >>> import nnarray as nna
    >>> uniform = nna.initializers.VarianceScaling(3.0, "fan_in", "uniform")
    >>> bool(abs(uniform((9, 4))).max() <= 1.0)
    True
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Seed = None,
        input_axes: Axes = None,
        output_axes: Axes = None,
    ) -> None:
        check_positive("scale", scale)
        check_one_of("mode", mode, ("fan_in", "fan_out", "fan_avg"))
        laws = ("truncated_normal", "untruncated_normal", "uniform", "normal")
        law = check_one_of("distribution", distribution, laws)
        self.scale = scale
        self.mode = mode
        self.distribution = "truncated_normal" if law == "normal" else law
        self.seed = seed
        if (input_axes is None) is not (output_axes is None):
            raise ValueError(
                "input_axes and output_axes are given together or not at all: received "
                f"input_axes={input_axes!r}, output_axes={output_axes!r}."
            )
        self.input_axes = input_axes
        self.output_axes = output_axes

    def __call__(self, shape: Sequence[int], dtype: str = "float32") -> np.ndarray:
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(n, 1.0)
        draw = generator(*stream_from_seed(self.seed))
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            values = draw.uniform(-limit, limit, size=tuple(shape))
        elif self.distribution == "untruncated_normal":
            values = math.sqrt(variance) * draw.standard_normal(tuple(shape))
        else:
            values = math.sqrt(variance) / _TRUNCATED_STD * standard_truncated_normal(draw, shape)
        return values.astype(dtype)


def compute_fans(shape: Sequence[int], input_axes: Axes = None, output_axes: Axes = None) -> tuple[int, int]:
    """Return the numbers of inputs and outputs of a kernel: (…receptive field, inputs, outputs), or of these axes."""
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[axis] for axis in input_axes), math.prod(shape[axis] for axis in output_axes)
    if len(shape) == 0:
        return 1, 1
    if len(shape) == 1:
        return shape[0], shape[0]
    field = math.prod(shape[:-2])
    return shape[-2] * field, shape[-1] * field


class GlorotUniform(VarianceScaling):
    """Uniform within ``sqrt(6 / (fan_in + fan_out))``. Glorot, Bengio, AISTATS 2010, equation 16.

    Examples
    --------
    >>> import nnarray as nna
    >>> bool(abs(nna.initializers.GlorotUniform()((2, 4))).max() <= 1.0)
    True
    """

    def __init__(self, seed: Seed = None, input_axes: Axes = None, output_axes: Axes = None) -> None:
        super().__init__(1.0, "fan_avg", "uniform", seed, input_axes, output_axes)


class GlorotNormal(VarianceScaling):
    """Truncated normal of variance ``2 / (fan_in + fan_out)``. Glorot, Bengio, AISTATS 2010, equation 12.

    Examples
    --------
    >>> import nnarray as nna
    >>> round(float(nna.initializers.GlorotNormal(0)((100, 300)).var() * 200), 1)
    1.0
    """

    def __init__(self, seed: Seed = None, input_axes: Axes = None, output_axes: Axes = None) -> None:
        super().__init__(1.0, "fan_avg", "truncated_normal", seed, input_axes, output_axes)


class HeUniform(VarianceScaling):
    """Uniform within ``sqrt(6 / fan_in)``. He, Zhang, Ren, Sun, ICCV 2015, equation 10.

    Examples
    --------
    >>> import nnarray as nna
    >>> bool(abs(nna.initializers.HeUniform()((6, 4))).max() <= 1.0)
    True
    """

    def __init__(self, seed: Seed = None, input_axes: Axes = None, output_axes: Axes = None) -> None:
        super().__init__(2.0, "fan_in", "uniform", seed, input_axes, output_axes)


class HeNormal(VarianceScaling):
    """Truncated normal of variance ``2 / fan_in``. He, Zhang, Ren, Sun, ICCV 2015, equation 10.

    Examples
    --------
    >>> import nnarray as nna
    >>> round(float(nna.initializers.HeNormal(0)((100, 300)).var() * 100), 1)
    2.0
    """

    def __init__(self, seed: Seed = None, input_axes: Axes = None, output_axes: Axes = None) -> None:
        super().__init__(2.0, "fan_in", "truncated_normal", seed, input_axes, output_axes)


class LecunUniform(VarianceScaling):
    """Uniform within ``sqrt(3 / fan_in)``. LeCun, Bottou, Orr, Müller, "Efficient BackProp", 1998, equation 16.

    Examples
    --------
    >>> import nnarray as nna
    >>> bool(abs(nna.initializers.LecunUniform()((3, 4))).max() <= 1.0)
    True
    """

    def __init__(self, seed: Seed = None, input_axes: Axes = None, output_axes: Axes = None) -> None:
        super().__init__(1.0, "fan_in", "uniform", seed, input_axes, output_axes)


class LecunNormal(VarianceScaling):
    """Truncated normal of variance ``1 / fan_in``. LeCun, Bottou, Orr, Müller, "Efficient BackProp", 1998.

    Examples
    --------
    >>> import nnarray as nna
    >>> round(float(nna.initializers.LecunNormal(0)((100, 300)).var() * 100), 1)
    1.0
    """

    def __init__(self, seed: Seed = None, input_axes: Axes = None, output_axes: Axes = None) -> None:
        super().__init__(1.0, "fan_in", "truncated_normal", seed, input_axes, output_axes)
