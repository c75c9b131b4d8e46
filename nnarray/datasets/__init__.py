"""Small sets of points to try a network on, with scikit-learn's names and defaults."""

from nnarray.datasets._synthetic import make_circles, make_moons, make_spirals

__all__ = ["make_circles", "make_moons", "make_spirals"]
