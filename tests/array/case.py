"""What a function of the table is called with in the tests."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class Case(NamedTuple):
    """Array arguments (lists of arrays for variadic functions), then other arguments by position and name."""

    arrays: tuple[Any, ...]
    args: tuple[Any, ...] = ()
    params: dict[str, Any] = {}


def real(*shape: int, low: float = 0.2, high: float = 1.7, signs: bool = True, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng([seed, *shape])
    values = rng.uniform(low, high, shape)
    return values * rng.choice([-1.0, 1.0], shape) if signs else values
