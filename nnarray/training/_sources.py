"""Where batches come from that are not rows of arrays in memory."""

from __future__ import annotations

import dis
import itertools
import math
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np

from nnarray._checks import check_share
from nnarray._messages import describe
from nnarray._trees import leaves_of, tree_map
from nnarray.backends import find_backend
from nnarray.training._ahead import computed_ahead, drawn_ahead
from nnarray.training._frames import is_frame
from nnarray.training._rows import Rows

#: Batches of a file that are read before they are asked for.
_READ_AHEAD = 8


class Source(Protocol):
    """Batches as users give them: ``x``, ``(x, y)`` or ``(x, y, sample_weight)``.

    Attributes
    ----------
    name : str
        What a batch is one of, in messages.
    length : int or None
        Number of batches in a pass, None where it is not known before its end.
    items : int or None
        Number of things that can be taken in another order; None if the order is the source's own.
    is_once : bool
        Whether there is but one pass.
    never_ends : bool
        Whether it is known that a pass has no end.
    """

    name: str
    length: int | None
    items: int | None

    @property
    def is_once(self) -> bool: ...

    @property
    def never_ends(self) -> bool: ...

    def first(self) -> Any:
        """Return the first batch, which is still to come."""

    def batches(self, order: np.ndarray | None = None) -> Iterator[Any]:
        """Yield the batches of a pass, or go on where the last one ended if there is no other."""

    def begin_epoch(self) -> None:
        """Run before the batches of an epoch."""

    def end_epoch(self) -> None:
        """Run after them."""

    def close(self) -> None:
        """Draw nothing ahead any more."""


class _Source:
    length: int | None = None
    items: int | None = None
    is_once = False
    never_ends = False

    def begin_epoch(self) -> None:
        pass

    def end_epoch(self) -> None:
        pass

    def close(self) -> None:
        pass


class RowSource(_Source):
    """The rows of what is read piece by piece.

    Parameters
    ----------
    parts : tuple
        Inputs, targets and weights as trees of `Rows`; the last two may be None.
    batch_size : int
    start, stop : int
        Which rows.
    """

    name = "the data"

    def __init__(self, parts: tuple[Any, Any, Any], batch_size: int, start: int, stop: int) -> None:
        self._parts = parts
        self._batch_size = batch_size
        self._start, self._stop = start, stop
        self.items: int | None = stop - start
        self.length: int | None = math.ceil((stop - start) / batch_size)

    def _read(self, rows: Any) -> tuple[Any, ...]:
        return tuple(None if part is None else tree_map(lambda kept: kept.read(rows), part) for part in self._parts)

    def first(self) -> Any:
        return self._read(slice(self._start, min(self._start + self._batch_size, self._stop)))

    def batches(self, order: np.ndarray | None = None) -> Iterator[Any]:
        def read() -> Iterator[Any]:
            for place in range(self._start, self._stop, self._batch_size):
                end = min(place + self._batch_size, self._stop)
                if order is None:
                    yield self._read(slice(place, end))
                else:
                    yield self._read(order[place - self._start : end - self._start] + self._start)

        return drawn_ahead(read(), _READ_AHEAD)

    def split(self, share: Any, sizes: tuple[int, int]) -> tuple[RowSource, RowSource]:
        """Return the rows to train on and, from their end, the share to validate on, in batches of such sizes."""
        share, count = check_share("validation_split", share), self._stop - self._start
        cut = self._start + int(count * (1 - share))
        if cut in (self._start, self._stop):
            raise ValueError(f"validation_split={share!r} of {count} example(s) leaves one of the parts empty.")
        return (
            RowSource(self._parts, sizes[0], self._start, cut),
            RowSource(self._parts, sizes[1], cut, self._stop),
        )


def row_source(x: Any, y: Any, sample_weight: Any, batch_size: int) -> RowSource:
    """Return the rows of trees of `Rows`.

    Raises
    ------
    ValueError
        If they have different numbers of rows, or none.
    """
    leaves: list[Rows] = leaves_of((x, y, sample_weight))
    count = leaves[0].shape[0] if leaves[0].shape else 0
    if not count:
        raise ValueError(f"x must hold at least one example along its first axis: received shape {leaves[0].shape}.")
    for name, tree in (("x", x), ("y", y), ("sample_weight", sample_weight)):
        for rows in leaves_of(tree):
            if rows.shape[:1] != (count,):
                raise ValueError(
                    f"x and {name} must have the same number of examples: received x of shape {leaves[0].shape} and "
                    f"{name} of shape {rows.shape}."
                )
    return RowSource((x, y, sample_weight), batch_size, 0, count)


