"""Batches as steps take them: one contract, for arrays in memory and whatever else has examples."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Hashable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np

from nnarray.backends import Selection, backend_of, generator
from nnarray.training._data import Data
from nnarray.training._sources import Source


class Batches(Protocol):
    """Examples in batches, on the library and device that they are computed on.

    Attributes
    ----------
    length : int or None
        Number of batches in an epoch, None where it is not known before its end.
    items : int or None
        Number of things that can be taken in another order, examples or batches; None if there is no other.
    """

    @property
    def length(self) -> int | None: ...

    @property
    def items(self) -> int | None: ...

    def epoch(self, order: np.ndarray | None = None) -> Iterator[Any]:
        """Yield what stands for each batch, as the methods below take it, in the given order."""

    def begin_epoch(self) -> None:
        """Run before the batches of an epoch."""

    def end_epoch(self) -> None:
        """Run after them."""

    def close(self) -> None:
        """Prepare nothing ahead any more."""

    def size(self, rows: Any) -> int:
        """Return the number of examples of a batch."""

    def form(self, rows: Any) -> Hashable:
        """Return what batches have in common that one plan of these is for."""

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
        self.items: int | None = data.length
        self.length: int | None = math.ceil(data.length / batch_size)
        self.number = data.number
        backend = data.backend
        device = backend.device_of(data.leaves[0])
        self._indices = functools.partial(backend.asarray, dtype=backend.index_dtype(device), device=device)

    def epoch(self, order: np.ndarray | None = None) -> Iterator[Any]:
        """Yield slices, or pieces of the given permutation of the examples."""
        length = self.items or 0
        indices = None if order is None else self._indices(order)
        for start in range(0, length, self.batch_size):
            rows = slice(start, min(start + self.batch_size, length))
            yield rows if indices is None else indices[rows]

    def begin_epoch(self) -> None:
        """Arrays need no beginning."""

    def end_epoch(self) -> None:
        """Nor an end."""

    def close(self) -> None:
        """They are there."""

    def size(self, rows: Any) -> int:
        return rows.stop - rows.start if isinstance(rows, slice) else rows.shape[0]

    form = size

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


class Prepared(NamedTuple):
    """A batch, its arrays, and what it has in common with those of its plan."""

    data: Data
    leaves: list[Any]
    form: Hashable


class StreamBatches:
    """Batches that a source gives, each checked and moved when it comes.

    Parameters
    ----------
    source : Source
    prepare : callable
        Returns the `Prepared` of a batch as the source gives it, before it is moved.
    home : Selection
        Where they are computed on.
    dtype : str
        Of floating-point arrays there.
    """

    def __init__(self, source: Source, prepare: Callable[[Any], Prepared], home: Selection, dtype: str) -> None:
        self._source = source
        self._prepare = prepare
        self._home = home
        self._dtype = dtype
        #: Forms of batches that are where they are computed on.
        self._there: set[Hashable] = set()
        self.begin_epoch = source.begin_epoch
        self.end_epoch = source.end_epoch
        self.close = source.close

    @property
    def length(self) -> int | None:
        return self._source.length

    @property
    def items(self) -> int | None:
        return self._source.items

    def epoch(self, order: np.ndarray | None = None) -> Iterator[Prepared]:
        """Yield the batches; an error while one is made says which."""
        given = self._source.batches(order)
        number = 0
        try:
            while True:
                try:
                    batch = next(given)
                except StopIteration:
                    return
                except Exception as error:
                    error.add_note(f"This came while batch {number} of {self._source.name} was made, counted from 0.")
                    raise
                yield self._moved(self._checked(batch, number))
                number += 1
        finally:
            getattr(given, "close", _nothing)()

    def _checked(self, batch: Any, number: int) -> Prepared:
        try:
            return self._prepare(batch)
        except Exception as error:
            error.add_note(f"This is batch {number} of {self._source.name}, counted from 0.")
            raise

    def _moved(self, prepared: Prepared) -> Prepared:
        data, leaves, form = prepared
        if form in self._there:
            return prepared
        data = data.to(self._home.backend, self._home.device, self._dtype)
        moved = data.leaves
        if all(x is y for x, y in zip(leaves, moved, strict=True)):
            self._there.add(form)
        return Prepared(data, moved, form)

    def size(self, rows: Prepared) -> int:
        return rows.data.length

    def form(self, rows: Prepared) -> Hashable:
        return rows.form

    def arrays(self, rows: Prepared) -> Data:
        return rows.data

    def filler(self, buffers: Data) -> Callable[[Any], None]:
        targets = buffers.leaves
        store = backend_of(targets[0]).store

        def fill(rows: Prepared) -> None:
            for buffer, array in zip(targets, rows.leaves, strict=True):
                store(buffer, array)

        return fill

    def forms(self, rows: Prepared) -> Any:
        return rows.data.forms

    def number(self, number: int) -> Any:
        return self._home.backend.asarray(number, device=self._home.device)


def _nothing() -> None:
    """Do nothing."""


def permutation(key: tuple[int, int], epoch: int, length: int) -> np.ndarray:
    """Return the order of the examples in an epoch: a function of the key and the epoch, drawn on the host."""
    return generator(key, (epoch, 0)).permutation(length)


_END = object()


class Feed:
    """The batches of each epoch: those of a pass over the data, or so many, on which the next epoch goes on.

    Parameters
    ----------
    batches : Batches
    steps : int, optional
        Of an epoch.
    key : tuple of two int, optional
        Of the shuffles; None keeps the order.
    is_held_out : bool
        Whether each epoch starts at the beginning, as far as the data can.
    """

    def __init__(
        self,
        batches: Batches,
        steps: int | None = None,
        key: tuple[int, int] | None = None,
        is_held_out: bool = False,
    ) -> None:
        self.batches = batches
        self._steps = steps
        self.key = key
        self._is_held_out = is_held_out
        self._pass: Iterator[Any] | None = None
        self._left: int | None = None
        self._next: Any = _END
        self._has_warned = False

    @property
    def length(self) -> int | None:
        """Number of steps in an epoch, None where it is not known before its end."""
        return self._steps or self.batches.length

    def begin(self, number: int = 0) -> bool:
        """Draw the first batch of an epoch, which has this number; return whether there is one.

        A warning says so if the data have ended.
        """
        self.batches.begin_epoch()
        if self._is_held_out:
            self._end_pass()
        self._next = _END if self._pass is None else self._draw()
        if self._next is _END:
            items = self.batches.items
            order = None if self.key is None or items is None else permutation(self.key, number, items)
            self._pass, self._left = self.batches.epoch(order), self.batches.length
            self._next = self._draw()
        if self._next is _END:
            self._warn(0)
        return self._next is not _END

    def _draw(self) -> Any:
        assert self._pass is not None
        found = _END if self._left == 0 else next(self._pass, _END)
        if self._left and found is not _END:
            self._left -= 1
        if found is _END:
            self._pass = None
        return found

    def epoch(self) -> Iterator[Any]:
        """Yield what stands for each batch of the epoch that was begun."""
        count = 0
        while self._next is not _END:
            rows, self._next = self._next, _END
            count += 1
            yield rows
            if count != self._steps and self._pass is not None:
                self._next = self._draw()
        if self._steps is None:
            self._pass = None
        elif count < self._steps:
            self._warn(count)
        self.batches.end_epoch()

    def _warn(self, count: int) -> None:
        if self._has_warned:
            return
        self._has_warned = True
        wanted = "at least one" if self._steps is None else self._steps
        warnings.warn(
            f"The data ran out: received {count} batches for a pass that takes {wanted}. "
            + ("" if self._is_held_out else "Training stops here unless the data can be gone through again. ")
            + "Give enough batches for all passes, or something that can be iterated over again, such as a "
            "nnarray.utils.PyDataset.",
            UserWarning,
            stacklevel=4,
        )

    def _end_pass(self) -> None:
        if self._pass is not None:
            getattr(self._pass, "close", _nothing)()
        self._pass = None

    def close(self) -> None:
        """Prepare nothing ahead any more."""
        self._end_pass()
        self.batches.close()
