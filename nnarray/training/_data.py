"""Arrays that users give: checked before anything is changed, moved, and cut into batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from nnarray._messages import describe
from nnarray.array import Array
from nnarray.backends import Backend, backend_of, convert, find_backend, generator


def as_numbers(name: str, value: Any) -> Any:
    """Return `value` as a raw array of numbers, of its own library where it has one.

    Raises
    ------
    TypeError
        If it holds strings or objects, or is complex.
    ValueError
        If it is empty, ragged, or has no axis for the batch.
    """
    if isinstance(value, Array):
        value = value.value
    if find_backend(value) is None:
        try:
            value = np.asarray(value)
        except ValueError as error:
            raise ValueError(f"{name} must be a rectangular array of numbers: {error}.") from None
    backend = backend_of(value)
    if isinstance(value, (np.ndarray, np.generic)):
        numeric = value.dtype.kind in "biuf"
    else:
        numeric = backend.xp.isdtype(value.dtype, ("bool", "integral", "real floating"))
    if not numeric:
        raise TypeError(
            f"{name} must hold real numbers: received {describe(value)}. Encode categories as integers or one-hot "
            "vectors (nnarray.utils.to_categorical) first."
        )
    shape = tuple(value.shape)
    if not shape or 0 in shape:
        raise ValueError(f"{name} must hold at least one example along its first axis: received shape {shape}.")
    return value


def check_finite(name: str, x: Any) -> None:
    """Raise ValueError, naming the first position, if `x` has a NaN or an infinity."""
    backend = backend_of(x)
    xp = backend.xp
    if not xp.isdtype(x.dtype, "real floating") or bool(xp.all(xp.isfinite(x))):
        return
    host = backend.to_numpy(x)
    position = tuple(int(i) for i in np.argwhere(~np.isfinite(host))[0])
    place = ", ".join(map(str, position))
    raise ValueError(
        f"{name} must be finite: received {name}[{place}] = {host[position]}. Clean the data, or pass "
        "check_finite=False to let it through."
    )


class Data(NamedTuple):
    """Inputs, targets and sample weights with the same first axis; the last two may be None."""

    x: Any
    y: Any
    sample_weight: Any

    @property
    def length(self) -> int:
        """Number of examples."""
        return int(self.x.shape[0])

    def part(self, start: int | None, stop: int | None) -> Data:
        """Return the examples from `start` to `stop`."""
        return Data(*(None if array is None else array[start:stop, ...] for array in self))

    def to(self, backend: Backend, device: Any, dtype: str, keep_labels: bool) -> Data:
        """Return the arrays on a backend, floating-point; with `keep_labels` integer targets stay integers."""

        def move(array: Any, keep: bool) -> Any:
            if array is None:
                return None
            source = backend_of(array)
            keep = keep and source.xp.isdtype(array.dtype, ("integral", "bool"))
            return convert(array, backend, backend.index_dtype(device) if keep else dtype, device)

        return Data(move(self.x, False), move(self.y, keep_labels), move(self.sample_weight, False))

    @property
    def forms(self) -> tuple[Any, ...]:
        """Shape of an example and dtype of each array."""
        return tuple(None if array is None else (tuple(array.shape[1:]), array.dtype) for array in self)

    def batches(self, batch_size: int, order: np.ndarray | None = None) -> Iterator[Any]:
        """Yield the rows of batches, the last one possibly short: slices, or pieces of the given permutation."""
        if order is not None:
            backend = backend_of(self.x)
            device = backend.device_of(self.x)
            order = backend.asarray(order, backend.index_dtype(device), device)
        length = self.length
        for start in range(0, length, batch_size):
            rows = slice(start, min(start + batch_size, length))
            yield rows if order is None else order[rows]

    def take(self, rows: Any) -> Data:
        """Return the examples of some rows."""
        take = backend_of(self.x).take_rows
        return Data(*(None if array is None else take(array, rows) for array in self))

    def number(self, number: int) -> Any:
        """Return an integer as an array beside the data."""
        backend = backend_of(self.x)
        return backend.asarray(number, device=backend.device_of(self.x))


def as_data(x: Any, y: Any, sample_weight: Any = None, finite: bool = True) -> Data:
    """Return checked arrays.

    Raises
    ------
    TypeError, ValueError
        As `as_numbers` and `check_finite`, and if the lengths differ.
    """
    data = Data(
        as_numbers("x", x),
        None if y is None else as_numbers("y", y),
        None if sample_weight is None else as_numbers("sample_weight", sample_weight),
    )
    for name, array in zip(data._fields, data, strict=True):
        if array is None:
            continue
        if array.shape[0] != data.length:
            raise ValueError(
                f"x and {name} must have the same number of examples: received x of shape {tuple(data.x.shape)} and "
                f"{name} of shape {tuple(array.shape)}."
            )
        if finite:
            check_finite(name, array)
    return data


def permutation(key: tuple[int, int], epoch: int, length: int) -> np.ndarray:
    """Return the order of the examples in an epoch: a function of the key and the epoch, drawn on the host."""
    return generator(key, (epoch, 0)).permutation(length)
