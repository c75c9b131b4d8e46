"""Loops over the elements of arrays whose shapes and strides are known, as the source of one function for Numba."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nnarray.compiler._graph import Operation, Value
from nnarray.compiler.executors._expressions import expression

#: Parts of one row, which the processor takes in side by side.
_LANES = 8
#: Columns of a product that stay in registers.
_COLUMNS = 8
#: Steps of a loop from which on it is cut into parts that take about the same time.
_MANY = 64


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
    is_shared : bool
        Whether threads share its one loop: the function takes the part from ``start`` to ``stop``.
    addresses : list of int
        Of the arrays that exist while planning: the function reads them from a table.
    parameters : dict
        Of the others: by name, an array that stands in for it, and whether it is written.
    lines : list of str
    extent : int
        Where the last part of a shared loop ends.
    """

    number: int
    is_shared: bool = False
    addresses: list[int] = field(default_factory=list)
    parameters: dict[str, tuple[np.ndarray, bool]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    extent: int = 1
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
        given = ["table", *self.parameters]
        if self.is_shared:
            types += ["uint32", "uint32"]
            given += ["start", "stop"]
        body = "\n    ".join([*lines, *self.lines])
        return f"@compiled(void({', '.join(types)}))\ndef {self.name}({', '.join(given)}):\n    {body}\n"

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
        indices, ranges = _indices(extents), self._ranges(extents)
        for level in range(len(extents) + 1):
            # What does not change in the inner loops is read before them.
            for value, source in read.items():
                if max((n + 1 for n, s in enumerate(source.strides) if s), default=0) == level:
                    self._add(level, f"v{value.number} = {source.at(indices)}")
            if level < len(extents):
                self._add(level, f"for i{level} in range({ranges[level]}):")
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
            lanes = _COLUMNS // len(columns) if k >= 2 * _COLUMNS else 1
            sums = [self._sums(lanes) for _ in columns]
            self._add(0, f"for i0 in range({m}):")
            self._set(1, itertools.chain(*sums), zero)
            whole = k - k % lanes
            self._add(1, f"for i1 in range(0, {whole}, {lanes}):")
            for lane in range(lanes):
                left = first.at(["i0", "i1"], lane * first.strides[1])
                for j, totals in zip(columns, sums, strict=True):
                    right = second.at(["i1", j], lane * second.strides[0])
                    self._add(2, f"{totals[lane]} = fma({left}, {right}, {totals[lane]})")
            for i1 in range(whole, k):
                for j, totals in zip(columns, sums, strict=True):
                    terms = f"{first.at(['i0', i1])}, {second.at([i1, j])}, {totals[0]}"
                    self._add(1, f"{totals[0]} = fma({terms})")
            for j, totals in zip(columns, sums, strict=True):
                self._join(1, totals, "{s} + {x}")
                self._add(1, f"{out.at(['i0', j])} = {totals[0]}")

    def reduction(self, shape: tuple[int, ...], axes: Sequence[int], x: Access, out: Access, fold: Fold) -> None:
        """Add a reduction of an array of some shape over axes; the strides of `out` do not count along these."""
        kept = [n for n in range(len(shape)) if n not in axes]
        columns, (x_columns, out_columns) = _part(shape, kept, x, out)
        rows, (x_rows, _) = _part(shape, axes, x, x)
        out, ranges = out.over(out_columns), self._ranges(columns)
        if rows and x_columns and x_columns[-1] == 1:
            self._by_row(rows, ranges, x.over((*x_rows, *x_columns)), out, fold)
        else:
            self._by_column(rows, ranges, x.over((*x_columns, *x_rows)), out, fold)

    def _by_row(self, rows: list[int], columns: list[str], x: Access, out: Access, fold: Fold) -> None:
        """Take in one row after the other, all columns side by side."""
        alone = out.at(_indices(columns))
        self._around(columns, f"{alone} = {fold.start}")
        indices = _indices([*rows, *columns])
        there = out.at(indices[len(rows) :])
        self._around([*rows, *columns], f"{there} = {fold.step.format(s=there, x=x.at(indices))}")
        if fold.end != "{s}":
            self._around(columns, f"{alone} = {fold.end.format(s=alone)}")

    def _by_column(self, rows: list[int], columns: list[str], x: Access, out: Access, fold: Fold) -> None:
        """Finish one column after the other; of a long row, several parts are taken in side by side."""
        indices = _indices([*columns, *rows])
        depth = self._loops(columns)
        sums = self._sums(_LANES if rows and rows[-1] >= 2 * _LANES else 1)
        total = self._sums(1)[0] if len(rows) > 1 else sums[0]
        if total != sums[0]:
            self._add(depth, f"{total} = {fold.start}")
        inner = self._loops(rows[:-1], depth)
        self._set(inner, sums, fold.start)
        if rows:
            whole = rows[-1] - rows[-1] % len(sums)
            self._add(inner, f"for {indices[-1]} in range(0, {whole}, {len(sums)}):")
            for lane, part in enumerate(sums):
                element = x.at(indices, lane * x.strides[-1])
                self._add(inner + 1, f"{part} = {fold.step.format(s=part, x=element)}")
            for n in range(whole, rows[-1]):
                element = x.at([*indices[:-1], n])
                self._add(inner, f"{sums[0]} = {fold.step.format(s=sums[0], x=element)}")
        else:
            self._add(inner, f"{sums[0]} = {fold.step.format(s=sums[0], x=x.at(indices))}")
        self._join(inner, sums, fold.step)
        if total != sums[0]:
            self._add(inner, f"{total} = {fold.step.format(s=total, x=sums[0])}")
        self._add(depth, f"{out.at(indices[: len(columns)])} = {fold.end.format(s=total)}")

    def _set(self, depth: int, names: Iterable[str], start: str) -> None:
        for name in names:
            self._add(depth, f"{name} = {start}")

    def _join(self, depth: int, parts: Sequence[str], step: str) -> None:
        """Make one of what lanes have taken in, in the first of them; pairs halve their number."""
        while len(parts) > 1:
            half = (len(parts) + 1) // 2
            for part, other in zip(parts, parts[half:], strict=False):
                self._add(depth, f"{part} = {step.format(s=part, x=other)}")
            parts = parts[:half]

    def _sums(self, count: int) -> list[str]:
        """Return names of variables that no other loop uses: each has one dtype."""
        self._counter += 1
        return [f"s{self._counter}_{n}" for n in range(count)]

    def _ranges(self, extents: Sequence[int]) -> list[str]:
        """Return the ranges of loops; where threads share the kernel, the first one with many steps is cut."""
        ranges = [str(extent) for extent in extents]
        if self.is_shared and ranges:
            cut = max(range(len(extents)), key=lambda n: min(extents[n], _MANY))
            self.extent, ranges[cut] = extents[cut], "start, stop"
        return ranges

    def _around(self, ranges: Sequence[int | str], line: str) -> None:
        self._add(self._loops(ranges), line)

    def _loops(self, ranges: Sequence[int | str], depth: int = 0) -> int:
        """Open loops at a depth, which also counts their variables; return the depth within."""
        for n, each in enumerate(ranges, depth):
            self._add(n, f"for i{n} in range({each}):")
        return depth + len(ranges)

    def _add(self, level: int, line: str) -> None:
        self.lines.append("    " * level + line)


def _indices(loops: Sequence[Any]) -> list[str]:
    return [f"i{n}" for n in range(len(loops))]


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
