"""What training did, epoch by epoch."""

from __future__ import annotations

from html import escape
from typing import Any

from nnarray._tables import table
from nnarray.training._callback import Callback
from nnarray.training._screens import figure

#: Of a longer run the table has the first and the last epochs.
_FIRST, _LAST = 4, 6


class History(Callback):
    """What `fit` returns: the figures of every epoch. It prints as a table.

    Attributes
    ----------
    epoch : list of int
        Epochs done, counted from 0.
    history : dict of str to list of float
        ``loss``, each metric, with validation data ``val_loss`` and so on, and what callbacks add to their logs: one
        entry for each epoch that had it.
    params : dict
        ``epochs``, ``steps`` per epoch, ``verbose``.
    requested_backend : str or None
        The backend that was asked for: by argument, by the arrays, by a setting, or NumPy by default.
    actual_backend : str or None
        The backend that it ran on; differs if the requested one does not work here, or was ``"auto"``.

    Examples
    --------
    >>> from nnarray.callbacks import History
    >>> history = History()
    >>> history.on_epoch_end(0, {"loss": 0.5, "accuracy": 0.75})
    >>> history.on_epoch_end(1, {"loss": 0.25, "accuracy": 1.0})
    >>> history
    History of 2 epochs
    ─────────────────────────
    epoch     loss   accuracy
    ─────────────────────────
        1   0.5000     0.7500
        2   0.2500     1.0000
    ─────────────────────────
    """

    def __init__(self, requested_backend: str | None = None, actual_backend: str | None = None) -> None:
        super().__init__()
        self.requested_backend = requested_backend
        self.actual_backend = actual_backend
        self.epoch: list[int] = []
        self.history: dict[str, list[Any]] = {}
        self._rows: dict[str, list[int]] = {}

    def get_state(self) -> dict[str, Any]:
        return {"epoch": list(self.epoch), "history": dict(self.history), "rows": dict(self._rows)}

    def set_state(self, state: dict[str, Any]) -> None:
        self.epoch, self.history, self._rows = list(state["epoch"]), dict(state["history"]), dict(state["rows"])

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        for name, value in (logs or {}).items():
            self._rows.setdefault(name, []).append(len(self.epoch))
            self.history.setdefault(name, []).append(value)
        self.epoch.append(epoch)

    def rows_of(self, name: str) -> list[int]:
        """Return the indices in `epoch` of the epochs that had a figure.

        Raises
        ------
        ValueError
            If `history` was changed, so that this is not known.
        """
        count, rows = len(self.history[name]), self._rows.get(name, [])
        if count == len(self.epoch):
            return list(range(count))
        if count != len(rows):
            raise ValueError(
                f"A figure has one value for each epoch: received {count} of {name!r} and {len(self.epoch)} epochs."
            )
        return rows

    def _cells(self) -> tuple[str, list[str], list[list[str]]]:
        """Return the title, the header and the rows of the table, of which an empty one is a gap."""
        count = len(self.epoch)
        place = f" on {self.actual_backend}" if self.actual_backend else ""
        if self.requested_backend not in (None, "auto", self.actual_backend):
            place += f" ({self.requested_backend} was asked for)"
        columns = []
        for name, values in self.history.items():
            known = dict(zip(self._rows.get(name, []) if len(values) < count else range(count), values, strict=False))
            columns.append([figure(known[row]) if row in known else "" for row in range(count)])
        rows = [list(row) for row in zip([str(epoch + 1) for epoch in self.epoch], *columns, strict=True)]
        if count > _FIRST + _LAST + 1:
            rows[_FIRST:-_LAST] = [["…", *([""] * len(columns))]]
        return f"History of {count} epoch{'s' * (count != 1)}{place}", ["epoch", *self.history], rows

    def __repr__(self) -> str:
        title, header, rows = self._cells()
        return "\n".join(table(title, header, rows, left=0)) if rows else title

    def _repr_html_(self) -> str:
        title, header, rows = self._cells()
        head = "".join(f"<th>{escape(name)}</th>" for name in header)
        body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
        return f"<table><caption>{escape(title)}</caption><tr>{head}</tr>{body}</table>"
