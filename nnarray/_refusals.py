"""What code under `jit` is refused, by errors that name the user's line."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

#: Packages whose code is not the user's: this one, and those of the libraries that are traced.
_LIBRARIES = {"nnarray", "array_api_compat"}


class TracingError(TypeError):
    """Code under `jit` asked for what is not known before it runs, or did what would happen once only."""


def register_library(name: str) -> None:
    """Add a package whose lines are not the user's."""
    _LIBRARIES.add(name.partition(".")[0])


def user_line() -> str:
    """Return file, number and text of the innermost line on the stack that is the user's."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] not in _LIBRARIES:
            name = frame.f_code.co_filename
            text = linecache.getline(name, frame.f_lineno).strip()
            return f"{Path(name).name}, line {frame.f_lineno}" + (f": {text}" if text else "")
        frame = frame.f_back  # type: ignore[assignment]
    return "an unknown line"


def unknown_value(what: str) -> TracingError:
    """Return the error for code that asks for the value of an array under jit."""
    return TracingError(
        f"{what} needs the value of an array, which is not known under jit: the code runs once, and what it did is "
        f"replayed on other values. At {user_line()}\nChoose by xp.where instead of a branch; give what decides as an "
        "argument in static_argnums; or run without jit (run_eagerly=True in compile)."
    )


_RETURN_IT = "Give state as an argument and return it: for a model by stateless_call."
_runs: ContextVar[bool] = ContextVar("nnarray_traces", default=False)


@contextmanager
def under_trace() -> Iterator[None]:
    """Mark the block as a run under `jit`."""
    token = _runs.set(True)
    try:
        yield
    finally:
        _runs.reset(token)


def refuse_state(what: str, cure: str = _RETURN_IT) -> None:
    """Raise a TracingError if a function is being traced, in which `what` would happen once only."""
    if _runs.get():
        raise TracingError(
            f"{what} under jit happens once, when the function is traced, and not at each call. At {user_line()}\n"
            f"{cure}"
        )
