"""What weights are made to be after each step of an optimizer, by Keras' names, in plain standard code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nnarray._checks import check_not_negative, check_share
from nnarray._config import Configured
from nnarray._custom_objects import custom_object_scope
from nnarray._lookup import Registry, as_it_is
from nnarray._serialization import serialize_keras_object
from nnarray.array import array_namespace, place_methods
from nnarray.config import epsilon

__all__ = [
    *("Constraint", "MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm"),
    *("deserialize", "get", "max_norm", "min_max_norm", "non_neg", "serialize", "unit_norm"),
]

Axes = int | tuple[int, ...]


class Constraint(Configured):
    """Base of constraints: called with a variable's new value, gives one that may be.

    Examples
    --------
    >>> import nnarray as nna
    >>> class Capped(nna.constraints.Constraint):
    ...     def __call__(self, w):
    ...         return nna.array_namespace(w).clip(w, -1.0, 1.0)
    >>> nna.layers.Dense(2, kernel_constraint=Capped()).kernel_constraint
    Capped()
    """

    shared_arguments = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        place_methods(cls, "__call__")

    def __call__(self, w: Any) -> Any:
        """Return the nearest value that may be."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(w)")


def _lengths(w: Any, axis: Axes) -> tuple[Any, Any]:
    xp = array_namespace(w)
    axis = tuple(axis) if isinstance(axis, list) else axis
    return xp, xp.sqrt(xp.sum(xp.square(w), axis=axis, keepdims=True))


class MaxNorm(Constraint):
    """Vectors along `axis` are no longer than `max_value`.

    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014.

    Parameters
    ----------
    max_value : float
    axis : int or tuple of int
        0 for the weights that lead to each output of a dense layer.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.constraints.MaxNorm(1.0)(np.asarray([[3.0, 0.5], [4.0, 0.0]])).round(4)
    array([[0.6, 0.5],
           [0.8, 0. ]])
    """

    def __init__(self, max_value: float = 2, axis: Axes = 0) -> None:
        self.max_value = check_not_negative("max_value", max_value)
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        xp, lengths = _lengths(w, self.axis)
        return w * (xp.minimum(lengths, self.max_value) / (epsilon() + lengths))


class NonNeg(Constraint):
    """No element is negative.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.constraints.NonNeg()(np.asarray([-1.0, 2.0]))
    array([0., 2.])
    """

    def __call__(self, w: Any) -> Any:
        return array_namespace(w).maximum(w, 0.0)


class UnitNorm(Constraint):
    """Vectors along `axis` have length one.

    Parameters
    ----------
    axis : int or tuple of int

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.constraints.UnitNorm()(np.asarray([[3.0], [4.0]])).round(4)
    array([[0.6],
           [0.8]])
    """

    def __init__(self, axis: Axes = 0) -> None:
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        _, lengths = _lengths(w, self.axis)
        return w / (epsilon() + lengths)


class MinMaxNorm(Constraint):
    """Vectors along `axis` are moved, by a share of the way, to a length between two.

    Parameters
    ----------
    min_value, max_value : float
    rate : float
        Share of the way, from 0 to 1: 1 goes all of it.
    axis : int or tuple of int

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.constraints.MinMaxNorm(1.0, 2.0)(np.asarray([[0.3, 3.0], [0.4, 4.0]])).round(4)
    array([[0.6, 1.2],
           [0.8, 1.6]])
    """

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Axes = 0) -> None:
        self.min_value = check_not_negative("min_value", min_value)
        self.max_value = check_not_negative("max_value", max_value)
        if max_value < min_value:
            raise ValueError(
                f"max_value must not be less than min_value: received min_value={min_value!r}, max_value={max_value!r}."
            )
        self.rate = check_share("rate", rate, closed=True)
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        xp, lengths = _lengths(w, self.axis)
        wanted = self.rate * xp.clip(lengths, self.min_value, self.max_value) + (1.0 - self.rate) * lengths
        return w * (wanted / (epsilon() + lengths))


#: The same in Keras' other spelling.
max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm
CONSTRAINTS = Registry("constraint", Constraint, MaxNorm, NonNeg, UnitNorm, MinMaxNorm, wrap=as_it_is)


def get(identifier: Any) -> Callable[[Any], Any] | None:
    """Return a constraint by name or config, as an object, a class, or a function of an array; None for None.

    Raises
    ------
    ValueError
        If the name is unknown; the message gives the nearest known one.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.constraints.get("non_neg")
    NonNeg()
    """
    return None if identifier is None else CONSTRAINTS.get(identifier)


def serialize(constraint: Any) -> Any:
    """Return a constraint as plain values, for `deserialize`.

    Parameters
    ----------
    constraint : Constraint or function of an array

    Raises
    ------
    TypeError
        If it has no name to be found by; see `nnarray.utils.serialize_keras_object`.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.constraints.serialize(nna.constraints.UnitNorm(1))["config"]
    {'axis': 1}
    """
    return serialize_keras_object(constraint)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return a constraint by its name, or by what `serialize` returned.

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
    >>> nna.constraints.deserialize(nna.constraints.serialize(nna.constraints.UnitNorm(1)))
    UnitNorm(1)
    """
    with custom_object_scope(custom_objects or {}):
        return get(config)
