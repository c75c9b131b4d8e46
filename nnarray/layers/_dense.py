"""The fully connected layer."""

from __future__ import annotations

from typing import Any

from nnarray import activations, constraints, initializers, regularizers
from nnarray._checks import check_positive_integer
from nnarray._messages import describe
from nnarray.array import array_namespace
from nnarray.layers._checks import as_floats
from nnarray.layers._layer import Layer
from nnarray.layers._shapes import Shape, activated_shape
from nnarray.variables import Variable


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
    kernel_regularizer, bias_regularizer, activity_regularizer : str, Regularizer or callable, optional
        Penalties that are added to the loss.
    kernel_constraint, bias_constraint : str, Constraint or callable, optional
        What the weights are made to be after each step.
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
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        units = check_positive_integer("units", units)
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = units
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.bias: Variable | None = None

    def build(self, input_shape: Shape) -> None:
        if len(input_shape) < 2 or input_shape[-1] is None:
            raise ValueError(
                f"{self.name!r} takes inputs of shape (batch, …, features), features being known: received inputs of "
                f"shape {input_shape}. One feature stands on an axis of its own: x[:, None]."
            )
        features = input_shape[-1]
        penalty, constraint = self.kernel_regularizer, self.kernel_constraint
        self.kernel = self.add_weight(
            (features, self.units), self.kernel_initializer, name="kernel", regularizer=penalty, constraint=constraint
        )
        if self.use_bias:
            penalty, constraint = self.bias_regularizer, self.bias_constraint
            self.bias = self.add_weight(
                (self.units,), self.bias_initializer, name="bias", regularizer=penalty, constraint=constraint
            )

    def call(self, inputs: Any) -> Any:
        self._check(inputs.shape, describe(inputs))
        xp = array_namespace(inputs)
        z = xp.matmul(as_floats(inputs, self.compute_dtype), self.kernel.value)
        return self.activation(z if self.bias is None else z + self.bias.value)

    def _check(self, shape: Shape, received: str) -> None:
        features = self.kernel.shape[0]
        if len(shape) < 2 or shape[-1] not in (features, None):
            raise ValueError(f"{self.name!r} takes inputs of shape (batch, …, {features}): received {received}.")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if self.built:
            self._check(input_shape, f"shape {tuple(input_shape)}")
        return activated_shape(self.activation, (*input_shape[:-1], self.units))
