"""Threads that share one loop of a plan."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any

from nnarray.compiler.executors._numba import most_threads

#: Parts for each thread: who is kept from working, by BLAS' threads or another program, leaves its parts to the others.
_PARTS = 4


def share(kernel: Callable[..., None], extent: int, *arguments: Any) -> None:
    """Run a kernel on all parts of its loop, on as many threads as Numba is allowed to use.

    Parameters
    ----------
    kernel : callable
        ``kernel(*arguments, start, stop)``, which releases the lock of the interpreter.
    extent : int
    *arguments
    """
    threads = most_threads()
    count = min(extent, _PARTS * threads)
    parts = [(extent * n // count, extent * (n + 1) // count) for n in range(count)]
    helpers: list[Future[None]] = []
    try:
        helpers += [_pool(threads).submit(_work, kernel, arguments, parts) for _ in range(min(count, threads) - 1)]
        _work(kernel, arguments, parts)
    finally:
        _end(helpers)


def _work(kernel: Callable[..., None], arguments: Any, parts: list[tuple[int, int]]) -> None:
    """Run the kernel on what parts are left."""
    while True:
        try:
            start, stop = parts.pop()
        except IndexError:  # Another thread took the last.
            return
        kernel(*arguments, start, stop)


def _end(helpers: list[Future[None]]) -> None:
    """Wait until no helper works any more, whatever interrupts the waiting: they write into arrays of others."""
    interruption: BaseException | None = None
    for helper in helpers:
        while not helper.cancel() and not helper.done():
            try:
                helper.exception()
            except KeyboardInterrupt as error:
                interruption = error
    if interruption is not None:
        raise interruption
    for helper in helpers:
        if not helper.cancelled():
            helper.result()


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="nnarray")


if hasattr(os, "register_at_fork"):
    # The threads of a pool do not live on in a process that was forked.
    os.register_at_fork(after_in_child=_pool.cache_clear)
