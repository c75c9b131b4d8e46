"""Arguments of the training methods: checked, or taken apart."""

from __future__ import annotations

from typing import Any

from nnarray import losses, metrics
from nnarray.training._data import Data


def metric_of(identifier: Any) -> metrics.Metric:
    """Return a metric; losses, by name or object, serve as metrics too."""
    if isinstance(identifier, losses.Loss):
        return metrics.MeanMetricWrapper(identifier.call, name=identifier.name)
    if isinstance(identifier, str) and identifier in losses.KNOWN:
        return metrics.MeanMetricWrapper(losses.get(identifier).call, name=identifier)
    return metrics.get(identifier)


def split_data(data: Data, share: float) -> tuple[Data, Data]:
    """Return the data to train on and, from their end, the share of them to validate on."""
    if not 0 < share < 1:
        raise ValueError(f"validation_split must lie between 0 and 1: received validation_split={share!r}.")
    cut = int(data.length * (1 - share))
    if cut in (0, data.length):
        raise ValueError(f"validation_split={share!r} of {data.length} example(s) leaves one of the parts empty.")
    return data.part(None, cut), data.part(cut, None)


def shape_fits(shape: tuple[int | None, ...], expected: tuple[int | None, ...]) -> bool:
    """Whether a shape is the expected one, where that is known."""
    pairs = zip(shape, expected, strict=False)
    return len(shape) == len(expected) and all(b is None or a == b for a, b in pairs)


def check_whole(name: str, value: Any) -> int:
    """Return an integer of at least 0, or raise."""
    if isinstance(value, bool) or not hasattr(type(value), "__index__") or value < 0:
        raise ValueError(f"{name} must be a whole number of at least 0: received {name}={value!r}.")
    return int(value)


def check_positive(name: str, value: Any) -> int:
    """Return an integer of at least 1, or raise."""
    if isinstance(value, bool) or not hasattr(type(value), "__index__") or value < 1:
        raise ValueError(f"{name} must be a positive integer: received {name}={value!r}.")
    return int(value)


def figures_of(found: dict[str, float], return_dict: bool) -> Any:
    """Return the figures as they were asked for: by name, as a list, or the loss alone if there is nothing else."""
    if return_dict:
        return found
    values = list(found.values())
    return values[0] if len(values) == 1 else values
