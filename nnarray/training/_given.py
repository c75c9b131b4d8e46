"""What users give to train, evaluate and predict on: arrays, or batches that come one after the other."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Any

from nnarray._checks import check_positive_integer, check_whole
from nnarray._messages import describe
from nnarray._trees import flatten, leaves_of, tree_map
from nnarray.training._batches import ArrayBatches, Batches, Prepared, StreamBatches
from nnarray.training._class_weight import checked_class_weight, classes_of, weights_of_classes
from nnarray.training._data import Data, as_data, as_tree, check_is_array, check_weights, range_test, split_data
from nnarray.training._prepare import checked_data, specs_of_outputs, targets_rule
from nnarray.training._rows import is_kept_apart, rows_of
from nnarray.training._sources import RowSource, Source, is_stream, row_source, stream_source
from nnarray.utils import unpack_x_y_sample_weight


@dataclass(frozen=True)
class Purpose:
    """What data are for: how they are checked, and what is added to them.

    Attributes
    ----------
    model : Trainer
    finite : bool
        Whether NaN and infinity are errors, of streams in the first batch.
    with_targets : bool
        Whether there must be targets.
    prefix : str
        Before the names of the arrays in messages.
    class_weight : mapping, optional
        As `fit` was given it.
    """

    model: Any
    finite: bool = True
    with_targets: bool = True
    prefix: str = ""
    class_weight: Any = None

    def checked(self, x: Any, y: Any, sample_weight: Any) -> Data:
        """Return arrays as Data, or raise."""
        if self.with_targets:
            return checked_data(self.model, x, y, sample_weight, self.finite, self.prefix)
        check_is_array("x", x)
        data = as_data(x, finite=False)
        return data._replace(x=self.model.checked_inputs(data.x))

    def check_elements(self, data: Data) -> None:
        """Raise ValueError if targets or weights that are else like checked ones have elements that must not be."""
        if self.with_targets:
            targets_rule(self.model, data.x).check(data.y)
        for weight in leaves_of(data.sample_weight):
            check_weights("sample_weight", weight)

    def without_classes(self) -> Purpose:
        """Return the same for data to validate on, which are not weighted by their classes."""
        return replace(self, class_weight=None)

    def weighted(self, data: Data) -> Data:
        """Return data with the weights of their classes as sample weights.

        Raises
        ------
        ValueError
            If there are sample weights too, or the weights of classes do not fit the model.
        """
        if self.class_weight is None:
            return data
        if data.sample_weight is not None:
            raise ValueError(
                "class_weight and sample_weight exclude each other: received both. Multiply the sample weights by "
                "those of the classes."
            )
        classes = classes_of(specs_of_outputs(self.model, data.x)) if self.model.has_call else None
        weights = checked_class_weight(self.class_weight, classes)
        return data._replace(sample_weight=weights_of_classes(data.y, weights, self.model.dtype))


class Examples:
    """Arrays in memory.

    Attributes
    ----------
    data : Data
        All of them, checked, with the weights of their classes.
    """

    def __init__(self, purpose: Purpose, data: Data, batch_size: int) -> None:
        self._purpose = purpose
        self._batch_size = batch_size
        self._plain = data
        self.data = purpose.weighted(data)

    def split(self, share: Any, sizes: tuple[int, int]) -> tuple[Examples, Examples]:
        """Return those to train on, and from the end the share of them to validate on, in batches of such sizes."""
        train, held = split_data(self._plain, share)
        return Examples(self._purpose, train, sizes[0]), Examples(self._purpose.without_classes(), held, sizes[1])

    def batches(self) -> Batches:
        """Return them in batches, where the model lives."""
        model = self._purpose.model
        return ArrayBatches(self.data.to(model.home.backend, model.home.device, model.dtype), self._batch_size)


class Stream:
    """Batches that come one after the other.

    Attributes
    ----------
    data : Data
        The first batch, checked.
    source : Source
    """

    def __init__(self, purpose: Purpose, source: Source) -> None:
        self._purpose = purpose
        self.source = source
        self._forms: dict[Hashable, tuple[int, Callable[[list[Any]], bool]]] = {}
        try:
            self.data = self._prepared(source.first()).data
        except Exception as error:
            error.add_note(f"This is batch 0 of {source.name}, counted from 0.")
            raise

    def split(self, share: Any, sizes: tuple[int, int]) -> tuple[Stream, Stream]:
        """As `Examples.split`, if there are rows.

        Raises
        ------
        ValueError
            If there are none.
        """
        if not isinstance(self.source, RowSource):
            raise ValueError(
                f"validation_split takes the end of arrays: received validation_split={share!r} and batches from "
                f"{self.source.name}. Give validation_data."
            )
        train, held = self.source.split(share, sizes)
        return Stream(self._purpose, train), Stream(self._purpose.without_classes(), held)

    def batches(self) -> Batches:
        """Return them where the model lives."""
        model = self._purpose.model
        return StreamBatches(self.source, self._prepared, model.home, model.dtype)

    def _prepared(self, batch: Any) -> Prepared:
        parts = unpack_x_y_sample_weight(batch)
        leaves, structure = flatten(parts)
        form: Any = structure, *map(_form, leaves)
        known = self._forms.get(form)
        if known is not None:
            # Batches alike are taken as they are, but for what their elements must be.
            number, is_good = known
            data = Data(*parts)
            if not is_good(leaves):
                self._purpose.check_elements(data)
            return self._weighted(data, leaves, number)
        data = self._purpose.checked(*parts)
        if len(leaves) == len(data.leaves) and all(x is y for x, y in zip(leaves, data.leaves, strict=True)):
            # The number stands for the form, which takes long to compare.
            number = len(self._forms)
            self._forms[form] = number, self._test(data)
            return self._weighted(data, leaves, number)
        # What a frame or a list becomes is not to be told from what it is.
        return self._weighted(data, data.leaves, (data.forms, *map(_form, data.leaves)))

    def _weighted(self, data: Data, leaves: list[Any], form: Hashable) -> Prepared:
        weighted = self._purpose.weighted(data)
        return Prepared(weighted, leaves if weighted is data else weighted.leaves, form)

    def _test(self, data: Data) -> Callable[[list[Any]], bool]:
        """Return what tells whether the elements of batches are good, as are those of one of the same form.

        It is given the arrays of a batch. False is a doubt, as in `range_test`.
        """
        targets = targets_rule(self._purpose.model, data.x).limits(data.y) if self._purpose.with_targets else []
        found = [*targets, *((weight, (0.0, math.inf)) for weight in leaves_of(data.sample_weight))]
        # The inputs may hold the same arrays.
        first = len(leaves_of(data.x))
        places = {id(array): place for place, array in enumerate(data.leaves[first:], first)}
        tests = []
        for array, limits in found:
            if limits is None or id(array) not in places or len(places) < len(data.leaves) - first:
                return lambda leaves: False  # noqa: ARG005
            if limits != (-math.inf, math.inf):
                tests.append((places[id(array)], range_test(array, *limits)))
        return lambda leaves: all(test(leaves[place]) for place, test in tests)


def _form(x: Any) -> tuple[Any, ...]:
    return type(x), getattr(x, "dtype", None), tuple(getattr(x, "shape", ())), getattr(x, "device", None)


def given(
    purpose: Purpose,
    x: Any,
    y: Any,
    sample_weight: Any,
    batch_size: int | None,
    prefetch: int | None = None,
) -> Examples | Stream:
    """Return data as arrays or as a stream, by what they are.

    Parameters
    ----------
    purpose : Purpose
    x, y, sample_weight : trees of arrays; or for `x` what gives batches
    batch_size : int, optional
        Of what is given as arrays.
    prefetch : int, optional
        How many batches a thread draws before they are asked for.

    Raises
    ------
    TypeError, ValueError
        If they do not fit the model; then nothing was changed.
    """
    size = size_of_batch(batch_size)
    ahead = 0 if prefetch is None else check_whole("prefetch", prefetch)
    if is_stream(x):
        for name, value in (("y", y), ("sample_weight", sample_weight)):
            if value is not None:
                raise ValueError(
                    f"{purpose.prefix}{name} must not be given beside batches: received x={describe(x)} and {name}. "
                    "Let each batch be (x, y) or (x, y, sample_weight)."
                )
        if batch_size is not None:
            warnings.warn(
                f"batch_size={batch_size!r} changes nothing: x gives batches, of the size that it makes them.",
                UserWarning,
                stacklevel=4,
            )
        return Stream(purpose, stream_source(x, ahead))
    if any(map(_holds_apart, (x, y, sample_weight))):
        rows = _as_rows("x", x), _as_rows("y", y), _as_rows("sample_weight", sample_weight)
        return Stream(purpose, row_source(*rows, size))
    return Examples(purpose, purpose.checked(x, y, sample_weight), size)


def size_of_batch(batch_size: Any) -> int:
    """Return a number of examples, checked; 32 for None."""
    return check_positive_integer("batch_size", 32 if batch_size is None else batch_size)


def _holds_apart(tree: Any) -> bool:
    """Whether something in a tree is to be read batch by batch; of nested lists of numbers, only the first is seen."""
    if is_kept_apart(tree):
        return True
    if isinstance(tree, dict):
        return any(map(_holds_apart, tree.values()))
    if not isinstance(tree, (list, tuple)):
        return False
    first = tree
    while isinstance(first, (list, tuple)) and first:
        first = first[0]
    return not isinstance(first, (bool, int, float, str)) and any(map(_holds_apart, tree))


def _as_rows(name: str, tree: Any) -> Any:
    """Return a tree of what rows can be read of, one by one where that is apart."""
    if tree is None:
        return None
    if is_kept_apart(tree):
        return rows_of(tree)
    if isinstance(tree, dict):
        return {key: _as_rows(f"{name}[{key!r}]", item) for key, item in tree.items()}
    if isinstance(tree, (list, tuple)) and _holds_apart(tree):
        return type(tree)(_as_rows(f"{name}[{i}]", item) for i, item in enumerate(tree))
    return tree_map(rows_of, as_tree(name, tree))


def check_lasts(data: Examples | Stream, steps: int | None, epochs: int, name: str) -> None:
    """Raise ValueError if it is known that data have no end, or end before the last epoch.

    Parameters
    ----------
    data : Examples or Stream
    steps : int, optional
        Batches of an epoch, by default all.
    epochs : int
    name : str
        What messages call the argument with the number of steps.
    """
    if steps is not None or isinstance(data, Examples):
        return
    source = data.source
    if source.never_ends:
        raise ValueError(f"Batches without an end need {name}: received {source.name} and {name}=None.")
    if source.is_once and epochs > 1:
        raise ValueError(
            f"Batches that can be gone through but once do for one epoch: received {source.name} for {epochs}. Give "
            f"{name}, or something that can be iterated over again, such as a nnarray.utils.PyDataset."
        )
