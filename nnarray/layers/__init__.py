"""Layers by Keras' names."""

from nnarray.layers._applied import Applied, Constant, Named
from nnarray.layers._build import output_spec
from nnarray.layers._checks import as_floats
from nnarray.layers._core import Activation, Dropout, Flatten, Input, InputLayer, symbol_of
from nnarray.layers._dense import Dense
from nnarray.layers._layer import Layer
from nnarray.layers._phase import observed, observing, training_phase
from nnarray.layers._shapes import Shape, check_shapes, shape_fits, shapes_of, with_rank, without_batch
from nnarray.layers._spec import Spec, specs_of
from nnarray.layers._symbol import Node, Placeholder, apply, symbols_of

__all__ = [
    "Activation",
    "Applied",
    "Constant",
    "Dense",
    "Dropout",
    "Flatten",
    "Input",
    "InputLayer",
    "Layer",
    "Named",
    "Node",
    "Placeholder",
    "Shape",
    "Spec",
    "apply",
    "as_floats",
    "check_shapes",
    "observed",
    "observing",
    "output_spec",
    "shape_fits",
    "shapes_of",
    "specs_of",
    "symbol_of",
    "symbols_of",
    "training_phase",
    "with_rank",
    "without_batch",
]
