"""Activation functions without kinks, in plain standard code."""

from __future__ import annotations

import math
from typing import Any

from nnarray import special
from nnarray.array import on_symbols
from nnarray.nn._activations import floating, sigmoid

#: The constants by which `selu` keeps mean 0 and variance 1 (Klambauer et al., equation 14).
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


@on_symbols
def exponential(x: Any) -> Any:
    """Return ``exp(x)``.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.exponential(np.asarray([0.0]))
    array([1.])
    """
    xp, x = floating(x)
    return xp.exp(x)


@on_symbols
def softplus(x: Any) -> Any:
    """Return ``log(1 + exp(x))``.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.softplus(np.asarray([0.0, 1000.0])).round(4)
    array([6.931e-01, 1.000e+03])
    """
    xp, x = floating(x)
    return xp.logaddexp(x, xp.zeros_like(x))


@on_symbols
def log_sigmoid(x: Any) -> Any:
    """Return the logarithm of `sigmoid`, exact where that underflows.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.log_sigmoid(np.asarray([-1000.0]))
    array([-1000.])
    """
    _, x = floating(x)
    return -softplus(-x)


@on_symbols
def softsign(x: Any) -> Any:
    """Return ``x / (1 + |x|)``.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.softsign(np.asarray([-1.0, 3.0]))
    array([-0.5 ,  0.75])
    """
    xp, x = floating(x)
    return x / (1.0 + xp.abs(x))


@on_symbols
def silu(x: Any) -> Any:
    """Return ``x sigmoid(x)``, also called swish.

    Ramachandran, Zoph, Le, "Searching for activation functions", 2017.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.silu(np.asarray([0.0, 100.0]))
    array([  0., 100.])
    """
    _, x = floating(x)
    return x * sigmoid(x)


@on_symbols
def mish(x: Any) -> Any:
    """Return ``x tanh(softplus(x))``.

    Misra, "Mish: a self regularized non-monotonic activation function", 2019.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.mish(np.asarray([0.0, 100.0]))
    array([  0., 100.])
    """
    xp, x = floating(x)
    return x * xp.tanh(softplus(x))


@on_symbols
def gelu(x: Any, approximate: bool = False) -> Any:
    """Return `x` times the normal distribution's probability of less than `x`.

    Hendrycks, Gimpel, "Gaussian error linear units", 2016.

    Parameters
    ----------
    x : array, any shape
    approximate : bool
        Whether to take ``x (1 + tanh(sqrt(2/pi) (x + 0.044715 x**3))) / 2`` instead.

    Returns
    -------
    array like `x`

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.gelu(np.asarray([-1.0, 1.0])).round(4)
    array([-0.1587,  0.8413])
    """
    xp, x = floating(x)
    if approximate:
        return 0.5 * x * (1.0 + xp.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x * x * x)))
    return x * special.ndtr(x)


@on_symbols
def squareplus(x: Any, b: float = 4) -> Any:
    """Return ``(x + sqrt(x**2 + b)) / 2``.

    Barron, "Squareplus: a softplus-like algebraic rectifier", 2021.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.squareplus(np.asarray([0.0]))
    array([1.])
    """
    xp, x = floating(x)
    return (x + xp.sqrt(x * x + b)) / 2.0


@on_symbols
def tanh_shrink(x: Any) -> Any:
    """Return ``x - tanh(x)``.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.tanh_shrink(np.asarray([0.0, 100.0]))
    array([ 0., 99.])
    """
    xp, x = floating(x)
    return x - xp.tanh(x)


def _exponential_below(x: Any, alpha: float, width: float) -> Any:
    """``x`` above 0, ``alpha (exp(x / width) - 1)`` below, where the exponential stays in range."""
    xp, x = floating(x)
    return xp.where(x > 0.0, x, alpha * xp.expm1(xp.minimum(x, xp.zeros_like(x)) / width))


@on_symbols
def elu(x: Any, alpha: float = 1.0) -> Any:
    """Return `x` where positive, ``alpha (exp(x) - 1)`` elsewhere.

    Clevert, Unterthiner, Hochreiter, "Fast and accurate deep network learning by exponential linear units (ELUs)",
    ICLR 2016.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.elu(np.asarray([-100.0, 2.0]))
    array([-1.,  2.])
    """
    return _exponential_below(x, alpha, 1.0)


@on_symbols
def celu(x: Any, alpha: float = 1.0) -> Any:
    """Return `x` where positive, ``alpha (exp(x / alpha) - 1)`` elsewhere, which has slope 1 at 0 for every `alpha`.

    Barron, "Continuously differentiable exponential linear units", 2017.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.celu(np.asarray([-100.0, 2.0]), alpha=3.0)
    array([-3.,  2.])
    """
    return _exponential_below(x, alpha, alpha)


@on_symbols
def selu(x: Any) -> Any:
    """Return `elu` scaled so that layers keep mean 0 and variance 1.

    Klambauer et al., "Self-normalizing neural networks", NeurIPS 2017, equation 2.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.selu(np.asarray([-100.0, 1.0])).round(4)
    array([-1.7581,  1.0507])
    """
    return _SELU_SCALE * _exponential_below(x, _SELU_ALPHA, 1.0)


@on_symbols
def glu(x: Any, axis: int = -1) -> Any:
    """Return the first half of `x` along `axis` times the `sigmoid` of the second.

    Dauphin et al., "Language modeling with gated convolutional networks", ICML 2017.

    Raises
    ------
    ValueError
        If the axis has an odd length.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.glu(np.asarray([2.0, 4.0, 0.0, 0.0]))
    array([1., 2.])
    """
    _, x = floating(x)
    length = x.shape[axis]
    if length % 2:
        raise ValueError(f"glu halves axis {axis}, whose length must be even: received shape {tuple(x.shape)}.")
    before = (slice(None),) * (axis % x.ndim)
    first, second = (x[(*before, part, Ellipsis)] for part in (slice(0, length // 2), slice(length // 2, length)))
    return first * sigmoid(second)
