"""Arrays made from nothing or in the likeness of another: none depends on a value, so none has a derivative."""

from __future__ import annotations

from nnarray.array._function import Function

NEW = "its result depends on no array's values"

for name, signature in {
    "arange": "start, /, stop=None, step=1, *, dtype=None, device=None",
    "empty": "shape, *, dtype=None, device=None",
    "eye": "n_rows, n_cols=None, /, *, k=0, dtype=None, device=None",
    "full": "shape, fill_value, *, dtype=None, device=None",
    "linspace": "start, stop, /, num, *, dtype=None, device=None, endpoint=True",
    "ones": "shape, *, dtype=None, device=None",
    "zeros": "shape, *, dtype=None, device=None",
}.items():
    Function(name, signature, constant=NEW, arrays=())

Function("tril", "x, /, *, k=0", {"x": lambda xp, g, k: xp.tril(g, k=k)})
Function("triu", "x, /, *, k=0", {"x": lambda xp, g, k: xp.triu(g, k=k)})

for name, signature in {
    "empty_like": "x, /, *, dtype=None, device=None",
    "full_like": "x, /, fill_value, *, dtype=None, device=None",
    "ones_like": "x, /, *, dtype=None, device=None",
    "zeros_like": "x, /, *, dtype=None, device=None",
}.items():
    Function(name, signature, constant=NEW)
