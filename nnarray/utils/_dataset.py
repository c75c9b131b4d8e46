"""Data that a user's class gives batch by batch."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from nnarray._checks import check_boolean, check_positive_integer, check_whole


class PyDataset:
    """Batches by their number: the base of data sets that are read or made while a model is trained on them.

    A subclass defines ``__getitem__(index)``, which returns a batch, ``(x, y)`` or ``(x, y, sample_weight)``, and
    ``__len__`` or the property `num_batches`. `fit` takes the batches in a new order each epoch, unless
    ``shuffle=False``. Several workers prepare batches ahead; these come in the order in which they were asked for.

    Parameters
    ----------
    workers : int
        Threads that prepare batches ahead; with 0 or 1 they are prepared when they are needed.
    use_multiprocessing : bool
        Whether the workers are processes instead, one too. The data set is pickled for them at the start of each
        epoch.
    max_queue_size : int
        Greatest number of batches prepared ahead.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> class Squares(nna.utils.PyDataset):
    ...     def __len__(self):
    ...         return 3
    ...     def __getitem__(self, index):
    ...         x = np.linspace(0, 1, 8)[:, np.newaxis] + index
    ...         return x, x**2
    >>> model = nna.Sequential([nna.layers.Dense(1)])
    >>> model.compile(optimizer="sgd", loss="mse")
    >>> len(model.fit(Squares(), epochs=2, verbose=0).epoch)
    2
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        self.workers = check_whole("workers", workers)
        self.use_multiprocessing = check_boolean("use_multiprocessing", use_multiprocessing)
        self.max_queue_size = check_positive_integer("max_queue_size", max_queue_size)

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__(index), which returns a batch")

    @property
    def num_batches(self) -> int | None:
        """Number of batches in an epoch; None if there is no end, so that `fit` needs `steps_per_epoch`."""
        if not hasattr(self, "__len__"):
            raise NotImplementedError(f"{type(self).__name__} must define __len__() or the property num_batches")
        return len(self)

    def __iter__(self) -> Iterator[Any]:
        count = self.num_batches
        for index in itertools.count() if count is None else range(count):
            yield self[index]

    def on_epoch_begin(self) -> None:
        """Run before the first batch of an epoch is asked for."""

    def on_epoch_end(self) -> None:
        """Run after the last batch of an epoch was taken."""
