"""Small data and models that the tests of training share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nnarray as nna
from nnarray import layers, models

RNG = np.random.default_rng(0)
X = RNG.standard_normal((24, 3)).astype("float32")
Y = (X[:, :1] > 0).astype("float32")

#: Whether the model's code runs at every step: what is trained is the same.
both_ways = pytest.mark.parametrize("eagerly", [True, False], ids=["eager", "plans"])


def dense(units: int = 1, activation: Any = None, **kwargs: Any) -> Any:
    """Return a model of one Dense layer, always with the same weights."""
    nna.set_seed(0)
    return models.Sequential([layers.Dense(units, activation, input_dim=3)], **kwargs)


def of_call(call: Callable[..., Any], **attributes: Any) -> Any:
    """Return a subclassed model with some attributes and a call."""

    class Written(models.Model):
        def __init__(self) -> None:
            super().__init__()
            for name, value in attributes.items():
                setattr(self, name, value)

        def call(self, inputs: Any) -> Any:
            return call(self, inputs)

    return Written()


def same(first: Any, second: Any) -> bool:
    """Whether two lists of weights have the same bits."""
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
