"""The base of layers: variables and a call."""

from __future__ import annotations

import copy
import inspect
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from nnarray import config, initializers
from nnarray._lookup import snake_case
from nnarray._messages import describe
from nnarray._replay import not_repeated
from nnarray.array import Array, as_array
from nnarray.backends import backend_of, convert, current_backend, find_backend, use_backend
from nnarray.random import preserved_keys
from nnarray.variables import StatelessScope, Variable, current_scope

Shape = tuple[int | None, ...]

_names: Counter[str] = Counter()
_training: ContextVar[bool] = ContextVar("nnarray_training", default=False)
_observer: ContextVar[Callable[..., Any] | None] = ContextVar("nnarray_observer", default=None)


@contextmanager
def training_phase(training: bool | None) -> Iterator[bool]:
    """Say whether the layers called in the block are in training; None leaves that as it is around."""
    if training is None:
        yield _training.get()
        return
    token = _training.set(training)
    try:
        yield training
    finally:
        _training.reset(token)


@contextmanager
def observing(observer: Callable[..., Any]) -> Iterator[None]:
    """Let `observer` stand around every layer's computation in the block.

    Parameters
    ----------
    observer : callable
        Called as ``observer(layer, compute, *args, **kwargs)``, where `compute` is the layer's ``call`` or
        ``pre_activation``; what it returns takes the place of ``compute(*args, **kwargs)``.

    Examples
    --------
    >>> import numpy as np
    >>> from nnarray import layers
    >>> def tell(layer, compute, *args, **kwargs):
    ...     print(layer.name)
    ...     return compute(*args, **kwargs)
    >>> with layers.observing(tell):
    ...     _ = layers.Flatten(name="flat")(np.zeros((2, 3)))
    flat
    """
    token = _observer.set(observer)
    try:
        yield
    finally:
        _observer.reset(token)


