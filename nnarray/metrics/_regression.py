"""Errors of predicted numbers."""

from __future__ import annotations

from nnarray import losses
from nnarray.metrics._mean import MeanMetricWrapper


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
