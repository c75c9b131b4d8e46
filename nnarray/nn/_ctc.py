"""The probability that outputs over time spell a sequence of labels, whatever time each label takes."""

from __future__ import annotations

import math
from typing import Any

from nnarray.array import array_namespace, where_arrays_are
from nnarray.nn._activations import log_softmax

#: Stands for the logarithm of 0 where -inf would make differences, and derivatives, NaN.
_LOG_ZERO = -1e30


@where_arrays_are
def ctc_loss(labels: Any, logits: Any, label_length: Any, output_length: Any = None, blank: int = 0) -> Any:
    """Return ``-log p(labels | logits)``, summed over all alignments.

    A path has a class or the blank at each step; it spells what is left when equal neighbours are one and blanks are
    dropped. Graves, Fernández, Gomez, Schmidhuber, "Connectionist temporal classification", ICML 2006, equations 5 to
    8: of ``blank, l1, blank, l2, …, blank``, ``alpha[t, s]`` is the probability of all beginnings that end at s. All
    is computed in logarithms.

    Parameters
    ----------
    labels : integer array, shape (batch, n)
    logits : floating-point array, shape (batch, steps, classes)
    label_length : integer array, shape (batch,)
        How many labels count.
    output_length : integer array, shape (batch,), optional
        How many steps count, one at least; all by default.
    blank : int

    Returns
    -------
    array, shape (batch,)
        Infinite, with derivative 0, where there are too few steps for the labels.
    """
    xp = array_namespace(logits)
    label_length = xp.expand_dims(xp.astype(label_length, xp.arange(1).dtype), axis=1)
    places = xp.arange(labels.shape[1], device=labels.device)
    labels = xp.where(places < label_length, xp.astype(labels, places.dtype), blank)
    blanks = xp.full_like(labels, blank)
    states = _interleaved(xp, blanks, labels, blank)
    # From a label to the next one without a blank between: not if they are the same.
    repeats = xp.concat([labels[:, :1] == labels[:, :1], labels[:, 1:] == labels[:, :-1]], axis=1)
    closed = _interleaved(xp, blanks == blanks, repeats, True)
    skip = xp.where(closed, xp.full(closed.shape, _LOG_ZERO, dtype=logits.dtype, device=logits.device), 0.0)

    scores = xp.take_along_axis(log_softmax(logits, axis=-1), xp.expand_dims(states, axis=1), axis=2)
    first, *others = xp.unstack(xp.maximum(scores, _LOG_ZERO), axis=1)
    start = xp.arange(first.shape[1], device=first.device) < 2
    nowhere = xp.full_like(first[:, :1], _LOG_ZERO)
    alpha = xp.where(start, first, _LOG_ZERO)
    for step, score in enumerate(others, start=1):
        before = xp.concat([nowhere, nowhere, alpha], axis=1)
        stay_or_next = xp.logaddexp(alpha, before[:, 1:-1])
        coming = xp.logaddexp(stay_or_next, before[:, :-2] + skip) + score
        alpha = coming if output_length is None else xp.where(xp.expand_dims(output_length > step, 1), coming, alpha)

    ends = 2 * label_length
    last = xp.take_along_axis(alpha, ends, axis=1)
    # An empty sequence ends in the one blank only.
    last_but_one = xp.take_along_axis(alpha, xp.maximum(ends - 1, 0), axis=1)
    total = xp.logaddexp(last, xp.where(label_length == 0, _LOG_ZERO, last_but_one))[:, 0]
    return xp.where(total < 0.1 * _LOG_ZERO, math.inf, -total)


def _interleaved(xp: Any, even: Any, odd: Any, end: Any) -> Any:
    """Return ``even[0], odd[0], even[1], odd[1], …, end`` along the second axis."""
    pairs = xp.reshape(xp.stack([even, odd], axis=2), (even.shape[0], 2 * even.shape[1]))
    last = xp.full((even.shape[0], 1), end, dtype=pairs.dtype, device=pairs.device)
    return xp.concat([pairs, last], axis=1)
