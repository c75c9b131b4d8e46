"""Penalties on weights and outputs that are added to a loss, by Keras' names, in plain standard code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nnarray._checks import check_not_negative, check_one_of
from nnarray._config import Configured
from nnarray._custom_objects import custom_object_scope
from nnarray._lookup import Registry, as_it_is
from nnarray._serialization import serialize_keras_object
from nnarray.array import array_namespace, place_methods
from nnarray.config import epsilon

__all__ = [
    *("L1", "L1L2", "L2", "OrthogonalRegularizer", "Regularizer"),
    *("deserialize", "get", "l1", "l1_l2", "l2", "orthogonal_regularizer", "serialize"),
]


class Regularizer(Configured):
    """Base of regularizers: called with an array, gives the penalty, a scalar.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> class Largest(nna.regularizers.Regularizer):
    ...     def __call__(self, x):
    ...         xp = nna.array_namespace(x)
    ...         return 0.1 * xp.max(xp.abs(x))
    >>> layer = nna.layers.Dense(2, kernel_initializer="ones", kernel_regularizer=Largest())
    >>> _ = layer(np.ones((1, 3)))
    >>> [round(float(loss), 4) for loss in layer.losses]
    [0.1]
    """

    shared_arguments = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        place_methods(cls, "__call__")

    def __call__(self, x: Any) -> Any:
        """Return the penalty of an array."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(x)")


class L1L2(Regularizer):
    """``l1 sum(|x|) + l2 sum(x^2)``.

    Parameters
    ----------
    l1, l2 : float

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.regularizers.L1L2(l1=1.0, l2=0.5)(np.asarray([1.0, -2.0])))
    5.5
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = check_not_negative("l1", 0.0 if l1 is None else l1)
        self.l2 = check_not_negative("l2", 0.0 if l2 is None else l2)

    def __call__(self, x: Any) -> Any:
        xp = array_namespace(x)
        penalty = self.l1 * xp.sum(xp.abs(x)) if self.l1 or not self.l2 else 0.0
        return penalty + self.l2 * xp.sum(xp.square(x)) if self.l2 else penalty


class L1(Regularizer):
    """``l1 sum(|x|)``, which makes many weights zero.

    Parameters
    ----------
    l1 : float

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.regularizers.L1(0.5)(np.asarray([1.0, -2.0])))
    1.5
    """

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = check_not_negative("l1", l1)

    def __call__(self, x: Any) -> Any:
        xp = array_namespace(x)
        return self.l1 * xp.sum(xp.abs(x))


class L2(Regularizer):
    """``l2 sum(x^2)``, which keeps weights small.

    Parameters
    ----------
    l2 : float

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.regularizers.L2(0.5)(np.asarray([1.0, -2.0])))
    2.5
    """

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = check_not_negative("l2", l2)

    def __call__(self, x: Any) -> Any:
        xp = array_namespace(x)
        return self.l2 * xp.sum(xp.square(x))


class OrthogonalRegularizer(Regularizer):
    """`factor` times the mean of the cosines, without signs, between the rows, or columns, of a matrix.

    Parameters
    ----------
    factor : float
    mode : {"rows", "columns"}

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.regularizers.OrthogonalRegularizer(1.0)(np.asarray([[1.0, 0.0], [0.0, 3.0]])))
    0.0
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        self.factor = check_not_negative("factor", factor)
        self.mode = check_one_of("mode", mode, ("rows", "columns"))

    def __call__(self, x: Any) -> Any:
        xp = array_namespace(x)
        if x.ndim != 2:
            raise ValueError(f"OrthogonalRegularizer takes matrices: received shape {tuple(x.shape)}.")
        rows = x if self.mode == "rows" else xp.matrix_transpose(x)
        rows = rows / xp.sqrt(xp.maximum(xp.sum(rows * rows, axis=1, keepdims=True), epsilon() ** 2))
        count = rows.shape[0]
        cosines = xp.matmul(rows, xp.matrix_transpose(rows))
        apart = cosines * (1.0 - xp.eye(count, dtype=rows.dtype, device=rows.device))
        return self.factor * 0.5 * xp.sum(xp.abs(apart)) / (count * (count - 1.0) / 2.0)


#: The same in Keras' other spelling.
l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer
REGULARIZERS = Registry("regularizer", Regularizer, L1, L2, L1L2, OrthogonalRegularizer, wrap=as_it_is, l1_l2=L1L2)


def get(identifier: Any) -> Callable[[Any], Any] | None:
    """Return a regularizer by name or config, as an object, a class, or a function of an array; None for None.

    Raises
    ------
    ValueError
        If the name is unknown; the message gives the nearest known one.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.regularizers.get("l2")
    L2()
    """
    return None if identifier is None else REGULARIZERS.get(identifier)


def serialize(regularizer: Any) -> Any:
    """Return a regularizer as plain values, for `deserialize`.

    Parameters
    ----------
    regularizer : Regularizer or function of an array

    Raises
    ------
    TypeError
        If it has no name to be found by; see `nnarray.utils.serialize_keras_object`.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.regularizers.serialize(nna.regularizers.L2(0.5))["config"]
    {'l2': 0.5}
    """
    return serialize_keras_object(regularizer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return a regularizer by its name, or by what `serialize` returned.

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
    >>> nna.regularizers.deserialize(nna.regularizers.serialize(nna.regularizers.L2(0.5)))
    L2(0.5)
    """
    with custom_object_scope(custom_objects or {}):
        return get(config)