def observed(layer: Layer, compute: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Return ``compute(*args, **kwargs)``, through the observer in force if there is one."""
    observer = _observer.get()
    return compute(*args, **kwargs) if observer is None else observer(layer, compute, *args, **kwargs)


def unique_name(prefix: str) -> str:
    """Return ``"dense"``, then ``"dense_1"``, ``"dense_2"``, …"""
    _names[prefix] += 1
    count = _names[prefix] - 1
    return f"{prefix}_{count}" if count else prefix


class Layer:
    """Variables and a call, written in array-API code.

    A subclass makes its variables in ``build(input_shape)`` by `add_weight` and computes in ``call(inputs)``, where
    ``xp = inputs.__array_namespace__()`` (or `nnarray.array_namespace`) has the functions. Variables and layers that
    are set as attributes, also in lists, tuples and dicts, belong to it.

    Parameters
    ----------
    name : str, optional
        By default the class name in snake case, numbered.
    trainable : bool
        Whether its trainable variables are trained.
    dtype : str, optional
        Floating-point dtype of its variables; by default `nnarray.config.floatx`.
    input_shape : tuple of int, optional
        Shape of one input example; as first layer of a Sequential it lets the model be built at once.
    input_dim : int, optional
        Short for ``input_shape=(input_dim,)``.

    Examples
    --------
    >>> import numpy as np
    >>> from nnarray.layers import Layer
    >>> class Scale(Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight((input_shape[-1],), "ones", name="factor")
    ...     def call(self, inputs):
    ...         return inputs * self.factor
    >>> Scale()(np.asarray([[1.0, 2.0]], dtype="float32"))
    array([[1., 2.]], dtype=float32)
    """

    _takes_training = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._takes_training = "training" in inspect.signature(cls.call).parameters

    def __init__(
        self,
        *,
        name: str | None = None,
        trainable: bool = True,
        dtype: str | None = None,
        input_shape: Sequence[int] | None = None,
        input_dim: int | None = None,
    ) -> None:
        self.name = name or unique_name(snake_case(type(self).__name__))
        self.trainable = trainable
        self.dtype = dtype or config.floatx()
        self.built = False
        if input_dim is not None:
            input_shape = (input_dim,)
        self.batch_input_shape: Shape | None = None if input_shape is None else (None, *input_shape)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"

    @property
    def final_activation(self) -> Callable[[Any], Any] | None:
        """The activation that the call ends in, if `pre_activation` gives what it is applied to."""
        return None

    def pre_activation(self, inputs: Any) -> Any:
        """Return what `final_activation` is applied to."""
        raise NotImplementedError(f"{type(self).__name__} has no final activation")

    # -- to be written by subclasses --------------------------------------------------------------------------------

    def build(self, input_shape: Shape) -> None:
        """Make the variables for inputs of `input_shape`, whose first entry, the batch, may be None."""

    def call(self, inputs: Any) -> Any:
        """Compute the output of a batch; may take ``training=False`` as well."""
        raise NotImplementedError(f"{type(self).__name__} must define call(inputs)")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the output; by default found by calling the layer on one example of zeros."""
        backend, device = current_backend()
        if self.built and (variables := self.variables):
            backend, device = variables[0].backend, variables[0].device
        with preserved_keys():
            layer = self if self.built else copy.deepcopy(self)
            example = tuple(n for n in input_shape[1:] if n is not None)
            if len(example) != len(input_shape) - 1:
                raise ValueError(f"{self.name!r} needs inputs of known shape: received {input_shape}.")
            zeros = np.zeros((1, *example), dtype=self.dtype)
            output = layer(backend.asarray(zeros, device=device))
        return (input_shape[0], *output.shape[1:])

    # -- calling ----------------------------------------------------------------------------------------------------

    def __call__(self, inputs: Any, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """Build the layer if need be and call it.

        Parameters
        ----------
        inputs : raw array, Array or nested list, shape (batch, …)
        training : bool, optional
            Whether layers such as Dropout behave as in training; inside another layer's call, as that was called.

        Returns
        -------
        array of the library of `inputs`
        """
        inputs = self._prepare(inputs)
        if not self.built:
            self.ensure_built(tuple(inputs.shape), inputs)
        with training_phase(training) as phase:
            if self._takes_training:
                kwargs["training"] = phase
            observer = _observer.get()
            if observer is None:  # `observed`, without the cost of a call
                return self.call(inputs, *args, **kwargs)
            return observer(self, self.call, inputs, *args, **kwargs)

    def _prepare(self, inputs: Any) -> Any:
        if isinstance(inputs, (list, tuple, int, float)):
            backend, device = current_backend()
            return backend.asarray(np.asarray(inputs, dtype=self.dtype), device=device)
        if isinstance(inputs, Variable):
            inputs = inputs.value
        scope = current_scope()
        return as_array(inputs) if scope is not None and scope.recorded else inputs

    def ensure_built(self, input_shape: Shape, like: Any = None) -> None:
        """Build the layer for `input_shape` unless it is built, where the array `like` lives."""
        if self.built:
            return
        raw = like.value if isinstance(like, Array) else like
        with not_repeated():
            if find_backend(raw) is None:
                self.build(input_shape)
            else:
                backend = backend_of(raw)
                with use_backend(backend.name, backend.device_of(raw)):
                    self.build(input_shape)
        self.built = True

    # -- variables --------------------------------------------------------------------------------------------------

    def add_weight(
        self,
        shape: Sequence[int],
        initializer: Any = "glorot_uniform",
        dtype: str | None = None,
        trainable: bool = True,
        name: str = "variable",
    ) -> Variable:
        """Make a variable on the backend in force.

        Parameters
        ----------
        shape : sequence of int
        initializer : str, Initializer or callable ``f(shape, dtype)``
        dtype : str, optional
            The layer's by default.
        trainable : bool
        name : str

        Returns
        -------
        Variable
        """
        backend, device = current_backend()
        dtype = dtype or self.dtype
        value = initializers.get(initializer)(tuple(shape), dtype)
        value = backend.xp.asarray(convert(value, backend, dtype, device), copy=True)
        if tuple(value.shape) != tuple(shape):
            raise ValueError(f"The initializer of {name!r} must give shape {tuple(shape)}: received {describe(value)}.")
        variable = Variable(value, name, trainable)
        variable.path = f"{self.name}/{name}"
        self._variables().append(variable)
        return variable

    def _variables(self) -> list[Variable]:
        return self.__dict__.setdefault("_own_variables", [])

    def __setattr__(self, name: str, value: Any) -> None:
        for item in _members(value):
            own: list[Any] = self._variables()
            if isinstance(item, Layer):
                own = self.__dict__.setdefault("_own_layers", [])
            if not any(item is known for known in own):
                own.append(item)
        super().__setattr__(name, value)

    @property
    def sublayers(self) -> list[Layer]:
        """The layers that belong directly to this one."""
        return list(self.__dict__.get("_own_layers", ()))

    @property
    def variables(self) -> list[Variable]:
        """All variables, each once, the layer's own first."""
        nested = [variable for layer in self.sublayers for variable in layer.variables]
        return list(dict.fromkeys([*self._variables(), *nested]))

    @property
    def trainable_variables(self) -> list[Variable]:
        """The variables that training changes."""
        if not self.trainable:
            return []
        own = [variable for variable in self._variables() if variable.trainable]
        nested = [variable for layer in self.sublayers for variable in layer.trainable_variables]
        return list(dict.fromkeys([*own, *nested]))

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The variables that training does not change by gradients."""
        trainable = set(self.trainable_variables)
        return [variable for variable in self.variables if variable not in trainable]

    weights = variables
    trainable_weights = trainable_variables
    non_trainable_weights = non_trainable_variables

    def count_params(self) -> int:
        """Return the number of elements of all variables."""
        return sum(variable.size for variable in self.variables)

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of all variables as NumPy arrays."""
        return [variable.numpy() for variable in self.variables]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set all variables, in the order of `get_weights`.

        Raises
        ------
        ValueError
            If their number or a shape differs; then nothing is changed.
        """
        variables = self.variables
        if len(weights) != len(variables):
            raise ValueError(f"Layer {self.name!r} has {len(variables)} weights: received {len(weights)}.")
        arrays = [w if find_backend(w) else np.asarray(w) for w in weights]
        for variable, array in zip(variables, arrays, strict=True):
            if tuple(array.shape) != variable.shape:
                raise ValueError(f"Weight {variable.path!r} has shape {variable.shape}: received {describe(array)}.")
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)

    # -- pure form --------------------------------------------------------------------------------------------------

    def stateless_call(
        self,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        *args: Any,
        counter: int | None = None,
        **kwargs: Any,
    ) -> tuple[Any, list[Any]]:
        """Call the layer with values lent to its variables, changing nothing.

        Parameters
        ----------
        trainable_variables, non_trainable_variables : sequences of arrays
            In the order of the attributes of these names.
        *args, **kwargs
            As for calling the layer.
        counter : int, optional
            Number of the training step: random layers draw the same for the same counter.

        Returns
        -------
        outputs : array
        non_trainable_variables : list of arrays
            What the call assigned to them, or what was given.
        """
        frozen = self.non_trainable_variables
        variables = [*self.trainable_variables, *frozen]
        values = [*trainable_variables, *non_trainable_variables]
        if not self.built or len(values) != len(variables):
            raise ValueError(
                f"Layer {self.name!r} takes {len(self.trainable_variables)} trainable and {len(frozen)} non-trainable "
                f"arrays: received {len(trainable_variables)} and {len(non_trainable_variables)}. Build it first."
            )
        with StatelessScope(variables, values, counter) as scope:
            outputs = self(*args, **kwargs)
        return outputs, [scope.values[variable] for variable in frozen]


def _members(value: Any) -> Iterable[Variable | Layer]:
    if isinstance(value, (Variable, Layer)):
        return (value,)
    items = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return [item for item in items if isinstance(item, (Variable, Layer))]
