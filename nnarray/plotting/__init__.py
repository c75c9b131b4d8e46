"""Figures and films of data, models and training, drawn by matplotlib (extra ``plot``).

Every function returns a matplotlib Figure, or the path of the film it wrote. `ax` draws into axes of your own.
"""

from nnarray.plotting._curves import film_history, plot_activations, plot_history
from nnarray.plotting._descent import film_descent, plot_descent
from nnarray.plotting._network import plot_network
from nnarray.plotting._neuron import plot_layer, plot_neuron
from nnarray.plotting._points import BoundaryFilm, plot_boundary, plot_data
from nnarray.plotting._tape import plot_tape

__all__ = [
    "BoundaryFilm",
    "film_descent",
    "film_history",
    "plot_activations",
    "plot_boundary",
    "plot_data",
    "plot_descent",
    "plot_history",
    "plot_layer",
    "plot_network",
    "plot_neuron",
    "plot_tape",
]
