"""Settings of the process: the default floating-point type, the smallest divisor, threads of BLAS."""

from __future__ import annotations

import os
from typing import Literal

from nnarray._checks import check_positive, check_positive_integer
from nnarray._messages import unknown_name

__all__ = ["backend", "blas_threads", "epsilon", "floatx", "set_blas_threads", "set_epsilon", "set_floatx"]

_FLOATS = ("float32", "float64")
_floatx = "float32"
_epsilon = 1e-7


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


def epsilon() -> float:
    """Return how far losses keep probabilities from 0 and 1, and lengths that are divided by from 0.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.config.epsilon()
    1e-07
    """
    return _epsilon


def set_epsilon(value: float) -> None:
    """Set what `epsilon` returns; steps that are compiled already keep theirs.

    Parameters
    ----------
    value : float

    Raises
    ------
    ValueError
        If it is not positive.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.config.set_epsilon(1e-6)
    >>> nna.config.epsilon()
    1e-06
    >>> nna.config.set_epsilon(1e-7)
    """
    global _epsilon
    _epsilon = check_positive("epsilon", value)


def backend() -> str:
    """Return the name of the library that computes where no array and no argument decides.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.config.backend()
    'numpy'
    """
    from nnarray.backends import current_backend

    return current_backend()[0].name


#: Read from the environment when it is first asked for, in a tuple to tell None from that.
_blas_threads: tuple[int | Literal["auto"] | None] | None = None


def blas_threads() -> int | Literal["auto"] | None:
    """Return how many threads NumPy's BLAS has while a plan runs, as `set_blas_threads` takes it.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.config.blas_threads()
    'auto'
    """
    global _blas_threads
    if _blas_threads is None:
        _blas_threads = (_blas_threads_of_environment(),)
    return _blas_threads[0]


def _blas_threads_of_environment() -> int | Literal["auto"] | None:
    text = os.environ.get("NNARRAY_BLAS_THREADS", "").strip() or "auto"
    if text in ("auto", "none"):
        return "auto" if text == "auto" else None
    if not (text.isdecimal() and int(text)):
        raise ValueError(f"NNARRAY_BLAS_THREADS must be a positive integer, auto or none: received {text!r}.")
    return int(text)


def set_blas_threads(value: int | Literal["auto"] | None) -> None:
    """Set how many threads NumPy's BLAS has while a plan runs: in training, prediction, calls of jitted functions.

    The number from before comes back afterwards. Other threads that multiply meanwhile have the same number. No other
    library's threads are touched.

    Parameters
    ----------
    value : int, "auto" or None
        So many; or as many as a plan's largest product is worth, but no more than there are, which is the default; or
        None, to leave them alone. ``NNARRAY_BLAS_THREADS`` sets another default: a number, ``auto`` or ``none``.

    Raises
    ------
    ValueError
        If it is none of these.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.config.set_blas_threads(1)
    >>> nna.config.blas_threads()
    1
    >>> nna.config.set_blas_threads("auto")
    """
    global _blas_threads
    if value is not None and value != "auto":
        value = check_positive_integer("blas_threads", value)
    _blas_threads = (value,)
