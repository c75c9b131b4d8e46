"""A part of what is tested on a GPU, and the process of its own in which it runs."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
#: Seconds that a part may take.
LIMIT = 600.0
#: Where a package's module has another name.
MODULES = {"array-api-compat": "array_api_compat", "array-api-strict": "array_api_strict", "pillow": "PIL"}
MODULES |= {"scikit-learn": "sklearn"}


class LeftOut(Exception):  # noqa: N818 -- no error: the reason why a part cannot be done here
    """A part cannot be done here, for the reason given."""


@dataclass(frozen=True)
class Options:
    """How a part is run.

    Attributes
    ----------
    into : Path
        The file of its findings.
    document : Path
        The file of those of all parts.
    smoke : bool
        Whether a small slice of it will do, which shows that it runs.
    stand_in : bool
        Whether CuPy runs on the stand-in for CUDA, where no time means anything.
    """

    into: Path
    document: Path
    smoke: bool
    stand_in: bool


@dataclass(frozen=True)
class Part:
    """What is found out at once.

    Attributes
    ----------
    name : str
    what : str
        One line on it.
    find : callable
        ``find(options)`` yields dicts of findings, which are kept one by one. ``"passed"`` is true unless one says no.
    needs : tuple of str
        Packages without which it is left out.
    """

    name: str
    what: str
    find: Callable[[Options], Iterator[dict[str, Any]]]
    needs: tuple[str, ...] = ()


def missing(packages: tuple[str, ...]) -> list[str]:
    """Return those packages that this Python has not."""
    return [name for name in packages if importlib.util.find_spec(MODULES.get(name, name)) is None]


def write(path: Path, content: Any) -> None:
    """Write JSON to a file, of which a reader sees either the old or the new."""
    new = path.with_name(f"{path.name}.{os.getpid()}")
    new.write_text(json.dumps(content, indent=2) + "\n")
    new.replace(path)


def read(path: Path) -> dict[str, Any]:
    """Return the JSON of a file, nothing where there is none."""
    return json.loads(path.read_text()) if path.exists() else {}


def run_here(part: Part, options: Options) -> None:
    """Run a part in this process and keep its findings, and what it raises, as they come."""
    found: dict[str, Any] = {}
    try:
        if lacking := missing(part.needs):
            raise LeftOut(f"needs: {sys.executable} -m pip install {' '.join(lacking)}")
        for piece in part.find(options):
            found |= piece
            write(options.into, found)
    except LeftOut as reason:
        found["left_out"] = str(reason)
    except Exception:
        found |= {"passed": False, "error": traceback.format_exc().splitlines()}
        traceback.print_exc()
    write(options.into, {"passed": True, **found, "is_complete": True})


def run_apart(part: Part, options: Options, command: list[str], limit: float = LIMIT) -> dict[str, Any]:
    """Return the findings of a part that `command` runs, a process that ends at the limit, with all it started."""
    options.into.unlink(missing_ok=True)
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    reason = ""
    try:
        code = process.wait(limit)
        reason = f"its process ended with {code}"
    except subprocess.TimeoutExpired:
        reason = f"it was ended at its limit of {limit:g} s"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    found = read(options.into)
    options.into.unlink(missing_ok=True)
    if not found.pop("is_complete", False):
        found |= {"passed": False, "error": [f"Part {part.name!r} has found no more: {reason}."]}
    return {**found, "seconds": round(time.perf_counter() - start, 1)}
