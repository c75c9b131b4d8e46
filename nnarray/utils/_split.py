"""Data in two parts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnarray._messages import describe
from nnarray._trees import flatten, unflatten
from nnarray.backends import backend_of, convert, find_backend, generator
from nnarray.random import Seed, stream_from_seed


def split_dataset(
    dataset: Any,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: Seed = None,
) -> tuple[Any, Any]:
    """Return the first and the last examples of data, such as those to train on and those to test with.

    Parameters
    ----------
    dataset : array, or tree of arrays, shape (n, …)
        Lists, tuples and dicts of arrays with one row per example, such as ``(x, y)``.
    left_size, right_size : float or int, optional
        Numbers of examples, or, between 0 and 1, shares of them. One that is not given is the rest.
    shuffle : bool
        Whether the examples are put into a random order before, the same in all arrays.
    seed : int or SeedGenerator, optional
        An integer gives the same order each time; None draws from the process's stream (`nnarray.set_seed`).

    Returns
    -------
    left, right : trees like `dataset`
        Of arrays of their libraries. Keras returns data sets of TensorFlow or PyTorch.

    Raises
    ------
    TypeError
        If there is something else than arrays in it.
    ValueError
        If the arrays differ in length, or the sizes are none of these or leave a part empty.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> (x, y), (x_test, y_test) = nna.utils.split_dataset((np.arange(10), np.arange(10) ** 2), left_size=0.8)
    >>> x_test, y_test
    (array([8, 9]), array([64, 81]))
    """
    arrays, structure = flatten(dataset)
    for x in arrays:
        if find_backend(x) is None or not x.ndim:
            raise TypeError(
                f"split_dataset takes arrays with a row for each example, or a tree of them: received {describe(x)}. "
                "Make lists of numbers arrays first."
            )
    lengths = {x.shape[0] for x in arrays}
    if len(lengths) != 1:
        raise ValueError(f"The arrays must have the same number of rows: received {sorted(lengths)}.")
    (total,) = lengths
    left, right = _sizes(left_size, right_size, total)
    order = generator(*stream_from_seed(seed)).permutation(total) if shuffle else None

    def part(start: int, stop: int) -> Any:
        rows = [x[start:stop] if order is None else take_rows(x, order[start:stop]) for x in arrays]
        return unflatten(structure, rows)

    return part(0, left), part(total - right, total)


def take_rows(x: Any, rows: np.ndarray) -> Any:
    """Return rows of a raw array of any library, by their numbers."""
    backend = backend_of(x)
    return backend.xp.take(x, convert(rows, backend, device=backend.device_of(x)), axis=0)


def _sizes(left: float | None, right: float | None, total: int) -> tuple[int, int]:
    found = [None if size is None else _size(name, size, total) for name, size in (("left", left), ("right", right))]
    if found == [None, None]:
        raise ValueError("Give the size of a part: received left_size=None, right_size=None.")
    first = total - found[1] if found[0] is None else found[0]  # type: ignore[operator]
    last = total - first if found[1] is None else found[1]
    if min(first, last) < 1 or first + last > total:
        raise ValueError(
            f"Both parts must have an example, and not more than {total} together: received left_size={left!r}, "
            f"right_size={right!r}, which is {first} and {last}."
        )
    return first, last


def _size(part: str, size: float, total: int) -> int:
    is_number = isinstance(size, (int, float, np.integer, np.floating)) and not isinstance(size, bool)
    is_share = is_number and not isinstance(size, (int, np.integer))
    if not is_number or not 0 < size < (1 if is_share else math.inf):
        raise ValueError(
            f"{part}_size must be a positive integer, or a share between 0 and 1: received {part}_size={size!r}."
        )
    return round(size * total) if is_share else int(size)
