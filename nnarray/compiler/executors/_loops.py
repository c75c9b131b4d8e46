"""Loops over the elements of arrays whose shapes and strides are known, as the source of one function for Numba."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nnarray.compiler._graph import Operation, Value
from nnarray.compiler.executors._expressions import expression

#: Partial sums of one row, which the processor adds side by side.
_LANES = 8
#: Columns of a product that stay in registers.
_COLUMNS = 8


@dataclass(frozen=True)
class Access:
    """Where an element is: ``pointer[offset + i0 * strides[0] + …]``, counted in elements."""

    pointer: str
    offset: int
    strides: tuple[int, ...]

    def over(self, strides: tuple[int, ...]) -> Access:
        """Return the access by other indices."""
        return replace(self, strides=strides)

    def at(self, indices: Sequence[Any], further: int = 0) -> str:
        """Return the expression for an element, or one further on; indices are names of variables, or numbers."""
        start, terms = self.offset + further, []
        for index, stride in zip(indices, self.strides, strict=True):
            if isinstance(index, int):
                start += index * stride
            elif stride:
                terms.append(index if stride == 1 else f"{index} * {stride}")
        if start or not terms:
            terms.append(str(start))
        return f"{self.pointer}[{' + '.join(terms)}]"


@dataclass(frozen=True)
class Fold:
    """A reduction: its first value, how ``{s}`` so far takes in ``{x}``, and what is made of the last ``{s}``."""

    start: str
    step: str
    end: str


@dataclass
class Kernel:
    """A function of loops, one after the other.

    Attributes
    ----------
    number : int
    addresses : list of int
        Of the arrays that exist while planning: the function reads them from a table.
    parameters : dict
        Of the others: by name, an array that stands in for it, and whether it is written.
    lines : list of str
    """

    number: int
    addresses: list[int] = field(default_factory=list)
    parameters: dict[str, tuple[np.ndarray, bool]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    _pointers: dict[Any, str] = field(default_factory=dict)
    _dtypes: list[np.dtype[Any]] = field(default_factory=list)
    _counter: int = 0

    @property
    def name(self) -> str:
        """Name of the function."""
        return f"kernel{self.number}"

    def known(self, array: np.ndarray, shape: tuple[int, ...]) -> Access:
        """Return the access to an array that exists while planning, broadcast to a shape."""
        lowest = np.lib.array_utils.byte_bounds(array)[0]
        key = lowest, array.dtype
        if key not in self._pointers:
            self._pointers[key] = f"p{len(self.addresses)}"
            self.addresses.append(lowest)
            self._dtypes.append(array.dtype)
        return _access(self._pointers[key], array, lowest, shape)

    def argument(
        self, name: str, window: np.ndarray, whole: np.ndarray, shape: tuple[int, ...], is_written: bool
    ) -> Access:
        """Return the access to an argument; `window` and `whole` stand in for what is seen of it and for all of it."""
        was_written = name in self.parameters and self.parameters[name][1]
        self.parameters[name] = whole, is_written or was_written
        return _access(f"{name}_", window, np.lib.array_utils.byte_bounds(whole)[0], shape)

    def source(self) -> str:
        """Return the function, with its signature for Numba."""
        types = ["int64[::1]"]
        lines = [f"p{n} = at(table[{n}], {_type(dtype)})" for n, dtype in enumerate(self._dtypes)]
        for name, (like, is_written) in self.parameters.items():
            types.append(f"Array({_type(like.dtype)}, {like.ndim}, 'C', readonly={not is_written})")
            lines.append(f"{name}_ = {name}.reshape({like.size})")
        given = ", ".join(["table", *self.parameters])
        body = "\n    ".join([*lines, *self.lines])
        return f"@compiled(void({', '.join(types)}))\ndef {self.name}({given}):\n    {body}\n"

    # -- loops --------------------------------------------------------------------------------------------------------

    def fused(
        self,
        operations: Sequence[Operation],
        reads: Mapping[Value, Access],
        writes: Mapping[Value, Access],
        literal: Callable[[Any], str],
    ) -> None:
        """Add a loop over operations that work element by element.

        All elements are read before any is written, which may be in their place.
        """
        shape = operations[0].results[0].shape
        everything = [*reads.values(), *writes.values()]
        extents, strides = _merged(shape, [x.strides for x in everything])
        found = [Access(x.pointer, x.offset, s) for x, s in zip(everything, strides, strict=True)]
        read = dict(zip(reads, found, strict=False))
        indices = _indices(extents)
        for level in range(len(extents) + 1):
            # What does not change in the inner loops is read before them.
            for value, source in read.items():
                if max((n + 1 for n, s in enumerate(source.strides) if s), default=0) == level:
                    self._add(level, f"v{value.number} = {source.at(indices)}")
            if level < len(extents):
                self._add(level, f"for i{level} in range({extents[level]}):")
        depth = len(extents)
        for operation in operations:
            terms = [
                f"v{x.number}" if type(x) is Value else literal(_scalar(operation, x)) for x in operation.arguments
            ]
            self._add(depth, f"v{operation.results[0].number} = {expression(operation, terms, literal)}")
        for value, access in zip(writes, found[len(reads) :], strict=True):
            self._add(depth, f"{access.at(indices)} = v{value.number}")

    def product(self, shape: tuple[int, int, int], first: Access, second: Access, out: Access, zero: str) -> None:
        """Add a matrix product of (m, k) and (k, n), some columns at a time in registers."""
        m, k, n = shape
        for start in range(0, n, _COLUMNS):
            columns = range(start, min(start + _COLUMNS, n))
            sums = self._sums(len(columns))
            self._add(0, f"for i0 in range({m}):")
            for total in sums:
                self._add(1, f"{total} = {zero}")
            self._add(1, f"for i1 in range({k}):")
            for j, total in zip(columns, sums, strict=True):
                self._add(2, f"{total} = fma({first.at(['i0', 'i1'])}, {second.at(['i1', j])}, {total})")
            for j, total in zip(columns, sums, strict=True):
                self._add(1, f"{out.at(['i0', j])} = {total}")

    def reduction(self, shape: tuple[int, ...], axes: Sequence[int], x: Access, out: Access, fold: Fold) -> None:
        """Add a reduction of an array of some shape over axes; the strides of `out` do not count along these."""
        kept = [n for n in range(len(shape)) if n not in axes]
        columns, (x_columns, out_columns) = _part(shape, kept, x, out)
        rows, (x_rows, _) = _part(shape, axes, x, x)
        out = out.over(out_columns)
        if rows and x_columns and x_columns[-1] == 1:
            self._by_row(rows, columns, x.over((*x_rows, *x_columns)), out, fold)
        else:
            self._by_column(rows, columns, x.over((*x_columns, *x_rows)), out, fold)

    def _by_row(self, rows: list[int], columns: list[int], x: Access, out: Access, fold: Fold) -> None:
        """Take in one row after the other, all columns side by side."""
        alone = out.at(_indices(columns))
        self._around(columns, f"{alone} = {fold.start}")
        indices = _indices([*rows, *columns])
        there = out.at(indices[len(rows) :])
        self._around([*rows, *columns], f"{there} = {fold.step.format(s=there, x=x.at(indices))}")
        if fold.end != "{s}":
            self._around(columns, f"{alone} = {fold.end.format(s=alone)}")

    def _by_column(self, rows: list[int], columns: list[int], x: Access, out: Access, fold: Fold) -> None:
        """Finish one column after the other; of a long one, several parts are summed side by side."""
        indices = _indices([*columns, *rows])
        depth = self._loops(columns)
        sums = self._sums(_LANES if rows and rows[-1] >= 2 * _LANES and "+" in fold.step else 1)
        for total in sums:
            self._add(depth, f"{total} = {fold.start}")
        inner = self._loops(rows[:-1], depth)
        if rows:
            whole = rows[-1] - rows[-1] % len(sums)
            self._add(inner, f"for {indices[-1]} in range(0, {whole}, {len(sums)}):")
            for lane, total in enumerate(sums):
                element = x.at(indices, lane * x.strides[-1])
                self._add(inner + 1, f"{total} = {fold.step.format(s=total, x=element)}")
            for n in range(whole, rows[-1]):
                element = x.at([*indices[:-1], n])
                self._add(inner, f"{sums[0]} = {fold.step.format(s=sums[0], x=element)}")
        else:
            self._add(inner, f"{sums[0]} = {fold.step.format(s=sums[0], x=x.at(indices))}")
        while len(sums) > 1:
            sums = [f"({first} + {second})" for first, second in zip(sums[::2], sums[1::2], strict=True)]
        self._add(depth, f"{out.at(indices[: len(columns)])} = {fold.end.format(s=sums[0])}")

    def _sums(self, count: int) -> list[str]:
        """Return names of variables that no other loop uses: each has one dtype."""
        self._counter += 1
        return [f"s{self._counter}_{n}" for n in range(count)]

    def _around(self, extents: Sequence[int], line: str) -> None:
        self._add(self._loops(extents), line)

    def _loops(self, extents: Sequence[int], depth: int = 0) -> int:
        """Open loops at a depth, which also counts their variables; return the depth within."""
        for n, extent in enumerate(extents, depth):
            self._add(n, f"for i{n} in range({extent}):")
        return depth + len(extents)

    def _add(self, level: int, line: str) -> None:
        self.lines.append("    " * level + line)


def _indices(extents: Sequence[int]) -> list[str]:
    return [f"i{n}" for n in range(len(extents))]


def _type(dtype: np.dtype[Any]) -> str:
    return "boolean" if dtype.kind == "b" else dtype.name


def _scalar(operation: Operation, x: Any) -> Any:
    """Return a Python number in the dtype that an operation takes it in."""
    values = operation.inputs[1:] if operation.function.name == "where" else operation.inputs
    dtype = values[0].dtype if values else operation.results[0].dtype
    return np.asarray(x, dtype)[()]


def _access(pointer: str, array: np.ndarray, lowest: int, shape: tuple[int, ...]) -> Access:
    size = array.itemsize
    spread = np.broadcast_to(array, shape).strides
    strides = tuple(0 if extent == 1 else stride // size for extent, stride in zip(shape, spread, strict=True))
    return Access(pointer, (array.ctypes.data - lowest) // size, strides)


def _part(
    shape: Sequence[int], axes: Sequence[int], first: Access, second: Access
) -> tuple[list[int], list[tuple[int, ...]]]:
    """Return extents and strides along some axes."""
    strides = [tuple(each.strides[n] for n in axes) for each in (first, second)]
    return _merged([shape[n] for n in axes], strides)


def _merged(shape: Sequence[int], strides: Sequence[tuple[int, ...]]) -> tuple[list[int], list[tuple[int, ...]]]:
    """Return the fewest axes that visit the same elements in the same order, and the strides along them."""
    extents: list[int] = []
    columns: list[tuple[int, ...]] = []
    for extent, column in zip(shape, zip(*strides, strict=True), strict=True):
        if extent == 1:
            continue
        if columns and all(before == after * extent for before, after in zip(columns[-1], column, strict=True)):
            extents[-1] *= extent
            columns[-1] = column
        else:
            extents.append(extent)
            columns.append(column)
    return extents, [tuple(column[n] for column in columns) for n in range(len(strides))]
