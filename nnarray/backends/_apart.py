"""Running something out of the caller's traces and modes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


def apart(stages: tuple[tuple[str, Callable[[], Any]], ...]) -> tuple[tuple[str, Callable[[], Any]], ...]:
    """Return the stages of a probe, each but the import run in a thread of its own.

    A trace or a mode, such as that of ``jax.jit`` or of ``torch.device("meta")``, belongs to a thread. What fails
    within it says nothing of whether the library works.
    """
    return tuple((name, check if name == "import" else _in_own_thread(check)) for name, check in stages)


def _in_own_thread(check: Callable[[], Any]) -> Callable[[], Any]:
    def run() -> None:
        errors: list[BaseException] = []

        def body() -> None:
            try:
                check()
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=body, daemon=True)
        thread.start()
        thread.join()
        if errors:
            raise errors[0]

    return run
