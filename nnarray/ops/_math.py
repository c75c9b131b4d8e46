"""Sums over segments, special functions, distances, parts of sequences: what Keras calls math."""

from __future__ import annotations

from typing import Any

from nnarray import special
from nnarray._messages import describe
from nnarray.ops._choice import complex_of
from nnarray.ops._operation import INTEGER, REAL, axes_tuple, counted, kind_of, operation, promoted
from nnarray.ops._segments import combine_rows, sum_rows

erf = operation("x")(special.erf)
erfc = operation("x")(special.erfc)
erfinv = operation("x")(special.erfinv)


@operation("x")
def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return ``log(sum(exp(x)))`` along axes, in range wherever the result is.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.ops.logsumexp(np.asarray([1000.0, 1000.0])).round(6))
    1000.693147
    """
    return special.logsumexp(x, axis=axes_tuple(axis), keepdims=keepdims)


def _segments(data: Any, segment_ids: Any, num_segments: int | None) -> int:
    if segment_ids.ndim != 1 or not data.ndim or segment_ids.shape[0] != data.shape[0]:
        raise ValueError(
            f"segment_ids is a vector with an integer for each row of data: received {describe(segment_ids)} for data "
            f"of shape {data.shape}."
        )
    if num_segments is not None:
        return int(num_segments)
    return 1 + int(segment_ids.namespace.max(segment_ids).value) if segment_ids.size else 0


@operation("data segment_ids")
def segment_sum(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:  # noqa: ARG001 -- a hint
    """Return the sums of the rows that belong to each segment.

    Parameters
    ----------
    data : array
    segment_ids : vector of int
        To which segment each row belongs; those that are none from 0 to ``num_segments - 1`` are left out.
    num_segments : int, optional
        By default the greatest of `segment_ids` and one; needed under jit.
    sorted : bool
        A hint that `segment_ids` ascend, which is not used.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.segment_sum(np.asarray([1.0, 2.0, 10.0]), [0, 2, 0], num_segments=3)
    array([11.,  0.,  2.])
    """
    return sum_rows(counted(data), segment_ids, _segments(data, segment_ids, num_segments))


def _extremes(name: str, data: Any, segment_ids: Any, num_segments: int | None) -> Any:
    """Of a segment without rows the lowest number, or the highest, of the dtype."""
    xp, sign = data.namespace, -1 if name == "maximum" else 1
    start: Any = sign * float("inf")
    if kind_of(data) == INTEGER:
        start = getattr(xp.iinfo(data.dtype), "min" if sign < 0 else "max")
    count = _segments(data, segment_ids, num_segments)
    return combine_rows(data, segment_ids, count, getattr(xp, name), start)[0]


@operation("data segment_ids")
def segment_max(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:  # noqa: ARG001 -- a hint
    """Return the greatest elements of the rows of each segment, minus infinity where there are none."""
    return _extremes("maximum", data, segment_ids, num_segments)


@operation("data segment_ids")
def segment_min(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:  # noqa: ARG001 -- a hint
    """Return the least elements of the rows of each segment, infinity where there are none."""
    return _extremes("minimum", data, segment_ids, num_segments)


@operation("data segment_ids")
def segment_prod(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:  # noqa: ARG001 -- a hint
    """Return the products of the rows of each segment, 1 where there are none."""
    count = _segments(data, segment_ids, num_segments)
    return combine_rows(data, segment_ids, count, data.namespace.multiply, 1)[0]


@operation("x")
def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Any:
    """Return parts of a length of the last axis, each begun a stride after the one before.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.extract_sequences(np.asarray([1, 2, 3, 4, 5]), 3, 2).tolist()
    [[1, 2, 3], [3, 4, 5]]
    """
    xp = x.namespace
    count = 1 + (x.shape[-1] - sequence_length) // sequence_stride
    starts = sequence_stride * xp.arange(count, dtype=xp.int32, device=x.device)
    places = xp.expand_dims(starts, axis=-1) + xp.arange(sequence_length, dtype=xp.int32, device=x.device)
    taken = xp.take(x, xp.reshape(places, (-1,)), axis=-1)
    return xp.reshape(taken, (*x.shape[:-1], count, sequence_length))


@operation("x y")
def cdist(x: Any, y: Any) -> Any:
    """Return the distances of each row of `x` from each row of `y`.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.cdist(np.asarray([[0.0, 0.0]]), np.asarray([[3.0, 4.0], [0.0, 1.0]]))
    array([[5., 1.]])
    """
    x, y = promoted(x, y, least=REAL)
    if x.ndim < 2 or y.ndim < 2 or x.shape[-1] != y.shape[-1]:
        raise ValueError(f"cdist takes rows of one length: received shapes {x.shape} and {y.shape}.")
    xp = x.namespace
    return xp.linalg.vector_norm(xp.expand_dims(x, axis=-2) - xp.expand_dims(y, axis=-3), axis=-1)


@operation("x")
def view_as_complex(x: Any) -> Any:
    """Return complex numbers of pairs of parts, which stand along a last axis."""
    if not x.ndim or x.shape[-1] != 2:
        raise ValueError(f"The last axis holds the two parts of complex numbers: received shape {x.shape}.")
    return complex_of(x[..., 0], x[..., 1])


@operation("x")
def view_as_real(x: Any) -> Any:
    """Return the two parts of complex numbers along a new last axis."""
    xp = x.namespace
    return xp.stack([xp.real(x), xp.imag(x)], axis=-1)
