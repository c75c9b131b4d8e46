"""Progress: a bar with the running figures on a terminal and in Jupyter, elsewhere a line an epoch."""

from __future__ import annotations

import difflib
import sys
import time
from collections.abc import Mapping
from typing import Any

from nnarray._messages import describe
from nnarray.training._screens import Notebook, Pass, Terminal, format_logs, in_notebook, say

#: Seconds between two looks at the running figures; each look waits for the device.
INTERVAL = 0.2
#: Seconds between two pictures of the bar.
_FRAME = 0.1

BAR, LINE, QUIET = 1, 2, 0


def resolve_verbose(verbose: int | bool | str) -> int:
    """Return 0 (quiet), 1 (a bar) or 2 (a line an epoch); a bar needs a terminal or Jupyter, else it is a line."""
    known = {"auto": BAR, QUIET: QUIET, BAR: BAR, LINE: LINE}
    try:
        chosen = known[verbose]
    except (KeyError, TypeError):
        near = {str(key): key for key in known}
        close = difflib.get_close_matches(verbose.strip(), near, n=1, cutoff=0.5) if isinstance(verbose, str) else []
        hint = f" Did you mean {near[close[0]]!r}?" if close else ""
        raise ValueError(
            "verbose must be 'auto', 0 (quiet), 1 (a bar) or 2 (a line an epoch): received verbose="
            f"{describe(verbose)}.{hint}"
        ) from None
    shows = in_notebook() or getattr(sys.stdout, "isatty", bool)()
    return LINE if chosen == BAR and not shows else chosen


class Progress:
    """Shows one pass over some batches.

    Parameters
    ----------
    title : str
    steps : int or None
        Their number; None if only the end will tell.
    verbose : int
        As `resolve_verbose` gives it.
    """

    def __init__(self, title: str, steps: int | None, verbose: int) -> None:
        self.verbose = verbose
        self._pass = Pass(title, steps)
        self._start = self._looked = self._drawn = time.monotonic()
        self._screen = None if verbose != BAR else Notebook() if in_notebook() else Terminal()
        self._draw()

    def due(self) -> bool:
        """Whether it is time to look at the running figures."""
        return self._screen is not None and time.monotonic() - self._looked >= INTERVAL

    def advance(self) -> None:
        """Count one step."""
        self._pass.done += 1
        if self._screen is not None and time.monotonic() - self._drawn >= _FRAME:
            self._draw()

    def show(self, logs: Mapping[str, Any]) -> None:
        """Show figures beside the bar."""
        self._pass.logs = logs
        self._draw()
        self._looked = self._drawn

    def close(self, logs: Mapping[str, Any] | None = None) -> None:
        """End the bar, or print the line, with the final figures; None if there are none, or the pass was cut short."""
        self._pass.ended = True
        if logs is not None:
            self._pass.logs = logs
        self._draw()
        if self._screen is not None:
            self._screen.close()
        elif self.verbose == LINE and logs is not None:
            seconds = time.monotonic() - self._start
            say(f"{self._pass.title} - {seconds:.2f}s - {format_logs(logs)}\n")

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        if self._screen is not None:
            self._pass.seconds = self._drawn - self._start
            self._screen.draw(self._pass)
