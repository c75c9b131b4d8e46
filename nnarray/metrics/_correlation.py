"""How far predictions explain the targets, and how they go along with them."""

from __future__ import annotations

from typing import Any

from nnarray import nn
from nnarray._checks import check_one_of, check_whole
from nnarray._messages import describe
from nnarray.array import array_namespace, where_arrays_are
from nnarray.metrics._counting import quotient
from nnarray.metrics._fbeta import check_outputs
from nnarray.metrics._mean import MeanMetricWrapper
from nnarray.metrics._metric import Metric

Axes = int | tuple[int, ...]


@where_arrays_are
def pearson_correlation(y_true: Any, y_pred: Any, axis: Axes = -1) -> Any:
    """Return Pearson's correlation of targets and predictions along `axis`: covariance over standard deviations.

    Parameters
    ----------
    y_true, y_pred : arrays of one shape
    axis : int or tuple of int

    Returns
    -------
    array, that shape without `axis`
        From -1 to 1; 0 where targets or predictions do not vary, where Keras gives NaN.

    Examples
    --------
    >>> import nnarray as nna
    >>> y_true, y_pred = [[0, 1, 0.5], [1, 1, 0.2]], [[0.1, 0.9, 0.5], [1, 0.9, 0.2]]
    >>> print(nna.metrics.pearson_correlation(y_true, y_pred).round(4))
    [1.     0.9934]
    """
    xp, y_true, y_pred = nn.align(y_true, y_pred)
    _check_axis(y_pred, axis)
    y_true, y_pred = (x - xp.mean(x, axis=axis, keepdims=True) for x in (y_true, y_pred))
    # The roots are taken first: a product of variances underflows.
    deviations = [xp.sqrt(xp.mean(xp.square(x), axis=axis, keepdims=True)) for x in (y_true, y_pred)]
    return xp.mean(quotient(y_true, deviations[0]) * quotient(y_pred, deviations[1]), axis=axis)


@where_arrays_are
def concordance_correlation(y_true: Any, y_pred: Any, axis: Axes = -1) -> Any:
    """Return Lin's concordance of targets and predictions along `axis`: how near they are to being equal.

    ``2 cov(t, p) / (var(t) + var(p) + (mean(t) - mean(p))²)``: Lin, "A Concordance Correlation Coefficient to Evaluate
    Reproducibility", 1989. As in Keras, 1e-7 is added to the divisor.

    Parameters
    ----------
    y_true, y_pred : arrays of one shape
    axis : int or tuple of int

    Returns
    -------
    array, that shape without `axis`
        From -1 to 1.

    Examples
    --------
    >>> import nnarray as nna
    >>> y_true, y_pred = [[0, 1, 0.5], [1, 1, 0.2]], [[0.1, 0.9, 0.5], [1, 0.9, 0.2]]
    >>> print(nna.metrics.concordance_correlation(y_true, y_pred).round(4))
    [0.9756 0.9877]
    """
    xp, y_true, y_pred = nn.align(y_true, y_pred)
    _check_axis(y_pred, axis)
    means = [xp.mean(x, axis=axis, keepdims=True) for x in (y_true, y_pred)]
    y_true, y_pred = y_true - means[0], y_pred - means[1]
    spread = xp.mean(xp.square(y_true) + xp.square(y_pred), axis=axis, keepdims=True)
    return xp.mean(2 * y_true * y_pred / (spread + xp.square(means[0] - means[1]) + 1e-7), axis=axis)


def _check_axis(x: Any, axis: Axes) -> None:
    """Raise ValueError where each example is correlated by itself and has a single number."""
    axes = axis if isinstance(axis, tuple) else (axis,)
    if not all(-x.ndim <= place < x.ndim for place in axes):
        raise ValueError(f"axis must be one of the axes of the predictions: received axis={axis} for {describe(x)}.")
    places = {place % x.ndim for place in axes}
    if 0 not in places and all(x.shape[place] == 1 for place in places):
        raise ValueError(
            f"A correlation needs two or more numbers: received axis={axis} for predictions {describe(x)}. "
            "axis=0 correlates over each batch."
        )


class PearsonCorrelation(MeanMetricWrapper):
    """Mean over examples of Pearson's correlation along `axis`; see `pearson_correlation`.

    Parameters
    ----------
    name, dtype : as for `Metric`
    axis : int or tuple of int
        0 gives the mean over batches of the correlation within each.

    Examples
    --------
    >>> import nnarray as nna
    >>> y_true, y_pred = [[0, 1, 0.5], [1, 1, 0.2]], [[0.1, 0.9, 0.5], [1, 0.9, 0.2]]
    >>> round(float(nna.metrics.PearsonCorrelation()(y_true, y_pred)), 4)
    0.9967
    """

    _direction = "up"

    def __init__(self, name: str = "pearson_correlation", dtype: str | None = None, axis: Axes = -1) -> None:
        super().__init__(pearson_correlation, name, dtype, axis=axis)
        self.axis = axis


