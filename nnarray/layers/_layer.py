"""The base of layers: variables and a call."""

from __future__ import annotations

import inspect
import math
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from nnarray import config, regularizers
from nnarray._lookup import snake_case
from nnarray._messages import describe
from nnarray._replay import not_repeated
from nnarray._trees import leaves_of, tree_map
from nnarray.array import Array, as_array, on_device_of
from nnarray.backends import current_backend, find_backend, use_backend
from nnarray.layers._build import built_once, seen_spec, shape_arguments
from nnarray.layers._checks import cast_floats, check_dtype, compute_dtype_of, declared_shape, is_numbers
from nnarray.layers._phase import is_outermost, observed, training_phase
from nnarray.layers._shapes import map_shapes
from nnarray.layers._spec import Spec
from nnarray.layers._symbol import Node, call_layer, symbols_of
from nnarray.layers._weights import Weights
from nnarray.variables import Building, Variable, autocast, autocasting, current_scope, losses_added

_names: Counter[str] = Counter()


def unique_name(prefix: str) -> str:
    """Return ``"dense"``, then ``"dense_1"``, ``"dense_2"``, …"""
    _names[prefix] += 1
    count = _names[prefix] - 1
    return f"{prefix}_{count}" if count else prefix


def _mean(penalty: Any, output: Any) -> Any:
    """Return a penalty on a batch as one on an example."""
    return penalty / output.shape[0] if getattr(output, "shape", ()) and output.shape[0] else penalty


