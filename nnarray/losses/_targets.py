"""What targets a loss admits, as values that check them where they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnarray import nn
from nnarray._messages import describe
from nnarray.array import place_methods
from nnarray.backends import backend_of

Shape = Sequence[int | None]
Limits = tuple[float, float]


@dataclass(frozen=True)
class Targets:
    """Admits any targets; base of those that do not."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "check" in vars(cls) and "limits" not in vars(cls):
            cls.limits = Targets.limits  # type: ignore[method-assign]
        place_methods(cls, "check")

    def check(self, y: Any, output_shape: Shape) -> None:
        """Raise ValueError if an array of targets does not fit outputs of that shape, or the loss.

        The elements are looked at on their device, and one truth value is read.

        Parameters
        ----------
        y : raw array of any library, of real numbers
        output_shape : sequence of int
            The batch may be None.
        """

    def limits(self, y: Any, output_shape: Shape) -> Limits | None:
        """Return the least and greatest number between which `check` admits all that is otherwise like `y`.

        None if that takes a look at each. Targets that `check` admits are given.
        """
        return None


@dataclass(frozen=True)
class SameShape(Targets):
    """Admits targets of the outputs' shape, up to a last axis of length one, and within a range.

    Parameters
    ----------
    low, high : float
    rule : str
        What the range is, as a sentence without its full stop.
    """

    low: float = -math.inf
    high: float = math.inf
    rule: str = "y must lie in the range of the loss"

    def check(self, y: Any, output_shape: Shape) -> None:
        expected, shape = tuple(output_shape[1:]), tuple(y.shape[1:])
        if not any(_fits(shape, form) for form in (expected, (*expected, 1))) and not _fits((*shape, 1), expected):
            cure = ""
            if not shape or shape == (1,):
                cure = " Integer class labels go with loss='sparse_categorical_crossentropy'; or one-hot encode them "
                cure += "with nnarray.utils.to_categorical."
            raise ValueError(
                f"y must have the outputs' shape (batch, {_listed(expected)}): received {describe(y)}.{cure}"
            )
        if math.isfinite(self.low) or math.isfinite(self.high):
            numbers = _comparable(y)
            _check_each((numbers < self.low) | (numbers > self.high), y, self.rule)

    def limits(self, y: Any, output_shape: Shape) -> Limits | None:
        return self.low, self.high


@dataclass(frozen=True)
class Labels(Targets):
    """Admits an integer label for each example, from 0 to the number of classes - 1.

    Parameters
    ----------
    axis : int
        Of the outputs, along which the classes lie.
    ignored : int, optional
        A further label that is admitted.
    loss : str
        What takes them.
    """

    axis: int = -1
    ignored: int | None = None
    loss: str = "sparse_categorical_crossentropy"

    def check(self, y: Any, output_shape: Shape) -> None:
        if len(output_shape) < 2:
            raise ValueError(
                f"{self.loss} takes outputs of shape (batch, …, classes): received outputs of shape "
                "(batch,). Labels 0 and 1 of one output go with loss='binary_crossentropy'."
            )
        axis = self.axis % len(output_shape)
        classes = output_shape[axis]
        expected = [n for place, n in enumerate(output_shape) if place not in (0, axis)]
        if not _fits([n for n in y.shape[1:] if n != 1], [n for n in expected if n != 1]):
            raise ValueError(
                f"{self.loss} takes one integer label per example: received {describe(y)} for "
                f"outputs of shape (batch, {_listed(output_shape[1:])}). One-hot labels go with "
                "loss='categorical_crossentropy'."
            )
        labels = _comparable(y)
        wrong = (labels < 0) if classes is None else (labels < 0) | (labels > classes - 1)
        xp = backend_of(y).xp
        if xp.isdtype(labels.dtype, "real floating"):
            wrong = wrong | (labels != xp.floor(labels))
        if self.ignored is not None:
            wrong = wrong & (labels != self.ignored)
        upper = "" if classes is None else f" to {classes - 1}"
        rule = f"{self.loss} takes integer labels from 0{upper}"
        cure = " Two classes need two outputs with softmax, or one with sigmoid and loss='binary_crossentropy'."
        _check_each(wrong, y, rule, cure if classes == 1 else "")

    def limits(self, y: Any, output_shape: Shape) -> Limits | None:
        classes = output_shape[self.axis]
        whole = not backend_of(y).xp.isdtype(y.dtype, "real floating")
        return (0, math.inf if classes is None else classes - 1) if whole else None


@dataclass(frozen=True)
class Identities(Targets):
    """Admits any integer for each example, shape (batch,) or (batch, 1): which of them belong together."""

    def check(self, y: Any, output_shape: Shape) -> None:
        if math.prod(y.shape[1:]) != 1:
            raise ValueError(f"circle takes one integer label per example: received {describe(y)}.")
        xp = backend_of(y).xp
        if xp.isdtype(y.dtype, "real floating"):
            _check_each(y != xp.floor(y), y, "circle takes integer labels")


ANY = Targets()
SAME_SHAPE = SameShape()
LABELS = Labels()


def _comparable(y: Any) -> Any:
    """Return numbers in a dtype that any limit can stand beside: no narrow integers, truth values or 16-bit floats."""
    backend = backend_of(y)
    if backend.xp.isdtype(y.dtype, "real floating"):
        return nn.cast(y, nn.computing_dtype(y))
    return nn.cast(y, getattr(backend.xp, backend.index_dtype(backend.device_of(y))))


def _fits(shape: Shape, expected: Shape) -> bool:
    """Whether a shape is the expected one, where that is known."""
    return len(shape) == len(expected) and all(m in (None, n) for n, m in zip(shape, expected, strict=True))


def _listed(shape: Shape) -> str:
    return ", ".join(map(str, shape))


def _check_each(wrong: Any, y: Any, rule: str, cure: str = "") -> None:
    """Raise, naming the first position, if any element is wrong."""
    backend = backend_of(y)
    if not bool(backend.xp.any(wrong)):
        return
    position = tuple(int(i) for i in np.argwhere(backend.to_numpy(wrong))[0])
    place = ", ".join(map(str, position))
    raise ValueError(f"{rule}: received y[{place}] = {backend.to_numpy(y)[position].item()}.{cure}")
