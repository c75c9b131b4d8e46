"""Metrics of decisions: how often what is said to be is, and what is is said to be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnarray import nn
from nnarray._checks import check_positive_integer, check_whole
from nnarray.array import array_namespace
from nnarray.metrics._counting import quotient
from nnarray.metrics._metric import Metric

Thresholds = float | Sequence[float] | None


class _Counts(Metric):
    """Counts of examples by label and decision, for one threshold or several.

    An element counts as decided for where it exceeds the threshold, and as labelled where its target is not 0.
    """

    _counted: tuple[str, ...] = ()

    def __init__(
        self,
        thresholds: Thresholds = None,
        name: str | None = None,
        dtype: str | None = None,
        top_k: int | None = None,
        class_id: int | None = None,
    ) -> None:
        super().__init__(name, dtype)
        self.thresholds = _checked(thresholds)
        self.top_k = None if top_k is None else check_positive_integer("top_k", top_k)
        self.class_id = None if class_id is None else check_whole("class_id", class_id)
        self._has_threshold = thresholds is not None or top_k is None
        for kind in self._counted:
            setattr(self, kind, self.add_variable((len(self.thresholds),), name=kind))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of labels and predictions."""
        xp, y_true, y_pred = nn.prepare(y_true, y_pred)
        y_true = nn.match_shape(xp, y_true, y_pred)
        numbers = nn.cast(y_pred, nn.computing_dtype(y_pred))
        weights = xp.ones_like(numbers)
        if sample_weight is not None:
            weights = nn.weigh(weights, sample_weight)[0]
        labels = nn.cast(nn.cast(y_true, xp.bool), numbers.dtype) * weights
        kept = None if self.top_k is None else self._among_best(xp, numbers)
        if self.class_id is not None:
            labels, numbers, weights, kept = (
                None if x is None else of_class(x, self.class_id) for x in (labels, numbers, weights, kept)
            )
        decided = self._decided(xp, numbers, kept)
        self._add(xp, xp.reshape(labels, (1, -1)), xp.reshape(weights, (1, -1)), decided)

    def _among_best(self, xp: Any, numbers: Any) -> Any:
        order = xp.argsort(numbers, axis=-1, descending=True, stable=True)
        return xp.argsort(order, axis=-1) < self.top_k

    def _decided(self, xp: Any, numbers: Any, kept: Any) -> Any:
        """Return decisions as numbers, a column for each threshold."""
        limits = xp.asarray(np.asarray(self.thresholds), dtype=numbers.dtype, device=numbers.device)
        decided = xp.reshape(numbers, (-1, 1)) > xp.reshape(limits, (1, -1))
        if kept is not None:
            kept = xp.reshape(kept, (-1, 1))
            decided = decided & kept if self._has_threshold else kept
        return nn.cast(decided, numbers.dtype)

    def _add(self, xp: Any, labels: Any, weights: Any, decided: Any) -> None:
        right, all_ = xp.matmul(labels, decided)[0, :], xp.matmul(weights, decided)[0, :]
        found = {
            "true_positives": lambda: right,
            "false_positives": lambda: all_ - right,
            "false_negatives": lambda: xp.sum(labels) - right,
            "true_negatives": lambda: xp.sum(weights) - xp.sum(labels) - all_ + right,
        }
        for kind in self._counted:
            variable = getattr(self, kind)
            variable.assign_add(nn.cast(found[kind](), array_namespace(variable.value).asarray(0.0).dtype))

    def _single(self, values: Any) -> Any:
        """Return one number where there is one threshold."""
        return values[0] if len(self.thresholds) == 1 else values


def of_class(x: Any, class_id: int) -> Any:
    """Return what an array has of one class along its last axis."""
    if x.ndim < 2 or class_id >= x.shape[-1]:
        raise ValueError(
            f"class_id must be the number of one of the classes along the last axis: received "
            f"class_id={class_id} for predictions of shape {tuple(x.shape)}."
        )
    return x[..., class_id]