class ConcordanceCorrelation(MeanMetricWrapper):
    """Mean over examples of Lin's concordance along `axis`; see `concordance_correlation`.

    Parameters
    ----------
    name, dtype : as for `Metric`
    axis : int or tuple of int
        0 gives the mean over batches of the concordance within each.

    Examples
    --------
    >>> import nnarray as nna
    >>> y_true, y_pred = [[0, 1, 0.5], [1, 1, 0.2]], [[0.1, 0.9, 0.5], [1, 0.9, 0.2]]
    >>> round(float(nna.metrics.ConcordanceCorrelation()(y_true, y_pred)), 4)
    0.9816
    """

    _direction = "up"

    def __init__(self, name: str = "concordance_correlation", dtype: str | None = None, axis: Axes = -1) -> None:
        super().__init__(concordance_correlation, name, dtype, axis=axis)
        self.axis = axis


class R2Score(Metric):
    """Coefficient of determination, ``1 - sum((t - p)²) / sum((t - mean(t))²)``, for each output.

    It is 1 for exact predictions, 0 for ones no better than the mean, and 0 for targets that do not vary. The state is
    made at the first batch, which tells the number of outputs; sums are of differences from that batch's mean, so that
    targets far from 0 keep their variance.

    Parameters
    ----------
    class_aggregation : {"uniform_average", "variance_weighted_average", None}
        The mean over outputs, that by the variance of their targets, or a score for each, shape (outputs,).
    num_regressors : int
        p of the adjusted score ``1 - (1 - R²) (n - 1) / (n - p - 1)``, which is given where n, the number of targets
        over all outputs, is above p + 1.
    name, dtype : as for `Metric`

    Examples
    --------
    >>> import nnarray as nna
    >>> round(float(nna.metrics.R2Score()([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]])), 4)
    0.5714
    """

    _direction = "up"
    origin: Any
    sum: Any
    squared_sum: Any
    residual: Any
    count: Any

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str = "r2_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, dtype)
        known = ("uniform_average", "variance_weighted_average", None)
        self.class_aggregation = check_one_of("class_aggregation", class_aggregation, known)
        self.num_regressors = check_whole("num_regressors", num_regressors)
        self.num_samples = self.add_variable(name="num_samples")
        self._built = False

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of targets and predictions, both of shape (batch, outputs)."""
        xp, y_true, y_pred = nn.align(y_true, y_pred)
        check_outputs(self, y_pred)
        if not self._built:
            self._build_beside(y_pred, y_pred.shape[1:], "origin", "sum", "squared_sum", "residual", "count")
        weights = xp.ones_like(y_pred)
        if sample_weight is not None:
            weights = nn.weigh(weights, sample_weight)[0]
        number = xp.sum(weights, axis=0)
        origin = nn.cast(self.origin.value, y_pred.dtype)
        origin = xp.where(self.count.value == 0, quotient(xp.sum(weights * y_true, axis=0), number), origin)
        away = y_true - origin
        self.origin.assign(origin)
        self.sum.assign_add(xp.sum(weights * away, axis=0))
        self.squared_sum.assign_add(xp.sum(weights * xp.square(away), axis=0))
        self.residual.assign_add(xp.sum(weights * xp.square(y_true - y_pred), axis=0))
        self.count.assign_add(number)
        self.num_samples.assign_add(y_true.shape[0] * y_true.shape[1])

    def result(self) -> Any:
        """Return the score, 0 where nothing was counted."""
        if not self._built:
            return 0.0
        origin, residual, count = self.origin.value, self.residual.value, self.count.value
        xp = array_namespace(count)
        total = self.squared_sum.value - self.sum.value * quotient(self.sum.value, count)
        # What equal targets leave is the rounding of their mean.
        varies = total > count * xp.square(origin * float(xp.finfo(origin.dtype).eps))
        total = xp.where(varies, total, 0.0)
        scores = xp.where(varies, 1.0 - quotient(residual, total), 0.0)
        if self.class_aggregation == "uniform_average":
            scores = xp.mean(scores)
        elif self.class_aggregation is not None:
            scores = quotient(xp.sum(total * scores), xp.sum(total))
        if self.num_regressors == 0:
            return scores
        free = self.num_samples.value - self.num_regressors - 1
        adjusted = 1.0 - (1.0 - scores) * quotient(self.num_samples.value - 1, free)
        return xp.where(free > 0, adjusted, scores)
