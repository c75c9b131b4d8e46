"""A bar of progress for loops of one's own."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import Any

from nnarray._checks import check_one_of, check_positive_integer


class Progbar:
    """A bar that shows how far a loop is, with running means: drawn over on a terminal, once at the end elsewhere.

    `nnarray.Model.fit` shows its own.

    Parameters
    ----------
    target : int or None
        Number of steps; None if only the end will tell.
    width : int
        Of the bar, in characters.
    verbose : {1, 2, 0}
        A bar, a line at the end, or nothing.
    interval : float
        Seconds between two drawings.
    stateful_metrics : iterable of str, optional
        Figures that are shown as they are; the others are averaged over the steps.
    stateless_metrics : iterable of str, optional
        Figures that are averaged; the others are shown as they are. One of the two may be given.
    unit_name : str

    Raises
    ------
    ValueError
        If both kinds of figures are named, or an argument is none of these.

    Examples
    --------
    >>> import nnarray as nna
    >>> bar = nna.utils.Progbar(4, width=8, verbose=1, interval=0.0)
    >>> for step in range(4):
    ...     bar.update(step, [("loss", 1.0 / (step + 1))])
    >>> bar.update(4)  # doctest: +ELLIPSIS
    4/4 ━━━━━━━━ 0s ...s/step - loss: 0.5208
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError(
                "Name the figures that are averaged or those that are not: received both stateful_metrics and "
                "stateless_metrics."
            )
        self.target = target
        self.width = check_positive_integer("width", width)
        self.verbose = check_one_of("verbose", int(verbose), (0, 1, 2))
        self.interval = interval
        self.unit_name = unit_name
        self._as_they_are = None if stateless_metrics is not None else set(stateful_metrics or ())
        self._averaged = set(stateless_metrics or ())
        #: Of each figure the sum and what it is divided by.
        self._figures: dict[str, tuple[float, float]] = {}
        self._done = 0
        self._shown = 0
        self._start = time.monotonic()
        self._drawn = float("-inf")

    def update(
        self, current: int, values: Iterable[tuple[str, Any]] | None = None, finalize: bool | None = None
    ) -> None:
        """Go to step `current`, with figures of the steps since the last call.

        Parameters
        ----------
        current : int
        values : iterable of (str, number), optional
        finalize : bool, optional
            Whether this is the last call, whose figures are shown as they are, as in Keras; by default whether
            `current` is the target.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        steps = max(current - self._done, 1)
        for name, value in values or ():
            total, count = self._figures.get(name, (0.0, 0.0))
            means = name not in self._as_they_are if self._as_they_are is not None else name in self._averaged
            is_mean = means and not finalize
            self._figures[name] = (total + float(value) * steps, count + steps) if is_mean else (float(value), 1.0)
        self._done = current
        now = time.monotonic()
        on_terminal = self.verbose == 1 and getattr(sys.stdout, "isatty", bool)()
        if self.verbose and (finalize or (on_terminal and now - self._drawn >= self.interval)):
            self._drawn = now
            self._draw(now - self._start, finalize, on_terminal)

    def add(self, n: int, values: Iterable[tuple[str, Any]] | None = None) -> None:
        """Go on by `n` steps, with their figures."""
        self.update(self._done + n, values)

    def _draw(self, seconds: float, is_last: bool, on_terminal: bool) -> None:
        each = seconds / max(self._done, 1)
        shown = seconds if is_last or self.target is None else each * (self.target - self._done)
        between = " - " if self.verbose == 2 else " "
        line = between.join([self._place(), _clock(shown), f"{_duration(each)}/{self.unit_name}"])
        for name, (total, count) in self._figures.items():
            mean = total / count
            line += f" - {name}: {mean:.4f}" if abs(mean) > 1e-3 else f" - {name}: {mean:.4e}"
        before = "\r" if on_terminal else ""
        sys.stdout.write(f"{before}{line:<{self._shown if on_terminal else 0}}{chr(10) if is_last else ''}")
        sys.stdout.flush()
        self._shown = len(line)

    def _place(self) -> str:
        if not self.target:
            return f"{self._done:7d}/Unknown"
        count = f"{self._done:{len(str(self.target))}d}/{self.target}"
        if self.verbose == 2:
            return count
        full = min(int(self.width * self._done / self.target), self.width)
        return f"{count} {'━' * full}{'─' * (self.width - full)}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}" if minutes else f"{rest}s"


def _duration(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"
