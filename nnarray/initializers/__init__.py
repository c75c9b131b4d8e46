"""Initial values of weights, drawn on the host from Philox streams: the same bits on every backend."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnarray._checks import check_one_of, check_positive
from nnarray._custom_objects import custom_object_scope
from nnarray._lookup import Registry, as_it_is
from nnarray._serialization import serialize_keras_object
from nnarray.backends import generator
from nnarray.initializers._further import Identity, Orthogonal, RandomNormal, RandomUniform, TruncatedNormal
from nnarray.initializers._initializer import Initializer
from nnarray.random import Seed, standard_truncated_normal, stream_from_seed

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "get",
]

#: Standard deviation of a unit normal truncated at two standard deviations.
_TRUNCATED_STD = 0.87962566103423978


class Constant(Initializer):
    """Every element is `value`.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.initializers.Constant(2.0)((2,))
    array([2., 2.], dtype=float32)
    """

    def __init__(self, value: float = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Sequence[int], dtype: str = "float32") -> np.ndarray:
        return np.full(tuple(shape), self.value, dtype=dtype)


class Zeros(Constant):
    """Every element is zero.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.initializers.Zeros()((2,))
    array([0., 0.], dtype=float32)
    """

    def __init__(self) -> None:
        super().__init__(0.0)


class Ones(Constant):
    """Every element is one.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.initializers.Ones()((2,))
    array([1., 1.], dtype=float32)
    """

    def __init__(self) -> None:
        super().__init__(1.0)


class VarianceScaling(Initializer):
    """Random values whose variance is ``scale / n``, n from the numbers of inputs and outputs.

    Parameters
    ----------
    scale : float
        Positive.
    mode : {"fan_in", "fan_out", "fan_avg"}
        Whether n counts inputs, outputs, or their mean.
    distribution : {"truncated_normal", "untruncated_normal", "uniform"}
        A truncated normal redraws what lies beyond two standard deviations.
    seed : int or SeedGenerator, optional
        An integer gives the same values at every call, a `nnarray.random.SeedGenerator` the next ones; None draws
        from the process's stream (`nnarray.set_seed`).

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
    ) -> None:
        check_positive("scale", scale)
        check_one_of("mode", mode, ("fan_in", "fan_out", "fan_avg"))
        check_one_of("distribution", distribution, ("truncated_normal", "untruncated_normal", "uniform"))
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.seed = seed

    def __call__(self, shape: Sequence[int], dtype: str = "float32") -> np.ndarray:
        fan_in, fan_out = compute_fans(shape)
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


def compute_fans(shape: Sequence[int]) -> tuple[int, int]:
    """Return the numbers of inputs and outputs of a kernel: (…receptive field, inputs, outputs)."""
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

    def __init__(self, seed: Seed = None) -> None:
        super().__init__(1.0, "fan_avg", "uniform", seed)


class GlorotNormal(VarianceScaling):
    """Truncated normal of variance ``2 / (fan_in + fan_out)``. Glorot, Bengio, AISTATS 2010, equation 12.

    Examples
    --------
    >>> import nnarray as nna
    >>> round(float(nna.initializers.GlorotNormal(0)((100, 300)).var() * 200), 1)
    1.0
    """

    def __init__(self, seed: Seed = None) -> None:
        super().__init__(1.0, "fan_avg", "truncated_normal", seed)


class HeUniform(VarianceScaling):
    """Uniform within ``sqrt(6 / fan_in)``. He, Zhang, Ren, Sun, ICCV 2015, equation 10.

    Examples
    --------
    >>> import nnarray as nna
    >>> bool(abs(nna.initializers.HeUniform()((6, 4))).max() <= 1.0)
    True
    """

    def __init__(self, seed: Seed = None) -> None:
        super().__init__(2.0, "fan_in", "uniform", seed)


class HeNormal(VarianceScaling):
    """Truncated normal of variance ``2 / fan_in``. He, Zhang, Ren, Sun, ICCV 2015, equation 10.

    Examples
    --------
    >>> import nnarray as nna
    >>> round(float(nna.initializers.HeNormal(0)((100, 300)).var() * 100), 1)
    2.0
    """

    def __init__(self, seed: Seed = None) -> None:
        super().__init__(2.0, "fan_in", "truncated_normal", seed)


class LecunUniform(VarianceScaling):
    """Uniform within ``sqrt(3 / fan_in)``. LeCun, Bottou, Orr, Müller, "Efficient BackProp", 1998, equation 16.

    Examples
    --------
    >>> import nnarray as nna
    >>> bool(abs(nna.initializers.LecunUniform()((3, 4))).max() <= 1.0)
    True
    """

    def __init__(self, seed: Seed = None) -> None:
        super().__init__(1.0, "fan_in", "uniform", seed)


class LecunNormal(VarianceScaling):
    """Truncated normal of variance ``1 / fan_in``. LeCun, Bottou, Orr, Müller, "Efficient BackProp", 1998.

    Examples
    --------
    >>> import nnarray as nna
    >>> round(float(nna.initializers.LecunNormal(0)((100, 300)).var() * 100), 1)
    1.0
    """

    def __init__(self, seed: Seed = None) -> None:
        super().__init__(1.0, "fan_in", "truncated_normal", seed)


INITIALIZERS = Registry(
    *("initializer", Initializer),
    *(Constant, Zeros, Ones, VarianceScaling, GlorotUniform, GlorotNormal),
    *(HeUniform, HeNormal, LecunUniform, LecunNormal),
    *(RandomNormal, RandomUniform, TruncatedNormal, Orthogonal, Identity),
    wrap=as_it_is,
    zero=Zeros,
    one=Ones,
    normal=RandomNormal,
    uniform=RandomUniform,
)


def get(identifier: Any) -> Any:
    """Return an initializer by name or config, as an object, a class, or a function ``f(shape, dtype)``; None for None.

    Raises
    ------
    ValueError
        If the name is unknown; the message gives the nearest known one.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.initializers.get("he_normal")
    HeNormal()
    """
    return None if identifier is None else INITIALIZERS.get(identifier)


def serialize(initializer: Any) -> Any:
    """Return an initializer as plain values, for `deserialize`.

    Parameters
    ----------
    initializer : Initializer or function ``f(shape, dtype)``

    Raises
    ------
    TypeError
        If it has no name to be found by; see `nnarray.utils.serialize_keras_object`.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.initializers.serialize(nna.initializers.Constant(2.0))["config"]
    {'value': 2.0}
    """
    return serialize_keras_object(initializer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return an initializer by its name, or by what `serialize` returned.

    Parameters
    ----------
    config : str or dict
    custom_objects : mapping of str to class or function, optional
        Where names are looked up first.

    Raises
    ------
    ValueError
        If the name is unknown; the message gives the nearest known one.
    TypeError
        If a config names a class or function that is neither built in nor registered nor given.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.initializers.deserialize(nna.initializers.serialize(nna.initializers.Constant(2.0)))
    Constant(2.0)
    """
    with custom_object_scope(custom_objects or {}):
        return get(config)
