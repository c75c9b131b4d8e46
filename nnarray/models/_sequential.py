"""A stack of layers, each called on the output of the one before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nnarray._messages import describe
from nnarray.layers import InputLayer, Layer, Shape, observed
from nnarray.models._model import Model


class Sequential(Model):
    """A stack of layers.

    Parameters
    ----------
    layers : sequence of Layer, optional
    trainable : bool
    name : str, optional
    backend : str or module, optional
        Where the model lives; None follows the data.
    device : optional
        One of the backend's devices.
    on_missing : {"warn", "raise"}
        What to do if the backend does not work here: live on NumPy and warn, or raise `BackendUnavailableError`.

    Examples
    --------
    >>> from nnarray import layers, models
    >>> model = models.Sequential([layers.Dense(4, input_dim=2, activation="relu"), layers.Dense(1)])
    >>> model.count_params()
    17
    """

    def __init__(
        self,
        layers: Sequence[Layer] | None = None,
        trainable: bool = True,
        name: str | None = None,
        *,
        backend: Any = None,
        device: Any = None,
        on_missing: str = "warn",
    ) -> None:
        super().__init__(trainable=trainable, name=name, backend=backend, device=device, on_missing=on_missing)
        self._stack: list[Layer] = []
        for layer in layers or ():
            self.add(layer)

    def add(self, layer: Layer) -> None:
        """Put a layer on top; once the input shape is known, it is built at once.

        Raises
        ------
        TypeError
            If `layer` is no layer.
        ValueError
            If it is an `Input` and not the first.
        """
        if not isinstance(layer, Layer):
            raise TypeError(f"Only layers can be added, for example Dense(4): received {describe(layer)}.")
        if isinstance(layer, InputLayer) and self._stack:
            raise ValueError(f"Input must come first: this model has {len(self._stack)} layer(s) already.")
        first = not self._stack
        if first:
            self.batch_input_shape = layer.batch_input_shape
            self.dtype = layer.dtype
            self.built = False
        stack = [*self._stack, layer]
        if self.batch_input_shape is not None:
            self._build_stack(stack, self.batch_input_shape)
        elif self.built:
            raise ValueError(
                f"Model {self.name!r} was built without a declared input shape: give its first layer input_shape, or "
                "add all layers before the first call."
            )
        self._set_stack(stack)
        self.built = self.batch_input_shape is not None and bool(self.layers)

    def pop(self) -> Layer:
        """Take the topmost layer off and return it.

        Raises
        ------
        IndexError
            If there is none.
        """
        if not self.layers:
            raise IndexError(f"Model {self.name!r} has no layer to take off.")
        *stack, layer = self._stack
        self._set_stack(stack)
        if not self.layers:
            self.built = False
        return layer

    def _set_stack(self, stack: list[Layer]) -> None:
        # A list's layers are noted when it is set; those of the list before it are to be forgotten.
        self.__dict__.pop("_own_layers", None)
        self._stack = stack

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the input."""
        return [layer for layer in self._stack if not isinstance(layer, InputLayer)]

    def build(self, input_shape: Shape) -> None:
        """Build every layer for inputs of `input_shape`, (None, …)."""
        self._require_layers()
        shape: Shape = (None, *input_shape[1:])
        self._build_stack(self._stack, shape)
        self.batch_input_shape = shape
        self.built = True

    def _build_stack(self, stack: Sequence[Layer], shape: Shape) -> None:
        selection = self._home or self._wanted
        home = None if selection is None else selection.backend.asarray(0.0, device=selection.device)
        for layer in stack:
            layer.ensure_built(shape, home)
            shape = layer.compute_output_shape(shape)

    def _require_layers(self) -> None:
        if not self.layers:
            raise ValueError(f"Model {self.name!r} has no layers. Add some, for example model.add(Dense(1)).")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._require_layers()
        for layer in self._stack:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    def call(self, inputs: Any) -> Any:
        for layer in self._stack:
            inputs = layer(inputs)
        return inputs

    @property
    def final_activation(self) -> Callable[[Any], Any] | None:
        return self._stack[-1].final_activation if self._stack else None

    def pre_activation(self, inputs: Any) -> Any:
        inputs = self._prepare(inputs)
        for layer in self._stack[:-1]:
            inputs = layer(inputs)
        last = self._stack[-1]
        return observed(last, last.pre_activation, inputs)
