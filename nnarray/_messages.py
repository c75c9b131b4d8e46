"""Wording shared by error messages: the nearest known name, a short view of what was received."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def unknown_name(kind: str, name: object, known: Iterable[str]) -> str:
    """Say that `name` is no known `kind`, which one was probably meant, and which exist."""
    names = sorted(known)
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return f"Unknown {kind}: {name!r}.{hint} Known: {', '.join(names)}."


def describe(value: object) -> str:
    """Return the type of `value`, with shape and dtype where it has them."""
    shape = getattr(value, "shape", None)
    dtype = getattr(value, "dtype", None)
    if shape is not None and dtype is not None:
        return f"{type(value).__name__} of shape {tuple(shape)} and dtype {dtype}"
    text = repr(value)
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({type(value).__name__})"


def missing_extra(library: str, extra: str, purpose: str) -> str:
    """Say which optional library is missing and the line that installs it."""
    return f"{purpose} needs {library}, which is not installed. Install it with: pip install 'nnarray[{extra}]'"
