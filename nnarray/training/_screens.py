"""What a pass over batches looks like: on a terminal of any width, and in Jupyter."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any
from unicodedata import east_asian_width

_DIGITS = (4, 3, 2)
_SHORTEST_BAR, _LONGEST_BAR = 5, 30
_BETWEEN = " - "


def say(text: str) -> None:
    """Write to what is standard output at this moment; what it cannot encode becomes question marks."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding), end="", flush=True)


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return "IPKernelApp" in getattr(shell, "config", ())


def figure(value: Any, digits: int = _DIGITS[0]) -> str:
    """Return a number with so many decimals, or significant digits where it is small; all else in one line."""
    if isinstance(value, int):
        return str(value)
    try:
        value = float(value)
    except (TypeError, ValueError):
        return " ".join(str(value).split())
    if value and abs(value) < 10.0 ** (1 - digits):
        return f"{value:.{digits}g}"
    return f"{value:.{digits}f}" if abs(value) < 1e6 else f"{value:.{digits + 3}g}"


def format_logs(logs: Mapping[str, Any], digits: int = _DIGITS[0]) -> str:
    """Return ``"loss: 0.6931 - accuracy: 0.5000"``."""
    return _BETWEEN.join(f"{name}: {figure(value, digits)}" for name, value in logs.items())


@dataclass
class Pass:
    """How far a pass over batches has come."""

    title: str
    steps: int | None
    done: int = 0
    seconds: float = 0.0
    logs: Mapping[str, Any] = field(default_factory=dict)
    ended: bool = False

    @property
    def count(self) -> str:
        """Return ``"3/10"``."""
        steps = self.done if self.ended and self.steps is None else self.steps
        return f"{self.done}/{'?' if steps is None else steps}"

    @property
    def timing(self) -> str:
        """Return ``"0:12<0:30 40ms/step"``, the time taken and the time left, or at the end the time taken."""
        if not self.done:
            return ""
        each = self.seconds / self.done
        if self.ended:
            taken = f"{self.seconds:.1f}s" if self.seconds < 60 else _clock(self.seconds)
        else:
            left = "" if self.steps is None else f"<{_clock(each * max(self.steps - self.done, 0))}"
            taken = _clock(self.seconds) + left
        return f"{taken} {_duration(each)}/step"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _duration(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.{0 if seconds >= 10 * size else 1}f}{unit}"
    return f"{seconds * 1e6:.0f}us"


def layout(now: Pass, width: int, ink: str = "━─…") -> list[str]:
    """Return lines of at most `width` columns with all figures.

    If one line is too short for all, then go, in this order: the bar, the times, the title or at the end the number of
    steps, decimals down to two. If that is not enough, the figures stand on lines of their own.
    """
    head = f"{now.title} {now.count}"
    most, *fewer = [format_logs(now.logs, digits) for digits in _DIGITS]
    room = width - _columns(_joined(f"{head}  {now.timing}".rstrip(), most)) - 1
    if now.steps and room >= _SHORTEST_BAR:
        size = min(room, _LONGEST_BAR)
        filled = min(size * now.done // now.steps, size)
        bar = ink[0] * filled + ink[1] * (size - filled)
        return [_joined(f"{head} {bar} {now.timing}".rstrip(), most)]
    short = now.title if now.ended else now.count
    for line in ((f"{head} {now.timing}", most), (head, most), *((short, figures) for figures in (most, *fewer))):
        if _columns(_joined(*line)) <= width:
            return [_joined(*line)]
    if not now.logs:
        return [_cut(now.title, width, ink[2])]
    alone = Pass(now.title, now.steps, now.done, now.seconds, ended=now.ended)
    items = [_item(name, value, width, ink[2]) for name, value in now.logs.items()]
    if len(lines := _filled(items, width)) > 1:
        held_out = [item for item in items if item.startswith("val_")]
        lines = [*_filled([item for item in items if item not in held_out], width), *_filled(held_out, width)]
    return [*layout(alone, width, ink), *lines]


def _joined(*parts: str) -> str:
    return _BETWEEN.join(part for part in parts if part)


def _columns(text: str) -> int:
    return len(text) if text.isascii() else sum(1 + (east_asian_width(letter) in "WF") for letter in text)


def _cut(text: str, width: int, mark: str) -> str:
    if _columns(text) <= width:
        return text
    while text and _columns(text) > width - 1:
        text = text[:-1]
    return text + mark


def _item(name: str, value: Any, width: int, mark: str) -> str:
    """Return a name with its figure; a name that is too long loses its end."""
    numbers = [figure(value, digits) for digits in _DIGITS]
    for number in numbers:
        if _columns(f"{name}: {number}") <= width:
            return f"{name}: {number}"
    return _cut(f"{_cut(name, max(width - _columns(numbers[-1]) - 2, 1), mark)}: {numbers[-1]}", width, mark)


def _filled(items: list[str], width: int) -> list[str]:
    """Return lines of as many items as go on each."""
    lines: list[str] = []
    for item in items:
        if lines and _columns(together := _joined(lines[-1], item)) <= width:
            lines[-1] = together
        else:
            lines.append(item)
    return lines


class Terminal:
    """Draws a pass over the same lines of a terminal again and again."""

    def __init__(self) -> None:
        self._drawn = [""]

    def draw(self, now: Pass) -> None:
        """Put what there is to see in place of what was drawn last."""
        # A letter in the last column would make some terminals begin a new line.
        width = max(shutil.get_terminal_size().columns - 1, 1)
        lines = layout(now, width, _ink())
        if len(lines) == len(self._drawn) == 1:
            say(f"\r{lines[0]}" + " " * min(_columns(self._drawn[0]) - _columns(lines[0]), width - _columns(lines[0])))
        else:
            up = f"\x1b[{len(self._drawn) - 1}A" if len(self._drawn) > 1 else ""
            say(f"{up}\r\x1b[J" + "\n".join(lines))
        self._drawn = lines

    def close(self) -> None:
        """Leave what was drawn."""
        say("\n")


def _ink() -> str:
    """Return what a bar and a cut are made of."""
    try:
        "━─…".encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return "=.~"
    return "━─…"


class Notebook:
    """Draws a pass as a bar below the cell of a notebook."""

    def __init__(self) -> None:
        self._handle: Any = None

    def draw(self, now: Pass) -> None:
        """Put what there is to see in place of what was drawn last."""
        done = f' value="{now.done}"' if now.steps is not None or now.ended else ""
        bar = f'<progress max="{(now.done if now.steps is None else now.steps) or 1}"{done}></progress>'
        after = _joined(f"{now.count} {now.timing}".rstrip(), format_logs(now.logs))
        shown = {
            "text/html": f"<div><code>{escape(now.title)} {bar} {escape(after)}</code></div>",
            "text/plain": "\n".join(layout(now, 120)),
        }
        if self._handle is None:
            from IPython.display import display

            self._handle = display(shown, raw=True, display_id=True)
        else:
            self._handle.update(shown, raw=True)

    def close(self) -> None:
        """Leave what was drawn."""
