"""Frames: tables with named columns, as pandas and polars have them, which are recognised by what they can do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from nnarray._messages import describe


def is_frame(x: Any) -> bool:
    """Whether `x` is a table with named columns."""
    return hasattr(x, "columns") and hasattr(x, "to_numpy") and hasattr(x, "shape") and not isinstance(x, dict)


def frame_array(name: str, frame: Any) -> np.ndarray:
    """Return a frame as an array, shape (rows, columns), of the dtype that holds all columns.

    Raises
    ------
    TypeError
        If a column holds no real numbers; the message names it.
    ValueError
        If there is no column.
    """
    columns = [_numbers(name, str(label), column) for label, column in _columns(frame)]
    if not columns:
        raise ValueError(f"{name} must have columns: received {describe(frame)}.")
    return np.stack(columns, axis=1)


def _columns(frame: Any) -> Iterable[tuple[Any, Any]]:
    # Names may repeat in pandas, whose `items` gives each column by its place.
    return frame.items() if hasattr(frame, "items") else zip(frame.columns, frame.get_columns(), strict=True)


def _numbers(name: str, label: str, column: Any) -> np.ndarray:
    found = np.asarray(column.to_numpy())
    kind = getattr(column, "dtype", found.dtype)
    if found.dtype == object:
        absent = [x is None or type(x).__name__ in ("NAType", "NoneType") for x in found]
        if any(absent):
            raise ValueError(
                f"{name} must be finite: column {label!r} has no value in row {absent.index(True)}. Fill the gaps or "
                "leave the rows out."
            )
        if all(isinstance(x, (bool, int, float, np.number, np.bool_)) for x in found):
            found = found.astype(np.float64)
    if found.dtype.kind not in "biuf":
        raise TypeError(
            f"{name} must hold real numbers: column {label!r} is of dtype {kind}. Leave the column out, or encode "
            "it as integers or one-hot vectors (nnarray.utils.to_categorical)."
        )
    return found
