"""Running a function a second time as it ran the first: with the draws, the state and the settings that it met."""

from __future__ import annotations

import itertools
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import Any

#: Stands for a value that each run makes anew.
_READ_AGAIN = object()


class _FirstRun:
    def __init__(self, values: list[Any], since: int, around: _FirstRun | _LaterRun | None) -> None:
        self._values = values
        self._since = since
        self._around = around
        self.repeats: bool = around is not None and around.repeats

    def take(self, make: Callable[[], Any]) -> Any:
        value = make() if self._around is None else self._around.take(make)
        # What a derivative inside the run lends is another array in each run.
        is_of_this_run = getattr(getattr(value, "node", None), "serial", -1) >= self._since
        self._values.append(_READ_AGAIN if is_of_this_run else value)
        return value


class _LaterRun:
    repeats = True

    def __init__(self, values: list[Any]) -> None:
        self._remaining = iter(values)

    def take(self, make: Callable[[], Any]) -> Any:
        value = next(self._remaining, self)
        if value is self:
            raise _differs()
        return make() if value is _READ_AGAIN else value

    def check_end(self) -> None:
        if next(self._remaining, self) is not self:
            raise _differs()


#: Number of the second run that goes on; 0 outside of one.
_region: ContextVar[int] = ContextVar("nnarray_region", default=0)
_regions = itertools.count(1)

_journal: ContextVar[_FirstRun | _LaterRun | None] = ContextVar("nnarray_journal", default=None)


def once(make: Callable[[], Any]) -> Any:
    """Return ``make()``; where a function runs again, what it returned at that place in the first run."""
    journal = _journal.get()
    return make() if journal is None else journal.take(make)


def region() -> int:
    """Return a number that is another one within each second run of a function."""
    return _region.get()


def is_repeating() -> bool:
    """Whether a function runs again, so that what it does to the world was done before."""
    journal = _journal.get()
    return journal is not None and journal.repeats


@contextmanager
def not_repeated() -> Iterator[None]:
    """Leave the block out of what a second run repeats: it does not happen there."""
    token = _journal.set(None)
    try:
        yield
    finally:
        _journal.reset(token)


class Rerun:
    """A call that can be run again.

    A second run draws the same random numbers, reads the same variables and settings, and assigns nothing. What the
    function closes over it finds as it was, such as the variable of the loop in which it was defined.

    Parameters
    ----------
    fun : callable
    since : int
        Number of the first recorded array that the run itself can make: what is read of later ones is read again.
    """

    def __init__(self, fun: Callable[..., Any], since: int) -> None:
        self._fun = fun
        self._since = since
        self._as_it_was = _closed_by_now(fun)
        self._values: list[Any] = []
        self._context = copy_context()

    def first(self, *args: Any, **kwargs: Any) -> Any:
        """Run the function."""
        token = _journal.set(_FirstRun(self._values, self._since, _journal.get()))
        try:
            return self._fun(*args, **kwargs)
        finally:
            _journal.reset(token)

    def again(self, *args: Any, **kwargs: Any) -> Any:
        """Run it as the first time.

        Raises
        ------
        RuntimeError
            If it draws or reads more or less than the first time.
        """

        def run() -> Any:
            reader = _LaterRun(self._values)
            _journal.set(reader)
            _region.set(next(_regions))
            result = self._as_it_was(*args, **kwargs)
            reader.check_end()
            return result

        # A context can be entered once at a time, and threads may run the same call.
        return self._context.copy().run(run)


def _closed_by_now(fun: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with the present contents of the cells that it closes over, whatever they will hold."""
    if not isinstance(fun, types.FunctionType) or not fun.__closure__:
        return fun
    cells = tuple(types.CellType(*_contents(cell)) for cell in fun.__closure__)
    made = types.FunctionType(fun.__code__, fun.__globals__, fun.__name__, fun.__defaults__, cells)
    made.__kwdefaults__ = fun.__kwdefaults__
    return made


def _contents(cell: types.CellType) -> tuple[Any, ...]:
    try:
        return (cell.cell_contents,)
    except ValueError:  # Python's word for an empty cell
        return ()


def _differs() -> RuntimeError:
    return RuntimeError(
        "A function that is run again for its derivative must do each time what it did the first time: it read other "
        "variables or drew other random numbers. Let it depend on nothing that changes in between."
    )
