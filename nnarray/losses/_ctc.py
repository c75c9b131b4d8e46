"""The loss of a sequence of labels for outputs over time, between which no alignment is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nnarray import nn
from nnarray._messages import describe
from nnarray.array import where_arrays_are
from nnarray.backends import backend_of
from nnarray.losses._loss import LossFunctionWrapper
from nnarray.losses._targets import Labels, Shape, Targets


@where_arrays_are
def ctc(y_true: Any, y_pred: Any) -> Any:
    """Return the connectionist temporal classification loss: ``-log p`` of the labels, over all their alignments.

    A path through the classes, one at each step, spells what is left when equal neighbours are one and class 0, the
    blank, is dropped. Graves, Fernández, Gomez, Schmidhuber, "Connectionist temporal classification: labelling
    unsegmented sequence data with recurrent neural networks", ICML 2006.

    Parameters
    ----------
    y_true : integer array, shape (batch, n)
        Labels from 1 to classes - 1, and zeros behind the last one.
    y_pred : array, shape (batch, steps, classes)
        Logits, as in Keras: no softmax before it.

    Returns
    -------
    array, shape (batch,)
        Infinite, with derivative 0, where there are too few steps: the labels need one each, and another between two
        that are the same.

    Raises
    ------
    ValueError
        If an array has another number of axes, or there is no step.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.losses.ctc(np.asarray([[1], [0]]), np.zeros((2, 2, 2))).round(4)  # of 4 paths, 3 spell "1" and 1 spells ""
    array([0.2877, 1.3863])
    """
    xp, y_true, y_pred = nn.prepare(y_true, y_pred)
    if y_true.ndim != 2 or y_pred.ndim != 3 or 0 in y_pred.shape[1:]:
        raise ValueError(
            "ctc takes labels of shape (batch, n) and logits of shape (batch, steps, classes), with a step at least: "
            f"received shapes {tuple(y_true.shape)} and {tuple(y_pred.shape)}."
        )
    y_pred = nn.cast(y_pred, nn.computing_dtype(y_pred))
    return nn.ctc_loss(y_true, y_pred, xp.count_nonzero(y_true, axis=1))


@dataclass(frozen=True)
class Sequences(Targets):
    """Admits labels from 1, zeros behind them, that the steps of the outputs have room for."""

    def check(self, y: Any, output_shape: Shape) -> None:
        if len(output_shape) != 3 or y.ndim != 2:
            raise ValueError(
                "ctc takes labels of shape (batch, n) for outputs of shape (batch, steps, classes): received "
                f"{describe(y)} for outputs of shape (batch, {', '.join(map(str, output_shape[1:]))})."
            )
        Labels(loss="ctc").check(y, (*y.shape, output_shape[-1]))
        xp = backend_of(y).xp
        labels = nn.cast(y, getattr(xp, backend_of(y).index_dtype(backend_of(y).device_of(y))))
        behind = (labels[:, :-1] == 0) & (labels[:, 1:] != 0)
        if bool(xp.any(behind)):
            raise ValueError(
                "ctc takes 0 for the blank, which stands behind the labels only: received y with a label after a 0. "
                "Number the classes from 1."
            )
        same = (labels[:, :-1] == labels[:, 1:]) & (labels[:, 1:] != 0)
        needed = xp.count_nonzero(labels, axis=1) + xp.count_nonzero(same, axis=1)
        steps = output_shape[1]
        if steps is not None and needed.shape[0] and int(xp.max(needed)) > steps:
            raise ValueError(
                "ctc needs a step of the outputs for each label, and another between two that are the same: received "
                f"{steps} steps, and y[{int(xp.argmax(needed))}] needs {int(xp.max(needed))}."
            )


class CTC(LossFunctionWrapper):
    """Connectionist temporal classification of labels without an alignment and logits over time; see `ctc`.

    Parameters
    ----------
    reduction, name, dtype : as for `Loss`

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> float(nna.losses.CTC()(np.asarray([[1], [0]]), np.zeros((2, 2, 2))).round(4))
    0.837
    """

    sparse = True
    targets = Sequences()

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "ctc", dtype: str | None = None
    ) -> None:
        super().__init__(ctc, reduction, name, dtype)
