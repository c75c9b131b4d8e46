"""Settings of the process: the default floating-point type."""

from __future__ import annotations

from nnarray._messages import unknown_name

__all__ = ["floatx", "set_floatx"]

_FLOATS = ("float32", "float64")
_floatx = "float32"


def floatx() -> str:
    """Return the name of the default floating-point dtype.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.config.floatx()
    'float32'
    """
    return _floatx


def set_floatx(value: str) -> None:
    """Set the default floating-point dtype of weights, inputs and losses.

    Parameters
    ----------
    value : {"float32", "float64"}
        Layers that exist already keep theirs.

    Raises
    ------
    ValueError
        If `value` names no supported floating-point dtype.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.config.set_floatx("float64")
    >>> nna.layers.Dense(1).dtype
    'float64'
    >>> nna.config.set_floatx("float32")
    """
    global _floatx
    if value not in _FLOATS:
        raise ValueError(unknown_name("floating-point dtype", value, _FLOATS))
    _floatx = value
