"""Metrics of decisions over all thresholds: one rate at a given other one, and the area under their curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnarray import nn
from nnarray._checks import (
    check_boolean,
    check_not_negative,
    check_one_of,
    check_positive_integer,
    check_share,
    check_whole,
)
from nnarray._messages import describe
from nnarray.array import array_namespace
from nnarray.metrics._confusion import of_class
from nnarray.metrics._counting import quotient
from nnarray.metrics._thresholds import ThresholdCounts, compared, evenly_spaced


class _RateAtRate(ThresholdCounts):
    """The greatest value of one rate among the thresholds at which another one is at least a given value.

    A rate is the share of the first of two kinds of decision in both.
    """

    _direction = "up"
    _rate: tuple[str, str]
    _given: tuple[str, str]

    def __init__(
        self, value: float, num_thresholds: int, class_id: int | None, name: str | None, dtype: str | None
    ) -> None:
        self.num_thresholds = check_positive_integer("num_thresholds", num_thresholds)
        self.class_id = None if class_id is None else check_whole("class_id", class_id)
        super().__init__(evenly_spaced(self.num_thresholds), False, name, dtype)
        self.value = value
        for kind in self.kinds:
            setattr(self, kind, self.add_variable((self.num_thresholds,), name=kind))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of labels and predictions."""
        found = compared(y_true, y_pred, sample_weight)
        if self.class_id is not None:
            found = tuple(None if x is None else of_class(x, self.class_id) for x in found)  # type: ignore[assignment]
        self._count(*(None if x is None else array_namespace(x).reshape(x, (1, -1)) for x in found))

    def result(self) -> Any:
        rate, given = self._share(*self._rate), self._share(*self._given)
        xp = array_namespace(rate)
        return xp.max(xp.where(given >= self.value, rate, 0.0))

    def _share(self, first: str, second: str) -> Any:
        part, rest = getattr(self, first).value, getattr(self, second).value
        return quotient(part, part + rest)


class SensitivityAtSpecificity(_RateAtRate):
    """Greatest sensitivity ``TP / (TP + FN)`` among thresholds with at least this specificity ``TN / (TN + FP)``.

    It is 0 where no threshold has. A prediction above the threshold is positive, and so is a label that is not 0.

    Parameters
    ----------
    specificity : float
        From 0 to 1.
    num_thresholds : int
        Evenly spaced from 0 to 1; a single one is 0.5.
    class_id : int, optional
        The only class along the last axis that is looked at.
    name, dtype : as for `Metric`

    Examples
    --------
    >>> import nnarray as nna
    >>> float(nna.metrics.SensitivityAtSpecificity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]))
    0.5
    """

    _rate = ("true_positives", "false_negatives")
    _given = ("true_negatives", "false_positives")

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        self.specificity = check_share("specificity", specificity, closed=True)
        super().__init__(self.specificity, num_thresholds, class_id, name, dtype)


class SpecificityAtSensitivity(_RateAtRate):
    """Greatest specificity ``TN / (TN + FP)`` among thresholds with at least this sensitivity ``TP / (TP + FN)``.

    Parameters
    ----------
    sensitivity : float
        From 0 to 1.
    num_thresholds, class_id, name, dtype : as for `SensitivityAtSpecificity`

    Examples
    --------
    >>> import nnarray as nna
    >>> float(nna.metrics.SpecificityAtSensitivity(0.5)([0, 0, 1, 1], [0, 0.9, 0.3, 0.8]))
    0.5
    """

    _rate = ("true_negatives", "false_positives")
    _given = ("true_positives", "false_negatives")

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        self.sensitivity = check_share("sensitivity", sensitivity, closed=True)
        super().__init__(self.sensitivity, num_thresholds, class_id, name, dtype)


class PrecisionAtRecall(_RateAtRate):
    """Greatest precision ``TP / (TP + FP)`` among thresholds with at least this recall ``TP / (TP + FN)``.

    Parameters
    ----------
    recall : float
        From 0 to 1.
    num_thresholds, class_id, name, dtype : as for `SensitivityAtSpecificity`

    Examples
    --------
    >>> import nnarray as nna
    >>> float(nna.metrics.PrecisionAtRecall(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]))
    0.5
    """

    _rate = ("true_positives", "false_positives")
    _given = ("true_positives", "false_negatives")

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        self.recall = check_share("recall", recall, closed=True)
        super().__init__(self.recall, num_thresholds, class_id, name, dtype)


