"""Means of precision and recall."""

from __future__ import annotations

from typing import Any

from nnarray import nn
from nnarray._checks import check_one_of, check_positive, check_share
from nnarray._messages import describe
from nnarray.array import array_namespace
from nnarray.metrics._metric import Metric

#: What Keras adds to each divisor.
_EPSILON = 1e-7
_KINDS = ("true_positives", "false_positives", "false_negatives", "intermediate_weights")


class FBetaScore(Metric):
    """Weighted harmonic mean of precision P and recall R, ``(1 + beta²) P R / (beta² P + R)``, for each class.

    The state is made at the first batch, which tells the number of classes.

    Parameters
    ----------
    average : {None, "micro", "macro", "weighted"}
        None gives a score for each class, shape (classes,); ``"macro"`` their mean, ``"weighted"`` that by how often
        each class is labelled; ``"micro"`` the score of all decisions together.
    beta : float
        Above 0; how many times as much recall counts as precision.
    threshold : float, optional
        Above 0, up to 1: predictions above it decide for their class. None lets the greatest of each example do so,
        unless it is 0.
    name, dtype : as for `Metric`

    Examples
    --------
    >>> import nnarray as nna
    >>> metric = nna.metrics.FBetaScore(beta=2.0, threshold=0.5)
    >>> y_true = [[1, 1, 1], [1, 0, 0], [1, 1, 0]]
    >>> y_pred = [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]]
    >>> print(metric(y_true, y_pred).round(4))
    [0.3846 0.9091 0.8333]
    """

    _direction = "up"
    true_positives: Any
    false_positives: Any
    false_negatives: Any
    intermediate_weights: Any

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str = "fbeta_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, dtype)
        self.average = check_one_of("average", average, (None, "micro", "macro", "weighted"))
        self.beta = check_positive("beta", beta)
        self.threshold = threshold if threshold is None else check_share("threshold", threshold, closed=True)
        if threshold == 0:
            raise ValueError(f"threshold must be above 0: received threshold={threshold!r}.")
        self._built = False

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of labels and predictions, both of shape (batch, classes)."""
        xp, y_true, y_pred = nn.align(y_true, y_pred)
        check_outputs(self, y_pred)
        is_one = self.average == "micro"
        if not self._built:
            self._build_beside(y_pred, () if is_one else y_pred.shape[1:], *_KINDS)
        if self.threshold is not None:
            decided = y_pred > self.threshold
        else:
            decided = (y_pred >= xp.max(y_pred, axis=-1, keepdims=True)) & (xp.abs(y_pred) > 1e-9)
        decided = nn.cast(decided, y_pred.dtype)
        for kind, values in zip(
            _KINDS, (decided * y_true, decided * (1 - y_true), (1 - decided) * y_true, y_true), strict=True
        ):
            weighted = values if sample_weight is None else nn.weigh(values, sample_weight)[0]
            getattr(self, kind).assign_add(xp.sum(weighted, axis=None if is_one else 0))

    def result(self) -> Any:
        """Return the score, 0 where nothing was counted."""
        if not self._built:
            return 0.0
        right, wrong, missed, labelled = (getattr(self, kind).value for kind in _KINDS)
        xp = array_namespace(right)
        precision = right / (right + wrong + _EPSILON)
        recall = right / (right + missed + _EPSILON)
        scores = (1 + self.beta**2) * (precision * recall / (self.beta**2 * precision + recall + _EPSILON))
        if self.average == "weighted":
            return xp.sum(scores * (labelled / (xp.sum(labelled) + _EPSILON)))
        return scores if self.average is None else xp.mean(scores)


class F1Score(FBetaScore):
    """Harmonic mean of precision P and recall R, ``2 P R / (P + R)``, for each class.

    Parameters
    ----------
    average, threshold, name, dtype : as for `FBetaScore`

    Examples
    --------
    >>> import nnarray as nna
    >>> metric = nna.metrics.F1Score(threshold=0.5)
    >>> y_true = [[1, 1, 1], [1, 0, 0], [1, 1, 0]]
    >>> y_pred = [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]]
    >>> print(metric(y_true, y_pred).round(4))
    [0.5    0.8    0.6667]
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str = "f1_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)


def check_outputs(metric: Metric, y_pred: Any) -> None:
    """Raise ValueError unless predictions have two axes, and as many outputs as those before."""
    known = next((v.shape[0] for v in metric.variables if v.shape), None)
    if y_pred.ndim != 2 or known not in (None, y_pred.shape[1]):
        cure = " Give each output a column: y_pred[:, None]." if y_pred.ndim == 1 else ""
        raise ValueError(
            f"{type(metric).__name__} takes targets and predictions of shape (batch, {known or 'outputs'}): received "
            f"predictions {describe(y_pred)}.{cure}"
        )
