"""Models: layers that can be trained, written as a class or as a graph of calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from nnarray._messages import describe
from nnarray._trees import tree_map
from nnarray.array import Array
from nnarray.backends import convert, find_backend
from nnarray.layers import Layer, Spec, check_shapes, shapes_of, specs_of, symbols_of, without_batch
from nnarray.layers._build import seen_spec
from nnarray.layers._shapes import map_shapes
from nnarray.models._config import graph_config, graph_from
from nnarray.models._graph import Graph, alone, check_whole
from nnarray.models._saved import Saved
from nnarray.models._summary import summary_table
from nnarray.variables import current_scope


class Model(Saved):
    """A layer that can be trained.

    Give it symbols, ``Model(inputs, outputs)``; or subclass it, make layers in ``__init__`` and use them in
    ``call(inputs)``.

    Parameters
    ----------
    inputs, outputs : Placeholder, or list, tuple or dict of them, optional
        What `Input` makes, and what calling layers on it, operators and the functions of its namespace give.
    name, trainable, dtype : as for `Layer`
    backend : str or module, optional
        Where the model lives; None follows the data.
    device : optional
        One of the backend's devices.
    on_missing : {"warn", "raise"}
        What to do if the backend does not work here: live on NumPy and warn, or raise `BackendUnavailableError`.

    Examples
    --------
    >>> import numpy as np
    >>> from nnarray import layers, models
    >>> a, b = layers.Input((2,), name="a"), layers.Input((3,), name="b")
    >>> model = models.Model([a, b], layers.Dense(4)(a) * layers.Dense(4)(b))
    >>> model.predict({"a": np.zeros((5, 2)), "b": np.zeros((5, 3))}, verbose=0).shape
    (5, 4)
    >>> class Twice(models.Model):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.dense = layers.Dense(2)
    ...     def call(self, inputs):
    ...         return self.dense(self.dense(inputs))
    >>> Twice().predict(np.zeros((3, 2)), verbose=0).shape
    (3, 2)
    """

    _unwalked = Layer._unwalked | {
        *("_graph", "_targets", "_held", "_last_good", "_runner", "_predictor"),
        *("_recipe", "_resolved", "_dependencies", "_specs", "_lock", "_running", "_resumption", "_keys", "_given"),
        *("history", "home", "loss", "_noted", "_wanted"),
    }

    def __init__(
        self,
        inputs: Any = None,
        outputs: Any = None,
        name: str | None = None,
        trainable: bool = True,
        dtype: str | None = None,
        *,
        backend: Any = None,
        device: Any = None,
        on_missing: str = "warn",
        **kwargs: Any,
    ) -> None:
        if (inputs is None) != (outputs is None):
            raise TypeError(
                f"A model of symbols has inputs and outputs: received inputs={inputs!r}, outputs={outputs!r}."
            )
        graph = None if inputs is None else Graph(inputs, outputs)
        if graph is not None and dtype is None:
            dtype = graph.dtype
        super().__init__(backend, device, on_missing, name=name, trainable=trainable, dtype=dtype, **kwargs)
        self._graph: Graph | None = graph
        if graph is not None:
            self.batch_input_shape = tree_map(lambda symbol: symbol.shape, alone(graph.inputs))
            self.built = True
            self.check_members()

    # -- as a graph ---------------------------------------------------------------------------------------------------

    def call(self, inputs: Any) -> Any:
        """Compute the outputs: those of the graph; a subclass without a graph must define it."""
        if self._graph is None:
            raise NotImplementedError(f"{type(self).__name__} must define call(inputs)")
        return self._graph.run(inputs)

    def members(self) -> Iterator[tuple[str, Any]]:
        if self._graph is not None:
            yield from ((f"layers/{i}", layer) for i, layer in enumerate(self._graph.layers))
        yield from super().members()

    @property
    def layers(self) -> list[Layer]:
        """The layers of the model."""
        return self.sublayers

    @property
    def inputs(self) -> list[Any]:
        """The symbols of the inputs, of a model that is made of symbols."""
        return self._require_graph("inputs").symbols

    @property
    def outputs(self) -> list[Any]:
        """The symbols of the outputs, of a model that is made of symbols."""
        return self._require_graph("outputs").results

    @property
    def input(self) -> Any:
        """The symbols of the inputs, as they were given."""
        graph = self._as_graph()
        return super().input if graph is None else graph.inputs

    @property
    def output(self) -> Any:
        """The symbols of the outputs, as they were given."""
        graph = self._as_graph()
        return super().output if graph is None else graph.outputs

    def _as_graph(self) -> Graph | None:
        return self._graph

    def _require_graph(self, what: str) -> Graph:
        graph = self._as_graph()
        if graph is None:
            raise AttributeError(f"Model {self.name!r} is not made of symbols, or not built, and has no {what}.")
        return graph

    @property
    def output_names(self) -> list[str] | None:
        return None if self._graph is None else self._graph.output_names

    @property
    def input_names(self) -> list[str] | None:
        """Names of the inputs, by which a dict of arrays gives them; None if nothing names them."""
        return None if self._graph is None else self._graph.input_names

    def get_config(self) -> dict[str, Any]:
        """Return what `from_config` makes such a model of: the constructor's arguments, or layers and their calls."""
        if self._graph is None or type(self).__init__ is not Model.__init__:
            return super().get_config()
        return {"name": self.name, "trainable": self.trainable, "dtype": self._policy, **graph_config(self._graph)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return the model that `get_config` describes, with new weights."""
        if "calls" not in config:
            return super().from_config(config)
        inputs, outputs = graph_from(config)
        return cls(inputs, outputs, config["name"], config["trainable"], config["dtype"])

    @property
    def has_call(self) -> bool:
        return self._graph is not None or type(self).call is not Model.call

    # -- shapes -------------------------------------------------------------------------------------------------------

    @property
    def input_shape(self) -> Any:
        """Shapes of the inputs, the batch being None.

        Raises
        ------
        AttributeError
            If the model has not been built.
        """
        if self.batch_input_shape is None:
            raise AttributeError(
                f"Model {self.name!r} has not been built. Call model.build((None, features)), or fit it."
            )
        return self.batch_input_shape

    @property
    def output_shape(self) -> Any:
        """Shapes of the outputs, the batch being None."""
        return self.compute_output_shape(self.input_shape)

    def compute_output_shape(self, input_shape: Any) -> Any:
        if self._graph is None or self.batch_input_shape != input_shape:
            return super().compute_output_shape(input_shape)
        return tree_map(lambda symbol: symbol.shape, self._graph.returned)

    @property
    def states_output_shape(self) -> bool:
        return type(self).compute_output_shape is not Model.compute_output_shape

    def ensure_built(self, *input_shapes: Any, like: Any = None, inputs: Any = None) -> None:
        self._built_for = None if inputs is None else specs_of(inputs, self.compute_dtype)
        try:
            super().ensure_built(*input_shapes, like=like, inputs=inputs)
            self.check_members()
        finally:
            self._built_for = None
        if self.batch_input_shape is None and input_shapes:
            self.batch_input_shape = without_batch(input_shapes[0])

    def build(self, input_shape: Any) -> None:
        """Make all weights, by calling the model on ones."""
        before, self.built = self.built, True
        try:
            seen_spec(self, (self._specs_for(input_shape),), {})
        except BaseException:
            self.built = before
            raise
        self.batch_input_shape = without_batch(input_shape)

    def _specs_for(self, input_shape: Any) -> Any:
        """Return a `Spec` for each input: those that the model is built for now, or floating-point ones of a shape."""
        if self._built_for is not None:
            return self._built_for
        return map_shapes(lambda shape: Spec(shape, self.compute_dtype), input_shape)

    def checked_inputs(self, x: Any) -> Any:
        if self._graph is not None:
            for array, symbol in zip(self._graph.arranged(x), self._graph.symbols, strict=True):
                check_whole(array, symbol)
        elif self.batch_input_shape is not None:
            check_shapes(self.name, self.batch_input_shape, shapes_of(x))
        return x

    def output_specs(self, inputs: Any) -> Any:
        if self._graph is not None and type(self).call is Model.call:
            return tree_map(lambda symbol: Spec(symbol.shape, symbol.dtype), self._graph.returned)
        return super().output_specs(inputs)

    # -- calling ------------------------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return the outputs for a batch, as `Layer.__call__`; raw arrays are first taken to the model's backend."""
        if current_scope() is not None or not self.built or symbols_of((args, kwargs)):
            return super().__call__(*args, **kwargs)
        home = self._come_home(args)
        if home is None:
            return super().__call__(*args, **kwargs)

        def brought(x: Any) -> Any:
            source = None if isinstance(x, (Array, int, float)) else find_backend(x)
            if source is None or (source is home.backend and source.device_of(x) == home.device):
                return x
            return convert(x, home.backend, device=home.device)

        with home.backend.activate(home.device):
            return super().__call__(*tree_map(brought, args), **kwargs)

    @property
    def _cast_to(self) -> str | None:
        # A graph's inputs have dtypes of their own.
        return None if self._graph is not None else super()._cast_to

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer by name or by index.

        Raises
        ------
        ValueError
            If no layer has that name, or neither or both are given.
        IndexError
            If no layer has that index.
        """
        if (name is None) == (index is None):
            raise ValueError(f"Give either name or index: received name={name!r}, index={index!r}.")
        if index is not None:
            return self.layers[index]
        found = [layer for layer in self.layers if layer.name == name]
        if len(found) > 1:
            raise ValueError(f"{len(found)} layers are named {name!r}: get them by index.")
        if found:
            return found[0]
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