class RecallAtPrecision(_RateAtRate):
    """Greatest recall ``TP / (TP + FN)`` among thresholds with at least this precision ``TP / (TP + FP)``.

    Parameters
    ----------
    precision : float
        From 0 to 1.
    num_thresholds, class_id, name, dtype : as for `SensitivityAtSpecificity`

    Examples
    --------
    >>> import nnarray as nna
    >>> float(nna.metrics.RecallAtPrecision(0.8)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]))
    0.5
    """

    _rate = ("true_positives", "false_negatives")
    _given = ("true_positives", "false_positives")

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        self.precision = check_share("precision", precision, closed=True)
        super().__init__(self.precision, num_thresholds, class_id, name, dtype)


class AUC(ThresholdCounts):
    """Area under the curve of true over false positives (ROC), or of precision over recall (PR), by thresholds.

    It approaches the exact area as the thresholds become more.

    Parameters
    ----------
    num_thresholds : int
        At least 2, evenly spaced from 0 to 1.
    curve : {"ROC", "PR", "PRGAIN"}
        ``"PRGAIN"`` is precision gain over recall gain: Flach and Kull, "Precision-Recall-Gain Curves", 2015.
    summation_method : {"interpolation", "minoring", "majoring"}
        Between two thresholds the curve is as high as the mean of their heights, the lower or the higher one. Under
        ``"PR"`` the first interpolates the counts: Davis and Goadrich, "The Relationship Between Precision-Recall and
        ROC Curves", 2006, section 4.
    name, dtype : as for `Metric`
    thresholds : sequence of float, optional
        From 0 to 1, in place of `num_thresholds`; one below 0 and one above 1 are added.
    multi_label : bool
        Whether predictions of shape (batch, labels) have an area for each label, of which the result is the mean;
        otherwise each element is an example.
    num_labels : int, optional
        With `multi_label`; otherwise the first batch tells, and makes the state.
    label_weights : sequence of float, optional
        Not negative. With `multi_label` those of the mean; otherwise those of the elements along the last axis.
    from_logits : bool
        Whether predictions are logits, of which `nnarray.activations.sigmoid` makes probabilities.

    Examples
    --------
    >>> import nnarray as nna
    >>> auc = nna.metrics.AUC(num_thresholds=3)
    >>> float(auc([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]))
    0.75
    """

    _direction = "up"

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: str | None = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Sequence[float] | None = None,
        from_logits: bool = False,
    ) -> None:
        if thresholds is None and check_positive_integer("num_thresholds", num_thresholds) < 2:
            raise ValueError(f"num_thresholds must be at least 2: received num_thresholds={num_thresholds!r}.")
        points = evenly_spaced(num_thresholds)
        if thresholds is not None:
            points = sorted([0.0, *(check_share("thresholds", float(x), closed=True) for x in thresholds), 1.0])
        super().__init__(points, True, name, dtype)
        self.num_thresholds = len(points)
        self.curve = check_one_of("curve", str(curve).upper(), ("ROC", "PR", "PRGAIN"))
        methods = ("interpolation", "minoring", "majoring")
        self.summation_method = check_one_of("summation_method", str(summation_method).lower(), methods)
        self.multi_label = check_boolean("multi_label", multi_label)
        self.num_labels = None if num_labels is None else check_positive_integer("num_labels", num_labels)
        self.from_logits = check_boolean("from_logits", from_logits)
        if num_labels is not None and not multi_label:
            raise ValueError(f"num_labels goes with multi_label=True: received num_labels={num_labels!r} without it.")
        self.label_weights = None if label_weights is None else _weights_of_labels(label_weights, self.num_labels)
        self._built = not multi_label or num_labels is not None
        if self._built:
            for kind in self.kinds:
                setattr(self, kind, self.add_variable(self._shape(self.num_labels), name=kind))

    def _shape(self, labels: int | None) -> tuple[int, ...]:
        return (len(self.thresholds),) if labels is None else (len(self.thresholds), labels)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of labels and predictions."""
        labels, numbers, weights = compared(y_true, y_pred, sample_weight)
        xp = array_namespace(numbers)
        if self.from_logits:
            numbers = nn.sigmoid(numbers)
        if self.multi_label:
            self._check_labels(numbers)
            if not self._built:
                self._build_beside(numbers, self._shape(numbers.shape[1]), *self.kinds)
            found = (None if x is None else xp.permute_dims(x, (1, 0)) for x in (labels, numbers, weights))
        else:
            if self.label_weights is not None:
                weights = self._weights_along(xp, numbers) * (xp.ones_like(numbers) if weights is None else weights)
            found = (None if x is None else xp.reshape(x, (1, -1)) for x in (labels, numbers, weights))
        self._count(*found)

    def _check_labels(self, numbers: Any) -> None:
        given = self.label_weights
        known = self.true_positives.shape[1] if self._built else None if given is None else len(given)
        if numbers.ndim != 2 or numbers.shape[1] != (known or numbers.shape[1]):
            raise ValueError(
                f"With multi_label, predictions must have shape (batch, {known or 'labels'}): received "
                f"{describe(numbers)}."
            )

    def _weights_along(self, xp: Any, numbers: Any) -> Any:
        assert self.label_weights is not None
        if numbers.ndim < 1 or numbers.shape[-1] != len(self.label_weights):
            raise ValueError(
                f"label_weights must hold a weight for each element along the last axis of the predictions: received "
                f"{len(self.label_weights)} weights for {describe(numbers)}."
            )
        return xp.asarray(np.asarray(self.label_weights), dtype=numbers.dtype, device=numbers.device)

    def result(self) -> Any:
        """Return the area, 0 where nothing was counted."""
        if not self._built:
            return 0.0
        areas = self._areas_by_counts() if self._interpolates_counts else self._areas_by_heights()
        xp = array_namespace(areas)
        area = xp.sum(areas, axis=0)
        if not self.multi_label:
            return area
        if self.label_weights is None:
            return xp.mean(area)
        weights = self._weights_along(xp, area)
        return quotient(xp.sum(area * weights), xp.sum(weights))

    @property
    def _interpolates_counts(self) -> bool:
        return self.curve == "PR" and self.summation_method == "interpolation"

    def _areas_by_counts(self) -> Any:
        """Return the area of each interval, within which true and false positives grow in proportion."""
        right = self.true_positives.value
        positive = right + self.false_positives.value
        xp = array_namespace(right)
        gained = right[:-1, ...] - right[1:, ...]
        slope = quotient(gained, xp.maximum(positive[:-1, ...] - positive[1:, ...], 0.0))
        intercept = right[1:, ...] - slope * positive[1:, ...]
        growth = quotient(positive[:-1, ...], positive[1:, ...])
        logarithm = xp.log(xp.where(growth > 0, growth, 1.0))
        labelled = right[1:, ...] + self.false_negatives.value[1:, ...]
        return quotient(slope * (gained + intercept * logarithm), labelled)

    def _areas_by_heights(self) -> Any:
        """Return the area of each interval as that of a rectangle."""
        x, y = self._coordinates()
        xp = array_namespace(x)
        upper, lower = y[:-1, ...], y[1:, ...]
        heights = {
            "interpolation": lambda: (upper + lower) / 2.0,
            "minoring": lambda: xp.minimum(upper, lower),
            "majoring": lambda: xp.maximum(upper, lower),
        }
        return (x[:-1, ...] - x[1:, ...]) * heights[self.summation_method]()

    def _coordinates(self) -> tuple[Any, Any]:
        right, wrong, missed, rest = (getattr(self, kind).value for kind in self.kinds)
        xp = array_namespace(right)
        if self.curve == "ROC":
            return quotient(wrong, wrong + rest), quotient(right, right + missed)
        if self.curve == "PR":
            return quotient(right, right + missed), quotient(right, right + wrong)
        odds = quotient(right + missed, rest + wrong)
        recall_gain = xp.where(right == 0, 0.0, 1.0 - odds * quotient(missed, right))
        return xp.maximum(recall_gain, 0.0), xp.where(right == 0, 1.0, 1.0 - odds * quotient(wrong, right))


def _weights_of_labels(given: Sequence[float], number: int | None) -> list[float]:
    found = [check_not_negative("label_weights", float(x)) for x in np.asarray(given).ravel().tolist()]
    if number is not None and len(found) != number:
        raise ValueError(f"label_weights must hold a weight for each label: received {len(found)} for {number} labels.")
    return found
