"""The fully connected layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nnarray import activations, initializers
from nnarray._messages import describe
from nnarray.array import array_namespace
from nnarray.layers._layer import Layer, Shape


class Dense(Layer):
    """``activation(x W + b)`` along the last axis.

    Parameters
    ----------
    units : int
        Number of outputs.
    activation : str or callable, optional
        None is linear.
    use_bias : bool
    kernel_initializer, bias_initializer : str, Initializer or callable
    **kwargs
        `name`, `trainable`, `dtype`, `input_shape`, `input_dim`, as for `Layer`.

    Examples
    --------
    >>> import numpy as np
    >>> from nnarray.layers import Dense
    >>> Dense(3, activation="relu")(np.zeros((5, 2), dtype="float32")).shape
    (5, 3)
    """

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        if isinstance(units, bool) or not hasattr(type(units), "__index__") or units < 1:
            raise ValueError(f"units must be a positive integer: received units={units!r}.")
        super().__init__(**kwargs)
        self.units = int(units)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)

    def build(self, input_shape: Shape) -> None:
        features = input_shape[-1] if input_shape else None
        if features is None:
            raise ValueError(f"{self.name!r} needs inputs whose last axis has a known length: received {input_shape}.")
        self.kernel = self.add_weight((features, self.units), self.kernel_initializer, name="kernel")
        if self.use_bias:
            self.bias = self.add_weight((self.units,), self.bias_initializer, name="bias")

    @property
    def final_activation(self) -> Callable[[Any], Any]:
        return self.activation

    def pre_activation(self, inputs: Any) -> Any:
        """Return ``x W + b``."""
        if inputs.ndim < 2 or inputs.shape[-1] != self.kernel.shape[0]:
            raise ValueError(
                f"{self.name!r} takes inputs of shape (batch, …, {self.kernel.shape[0]}): received {describe(inputs)}."
            )
        xp = array_namespace(inputs)
        z = xp.matmul(inputs, self.kernel.value)
        return z + self.bias.value if self.use_bias else z

    def call(self, inputs: Any) -> Any:
        return self.activation(self.pre_activation(inputs))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.units)