class Layer(Weights):
    """Variables and a call, written in array-API code.

    A subclass makes its variables in ``build(input_shape)`` by `add_weight` and computes in ``call(inputs)``, where
    ``xp = inputs.__array_namespace__()`` (or `nnarray.array_namespace`) has the functions. Variables and layers that
    are attributes belong to it, also in lists, tuples, dicts and dataclasses, nested, as these are at the time; a model
    with a layer that is kept in anything else is refused.

    Parameters
    ----------
    name : str, optional
        By default the class name in snake case, numbered.
    trainable : bool
        Whether its trainable variables are trained.
    dtype : str, optional
        Floating-point dtype of its variables and of what it computes; by default `nnarray.config.floatx`.
        ``"mixed_float16"`` computes in float16 with float32 variables.
    input_shape : tuple of int, optional
        Shape of one input example; as first layer of a Sequential it lets the model be built at once.
    input_dim : int, optional
        Short for ``input_shape=(input_dim,)``.
    activity_regularizer : str, Regularizer or callable, optional
        Gives a penalty on each output, of which the mean over the batch is added to the loss.

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

    _set_by_init = "_nodes"
    _takes_training = False
    _is_building = False
    #: Specs of the inputs that a model is being built for, and the arguments and specs that a layer was built with.
    _built_for: Any = None
    _built_on: Any = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._takes_training = "training" in inspect.signature(cls.call).parameters
        if "build" in cls.__dict__:
            cls.build = built_once(cls.__dict__["build"])  # type: ignore[method-assign]

    def __init__(
        self,
        *,
        name: str | None = None,
        trainable: bool = True,
        dtype: str | None = None,
        input_shape: Sequence[int] | None = None,
        input_dim: int | None = None,
        activity_regularizer: Any = None,
    ) -> None:
        self._policy = check_dtype(config.floatx() if dtype is None else dtype)
        self.batch_input_shape = declared_shape(input_shape, input_dim)
        self.name = name or unique_name(snake_case(type(self).__name__))
        self._trainable = bool(trainable)
        self.built = False
        self._nodes: list[Node] = []
        self.activity_regularizer = regularizers.get(activity_regularizer)

    # -- to be written by subclasses --------------------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Make the variables for inputs of `input_shape`, whose first entry, the batch, may be None.

        For several inputs it is a list, tuple or dict of shapes, as the inputs are.
        """
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Compute the output of a batch; may take ``training=False`` as well."""
        raise NotImplementedError(f"{type(self).__name__} must define call(inputs)")

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the output; by default found by calling the layer on ones."""
        inputs = map_shapes(lambda shape: Spec(shape, self.compute_dtype), input_shape)
        return tree_map(lambda spec: spec.shape, seen_spec(self, (inputs,), {}))

    @property
    def states_output_shape(self) -> bool:
        """Whether `compute_output_shape` knows the shape without a call."""
        return type(self).compute_output_shape is not Layer.compute_output_shape

    # -- dtypes -------------------------------------------------------------------------------------------------------

    @property
    def dtype(self) -> str:
        """Dtype of its variables."""
        return self.variable_dtype

    @property
    def compute_dtype(self) -> str:
        """Dtype that floating-point inputs are cast to, and in which it computes."""
        return compute_dtype_of(self._policy)

    # -- calling ----------------------------------------------------------------------------------------------------

    def __call__(self, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """Return the output, building the layer first if need be.

        Parameters
        ----------
        *args : arrays, or lists, tuples and dicts of them; nested lists of numbers; or symbols
            As `call` takes them. Floating-point arrays are cast to `compute_dtype`, integers are left alone.
        training : bool, optional
            Whether it is in training; by default as the layer that calls it.
        **kwargs
            As `call` takes them.

        Returns
        -------
        arrays of the library of the inputs, Arrays for Arrays; symbols for symbols
        """
        symbolic = symbols_of((args, kwargs))
        if not symbolic:
            args = tuple([self._prepared(x) for x in args])
            kwargs = {name: self._prepared(x) for name, x in kwargs.items()}
        if not self.built:
            leaves = leaves_of((args, kwargs))
            like = next((x for x in leaves if isinstance(x, Array) or find_backend(x) is not None), None)
            inputs = args[0] if args else next(iter(kwargs.values()), None)
            self.ensure_built(*shape_arguments(self, args, kwargs), like=like, inputs=inputs)
        if symbolic:
            outputs = call_layer(self, args, kwargs if training is None else {**kwargs, "training": training})
            node = symbols_of(outputs)[0].node
            assert node is not None
            self._nodes.append(node)
            return outputs
        if is_outermost() and (added := losses_added()):
            for layer in self.structure()[0].values():
                added.pop(layer, None)
        with training_phase(training) as phase, self._reading(), on_device_of(*args, *kwargs.values()):
            if self._takes_training:
                kwargs["training"] = phase
            outputs = observed(self, self.call, *args, **kwargs)
            if self.activity_regularizer is not None:
                self.add_loss([_mean(self.activity_regularizer(x), x) for x in leaves_of(outputs)])
            return outputs

    # -- losses -------------------------------------------------------------------------------------------------------

    def add_loss(self, loss: Any) -> None:
        """Add to the loss that the model is trained by; called in `call`.

        Parameters
        ----------
        loss : scalar array, or list of such

        Examples
        --------
        >>> import numpy as np
        >>> import nnarray as nna
        >>> class Sparse(nna.Layer):
        ...     def call(self, inputs):
        ...         xp = nna.array_namespace(inputs)
        ...         self.add_loss(0.5 * xp.sum(xp.abs(inputs)))
        ...         return inputs
        >>> layer = Sparse()
        >>> _ = layer(np.asarray([[1.0, -2.0]]))
        >>> [float(loss) for loss in layer.losses]
        [1.5]
        """
        found = list(loss) if isinstance(loss, (list, tuple)) else [loss]
        for x in found:
            if math.prod(getattr(x, "shape", ())) != 1 or isinstance(x, bool):
                raise ValueError(f"add_loss takes scalars: received {describe(x)}. Reduce it, as by xp.mean.")
        losses_added().setdefault(self, []).extend(found)

    @property
    def losses(self) -> list[Any]:
        """What the layer and those in it add to a loss: `add_loss` in the last call, then penalties on variables."""
        added = losses_added()
        layers = self.structure()[0].values() if added else ()
        return [
            *(x for layer in layers for x in added.get(layer, ())),
            *(v.regularizer(v.value) for v in self.trainable_variables if v.regularizer is not None),
        ]

    def _reading(self) -> AbstractContextManager[None]:
        """Return a context in which variables are read in the dtype to compute in."""
        wanted = None if self.compute_dtype == self.variable_dtype else self.compute_dtype
        return nullcontext() if wanted == autocast() else autocasting(wanted)

    def _prepared(self, x: Any) -> Any:
        """Return an argument as `call` gets it: arrays of the dtype to compute in, Arrays where such are lent."""
        if isinstance(x, (list, tuple, dict)):
            if not is_numbers(x):
                return tree_map(self._prepared, x)
            backend, device = current_backend()[:2]
            x = backend.asarray(np.asarray(x), device=device)
        if isinstance(x, Variable):
            x = x.value
        if type(x) is not Array:
            if isinstance(x, (bool, int, float, str)) or find_backend(x) is None:
                return x
            scope = current_scope()
            if scope is not None and scope.recorded:
                x = as_array(x)
        dtype = self._cast_to
        return x if dtype is None else cast_floats(x, dtype)

    @property
    def _cast_to(self) -> str | None:
        """Dtype that floating-point inputs are cast to."""
        return self.compute_dtype

    def ensure_built(self, *input_shapes: Any, like: Any = None, inputs: Any = None) -> None:
        """Build the layer for inputs of some shapes unless it is built, where the array `like` lives.

        `inputs` have the dtypes of those that it is built for, where these are known.
        """
        if self.built:
            return
        raw = like.value if isinstance(like, Array) else like
        backend = find_backend(raw)
        # What it assigns is the beginning of its variables, whatever scope the call is in.
        with not_repeated(), nullcontext() if current_scope() is None else Building():
            if backend is None:
                self.build(*input_shapes)
            else:
                with use_backend(backend.name, backend.device_of(raw)):
                    self.build(*input_shapes)
        self.built = True

    # -- symbolic calls -----------------------------------------------------------------------------------------------

    @property
    def input(self) -> Any:
        """The symbols that it was called on, if that was once."""
        args, _ = self._only_node("input").arguments
        return args[0] if len(args) == 1 else args

    @property
    def output(self) -> Any:
        """The symbols that it gave, if it was called on symbols once."""
        return self._only_node("output").outputs

    def _only_node(self, what: str) -> Node:
        if len(self._nodes) != 1:
            raise AttributeError(
                f"Layer {self.name!r} has one {what} if it was called on symbols once: it was {len(self._nodes)} times."
            )
        return self._nodes[0]
