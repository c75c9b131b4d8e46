"""Counts of right and wrong decisions for many thresholds at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnarray import nn
from nnarray.metrics._counting import histogram
from nnarray.metrics._metric import Metric

#: How far the first and last threshold of a curve lie outside of 0 and 1, as in Keras.
_MARGIN = 1e-7


def evenly_spaced(number: int) -> list[float]:
    """Return `number` thresholds from 0 to 1, or 0.5 alone."""
    return [0.5] if number == 1 else [i / (number - 1) for i in range(number)]


class ThresholdCounts(Metric):
    """Keeps the weight of true and false positives and negatives for each of many thresholds, under Keras' names.

    A prediction is positive where it exceeds the threshold. NaN counts as 0. As in Keras, where thresholds are evenly
    spaced, so that a product tells how many are exceeded, predictions beyond 0 or 1 count as 0 or 1.

    Parameters
    ----------
    thresholds : sequence of float
        In ascending order.
    has_margin : bool
        Whether the first and last one are moved out of 0 … 1, so that every prediction lies between them.
    name, dtype : as for `Metric`
    """

    kinds = ("true_positives", "false_positives", "false_negatives", "true_negatives")
    true_positives: Any
    false_positives: Any
    false_negatives: Any
    true_negatives: Any

    def __init__(self, thresholds: Sequence[float], has_margin: bool, name: str | None, dtype: str | None) -> None:
        super().__init__(name, dtype)
        number = len(thresholds)
        self._is_even = number > 1 and bool(np.allclose(thresholds, evenly_spaced(number), atol=_MARGIN))
        self._has_margin = has_margin
        self.thresholds = [-_MARGIN, *thresholds[1:-1], 1.0 + _MARGIN] if has_margin else list(thresholds)

    def _count(self, labels: Any, predictions: Any, weights: Any = None) -> None:
        """Add a batch: arrays of shape (groups, n), of which each group has counts of its own."""
        xp = nn.prepare(labels, predictions)[0]
        groups, steps = predictions.shape[0], len(self.thresholds)
        integer = xp.arange(1).dtype
        # The more thresholds a prediction exceeds, the smaller is its code; a sum up to a code counts the positives.
        codes = (steps - nn.cast(self._exceeded(xp, predictions), integer)) + nn.cast(~labels, integer) * (steps + 1)
        counts = nn.cast(histogram(codes, 2 * (steps + 1), weights), predictions.dtype)
        sums = xp.permute_dims(xp.cumulative_sum(xp.reshape(counts, (groups, 2, steps + 1)), axis=-1), (1, 2, 0))
        positives = xp.flip(sums[:, :steps, :], axis=1)
        negatives = sums[:, steps:, :] - positives
        found = (positives[0, ...], positives[1, ...], negatives[0, ...], negatives[1, ...])
        for kind, values in zip(self.kinds, found, strict=True):
            variable = getattr(self, kind)
            variable.assign_add(xp.reshape(values, variable.shape))

    def _exceeded(self, xp: Any, predictions: Any) -> Any:
        """Return how many thresholds each prediction exceeds."""
        steps = len(self.thresholds)
        if self._is_even:
            exceeded = xp.ceil(xp.minimum(xp.where(predictions > 0, predictions, 0.0), 1.0) * (steps - 1))
            return xp.maximum(exceeded, 1.0) if self._has_margin else exceeded
        predictions = xp.where(xp.isnan(predictions), 0.0, predictions)
        limits = xp.asarray(np.asarray(self.thresholds), dtype=predictions.dtype, device=predictions.device)
        return xp.reshape(xp.searchsorted(limits, xp.reshape(predictions, (-1,))), predictions.shape)


def compared(y_true: Any, y_pred: Any, sample_weight: Any) -> tuple[Any, Any, Any]:
    """Return which targets are not 0, the predictions, and weights in their shape or None."""
    xp, y_true, y_pred = nn.prepare(y_true, y_pred)
    labels = nn.cast(nn.match_shape(xp, y_true, y_pred), xp.bool)
    numbers = nn.cast(y_pred, nn.computing_dtype(y_pred))
    weights = None if sample_weight is None else nn.weigh(xp.ones_like(numbers), sample_weight)[0]
    return labels, numbers, weights
