"""Windows of a time series as batches."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnarray._checks import check_boolean, check_positive_integer, check_whole
from nnarray._messages import describe
from nnarray.backends import backend_of, find_backend, generator
from nnarray.random import Seed, stream_from_seed
from nnarray.utils._dataset import PyDataset
from nnarray.utils._split import take_rows


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int = 128,
    shuffle: bool = False,
    seed: Seed = None,
    start_index: int | None = None,
    end_index: int | None = None,
) -> PyDataset:
    """Return the windows of a time series, in batches that are cut out when they are asked for.

    Window i has the rows ``start + i * sequence_stride + k * sampling_rate`` for k from 0 to ``sequence_length - 1``.

    Parameters
    ----------
    data : array, shape (times, …)
        Lists become NumPy's arrays.
    targets : array, shape (times, …), or None
        That of a window is the one of its first row: give ``targets[h:]`` for what comes h rows later.
    sequence_length, sequence_stride, sampling_rate : int
        Rows of a window; from the first row of a window to that of the next; from one row of a window to its next.
    batch_size : int
        Windows of a batch; the last may have fewer.
    shuffle : bool
        Whether windows come in a random order, which is drawn once. `fit` draws the order of batches each epoch as
        well, unless ``shuffle=False``.
    seed : int or SeedGenerator, optional
        An integer gives the same order each time; None draws from the process's stream (`nnarray.set_seed`).
    start_index, end_index : int, optional
        The first row that is used, and the first that is not.

    Returns
    -------
    PyDataset
        Batches ``(x, y)`` of arrays of shape (batch, sequence_length, …) and (batch, …), or x alone if there are no
        targets.

    Raises
    ------
    ValueError
        If a number is out of its range, or no window has room.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> series = np.arange(10.0)
    >>> windows = nna.utils.timeseries_dataset_from_array(series, series[3:], sequence_length=3, batch_size=2)
    >>> len(windows), windows[0]
    (4, (array([[0., 1., 2.],
           [1., 2., 3.]]), array([3., 4.])))
    """
    data = data if find_backend(data) else np.asarray(data)
    length = check_positive_integer("sequence_length", sequence_length)
    stride = check_positive_integer("sequence_stride", sequence_stride)
    rate = check_positive_integer("sampling_rate", sampling_rate)
    if not data.ndim:
        raise ValueError(f"A time series has a row for each time: received {describe(data)}.")
    times = data.shape[0]
    start = 0 if start_index is None else check_whole("start_index", start_index)
    end = times if end_index is None else check_positive_integer("end_index", end_index)
    if not start < end <= times:
        raise ValueError(
            f"start_index must lie before end_index, and that within {times} rows: received start_index={start}, "
            f"end_index={end}."
        )
    places = end - start - (length - 1) * rate
    if targets is not None:
        targets = targets if find_backend(targets) else np.asarray(targets)
        places = min(places, targets.shape[0] - start)
    if places < 1:
        known = "" if targets is None else f" and {targets.shape[0]} targets"
        raise ValueError(
            f"A window of {length} rows, one in {rate}, needs {(length - 1) * rate + 1} rows and a target for its "
            f"first: received {end - start} rows{known}, from row {start}."
        )
    firsts = start + np.arange(0, places, stride)
    if check_boolean("shuffle", shuffle):
        firsts = generator(*stream_from_seed(seed)).permutation(firsts)
    return _Windows(data, targets, firsts, np.arange(length) * rate, check_positive_integer("batch_size", batch_size))


class _Windows(PyDataset):
    def __init__(self, data: Any, targets: Any, firsts: np.ndarray, steps: np.ndarray, batch_size: int) -> None:
        super().__init__()
        self._data = data
        self._targets = targets
        self._firsts = firsts
        self._steps = steps
        self._batch_size = batch_size

    def __len__(self) -> int:
        return -(-len(self._firsts) // self._batch_size)

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(f"There are {len(self)} batches: received number {index}.")
        firsts = self._firsts[index * self._batch_size : (index + 1) * self._batch_size]
        rows = np.reshape(firsts[:, np.newaxis] + self._steps, (-1,))
        taken = take_rows(self._data, rows)
        x = backend_of(taken).xp.reshape(taken, (len(firsts), len(self._steps), *taken.shape[1:]))
        return x if self._targets is None else (x, take_rows(self._targets, firsts))
