"""Progress on the terminal: a bar with the running figures, or a line an epoch."""

from __future__ import annotations

import sys
import time
from typing import Any

from nnarray._messages import unknown_name

#: Seconds between two looks at the running figures; each look waits for the device.
INTERVAL = 0.2

BAR, LINE, QUIET = 1, 2, 0


def resolve_verbose(verbose: int | bool | str) -> int:
    """Return 0 (quiet), 1 (a bar) or 2 (a line an epoch); a bar becomes a line where output is no terminal."""
    if verbose == "auto":
        verbose = BAR
    if verbose not in (QUIET, BAR, LINE):
        raise ValueError(unknown_name("verbose", verbose, ("auto", "0", "1", "2")))
    return LINE if verbose == BAR and not sys.stdout.isatty() else int(verbose)


def format_logs(logs: dict[str, float]) -> str:
    """Return ``"loss: 0.6931 - accuracy: 0.5000"``."""
    return " - ".join(
        f"{name}: {value:.4g}" if abs(value) < 1e-3 else f"{name}: {value:.4f}" for name, value in logs.items()
    )


class Progress:
    """Shows one pass over some batches.

    Parameters
    ----------
    title : str
    steps : int
    verbose : int
        As `resolve_verbose` gives it.
    """

    def __init__(self, title: str, steps: int, verbose: int) -> None:
        self.title = title
        self.verbose = verbose
        self._start = self._looked = time.monotonic()
        self._bar: Any = None
        if verbose == BAR:
            from tqdm.auto import tqdm

            self._bar = tqdm(total=steps, desc=title, file=sys.stdout, unit="step", dynamic_ncols=True, leave=True)

    def due(self) -> bool:
        """Whether it is time to look at the running figures."""
        return self._bar is not None and time.monotonic() - self._looked >= INTERVAL

    def advance(self) -> None:
        """Count one step."""
        if self._bar is not None:
            self._bar.update()

    def show(self, logs: dict[str, float]) -> None:
        """Show figures beside the bar."""
        self._looked = time.monotonic()
        if self._bar is not None:
            self._bar.set_postfix_str(format_logs(logs))

    def close(self, logs: dict[str, float] | None = None) -> None:
        """End the bar, or print the line, with the final figures; without figures the pass was cut short."""
        if logs is not None:
            self.show(logs)
        if self._bar is not None:
            self._bar.close()
        elif self.verbose == LINE and logs is not None:
            seconds = time.monotonic() - self._start
            sys.stdout.write(f"{self.title} - {seconds:.2f}s - {format_logs(logs)}\n")
            sys.stdout.flush()
