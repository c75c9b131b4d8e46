"""Tables of numbers with a column to predict, from CSV files."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal, NamedTuple, NoReturn

import numpy as np

from nnarray._messages import describe, unknown_name

_ROWS_AT_ONCE = 4096


class Table(NamedTuple):
    """What `read_csv` returns.

    Attributes
    ----------
    x : ndarray of float64, shape (n, features)
    y : ndarray, shape (n,)
        Classes 0, 1, … as int64, or numbers: int64 if all are written as integers, else float64.
    feature_names : tuple of str
    class_names : tuple of str
        What the classes stand for; empty if the target is a number.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import nnarray as nna
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "prices.csv")
    ...     _ = path.write_text("rooms,price\\n2,150\\n3,210\\n")
    ...     table = nna.datasets.read_csv(path, "price")
    >>> table.feature_names, table.y, table.class_names
    (('rooms',), array([150, 210]), ())
    """

    x: np.ndarray
    y: np.ndarray
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]


def read_csv(
    path: str | os.PathLike[str],
    target: str | int,
    *,
    delimiter: str = ",",
    drop: str | int | Sequence[str | int] = (),
    classes: bool | None = None,
    empty: Literal["raise", "nan"] = "raise",
    encoding: str = "utf-8-sig",
) -> Table:
    """Return features and target of a CSV file whose first row names the columns.

    Parameters
    ----------
    path : str or path-like
    target : str or int
        The column to predict, by name or index; -1 is the last.
    delimiter : str
        What stands between two cells, one character.
    drop : str, int, or sequence of them
        Columns to leave out, by name or index.
    classes : bool, optional
        Whether the target's values are names of classes, to be numbered in sorted order. None: they are if none of
        them is a number; numbers beside text are refused.
    empty : {"raise", "nan"}
        What an empty cell of a feature is: an error, or NaN. One of the target is always an error.
    encoding : str
        By default UTF-8, with or without a byte-order mark.

    Returns
    -------
    Table
        A named tuple ``(x, y, feature_names, class_names)``. Rows without any cell are passed over.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If there is text where a number belongs, an empty cell, a row longer or shorter than the first, no row, an
        unknown or repeated column name, or text that is no CSV. Lines are counted from 1, the header's.
    IndexError
        If there is no column of an index.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import nnarray as nna
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "flowers.csv")
    ...     _ = path.write_text("length,width,kind\\n5.1,3.5,setosa\\n6.3,3.3,virginica\\n4.9,3,setosa\\n")
    ...     x, y, features, kinds = nna.datasets.read_csv(path, "kind")
    >>> x.shape, y, features, kinds
    ((3, 2), array([0, 1, 0]), ('length', 'width'), ('setosa', 'virginica'))
    """
    if not isinstance(delimiter, str) or len(delimiter) != 1:
        raise ValueError(f"delimiter must be one character: received delimiter={delimiter!r}.")
    if empty not in ("raise", "nan"):
        raise ValueError(f"empty must be 'raise' or 'nan': received empty={empty!r}.")
    file = Path(path)
    with file.open(newline="", encoding=encoding) as stream:
        rows = _rows(file, csv.reader(stream, delimiter=delimiter, strict=True), encoding)
        header = _header(file, next(rows, None), delimiter)
        aim = _position(file, header, target, "target")
        dropped = [drop] if isinstance(drop, str | int) else drop
        out = {aim, *(_position(file, header, column, "drop") for column in dropped)}
        kept = [column for column in range(len(header)) if column not in out]
        if not kept:
            raise ValueError(
                f"{file}: a feature is needed beside the target: received the columns {', '.join(header)}."
            )
        columns = _Columns(file, header, kept, aim, empty == "nan")
        blocks, lines, targets = [], [], []
        while block := list(islice(rows, _ROWS_AT_ONCE)):
            blocks.append(columns.numbers(block))
            lines += [line for line, _ in block]
            targets += columns.targets(block)
    if not blocks:
        raise ValueError(f"{file}: a row of data is needed below the header: received only the header.")
    y, class_names = _target(file, header[aim], targets, lines, classes)
    return Table(np.concatenate(blocks), y, tuple(header[column] for column in kept), class_names)


_Row = tuple[int, list[str]]


def _rows(file: Path, reader: Any, encoding: str) -> Iterator[_Row]:
    """Yield each row that has cells, with the line it starts on."""
    line = 1
    try:
        for row in reader:
            if row:
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"{file}, line {line}: each row must be CSV: received text that is not, {error}.") from None
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{file}: the text must be in the encoding {encoding!r}: received the byte "
            f"{error.object[error.start]:#04x} after line {line}. Name another: encoding='latin-1'."
        ) from None


def _header(file: Path, first: _Row | None, delimiter: str) -> list[str]:
    """Return the names of the columns."""
    if first is None:
        raise ValueError(f"{file}: a row that names the columns is needed: received an empty file.")
    line, names = first[0], [name.strip() for name in first[1]]
    for index, name in enumerate(names):
        if not name:
            raise ValueError(f"{file}, line {line}: each column needs a name: received none for column {index}.")
        if name in names[:index]:
            raise ValueError(
                f"{file}, line {line}: the names of columns must differ: received {name!r} for columns "
                f"{names.index(name)} and {index}."
            )
    if len(names) == 1:
        others = [other for other in ",;\t|" if other in names[0]]
        hint = f" Perhaps delimiter={others[0]!r} is meant." if others else ""
        raise ValueError(
            f"{file}, line {line}: a feature is needed beside the target: received one column, {names[0]!r}, by "
            f"delimiter={delimiter!r}.{hint}"
        )
    return names


def _position(file: Path, header: list[str], column: object, argument: str) -> int:
    """Return where a column stands that is given by name or index."""
    if isinstance(column, str):
        if column not in header:
            raise ValueError(f"{file}: {unknown_name(f'{argument} column', column, header, header[:20])}")
        return header.index(column)
    if isinstance(column, bool) or not hasattr(type(column), "__index__"):
        raise TypeError(f"{argument} takes a column's name or index: received {describe(column)}.")
    index = int(column)  # type: ignore[call-overload]
    if not -len(header) <= index < len(header):
        raise IndexError(f"{file}: columns have the indices 0 to {len(header) - 1}: received {argument}={index}.")
    return index % len(header)


class _Columns(NamedTuple):
    """The columns to read, and what is said of a cell that cannot be read."""

    file: Path
    header: list[str]
    kept: list[int]
    target: int
    empty_is_nan: bool

    def numbers(self, rows: list[_Row]) -> np.ndarray:
        """Return the features of some rows; what Python's `float` would not do at one go is done cell by cell."""
        for line, row in rows:
            if len(row) != len(self.header):
                raise ValueError(
                    f"{self.file}, line {line}: each row has as many cells as the header, {len(self.header)}: "
                    f"received {len(row)}."
                )
        pick: Callable[[list[str]], Any] = itemgetter(*self.kept)
        if len(self.kept) == 1:
            cells = [pick(row) for _, row in rows]
        else:
            cells = list(chain.from_iterable(pick(row) for _, row in rows))
        shape = (len(rows), len(self.kept))
        # float("1_000") is 1000 for Python, and a typing error in a table. One join is cheaper than a look at each.
        if "_" not in "".join(cells):
            try:
                return np.fromiter(map(float, cells), np.float64, len(cells)).reshape(shape)
            except ValueError:
                pass
        found = [self._number(line, column, row[column]) for line, row in rows for column in self.kept]
        return np.asarray(found, dtype=np.float64).reshape(shape)

    def _number(self, line: int, column: int, cell: str) -> float:
        if not cell.strip():
            if self.empty_is_nan:
                return float("nan")
            self._refuse(line, column, "a number is needed", "an empty cell", "empty='nan' reads it as NaN.")
        if (number := _as_number(cell)) is None:
            cure = f"drop=[{self.header[column]!r}] leaves the column out."
            self._refuse(line, column, "a number is needed", repr(cell), cure)
        return number

    def targets(self, rows: list[_Row]) -> list[str]:
        """Return the target's cells of some rows."""
        cells = [row[self.target].strip() for _, row in rows]
        if "" in cells:
            self._refuse(rows[cells.index("")][0], self.target, "each row has a target", "an empty cell", "")
        return cells

    def _refuse(self, line: int, column: int, rule: str, received: str, cure: str) -> NoReturn:
        raise ValueError(
            f"{self.file}, line {line}, column {self.header[column]!r}: {rule}: received {received}. {cure}".rstrip()
        )


def _as_number(cell: str) -> float | None:
    """Return the number that is written in a cell, or None."""
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


def _target(
    file: Path, name: str, cells: list[str], lines: list[int], classes: bool | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the target as numbers, and the names of the classes if it has any."""
    numbers = {cell: _as_number(cell) for cell in set(cells)}
    texts = {cell for cell, number in numbers.items() if number is None or not math.isfinite(number)}
    if texts and (classes is False or (classes is None and len(texts) < len(numbers))):
        at = next(index for index, cell in enumerate(cells) if cell in texts)
        raise ValueError(
            f"{file}, line {lines[at]}, column {name!r}: a target is finite numbers, or names of classes: received "
            f"{cells[at]!r} as a number. classes=True takes each value as the name of a class."
        )
    if texts or classes:
        names = tuple(sorted(numbers) if texts else sorted(numbers, key=float))
        labels = {cell: index for index, cell in enumerate(names)}
        return np.asarray([labels[cell] for cell in cells], dtype=np.int64), names
    if all(cell.lstrip("+-").isdecimal() and abs(int(cell)) < 2**63 for cell in numbers):
        return np.fromiter(map(int, cells), np.int64, len(cells)), ()
    return np.fromiter(map(float, cells), np.float64, len(cells)), ()
