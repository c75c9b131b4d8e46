"""How layers are built and asked for shapes."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from nnarray._trees import leaves_of, tree_map
from nnarray.array import as_array
from nnarray.backends import current_backend
from nnarray.layers._applied import Constant
from nnarray.layers._shapes import map_shapes, shapes_of
from nnarray.layers._spec import Spec, spec_of_results
from nnarray.random import StepDraws, drawing, preserved_keys
from nnarray.variables import RehearsalScope

if TYPE_CHECKING:
    from nnarray.layers._layer import Layer


def built_once(build: Callable[..., None]) -> Callable[..., None]:
    """Return a layer's `build` that marks the layer as built, and does nothing on a built one."""

    @functools.wraps(build)
    def wrapper(self: Layer, *args: Any, **kwargs: Any) -> None:
        is_inner = self._is_building
        if self.built and not is_inner:
            return
        self._is_building = True
        specs = self._built_for
        try:
            build(self, *args, **kwargs)
            self.built = True
            if not is_inner:
                self._built_on = args, kwargs, specs
        finally:
            self._is_building = is_inner

    return wrapper


def shape_arguments(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """Return what `build` is called with: the first argument's shapes, or those that its ``<name>_shape`` ask for."""
    wanted = list(inspect.signature(layer.build).parameters)
    if len(wanted) < 2:
        return (shapes_of(args[0] if args else next(iter(kwargs.values()), None)),)[: len(wanted)]
    signature = inspect.signature(layer.call)
    try:
        given = signature.bind(*args, **kwargs).arguments
    except TypeError as error:
        raise TypeError(f"Layer {layer.name!r} is called as call{signature}: {error}.") from None
    return tuple(shapes_of(given.get(name.removesuffix("_shape"))) for name in wanted)


def output_spec(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the layer's outputs as a tree of `Spec`, where those in the arguments stand for arrays.

    Where the layer does not state its output's shape, or a layer in it is not built, it is called on ones, or a copy of
    it if it is not built. Nothing of a layer that is not built is changed, and nothing that a call assigns is kept.
    """
    inputs = leaves_of(args)
    floats = all(isinstance(x, Spec) and "float" in x.dtype for x in inputs)
    if len(args) == 1 and not kwargs and floats and layer.states_output_shape and _is_whole(layer):
        shapes = layer.compute_output_shape(tree_map(lambda x: x.shape, args[0]))
        return map_shapes(lambda shape: Spec(shape, layer.compute_dtype), shapes)
    return seen_spec(layer, args, kwargs)


def _is_whole(layer: Layer) -> bool:
    """Whether a call makes no more layers' variables than there are."""
    return not layer.built or all(inner.built for inner in layer.structure()[0].values())


def seen_spec(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the outputs that the layer, or a copy of it if it is not built, gives for ones, as a tree of `Spec`."""
    probed = layer if layer.built else copy.deepcopy(layer)
    variables = probed.variables
    backend, device = (variables[0].backend, variables[0].device) if variables else current_backend()[:2]
    values = [as_array(variable.value) for variable in variables]
    # Examples, weights and draws are Arrays alike: a raw array on their left may refuse them.
    draws = StepDraws(0, as_array(backend.asarray(np.zeros(()), device=device)))
    # What a layer that is built makes in its call stays with it, and so must its draws be taken.
    keys = nullcontext() if layer.built else preserved_keys()
    with keys, backend.activate(device), RehearsalScope(variables, values, counter=0), drawing(draws):

        def made(x: Any) -> Any:
            return as_array(backend.asarray(x, device=device))

        args, kwargs = tree_map(lambda x: made(x.value) if isinstance(x, Constant) else x, (args, kwargs))
        found = spec_of_results(probed, args, {"training": False, **kwargs}, made)
        if layer.built and not all(inner.built for inner in layer.structure()[0].values()):
            # It has layers that are used in training only.
            spec_of_results(probed, args, {**kwargs, "training": True}, made)
        return found
