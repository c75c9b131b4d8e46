"""Losses as objects: arguments bound, and what targets they admit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nnarray import nn
from nnarray.losses import _functions as functions
from nnarray.losses._loss import Loss, LossFunctionWrapper
from nnarray.losses._targets import SAME_SHAPE, Labels, SameShape


class _CrossEntropy(LossFunctionWrapper):
    """A loss on probabilities, computed from logits where these are known."""

    _activation: str

    def __init__(
        self, fn: Any, from_logits: bool, axis: int, reduction: str | None, name: str, dtype: str | None, **kwargs: Any
    ) -> None:
        super().__init__(fn, reduction, name, dtype, axis=axis, **kwargs)
        self.from_logits = from_logits
        self.axis = axis

    def call(self, y_true: Any, y_pred: Any) -> Any:
        logits = None if self.from_logits else nn.logits_of(y_pred, self._activation, self.axis)
        if logits is not None:
            return self.fn(y_true, logits, from_logits=True, **self._fn_kwargs)
        return self.fn(y_true, y_pred, from_logits=self.from_logits, **self._fn_kwargs)


class BinaryCrossentropy(_CrossEntropy):
    """Cross-entropy of labels 0 or 1 (or between) and probabilities; see `binary_crossentropy`.

    Outputs that are known to be `nnarray.activations.sigmoid` of something, as those of a model that ends in it, give
    the loss of these logits: exact where the sigmoid saturates.

    Parameters
    ----------
    from_logits : bool
    label_smoothing : float
    axis : int
    reduction, name, dtype : as for `Loss`

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.losses.BinaryCrossentropy()(np.asarray([[1.0], [0.0]]), np.asarray([[0.5], [0.5]])).round(4))
    0.6931
    """

    _activation = "sigmoid"
    targets = SameShape(0, 1, "binary_crossentropy takes labels from 0 to 1")

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_crossentropy",
        dtype: str | None = None,
    ) -> None:
        fn = functions.binary_crossentropy
        super().__init__(fn, from_logits, axis, reduction, name, dtype, label_smoothing=label_smoothing)
        self.label_smoothing = label_smoothing


class CategoricalCrossentropy(_CrossEntropy):
    """Cross-entropy of one-hot labels and class probabilities; see `categorical_crossentropy`.

    Outputs that are known to be `nnarray.activations.softmax` of something give the loss of these logits.

    Parameters
    ----------
    from_logits : bool
    label_smoothing : float
    axis : int
    reduction, name, dtype : as for `Loss`

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.losses.CategoricalCrossentropy()(np.asarray([[0.0, 1.0]]), np.asarray([[0.5, 0.5]])).round(4))
    0.6931
    """

    _activation = "softmax"
    targets = SameShape(0, 1, "categorical_crossentropy takes one-hot labels or class probabilities, from 0 to 1")

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_crossentropy",
        dtype: str | None = None,
    ) -> None:
        fn = functions.categorical_crossentropy
        super().__init__(fn, from_logits, axis, reduction, name, dtype, label_smoothing=label_smoothing)
        self.label_smoothing = label_smoothing


class SparseCategoricalCrossentropy(_CrossEntropy):
    """Cross-entropy of integer labels and class probabilities; see `sparse_categorical_crossentropy`.

    Outputs that are known to be `nnarray.activations.softmax` of something give the loss of these logits.

    Parameters
    ----------
    from_logits : bool
    ignore_class : int, optional
        Examples with this label have loss zero, and a mean does not count them.
    reduction : as for `Loss`
    axis : int
    name, dtype : as for `Loss`

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.losses.SparseCategoricalCrossentropy()(np.asarray([1]), np.asarray([[0.5, 0.5]])).round(4))
    0.6931
    """

    _activation = "softmax"
    sparse = True

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
        dtype: str | None = None,
    ) -> None:
        fn = functions.sparse_categorical_crossentropy
        super().__init__(fn, from_logits, axis, reduction, name, dtype, ignore_class=ignore_class)
        self.ignore_class = ignore_class

    @property
    def targets(self) -> Labels:  # type: ignore[override]
        """Labels of the outputs' classes, and the one that is ignored."""
        return Labels(self.axis, self.ignore_class)

    def counted(self, y_true: Any, values: Any) -> Any:
        if self.ignore_class is None:
            return None
        xp, y_true, values = nn.prepare(y_true, values)
        return xp.reshape(y_true, values.shape) != self.ignore_class


class MeanSquaredError(LossFunctionWrapper):
    """Mean of squared differences; see `mean_squared_error`.

    Parameters
    ----------
    reduction, name, dtype : as for `Loss`

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.losses.MeanSquaredError()(np.asarray([[0.0, 0.0]]), np.asarray([[1.0, 3.0]])))
    5.0
    """

    targets = SAME_SHAPE

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_squared_error",
        dtype: str | None = None,
    ) -> None:
        super().__init__(functions.mean_squared_error, reduction, name, dtype)


class FittingCrossentropy(Loss):
    """Binary, sparse or categorical cross-entropy, whichever the shapes of targets and outputs call for.

    Parameters
    ----------
    name, reduction, dtype : as for `Loss`
    """

    def __init__(
        self,
        name: str = "crossentropy",
        reduction: str | None = "sum_over_batch_size",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        kinds: dict[str, Any] = {
            "binary": BinaryCrossentropy,
            "sparse": SparseCategoricalCrossentropy,
            "categorical": CategoricalCrossentropy,
        }
        self._kinds = {kind: cls(reduction=reduction, dtype=dtype) for kind, cls in kinds.items()}

    def fitting(self, y_shape: Sequence[int | None], output_shape: Sequence[int | None]) -> Loss:
        """Return the loss for targets and outputs of these shapes."""
        return self._kinds[nn.kind_of_targets(y_shape, output_shape)]

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        _, y_true, y_pred = nn.prepare(y_true, y_pred)
        return self.fitting(y_true.shape, y_pred.shape)(y_true, y_pred, sample_weight)

    def per_example(self, y_true: Any, y_pred: Any) -> Any:
        _, y_true, y_pred = nn.prepare(y_true, y_pred)
        return self.fitting(y_true.shape, y_pred.shape).per_example(y_true, y_pred)

    def check_targets(self, y: Any, output_shape: Sequence[int | None]) -> None:
        self.fitting(y.shape, output_shape).check_targets(y, output_shape)

    def target_limits(self, y: Any, output_shape: Sequence[int | None]) -> tuple[float, float] | None:
        return self.fitting(y.shape, output_shape).target_limits(y, output_shape)
