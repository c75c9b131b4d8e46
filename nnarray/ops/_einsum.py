"""Einstein's sums, as products of matrices of two operands at a time."""

from __future__ import annotations

import math
from typing import Any

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def contract(subscripts: str, operands: list[Any]) -> Any:
    """Return the sums of products that subscripts describe, of Arrays of one dtype."""
    inputs, output = _parsed(subscripts, operands)
    made = [_without_repeats(x, labels) for x, labels in zip(operands, inputs, strict=True)]
    known, labels = made[0]
    for place, (other, its) in enumerate(made[1:], 2):
        later = set(output).union(*(labels for _, labels in made[place:]))
        known, labels = _pair(known, labels, other, its, later)
    known, labels = _summed(known, labels, set(output))
    xp = known.namespace
    if missing := [label for label in output if label not in labels]:
        raise ValueError(
            f"The result of einsum has letters of its operands: received {missing[0]!r} in {subscripts!r}."
        )
    return xp.permute_dims(known, tuple(labels.index(label) for label in output)) if len(labels) > 1 else known


def _parsed(subscripts: str, operands: list[Any]) -> tuple[list[str], str]:
    """Return the letters of each operand's axes and of the result's, also for the axes that ... stands for."""
    left, arrow, right = subscripts.replace(" ", "").partition("->")
    words = left.split(",")
    if len(words) != len(operands):
        raise ValueError(f"einsum {subscripts!r} takes {len(words)} arrays: received {len(operands)}.")
    free = [letter for letter in reversed(_LETTERS) if letter not in subscripts]
    hidden = 0
    for word, x in zip(words, operands, strict=True):
        count = x.ndim - len(word.replace("...", ""))
        if count < 0 or (count and "..." not in word):
            raise ValueError(
                f"einsum {subscripts!r} has a letter for each axis: received {word!r} for an array of shape {x.shape}."
            )
        hidden = max(hidden, count if "..." in word else 0)
    dots = "".join(free[:hidden])
    inputs = []
    for word, x in zip(words, operands, strict=True):
        count = x.ndim - len(word.replace("...", ""))
        inputs.append(word.replace("...", dots[len(dots) - count :]))
    if arrow:
        return inputs, right.replace("...", dots)
    letters = left.replace("...", "").replace(",", "")
    return inputs, dots + "".join(sorted(letter for letter in set(letters) if letters.count(letter) == 1))


def _without_repeats(x: Any, labels: str) -> tuple[Any, str]:
    """Return the diagonal along axes that have one letter."""
    xp = x.namespace
    while repeated := next((label for label in labels if labels.count(label) > 1), None):
        first = labels.index(repeated)
        second = labels.index(repeated, first + 1)
        x = xp.linalg.diagonal(xp.moveaxis(x, (first, second), (-2, -1)))
        labels = "".join(label for a, label in enumerate(labels) if a not in (first, second)) + repeated
    return x, labels


def _summed(x: Any, labels: str, kept: set[str]) -> tuple[Any, str]:
    """Return `x` summed over the axes whose letters nothing else has."""
    axes = tuple(a for a, label in enumerate(labels) if label not in kept)
    if not axes:
        return x, labels
    return x.namespace.sum(x, axis=axes, dtype=x.dtype), "".join(label for label in labels if label in kept)


def _pair(x: Any, own: str, y: Any, its: str, later: set[str]) -> tuple[Any, str]:
    """Return the product of two operands, summed over the letters that both have and nothing later."""
    xp = x.namespace
    x, own = _summed(x, own, later | set(its))
    y, its = _summed(y, its, later | set(own))
    shared = [label for label in own if label in its]
    lengths = {label: max(x.shape[own.index(label)], y.shape[its.index(label)]) for label in shared}
    # An axis of length one broadcasts.
    x = xp.broadcast_to(x, tuple(lengths.get(label, n) for label, n in zip(own, x.shape, strict=True)))
    y = xp.broadcast_to(y, tuple(lengths.get(label, n) for label, n in zip(its, y.shape, strict=True)))
    batch = "".join(label for label in shared if label in later)
    inner = "".join(label for label in shared if label not in later)
    rows, columns = "".join(a for a in own if a not in its), "".join(a for a in its if a not in own)
    left = _matrices(x, own, batch, rows, inner)
    right = _matrices(y, its, batch, inner, columns)
    sizes = dict(zip(own + its, x.shape + y.shape, strict=True))
    product = xp.matmul(left, right) if inner else left * right
    labels = batch + rows + columns
    return xp.reshape(product, tuple(sizes[label] for label in labels)), labels


def _matrices(x: Any, labels: str, *groups: str) -> Any:
    """Return `x` with the axes of each group as one."""
    xp, order = x.namespace, "".join(groups)
    sizes = dict(zip(labels, x.shape, strict=True))
    turned = xp.permute_dims(x, tuple(labels.index(label) for label in order)) if len(order) > 1 else x
    return xp.reshape(turned, tuple(math.prod(sizes[label] for label in group) for group in groups))
