"""Activation functions, in plain standard code."""

from __future__ import annotations

import math
from typing import Any

from nnarray.array import array_namespace
from nnarray.autodiff import stop_gradient


def linear(x: Any) -> Any:
    """Return `x`.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.linear(np.asarray([-1.0, 2.0]))
    array([-1.,  2.])
    """
    return x


def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """Return ``max(0, x)``, the rectified linear unit.

    Parameters
    ----------
    x : array, floating-point, any shape
    negative_slope : float
        Slope below `threshold`.
    max_value : float, optional
        Where the result saturates.
    threshold : float
        Below it, the result is ``negative_slope * (x - threshold)``.

    Returns
    -------
    array like `x`
        Its derivative at the kink is `negative_slope`.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.relu(np.asarray([-1.0, 2.0]))
    array([0., 2.])
    """
    xp = array_namespace(x)
    if threshold == 0 and negative_slope == 0:
        y = xp.maximum(0.0, x)
    else:
        y = xp.where(x <= threshold, negative_slope * (x - threshold) if negative_slope else 0.0, x)
    return y if max_value is None else xp.minimum(y, max_value)


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """Return `x` where positive, ``negative_slope * x`` elsewhere.

    Maas, Hannun, Ng, "Rectifier nonlinearities improve neural network acoustic models", ICML 2013.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.leaky_relu(np.asarray([-1.0, 2.0]))
    array([-0.2,  2. ])
    """
    return relu(x, negative_slope=negative_slope)


def sigmoid(x: Any) -> Any:
    """Return ``1 / (1 + exp(-x))``.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.sigmoid(np.asarray([0.0, 800.0, -800.0])).tolist()[:2]
    [0.5, 1.0]
    """
    xp = array_namespace(x)
    # Kept just below the logarithm of the largest float: exp cannot overflow, and the result there is below 1e-38.
    lowest = -0.99 * math.log(float(xp.finfo(x.dtype).max))
    return 1.0 / (1.0 + xp.exp(-xp.maximum(x, lowest)))


def tanh(x: Any) -> Any:
    """Return the hyperbolic tangent.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.tanh(np.asarray([0.0]))
    array([0.])
    """
    return array_namespace(x).tanh(x)


def softmax(x: Any, axis: int = -1) -> Any:
    """Return ``exp(x) / sum(exp(x))`` along `axis`.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.softmax(np.asarray([[1.0, 1.0]]))
    array([[0.5, 0.5]])
    """
    xp = array_namespace(x)
    powers = xp.exp(x - stop_gradient(xp.max(x, axis=axis, keepdims=True)))
    return powers / xp.sum(powers, axis=axis, keepdims=True)


def log_softmax(x: Any, axis: int = -1) -> Any:
    """Return the logarithm of `softmax`, exact where that underflows.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.log_softmax(np.asarray([0.0, -1000.0])).tolist()
    [0.0, -1000.0]
    """
    xp = array_namespace(x)
    shifted = x - stop_gradient(xp.max(x, axis=axis, keepdims=True))
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=axis, keepdims=True))
