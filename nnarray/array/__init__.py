"""The differentiable array and its namespace."""

from nnarray.array._array import Array, bind, parts_of
from nnarray.array._function import TABLE, Function
from nnarray.array._namespace import CHAPTERS, Namespace, array_namespace, as_array, namespace
from nnarray.array._node import Node, Part, last_converted, next_serial
from nnarray.array.manipulation import sum_to_shape

__all__ = [
    "CHAPTERS",
    "TABLE",
    "Array",
    "Function",
    "Namespace",
    "Node",
    "Part",
    "array_namespace",
    "as_array",
    "bind",
    "last_converted",
    "namespace",
    "next_serial",
    "parts_of",
    "sum_to_shape",
]
