"""Layers without weights: input, activation, dropout, flatten."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from nnarray import activations
from nnarray.array import array_namespace
from nnarray.layers._layer import Layer, Shape
from nnarray.random import SeedGenerator, check_rate, dropout


class InputLayer(Layer):
    """Says what shape the examples have; passes them on."""

    def __init__(self, shape: Sequence[int], batch_size: int | None = None, **kwargs: Any) -> None:
        super().__init__(input_shape=tuple(shape), **kwargs)
        self.batch_input_shape = (batch_size, *shape)
        self.built = True

    def call(self, inputs: Any) -> Any:
        return inputs

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape


def Input(  # noqa: N802 -- Keras' name
    shape: Sequence[int], batch_size: int | None = None, dtype: str | None = None, name: str | None = None
) -> InputLayer:
    """Say what shape the examples have, as first entry of a Sequential.

    Parameters
    ----------
    shape : sequence of int
        Shape of one example, without the batch.
    batch_size : int, optional
    dtype, name : str, optional

    Examples
    --------
    >>> from nnarray import layers, models
    >>> model = models.Sequential([layers.Input((2,)), layers.Dense(1)])
    >>> model.output_shape
    (None, 1)
    """
    return InputLayer(shape, batch_size, dtype=dtype, name=name)


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
    array([0., 1.])
    """

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    @property
    def final_activation(self) -> Callable[[Any], Any]:
        return self.activation

    def pre_activation(self, inputs: Any) -> Any:
        """Return the inputs."""
        return inputs

    def call(self, inputs: Any) -> Any:
        return self.activation(inputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape


class Dropout(Layer):
    """In training, sets a random share of the inputs to zero and scales the rest by ``1 / (1 - rate)``.

    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, JMLR 15, 2014. The mask is a function of the layer's key
    and the training step, the same bits on every backend.

    Parameters
    ----------
    rate : float
        Share of inputs to drop, in [0, 1).
    noise_shape : sequence of int or None, optional
        Shape of the mask, broadcast against the inputs; None entries are the inputs' own.
    seed : int, optional

    Examples
    --------
    >>> import numpy as np
    >>> from nnarray.layers import Dropout
    >>> x = np.ones((2, 3))
    >>> Dropout(0.5)(x) is x
    True
    """

    def __init__(
        self, rate: float, noise_shape: Sequence[int | None] | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        rate = check_rate(rate)
        super().__init__(**kwargs)
        self.rate = rate
        self.noise_shape = noise_shape
        self.seed_generator = SeedGenerator(seed)
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        return dropout(inputs, self.rate, self.noise_shape, seed=self.seed_generator)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape


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
