"""Activations, normalizations, cross-entropies: what Keras calls nn, but for convolutions and pooling."""

from __future__ import annotations

import math
from typing import Any

from nnarray import config, nn
from nnarray._messages import describe
from nnarray.ops._operation import (
    REAL,
    axes_tuple,
    axis_within,
    cast_to,
    dtype_named,
    floated,
    operation,
    promoted,
)
from nnarray.ops._products import einsum

celu = operation("x")(nn.celu)
elu = operation("x")(nn.elu)
glu = operation("x")(nn.glu)
hard_shrink = operation("x")(nn.hard_shrink)
hard_sigmoid = operation("x")(nn.hard_sigmoid)
hard_silu = operation("x")(nn.hard_silu)
hard_swish = hard_silu
hard_tanh = operation("x")(nn.hard_tanh)
leaky_relu = operation("x")(nn.leaky_relu)
log_sigmoid = operation("x")(nn.log_sigmoid)
log_softmax = operation("x")(nn.log_softmax)
relu = operation("x")(nn.relu)
relu6 = operation("x")(nn.relu6)
selu = operation("x")(nn.selu)
sigmoid = operation("x")(nn.sigmoid)
silu = operation("x")(nn.silu)
swish = silu
soft_shrink = operation("x")(nn.soft_shrink)
softplus = operation("x")(nn.softplus)
softsign = operation("x")(nn.softsign)
sparse_plus = operation("x")(nn.sparse_plus)
sparse_sigmoid = operation("x")(nn.sparse_sigmoid)
sparsemax = operation("x")(nn.sparsemax)
squareplus = operation("x")(nn.squareplus)
tanh_shrink = operation("x")(nn.tanh_shrink)
threshold = operation("x")(nn.threshold)


@operation("x")
def gelu(x: Any, approximate: bool = True) -> Any:
    """Return `x` times the normal distribution's probability of less than `x`, by default approximated.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.gelu(np.asarray([-1.0, 0.0, 1.0])).round(4)
    array([-0.1588,  0.    ,  0.8412])
    """
    return nn.gelu(x, approximate)


@operation("x")
def softmax(x: Any, axis: Any = -1) -> Any:
    """Return ``exp(x) / sum(exp(x))`` along axes.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.softmax(np.asarray([1.0, 1.0]))
    array([0.5, 0.5])
    """
    return nn.softmax(x, axes_tuple(axis))


@operation("x")
def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Any:
    """Return integers as vectors of zeros with a one, along a new axis; what is no class is all zeros.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.ops.one_hot([0, 2], 3).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    _refuse_sparse(sparse)
    xp = x.namespace
    like = xp.zeros((), dtype=dtype_named(xp, dtype, config.floatx()), device=x.device)
    return nn.one_hot(x, num_classes, like, axis)


@operation("inputs")
def multi_hot(
    inputs: Any, num_classes: int | None = None, axis: int = -1, dtype: Any = None, sparse: bool = False, **kwargs: Any
) -> Any:
    """Return rows of integers as vectors of zeros with a one for each integer that the row has.

    Examples
    --------
    >>> import nnarray as nna
    >>> nna.ops.multi_hot([[0, 2], [1, 1]], 3).tolist()
    [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    """
    num_classes = kwargs.pop("num_tokens", num_classes)
    if kwargs or num_classes is None:
        raise TypeError(f"multi_hot takes num_classes: received {num_classes} and {', '.join(kwargs) or 'no more'}.")
    hot = one_hot(inputs, num_classes, axis, dtype, sparse)
    return hot.namespace.max(hot, axis=1 if inputs.ndim > 1 else 0)


def _refuse_sparse(sparse: bool) -> None:
    if sparse:
        raise ValueError("There are no sparse arrays here: received sparse=True.")


def _paired(target: Any, output: Any) -> list[Any]:
    if target.shape != output.shape:
        raise ValueError(
            f"target and output must have the same shape: received {describe(target)} and {describe(output)}."
        )
    return promoted(target, output, least=REAL)


@operation("target output")
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """Return ``-(t log o + (1 - t) log(1 - o))`` of each element.

    Parameters
    ----------
    target, output : array
        Of one shape.
    from_logits : bool
        Whether the outputs are logits: what a sigmoid is taken of.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.binary_crossentropy(np.asarray([1.0]), np.asarray([0.5])).round(4)
    array([0.6931])
    """
    target, output = _paired(target, output)
    return nn.binary_crossentropy(target, output, from_logits)


@operation("target output")
def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """Return ``-sum(t log o)`` over the classes, of probabilities or logits."""
    target, output = _paired(target, output)
    if output.ndim < 1:
        raise ValueError("target and output have an axis of classes: received numbers without axes.")
    return nn.categorical_crossentropy(target, output, from_logits, axis_within(axis, output.ndim))


@operation("target output")
def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """Return ``-log o`` of the class that is an integer, of probabilities or logits.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.sparse_categorical_crossentropy([1], np.asarray([[0.5, 0.5]])).round(4)
    array([0.6931])
    """
    (output,) = promoted(output, least=REAL)
    xp, axis = output.namespace, axis_within(axis, output.ndim)
    classes = output.shape[axis]
    shape = (*output.shape[:axis], *output.shape[axis + 1 :])
    if target.ndim == output.ndim and target.shape[-1] == 1:
        target = xp.reshape(target, target.shape[:-1])
    if target.shape != shape:
        raise ValueError(
            f"target has the shape of output without the axis of classes, {shape}: received {describe(target)}."
        )
    hot = nn.one_hot(cast_to(target, xp.int32), classes, output, axis)
    return nn.categorical_crossentropy(hot, output, from_logits, axis)


@operation("x")
def moments(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> Any:
    """Return the mean and the variance along axes.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> mean, variance = nna.ops.moments(np.asarray([[1.0, 3.0]]), axes=[-1])
    >>> mean.tolist(), variance.tolist()
    ([2.0], [1.0])
    """
    if synchronized:
        raise NotImplementedError("Moments are of one process: received synchronized=True.")
    narrow, xp, axes = floated(x), x.namespace, axes_tuple(axes)
    wide = _wide(narrow)
    found = xp.mean(wide, axis=axes, keepdims=keepdims), xp.var(wide, axis=axes, keepdims=keepdims)
    return tuple(cast_to(each, narrow.dtype) for each in found)


def _wide(x: Any) -> Any:
    """Return numbers of 16 bits as ones of 32."""
    x = floated(x)
    return cast_to(x, x.namespace.float32) if x.namespace.finfo(x.dtype).bits < 32 else x


@operation("x mean variance offset scale")
def batch_normalization(
    x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None, epsilon: float = 1e-3
) -> Any:
    """Return ``(x - mean) / sqrt(variance + epsilon) * scale + offset``, each a vector along an axis of `x`.

    Ioffe, Szegedy, "Batch normalization", ICML 2015, algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> x = np.asarray([[1.0, 2.0], [3.0, 6.0]])
    >>> nna.ops.batch_normalization(x, x.mean(axis=0), x.var(axis=0), axis=-1, epsilon=0.0)
    array([[-1., -1.],
           [ 1.,  1.]])
    """
    x, mean, variance, offset, scale = promoted(x, mean, variance, offset, scale, least=REAL)
    xp, axis = x.namespace, axis_within(axis, x.ndim)
    shape = tuple(n if a == axis else 1 for a, n in enumerate(x.shape))
    factor = 1.0 / xp.sqrt(xp.reshape(variance, shape) + epsilon)
    factor = factor if scale is None else factor * xp.reshape(scale, shape)
    rest = -xp.reshape(mean, shape) * factor
    return x * factor + (rest if offset is None else rest + xp.reshape(offset, shape))


@operation("x gamma beta")
def layer_normalization(
    x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: float | None = None
) -> Any:
    """Return `x` with mean 0 and variance 1 along axes, times `gamma`, plus `beta`.

    Ba, Kiros, Hinton, "Layer normalization", 2016. `epsilon`, by default `nnarray.config.epsilon`, is added to the
    variance.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.layer_normalization(np.asarray([[1.0, 3.0]])).round(5)
    array([[-1.,  1.]])
    """
    narrow = floated(x)
    x = _wide(narrow)
    xp = x.namespace
    axes = sorted(axis_within(a, x.ndim) for a in (axis if isinstance(axis, (list, tuple)) else (axis,)))
    shape = tuple(n if a in axes else 1 for a, n in enumerate(x.shape))
    mean, variance = (function(x, axis=tuple(axes), keepdims=True) for function in (xp.mean, xp.var))
    factor = 1.0 / xp.sqrt(variance + (config.epsilon() if epsilon is None else epsilon))
    factor = factor if gamma is None else factor * _along(cast_to(gamma, x.dtype), shape)
    rest = -mean * factor
    rest = rest if beta is None else rest + _along(cast_to(beta, x.dtype), shape)
    return cast_to(x * factor + rest, narrow.dtype)


def _along(x: Any, shape: tuple[int, ...]) -> Any:
    return x if x.ndim == len(shape) else x.namespace.reshape(x, shape)


@operation("x scale")
def rms_normalization(x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None) -> Any:
    """Return `x` over the root of the mean of its squares along axes, times `scale`.

    Zhang, Sennrich, "Root mean square layer normalization", NeurIPS 2019.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.rms_normalization(np.asarray([[1.0, 7.0]])).round(5)
    array([[0.2, 1.4]])
    """
    narrow = floated(x)
    x = _wide(narrow)
    xp = x.namespace
    x = x if x.ndim else xp.reshape(x, (1,))
    squares = xp.mean(x * x, axis=axes_tuple(axis), keepdims=True)
    made = x / xp.sqrt(squares + (config.epsilon() if epsilon is None else epsilon))
    return cast_to(made if scale is None else made * cast_to(scale, x.dtype), narrow.dtype)


@operation("x")
def normalize(x: Any, axis: Any = -1, order: int = 2, epsilon: float | None = None) -> Any:
    """Return `x` over its length along an axis, of which `order` is the power that is summed.

    Examples
    --------
    >>> import numpy as np
    >>> import nnarray as nna
    >>> nna.ops.normalize(np.asarray([3.0, 4.0]))
    array([0.6, 0.8])
    """
    if isinstance(order, bool) or not isinstance(order, int) or order < 1:
        raise ValueError(f"order must be a positive integer: received order={order!r}.")
    x = floated(x)
    xp = x.namespace
    x = x if x.ndim else xp.reshape(x, (1,))
    size = xp.linalg.vector_norm(x, axis=axes_tuple(axis), keepdims=True, ord=order)
    return x / xp.maximum(size, config.epsilon() if epsilon is None else epsilon)


@operation("x1 x2 max_val")
def psnr(x1: Any, x2: Any, max_val: Any) -> Any:
    """Return the ratio of the greatest value to the error of two images, in decibels."""
    x1, x2 = _paired(x1, x2)
    xp = x1.namespace
    return 20.0 * xp.log10(cast_to(max_val, x1.dtype)) - 10.0 * xp.log10(xp.mean(xp.square(x1 - x2)))


@operation("query key value bias mask")
def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Any:
    """Return for each query the values of the keys that are like it.

    Vaswani et al., "Attention is all you need", NeurIPS 2017, equation 1.

    Parameters
    ----------
    query : array of shape (batch, T, heads, size)
    key, value : array of shape (batch, S, heads, size)
        With fewer heads, each serves several of the queries'.
    bias : array, optional
        Added to the logits, of shape (batch, heads, T, S).
    mask : array, optional
        Which keys a query sees, of that shape.
    scale : float, optional
        Of the logits; by default one over the root of the size.
    is_causal : bool
        Whether a query sees no key beyond its own place.
    flash_attention : bool, optional
        There is one computation here.
    attn_logits_soft_cap : None

    Returns
    -------
    array of shape (batch, T, heads, size)
    """
    if flash_attention or attn_logits_soft_cap is not None:
        raise ValueError(
            "There is one computation of attention here: received "
            f"flash_attention={flash_attention}, attn_logits_soft_cap={attn_logits_soft_cap}."
        )
    query, key, value = promoted(query, key, value, least=REAL)
    if not query.ndim == key.ndim == value.ndim == 4:
        raise ValueError(
            "Query, key and value have the shape (batch, length, heads, size): received shapes "
            f"{query.shape}, {key.shape}, {value.shape}."
        )
    xp, heads = query.namespace, query.shape[2]
    key, value = (xp.repeat(x, heads // x.shape[2], axis=2) if x.shape[2] != heads else x for x in (key, value))
    scale = 1.0 / math.sqrt(query.shape[-1]) if scale is None else scale
    logits = _wide(einsum("btnh,bsnh->bnts", query, key)) * scale
    logits = logits if bias is None else logits + cast_to(bias, logits.dtype)
    lowest = -0.7 * float(xp.finfo(logits.dtype).max)
    if mask is not None:
        logits = xp.where(mask if mask.dtype == xp.bool else mask != 0, logits, lowest)
    if is_causal:
        seen = xp.tril(xp.ones(logits.shape[-2:], dtype=xp.bool, device=logits.device))
        logits = xp.where(seen, logits, lowest)
    shares = cast_to(nn.softmax(logits), value.dtype)
    return einsum("bnts,bsnh->btnh", shares, value)
