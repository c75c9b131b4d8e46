"""Inputs, targets and weights as one value, as a training step gets them."""

from __future__ import annotations

from typing import Any

from nnarray._messages import describe


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """Return what `train_step` gets: `x` alone, ``(x, y)`` or ``(x, y, sample_weight)``.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.utils.pack_x_y_sample_weight(1, 2)
    (1, 2)
    """
    if y is None and sample_weight is None:
        return (x,) if isinstance(x, (tuple, list)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """Return ``(x, y, sample_weight)`` of what `train_step` gets, None for what is not there.

    Raises
    ------
    ValueError
        If `data` is a tuple of more than three.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.utils.unpack_x_y_sample_weight((1, 2))
    (1, 2, None)
    """
    parts = tuple(data) if isinstance(data, (list, tuple)) else (data,)
    if not 1 <= len(parts) <= 3:
        raise ValueError(f"A batch is x, (x, y) or (x, y, sample_weight): received {describe(data)}.")
    x, y, sample_weight = (*parts, None, None)[:3]
    return x, y, sample_weight
