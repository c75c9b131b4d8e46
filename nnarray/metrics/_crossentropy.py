"""Means of cross-entropies as metrics."""

from __future__ import annotations

from nnarray import losses
from nnarray.metrics._mean import MeanMetricWrapper


class BinaryCrossentropy(MeanMetricWrapper):
    """Mean cross-entropy of labels from 0 to 1 and probabilities; see `nnarray.losses.BinaryCrossentropy`.

    Parameters
    ----------
    name, dtype : as for `Metric`
    from_logits : bool
    label_smoothing : float
        Moves labels towards 0.5 by this share.

    Examples
    --------
    >>> import nnarray as nna
    >>> round(float(nna.metrics.BinaryCrossentropy()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]])), 4)
    0.8149
    """

    def __init__(
        self,
        name: str = "binary_crossentropy",
        dtype: str | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(losses.BinaryCrossentropy(from_logits, label_smoothing), name, dtype)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing


class CategoricalCrossentropy(MeanMetricWrapper):
    """Mean cross-entropy of one-hot labels and class probabilities; see `nnarray.losses.CategoricalCrossentropy`.

    Parameters
    ----------
    name, dtype : as for `Metric`
    from_logits : bool
    label_smoothing : float
        Moves labels towards the uniform distribution by this share.
    axis : int
        That of the classes.

    Examples
    --------
    >>> import nnarray as nna
    >>> metric = nna.metrics.CategoricalCrossentropy()
    >>> round(float(metric([[0, 1, 0], [0, 0, 1]], [[0.05, 0.95, 0], [0.1, 0.8, 0.1]])), 4)
    1.1769
    """

    def __init__(
        self,
        name: str = "categorical_crossentropy",
        dtype: str | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
    ) -> None:
        super().__init__(losses.CategoricalCrossentropy(from_logits, label_smoothing, axis), name, dtype)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """Mean cross-entropy of integer labels and class probabilities.

    As in `nnarray.losses.SparseCategoricalCrossentropy`, examples of the ignored class do not count; Keras' metric
    counts them as zeros.

    Parameters
    ----------
    name, dtype : as for `Metric`
    from_logits : bool
    ignore_class : int, optional
        A label that is left out.
    axis : int
        That of the classes.

    Examples
    --------
    >>> import nnarray as nna
    >>> metric = nna.metrics.SparseCategoricalCrossentropy()
    >>> round(float(metric([1, 2], [[0.05, 0.95, 0], [0.1, 0.8, 0.1]])), 4)
    1.1769
    """

    def __init__(
        self,
        name: str = "sparse_categorical_crossentropy",
        dtype: str | None = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        loss = losses.SparseCategoricalCrossentropy(from_logits, ignore_class, axis=axis)
        super().__init__(loss, name, dtype)
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis
