"""Layers without weights: input, activation, dropout, flatten."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from nnarray import activations, config
from nnarray._checks import check_share
from nnarray._messages import describe
from nnarray.array import array_namespace
from nnarray.layers._applied import dtype_name
from nnarray.layers._checks import as_floats, check_lengths
from nnarray.layers._layer import Layer
from nnarray.layers._shapes import Shape, activated_shape
from nnarray.layers._symbol import Placeholder
from nnarray.random import SeedGenerator, dropout


class InputLayer(Layer):
    """Says what shape and dtype the examples have; passes them on.

    Parameters
    ----------
    shape : sequence of int or None, optional
        Shape of one example, without the batch.
    batch_size : int, optional
    dtype : str, optional
    batch_shape : sequence of int or None, optional
        Shape with the batch, in place of `shape` and `batch_size`.
    name : str, optional

    Examples
    --------
    >>> from nnarray import layers, models
    >>> models.Sequential([layers.InputLayer((2,)), layers.Dense(3)]).output_shape
    (None, 3)
    """

    def __init__(
        self,
        shape: Sequence[int | None] | None = None,
        batch_size: int | None = None,
        dtype: str | None = None,
        batch_shape: Sequence[int | None] | None = None,
        name: str | None = None,
    ) -> None:
        if (shape is None) == (batch_shape is None):
            raise ValueError(f"Give shape or batch_shape: received shape={shape!r}, batch_shape={batch_shape!r}.")
        if batch_shape is not None:
            batch_size, *rest = check_lengths("batch_shape", batch_shape)
            shape = tuple(rest)
        name_of_dtype = config.floatx() if dtype is None else dtype_name(dtype)
        if name_of_dtype is None:
            raise ValueError(f"dtype is float16 or one of the array API standard's: received dtype={dtype!r}.")
        super().__init__(name=name)
        self.input_dtype = name_of_dtype
        self.batch_input_shape = (batch_size, *check_lengths("shape", shape))
        self.built = True

    @property
    def dtype(self) -> str:
        """Dtype of the examples."""
        return self.input_dtype

    def call(self, inputs: Any) -> Any:
        return inputs

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape


def Input(  # noqa: N802 -- Keras' name
    shape: Sequence[int | None] | None = None,
    batch_size: int | None = None,
    dtype: str | None = None,
    name: str | None = None,
    batch_shape: Sequence[int | None] | None = None,
) -> Placeholder:
    """Return a symbol for the inputs of a model; the first entry of a Sequential may be one.

    Parameters
    ----------
    shape : sequence of int or None
        Shape of one example, without the batch.
    batch_size : int, optional
    dtype : str, optional
        By default `nnarray.config.floatx`. Integer inputs, such as indices, say so.
    name : str, optional
        By which a dict of inputs names it.
    batch_shape : sequence of int or None, optional
        Shape with the batch, in place of `shape` and `batch_size`.

    Returns
    -------
    Placeholder

    Examples
    --------
    >>> from nnarray import layers, models
    >>> x = layers.Input((2,))
    >>> model = models.Model(x, layers.Dense(1)(x * x))
    >>> model.output_shape
    (None, 1)
    """
    return symbol_of(InputLayer(shape, batch_size, dtype, batch_shape, name))


def symbol_of(layer: InputLayer) -> Placeholder:
    """Return a new symbol for what an input layer declares."""
    assert layer.batch_input_shape is not None
    return Placeholder(layer.batch_input_shape, layer.input_dtype, layer.name, source=layer)


class Activation(Layer):
    """Applies an activation function.

    Parameters
    ----------
    activation : str or callable

    Examples
    --------
    >>> import numpy as np
    >>> from nnarray.layers import Activation
    >>> Activation("relu")(np.asarray([-1.0, 1.0]))
    array([0., 1.], dtype=float32)
    """

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def call(self, inputs: Any) -> Any:
        return self.activation(as_floats(inputs, self.compute_dtype))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return activated_shape(self.activation, input_shape)


class Dropout(Layer):
    """In training, sets a random share of the inputs to zero and scales the rest by ``1 / (1 - rate)``.

    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, JMLR 15, 2014. The mask is a function of the layer's key
    and the training step, the same bits on every backend.

    Parameters
    ----------
    rate : float
        Share of inputs to drop, from 0 to 1.
    noise_shape : sequence of int or None, optional
        Shape of the mask, broadcast against the inputs; None entries are the inputs' own.
    seed : int, optional

    Examples
    --------
    >>> import numpy as np
    >>> from nnarray.layers import Dropout
    >>> x = np.ones((2, 3))
    >>> Dropout(0.5)(x)
    array([[1., 1., 1.],
           [1., 1., 1.]], dtype=float32)
    """

    def __init__(
        self, rate: float, noise_shape: Sequence[int | None] | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        rate = check_share("rate", rate, closed=True)
        if noise_shape is not None:
            noise_shape = check_lengths("noise_shape", noise_shape)
        super().__init__(**kwargs)
        self.rate = rate
        self.noise_shape = noise_shape
        self.seed = seed
        self.seed_generator = SeedGenerator(seed)
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        xp = array_namespace(inputs)
        inputs = as_floats(inputs, self.compute_dtype)
        if self.rate == 1:
            return xp.zeros_like(inputs)
        if self.noise_shape is not None and not fits_noise(self.noise_shape, inputs.shape):
            raise ValueError(
                f"noise_shape must have the inputs' number of axes, each of length 1, None or the inputs': received "
                f"noise_shape={self.noise_shape} for {describe(inputs)}."
            )
        return dropout(inputs, self.rate, self.noise_shape, seed=self.seed_generator)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape


def fits_noise(noise_shape: Shape, shape: Sequence[int]) -> bool:
    """Whether a mask of `noise_shape` covers inputs of `shape`."""
    return len(noise_shape) == len(shape) and all(n in (None, 1, m) for n, m in zip(noise_shape, shape, strict=True))


class Flatten(Layer):
    """Makes one axis of all but the batch.

    Examples
    --------
    >>> import numpy as np
    >>> from nnarray.layers import Flatten
    >>> Flatten()(np.zeros((5, 2, 3))).shape
    (5, 6)
    """

    def call(self, inputs: Any) -> Any:
        xp = array_namespace(inputs)
        return xp.reshape(inputs, (inputs.shape[0], math.prod(inputs.shape[1:])))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if None in input_shape[1:]:
            return (input_shape[0], None)
        return (input_shape[0], math.prod(n for n in input_shape[1:] if n is not None))
