"""The callback that writes figures to a file."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from nnarray._checks import check_boolean
from nnarray.training._callback import Callback


class CSVLogger(Callback):
    """Writes the logs of each epoch to a file as a line of numbers, ``NA`` where there is none.

    A figure with axes stands there as a list.

    Parameters
    ----------
    filename : str or path
    separator : str
    append : bool
        Whether to go on with a file that is there; otherwise it is emptied when the training begins.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> import nnarray as nna
    >>> model = nna.Sequential([nna.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "log.csv"
    >>> log = nna.callbacks.CSVLogger(path)
    >>> _ = model.fit(np.zeros((4, 2)), np.zeros(4), epochs=2, callbacks=[log], verbose=0)
    >>> path.read_text().split()
    ['epoch,loss,val_loss', '0,0.0,NA', '1,0.0,NA']
    """

    def __init__(self, filename: Any, separator: str = ",", append: bool = False) -> None:
        self.filename = str(filename)
        self.separator = separator
        self.append = check_boolean("append", append)
        self._names: list[str] = []

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        self._names = []
        with Path(self.filename).open("a" if self.append else "w", encoding="utf-8"):
            """Whether it can be written is asked before the first epoch."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        figures = dict(logs or {})
        with Path(self.filename).open("a+", newline="", encoding="utf-8") as file:
            if not self._names:
                self._begin(file, sorted(figures))
            found = (figures.get(name, "NA") for name in self._names)
            row = [epoch, *(x.tolist() if isinstance(x, np.ndarray) else x for x in found)]
            csv.writer(file, delimiter=self.separator, lineterminator="\n").writerow(row)

    def _begin(self, file: Any, names: list[str]) -> None:
        """Take the names of the first line that is there, or write one."""
        file.seek(0)
        there = next(csv.reader(file, delimiter=self.separator), [])
        file.seek(0, 2)
        if not there:
            # Validation may run in later epochs only.
            names += [] if any(name.startswith("val_") for name in names) else [f"val_{name}" for name in names]
            there = ["epoch", *names]
            csv.writer(file, delimiter=self.separator, lineterminator="\n").writerow(there)
        self._names = there[1:]
