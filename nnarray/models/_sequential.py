"""A stack of layers, each called on the output of the one before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any

from nnarray._messages import describe
from nnarray.backends import use_backend
from nnarray.layers import InputLayer, Layer, Placeholder, Shape, Spec, symbol_of, with_rank
from nnarray.models._graph import Graph
from nnarray.models._model import Model


class Sequential(Model):
    """A stack of layers.

    Parameters
    ----------
    layers : sequence of Layer, optional
        The first may be an `Input`.
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

    _unwalked = Model._unwalked | {"_stack", "_symbols"}

    def __init__(
        self,
        layers: Sequence[Layer | Placeholder] | None = None,
        trainable: bool = True,
        name: str | None = None,
        *,
        backend: Any = None,
        device: Any = None,
        on_missing: str = "warn",
    ) -> None:
        super().__init__(trainable=trainable, name=name, backend=backend, device=device, on_missing=on_missing)
        self._stack: list[Layer] = []
        self._symbols: list[Placeholder] = []
        for layer in layers or ():
            self.add(layer)

    def add(self, layer: Layer | Placeholder) -> None:
        """Put a layer on top; once the input shape is known, it is built at once.

        Raises
        ------
        TypeError
            If `layer` is not a layer.
        ValueError
            If it is an `Input` and not the first, or the model itself.
        RuntimeError
            Within `fit` or `evaluate` of the model, as from a callback.
        """
        self._refuse_while_busy("add")
        if isinstance(layer, Placeholder) and layer.source is not None:
            layer = layer.source
        if not isinstance(layer, Layer):
            raise TypeError(f"Only layers can be added, for example Dense(4): received {describe(layer)}.")
        if isinstance(layer, InputLayer) and self._stack:
            raise ValueError(f"Input must come first: this model has {len(self._stack)} layer(s) already.")
        if self in layer.structure()[0].values():
            raise ValueError(f"A model cannot be a layer of its own: received {layer.name!r} for {self.name!r}.")
        first = not self._stack
        shape = layer.batch_input_shape if first else self.batch_input_shape
        if shape is not None:
            symbols = self._called([layer], self._symbols or [self._input_symbol(layer, shape)])
        elif self.built:
            raise ValueError(
                f"Model {self.name!r} was built without a declared input shape: give its first layer input_shape, or "
                "add all layers before the first call."
            )
        else:
            symbols = []
        if not self.layers and not isinstance(layer, InputLayer):
            self._policy = layer._policy
        self.batch_input_shape = shape
        self._stack, self._symbols = [*self._stack, layer], symbols
        self.built = shape is not None and bool(self.layers)

    def pop(self) -> Layer:
        """Take the topmost layer off and return it.

        Raises
        ------
        IndexError
            If there is no layer.
        RuntimeError
            As for `add`.
        """
        self._refuse_while_busy("pop")
        if not self.layers:
            raise IndexError(f"Model {self.name!r} has no layer to take off.")
        *self._stack, layer = self._stack
        if self._symbols:
            node = self._symbols.pop().node
            assert node is not None
            layer._nodes.remove(node)
        if not self.layers:
            self.built = False
        return layer

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the input."""
        return [layer for layer in self._stack if not isinstance(layer, InputLayer)]

    def members(self) -> Iterator[tuple[str, Any]]:
        yield from ((f"layers/{i}", layer) for i, layer in enumerate(self.layers))
        yield from super().members()

    @property
    def sublayers(self) -> list[Layer]:
        return list(dict.fromkeys([*self.__dict__.get("_stack", ()), *super().sublayers]))

    def build(self, input_shape: Shape) -> None:
        """Build every layer for inputs of `input_shape`, (None, …)."""
        self._require_layers()
        shape: Shape = (None, *input_shape[1:])
        self._symbols = self._called(self.layers, [self._input_symbol(self._stack[0], shape)])
        self.batch_input_shape = shape

    def _input_symbol(self, first: Layer, shape: Shape) -> Placeholder:
        if isinstance(first, InputLayer):
            return symbol_of(first)
        spec = self._specs_for(shape)
        dtype = spec.dtype if isinstance(spec, Spec) and "float" not in spec.dtype else first.variable_dtype
        return symbol_of(InputLayer(batch_shape=shape, dtype=dtype))

    def _called(self, layers: Sequence[Layer], symbols: list[Placeholder]) -> list[Placeholder]:
        """Return the symbols with those that further layers make, each built where the model lives."""
        place = self.home or self._wanted
        with nullcontext() if place is None else use_backend(place.backend.name, place.device):
            for layer in layers:
                if not isinstance(layer, InputLayer):
                    symbols = [*symbols, layer(symbols[-1])]
        return symbols

    def _present_value(self, name: str, value: Any) -> Any:
        return (list(self._stack) or None) if name == "layers" else super()._present_value(name, value)

    def _require_layers(self) -> None:
        if not self.layers:
            raise ValueError(f"Model {self.name!r} has no layers. Add some, for example model.add(Dense(1)).")

    @property
    def states_output_shape(self) -> bool:
        return all(layer.states_output_shape for layer in self._stack)

    def compute_output_shape(self, input_shape: Any) -> Any:
        self._require_layers()
        for layer in self._stack:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    def checked_inputs(self, x: Any) -> Any:
        return super().checked_inputs(self._ranked(x))

    def _ranked(self, x: Any) -> Any:
        shape = self.batch_input_shape
        if shape is None:
            return x
        # As in Keras, the only input in a list stands for itself.
        declares_one = isinstance(shape, tuple) and all(n is None or isinstance(n, int) for n in shape)
        if declares_one and isinstance(x, (list, tuple)) and len(x) == 1 and len(getattr(x[0], "shape", "")):
            x = x[0]
        return with_rank(x, shape) if hasattr(x, "shape") else x

    def call(self, inputs: Any) -> Any:
        inputs = self._ranked(inputs)
        for layer in self._stack:
            inputs = layer(inputs)
        return inputs

    @property
    def _cast_to(self) -> str | None:
        # Each layer casts for itself.
        return None

    @property
    def output_names(self) -> list[str] | None:
        return [self._stack[-1].name] if self._stack else None

    def _as_graph(self) -> Graph | None:
        return Graph(self._symbols[0], self._symbols[-1]) if len(self._symbols) > 1 else None
