"""What CuPy asked of the host's stand-in for CUDA: launches, copies, waits, allocations, each with its cause."""

from __future__ import annotations

import ctypes
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

#: The order of `Kind` in runtime.cpp.
KINDS = (
    *("launches", "waits", "to_device", "to_host", "on_device", "between_devices"),
    *("allocations", "frees", "pinned", "allocations_in_capture"),
)
_Watcher = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t)


@dataclass
class Counts:
    """What happened while it was watched.

    Attributes
    ----------
    events : Counter
        How often each happened, by kind (one of `KINDS`), name (of a kernel or a function of CUDA's) and cause: the
        innermost function of nnarray that is not CuPy's adapter.
    moved : Counter
        Bytes by kind.
    """

    events: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    moved: Counter[str] = field(default_factory=Counter)

    def __getattr__(self, kind: str) -> int:
        if kind not in KINDS:
            raise AttributeError(kind)
        return sum(number for (found, _, _), number in self.events.items() if found == kind)

    def by_cause(self, kind: str) -> Counter[tuple[str, str]]:
        """Return how often each cause and name came, for one kind."""
        return Counter({(cause, name): number for (found, name, cause), number in self.events.items() if found == kind})

    def table(self) -> str:
        """Return all that happened as text, a line for each kind, cause and name."""
        rows = sorted(self.events.items(), key=lambda item: (KINDS.index(item[0][0]), -item[1], item[0]))
        return "\n".join(f"{number:6d} {kind:15s} {cause:50s} {name}" for (kind, name, cause), number in rows)


@contextmanager
def counted() -> Iterator[Counts]:
    """Watch what is asked of the stand-in, by all threads, while the block runs."""
    runtime = ctypes.CDLL("libcudart.so.13")
    counts = Counts()

    @_Watcher
    def watch(kind: int, name: bytes, size: int) -> None:
        counts.events[KINDS[kind], name.decode(), _cause()] += 1
        counts.moved[KINDS[kind]] += size

    runtime.host_cuda_watch(watch)
    try:
        yield counts
    finally:
        runtime.host_cuda_watch(None)


def _cause() -> str:
    """Return module and function of the innermost frame of nnarray that is not its adapter of CuPy."""
    frame = sys._getframe(2)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith("nnarray.") and not module.startswith("nnarray.backends."):
            return f"{module.removeprefix('nnarray.')}.{frame.f_code.co_qualname}"
        frame = frame.f_back
    return "the program"