def _checked(thresholds: Thresholds) -> list[float]:
    given: Any = 0.5 if thresholds is None else thresholds
    found = [float(x) for x in (given if isinstance(given, (list, tuple, np.ndarray)) else [given])]
    if not found or not all(0 <= x <= 1 for x in found):
        raise ValueError(f"thresholds must lie from 0 to 1: received thresholds={thresholds!r}.")
    return found


class _Count(_Counts):
    def __init__(self, thresholds: Thresholds = None, name: str | None = None, dtype: str | None = None) -> None:
        super().__init__(thresholds, name, dtype)

    def result(self) -> Any:
        return self._single(getattr(self, self._counted[0]).value)


class TruePositives(_Count):
    """Number, or weight, of what is rightly said to be.

    Parameters
    ----------
    thresholds : float or sequence of float, optional
        Above which a prediction says that it is; 0.5 by default. Several give a result each.
    name, dtype : as for `Metric`

    Examples
    --------
    >>> import nnarray as nna
    >>> float(nna.metrics.TruePositives()([1, 1, 0], [0.9, 0.2, 0.8]))
    1.0
    """

    _counted = ("true_positives",)


class FalsePositives(_Count):
    """Number, or weight, of what is wrongly said to be.

    Parameters
    ----------
    thresholds, name, dtype : as for `TruePositives`

    Examples
    --------
    >>> import nnarray as nna
    >>> float(nna.metrics.FalsePositives()([1, 1, 0], [0.9, 0.2, 0.8]))
    1.0
    """

    _counted = ("false_positives",)
    _direction = "down"


class TrueNegatives(_Count):
    """Number, or weight, of what is rightly said not to be.

    Parameters
    ----------
    thresholds, name, dtype : as for `TruePositives`

    Examples
    --------
    >>> import nnarray as nna
    >>> float(nna.metrics.TrueNegatives()([1, 0, 0], [0.9, 0.2, 0.8]))
    1.0
    """

    _counted = ("true_negatives",)


class FalseNegatives(_Count):
    """Number, or weight, of what is wrongly said not to be.

    Parameters
    ----------
    thresholds, name, dtype : as for `TruePositives`

    Examples
    --------
    >>> import nnarray as nna
    >>> float(nna.metrics.FalseNegatives()([1, 1, 0], [0.9, 0.2, 0.8]))
    1.0
    """

    _counted = ("false_negatives",)
    _direction = "down"


class _Ratio(_Counts):
    _direction = "up"

    def __init__(
        self,
        thresholds: Thresholds = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(thresholds, name, dtype, top_k, class_id)

    def result(self) -> Any:
        part, rest = (getattr(self, kind).value for kind in self._counted)
        return self._single(quotient(part, part + rest))


class Precision(_Ratio):
    """Share of what is said to be that is: true positives among all positives, 0 if there are none.

    Parameters
    ----------
    thresholds : float or sequence of float, optional
        Above which a prediction says that it is; 0.5 by default, or none with `top_k`. Several give a result each.
    top_k : int, optional
        Of each example, only the `top_k` greatest predictions can say so.
    class_id : int, optional
        The only class along the last axis that is looked at.
    name, dtype : as for `Metric`

    Examples
    --------
    >>> import nnarray as nna
    >>> float(nna.metrics.Precision()([1, 1, 0, 0], [0.9, 0.2, 0.8, 0.1]))
    0.5
    """

    _counted = ("true_positives", "false_positives")


class Recall(_Ratio):
    """Share of what is that is said to be: true positives among all labelled, 0 if there are none.

    Parameters
    ----------
    thresholds, top_k, class_id, name, dtype : as for `Precision`

    Examples
    --------
    >>> import nnarray as nna
    >>> float(nna.metrics.Recall()([1, 1, 1, 1], [0.9, 0.2, 0.8, 0.7]))
    0.75
    """

    _counted = ("true_positives", "false_negatives")
