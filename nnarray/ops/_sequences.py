"""Operations on sequences of labels."""

from __future__ import annotations

from typing import Any

from nnarray import nn
from nnarray.ops._operation import cast_to, floated, operation


@operation("target output target_length output_length")
def ctc_loss(target: Any, output: Any, target_length: Any, output_length: Any, mask_index: int = 0) -> Any:
    """Return ``-log p`` of sequences of labels, over all their alignments with logits over time.

    Graves, Fernández, Gomez, Schmidhuber, "Connectionist temporal classification", ICML 2006, equations 5 to 8.

    Parameters
    ----------
    target : integer array, shape (batch, n)
    output : array, shape (batch, steps, classes)
        Logits.
    target_length, output_length : integer array, shape (batch,)
        How many labels and steps count.
    mask_index : int
        The class that is the blank.

    Returns
    -------
    array, shape (batch,)
        Infinite, with derivative 0, where there are too few steps for the labels.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.ctc_loss(np.asarray([[1]]), np.zeros((1, 2, 2)), np.asarray([1]), np.asarray([2])).round(4)
    array([0.2877])
    """
    if target.ndim != 2 or output.ndim != 3 or 0 in output.shape[1:]:
        raise ValueError(
            "ctc_loss takes a target of shape (batch, n) and an output of shape (batch, steps, classes), with a step "
            f"at least: received shapes {target.shape} and {output.shape}."
        )
    narrow = floated(output)
    found = nn.ctc_loss(target, nn.cast(narrow, nn.computing_dtype(narrow)), target_length, output_length, mask_index)
    return cast_to(found, narrow.dtype)
