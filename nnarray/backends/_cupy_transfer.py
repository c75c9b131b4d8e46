"""Copies between the host and a GPU through a little page-locked memory, a piece after the other.

CuPy's own take page-locked memory for the whole of an array, in blocks of powers of two, and keep it for good.
"""

from __future__ import annotations

import importlib
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

#: Bytes of a piece, and of an array from which on it travels by pieces.
PIECE, BY_PIECES = 2**22, 2**16
_lock = threading.Lock()


class _Buffer:
    """Page-locked memory that is written and read again only when the copy that was queued last is done."""

    def __init__(self) -> None:
        self._memory: np.ndarray | None = None
        self._last: Any = None

    @contextmanager
    def taken(self, size: int) -> Iterator[np.ndarray]:
        """Lend the first bytes for copies that are queued on the current stream."""
        cupy = importlib.import_module("cupy")
        if self._memory is None:
            self._memory = _page_locked(PIECE)
        if self._last is not None and not self._last.done:
            self._last.synchronize()
        try:
            yield self._memory[:size]
        finally:
            self._last = cupy.cuda.get_current_stream().record(cupy.cuda.Event(disable_timing=True))


_buffers = itertools.cycle((_Buffer(), _Buffer()))


def _page_locked(size: int) -> np.ndarray:
    """Return new page-locked memory, or ordinary memory where the system gives no more of that: it is slower."""
    cupy = importlib.import_module("cupy")
    try:
        return np.frombuffer(cupy.cuda.alloc_pinned_memory(size), np.uint8, size)
    except cupy.cuda.runtime.CUDARuntimeError:
        return np.empty(size, np.uint8)


def upload(host: np.ndarray) -> Any:
    """Return a NumPy array as one of CuPy on the current device; what still travels in a buffer is waited for."""
    cupy = importlib.import_module("cupy")
    out = cupy.empty(host.shape, host.dtype)
    source, target = np.ascontiguousarray(host).reshape(-1).view(np.uint8), out.reshape(-1).view(np.uint8)
    stream = cupy.cuda.get_current_stream()
    with _lock:
        for start in range(0, source.size, PIECE):
            part = source[start : start + PIECE]
            with next(_buffers).taken(part.size) as memory:
                np.copyto(memory, part)
                target[start : start + PIECE].set(memory, stream)
    return out


def download(x: Any) -> np.ndarray:
    """Return an array of CuPy, which lies on the current device, as a NumPy array in ordinary memory."""
    cupy = importlib.import_module("cupy")
    out = np.empty(x.shape, x.dtype)
    if x.nbytes < BY_PIECES:
        return x.get(out=out)
    source, target = x.ravel().view(cupy.uint8), out.reshape(-1).view(np.uint8)
    # Other threads copy while this one waits for what is computed.
    cupy.cuda.get_current_stream().synchronize()
    with _lock:
        for start in range(0, source.size, PIECE):
            part = source[start : start + PIECE]
            with next(_buffers).taken(part.size) as memory:
                np.copyto(target[start : start + PIECE], part.get(out=memory))
    return out