class DatasetSource(_Source):
    """The batches of a `PyDataset`, or of what has the same methods."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset
        self.name = describe(dataset) if type(dataset).__repr__ is not object.__repr__ else type(dataset).__name__
        self.length = dataset.num_batches if hasattr(dataset, "num_batches") else len(dataset)
        if self.length == 0:
            raise ValueError(f"x must have batches: received {self.name} with none.")
        self.items = self.length
        self.never_ends = self.length is None
        workers, processes = getattr(dataset, "workers", 1), getattr(dataset, "use_multiprocessing", False)
        self._ahead: tuple[int, int, bool] | None = None
        if workers > 1 or (workers and processes):
            self._ahead = workers, getattr(dataset, "max_queue_size", 10), processes

    def first(self) -> Any:
        return self._dataset[0]

    def batches(self, order: np.ndarray | None = None) -> Iterator[Any]:
        numbers: Iterable[int]
        if order is not None:
            numbers = map(int, order)
        else:
            numbers = itertools.count() if self.length is None else range(self.length)
        if self._ahead is None:
            return map(self._dataset.__getitem__, numbers)
        workers, count, processes = self._ahead
        return computed_ahead(self._dataset.__getitem__, numbers, workers, count, processes)

    def begin_epoch(self) -> None:
        getattr(self._dataset, "on_epoch_begin", _nothing)()

    def end_epoch(self) -> None:
        getattr(self._dataset, "on_epoch_end", _nothing)()
        # Some have another number of batches then.
        self.length = self._dataset.num_batches if hasattr(self._dataset, "num_batches") else len(self._dataset)
        self.items = self.length


def _nothing() -> None:
    """Do nothing."""


class IterableSource(_Source):
    """What can be iterated over, once or again and again.

    Parameters
    ----------
    iterable : iterable of batches
    prefetch : int
        How many batches a thread draws before they are asked for; 0 draws in the caller's thread.
    """

    def __init__(self, iterable: Any, prefetch: int = 0) -> None:
        self.name = type(iterable).__name__
        self._iterable = iterable
        self._prefetch = prefetch
        # To ask `iter` would start the workers of a DataLoader.
        self.is_once = hasattr(type(iterable), "__next__")
        self.never_ends = _never_ends(iterable)
        self._drawn: Iterator[Any] | None = None
        self._peeked: list[Any] = []
        try:
            self.length = len(iterable)
        except (TypeError, NotImplementedError, AttributeError):
            self.length = None
        if self.length == 0:
            raise ValueError(f"x must have batches: received {self.name} with none.")

    def _started(self) -> Iterator[Any]:
        drawn = iter(self._iterable)
        return drawn_ahead(drawn, self._prefetch) if self._prefetch else drawn

    def first(self) -> Any:
        if not self._peeked:
            self._drawn = self._started()
            self._peeked = list(itertools.islice(self._drawn, 1))
        if not self._peeked:
            raise ValueError(f"x must give at least one batch: received {self.name} that gives none.")
        return self._peeked[0]

    def batches(self, order: np.ndarray | None = None) -> Iterator[Any]:  # noqa: ARG002 -- it has an order of its own
        if self._drawn is None or not (self.is_once or self._peeked):
            self._drawn = self._started()
        while self._peeked:
            yield self._peeked.pop()
        # Who gave the iterator may go on with it: it is not closed when this is.
        for batch in self._drawn:  # noqa: UP028
            yield batch

    def close(self) -> None:
        if self._prefetch and self._drawn is not None:
            self._drawn.close()  # type: ignore[attr-defined]


def _never_ends(iterable: Any) -> bool:
    """Whether it can be told from what it is that there is no last batch."""
    if isinstance(iterable, (itertools.cycle, itertools.count)):
        return True
    code = getattr(iterable, "gi_code", None)
    # A generator of which every path comes back to a yield has no instruction that returns or raises.
    ends = ("RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS")
    return code is not None and not any(step.opname in ends for step in dis.get_instructions(code))


def is_stream(x: Any) -> bool:
    """Whether `x` gives batches one after the other, rather than being arrays."""
    if isinstance(x, (list, tuple, dict, str, bytes)) or hasattr(x, "__array__") or find_backend(x) is not None:
        return False
    if is_frame(x) or hasattr(x, "toarray") or not hasattr(type(x), "__iter__"):
        return is_dataset(x)
    return True


def is_dataset(x: Any) -> bool:
    """Whether `x` gives a batch by its number, in the manner of a `PyDataset`."""
    return hasattr(x, "__getitem__") and hasattr(x, "on_epoch_end") and not isinstance(x, type)


def stream_source(x: Any, prefetch: int) -> DatasetSource | IterableSource:
    """Return the batches of a stream."""
    return DatasetSource(x) if is_dataset(x) else IterableSource(x, prefetch)
