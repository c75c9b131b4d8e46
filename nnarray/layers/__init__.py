"""Layers by Keras' names."""

from nnarray.layers._core import Activation, Dropout, Flatten, Input, InputLayer
from nnarray.layers._dense import Dense
from nnarray.layers._layer import Layer, Shape, observed, observing, training_phase

__all__ = [
    "Activation",
    "Dense",
    "Dropout",
    "Flatten",
    "Input",
    "InputLayer",
    "Layer",
    "Shape",
    "observed",
    "observing",
    "training_phase",
]
