"""Metrics of classes, from how often each is predicted for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnarray import nn
from nnarray._checks import check_boolean, check_finite, check_one_of, check_positive_integer, check_whole
from nnarray._messages import describe
from nnarray.array import array_namespace
from nnarray.metrics._counting import histogram, quotient
from nnarray.metrics._metric import Metric

#: What Keras adds to each divisor.
_EPSILON = 1e-7


class _ClassPairs(Metric):
    """Keeps the weight of each pair of a labelled and a predicted class, in a row for each label.

    Classes beyond those that are known do not count.
    """

    def __init__(self, num_classes: int, name: str | None, dtype: str | None, ignore_class: int | None = None) -> None:
        super().__init__(name, dtype)
        self.num_classes = check_positive_integer("num_classes", num_classes)
        self.ignore_class = ignore_class
        self.total_cm = self.add_variable((num_classes, num_classes), name="total_confusion_matrix")

    def _count(self, labels: Any, predicted: Any, sample_weight: Any) -> None:
        """Add integer classes."""
        xp, number = array_namespace(predicted), self.num_classes
        integer = xp.arange(1).dtype
        labels = nn.cast(nn.match_shape(xp, labels, predicted), integer)
        predicted = nn.cast(predicted, integer)
        is_known = (labels >= 0) & (labels < number) & (predicted >= 0) & (predicted < number)
        if self.ignore_class is not None:
            is_known = is_known & (labels != self.ignore_class)
        codes = xp.reshape(xp.where(is_known, labels * number + predicted, number**2), (1, -1))
        weights, dtype = None, getattr(xp, self.total_cm.dtype)
        if sample_weight is not None:
            ones = xp.ones_like(predicted, dtype=dtype)
            weights = xp.reshape(nn.weigh(ones, sample_weight)[0], (1, -1))
        counts = histogram(codes, number**2 + 1, weights)[0, : number**2]
        self.total_cm.assign_add(nn.cast(xp.reshape(counts, (number, number)), dtype))


class IoU(_ClassPairs):
    """Mean over some classes of intersection over union, ``TP / (TP + FP + FN)``, of what is labelled and predicted.

    Classes that are neither labelled nor predicted are left out of the mean. Weights count as they are, where Keras
    makes whole numbers of them.

    Parameters
    ----------
    num_classes : int
        Labels and predictions beyond 0 … num_classes - 1 do not count.
    target_class_ids : sequence of int
        The classes of which the mean is taken.
    name, dtype : as for `Metric`
    ignore_class : int, optional
        Examples with this label do not count.
    sparse_y_true, sparse_y_pred : bool
        Whether labels and predictions are classes; otherwise they have an axis of scores, the greatest of which counts.
    axis : int
        That of the scores.

    Examples
    --------
    >>> import nnarray as nna
    >>> round(float(nna.metrics.IoU(num_classes=2, target_class_ids=[0])([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333
    """

    _direction = "up"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class)
        self.target_class_ids = [check_whole("target_class_ids", x) for x in target_class_ids]
        if not self.target_class_ids or max(self.target_class_ids) >= num_classes:
            raise ValueError(
                f"target_class_ids must name classes from 0 to {num_classes - 1}: received "
                f"target_class_ids={target_class_ids!r}."
            )
        self.sparse_y_true = check_boolean("sparse_y_true", sparse_y_true)
        self.sparse_y_pred = check_boolean("sparse_y_pred", sparse_y_pred)
        self.axis = axis

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of labels and predictions."""
        _, y_true, y_pred = nn.prepare(y_true, y_pred)
        labels = y_true if self.sparse_y_true else _greatest(y_true, self.axis)
        predicted = y_pred if self.sparse_y_pred else _greatest(y_pred, self.axis)
        self._count(labels, predicted, sample_weight)

    def result(self) -> Any:
        """Return the mean, 0 where nothing was counted."""
        pairs = self.total_cm.value
        xp = array_namespace(pairs)
        right = xp.linalg.diagonal(pairs)
        union = xp.sum(pairs, axis=0) + xp.sum(pairs, axis=1) - right
        is_target = np.isin(np.arange(self.num_classes), self.target_class_ids)
        counted = xp.asarray(is_target, device=pairs.device) & (union > 1e-9)
        number = xp.sum(nn.cast(counted, pairs.dtype))
        return xp.sum(xp.where(counted, right / (union + _EPSILON), 0.0)) / (number + _EPSILON)


class BinaryIoU(IoU):
    """Mean over the classes 0 and 1, or one of them, of intersection over union, of predictions by a threshold.

    Parameters
    ----------
    target_class_ids : sequence of int
    threshold : float
        Predictions of at least this are of class 1.
    name, dtype : as for `Metric`

    Examples
    --------
    >>> import nnarray as nna
    >>> round(float(nna.metrics.BinaryIoU(threshold=0.3)([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])), 4)
    0.3333
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = check_finite("threshold", threshold)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of labels 0 or 1 and predictions."""
        _, y_true, y_pred = nn.prepare(y_true, y_pred)
        self._count(y_true, nn.cast(y_pred, nn.computing_dtype(y_pred)) >= self.threshold, sample_weight)


class MeanIoU(IoU):
    """Mean over all classes of intersection over union, ``TP / (TP + FP + FN)``.

    Parameters
    ----------
    num_classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis : as for `IoU`

    Examples
    --------
    >>> import nnarray as nna
    >>> round(float(nna.metrics.MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        classes = range(check_positive_integer("num_classes", num_classes))
        super().__init__(num_classes, classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)


class OneHotIoU(IoU):
    """Mean over some classes of intersection over union, of one-hot labels.

    Parameters
    ----------
    num_classes, target_class_ids, name, dtype, ignore_class, sparse_y_pred, axis : as for `IoU`

    Examples
    --------
    >>> import nnarray as nna
    >>> metric = nna.metrics.OneHotIoU(num_classes=3, target_class_ids=[0, 2])
    >>> float(metric([[0, 0, 1], [1, 0, 0]], [[0.2, 0.3, 0.5], [0.1, 0.2, 0.7]]).round(4))
    0.25
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)


class OneHotMeanIoU(MeanIoU):
    """Mean over all classes of intersection over union, of one-hot labels.

    Parameters
    ----------
    num_classes, name, dtype, ignore_class, sparse_y_pred, axis : as for `IoU`

    Examples
    --------
    >>> import nnarray as nna
    >>> metric = nna.metrics.OneHotMeanIoU(num_classes=3)
    >>> float(metric([[0, 0, 1], [1, 0, 0]], [[0.2, 0.3, 0.5], [0.1, 0.2, 0.7]]).round(4))
    0.25
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)


class ConfusionMatrix(_ClassPairs):
    """How often each class is predicted for each: rows are labels, columns predictions.

    Parameters
    ----------
    num_classes : int
        Labels and predictions beyond 0 … num_classes - 1 do not count.
    normalize : {None, "true", "pred", "all"}
        Whether to give numbers, or shares of what is labelled so, predicted so, or of all.
    name, dtype : as for `Metric`

    Examples
    --------
    >>> import nnarray as nna
    >>> matrix = nna.metrics.ConfusionMatrix(num_classes=2)
    >>> matrix([0, 0, 1], [[0.9, 0.1], [0.3, 0.7], [0.2, 0.8]]).tolist()
    [[1.0, 1.0], [0.0, 1.0]]
    """

    def __init__(
        self,
        num_classes: int,
        normalize: str | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(num_classes, name, dtype)
        self.normalize = check_one_of("normalize", normalize, (None, "true", "pred", "all"))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch.

        Parameters
        ----------
        y_true : array
            Classes, or one-hot vectors along the last axis beside scores.
        y_pred : array
            Floating-point scores of the classes along the last of two or more axes; or classes. Of two classes, one
            number above 0.5 is class 1.
        sample_weight : array or number, optional
        """
        xp, y_true, y_pred = nn.prepare(y_true, y_pred)
        is_floating = xp.isdtype(y_pred.dtype, "real floating")
        if is_floating and y_pred.ndim > 1 and y_pred.shape[-1] == self.num_classes:
            if y_true.shape == y_pred.shape:
                y_true = _greatest(y_true, -1)
            y_pred = _greatest(y_pred, -1)
        elif is_floating and self.num_classes == 2:
            y_pred = y_pred > 0.5
        self._count(y_true, y_pred, sample_weight)

    def result(self) -> Any:
        """Return the matrix, shape (num_classes, num_classes)."""
        pairs = self.total_cm.value
        if self.normalize is None:
            return pairs
        axis = {"true": 1, "pred": 0, "all": None}[self.normalize]
        return quotient(pairs, array_namespace(pairs).sum(pairs, axis=axis, keepdims=True))


def _greatest(scores: Any, axis: int) -> Any:
    """Return which of the scores along an axis is the greatest."""
    if not -scores.ndim <= axis < scores.ndim:
        raise ValueError(f"axis must be one of the axes of the scores: received axis={axis} for {describe(scores)}.")
    return array_namespace(scores).argmax(nn.cast(scores, nn.computing_dtype(scores)), axis=axis)
