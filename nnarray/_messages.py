"""Wording shared by error messages: the nearest known name, a short view of what was received."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean …?"`` with the known name that is most like `name`, or nothing.

    A registered object is also recognised by its name without the package.
    """
    whole = {other.rpartition(">")[2]: other for other in known}
    bare = name.rpartition(">")[2]
    near = difflib.get_close_matches(bare, whole, n=3, cutoff=0.5)
    alike = {other: difflib.SequenceMatcher(None, other, bare).ratio() for other in near}
    # Letters change places more often than they are left out: of names about as like, the one as long is meant.
    near = [other for other in near if alike[other] > max(alike.values()) - 0.06]
    near.sort(key=lambda other: abs(len(other) - len(bare)))
    return f" Did you mean {whole[near[0]]!r}?" if near else ""


def article(noun: str) -> str:
    """Return a noun with "a" or "an" before it."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def unknown_name(kind: str, name: object, known: Iterable[str], listed: Iterable[str] | None = None) -> str:
    """Say that `name` is no known `kind`, which one was probably meant, and which exist.

    Parameters
    ----------
    kind : str
    name : object
    known : iterable of str
        All that would have been understood.
    listed : iterable of str, optional
        Those to show; by default all.
    """
    known = list(known)
    shown = ", ".join(sorted(known if listed is None else listed))
    return f"Unknown {kind}: {name!r}.{nearest(str(name), known)} Known: {shown}."


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
