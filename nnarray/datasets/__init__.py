"""Data to try a network on: points in classes (scikit-learn's names and defaults), Fashion-MNIST, your own tables."""

from nnarray.datasets import fashion_mnist
from nnarray.datasets._csv import Table, read_csv
from nnarray.datasets._idx import read_idx
from nnarray.datasets._synthetic import make_circles, make_moons, make_spirals

__all__ = ["Table", "fashion_mnist", "make_circles", "make_moons", "make_spirals", "read_csv", "read_idx"]
