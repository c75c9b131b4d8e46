"""Activation functions, in plain standard code."""

from __future__ import annotations

import math
from typing import Any

from nnarray import config
from nnarray.array import Array, Origin, array_namespace, on_symbols
from nnarray.autodiff import stop_gradient


def floating(x: Any) -> tuple[Any, Any]:
    """Return the namespace of `x`, and `x`; integers and truth values as numbers of the default floating dtype."""
    xp = array_namespace(x)
    if xp.isdtype(x.dtype, ("real floating", "complex floating")):
        return xp, x
    return xp, xp.astype(x, getattr(xp, config.floatx()))


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


@on_symbols
def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """Return ``max(0, x)``, the rectified linear unit.

    Parameters
    ----------
    x : array, any shape
        Of integers and truth values, as in all activation functions, the numbers of the default floating dtype.
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
    xp, x = floating(x)
    if threshold == 0 and negative_slope == 0:
        y = xp.maximum(0.0, x)
    else:
        y = xp.where(x <= threshold, negative_slope * (x - threshold) if negative_slope else 0.0, x)
    return y if max_value is None else xp.minimum(y, max_value)


@on_symbols
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


@on_symbols
def sigmoid(x: Any) -> Any:
    """Return ``1 / (1 + exp(-x))``.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.sigmoid(np.asarray([0.0, 800.0, -800.0])).tolist()[:2]
    [0.5, 1.0]
    """
    xp, x = floating(x)
    # Kept just below the logarithm of the largest float: exp cannot overflow, and the result there is below 1e-38.
    lowest = -0.99 * math.log(float(xp.finfo(x.dtype).max))
    return _noted(1.0 / (1.0 + xp.exp(-xp.maximum(x, lowest))), "sigmoid", x)


@on_symbols
def tanh(x: Any) -> Any:
    """Return the hyperbolic tangent.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.tanh(np.asarray([0.0]))
    array([0.])
    """
    xp, x = floating(x)
    return xp.tanh(x)


@on_symbols
def softmax(x: Any, axis: int = -1) -> Any:
    """Return ``exp(x) / sum(exp(x))`` along `axis`.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.softmax(np.asarray([[1.0, 1.0]]))
    array([[0.5, 0.5]])
    """
    xp, x = floating(x)
    powers = xp.exp(x - stop_gradient(xp.max(x, axis=axis, keepdims=True)))
    y = powers / xp.sum(powers, axis=axis, keepdims=True)
    return _noted(y, "softmax", x, axis % x.ndim) if isinstance(axis, int) else y


@on_symbols
def log_softmax(x: Any, axis: int = -1) -> Any:
    """Return the logarithm of `softmax`, exact where that underflows.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.activations.log_softmax(np.asarray([0.0, -1000.0])).tolist()
    [0.0, -1000.0]
    """
    xp, x = floating(x)
    shifted = x - stop_gradient(xp.max(x, axis=axis, keepdims=True))
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=axis, keepdims=True))


def _noted(y: Any, activation: str, logits: Any, axis: int | None = None) -> Any:
    """Return a result that knows, if it is an Array, of what it is the result."""
    if type(y) is Array:
        # Not the Array itself, which may be assigned to.
        y.origin = Origin(activation, Array(logits.value, logits.namespace, logits.node), axis)
    return y


def logits_of(y: Any, activation: str, axis: int = -1) -> Array | None:
    """Return the logits whose `sigmoid` or `softmax` an array is known to be, None if it is not.

    An Array is known to be the result of `sigmoid` or `softmax` until it is changed in anything but dtype and shape.

    Parameters
    ----------
    y : array
        Of a raw array nothing is known.
    activation : {"sigmoid", "softmax"}
    axis : int
        Along which `softmax` must have normalised.

    Returns
    -------
    Array or None
        In the shape and dtype of `y`.

    Examples
    --------
    >>> import nnarray as nna
    >>> from nnarray.nn import logits_of, sigmoid
    >>> xp = nna.namespace("numpy")
    >>> y = sigmoid(xp.asarray([-1.0, 100.0]))
    >>> logits_of(xp.reshape(y, (2, 1)), "sigmoid")
    Array([[ -1.]
     [100.]], numpy, dtype=float64)
    >>> logits_of(1.0 - y, "sigmoid") is None
    True
    """
    origin = y.origin if isinstance(y, Array) else None
    if origin is None or origin.activation != activation:
        return None
    if origin.axis is not None and origin.axis != axis % y.ndim:
        return None
    return origin.logits_of(y)
