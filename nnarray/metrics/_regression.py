"""Means of losses as metrics."""

from __future__ import annotations

from typing import Any

from nnarray import losses
from nnarray.array import array_namespace, where_arrays_are
from nnarray.metrics._mean import MeanMetricWrapper


@where_arrays_are
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Return the cosine of the angle between vectors along `axis`: 1 where they point the same way.

    Examples
    --------
    >>> import nnarray as nna
    >>> float(nna.metrics.cosine_similarity([[0.0, 2.0]], [[2.0, 0.0]])[0])
    0.0
    """
    return -losses.cosine_similarity(y_true, y_pred, axis)


class MeanSquaredError(MeanMetricWrapper):
    """Mean of squared differences of targets and predictions.

    Parameters
    ----------
    name, dtype : as for `Metric`

    Examples
    --------
    >>> import nnarray as nna
    >>> float(nna.metrics.MeanSquaredError()([[0.0], [0.0]], [[2.0], [4.0]]))
    10.0
    """

    def __init__(self, name: str = "mean_squared_error", dtype: str | None = None) -> None:
        super().__init__(losses.mean_squared_error, name, dtype)


class MeanAbsoluteError(MeanMetricWrapper):
    """Mean of absolute differences of targets and predictions.

    Parameters
    ----------
    name, dtype : as for `Metric`

    Examples
    --------
    >>> import nnarray as nna
    >>> float(nna.metrics.MeanAbsoluteError()([[0.0], [0.0]], [[2.0], [-4.0]]))
    3.0
    """

    def __init__(self, name: str = "mean_absolute_error", dtype: str | None = None) -> None:
        super().__init__(losses.mean_absolute_error, name, dtype)


class MeanAbsolutePercentageError(MeanMetricWrapper):
    """Mean of absolute differences in per cent of the targets.

    Parameters
    ----------
    name, dtype : as for `Metric`

    Examples
    --------
    >>> import nnarray as nna
    >>> float(nna.metrics.MeanAbsolutePercentageError()([[2.0], [4.0]], [[1.0], [4.0]]))
    25.0
    """

    def __init__(self, name: str = "mean_absolute_percentage_error", dtype: str | None = None) -> None:
        super().__init__(losses.mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(MeanMetricWrapper):
    """Mean of squared differences of ``log(1 + x)``.

    Parameters
    ----------
    name, dtype : as for `Metric`

    Examples
    --------
    >>> import nnarray as nna
    >>> float(nna.metrics.MeanSquaredLogarithmicError()([[1.0]], [[1.0]]))
    0.0
    """

    def __init__(self, name: str = "mean_squared_logarithmic_error", dtype: str | None = None) -> None:
        super().__init__(losses.mean_squared_logarithmic_error, name, dtype)


class KLDivergence(MeanMetricWrapper):
    """Mean divergence of predicted probabilities from the targets.

    Parameters
    ----------
    name, dtype : as for `Metric`

    Examples
    --------
    >>> import nnarray as nna
    >>> float(nna.metrics.KLDivergence()([[0.5, 0.5]], [[0.5, 0.5]]))
    0.0
    """

    def __init__(self, name: str = "kl_divergence", dtype: str | None = None) -> None:
        super().__init__(losses.kl_divergence, name, dtype)


class Poisson(MeanMetricWrapper):
    """Mean loss of expected counts.

    Parameters
    ----------
    name, dtype : as for `Metric`

    Examples
    --------
    >>> import nnarray as nna
    >>> float(nna.metrics.Poisson()([[0.0]], [[2.0]]))
    2.0
    """

    def __init__(self, name: str = "poisson", dtype: str | None = None) -> None:
        super().__init__(losses.poisson, name, dtype)


class Hinge(MeanMetricWrapper):
    """Mean hinge loss of labels -1 and 1, or 0 and 1.

    Parameters
    ----------
    name, dtype : as for `Metric`

    Examples
    --------
    >>> import nnarray as nna
    >>> float(nna.metrics.Hinge()([[-1.0]], [[0.5]]))
    1.5
    """

    def __init__(self, name: str = "hinge", dtype: str | None = None) -> None:
        super().__init__(losses.hinge, name, dtype)


class SquaredHinge(MeanMetricWrapper):
    """Mean squared hinge loss of labels -1 and 1, or 0 and 1.

    Parameters
    ----------
    name, dtype : as for `Metric`

    Examples
    --------
    >>> import nnarray as nna
    >>> float(nna.metrics.SquaredHinge()([[-1.0]], [[1.0]]))
    4.0
    """

    def __init__(self, name: str = "squared_hinge", dtype: str | None = None) -> None:
        super().__init__(losses.squared_hinge, name, dtype)


class CategoricalHinge(MeanMetricWrapper):
    """Mean hinge loss of one-hot labels.

    Parameters
    ----------
    name, dtype : as for `Metric`

    Examples
    --------
    >>> import nnarray as nna
    >>> float(nna.metrics.CategoricalHinge()([[0.0, 1.0]], [[0.5, 0.25]]))
    1.25
    """

    def __init__(self, name: str = "categorical_hinge", dtype: str | None = None) -> None:
        super().__init__(losses.categorical_hinge, name, dtype)


class LogCoshError(MeanMetricWrapper):
    """Mean logarithm of the hyperbolic cosine of differences.

    Parameters
    ----------
    name, dtype : as for `Metric`

    Examples
    --------
    >>> import nnarray as nna
    >>> float(nna.metrics.LogCoshError()([[0.0]], [[0.0]]))
    0.0
    """

    def __init__(self, name: str = "logcosh", dtype: str | None = None) -> None:
        super().__init__(losses.log_cosh, name, dtype)


class RootMeanSquaredError(MeanMetricWrapper):
    """Root of the mean of squared differences of targets and predictions.

    Parameters
    ----------
    name, dtype : as for `Metric`

    Examples
    --------
    >>> import nnarray as nna
    >>> float(nna.metrics.RootMeanSquaredError()([[0.0], [0.0]], [[1.0], [7.0]]))
    5.0
    """

    def __init__(self, name: str = "root_mean_squared_error", dtype: str | None = None) -> None:
        super().__init__(losses.mean_squared_error, name, dtype)

    def result(self) -> Any:
        mean = super().result()
        return array_namespace(mean).sqrt(mean)


class CosineSimilarity(MeanMetricWrapper):
    """Mean cosine of the angle between targets and predictions, the greater the better.

    Parameters
    ----------
    name, dtype : as for `Metric`
    axis : int

    Examples
    --------
    >>> import nnarray as nna
    >>> float(nna.metrics.CosineSimilarity()([[1.0, 0.0]], [[5.0, 0.0]]))
    1.0
    """

    def __init__(self, name: str = "cosine_similarity", dtype: str | None = None, axis: int = -1) -> None:
        self._direction = "up"
        super().__init__(cosine_similarity, name, dtype, axis=axis)
        self.axis = axis
