"""Where batches come from: one contract, for arrays in memory and whatever else has examples."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

from nnarray.backends import generator
from nnarray.training._data import Data


class Batches(Protocol):
    """Examples in batches, on the library and device that they are computed on.

    Attributes
    ----------
    length : int or None
        Number of batches in an epoch, None where it is not known before its end.
    """

    length: int | None

    def epoch(self, order: np.ndarray | None = None) -> Iterator[Any]:
        """Yield what stands for each batch, as the methods below take it, in the given order of examples."""

    def size(self, rows: Any) -> int:
        """Return the number of examples of a batch."""

    def arrays(self, rows: Any) -> Data:
        """Return the arrays of a batch."""

    def filler(self, buffers: Data) -> Callable[[Any], None]:
        """Return a function that writes the arrays of a batch into the buffers of a plan."""

    def forms(self, rows: Any) -> Any:
        """Return a hashable value that is equal for batches whose arrays are alike but for their numbers."""

    def number(self, number: int) -> Any:
        """Return an integer as an array of their library and device."""


class ArrayBatches:
    """The rows of arrays in memory.

    Parameters
    ----------
    data : Data
        Where it is computed on.
    batch_size : int
        The last batch may have less.
    """

    def __init__(self, data: Data, batch_size: int) -> None:
        self.data = data
        self.batch_size = batch_size
        self.length: int | None = math.ceil(data.length / batch_size)
        self.number = data.number

    def epoch(self, order: np.ndarray | None = None) -> Iterator[Any]:
        """Yield slices, or pieces of the given permutation."""
        if order is not None:
            first = self.data.leaves[0]
            backend = self.data.backend
            device = backend.device_of(first)
            order = backend.asarray(order, backend.index_dtype(device), device)
        length = self.data.length
        for start in range(0, length, self.batch_size):
            rows = slice(start, min(start + self.batch_size, length))
            yield rows if order is None else order[rows]

    def size(self, rows: Any) -> int:
        return rows.stop - rows.start if isinstance(rows, slice) else rows.shape[0]

    def arrays(self, rows: Any) -> Data:
        return self.data.take(rows)

    def filler(self, buffers: Data) -> Callable[[Any], None]:
        take = self.data.backend.take_rows
        pairs = list(zip(self.data.leaves, buffers.leaves, strict=True))

        def fill(rows: Any) -> None:
            for array, buffer in pairs:
                take(array, rows, buffer)

        return fill

    def forms(self, rows: Any) -> Any:
        return self.data.forms


def permutation(key: tuple[int, int], epoch: int, length: int) -> np.ndarray:
    """Return the order of the examples in an epoch: a function of the key and the epoch, drawn on the host."""
    return generator(key, (epoch, 0)).permutation(length)
