"""Arrays that users give: trees of them, checked before anything is changed, moved, and cut in parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from nnarray._checks import check_share
from nnarray._messages import describe
from nnarray._trees import flatten, leaves_of, tree_map
from nnarray.array import Array, where_arrays_are
from nnarray.backends import Backend, backend_of, convert, find_backend
from nnarray.layers import Placeholder
from nnarray.training._frames import frame_array, is_frame
from nnarray.variables import Variable


def as_tree(name: str, value: Any) -> Any:
    """Return `value`, an array or a list, tuple or dict of arrays, as raw arrays of numbers.

    Raises
    ------
    TypeError, ValueError
        As `as_numbers`.
    """
    if value is None and name[:1] != "x":
        return None
    # Some sparse matrices are dicts.
    if isinstance(value, dict) and not hasattr(value, "toarray"):
        return {key: as_tree(f"{name}[{key!r}]", item) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and any(map(_holds_arrays, value)):
        made = [as_tree(f"{name}[{i}]", item) for i, item in enumerate(value)]
        return tuple(made) if isinstance(value, tuple) else made
    return as_numbers(name, value)


def _holds_arrays(x: Any) -> bool:
    if isinstance(x, (list, tuple)):
        return any(map(_holds_arrays, x))
    return isinstance(x, dict) or (not isinstance(x, np.generic) and len(getattr(x, "shape", ())) > 0)


def as_numbers(name: str, value: Any) -> Any:
    """Return `value` as a raw array of numbers, of its own library where it has one.

    Raises
    ------
    TypeError
        If it holds strings or objects, is complex, or is not an array.
    ValueError
        If it is empty, ragged, or has no axis for the batch.
    """
    value = value.value if isinstance(value, (Array, Variable)) else value
    check_is_array(name, value)
    if is_frame(value):
        value = frame_array(name, value)
    if hasattr(value, "toarray"):
        value = value.toarray()
    if find_backend(value) is None:
        try:
            value = np.asarray(value)
        except ValueError as error:
            raise ValueError(f"{name} must be a rectangular array of numbers: {error}.") from None
    backend = backend_of(value)
    if isinstance(value, (np.ndarray, np.generic)):
        value = _numbers_of(np.asarray(value))
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


def check_is_array(name: str, value: Any) -> None:
    """Raise TypeError if `value` stands for data, and has none itself: a symbol, a generator, a data set."""
    if isinstance(value, Placeholder):
        raise TypeError(f"{name} must be arrays: received {describe(value)}. Call the model on it.")
    if isinstance(value, (list, tuple, dict, str, bytes)) or hasattr(value, "__array__") or find_backend(value):
        return
    if hasattr(value, "toarray") or not any(hasattr(value, how) for how in ("__iter__", "__getitem__", "__next__")):
        return
    raise TypeError(
        f"{name} must be arrays: received {describe(value)}. Batches are given to fit, evaluate and predict as x, by "
        "what is iterated over, such as a generator or a DataLoader, or by a nnarray.utils.PyDataset; or one by one to "
        "train_on_batch, test_on_batch or predict_on_batch."
    )


def _numbers_of(x: np.ndarray) -> np.ndarray:
    """Return an array of objects that are numbers, such as a frame of several dtypes makes, as floats."""
    if x.dtype != object or not all(isinstance(item, (bool, int, float, np.number, np.bool_)) for item in x.flat):
        return x
    return x.astype(np.float64)


def range_test(like: Any, low: float, high: float) -> Callable[[Any], bool]:
    """Return what tells, by two numbers read, whether all in an array like `like` lie between others.

    False is no more than a doubt, which costs a longer look: at NaN, and where a library finds no extremes.
    """
    backend = backend_of(like)
    if not (backend.xp.isdtype(like.dtype, ("signed integer", "real floating")) or like.dtype == backend.xp.uint8):
        return lambda x: False  # noqa: ARG005

    @where_arrays_are
    def lies_between(x: Any) -> bool:
        least, greatest = backend.extremes(x)
        return bool(low <= least and greatest <= high)

    return lies_between


def check_weights(name: str, x: Any) -> None:
    """Raise ValueError, naming the first position, if a sample weight is negative."""
    backend = backend_of(x)
    if not backend.xp.isdtype(x.dtype, ("signed integer", "real floating")) or not bool(backend.xp.any(x < 0)):
        return
    host = backend.to_numpy(x)
    position = tuple(int(i) for i in np.argwhere(host < 0)[0])
    place = ", ".join(map(str, position))
    raise ValueError(
        f"{name} must not be negative: received {name}[{place}] = {host[position]}. A negative weight would make the "
        "loss fall without limit."
    )


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
    """Inputs, targets and sample weights: trees of arrays with the same first axis; the last two may be None."""

    x: Any
    y: Any
    sample_weight: Any

    @property
    def leaves(self) -> list[Any]:
        """The arrays."""
        return leaves_of(tuple(self))

    @property
    def backend(self) -> Backend:
        """The library of the inputs."""
        return backend_of(self.leaves[0])

    @property
    def length(self) -> int:
        """Number of examples."""
        return int(self.leaves[0].shape[0])

    @property
    def forms(self) -> tuple[Any, ...]:
        """How the trees branch, and shape of an example and dtype of each array."""
        leaves, structure = flatten(tuple(self))
        return structure, *((tuple(array.shape[1:]), array.dtype) for array in leaves)

    def each(self, function: Callable[[Any], Any]) -> Data:
        """Return `function` of each array in the place of it."""
        return Data(*(None if tree is None else tree_map(function, tree) for tree in self))

    def part(self, start: int | None, stop: int | None) -> Data:
        """Return the examples from `start` to `stop`."""
        return self.each(lambda array: array[start:stop, ...])

    def take(self, rows: Any) -> Data:
        """Return the examples of some rows."""
        take = self.backend.take_rows
        return self.each(lambda array: take(array, rows))

    def to(self, backend: Backend, device: Any, dtype: str) -> Data:
        """Return the arrays on a backend: floating-point ones of a dtype, others as they are."""
        return self.each(lambda array: moved_array(array, backend, device, dtype))

    def number(self, number: int) -> Any:
        """Return an integer as an array beside the data."""
        first = self.leaves[0]
        backend = backend_of(first)
        return backend.asarray(number, device=backend.device_of(first))


def moved_array(array: Any, backend: Backend, device: Any, dtype: str) -> Any:
    """Return an array on a backend, of `dtype` if it is floating-point; integers keep theirs where there is room."""
    source = backend_of(array)
    if source.xp.isdtype(array.dtype, "real floating"):
        return convert(array, backend, dtype, device)
    own = source.dtype_name(array.dtype)
    return convert(array, backend, own if backend.has_dtype(own, device) else backend.index_dtype(device), device)


def as_data(x: Any, y: Any = None, sample_weight: Any = None, finite: bool = True) -> Data:
    """Return checked arrays.

    Raises
    ------
    TypeError, ValueError
        As `as_numbers` and `check_finite`, and if the lengths differ.
    """
    names = ("x", "y", "sample_weight")
    given = zip(names, (x, y, sample_weight), strict=True)
    data = Data(*(None if value is None else as_tree(name, value) for name, value in given))
    first = data.leaves[0] if data.leaves else None
    if first is None:
        raise ValueError(f"x must hold arrays: received {describe(x)}.")
    for name, tree in zip(names, data, strict=True):
        for array in leaves_of(tree):
            if array.shape[0] != data.length:
                raise ValueError(
                    f"x and {name} must have the same number of examples: received x of shape {tuple(first.shape)} and "
                    f"{name} of shape {tuple(array.shape)}."
                )
            if finite:
                check_finite(name, array)
            if name == "sample_weight":
                check_weights(name, array)
    return data


def split_data(data: Data, share: Any) -> tuple[Data, Data]:
    """Return the data to train on and, from their end, the share of them to validate on."""
    share = check_share("validation_split", share)
    cut = int(data.length * (1 - share))
    if cut in (0, data.length):
        raise ValueError(f"validation_split={share!r} of {data.length} example(s) leaves one of the parts empty.")
    return data.part(None, cut), data.part(cut, None)
