"""The differentiable array and its namespace."""

from nnarray.array._array import Array, bind, parts_of, refuse_recorded
from nnarray.array._composites import COMPOSITES
from nnarray.array._function import TABLE, Function
from nnarray.array._indexing import is_traced
from nnarray.array._namespace import CHAPTERS, Namespace, Raw, array_namespace, as_array, namespace, open_namespace
from nnarray.array._node import Node, Part, last_converted, next_serial
from nnarray.array._origin import Note, Origin, with_logits, with_origins
from nnarray.array._place import on_device_of, place_methods, where_arrays_are
from nnarray.array._symbols import on_symbols
from nnarray.array.manipulation import sum_to_shape

__all__ = [
    "CHAPTERS",
    "COMPOSITES",
    "TABLE",
    "Array",
    "Function",
    "Namespace",
    "Node",
    "Note",
    "Origin",
    "Part",
    "Raw",
    "array_namespace",
    "as_array",
    "bind",
    "is_traced",
    "last_converted",
    "namespace",
    "next_serial",
    "on_device_of",
    "on_symbols",
    "open_namespace",
    "parts_of",
    "place_methods",
    "refuse_recorded",
    "sum_to_shape",
    "where_arrays_are",
    "with_logits",
    "with_origins",
]
