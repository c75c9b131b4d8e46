"""Figures and films of data, models and training, drawn by matplotlib (extra ``plot``).

Every function returns a matplotlib Figure, or the path of the film it wrote. `ax` draws into axes of your own.
matplotlib is loaded when the first of them is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_FROM = {
    "BoundaryFilm": "_points",
    "film_descent": "_descent",
    "film_history": "_curves",
    "plot_activations": "_curves",
    "plot_boundary": "_points",
    "plot_crosscheck": "_crosscheck",
    "plot_data": "_points",
    "plot_descent": "_descent",
    "plot_history": "_curves",
    "plot_layer": "_layer",
    "plot_network": "_network",
    "plot_neuron": "_neuron",
    "plot_tape": "_tape",
}

__all__ = [*_FROM]

if TYPE_CHECKING:
    from nnarray.plotting._crosscheck import plot_crosscheck as plot_crosscheck
    from nnarray.plotting._curves import film_history as film_history
    from nnarray.plotting._curves import plot_activations as plot_activations
    from nnarray.plotting._curves import plot_history as plot_history
    from nnarray.plotting._descent import film_descent as film_descent
    from nnarray.plotting._descent import plot_descent as plot_descent
    from nnarray.plotting._layer import plot_layer as plot_layer
    from nnarray.plotting._network import plot_network as plot_network
    from nnarray.plotting._neuron import plot_neuron as plot_neuron
    from nnarray.plotting._points import BoundaryFilm as BoundaryFilm
    from nnarray.plotting._points import plot_boundary as plot_boundary
    from nnarray.plotting._points import plot_data as plot_data
    from nnarray.plotting._tape import plot_tape as plot_tape


def __getattr__(name: str) -> Any:
    if name not in _FROM:
        raise AttributeError(f"module 'nnarray.plotting' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"nnarray.plotting.{_FROM[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
