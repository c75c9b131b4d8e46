"""The base of models: a trainable layer of layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nnarray._messages import describe
from nnarray.array import Array
from nnarray.backends import convert, find_backend
from nnarray.layers import Layer, Shape
from nnarray.models._summary import summary_table
from nnarray.training import Trainer


class Model(Trainer):
    """A layer that can be trained. Subclass it, make layers in ``__init__`` and use them in ``call(inputs)``.

    Examples
    --------
    >>> import numpy as np
    >>> from nnarray import layers, models
    >>> class Twice(models.Model):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.dense = layers.Dense(2)
    ...     def call(self, inputs):
    ...         return self.dense(self.dense(inputs))
    >>> model = Twice()
    >>> model.predict(np.zeros((3, 2)), verbose=0).shape
    (3, 2)
    """

    @property
    def layers(self) -> list[Layer]:
        """The layers of the model."""
        return self.sublayers

    @property
    def input_shape(self) -> Shape:
        """Shape of the inputs, the batch being None.

        Raises
        ------
        ValueError
            If the model has not been built.
        """
        if self.batch_input_shape is None:
            raise ValueError(f"Model {self.name!r} has not been built. Call model.build((None, features)), or fit it.")
        return self.batch_input_shape

    @property
    def output_shape(self) -> Shape:
        """Shape of the outputs, the batch being None."""
        return self.compute_output_shape(self.input_shape)

    def ensure_built(self, input_shape: Shape, like: Any = None) -> None:
        super().ensure_built(input_shape, like)
        if self.batch_input_shape is None:
            self.batch_input_shape = (None, *input_shape[1:])

    def build(self, input_shape: Shape) -> None:
        """Make all weights, by calling the model on one example of zeros."""
        self.built = True
        try:
            self.compute_output_shape(input_shape)
        except BaseException:
            self.built = False
            raise

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the outputs for a batch, as `Layer.__call__`; raw arrays are first taken to the model's backend."""
        if self._home is None:
            return super().__call__(inputs, *args, **kwargs)
        backend, device = self._home
        source = None if isinstance(inputs, Array) else find_backend(inputs)
        if source is not None and (source is not backend or source.device_of(inputs) != device):
            inputs = convert(inputs, backend, device=device)
        with self._active():
            return super().__call__(inputs, *args, **kwargs)

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer by name or by index.

        Raises
        ------
        ValueError
            If there is none of that name, or neither or both are given.
        IndexError
            If there is none of that index.
        """
        if (name is None) == (index is None):
            raise ValueError(f"Give either name or index: received name={name!r}, index={index!r}.")
        if index is not None:
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise ValueError(f"No layer is named {name!r}. Layers: {', '.join(layer.name for layer in self.layers)}.")

    def summary(self, print_fn: Callable[[str], Any] | None = None) -> None:
        """Print the layers with their output shapes and numbers of parameters.

        Parameters
        ----------
        print_fn : callable, optional
            Takes the text; `print` by default.
        """
        (print_fn or print)(summary_table(self))

    def set_weights(self, weights: Any) -> None:
        if not self.built:
            raise ValueError(
                f"Model {self.name!r} has no weights before it is built: received {describe(weights)}. Declare the "
                "input shape, or call model.build((None, features))."
            )
        super().set_weights(weights)
