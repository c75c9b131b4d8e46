"""What of a layer is state: its variables and those of the layers in it, found by walking its attributes."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import FunctionType
from typing import Any

import numpy as np

from nnarray import constraints, initializers, regularizers
from nnarray._config import Configured
from nnarray._lookup import unique
from nnarray._members import may_hold, strays, walk
from nnarray._messages import describe
from nnarray.backends import convert, current_backend
from nnarray.layers._checks import as_weight, variable_dtype_of
from nnarray.variables import StatelessScope, Variable, refuse_new

#: Shapes of the weights that will be put in the place of those that layers make.
_expected: ContextVar[Collection[tuple[int, ...]] | None] = ContextVar("nnarray_expected_weights", default=None)


@contextmanager
def expecting(shapes: Collection[tuple[int, ...]]) -> Iterator[None]:
    """Let `add_weight` refuse, in the block, shapes that are not among these."""
    token = _expected.set(shapes)
    try:
        yield
    finally:
        _expected.reset(token)


class Weights(Configured):
    """The variables of a layer: its attributes, and those of the layers among its attributes."""

    #: Attributes that are no part of the layer.
    _unwalked: frozenset[str] = frozenset(("_call", "_loose", "_nodes", "_built_on", "_built_for"))

    name: str
    built: bool
    _policy: str
    _trainable: bool

    def __setattr__(self, name: str, value: Any) -> None:
        # The order of attributes is the order of assignment.
        if name in self.__dict__ and isinstance(value, (Weights, Variable, list, tuple, dict)):
            del self.__dict__[name]
        super().__setattr__(name, value)
        loose = self.__dict__.get("_loose")
        if loose and isinstance(value, Variable):
            self.__dict__["_loose"] = [variable for variable in loose if variable is not value]

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        # What cannot be copied, such as a lock or a generator, is shared; layers in it would be too, and are refused.
        made = memo[id(self)] = object.__new__(type(self))
        state: dict[str, Any] = self.__getstate__()  # type: ignore[assignment]
        for name, value in state.items():
            try:
                state = {**state, name: copy.deepcopy(value, memo)}
            except TypeError:
                self.check_members()
        if hasattr(made, "__setstate__"):
            made.__setstate__(state)
        else:
            made.__dict__.update(state)
        return made

    @property
    def variable_dtype(self) -> str:
        """Dtype of its variables."""
        return variable_dtype_of(self._policy)

    def add_weight(
        self,
        shape: Sequence[int],
        initializer: Any = "glorot_uniform",
        dtype: str | None = None,
        trainable: bool = True,
        name: str = "variable",
        regularizer: Any = None,
        constraint: Any = None,
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
        regularizer : str, Regularizer or callable, optional
        constraint : str, Constraint or callable, optional

        Returns
        -------
        Variable
        """
        refuse_new(f"{self.name}/{name}")
        backend, device = current_backend()
        dtype = dtype or self.variable_dtype
        initializer = "glorot_uniform" if initializer is None else initializer
        expected = _expected.get()
        if expected is not None and tuple(shape) not in expected:
            raise ValueError(f"No array of the file has the shape of {self.name}/{name}: received {tuple(shape)}.")
        value = initializers.get(initializer)(tuple(shape), dtype)
        value = backend.xp.asarray(convert(value, backend, dtype, device), copy=True)
        if tuple(value.shape) != tuple(shape):
            raise ValueError(f"The initializer of {name!r} must give shape {tuple(shape)}: received {describe(value)}.")
        variable = Variable(value, name, trainable)
        variable.path = f"{self.name}/{name}"
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints.get(constraint)
        self.__dict__.setdefault("_loose", []).append(variable)
        return variable

    # -- what belongs to it -------------------------------------------------------------------------------------------

    def members(self) -> Iterator[tuple[str, Any]]:
        """Yield the variables and layers that belong directly to the layer, with the paths that lead to them."""
        seen: set[int] = set()
        # What `add_weight` made belongs to the layer, unless it was an attribute and is no more.
        loose = dict.fromkeys(self.__dict__.get("_loose", ()))
        for name, value in list(vars(self).items()):
            cls = type(value)
            if cls in _PLAIN or name in self._unwalked:
                continue
            if not may_hold(cls, _KINDS):
                _PLAIN.add(cls)
                continue
            for path, item in walk(name, value, _KINDS, seen):
                loose.pop(item, None)
                yield path, item
        if "_loose" in self.__dict__:
            self.__dict__["_loose"] = list(loose)
        yield from ((variable.name, variable) for variable in loose)

    @property
    def sublayers(self) -> list[Any]:
        """The layers that belong directly to this one, each once."""
        return list(dict.fromkeys(x for _, x in self.members() if isinstance(x, Weights) and x is not self))

    def structure(self) -> tuple[dict[str, Any], dict[str, Variable]]:
        """Return the layers, this one first, and the variables, each once, by the paths that lead to them.

        A layer's own variables come before those of the layers in it, both in the order of assignment.
        """
        layers: dict[str, Any] = {}
        variables: dict[str, Variable] = {}
        known: set[Any] = set()

        def visit(path: str, layer: Weights) -> None:
            known.add(layer)
            layers[path.removesuffix("/")] = layer
            members = list(layer.members())
            for name, item in members:
                if isinstance(item, Variable) and item not in known:
                    known.add(item)
                    variables[unique(path + name, variables)] = item
            for name, item in members:
                if isinstance(item, Weights) and item not in known:
                    visit(f"{path}{name}/", item)

        visit("", self)
        return layers, variables

    def check_members(self) -> None:
        """Raise TypeError if a layer or variable is kept where it is not found."""
        layers, variables = self.structure()
        found = {*layers.values(), *variables.values()}
        for path, layer in layers.items():
            own = ((name, value, 0) for name, value in list(vars(layer).items()) if name not in layer._unwalked)
            for name, value, depth in (*own, *_of_classes(type(layer))):
                for place, item in strays(name, value, _KINDS, (Configured,), set(), depth):
                    if item not in found:
                        raise TypeError(
                            "Layers and variables belong to a layer that has them as attributes, or in lists, tuples, "
                            f"dicts and dataclasses there: received {item!r} in {place!r} of "
                            f"{layer.name!r}{f' ({path})' if path else ''}. Keep it in one of these too"
                            f"{', made in __init__ or build.' if depth else '.'}"
                        )

    @property
    def variables(self) -> list[Variable]:
        """All variables, each once: the layer's own in the order of assignment, then those of its layers."""
        return list(self.structure()[1].values())

    @property
    def weights(self) -> list[Variable]:
        """All variables in Keras' order: of each layer those that were made trainable come first."""
        found: dict[Variable, None] = {}
        for layer in self.structure()[0].values():
            own = [item for _, item in layer.members() if isinstance(item, Variable)]
            found.update((item, None) for item in sorted(own, key=lambda variable: not variable.made_trainable))
        return list(found)

    @property
    def trainable(self) -> bool:
        """Whether its variables are trained; setting it sets it for the layers in it too."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self.structure()[0].values():
            layer._trainable = bool(value)

    @property
    def trainable_variables(self) -> list[Variable]:
        """The variables that training changes."""
        found: dict[Variable, None] = {}
        known: set[Weights] = set()

        def visit(layer: Weights) -> None:
            if layer in known or not layer._trainable:
                return
            known.add(layer)
            members = [item for _, item in layer.members()]
            found.update((item, None) for item in members if isinstance(item, Variable) and item.trainable)
            for item in members:
                if isinstance(item, Weights):
                    visit(item)

        visit(self)
        return list(found)

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The variables that training does not change by gradients."""
        trainable = set(self.trainable_variables)
        return [variable for variable in self.variables if variable not in trainable]

    trainable_weights = trainable_variables
    non_trainable_weights = non_trainable_variables

    def count_params(self) -> int:
        """Return the number of elements of all variables."""
        return sum(variable.size for variable in self.variables)

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of all variables as NumPy arrays."""
        return [variable.numpy() for variable in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set all variables, in the order of `get_weights`.

        Raises
        ------
        ValueError
            If their number or a shape differs; then nothing is changed.
        """
        variables = self.weights
        if len(weights) != len(variables):
            raise ValueError(f"Layer {self.name!r} has {len(variables)} weights: received {len(weights)}.")
        arrays = [as_weight(variable, x) for variable, x in zip(variables, weights, strict=True)]
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
            outputs = self(*args, **kwargs)  # type: ignore[operator]
        return outputs, [scope.values[variable] for variable in frozen]


def _of_classes(cls: type) -> Iterator[tuple[str, Any, int]]:
    """Yield the attributes that the users' classes of a layer have themselves, with the depth at which they stand."""
    for owner in cls.__mro__:
        if owner is not object and not owner.__module__.startswith("nnarray."):
            data = ((name, x) for name, x in list(vars(owner).items()) if not isinstance(x, (FunctionType, property)))
            yield from ((f"class {owner.__name__}.{name}", x, 1) for name, x in data if not name.startswith("__"))


_KINDS = (Variable, Weights)
#: Classes of attributes that hold neither.
_PLAIN: set[type] = set()
