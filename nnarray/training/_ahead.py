"""Items that are made before they are asked for, by threads or processes, and come in their order."""

from __future__ import annotations

import multiprocessing
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, NamedTuple

#: Seconds for which one that has no use for further items waits for the thread to end with the one it draws.
_PATIENCE = 1.0


class _Outcome(NamedTuple):
    value: Any = None
    error: BaseException | None = None
    is_end: bool = False


def drawn_ahead(items: Iterator[Any], count: int) -> Iterator[Any]:
    """Yield `items`, which a thread draws in the present context, up to `count` before they are asked for.

    The thread waits while so many are there, until a quarter of them is left: it wakes once for several. An error comes
    in the place of the item. The thread ends with the items, or when this generator is closed.
    """
    ready: queue.SimpleQueue[_Outcome] = queue.SimpleQueue()
    has_room, is_over = threading.Event(), threading.Event()
    few = max(count // 4, min(count - 1, 1))

    def draw() -> None:
        try:
            for item in items:
                ready.put(_Outcome(item))
                if ready.qsize() >= count:
                    has_room.clear()
                    # Nobody will tell of what was done before this: some were taken, or no more are wanted.
                    if ready.qsize() >= count and not is_over.is_set():
                        has_room.wait()
                if is_over.is_set():
                    return
            ready.put(_Outcome(is_end=True))
        except BaseException as error:
            ready.put(_Outcome(error=error))

    thread = threading.Thread(target=copy_context().run, args=(draw,), name="nnarray batches", daemon=True)
    thread.start()
    try:
        while not (outcome := ready.get()).is_end:
            if outcome.error is not None:
                raise outcome.error
            if not has_room.is_set() and ready.qsize() <= few:
                has_room.set()
            yield outcome.value
    finally:
        is_over.set()
        has_room.set()
        # Who gave the items may go on with them.
        thread.join(timeout=_PATIENCE)


def computed_ahead(
    function: Callable[[int], Any], numbers: Iterable[int], workers: int, count: int, processes: bool = False
) -> Iterator[Any]:
    """Yield what a function gives for each number; up to `count` are computed by workers before they are asked for."""
    pool: Executor
    if processes:
        # A process that is forked from one with threads may never get a lock that one of these holds.
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_learn, initargs=(function,))
    else:
        pool = ThreadPoolExecutor(workers, thread_name_prefix="nnarray batches")
    waiting: deque[Any] = deque()
    try:
        for number in numbers:
            if len(waiting) == count:
                yield waiting.popleft().result()
            waiting.append(
                pool.submit(_recall, number) if processes else pool.submit(copy_context().run, function, number)
            )
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


#: In a worker process, the function that it was started for.
_learnt: list[Callable[[int], Any]] = []


def _learn(function: Callable[[int], Any]) -> None:
    _learnt[:] = [function]


def _recall(number: int) -> Any:
    return _learnt[0](number)
