"""Further losses of probabilities: focal and robust cross-entropies, divergence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nnarray import nn
from nnarray.array import where_arrays_are
from nnarray.config import epsilon
from nnarray.losses._loss import LossFunctionWrapper
from nnarray.losses._targets import Labels, SameShape


@where_arrays_are
def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Return the mean over `axis` of the binary cross-entropy times ``(1 - p)^gamma``, p that of the right class.

    Lin et al., "Focal loss for dense object detection", ICCV 2017, equations 4 and 5.

    Parameters
    ----------
    y_true : array, shape (batch, …)
        Labels in [0, 1].
    y_pred : array, the same shape
        Probabilities, or logits.
    apply_class_balancing : bool
        Whether class 1 is weighted by `alpha` and class 0 by ``1 - alpha``.
    alpha, gamma : float
    from_logits : bool
    label_smoothing : float
        Moves labels towards 0.5 by this share.
    axis : int

    Returns
    -------
    array, shape (batch, …) without `axis`; of arrays of shape (batch,), that shape

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.losses.binary_focal_crossentropy(np.asarray([[1.0]]), np.asarray([[0.5]])).round(4)
    array([0.1733])
    """
    xp, y_true, y_pred = nn.align(y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        y_pred = nn.sigmoid(y_pred)
    right = y_true * y_pred + (1.0 - y_true) * (1.0 - y_pred)
    losses = (1.0 - right) ** gamma * nn.binary_crossentropy(y_true, y_pred)
    if apply_class_balancing:
        losses = (y_true * alpha + (1.0 - y_true) * (1.0 - alpha)) * losses
    return nn.mean_per_example(xp, losses, axis)


@where_arrays_are
def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: float | Sequence[float] = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Return ``-sum(alpha (1 - p)^gamma y log p)`` over the classes along `axis`.

    Lin et al., "Focal loss for dense object detection", ICCV 2017, equation 5.

    Parameters
    ----------
    y_true : array, shape (batch, …, classes)
        One-hot labels or class probabilities.
    y_pred : array, the same shape
        Probabilities, normalised and kept 1e-7 from 0 and 1 as in Keras; or logits.
    alpha : float or sequence of float
        One number, or one for each class.
    gamma : float
    from_logits : bool
    label_smoothing : float
        Moves labels towards the uniform distribution by this share.
    axis : int

    Returns
    -------
    array, shape (batch, …)

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.losses.categorical_focal_crossentropy(np.asarray([[0.0, 1.0]]), np.asarray([[0.5, 0.5]])).round(4)
    array([0.0433])
    """
    xp, y_true, y_pred = nn.align(y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + label_smoothing / y_pred.shape[axis]
    if from_logits:
        y_pred = nn.softmax(y_pred, axis=axis)
    y_pred = xp.clip(y_pred / xp.sum(y_pred, axis=axis, keepdims=True), epsilon(), 1.0 - epsilon())
    weight = alpha if isinstance(alpha, (int, float)) else _along(xp, alpha, y_pred, axis)
    return xp.sum(weight * (1.0 - y_pred) ** gamma * (-y_true * xp.log(y_pred)), axis=axis)


def _along(xp: Any, numbers: Any, like: Any, axis: int) -> Any:
    """Return one number for each class as an array that broadcasts along `axis`."""
    found = nn.cast(nn.beside(numbers, like), like.dtype)
    axis %= like.ndim
    return xp.reshape(found, (1,) * axis + (-1,) + (1,) * (like.ndim - axis - 1))


@where_arrays_are
def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Any:
    """Return ``(1 - p^q) / q``, p that of the class which an integer label names: robust against wrong labels.

    Zhang, Sabuncu, "Generalized cross entropy loss for training deep neural networks with noisy labels", NeurIPS 2018,
    equation 6.

    Parameters
    ----------
    y_true : integer array, shape (batch, …) or (batch, …, 1)
    y_pred : array, shape (batch, …, classes)
        Probabilities.
    q : float
        From 0, like cross-entropy, to 1, like the mean absolute error.

    Returns
    -------
    array, shape (batch, …)

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.losses.categorical_generalized_cross_entropy(np.asarray([1]), np.asarray([[0.75, 0.25]]), q=0.5)
    array([1.])
    """
    xp, y_true, y_pred = nn.prepare(y_true, y_pred)
    y_pred = nn.cast(y_pred, nn.computing_dtype(y_pred))
    labels = nn.match_labels(xp, y_true, y_pred)
    right = xp.sum(y_pred * nn.one_hot(labels, y_pred.shape[-1], y_pred), axis=-1)
    return (1.0 - right**q) / q


@where_arrays_are
def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """Return ``sum(y_true log(y_true / y_pred))`` over the last axis, both kept from 1e-7 to 1.

    Parameters
    ----------
    y_true, y_pred : arrays, shape (batch, …, n)
        Probabilities.

    Returns
    -------
    array, shape (batch, …)

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.losses.kl_divergence(np.asarray([[0.0, 1.0]]), np.asarray([[0.5, 0.5]])).round(4)
    array([0.6931])
    """
    xp, y_true, y_pred = nn.align(y_true, y_pred)
    y_true, y_pred = xp.clip(y_true, epsilon(), 1.0), xp.clip(y_pred, epsilon(), 1.0)
    return xp.sum(y_true * xp.log(y_true / y_pred), axis=-1)


class BinaryFocalCrossentropy(LossFunctionWrapper):
    """Binary cross-entropy in which what is right already counts little; see `binary_focal_crossentropy`.

    Parameters
    ----------
    apply_class_balancing : bool
    alpha, gamma : float
    from_logits : bool
    label_smoothing : float
    axis : int
    reduction, name, dtype : as for `Loss`

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.losses.BinaryFocalCrossentropy(gamma=1.0)(np.asarray([[1.0]]), np.asarray([[0.5]])).round(4))
    0.3466
    """

    targets = SameShape(0, 1, "binary_focal_crossentropy takes labels from 0 to 1")

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_focal_crossentropy",
        dtype: str | None = None,
    ) -> None:
        given = {"apply_class_balancing": apply_class_balancing, "alpha": alpha, "gamma": gamma}
        given |= {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(binary_focal_crossentropy, reduction, name, dtype, **given)
        self.apply_class_balancing = apply_class_balancing
        self.alpha, self.gamma = alpha, gamma
        self.from_logits, self.label_smoothing, self.axis = from_logits, label_smoothing, axis


class CategoricalFocalCrossentropy(LossFunctionWrapper):
    """Categorical cross-entropy in which what is right already counts little; see `categorical_focal_crossentropy`.

    Parameters
    ----------
    alpha : float or sequence of float
    gamma : float
    from_logits : bool
    label_smoothing : float
    axis : int
    reduction, name, dtype : as for `Loss`

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> loss = nna.losses.CategoricalFocalCrossentropy(alpha=[1.0, 2.0], gamma=1.0)
    >>> float(loss(np.asarray([[0.0, 1.0]]), np.asarray([[0.5, 0.5]])).round(4))
    0.6931
    """

    targets = SameShape(0, 1, "categorical_focal_crossentropy takes one-hot labels or probabilities, from 0 to 1")

    def __init__(
        self,
        alpha: float | Sequence[float] = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_focal_crossentropy",
        dtype: str | None = None,
    ) -> None:
        given: dict[str, Any] = {"alpha": alpha, "gamma": gamma, "from_logits": from_logits}
        given |= {"label_smoothing": label_smoothing, "axis": axis}
        super().__init__(categorical_focal_crossentropy, reduction, name, dtype, **given)
        self.alpha, self.gamma = alpha, gamma
        self.from_logits, self.label_smoothing, self.axis = from_logits, label_smoothing, axis


class CategoricalGeneralizedCrossEntropy(LossFunctionWrapper):
    """Cross-entropy of integer labels, some of them wrong; see `categorical_generalized_cross_entropy`.

    Parameters
    ----------
    q : float
        Between 0 and 1.
    reduction, name, dtype : as for `Loss`

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.losses.CategoricalGeneralizedCrossEntropy()(np.asarray([1]), np.asarray([[0.75, 0.25]])))
    1.0
    """

    sparse = True
    targets = Labels(loss="categorical_generalized_cross_entropy")

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_generalized_cross_entropy",
        dtype: str | None = None,
    ) -> None:
        if not 0 < q < 1:
            raise ValueError(f"q must lie between 0 and 1: received q={q!r}.")
        super().__init__(categorical_generalized_cross_entropy, reduction, name, dtype, q=q)
        self.q = q


class KLDivergence(LossFunctionWrapper):
    """Divergence of predicted probabilities from others; see `kl_divergence`.

    Parameters
    ----------
    reduction, name, dtype : as for `Loss`

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.losses.KLDivergence()(np.asarray([[0.5, 0.5]]), np.asarray([[0.5, 0.5]])))
    0.0
    """

    targets = SameShape(0, 1, "kl_divergence takes probabilities, from 0 to 1")

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "kl_divergence", dtype: str | None = None
    ) -> None:
        super().__init__(kl_divergence, reduction, name, dtype)
