"""Keras' `backend` module: settings of the process, and what dtypes are. Libraries are chosen in `nnarray.backends`."""

from __future__ import annotations

from typing import Any

from nnarray._messages import unknown_name
from nnarray.backends import DTYPE_NAMES
from nnarray.config import backend, epsilon, floatx, set_epsilon, set_floatx
from nnarray.ops._operation import dtype_name
from nnarray.utils import clear_session

__all__ = [
    "backend",
    "clear_session",
    "epsilon",
    "floatx",
    "is_float_dtype",
    "is_int_dtype",
    "set_epsilon",
    "set_floatx",
    "standardize_dtype",
]


def standardize_dtype(dtype: Any) -> str:
    """Return the name of a dtype of any library, of floatx for None.

    Parameters
    ----------
    dtype : str, dtype, type of Python's numbers, or None

    Raises
    ------
    ValueError
        If there is none of that name; the message gives the nearest one.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.backend.standardize_dtype(np.dtype("int32")), nna.backend.standardize_dtype(None)
    ('int32', 'float32')
    """
    name = floatx() if dtype is None else dtype_name(dtype)
    known = (*DTYPE_NAMES, "float16", "bfloat16")
    if name not in known:
        raise ValueError(unknown_name("dtype", name, known))
    return name


def is_float_dtype(dtype: Any) -> bool:
    """Return whether a dtype is one of real floating-point numbers.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.backend.is_float_dtype("bfloat16"), nna.backend.is_float_dtype("int32")
    (True, False)
    """
    return "float" in standardize_dtype(dtype)


def is_int_dtype(dtype: Any) -> bool:
    """Return whether a dtype is one of integers, with or without sign.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.backend.is_int_dtype("uint8")
    True
    """
    return "int" in standardize_dtype(dtype)
