"""Initial values of weights, drawn on the host from Philox streams: the same bits on every backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnarray._custom_objects import custom_object_scope
from nnarray._lookup import Registry, as_it_is
from nnarray._serialization import serialize_keras_object
from nnarray.initializers._further import Identity, Orthogonal, RandomNormal, RandomUniform, TruncatedNormal
from nnarray.initializers._initializer import Initializer
from nnarray.initializers._scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
)
from nnarray.initializers._stft import STFT

__all__ = [
    "STFT",
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "IdentityInitializer",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "OrthogonalInitializer",
    "RandomNormal",
    "RandomUniform",
    "STFTInitializer",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "constant",
    "deserialize",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "serialize",
    "stft",
    "truncated_normal",
    "variance_scaling",
    "zeros",
]


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


#: The same in Keras' other spellings.
constant, zeros, ones, variance_scaling = Constant, Zeros, Ones, VarianceScaling
glorot_uniform, glorot_normal, he_uniform, he_normal = GlorotUniform, GlorotNormal, HeUniform, HeNormal
lecun_uniform, lecun_normal, truncated_normal = LecunUniform, LecunNormal, TruncatedNormal
random_normal, random_uniform = RandomNormal, RandomUniform
orthogonal = OrthogonalInitializer = Orthogonal
identity = IdentityInitializer = Identity
stft = STFTInitializer = STFT
INITIALIZERS = Registry(
    *("initializer", Initializer),
    *(Constant, Zeros, Ones, VarianceScaling, GlorotUniform, GlorotNormal),
    *(HeUniform, HeNormal, LecunUniform, LecunNormal),
    *(RandomNormal, RandomUniform, TruncatedNormal, Orthogonal, Identity, STFT),
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
