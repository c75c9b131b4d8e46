"""Activation functions made of pieces, in plain standard code."""

from __future__ import annotations

from typing import Any

from nnarray.array import on_symbols
from nnarray.nn._activations import floating


@on_symbols
def relu6(x: Any) -> Any:
    """Return ``min(max(0, x), 6)``.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.relu6(np.asarray([-1.0, 2.0, 9.0]))
    array([0., 2., 6.])
    """
    xp, x = floating(x)
    return xp.clip(x, 0.0, 6.0)


@on_symbols
def hard_sigmoid(x: Any) -> Any:
    """Return ``relu6(x + 3) / 6``, a straight line in the place of `sigmoid`.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.hard_sigmoid(np.asarray([-3.0, 0.0, 4.0]))
    array([0. , 0.5, 1. ])
    """
    _, x = floating(x)
    return relu6(x + 3.0) / 6.0


@on_symbols
def hard_silu(x: Any) -> Any:
    """Return ``x hard_sigmoid(x)``, also called hard swish.

    Howard et al., "Searching for MobileNetV3", ICCV 2019.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.hard_silu(np.asarray([-3.0, 1.5, 4.0]))
    array([-0.   ,  1.125,  4.   ])
    """
    _, x = floating(x)
    return x * hard_sigmoid(x)


@on_symbols
def hard_tanh(x: Any) -> Any:
    """Return `x` kept from -1 to 1.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.hard_tanh(np.asarray([-3.0, 0.5]))
    array([-1. ,  0.5])
    """
    xp, x = floating(x)
    return xp.clip(x, -1.0, 1.0)


@on_symbols
def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """Return `x` where ``|x| > threshold``, 0 elsewhere.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.hard_shrink(np.asarray([-1.0, 0.5]))
    array([-1.,  0.])
    """
    xp, x = floating(x)
    return xp.where(xp.abs(x) > threshold, x, 0.0)


@on_symbols
def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """Return `x` moved towards 0 by `threshold`, and 0 where it is no farther.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.soft_shrink(np.asarray([-1.0, 0.25, 2.0]))
    array([-0.5,  0. ,  1.5])
    """
    xp, x = floating(x)
    return xp.where(x > threshold, x - threshold, xp.where(x < -threshold, x + threshold, 0.0 * x))


@on_symbols
def threshold(x: Any, threshold: float, default_value: float) -> Any:
    """Return `x` where it exceeds `threshold`, `default_value` elsewhere.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.threshold(np.asarray([-1.0, 2.0]), 0.0, 5.0)
    array([5., 2.])
    """
    xp, x = floating(x)
    return xp.where(x > threshold, x, default_value)


@on_symbols
def sparse_plus(x: Any) -> Any:
    """Return 0 below -1, ``(x + 1)**2 / 4`` up to 1, `x` above.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.sparse_plus(np.asarray([-2.0, 0.0, 3.0]))
    array([0.  , 0.25, 3.  ])
    """
    xp, x = floating(x)
    inside = xp.clip(x, -1.0, 1.0)
    return xp.where(x < 1.0, 0.25 * xp.square(inside + 1.0), x)


@on_symbols
def sparse_sigmoid(x: Any) -> Any:
    """Return ``(x + 1) / 2`` kept from 0 to 1, the slope of `sparse_plus`.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.sparse_sigmoid(np.asarray([-2.0, 0.0, 3.0]))
    array([0. , 0.5, 1. ])
    """
    xp, x = floating(x)
    return 0.5 * (xp.clip(x, -1.0, 1.0) + 1.0)


@on_symbols
def sparsemax(x: Any, axis: int = -1) -> Any:
    """Return the probabilities nearest to `x` along `axis`, of which many are 0.

    Martins, Astudillo, "From softmax to sparsemax", ICML 2016, algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.sparsemax(np.asarray([0.0, 1.0, 1.5]))
    array([0.  , 0.25, 0.75])
    """
    xp, x = floating(x)
    axis %= x.ndim
    ordered = xp.sort(x, axis=axis, descending=True)
    shape = tuple(length if place == axis else 1 for place, length in enumerate(x.shape))
    ranks = xp.reshape(xp.arange(1, x.shape[axis] + 1, dtype=x.dtype, device=x.device), shape)
    kept = 1.0 + ranks * ordered > xp.cumulative_sum(ordered, axis=axis)
    count = xp.sum(xp.astype(kept, x.dtype), axis=axis, keepdims=True)
    level = (xp.sum(xp.where(kept, ordered, 0.0), axis=axis, keepdims=True) - 1.0) / count
    return xp.maximum(x - level, xp.zeros_like(x))
